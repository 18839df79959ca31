"""A pane that also shows what was found below its place, and lets the server narrow a long listing.

What was found are rows named by their path below the place, so that marks, copies and deletes act on
them as on any others.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from textual.content import Content
from textual.message import Message

from engine import Location, ObjectRef, Profile, Token, Wanted
from tui.find_words import server_head
from tui.keys import key_of
from tui.places import address, base_name, parent
from tui.ports import BrowserPort
from tui.safe_text import display, path_tail, width
from tui.widgets import pane_text
from tui.widgets.file_pane import FilePane
from tui.widgets.filter_line import FilterLine
from tui.widgets.line_table import Spans
from tui.widgets.pane_model import PaneModel
from tui.widgets.pane_reader import PaneReader

_WIDE = 58
"""Cells of a pane from which on there is room for whole sentences in its frame."""
LONG = 1000
"""Entries, one page of a server, from which on a listing is worth asking for again, narrowed."""


class FindingReader(PaneReader):
    """As `PaneReader`, but asks for what is wanted below the place, or for what begins with a text."""

    def __init__(self, browser: BrowserPort) -> None:
        super().__init__(browser)
        self.wanted: Wanted | None = None
        self.starting = ""

    def ask(self, location: Location, *, show_hidden: bool) -> Token:
        """See `PaneReader.ask`."""
        if self.wanted is not None:
            return self._browser.find(location, self.wanted)
        return self._browser.list(location, show_hidden=show_hidden, starting=self.starting)


class FindingPane(FilePane):
    """See the module."""

    class MarksLeft(Message):
        """Another place is shown than the one in which things are marked."""

        def __init__(self, pane: FindingPane, count: int, left: Location, *, comes_back: bool) -> None:
            self.pane, self.count, self.left, self.comes_back = pane, count, left, comes_back
            super().__init__()

    def __init__(
        self,
        browser: BrowserPort,
        profile_of: Callable[[Location], Profile | None],
        *,
        id: str,
        now: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(browser, profile_of, id=id, now=now)
        self._reader = self._finder = FindingReader(browser)
        self._words = ""
        """What was typed to find things."""
        self._left_marks: tuple[Location, set[str]] | None = None
        """The place that was last left with marks, and what was marked there."""

    # -- finding -----------------------------------------------------------------------------------

    def find(self, wanted: Wanted, words: str) -> None:
        """Show what is found below this place instead of what is in it."""
        self._leave_marks(None)
        self._leave(wanted, words)
        super().go(self.location)
        self.list.has_up = True

    def _leave(self, wanted: Wanted | None = None, words: str = "") -> None:
        self._finder.wanted, self._finder.starting, self._words = wanted, "", words
        self.is_finding = wanted is not None
        self._said = None

    def go(self, location: Location | None, *, focus: str = "") -> None:
        """Open a place; what was found is gone. Marks are those of one place: they are there again when it is."""
        self._leave_marks(location)
        self._leave()
        super().go(location, focus=focus)

    def _leave_marks(self, location: Location | None) -> None:
        count, here = self.model.marked_count, self.location
        if not count or here is None or here == location:
            return
        if not self.is_finding:
            self._left_marks = here, self.model.marked_tokens()
        self.post_message(self.MarksLeft(self, count, here, comes_back=not self.is_finding))

    def _poll(self, token: Token) -> None:
        super()._poll(token)
        if self._left_marks is None or self.is_reading or self.is_finding:
            return
        where, names = self._left_marks
        if where == self.location and self.problem is None:
            self._left_marks = None
            self.model.mark_tokens(names)
            self.marks_changed()

    def open_current(self) -> bool:
        """Go to where the found thing is; from ``..`` back to the place."""
        if not self.is_finding or self.location is None:
            return super().open_current()
        row = self.list.current
        if row is None:
            self.go(self.location)
            return True
        place = self.place_of(row)
        folder = parent(place)
        self.go(Location(folder or self.location.place, self.location.connection), focus=base_name(place))
        return True

    def go_up(self) -> None:
        """From what was found back to the place."""
        if self.is_finding:
            self.go(self.location)
        else:
            super().go_up()

    def escape(self) -> None:
        """As `FilePane.escape`; reading is stopped before the filter is given up, and last what was found."""
        if self.model.filter and self.stop():
            return
        is_narrowed = self.list.range_start is not None or self.filter_line.is_open or self.is_reading
        if self.is_finding and not is_narrowed and not self.model.marked_count:
            self.go(self.location)
        else:
            super().escape()

    def on_filter_line_left(self, event: FilterLine.Left) -> None:
        """Esc while names are still coming stops that; what matches so far stays."""
        if not event.keep and self.model.filter and self.stop():
            event.prevent_default()
            event.stop()

    # -- a long listing, narrowed by the server ------------------------------------------------------

    def set_filter(self, text: str) -> None:
        """Show only what matches; a server that is still listing is asked for only what can match."""
        super().set_filter(text)
        place = self.location.place if self.location is not None else None
        if self.is_finding or not isinstance(place, ObjectRef) or not place.bucket:
            return
        head, starting = server_head(text), self._finder.starting
        if starting and not head.startswith(starting):
            self._finder.starting = ""
            if self.model.marked_count:
                self.reload()  # Slower, but the marks are kept.
            else:
                self._read_anew("")
        elif (
            head and not starting and self.is_reading and self.scanned >= LONG and not self.model.marked_count
        ):
            # One letter less: a name that is the whole prefix is not listed below it.
            self._read_anew(head[:-1])

    def _read_anew(self, starting: str) -> None:
        assert self.location is not None
        self._finder.stop()
        self._finder.starting = starting
        self.list.model = PaneModel(self.sort, descending=self.descending, filter=self.model.filter)
        self.list.range_start = self._incoming = self.problem = None
        self.list.cursor, self.list.top, self.scanned = int(self.list.has_up), 0, 0
        self._read(self.location)

    # -- words around ------------------------------------------------------------------------------

    def _describe(self) -> None:
        super()._describe()
        if self.is_finding and self.location is not None:
            room = max(self.size.width - 4, 8)
            found = f"found {display(self._words)} in "
            where = path_tail(display(address(self.location)), max(room - width(found), 8))
            title = Content.assemble((found, "bold"), (where, "not bold"))
            if self.border_title != title:
                self.border_title = title

    def _facts(self) -> Spans:
        facts = super()._facts()
        if self.location is None or not (self.is_finding or self.model.filter):
            return facts
        said = match_words(
            len(self.model), self.scanned, reading=self.is_reading, wide=self.size.width >= _WIDE
        )
        if self.model.marked_count:
            return [*facts[:1], (said, ""), *[fact for fact in facts[1:] if fact[0] != "reading"]]
        return [(said, "bold"), *[fact for fact in facts[1:] if fact[0] != "reading"]]

    def _say(self, cells: int, room: int) -> list[Spans]:
        if not self.is_finding or self.location is None or self.problem is not None or self.model.filter:
            return super()._say(cells, room)
        if self.is_reading:
            return pane_text.reading(self.location, self.scanned, cells, room)
        return pane_text.no_match(self._words, self.scanned, True, cells, room)


def match_words(matched: int, scanned: int, *, reading: bool, wide: bool) -> str:
    """How many match of those that were looked at.

    >>> match_words(37, 120_000, reading=True, wide=True)
    'matched 37 of 120,000 scanned, Esc stops'
    >>> match_words(37, 120_000, reading=True, wide=False)
    'matched 37 of 120,000, Esc stops'
    >>> match_words(37, 120_000, reading=False, wide=True)
    'matched 37 of 120,000'
    """
    words = f"matched {matched:,} of {scanned:,}"
    if not reading:
        return words
    return f"{words}{' scanned' if wide else ''}, {key_of('pane.back')} stops"
