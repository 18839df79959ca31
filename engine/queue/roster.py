"""All items in their order, with sums over them, so that no question walks through the queue."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence

from engine.model import ItemKind, OperationId, Place, TransferId, TransferSpec, TransferState
from engine.queue.groups import Groups
from engine.queue.ranked import Entry, Ranked
from engine.snapshot import TransferSnapshot, View
from engine.transfer import Transfer

RANK_STEP = 1 << 20
"""Between two neighbours; so often can one be put between them before all ranks are given anew."""

MOST_FINISHED = 10_000
"""Finished items that stay on the screen; history on disk keeps as many."""

_Way = tuple[ItemKind, Place]
"""What is done with a source, and where to."""

_UNSETTLED = tuple(state for state in TransferState if not state.is_settled)


class Sums:
    """Counts and bytes of a set of items."""

    __slots__ = (
        "bytes_failed",
        "bytes_finished",
        "bytes_parked",
        "bytes_total",
        "counts",
        "started_at",
        "verified",
    )

    def __init__(self) -> None:
        self.counts: dict[TransferState, int] = dict.fromkeys(TransferState, 0)
        self.bytes_total = 0
        """Of items with a known size that are unfinished or DONE, and that move bytes: no deletions."""
        self.bytes_finished = 0
        """Of those, what DONE items hold."""
        self.bytes_parked = 0
        """Of those, what is confirmed of unfinished items that are not being worked on."""
        self.bytes_failed = 0
        """Of those, what is not confirmed of FAILED items: nothing moves it by itself."""
        self.verified = 0

    @property
    def unsettled(self) -> int:
        """Items that may still move by themselves."""
        return sum(map(self.counts.__getitem__, _UNSETTLED))


def _moved_bytes(transfer: Transfer) -> int:
    """Its share of `Sums.bytes_total`: its size, if that is known; a deletion moves nothing."""
    return max(transfer.spec.size, 0) if transfer.spec.kind is not ItemKind.DELETE else 0


class Roster:
    """The items of the queue. Every method is called with the queue's lock held; nothing here does I/O."""

    def __init__(self) -> None:
        self.items: dict[TransferId, Transfer] = {}
        """The unfinished ones."""
        self._order = Ranked()
        """Every unfinished item."""
        self._views = {view: Ranked() for view in View}
        """The same, by the view that they belong to beside `View.ALL`."""
        self._search: Search | None = None
        """What was looked for last."""
        self.groups = Groups()
        self._by_source: dict[Place, TransferId | dict[_Way, TransferId]] = {}
        """The unfinished ones by their source; where it is that of several, by what becomes of it too."""
        self.finished: deque[TransferSnapshot] = deque(maxlen=MOST_FINISHED)
        """Newest first; cleared by the user."""
        self.finished_ids: dict[TransferId, TransferSnapshot] = {}
        self.unsynced: dict[TransferId, int] = {}
        """Finished items by the number of their record, until it is known to be on disk."""
        self.sums = Sums()
        self.operations: dict[OperationId, Sums] = {}
        self.changes = 0
        """Grows with every change of order or state."""
        self.ended = 0
        """Grows with every change of what has ended."""

    def __len__(self) -> int:
        return len(self._order)

    def __iter__(self) -> Iterator[Transfer]:
        return (self.items[id] for _, id in self._order)

    # -- coming and going --------------------------------------------------------------------------

    @property
    def last_rank(self) -> int:
        """Of the last item."""
        last = self._order.last
        return last[0] if last is not None else 0

    @property
    def first_rank(self) -> int:
        """Of the first item."""
        first = self._order.first
        return first[0] if first is not None else 0

    def add(self, transfers: Sequence[Transfer]) -> None:
        """New items; their ranks say where."""
        for transfer in transfers:
            self.items[transfer.id] = transfer
            self._index(transfer)
            entry = (transfer.rank, transfer.id)
            self._order.add(entry)
            self._views[view_of(transfer.state)].add(entry)
            self.groups.add(transfer.operation, entry)
            if self._search is not None and self._search.wants(transfer, transfer.state):
                self._search.found.add(entry)
            self._count(transfer, transfer.state, 1)
            if transfer.parts or transfer.run is not None:
                self.park(transfer, transfer.bytes_confirmed)
        self.changes += 1

    def find(self, spec: TransferSpec) -> Transfer | None:
        """The unfinished item that moves the same source to the same target."""
        found = self._by_source.get(spec.source)
        if isinstance(found, dict):
            found = found.get((spec.kind, spec.target))
        if found is None:
            return None
        item = self.items[found]
        return item if (item.spec.kind, item.spec.target) == (spec.kind, spec.target) else None

    def _index(self, transfer: Transfer) -> None:
        """Let `find` find it; of two that are the same, the later one."""
        spec = transfer.spec
        found = self._by_source.setdefault(spec.source, transfer.id)
        if found == transfer.id:
            return
        if not isinstance(found, dict):
            first = self.items[found].spec
            found = self._by_source[spec.source] = {(first.kind, first.target): found}
        found[spec.kind, spec.target] = transfer.id

    def _unindex(self, transfer: Transfer) -> None:
        spec = transfer.spec
        found = self._by_source.get(spec.source)
        if isinstance(found, dict):
            if found.get((spec.kind, spec.target)) == transfer.id:
                del found[spec.kind, spec.target]
            if not found:
                del self._by_source[spec.source]
        elif found == transfer.id:
            del self._by_source[spec.source]

    def adopt(self, transfer: Transfer, operation: OperationId) -> None:
        """A later operation asked for the same."""
        if operation != transfer.operation and operation not in transfer.also:
            transfer.also = (*transfer.also, operation)
            sums = self.operations.setdefault(operation, Sums())
            self._count_in((sums,), transfer, transfer.state, 1)
            sums.bytes_parked += transfer.parked

    def park(self, transfer: Transfer, confirmed: int) -> None:
        """So many bytes of it are confirmed while nobody works on it; 0 from when somebody does."""
        by = confirmed - transfer.parked
        if by:
            transfer.parked = confirmed
            self.sums.bytes_parked += by
            for operation in (transfer.operation, *transfer.also):
                self.operations[operation].bytes_parked += by
            if transfer.state is TransferState.FAILED:
                self.sums.bytes_failed -= by
                for operation in (transfer.operation, *transfer.also):
                    self.operations[operation].bytes_failed -= by

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
        is_final = state.is_final
        size = _moved_bytes(transfer)
        failed = (size - transfer.parked) * (
            (state is TransferState.FAILED) - (before is TransferState.FAILED)
        )
        for sums in self._sums_of(transfer):
            sums.counts[before] -= 1
            sums.counts[state] += 1
            sums.bytes_failed += failed
            if state is TransferState.CANCELLED:
                sums.bytes_total -= size
            elif state is TransferState.DONE:
                sums.bytes_finished += size
                sums.verified += transfer.verified is not None
        if _VIEW_OF[before] is not _VIEW_OF[state]:
            entry = (transfer.rank, transfer.id)
            self._views[_VIEW_OF[before]].remove(entry)
            if not is_final:  # Else `finish`, which is called next, would take it out again.
                self._views[_VIEW_OF[state]].add(entry)
            if self._search is not None:
                self._search.changed(transfer, before)
        self.changes += 1

    def finish(self, ended: Sequence[tuple[Transfer, TransferSnapshot]]) -> None:
        """They have just become DONE or CANCELLED: out of the order, to the top of the finished ones.

        Args:
            ended: With the rows that are to be shown of them; whether they are saved yet is known here.
        """
        entries: list[tuple[Entry, TransferSnapshot]] = []
        for transfer, row in ended:
            self.park(transfer, 0)
            del self.items[transfer.id]
            self._unindex(transfer)
            entry = (transfer.rank, transfer.id)
            entries.append((entry, row))
            self._order.remove(entry)
            if self._search is not None and self._search.wants(transfer, transfer.state):
                self._search.found.remove(entry)
        self.groups.finish(entries)
        for transfer, row in ended:
            if len(self.finished) == MOST_FINISHED:
                self.finished_ids.pop(self.finished[-1].id, None)
                self.groups.forget(self.finished[-1])
            self.finished.appendleft(row)
            self.finished_ids[row.id] = row
            self.unsynced[row.id] = transfer.saved_seq
        self.changes += 1
        self.ended += 1

    def synced_up_to(self, seq: int) -> None:
        """The journal is on disk up to here."""
        if self.unsynced:
            self.unsynced = {id: at for id, at in self.unsynced.items() if at > seq}

    def clear_finished(self) -> int:
        """Take them off the screen."""
        count = len(self.finished)
        self.groups.clear({row.operation for row in self.finished})
        self.finished.clear()
        self.finished_ids.clear()
        self.changes += 1
        self.ended += 1
        return count

    # -- sums --------------------------------------------------------------------------------------

    def _count(self, transfer: Transfer, state: TransferState, by: int) -> None:
        self._count_in(self._sums_of(transfer), transfer, state, by)

    def _sums_of(self, transfer: Transfer) -> tuple[Sums, ...]:
        """Those that it is counted in."""
        own = self.operations.get(transfer.operation)
        if own is None:
            own = self.operations[transfer.operation] = Sums()
        if not transfer.also:
            return self.sums, own
        return self.sums, own, *(self.operations.setdefault(id, Sums()) for id in transfer.also)

    @staticmethod
    def _count_in(among: tuple[Sums, ...], transfer: Transfer, state: TransferState, by: int) -> None:
        size = by * _moved_bytes(transfer)
        for sums in among:
            sums.counts[state] += by
            if state is not TransferState.CANCELLED:
                sums.bytes_total += size
            if state is TransferState.FAILED:
                sums.bytes_failed += size - by * transfer.parked
            elif state is TransferState.DONE:
                sums.bytes_finished += size
                if transfer.verified is not None:
                    sums.verified += by

    # -- order -------------------------------------------------------------------------------------

    def index_of(self, transfer: Transfer) -> int:
        """Its place, from 0."""
        return self._order.index((transfer.rank, transfer.id))

    def window(self, view: View, find: str, first: int, count: int) -> tuple[list[Transfer], int]:
        """The unfinished items of a view at these places, and how many it has.

        Args:
            find: Text that source or target must hold. All items are walked once when it is another one.
        """
        chosen = self._order if view is View.ALL else self._views[view]
        if find:
            if self._search is None or (self._search.view, self._search.text) != (view, find):
                self._search = Search(view, find)
                self._search.found = Ranked(
                    entry for entry in chosen if matches(self.items[entry[1]].spec, self._search.needle)
                )
            chosen = self._search.found
        return [self.items[id] for _, id in chosen.window(first, count)], len(chosen)

    def items_of(self, id: OperationId) -> list[Transfer]:
        """The unfinished items that an operation was the first to ask for, in their order."""
        group = self.groups.get(id)
        return [self.items[item] for _, item in group.unfinished] if group is not None else []

    def rerank(self, transfer: Transfer, rank: int) -> None:
        """Give it another rank."""
        before, after = (transfer.rank, transfer.id), (rank, transfer.id)
        places = [self._order, self._views[view_of(transfer.state)]]
        if self._search is not None and self._search.wants(transfer, transfer.state):
            places.append(self._search.found)
        for place in places:
            place.remove(before)
            place.add(after)
        self.groups.move(transfer.operation, before, after)
        transfer.rank = rank
        self.changes += 1

    def place(self, transfer: Transfer, index: int) -> list[Transfer]:
        """Put it at another place; return the items whose rank changed."""
        own = self.index_of(transfer)
        index = max(0, min(index, len(self._order) - 1))
        if index == own:
            return []
        at = index if index < own else index + 1
        below = self._order.window(at - 1, 1) if at > 0 else []
        above = self._order.window(at, 1)
        if not below:
            rank = above[0][0] - 2 * RANK_STEP
        elif not above:
            rank = below[0][0] + RANK_STEP
        else:
            rank = (below[0][0] + above[0][0]) // 2
        if not below or not above or above[0][0] - below[0][0] >= 2:
            self.rerank(transfer, rank)
            return [transfer]
        order = [id for _, id in self._order if id != transfer.id]
        order.insert(index, transfer.id)
        for number, id in enumerate(order, 1):
            self.rerank(self.items[id], number * RANK_STEP)
        return [self.items[id] for id in order]


class Search:
    """The unfinished items whose source or target holds a text; kept true as they change."""

    def __init__(self, view: View, text: str) -> None:
        self.view, self.text, self.needle = view, text, text.casefold()
        self.found = Ranked()

    def wants(self, transfer: Transfer, state: TransferState) -> bool:
        """It belongs to what is found, in this state."""
        is_seen = self.view is View.ALL or view_of(state) is self.view
        return is_seen and matches(transfer.spec, self.needle)

    def changed(self, transfer: Transfer, before: TransferState) -> None:
        """It is in another state than `before`."""
        was, is_now = self.wants(transfer, before), self.wants(transfer, transfer.state)
        entry: Entry = (transfer.rank, transfer.id)
        if was and not is_now:
            self.found.remove(entry)
        elif is_now and not was:
            self.found.add(entry)


def view_of(state: TransferState) -> View:
    """The view that a state belongs to."""
    return _VIEW_OF[state]


_VIEW_OF = {
    state: view for view in View if view is not View.ALL for state in TransferState if view.shows(state)
}


def matches(spec: TransferSpec, needle: str) -> bool:
    """The source or the target holds the (casefolded) text."""
    return needle in str(spec.source).casefold() or needle in str(spec.target).casefold()
