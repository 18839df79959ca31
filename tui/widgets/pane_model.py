"""The rows of one pane: pages in, sorted and filtered rows out, a million of them without pain.

Everything is columns; a row is its number of arrival, and becomes an object only where it is looked
at. No I/O, no clock; one thread.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from itertools import chain, compress, islice
from typing import NamedTuple

from engine import EntryKind, Page
from tui.widgets.pane_order import Columns, PaneOrder, SortKey, matcher

FOLDERS = frozenset((EntryKind.FOLDER, EntryKind.BUCKET))
_KINDS = {int(kind.value): kind for kind in EntryKind}
_FOLDER_VALUES = frozenset(int(kind.value) for kind in FOLDERS)


class Row(NamedTuple):
    """One row, made only where one is looked at."""

    name: str
    kind: EntryKind
    size: int
    """Bytes; -1 where unknown."""
    mtime: float
    """0.0 where unknown."""

    @property
    def is_folder(self) -> bool:
        """It can be opened."""
        return self.kind in FOLDERS


class PaneModel:
    """What one listing holds. Built anew for each time a place is read."""

    def __init__(self, sort: SortKey = SortKey.NAME, *, descending: bool = False, filter: str = "") -> None:
        self._columns = Columns()
        self._order = PaneOrder(self._columns, sort, descending=descending)
        self._marks = bytearray()
        self.marked_count = 0
        self.marked_bytes = 0
        """Of files and objects, and of folders whose size was asked for."""
        self.marked_folders = 0
        """Those whose size is not known."""
        if filter:
            self.set_filter(filter)

    # -- rows ----------------------------------------------------------------------------------

    def __len__(self) -> int:
        """Rows that are shown."""
        return len(self._order)

    @property
    def total(self) -> int:
        """Rows that have arrived."""
        return len(self._columns.names)

    @property
    def names(self) -> list[str]:
        """All names in order of arrival; to be read only."""
        return self._columns.names

    def index(self, position: int) -> int:
        """The row's number of arrival, which stays when others come before it."""
        return self._order.index(position)

    def position(self, index: int) -> int | None:
        """Where the row with this number of arrival is shown, if it is."""
        if not 0 <= index < self.total:
            return None
        return self._order.position(index, folder=self._columns.kinds[index] in _FOLDER_VALUES)

    def find(self, name: str, *, start: int = 0) -> int | None:
        """The number of arrival of the first row of this name from `start` on."""
        try:
            return self.names.index(name, start)
        except ValueError:
            return None

    def row(self, position: int) -> Row:
        """What is shown there."""
        return self.row_at(self.index(position))

    def row_at(self, index: int) -> Row:
        """The row with this number of arrival."""
        columns = self._columns
        kind = _KINDS[columns.kinds[index]]
        return Row(columns.names[index], kind, columns.sizes[index], columns.mtimes[index])

    # -- pages in ------------------------------------------------------------------------------

    @property
    def complete(self) -> bool:
        """No more pages will come."""
        return self._order.complete

    @complete.setter
    def complete(self, complete: bool) -> None:
        self._order.complete = complete

    def add_page(self, page: Page) -> None:
        """Take the rows of one page; those that come in order are in place at once."""
        columns, first = self._columns, self.total
        columns.names.extend(page.names)
        columns.sizes.extend(page.sizes)
        columns.mtimes.extend(page.mtimes)
        columns.kinds.extend(page.kinds)
        self._marks.extend(bytes(self.total - first))
        folders, files = array("I"), array("I")
        for index, kind in enumerate(page.kinds, start=first):
            (folders if kind in _FOLDER_VALUES else files).append(index)
        self._order.add(folders, files)

    # -- order and filter ------------------------------------------------------------------------

    @property
    def sort(self) -> SortKey:
        """What it is sorted by."""
        return self._order.sort

    @property
    def descending(self) -> bool:
        """Largest, newest or Z first."""
        return self._order.descending

    @property
    def filter(self) -> str:
        """What names must hold or match to be shown; empty shows all."""
        return self._order.filter

    @property
    def filtered_count(self) -> int:
        """Rows the filter has looked at so far; `total` when it is through."""
        return self._order.walked if self.filter else self.total

    @property
    def is_busy(self) -> bool:
        """There is sorting or filtering left to do."""
        return self._order.is_busy

    def work(self) -> bool:
        """Do one slice of what is left; true if the rows shown may have changed."""
        return self._order.work()

    def set_sort(self, sort: SortKey, *, descending: bool) -> None:
        """Sort differently; takes effect as `work` is done."""
        self._order.set_sort(sort, descending=descending)

    def set_filter(self, text: str) -> None:
        """Show only names that hold `text`, or match it (see `matcher`); takes effect as `work` is done."""
        self._order.set_filter(text)

    # -- marks -----------------------------------------------------------------------------------

    def is_marked(self, position: int) -> bool:
        """The row shown there is marked."""
        return bool(self._marks[self.index(position)])

    def set_mark(self, index: int, on: bool) -> None:
        """Mark the row with this number of arrival, or take the mark off."""
        if bool(self._marks[index]) == on:
            return
        self._marks[index] = on
        step = 1 if on else -1
        self.marked_count += step
        size = self._columns.sizes[index]
        if self._columns.kinds[index] in _FOLDER_VALUES and size < 0:
            self.marked_folders += step
        else:
            self.marked_bytes += step * max(size, 0)

    def set_size(self, row: Row, size: int) -> None:
        """What a folder holds is known now, in bytes."""
        for index, name in enumerate(self._columns.names):
            if name == row.name and self._columns.kinds[index] in _FOLDER_VALUES:
                self._columns.sizes[index] = size
        self._recount()

    def mark_positions(self, positions: range, on: bool = True) -> None:
        """Mark the rows shown there."""
        for position in positions:
            self.set_mark(self.index(position), on)

    def mark_all(self) -> None:
        """Mark every row that is shown."""
        for index in self._order.shown():
            self._marks[index] = 1
        self._recount()

    def mark_none(self) -> None:
        """Take all marks off, of hidden rows too."""
        self._marks = bytearray(self.total)
        self._recount()

    def invert(self) -> None:
        """Turn the marks of the rows that are shown round."""
        for index in self._order.shown():
            self._marks[index] ^= 1
        self._recount()

    def mark_pattern(self, pattern: str, on: bool = True) -> int:
        """Mark the shown rows whose name matches, or take their marks off; returns how many match."""
        matches, names = matcher(pattern), self.names
        found = [index for index in self._order.shown() if matches(names[index])]
        for index in found:
            self._marks[index] = on
        self._recount()
        return len(found)

    def marked(self, limit: int | None = None) -> list[Row]:
        """The (first) marked rows, sorted; those that the filter hides too."""
        c, marks = self._columns, self._marks
        order = chain(self._order.folders.order, self._order.files.order)
        chosen = islice((i for i in order if marks[i]), limit)
        return [Row(c.names[i], _KINDS[c.kinds[i]], c.sizes[i], c.mtimes[i]) for i in chosen]

    def marked_tokens(self) -> set[str]:
        """The marked names, folders with a trailing ``/``: what another reading of the place can mark."""
        return {self._token(index) for index in compress(range(self.total), self._marks)}

    def mark_tokens(self, tokens: Iterable[str]) -> None:
        """Mark the rows of these names."""
        wanted = set(tokens)
        if not wanted:
            return
        for index in range(self.total):
            if self._token(index) in wanted:
                self._marks[index] = 1
        self._recount()

    def _token(self, index: int) -> str:
        columns = self._columns
        return columns.names[index] + ("/" if columns.kinds[index] in _FOLDER_VALUES else "")

    def _recount(self) -> None:
        marks, order = self._marks, self._order
        self.marked_count = sum(marks)
        self.marked_folders = sum(
            self._columns.sizes[index] < 0 for index in order.folders.order if marks[index]
        )
        rows = chain(order.folders.order, order.files.order)
        sizes = (self._columns.sizes[index] for index in rows if marks[index])
        self.marked_bytes = sum(size for size in sizes if size > 0)
