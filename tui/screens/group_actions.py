"""What the keys of the queue do on a row that stands for a whole operation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from textual import work

from engine import OperationId, TransferId, TransferSnapshot, TransferState, View
from tui import format
from tui.keys import KeyAction, key_of
from tui.safe_text import display, middle
from tui.screens.base import ASK
from tui.screens.confirm import ConfirmScreen
from tui.screens.key_hints import KeyHints
from tui.widgets.group_rows import group_name
from tui.widgets.transfer_rows import WORDS

S = TransferState
_EVERYTHING = 1_000_000
"""Rows; more than a queue ever has."""
_MOST_MOVED = 500
"""Items that are moved one by one, each with a line in the journal."""
_MOVING = (S.QUEUED, S.RUNNING, S.FINISHING, S.WAITING)


class GroupActions(KeyHints):
    """As `QueueActions`; on a group, for all its items."""

    @property
    def _group(self) -> OperationId | None:
        """The operation under the cursor, if its row is the cursor's."""
        item = self.item
        return item.operation if item is not None and item.group is not None else None

    def _queue_label(self, entry: KeyAction) -> str | None:
        item = self.item
        if item is None or item.group is None:
            return super()._queue_label(entry)
        if entry.id == "queue.details":
            return "Close" if item.group.is_open else "Open"
        if entry.id == "queue.retry":
            return entry.label if item.group.count(S.FAILED, S.WAITING) else None
        if entry.id == "queue.answer":
            return entry.label if item.group.count(S.ATTENTION) else None
        return super()._queue_label(entry)

    # -- all of it ---------------------------------------------------------------------------------

    def action_queue_details(self) -> None:
        """Open the group, or close it."""
        group = self._group
        if group is None:
            super().action_queue_details()
        else:
            self.queue.table.toggle(group)
            self.tick()

    def action_queue_pause(self) -> None:
        """Pause what moves of the group; where nothing does, let go on what is paused."""
        item, group = self.item, self._group
        if item is None or item.group is None or group is None:
            super().action_queue_pause()
            return
        if item.group.count(*_MOVING) or item.group.is_planning:
            self.manager.pause_operation(group)
        elif item.group.count(S.PAUSED):
            self.manager.resume_operation(group)
        elif item.group.count(S.FAILED):
            self.tell(f"Nothing of it moves; {key_of('queue.retry')} tries again what failed")
        self.tick()

    def action_queue_retry(self) -> None:
        """Try again what failed or waits of the group."""
        item, group = self.item, self._group
        if item is None or item.group is None or group is None:
            super().action_queue_retry()
        elif not item.group.count(S.FAILED, S.WAITING):
            self.tell("Nothing of it failed, and nothing of it waits")
        else:
            self.manager.retry_operation(group)
            self.tick()

    def action_queue_cancel(self) -> None:  # type: ignore[override]
        """Cancel what is unfinished of the group, after asking."""
        item = self.item
        if item is None or item.group is None or item.state.is_final:
            super().action_queue_cancel()
        else:
            self._cancel_group(item)

    @work(group=ASK)
    async def _cancel_group(self, item: TransferSnapshot) -> None:
        facts = item.group
        assert facts is not None
        left = facts.items - facts.count(S.DONE, S.CANCELLED)
        counts = [
            f"{WORDS[state][0]} {facts.count(state):,}"
            for state in TransferState
            if not state.is_final and facts.count(state)
        ]
        lines = [" · ".join(counts)]
        if item.size > 0:
            lines.append(f"{format.size_long(max(0, item.size - item.bytes_done))} are still to be moved.")
        done = facts.count(S.DONE)
        stays = f" The {done:,} that are done stay." if done else ""
        lines += [
            f"What was moved of them is removed.{stays}",
            f"Esc changes nothing; {key_of('queue.pause')} would only pause them.",
        ]
        name = middle(group_name(item, 60), 34)
        title = f"Cancel {format.counted(left, 'unfinished item')} of {name}?"
        if await self.app.push_screen_wait(
            ConfirmScreen(title, lines, confirm_label="Cancel them", danger=True)
        ):
            self.manager.cancel_operation(item.operation)
            self.tick()

    def action_queue_answer(self) -> None:
        """A group asks nothing, its items do."""
        item = self.item
        if item is None or item.group is None:
            super().action_queue_answer()
        elif item.group.count(S.ATTENTION):
            self.queue.show_asking()
            self.tick()
        else:
            self.tell("Nothing of this asks anything")

    def action_queue_reveal(self) -> None:
        """Show where it goes."""
        item = self.item
        if item is not None and item.group is not None and not item.target:
            self.tell(f"{display(item.group.label)} goes nowhere")
        else:
            super().action_queue_reveal()

    # -- order -------------------------------------------------------------------------------------

    def action_queue_top(self) -> None:
        """The whole group before all others."""
        group = self._group
        if group is None:
            super().action_queue_top()
        else:
            self.manager.move_operation_to_top(group)
            self.queue.table.move_cursor(0)
            self.tick()

    def _move(self, by: int) -> None:
        """An item goes past a group as a whole, and stays among those of its own."""
        item, table = self.item, self.queue.table
        if item is None or item.state.is_final:
            return
        if item.group is not None:
            self._move_group(item, by)
            return
        beside = self.row_at(table.cursor + by)
        if beside is None or beside.state.is_final or (item.is_child != beside.is_child and item.is_child):
            return
        if beside.group is None and item.is_child == beside.is_child:
            super()._move(by)
            return
        self.manager.move_past(item.id, beside.operation, up=by < 0)
        near = table.cursor + by
        while by < 0 and near > 0 and (row := table.row(near)) is not None and row.is_child:
            near -= 1
        table.put_cursor_on(item.id, near)
        self.tick()

    def _move_group(self, group: TransferSnapshot, by: int) -> None:
        """A group goes past its neighbour, a group or a single item: the one with less left steps aside."""
        table = self.queue.table
        rows = self.manager.snapshot(0, _EVERYTHING, table.view, table.find, table.opened).rows
        blocks = list(_blocks(rows))
        here = next((at for at, block in enumerate(blocks) if block[0].id == group.id), None)
        if here is None or not 0 <= here + by < len(blocks):
            return
        there = blocks[here + by]
        if there[0].state.is_final:
            return
        own, others = self._unfinished(group), self._unfinished(there[0])
        if min(len(own), len(others)) > _MOST_MOVED:
            self.tell(f"Too many to move past each other; {key_of('queue.top')} puts the whole group first")
            return
        up = by < 0
        moved, past = (own, there[0]) if len(own) <= len(others) else (others, group)
        up = up if past is there[0] else not up
        other = past.id if past.group is None else past.operation
        # Each lands beside what it goes past: in this order they keep theirs.
        for id in moved if up else reversed(moved):
            self.manager.move_past(id, other, up=up)
        table.put_cursor_on(group.id, table.cursor + by * len(there))
        self.tick()

    def _unfinished(self, row: TransferSnapshot) -> list[TransferId]:
        """What is still to be done of a group, in its order; of a single item, that."""
        if row.group is None:
            return [row.id]
        rows = self.manager.snapshot(0, _EVERYTHING, View.ALL, "", {row.operation}).rows
        return [
            each.id
            for each in rows
            if each.is_child and each.operation == row.operation and not each.state.is_final
        ]

    def row_at(self, index: int) -> TransferSnapshot | None:
        """What stands in a row, also outside the window."""
        table = self.queue.table
        if index < 0:
            return None
        rows = self.manager.snapshot(index, 1, table.view, table.find, table.opened).rows
        return rows[0] if rows else None


def _blocks(rows: Iterable[TransferSnapshot]) -> Iterator[list[TransferSnapshot]]:
    """Each group with its items that are shown, each single item alone."""
    block: list[TransferSnapshot] = []
    for row in rows:
        if block and not row.is_child:
            yield block
            block = []
        block.append(row)
    if block:
        yield block
