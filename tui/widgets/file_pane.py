"""One side of the screen: a place, its listing as it streams in, marks, filter and sort order.

The pane asks the browser for a listing and polls it by token; a listing that was asked for earlier is
dropped by its token. Keys always act on the place the title names: when another place is opened, the
old rows are gone at once, and only their picture stays for the moment until the first page is there.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message

from engine import Location, Place, Problem, Profile, Token
from tui import format, keys
from tui.places import base_name, child, parent
from tui.ports import BrowserPort
from tui.trail import Trail
from tui.widgets import pane_text
from tui.widgets.file_list import FileList
from tui.widgets.filter_line import FilterBar, FilterLine
from tui.widgets.free_space import FreeSpace
from tui.widgets.line_table import LineTable, Spans, in_border
from tui.widgets.pane_model import PaneModel, Row
from tui.widgets.pane_order import SortKey
from tui.widgets.pane_reader import PaneReader

_FIRST_POLLS = (0.004, 0.008, 0.016, 0.032)
"""Seconds between looks while nothing has come yet: a local folder is there within milliseconds."""
_POLL = 0.04
_WORK_SECONDS = 0.012
_AT_ONCE = 20_000
"""Rows that are sorted and filtered before they replace those of an earlier reading, so that none jumps."""


class FilePane(Vertical):
    """A pane. The screen tells it where to go and asks it what is chosen."""

    BINDINGS = keys.bindings(keys.Context.PANES)
    is_finding = False
    """The rows were found below the place, and are not what is in it."""

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
    ) -> None:
        super().__init__(id=id)
        self._profile_of = profile_of
        self.location: Location | None = None
        """What is shown; ``None`` where nothing is configured."""
        self.show_hidden = True
        self.sort, self.descending = SortKey.NAME, False
        self.list = FileList(now)
        self.filter_line = FilterLine(self.list, self.set_filter)
        self.problem: Problem | None = None
        self.scanned = 0
        self._reader = PaneReader(browser)
        self._incoming: PaneModel | None = None
        """The same place being read again, until it is complete: the old rows stay meanwhile."""
        self._polls = 0
        self._wanted, self._wanted_from, self._touched = "", 0, False
        self.trail = Trail()
        self._free = FreeSpace(browser)
        self._said: tuple[Content, Content] | None = None
        self._looked_for: list[str] = []
        self.takes_copies: Callable[[], bool] = lambda: True

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
        return self._reader.token is not None

    # -- going places ----------------------------------------------------------------------------

    def go(self, location: Location | None, *, focus: str = "") -> None:
        """Open a place.

        Args:
            focus: Name to put the cursor on when it arrives; by default where it was the last time.
        """
        if self.location is not None and (row := self.list.current) is not None:
            self.trail.remember(self.location.place, row.name)
        self._reader.stop()
        self.trail.visit(location)
        self.location, self.problem, self.scanned = location, None, 0
        self.list.model = PaneModel(self.sort, descending=self.descending)
        self.list.range_start = self._incoming = None
        self.list.has_up = location is not None and parent(location.place) is not None
        self.list.cursor = self.list.top = 0
        self.filter_line.close()
        self._wanted = focus or (self.trail.name_in(location.place) if location else "")
        self._wanted_from, self._touched = 0, False
        if location is not None:
            self._read(location)
            return
        self._free.look(None)
        self._looked_for = pane_text.credentials_looked_for()
        self._describe()
        self.list.refresh()

    def reload(self, *, focus: str = "") -> None:
        """Read the same place again; its rows stay until the new ones are there, then cursor (or that on
        the name `focus`), marks and filter are as they were."""
        if self.location is None:
            return
        self._incoming = PaneModel(self.sort, descending=self.descending, filter=self.model.filter)
        self._wanted = focus
        self._read(self.location)

    def _read(self, location: Location) -> None:
        self._polls = 0
        self._free.look(location)
        self._poll(self._reader.begin(location, show_hidden=self.show_hidden))

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
        if not self._reader.stop():
            return False
        if self._incoming is None and self.location is not None:
            self.problem = pane_text.stopped(self.location)
        self._incoming, self.model.complete = None, True
        self._after_change()
        return True

    def place_of(self, row: Row) -> Place:
        """Where this row is."""
        assert self.location is not None
        return child(self.location.place, row.name, folder=row.is_folder)

    # -- the listing as it comes -----------------------------------------------------------------

    def _poll(self, token: Token) -> None:
        if token != self._reader.token:
            return
        read = self._reader.look()
        filling = self.model if self._incoming is None else self._incoming
        held = self._held()
        for page in read.pages:
            filling.add_page(page)
        self._polls += 1
        if read.done:
            filling.complete = True
            self.problem = read.problem
            if self._incoming is not None:
                held = self._swap(self._incoming)
        self.scanned = max(read.scanned, filling.total)
        changed = self._work() | self._free.look(self.location)
        self._restore(held)
        if read.done or changed or (read.pages and self._incoming is None) or self._polls > len(_FIRST_POLLS):
            self._describe()
            self.list.refresh()
        if not read.done:
            waits = () if self._reader.has_pages else _FIRST_POLLS[self._polls - 1 :]
            self.set_timer(waits[0] if waits else _POLL, lambda: self._poll(token))
        else:
            self._work_on()

    def _swap(self, fresh: PaneModel) -> tuple[int, int] | None:
        """Show what was read anew in the place of what was there; returns the row to hold on to."""
        old, self._incoming = self.model, None
        row, line = self.list.current, self.list.cursor - self.list.top
        fresh.mark_tokens(old.marked_tokens())
        if fresh.filter != old.filter:
            fresh.set_filter(old.filter)
        fresh.set_sort(self.sort, descending=self.descending)
        self.list.model, self.list.range_start = fresh, None
        self._wanted_from = 0
        while fresh.is_busy and fresh.total <= _AT_ONCE:
            fresh.work()
        index = fresh.find(row.name) if row is not None else None
        return (index, line) if index is not None else None

    def _work_on(self) -> None:
        """Go on sorting and filtering between keystrokes."""
        if not self.is_reading and self.model.is_busy:
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

    @property
    def chosen_count(self) -> int:
        """How many rows `selection` gives."""
        return self.model.marked_count or int(self.list.current is not None)

    def selection(self, limit: int | None = None) -> list[Row]:
        """The (first) marked rows, else the one under the cursor."""
        if self.model.marked_count:
            return self.model.marked(limit)
        row = self.list.current
        return [row] if row is not None else []

    def toggle_mark(self) -> None:
        """Mark or unmark the current row and go down."""
        self.list.toggle_mark()
        self.marks_changed(redraw=False)

    def toggle_range(self) -> None:
        """Begin a range, or mark what is between its beginning and the cursor."""
        self.list.toggle_range()
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
                self.list.cursor, self.list.top = int(self.list.has_up), 0
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
        elif not self.filter_line.value:
            self.filter_line.close()

    def on_line_table_cursor_moved(self, event: LineTable.CursorMoved) -> None:
        """From now on the cursor is the user's."""
        self._wanted, self._touched = "", True

    # -- words around ----------------------------------------------------------------------------

    def _describe(self) -> None:
        """Set the words in the border, only if they are others: setting them redraws the pane."""
        room = max(self.size.width - 4, 8)
        if self.location is None:
            title = Content("no connection")
        else:
            where, extra = pane_text.title(self.location, self._profile_of(self.location), room)
            title = Content.assemble((where, "bold"), (extra, "not bold"))
        said = (title, in_border(self._facts(), room))
        if said != self._said:
            self._said = said
            self.border_title, self.border_subtitle = said
        self.set_class(self.problem is not None, "-problem")

    def _facts(self) -> Spans:
        if self.location is None:
            return []
        facts = pane_text.facts(self.model, self.problem, reading=self.is_reading)
        if self.list.range_start is not None:
            facts.insert(0, (f"{keys.key_of('pane.range')} ends the range", "$text-warning"))
        if self._free.bytes is not None:
            facts.append((f"{format.size(self._free.bytes)} free", ""))
        return facts

    def _say(self, cells: int, room: int) -> list[Spans]:
        model = self.model
        if self.location is None:
            return pane_text.nothing_configured(self._looked_for, cells, room)
        if model.total and model.filter:
            through = not self.is_reading and model.filtered_count == model.total
            return pane_text.no_match(model.filter, model.filtered_count, through, cells, room)
        if self.problem is not None:
            return pane_text.failed(self.location, self.problem, cells, room)
        if self.is_reading:
            return pane_text.reading(self.location, self.scanned, cells, room)
        return pane_text.empty(self.location, cells, room, takes_copies=self.takes_copies())

    def on_resize(self) -> None:
        """Titles are cut to the new width."""
        self._describe()

    def refresh_facts(self) -> None:
        """Called now and then: the free space may have changed."""
        if self._free.look(self.location):
            self._describe()
