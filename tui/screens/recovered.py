"""What came back at the start: the items that went on by themselves, and what their buckets keep unfinished."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual import work
from textual.binding import Binding, BindingType

from engine import (
    ConnectionId,
    ItemKind,
    Location,
    ObjectRef,
    TransferOptions,
    TransferSnapshot,
    TransferState,
)
from tui import format, places
from tui.keys import key_of
from tui.ports import ManagerPort
from tui.screens.confirm import ConfirmScreen
from tui.screens.details import TransferDetailsScreen
from tui.screens.unfinished import UnfinishedScreen
from tui.unfinished import Heading, ItemRow, Row, UploadRow

S = TransferState

MOST_ITEMS = 200
"""Items that are listed; all of them are in the queue."""
_ALL = 1_000_000
_MOST_BUCKETS = 5
"""Buckets that are looked into."""
_LOOKS = 5
"""Looks at what the server says for one at the items, which takes the queue's lock."""


class RecoveredScreen(UnfinishedScreen):
    """The items first, then the incomplete uploads of the buckets they go to."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("p", "pause", show=False),
        Binding("P", "pause_all", show=False),
        Binding("X", "discard_all", show=False),
    ]
    HINTS = "Space mark · a all · p pause · x discard, abort · P X all · Esc back"

    def __init__(
        self, manager: ManagerPort, now: Callable[[], float], *, folder: str, options: TransferOptions
    ) -> None:
        self._items: tuple[TransferSnapshot, ...] = manager.resumed(MOST_ITEMS)
        self._resumed = manager.snapshot(0, 0).health.recovered
        """How many there were, listed or not."""
        self._looks = 0
        locations = targets_of(manager, self._items)
        super().__init__(manager, locations, "Resumed at the start", now, folder=folder, options=options)

    # -- showing -----------------------------------------------------------------------------------

    def look(self, *, force: bool = False) -> None:
        """Also at the items."""
        self._looks += 1
        if force or self._looks % _LOOKS == 0:
            before, self._items = self._items, self.manager.resumed(MOST_ITEMS)
            force = force or self._items != before
        super().look(force=force)

    @property
    def _is_long(self) -> bool:
        """Not all are listed."""
        return self._resumed > len(self._items) == MOST_ITEMS

    def make_rows(self) -> list[Row]:
        """Items, then uploads bucket by bucket, each under its heading."""
        rows: list[Row] = [ItemRow(item) for item in self._items]
        if self._is_long:
            rows.append(
                Heading(
                    f"The first of them are listed; the queue ({key_of('app.queue')}) has all",
                    has_columns=False,
                )
            )
        for reading in self.readings:
            found = self.rows_of(reading)
            if found:
                rows.append(Heading(f"Incomplete uploads to {places.address(reading.location)}"))
                rows += found
        return rows

    def make_words(self) -> str:
        """There is something to see in any case: only problems are worth words."""
        if not self.list.rows:
            return "Nothing had to be resumed when this program started."
        problems = [reading.problem for reading in self.readings if reading.problem is not None]
        return "\n".join(dict.fromkeys(map(str, problems)))

    def sums(self) -> str:
        """How much of it is still to be done; what the uploads keep."""
        if self.list.marks:
            items = [
                row.item for row in self.list.rows if isinstance(row, ItemRow) and row.key in self.list.marks
            ]
            return f"{format.counted(len(items), 'transfer')} marked" if items else super().sums()
        left = [item for item in self._items if not item.state.is_final]
        size = sum(max(item.size - item.bytes_confirmed, 0) for item in left)
        some = f"{len(left):,} of " if self._is_long else ""
        count = self._resumed if self._is_long else len(left)
        words = f"{some}{format.counted(count, 'transfer')} resumed, {format.size_long(size)} left"
        paused = sum(item.state is S.PAUSED for item in left)
        words += f", {paused:,} paused" if paused else ""
        strange = [row.upload for row in self.list.rows if isinstance(row, UploadRow) and row.own is None]
        if strange:
            kept = format.size_long(sum(upload.bytes or 0 for upload in strange))
            words += f" · {format.counted(len(strange), 'other upload')} on the server, {kept}"
        return words

    # -- keys --------------------------------------------------------------------------------------

    def action_details(self) -> None:
        """All that is known of the row."""
        row = self.list.current
        if isinstance(row, ItemRow):
            self.app.push_screen(TransferDetailsScreen(self.manager, row.item.id))
        else:
            super().action_details()

    def _chosen_items(self) -> list[TransferSnapshot]:
        return [row.item for row in self.list.chosen if isinstance(row, ItemRow)]

    def action_pause(self) -> None:
        """Pause the marked items or the current one; where all are paused, let them go on."""
        self._pause(self._chosen_items())

    def action_pause_all(self) -> None:
        """The same with every item."""
        self._pause(self.manager.resumed(_ALL))

    def _pause(self, items: Sequence[TransferSnapshot]) -> None:
        pausable = [item for item in items if item.state.can_pause]
        paused = [item for item in items if item.state is S.PAUSED]
        for item in pausable:
            self.manager.pause(item.id)
        for item in () if pausable else paused:
            self.manager.resume(item.id)
        if not pausable and not paused:
            self.say("Only transfers that are under way can be paused")
        self.look(force=True)

    @work(group="ask")
    async def action_abort(self) -> None:
        """Discard the chosen items, and abort the chosen uploads; each after asking."""
        rows = self.list.chosen
        items = [row.item for row in rows if isinstance(row, ItemRow)]
        uploads = [row for row in rows if isinstance(row, UploadRow)]
        if items:
            await self._discard(items)
        if uploads:
            await self.abort(uploads)

    @work(group="ask")
    async def action_discard_all(self) -> None:
        """Discard every item that came back."""
        await self._discard(self.manager.resumed(_ALL))

    async def _discard(self, items: Sequence[TransferSnapshot]) -> None:
        alive = [item for item in items if not item.state.is_final]
        if not alive:
            self.say("That is finished already")
            return
        moved = sum(item.bytes_confirmed for item in alive)
        left = sum(max(item.size - item.bytes_confirmed, 0) for item in alive)
        lines = [f"{format.size_long(left)} are not moved; the sources stay as they are."]
        if moved:
            lines.insert(0, f"What was moved of it, {format.size_long(moved)}, is removed.")
        title = f"Discard {format.counted(len(alive), 'transfer')}?"
        if await self.app.push_screen_wait(
            ConfirmScreen(title, lines, confirm_label=f"Discard {len(alive):,}", danger=True)
        ):
            for item in alive:
                self.manager.cancel(item.id)
            self.list.marks = set()
            self.say(f"{format.counted(len(alive), 'transfer')} discarded")
            self.action_read_again()


def targets_of(manager: ManagerPort, items: Sequence[TransferSnapshot]) -> list[Location]:
    """The buckets that these items write to."""
    found: dict[Location, None] = {}
    for item in items:
        if item.kind not in (ItemKind.UPLOAD, ItemKind.COPY) or not item.target.startswith(places.SCHEME):
            continue
        bucket = item.target[len(places.SCHEME) :].partition("/")[0]
        detail = manager.detail(item.id)
        if detail is not None and detail.connection:
            found[Location(ObjectRef(bucket), ConnectionId(detail.connection))] = None
        if len(found) >= _MOST_BUCKETS:
            break
    return list(found)
