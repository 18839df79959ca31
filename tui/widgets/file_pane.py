"""One side of the screen: a place, its listing as it streams in, marks, filter and sort order.

The pane asks the browser for a listing and polls it by token; a listing that was asked for earlier is
dropped by its token. Keys always act on the place the title names: when another place is opened, the
old rows are gone at once, and only their picture stays for the moment until the first page is there.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message

from engine import LocalRef, Location, Place, Problem, Profile
from tui import format, keys
from tui.places import base_name, child, parent
from tui.ports import BrowserPort
from tui.safe_text import cut, display
from tui.widgets import pane_text
from tui.widgets.file_list import FileList
from tui.widgets.filter_line import FilterBar, FilterLine
from tui.widgets.free_space import FreeSpace
from tui.widgets.line_table import LineTable, Spans
from tui.widgets.pane_model import PaneModel, Row, SortKey

_FIRST_POLLS = (0.004, 0.008, 0.016, 0.032)
_POLL = 0.04
_WORK_SECONDS = 0.012
_PAGES_AT_ONCE = 20


class FilePane(Vertical):
    """A pane. The screen tells it where to go and asks it what is chosen."""

    BINDINGS = keys.bindings(keys.Context.PANES)

    class Changed(Message):
        """Place, marks or rows changed: what is said about the pane elsewhere may be out of date."""

        def __init__(self, pane: FilePane) -> None:
            self.pane = pane
            super().__init__()

    def __init__(
        self,
        browser: BrowserPort,
        profile_of: Callable[[Location], Profile | None],
        *,
        id: str,
        now: Callable[[], float] = time.time,
        free: Callable[[str], int] | None = None,
    ) -> None:
        super().__init__(id=id)
        self._browser, self._profile_of = browser, profile_of
        self.location: Location | None = None
        """What is shown; ``None`` where nothing is configured."""
        self.show_hidden = True
        self.sort, self.descending = SortKey.NAME, False
        self.list = FileList(now)
        self.filter_line = FilterLine(self.list)
        self.problem: Problem | None = None
        self.scanned = 0
        self._token: int | None = None
        self._pages_had = 0
        self._polls = 0
        self._wanted = ""
        self._wanted_from = 0
        self._touched = False
        self._came_from: dict[Place, str] = {}
        self._free = FreeSpace(free)

    def compose(self) -> ComposeResult:
        """The list, and the filter's line while it is in use."""
        yield self.list
        yield FilterBar(self.filter_line)

    def on_mount(self) -> None:
        """Show what is known before anything was opened."""
        self.list.say = self._say
        self._describe()

    @property
    def model(self) -> PaneModel:
        """The rows."""
        return self.list.model

    @property
    def is_reading(self) -> bool:
        """A listing is under way."""
        return self._token is not None

    # -- going places ----------------------------------------------------------------------------

    def go(self, location: Location | None, *, focus: str = "", keep: bool = False) -> None:
        """Open a place.

        Args:
            focus: Name to put the cursor on when it arrives.
            keep: Keep marks and filter (for reading the same place again).
        """
        before, old = self.location, self.list.model
        if before is not None and (row := self.list.current) is not None:
            self._remember(before.place, row.name)
        if self._token is not None:
            self._browser.cancel(self._token)
        self.location, self.problem, self.scanned = location, None, 0
        model = PaneModel(self.sort, descending=self.descending, filter=old.filter if keep else "")
        if keep:
            model.keep_marks = old.marked_names()
        self.list.model, self.list.range_start = model, None
        self.list.has_up = location is not None and parent(location.place) is not None
        if not keep:
            self.filter_line.close()
        self._wanted = focus or (self._came_from.get(location.place, "") if location and not keep else "")
        self._wanted_from, self._touched = 0, False
        self._pages_had = self._polls = 0
        self.list.cursor = self.list.top = 0
        self._token = None
        if location is None:
            self._describe()
            self.list.refresh()
            return
        self._free.look(location.place)
        self._token = token = self._browser.list(location, show_hidden=self.show_hidden)
        self._poll(token)

    def reload(self) -> None:
        """Read the same place again; cursor, marks and filter stay."""
        row = self.list.current
        self.go(self.location, focus=row.name if row else "", keep=True)

    def open_current(self) -> bool:
        """Open what the cursor is on; false if it is not something to open."""
        if self.list.has_up and self.list.cursor == 0:
            self.go_up()
            return True
        row = self.list.current
        if row is None or not row.is_folder or self.location is None:
            return False
        self.go(Location(self.place_of(row), self.location.connection))
        return True

    def go_up(self) -> None:
        """Open the parent, with the cursor on where one came from."""
        if self.location is None or (up := parent(self.location.place)) is None:
            return
        connection = self.location.connection
        self.go(Location(up, connection), focus=base_name(self.location.place))

    def stop(self) -> bool:
        """Stop reading; what has come stays. False if nothing was under way."""
        if self._token is None:
            return False
        self._browser.cancel(self._token)
        self._token = None
        self.model.complete = True
        self._after_change()
        return True

    def place_of(self, row: Row) -> Place:
        """Where this row is."""
        assert self.location is not None
        return child(self.location.place, row.name, folder=row.is_folder)

    def _remember(self, place: Place, name: str) -> None:
        self._came_from.pop(place, None)
        self._came_from[place] = name
        if len(self._came_from) > 64:
            del self._came_from[next(iter(self._came_from))]

    # -- the listing as it comes -----------------------------------------------------------------

    def _poll(self, token: int) -> None:
        if token != self._token:
            return
        progress = self._browser.pages(token, after=self._pages_had)
        held = self._held()
        pages = progress.pages[:_PAGES_AT_ONCE]
        for page in pages:
            self.model.add_page(page)
        self._pages_had += len(pages)
        self.scanned = max(progress.scanned, self.model.total)
        if progress.done and len(pages) == len(progress.pages):
            self.problem = progress.problem
            self._token = None
            self.model.complete = True
            self._browser.cancel(token)
        changed = self._work()
        self._restore(held)
        self._polls += 1
        if pages or changed or self._token is None or self._polls > len(_FIRST_POLLS):
            self._describe()
            self.list.refresh()
        if self._token is not None:
            delays = _FIRST_POLLS[self._polls - 1 :] if not self._pages_had else ()
            self.set_timer(delays[0] if delays else _POLL, lambda: self._poll(token))
        elif self.model.is_busy:
            self._work_on()

    def _work_on(self) -> None:
        """Go on sorting and filtering between keystrokes."""
        if self._token is None and self.model.is_busy:
            self.set_timer(0.001, self._after_change)

    def _after_change(self) -> None:
        held = self._held()
        self._work()
        self._restore(held)
        self._describe()
        self.list.refresh()
        self._work_on()

    def _work(self) -> bool:
        end = time.perf_counter() + _WORK_SECONDS
        changed = False
        while self.model.is_busy:
            changed |= self.model.work()
            if time.perf_counter() >= end:
                break
        return changed

    def _held(self) -> tuple[int, int] | None:
        """The row under the cursor and its line, to find again after rows came in between."""
        index = self.list.current_index
        self._touched |= self.list.cursor > 0 and not self._wanted
        return (index, self.list.cursor - self.list.top) if index is not None and self._touched else None

    def _restore(self, anchor: tuple[int, int] | None) -> None:
        if self._wanted:
            index = self.model.find(self._wanted, start=self._wanted_from)
            self._wanted_from = self.model.total
            if index is not None:
                self._wanted = ""
                anchor = (index, self.list.page // 2)
        if anchor is not None:
            position = self.model.position(anchor[0])
            if position is not None:
                self.list.cursor = position + self.list.has_up
                self.list.top = self.list.cursor - anchor[1]
        self.list.clamp()

    # -- marks, filter, sort ---------------------------------------------------------------------

    def selection(self) -> list[Row]:
        """The marked rows, else the one under the cursor."""
        if self.model.marked_count:
            return self.model.marked()
        row = self.list.current
        return [row] if row is not None else []

    def toggle_mark(self) -> None:
        """Mark or unmark the current row and go down."""
        if (index := self.list.current_index) is not None:
            position = self.list.position(self.list.cursor)
            self.model.set_mark(index, position is not None and not self.model.is_marked(position))
        self.list.refresh_row(self.list.cursor)
        self.list.action_cursor_down()
        self.marks_changed(redraw=False)

    def toggle_range(self) -> None:
        """Begin a range, or mark what is between its beginning and the cursor."""
        if self.list.range_start is None:
            self.list.range_start = self.list.current_index
        else:
            self.model.mark_positions(self.list.range())
            self.list.range_start = None
        self.marks_changed()

    def marks_changed(self, *, redraw: bool = True) -> None:
        """Say and draw what is marked now."""
        self._describe()
        if redraw:
            self.list.refresh()
        self.post_message(self.Changed(self))

    def escape(self) -> None:
        """Undo the last thing that narrows or chooses: range, filter, reading, marks."""
        if self.list.range_start is not None:
            self.list.range_start = None
            self.marks_changed()
        elif self.filter_line.is_open:
            self.filter_line.close()
            self.set_filter("")
        elif not self.stop() and self.model.marked_count:
            self.model.mark_none()
            self.marks_changed()

    def set_filter(self, text: str) -> None:
        """Show only what matches."""
        if text != self.model.filter:
            self._touched = True
            held = self._held()
            self.model.set_filter(text)
            self._work()
            self._restore(held)
            if held is None or self.model.position(held[0]) is None:
                self.list.cursor = min(int(self.list.has_up), max(self.list.row_count - 1, 0))
                self.list.clamp()
            self._describe()
            self.list.refresh()
            self._work_on()

    def set_sort(self, sort: SortKey, *, descending: bool) -> None:
        """Sort by something else; the cursor stays on its row."""
        self._touched = True
        held = self._held()
        self.sort, self.descending = sort, descending
        self.model.set_sort(sort, descending=descending)
        self._restore(held)
        self._after_change()

    def on_filter_line_stepped(self, event: FilterLine.Stepped) -> None:
        """Arrow keys move the list while the filter is typed."""
        event.stop()
        getattr(self.list, f"action_{event.action}")()

    def on_filter_line_typed(self, event: FilterLine.Typed) -> None:
        """The filter acts while it is being typed."""
        event.stop()
        self.set_filter(event.text)

    def on_filter_line_left(self, event: FilterLine.Left) -> None:
        """Back to the list; with Esc all is shown again."""
        event.stop()
        if not event.keep:
            self.filter_line.close()
            self.set_filter("")
        elif not self.model.filter:
            self.filter_line.close()

    def on_line_table_cursor_moved(self, event: LineTable.CursorMoved) -> None:
        """From now on the cursor is the user's."""
        self._wanted, self._touched = "", True

    # -- words around ----------------------------------------------------------------------------

    def _describe(self) -> None:
        """Set the words in the border."""
        room = max(self.size.width - 4, 8)
        if self.location is None:
            self.border_title = Content("no connection")
        else:
            profile = self._profile_of(self.location)
            where, extra = pane_text.title(self.location, profile, room)
            self.border_title = Content.assemble((f"{where}", "bold"), (extra, "not bold"))
        self.border_subtitle = Content(cut(" · ".join(self._facts()), room))
        self.set_class(self.problem is not None, "-problem")

    def _facts(self) -> Iterable[str]:
        model = self.model
        if self.list.range_start is not None:
            yield "v ends the range"
        if model.marked_count:
            files = model.marked_count - model.marked_folders
            yield f"{model.marked_count:,} marked" + (
                f" {format.size_long(model.marked_bytes)}" if files else ""
            )
        elif model.filter:
            through = "" if model.filtered_count == model.total else ", looking"
            yield f"{len(model):,} of {model.total:,}{through}"
        elif self.location is not None and (model.total or self.problem is None):
            yield format.counted(model.total, "item")
        if self.is_reading:
            yield "reading"
        elif self.problem is not None and model.total:
            yield f"incomplete: {display(self.problem.why)}"
        if self.sort is not SortKey.NAME or self.descending:
            yield f"by {self.sort.value} {'▾' if self.descending else '▴'}"
        if self.location is not None and isinstance(self.location.place, LocalRef) and self._free.known:
            yield f"{format.size(self._free.bytes)} free"

    def _say(self, cells: int, room: int) -> list[Spans]:
        model = self.model
        if self.location is None:
            return pane_text.nothing_configured(cells, room)
        if model.total and model.filter:
            through = not self.is_reading and model.filtered_count == model.total
            return pane_text.no_match(model.filter, model.filtered_count, through, cells, room)
        if self.problem is not None:
            return pane_text.failed(self.location, self.problem, cells, room)
        if self.is_reading:
            return pane_text.reading(self.location, self.scanned, cells, room)
        return pane_text.empty(self.location, cells, room)

    def on_resize(self) -> None:
        """Titles are cut to the new width."""
        self._describe()

    def refresh_facts(self) -> None:
        """Called now and then: the free space may have changed."""
        if self.location is not None and self._free.look(self.location.place):
            self._describe()
