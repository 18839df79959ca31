"""The rows of a window of the queue: items alone, or under their operations."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace

from engine.model import ItemKind, OperationId, TransferId, TransferState
from engine.queue.core import Core
from engine.queue.groups import Group, Line
from engine.queue.labels import split_label
from engine.queue.putting_off import UNDO
from engine.queue.roster import Sums
from engine.snapshot import GroupFacts, TransferSnapshot, View, Waiting
from engine.transfer import Transfer

S = TransferState

RowOf = Callable[[Core, Transfer], TransferSnapshot]

_TELLING = (
    (S.RUNNING, (S.RUNNING, S.FINISHING)),
    (S.ATTENTION, (S.ATTENTION,)),
    (S.WAITING, (S.WAITING,)),
    (S.QUEUED, (S.QUEUED,)),
    (S.PAUSED, (S.PAUSED,)),
    (S.FAILED, (S.FAILED,)),
    (S.DONE, (S.DONE,)),
)
"""The state of a whole operation: the first of which it has an item."""


class Rows:
    """Every method is called with the core's lock held, and costs what is seen and what is under way."""

    def __init__(self, core: Core, row_of: RowOf) -> None:
        self._core, self._row_of = core, row_of
        self._matching: tuple[int, str, list[TransferSnapshot]] = (-1, "", [])
        """What has ended and matches a search, kept until something more ends."""

    # -- items alone -------------------------------------------------------------------------------

    def flat(self, first: int, count: int, view: View, find: str) -> tuple[tuple[TransferSnapshot, ...], int]:
        """The items of a view at these places, and how many it has."""
        core, roster = self._core, self._core.roster
        chosen, unfinished = roster.window(view, find, first, count)
        rows = [self._row_of(core, transfer) for transfer in chosen]
        finished = self._finished(view, find)
        start = max(0, first - unfinished)
        for index in range(start, min(start + count - len(rows), len(finished))):
            rows.append(self._ended(finished[index]))
        return tuple(rows), unfinished + len(finished)

    def _finished(self, view: View, find: str) -> Sequence[TransferSnapshot]:
        roster = self._core.roster
        if not view.shows(S.DONE):
            return []
        if not find:
            return roster.finished
        if self._matching[:2] != (roster.ended, find):
            needle = find.casefold()
            found = [
                row
                for row in roster.finished
                if needle in row.source.casefold() or needle in row.target.casefold()
            ]
            self._matching = (roster.ended, find, found)
        return self._matching[2]

    def _ended(self, row: TransferSnapshot) -> TransferSnapshot:
        return replace(row, saving=True) if row.id in self._core.roster.unsynced else row

    # -- under their operations ----------------------------------------------------------------------

    def grouped(
        self, first: int, count: int, opened: Collection[OperationId]
    ) -> tuple[tuple[TransferSnapshot, ...], int]:
        """One row for each operation of several items, and its items below it where it is opened."""
        lines, total = self._core.roster.groups.window(first, count, opened)
        moving: Mapping[OperationId, tuple[int, float]] | None = None
        rows = []
        for line in lines:
            if line.item is None and line.row is None:
                if moving is None:
                    moving = self._moving()
                rows.append(self._group(line.group, moving, is_open=line.group.id in opened))
            else:
                rows.append(self._item(line))
        return tuple(rows), total

    def _item(self, line: Line) -> TransferSnapshot:
        if line.row is not None:
            row = self._ended(line.row)
        else:
            assert line.item is not None
            row = self._row_of(self._core, self._core.roster.items[line.item])
        return replace(row, is_child=True) if line.is_child else row

    def _moving(self) -> dict[OperationId, tuple[int, float]]:
        """Of each operation: bytes done of what is being worked on, and bytes per second."""
        found: dict[OperationId, tuple[int, float]] = {}
        for transfer in self._core.scheduler.active:
            run = transfer.run
            is_moving = run is not None and transfer.state in (S.RUNNING, S.FINISHING)
            rate = run.meter.bytes_per_second if run is not None and is_moving else 0.0
            for id in (transfer.operation, *transfer.also):
                done, speed = found.get(id, (0, 0.0))
                found[id] = done + transfer.bytes_done, speed + rate
        return found

    def _group(
        self, group: Group, moving: Mapping[OperationId, tuple[int, float]], *, is_open: bool
    ) -> TransferSnapshot:
        core = self._core
        sums = core.roster.operations[group.id]
        operation = core.operations.get(group.id)
        under_way, rate = moving.get(group.id, (0, 0.0))
        done = min(sums.bytes_finished + sums.bytes_parked + under_way, sums.bytes_total)
        kind = self._kind_of(group)
        label = operation.label if operation is not None else kind.value
        source, target = split_label(label)
        left = sums.bytes_total - done
        return TransferSnapshot(
            id=TransferId(group.id),
            operation=group.id,
            kind=kind,
            state=state_of(sums),
            source=source,
            target=target,
            size=sums.bytes_total,
            bytes_done=done,
            bytes_confirmed=sums.bytes_finished + sums.bytes_parked,
            bytes_per_second=rate,
            eta=left / rate if rate >= 1 and left else None,
            waiting=self._undoable(group) if kind is ItemKind.DELETE else None,
            group=GroupFacts(
                label=label,
                counts={state: count for state, count in sums.counts.items() if count},
                is_open=is_open,
                is_planning=operation is not None and operation.is_planning,
                has_problem=operation is not None and operation.problem is not None,
            ),
        )

    def _undoable(self, group: Group) -> Waiting | None:
        """The countdown of a deletion that can be taken back: that of its first item."""
        first = group.unfinished.first
        row = self._row_of(self._core, self._core.roster.items[first[1]]) if first is not None else None
        return row.waiting if row is not None and row.waiting and row.waiting.reason == UNDO else None

    def _kind_of(self, group: Group) -> ItemKind:
        first = group.unfinished.first
        return self._core.roster.items[first[1]].spec.kind if first is not None else group.finished[0].kind


def state_of(sums: Sums) -> TransferState:
    """The state that says most about a set of items."""
    return next((state for state, among in _TELLING if any(sums.counts[each] for each in among)), S.CANCELLED)
