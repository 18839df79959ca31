"""Operations as the screen shows them: of one item a plain row, of more a row with its items below."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from itertools import islice

from engine.model import OperationId, TransferId
from engine.queue.ranked import Entry, Ranked
from engine.snapshot import TransferSnapshot


@dataclass(slots=True)
class Group:
    """The items of one operation."""

    id: OperationId
    unfinished: Ranked = field(default_factory=Ranked)
    finished: deque[TransferSnapshot] = field(default_factory=deque)
    """Newest first."""
    items: int = 0
    """How many there have been in all."""
    head: Entry | None = None
    """Its entry in `Groups.going`: the rank of its first unfinished item."""
    end: Entry | None = None
    """Its entry in `Groups.ended`."""

    @property
    def is_plain(self) -> bool:
        """One item: its row is all there is to see."""
        return self.items <= 1

    def __len__(self) -> int:
        return len(self.unfinished) + len(self.finished)


@dataclass(frozen=True, slots=True)
class Line:
    """What stands in one row."""

    group: Group
    item: TransferId | None = None
    """An unfinished item."""
    row: TransferSnapshot | None = None
    """A finished item; with neither, the line is the group's own."""
    is_child: bool = False


class Groups:
    """Keeps what `window` needs, so that it costs what is seen and what is open, not what is queued.

    Every method is called with the queue's lock held. An item that several operations asked for
    belongs to the first of them.
    """

    def __init__(self) -> None:
        self._groups: dict[OperationId, Group] = {}
        self._going, self._ended = Ranked(), Ranked()
        """By the rank of their first unfinished item; by when they ended."""
        self._endings = 0

    def get(self, id: OperationId) -> Group | None:
        """The group, if any item of it is left to be seen."""
        return self._groups.get(id)

    # -- coming and going --------------------------------------------------------------------------

    def add(self, id: OperationId, entry: Entry) -> None:
        """A new item."""
        group = self._groups.get(id)
        if group is None:
            group = self._groups[id] = Group(id)
        group.items += 1
        group.unfinished.add(entry)
        self._settle(group)

    def move(self, id: OperationId, before: Entry, after: Entry) -> None:
        """An item has another rank."""
        group = self._groups[id]
        group.unfinished.remove(before)
        group.unfinished.add(after)
        self._settle(group)

    def finish(self, ended: Sequence[tuple[Entry, TransferSnapshot]]) -> None:
        """Items have ended."""
        touched: dict[OperationId, Group] = {}
        for entry, row in ended:
            group = touched[row.operation] = self._groups[row.operation]
            group.unfinished.remove(entry)
            group.finished.appendleft(row)
        for group in touched.values():
            self._settle(group)

    def forget(self, row: TransferSnapshot) -> None:
        """The finished item that is shown longest is shown no more."""
        group = self._groups[row.operation]
        group.finished.pop()
        self._settle(group)

    def clear(self, operations: Collection[OperationId]) -> None:
        """Show no finished items of these any more."""
        for id in operations:
            group = self._groups.get(id)
            if group is not None:
                group.finished.clear()
                self._settle(group)

    def _settle(self, group: Group) -> None:
        """Bring its place in line with what it holds."""
        first = group.unfinished.first
        head = None if first is None else (first[0], TransferId(group.id))
        if head != group.head:
            if group.head is not None:
                self._going.remove(group.head)
            if head is not None:
                self._going.add(head)
            group.head = head
        if head is None and group.finished:
            if group.end is None:
                self._endings += 1
                group.end = (self._endings, TransferId(group.id))
                self._ended.add(group.end)
        elif group.end is not None:
            self._ended.remove(group.end)
            group.end = None
        if not len(group):
            del self._groups[group.id]

    # -- looking -----------------------------------------------------------------------------------

    def window(self, first: int, count: int, opened: Collection[OperationId]) -> tuple[list[Line], int]:
        """The lines at these places, and how many there are in all.

        Args:
            opened: Whose items are shown below them.
        """
        units = len(self._going) + len(self._ended)
        open_at = sorted(
            ((self._index(group), group) for id in opened if (group := self._shown(id)) is not None),
            key=lambda each: each[0],
        )
        total = units + sum(len(group) for _, group in open_at)
        lines: list[Line] = []
        row = unit = 0
        end = first + count
        for at, group in [*open_at, (units - 1, None)]:
            if row >= end:
                break
            here = at - unit + 1
            skipped = max(0, first - row)
            if skipped < here:
                lines += self._units(unit + skipped, min(here, end - row) - skipped)
            row, unit = row + here, at + 1
            if group is None or row >= end:
                continue
            skipped = max(0, first - row)
            if skipped < len(group):
                lines += children(group, skipped, min(len(group), end - row) - skipped)
            row += len(group)
        return lines, total

    def _shown(self, id: OperationId) -> Group | None:
        group = self._groups.get(id)
        return None if group is None or group.is_plain else group

    def _index(self, group: Group) -> int:
        if group.head is not None:
            return self._going.index(group.head)
        assert group.end is not None
        return len(self._going) + len(self._ended) - 1 - self._ended.index(group.end)

    def _units(self, first: int, count: int) -> list[Line]:
        entries = self._going.window(first, count)
        left, start = count - len(entries), max(0, first - len(self._going))
        if left > 0:
            # The newest first: the window counts from the end.
            stop = len(self._ended) - start
            begin = max(0, stop - left)
            entries += reversed(self._ended.window(begin, stop - begin))
        return [unit_line(self._groups[OperationId(id)]) for _, id in entries]


def unit_line(group: Group) -> Line:
    """A group's own line; of a plain one, that of its item."""
    if not group.is_plain:
        return Line(group)
    return children(group, 0, 1, is_child=False)[0]


def children(group: Group, first: int, count: int, *, is_child: bool = True) -> list[Line]:
    """The items of a group at these places: what is unfinished in its order, then what ended, newest first."""
    lines = [Line(group, item=id, is_child=is_child) for _, id in group.unfinished.window(first, count)]
    start = max(0, first - len(group.unfinished))
    rows = islice(group.finished, start, start + count - len(lines))
    return lines + [Line(group, row=row, is_child=is_child) for row in rows]
