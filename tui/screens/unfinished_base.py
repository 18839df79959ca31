"""What the views of unfinished work share: reading uploads of several places, the list, the sums, marks.

Uploads come page by page and their parts are counted beside that; the list is usable meanwhile.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from engine import (
    Location,
    ObjectRef,
    OwnUpload,
    Problem,
    Token,
    UploadsFound,
)
from tui.ports import ManagerPort
from tui.safe_text import cut, display, path_tail
from tui.screens.details import DetailsScreen
from tui.screens.dialog import ClosesOnce
from tui.unfinished import SORTS, ItemRow, Row, UploadRow, at_least, total_words, upload_pairs, upload_rows
from tui.widgets.unfinished_list import UnfinishedList

POLL = 0.1
"""Seconds between looks at what has come."""
_OWN_EVERY = 1.0
"""Seconds between two questions to the queue, which looks through all of its items for the answer."""
_NOTHING = (
    "Nothing is kept here of uploads that were begun and not ended.\n"
    "(Some servers, MinIO among them, list them only for the whole key of one object.)"
)


class Reading:
    """The question for the uploads of one place, and what has come of it."""

    def __init__(self, manager: ManagerPort, location: Location) -> None:
        self._browser, self.location = manager.browser, location
        self.found = UploadsFound()
        self.problem: Problem | None = None
        self._token: Token | None = None
        self.ask()

    @property
    def prefix(self) -> str:
        """What the keys of all these uploads begin with."""
        return self.location.place.key if isinstance(self.location.place, ObjectRef) else ""

    @property
    def is_done(self) -> bool:
        """Nothing more will come."""
        return self._token is None

    def ask(self) -> None:
        """Ask (again)."""
        self.stop()
        self.found, self.problem = UploadsFound(), None
        self._token = self._browser.incomplete_uploads(self.location)

    def look(self) -> bool:
        """Take what has come; true if anything is new."""
        if self._token is None:
            return False
        before = self.found, self.problem
        answer = self._browser.answer(self._token)
        if isinstance(answer.value, UploadsFound):
            self.found = answer.value
        if answer.done:
            self.problem = answer.problem
            self.stop()
            return True
        return (self.found, self.problem) != before

    def stop(self) -> None:
        """Wait for nothing more."""
        if self._token is not None:
            self._browser.cancel(self._token)
            self._token = None


class UnfinishedBase(ClosesOnce[None]):
    """A frame with the sums, the list, and its keys."""

    CSS_PATH = "unfinished.tcss"
    HINTS = ""
    """The keys, in the frame."""

    def __init__(
        self, manager: ManagerPort, locations: Sequence[Location], title: str, now: Callable[[], float]
    ) -> None:
        super().__init__()
        self.manager, self._now, self._what = manager, now, title
        self.list = UnfinishedList(now)
        self._facts = Static("", markup=False, id="facts")
        self.readings = [Reading(manager, location) for location in locations]
        self._sort = SORTS[0]
        self._doing = ""
        """What is being done right now, instead of the sums."""
        self._stopped = False
        """Esc: stop what is being done."""
        self._owned: tuple[OwnUpload, ...] = ()
        self._owned_at = 0.0
        """Monotonic time at which the queue was asked for its own."""

    def compose(self) -> ComposeResult:
        """A frame around it all."""
        with Vertical(id="frame") as frame:
            yield self._facts
            yield self.list
        frame.border_title = Content(path_tail(display(self._what), 72))
        frame.border_subtitle = Content(self.HINTS)

    def on_mount(self) -> None:
        """Look now and then."""
        self.list.focus()
        self.look(force=True)
        self.set_interval(POLL, self.look)

    def on_unmount(self) -> None:
        """Whatever is still on its way is not waited for."""
        for reading in self.readings:
            reading.stop()

    # -- showing -----------------------------------------------------------------------------------

    def look(self, *, force: bool = False) -> None:
        """Show what has come."""
        news = [reading.look() for reading in self.readings]
        if self._others_changed() or any(news) or force:
            self.list.show(self.make_rows())
            self.list.say(self.make_words())
        self.describe()

    def _others_changed(self) -> bool:
        """What the queue says of these uploads is new."""
        now = time.monotonic()
        if now - self._owned_at < _OWN_EVERY or not any(reading.found.uploads for reading in self.readings):
            return False
        self.list.refresh()  # Ages grow.
        before, self._owned_at = self._owned, now
        self._owned = self.manager.own_uploads()
        if {own.upload_id for own in before} - {own.upload_id for own in self._owned}:
            self.read_again()  # An item ended, and with it its upload, or it let go of that.
        return self._owned != before

    def make_rows(self) -> list[Row]:
        """What to show."""
        rows: list[Row] = []
        for reading in self.readings:
            rows += self.rows_of(reading)
        return rows

    def rows_of(self, reading: Reading) -> list[UploadRow]:
        """The uploads of one place."""
        connection = reading.location.connection
        if connection is None or not reading.found.uploads:
            return []
        return upload_rows(reading.found, connection, reading.prefix, self._owned, self._sort)

    def make_words(self) -> str:
        """What to say below the rows: what could not be read, or that there is nothing."""
        problems = [str(reading.problem) for reading in self.readings if reading.problem is not None]
        problems += [
            next(str(each.problem) for each in reading.found.uploads if each.problem is not None)
            for reading in self.readings
            if reading.is_done and any(each.problem is not None for each in reading.found.uploads)
        ]
        if problems:
            return "\n".join(dict.fromkeys(problems))
        is_done = all(reading.is_done for reading in self.readings)
        return _NOTHING if is_done and self.readings and not self.list.rows else ""

    def describe(self) -> None:
        """The sums above the list."""
        self._facts.update(Content(cut(self._doing or self.sums(), max(self.size.width - 4, 10))))

    def sums(self) -> str:
        """How much of what."""
        chosen = [row for row in self.list.rows if row.key in self.list.marks]
        if chosen:
            uploads = [row.upload for row in chosen if isinstance(row, UploadRow)]
            size = sum(each.bytes or 0 for each in uploads)
            unknown = sum(each.bytes is None for each in uploads)
            return f"{len(chosen):,} marked, {at_least(size, unknown)}"
        if any(reading.problem is not None for reading in self.readings):
            return "the incomplete uploads could not be listed"
        uploads = [upload for reading in self.readings for upload in reading.found.uploads]
        is_listed = all(reading.found.is_listed or reading.is_done for reading in self.readings)
        order = f" · by {self._sort}" if self._sort != SORTS[0] else ""
        return total_words(uploads, is_listed=is_listed) + order

    # -- keys --------------------------------------------------------------------------------------

    def action_close(self) -> None:
        """Stop what is being done; else back."""
        if self._doing:
            self._stopped = True
        else:
            self.dismiss()

    def action_mark(self) -> None:
        """Mark the row, and go down."""
        self.list.toggle(self.list.current)
        self.list.action_cursor_down()
        self.describe()

    def action_mark_all(self) -> None:
        """Every row of the kind under the cursor; of uploads only those that are not the queue's."""
        kind = ItemRow if isinstance(self.list.current, ItemRow) else UploadRow
        self.list.marks = {
            row.key
            for row in self.list.rows
            if isinstance(row, kind) and not (isinstance(row, UploadRow) and row.own is not None)
        }
        self.list.refresh()
        self.describe()

    def action_mark_none(self) -> None:
        """Take all marks off."""
        self.list.marks = set()
        self.list.refresh()
        self.describe()

    def action_sort(self) -> None:
        """By key, age, bytes."""
        self._sort = SORTS[(SORTS.index(self._sort) + 1) % len(SORTS)]
        self.look(force=True)

    def action_details(self) -> None:
        """All that is known of the row, in full length."""
        row = self.list.current
        if isinstance(row, UploadRow):
            self.app.push_screen(DetailsScreen("Incomplete upload", upload_pairs(row)))

    def on_line_table_opened(self) -> None:
        """A double click is Enter."""
        self.action_details()

    def action_read_again(self) -> None:
        """Ask the server anew."""
        self.read_again()
        self.look(force=True)

    def read_again(self) -> None:
        """Ask for the uploads of every place anew."""
        for reading in self.readings:
            reading.ask()

    # -- doing -------------------------------------------------------------------------------------

    @property
    def is_busy(self) -> bool:
        """Something is being done, which Esc stops."""
        return bool(self._doing)

    def do(self, words: str) -> bool:
        """Say what is being done instead of the sums, or ("") that nothing is; true if Esc has been pressed meanwhile."""
        if not words or not self._doing:
            self._stopped = False
        self._doing = words
        self.describe()
        return self._stopped

    def say(self, text: str, *, bad: bool = False) -> None:
        """A notice that goes away by itself; from outside is made safe."""
        self.notify(
            display(text), severity="error" if bad else "information", timeout=10 if bad else 4, markup=False
        )
