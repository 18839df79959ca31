"""All items in their order, with sums over them, so that no question walks through the queue."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from engine.model import ItemKind, OperationId, Place, TransferId, TransferSpec, TransferState
from engine.snapshot import TransferSnapshot
from engine.transfer import Transfer

RANK_STEP = 1 << 20
"""Between two neighbours; so often can one be put between them before all ranks are given anew."""

MOST_FINISHED = 10_000
"""Finished items that stay on the screen; history on disk keeps as many."""

Key = tuple[ItemKind, Place, Place]

_UNSETTLED = tuple(state for state in TransferState if not state.is_settled)


class Sums:
    """Counts and bytes of a set of items."""

    __slots__ = ("bytes_finished", "bytes_parked", "bytes_total", "counts", "started_at", "verified")

    def __init__(self) -> None:
        self.counts: dict[TransferState, int] = dict.fromkeys(TransferState, 0)
        self.bytes_total = 0
        """Of items with a known size that are unfinished or DONE."""
        self.bytes_finished = 0
        """Of those, what DONE items hold."""
        self.bytes_parked = 0
        """Of those, what is confirmed of unfinished items that are not being worked on."""
        self.verified = 0

    @property
    def unsettled(self) -> int:
        """Items that may still move by themselves."""
        return sum(map(self.counts.__getitem__, _UNSETTLED))


class Roster:
    """The items of the queue. Every method is called with the queue's lock held; nothing here does I/O."""

    def __init__(self) -> None:
        self.items: dict[TransferId, Transfer] = {}
        """The unfinished ones."""
        self._order: list[tuple[int, TransferId]] = []
        """Sorted: rank and id of every unfinished item."""
        self._by_key: dict[Key, TransferId] = {}
        self.finished: deque[TransferSnapshot] = deque(maxlen=MOST_FINISHED)
        """Newest first; cleared by the user."""
        self.finished_ids: dict[TransferId, TransferSnapshot] = {}
        self.unsynced: dict[TransferId, int] = {}
        """Finished items by the number of their record, until it is known to be on disk."""
        self.sums = Sums()
        self.operations: dict[OperationId, Sums] = {}
        self.changes = 0
        """Grows with every change of order or state."""
        self._ids_cache: tuple[int, object, list[TransferId]] | None = None

    def __len__(self) -> int:
        return len(self._order)

    def __iter__(self) -> Iterator[Transfer]:
        return (self.items[id] for _, id in self._order)

    # -- coming and going --------------------------------------------------------------------------

    @property
    def last_rank(self) -> int:
        """Of the last item."""
        return self._order[-1][0] if self._order else 0

    def add(self, transfers: Sequence[Transfer]) -> None:
        """New items; their ranks say where."""
        for transfer in transfers:
            self.items[transfer.id] = transfer
            self._by_key[key_of(transfer.spec)] = transfer.id
            entry = (transfer.rank, transfer.id)
            if not self._order or entry > self._order[-1]:
                self._order.append(entry)
            else:
                insort(self._order, entry)
            self._count(transfer, transfer.state, 1)
            self.park(transfer, transfer.bytes_confirmed)
        self.changes += 1

    def find(self, spec: TransferSpec) -> Transfer | None:
        """The unfinished item that moves the same source to the same target."""
        id = self._by_key.get(key_of(spec))
        return self.items.get(id) if id is not None else None

    def adopt(self, transfer: Transfer, operation: OperationId) -> None:
        """A later operation asked for the same."""
        if operation != transfer.operation and operation not in transfer.also:
            transfer.also = (*transfer.also, operation)
            sums = self.operations.setdefault(operation, Sums())
            self._count_in(sums, transfer, transfer.state, 1)
            sums.bytes_parked += transfer.parked

    def park(self, transfer: Transfer, confirmed: int) -> None:
        """So many bytes of it are confirmed while nobody works on it; 0 from when somebody does."""
        by = confirmed - transfer.parked
        if by:
            transfer.parked = confirmed
            self.sums.bytes_parked += by
            for operation in (transfer.operation, *transfer.also):
                self.operations[operation].bytes_parked += by

    def respec(self, transfer: Transfer, spec: TransferSpec) -> None:
        """The same item, with what is known now."""
        self._count(transfer, transfer.state, -1)
        transfer.spec = spec
        self._count(transfer, transfer.state, 1)
        self.changes += 1

    def go(self, transfer: Transfer, state: TransferState) -> None:
        """Change an item's state, and the sums with it."""
        before = transfer.state
        if before is state:
            return
        transfer.go(state)
        self._count(transfer, before, -1)
        self._count(transfer, state, 1)
        self.changes += 1

    def finish(self, transfer: Transfer, row: TransferSnapshot) -> None:
        """It is DONE or CANCELLED: out of the order, to the top of the finished ones."""
        self.park(transfer, 0)
        del self.items[transfer.id]
        if self._by_key.get(key_of(transfer.spec)) == transfer.id:
            del self._by_key[key_of(transfer.spec)]
        entry = (transfer.rank, transfer.id)
        at = bisect_left(self._order, entry)
        del self._order[at]
        if len(self.finished) == MOST_FINISHED:
            self.finished_ids.pop(self.finished[-1].id, None)
        row = replace(row, saving=False)
        self.finished.appendleft(row)
        self.finished_ids[row.id] = row
        self.unsynced[row.id] = transfer.saved_seq
        self.changes += 1

    def synced_up_to(self, seq: int) -> None:
        """The journal is on disk up to here."""
        if self.unsynced:
            self.unsynced = {id: at for id, at in self.unsynced.items() if at > seq}

    def clear_finished(self) -> int:
        """Take them off the screen."""
        count = len(self.finished)
        self.finished.clear()
        self.finished_ids.clear()
        self.changes += 1
        return count

    # -- sums --------------------------------------------------------------------------------------

    def _count(self, transfer: Transfer, state: TransferState, by: int) -> None:
        self._count_in(self.sums, transfer, state, by)
        for operation in (transfer.operation, *transfer.also):
            self._count_in(self.operations.setdefault(operation, Sums()), transfer, state, by)

    @staticmethod
    def _count_in(sums: Sums, transfer: Transfer, state: TransferState, by: int) -> None:
        sums.counts[state] += by
        size = max(transfer.spec.size, 0)
        if state is not TransferState.CANCELLED:
            sums.bytes_total += by * size
        if state is TransferState.DONE:
            sums.bytes_finished += by * size
            if transfer.verified is not None:
                sums.verified += by

    # -- order -------------------------------------------------------------------------------------

    def index_of(self, transfer: Transfer) -> int:
        """Its place, from 0."""
        return bisect_left(self._order, (transfer.rank, transfer.id))

    def window(self, first: int, count: int) -> list[Transfer]:
        """Those at these places."""
        return [self.items[id] for _, id in self._order[first : first + count]]

    def place(self, transfer: Transfer, index: int) -> list[Transfer]:
        """Put it at another place; return the items whose rank changed."""
        entry = (transfer.rank, transfer.id)
        del self._order[bisect_left(self._order, entry)]
        index = max(0, min(index, len(self._order)))
        below = self._order[index - 1][0] if index else 0
        above = self._order[index][0] if index < len(self._order) else below + 2 * RANK_STEP
        self.changes += 1
        if above - below >= 2:
            transfer.rank = (below + above) // 2
            self._order.insert(index, (transfer.rank, transfer.id))
            return [transfer]
        self._order.insert(index, (below, transfer.id))
        changed = []
        for number, (_, id) in enumerate(self._order, 1):
            self.items[id].rank = number * RANK_STEP
            changed.append(self.items[id])
        self._order = [(item.rank, item.id) for item in changed]
        return changed

    def chosen(self, wanted: Iterable[TransferState], find: str) -> list[TransferId]:
        """Ids of unfinished items in these states whose source or target holds `find`; kept till a change."""
        states = frozenset(wanted)
        asked = (states, find)
        if self._ids_cache is not None and self._ids_cache[:2] == (self.changes, asked):
            return self._ids_cache[2]
        needle = find.casefold()
        found = [
            id
            for _, id in self._order
            if self.items[id].state in states and (not needle or matches(self.items[id].spec, needle))
        ]
        self._ids_cache = (self.changes, asked, found)
        return found


def key_of(spec: TransferSpec) -> Key:
    """What makes two items the same."""
    return spec.kind, spec.source, spec.target


def matches(spec: TransferSpec, needle: str) -> bool:
    """The source or the target holds the (casefolded) text."""
    return needle in str(spec.source).casefold() or needle in str(spec.target).casefold()
