"""Taking back a deletion that has not begun."""

from __future__ import annotations

from itertools import islice

from engine.model import ItemKind, OperationId, TransferState
from engine.queue.item_limits import LimitCommands
from engine.queue.labels import split_label
from engine.snapshot import Undone

S = TransferState

_REMEMBERED = 50
"""Finished items among which the newest deletion is looked for, to say that it cannot be taken back."""


class UndoCommands(LimitCommands):
    """As `LimitCommands`."""

    def undo_delete(self) -> Undone:
        """Take back the newest deletion of which something has not begun."""
        core = self._core
        with core.lock:
            while core.put_off:
                id = core.put_off.pop()
                undone = self._undo(id)
                if undone is not None:
                    return undone
            return self._nothing()

    def _undo(self, id: OperationId) -> Undone | None:
        core = self._core
        operation = core.operations.get(id)
        waiting, under_way = [], 0
        for item in core.roster.items_of(id):
            if item.run is not None:
                under_way += 1
            elif item.state in (S.WAITING, S.QUEUED):
                waiting.append(item.id)
        if not waiting and not (operation is not None and operation.is_planning):
            return None
        sums = core.roster.operations[id]
        what = split_label(operation.label)[0] if operation is not None else ""
        undone = Undone(what, len(waiting), under_way, sums.counts[S.DONE])
        self.cancel_operation(id)
        return undone

    def _nothing(self) -> Undone:
        """Say of the newest deletion that it is done, or under way."""
        core = self._core
        for item in core.scheduler.active:
            if item.spec.kind is ItemKind.DELETE and item.state is S.RUNNING:
                return Undone(str(item.spec.source))
        for row in islice(core.roster.finished, _REMEMBERED):
            if row.kind is ItemKind.DELETE and row.state is S.DONE:
                return Undone(row.source, gone=1, note=row.note)
        return Undone()
