"""The rows of one pane: pages in, sorted and filtered rows out, a million of them without pain.

Everything is columns (`array`, `bytearray` and one list of names); a row is its number of arrival.
Folders come before files. Sorting and filtering are cut into slices of a few milliseconds, which
the pane runs between keystrokes (`work`), so that the screen answers while a listing streams in.
No I/O, no clock of its own; one thread.
"""

from __future__ import annotations

import fnmatch
import re
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import compress
from typing import Any

from engine import EntryKind, Page

SLICE = 16_384
"""Rows looked at in one slice of filtering or sorting (some milliseconds)."""

FOLDERS = frozenset((EntryKind.FOLDER, EntryKind.BUCKET))
_FOLDER_VALUES = frozenset(int(kind.value) for kind in FOLDERS)


class SortKey(Enum):
    """What a pane is sorted by."""

    NAME = "name"
    SIZE = "size"
    DATE = "date"


@dataclass(frozen=True, slots=True)
class Row:
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


class _Section:
    """Folders or files in their order: a sorted part and a tail of newcomers not yet merged in."""

    def __init__(self) -> None:
        self.order = array("I")
        self.sorted_count = 0
        self.shown = self.order
        """What passes the filter, in order; `order` itself where there is no filter."""


class PaneModel:
    """What one listing holds. Built anew for each place that is opened."""

    def __init__(self, sort: SortKey = SortKey.NAME, *, descending: bool = False, filter: str = "") -> None:
        self.names: list[str] = []
        self.sizes = array("q")
        self.mtimes = array("d")
        self.kinds = bytearray()
        self.sort, self.descending = sort, descending
        self.filter = ""
        self.marked_count = 0
        self.marked_bytes = 0
        self.marked_folders = 0
        self.complete = False
        """No more pages will come."""
        self.keep_marks: set[str] = set()
        """Names to mark when they arrive: the marks of before a refresh. Folders end in ``/``."""
        self._marks = bytearray()
        self._folders, self._files = _Section(), _Section()
        self._matches: Callable[[str], bool] | None = None
        self._matched = bytearray()
        self._sorting: Iterator[None] | None = None
        self._rebuilt_at = 0
        if filter:
            self.set_filter(filter)

    # -- rows ----------------------------------------------------------------------------------

    def __len__(self) -> int:
        """Rows that are shown."""
        return len(self._folders.shown) + len(self._files.shown)

    @property
    def total(self) -> int:
        """Rows that have arrived."""
        return len(self.names)

    @property
    def filtered_count(self) -> int:
        """Rows the filter has looked at so far; `total` when it is through."""
        return len(self._matched) if self._matches else self.total

    def index(self, position: int) -> int:
        """The row's number of arrival, which stays when others come before it."""
        folders, files = self._folders.shown, self._files.shown
        count = len(folders)
        if position < count:
            return folders[count - 1 - position] if self._reversed_folders else folders[position]
        position -= count
        return files[len(files) - 1 - position] if self.descending else files[position]

    def position(self, index: int) -> int | None:
        """Where the row with this number of arrival is shown, if it is."""
        if not 0 <= index < self.total:
            return None
        folder = self.kinds[index] in _FOLDER_VALUES
        shown = (self._folders if folder else self._files).shown
        try:
            at = shown.index(index)
        except ValueError:
            return None
        backwards = self._reversed_folders if folder else self.descending
        at = len(shown) - 1 - at if backwards else at
        return at if folder else at + len(self._folders.shown)

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
        kind = EntryKind(self.kinds[index])
        return Row(self.names[index], kind, self.sizes[index], self.mtimes[index])

    @property
    def _reversed_folders(self) -> bool:
        return self.descending and self.sort is SortKey.NAME

    # -- pages in ------------------------------------------------------------------------------

    def add_page(self, page: Page) -> None:
        """Take the rows of one page; those that come in order are in place at once."""
        first = self.total
        self.names.extend(page.names)
        self.sizes.extend(page.sizes)
        self.mtimes.extend(page.mtimes)
        self.kinds.extend(page.kinds)
        self._marks.extend(bytes(self.total - first))
        folders, files = array("I"), array("I")
        for index in range(first, self.total):
            (folders if self.kinds[index] in _FOLDER_VALUES else files).append(index)
        for section, new in ((self._folders, folders), (self._files, files)):
            if new:
                self._append(section, new)
        if self.keep_marks:
            self._mark_kept(first)

    def _append(self, section: _Section, new: array[int]) -> None:
        key = self._key(section)
        ordered = array("I", sorted(new, key=key))
        at_end = section.sorted_count == len(section.order)
        if at_end and (not section.order or key(section.order[-1]) <= key(ordered[0])):
            section.sorted_count += len(ordered)
        section.order.extend(ordered)

    def _key(self, section: _Section) -> Callable[[int], Any]:
        if self.sort is SortKey.NAME or section is self._folders:
            return self.names.__getitem__
        return self.sizes.__getitem__ if self.sort is SortKey.SIZE else self.mtimes.__getitem__

    # -- work in slices --------------------------------------------------------------------------

    @property
    def is_busy(self) -> bool:
        """There is sorting or filtering left to do."""
        return self._sorting is not None or self._is_unsorted() or self._is_unfiltered()

    def _is_unfiltered(self) -> bool:
        return self._matches is not None and len(self._matched) < self.total

    def _is_unsorted(self) -> bool:
        """Newcomers are merged when they are many, or when no more will come."""
        for section in (self._folders, self._files):
            tail = len(section.order) - section.sorted_count
            if tail and (self.complete or tail > max(4 * SLICE, section.sorted_count // 2)):
                return True
        return False

    def work(self) -> bool:
        """Do one slice of what is left; true if the rows shown may have changed."""
        if self._is_unfiltered():
            return self._filter_slice()
        if self._sorting is None and self._is_unsorted():
            self._sorting = self._sort()
        if self._sorting is not None:
            try:
                next(self._sorting)
                return False
            except StopIteration:
                self._sorting = None
                return True
        return False

    def _sort(self) -> Iterator[None]:
        """Merge sort on C's sort: slices first, then pairs of runs. The old order stays until the end."""
        for section in (self._folders, self._files):
            taken = len(section.order)
            if taken == section.sorted_count:
                continue
            key = self._key(section)
            runs = [section.order[: section.sorted_count]] if section.sorted_count else []
            fresh: list[array[int]] = []
            for start in range(section.sorted_count, taken, SLICE):
                fresh.append(array("I", sorted(section.order[start : start + SLICE], key=key)))
                yield
            while len(fresh) > 1:
                merged = []
                for pair in range(0, len(fresh) - 1, 2):
                    merged.append(array("I", sorted(fresh[pair] + fresh[pair + 1], key=key)))
                    yield
                fresh = merged + fresh[len(merged) * 2 :]
            runs += fresh
            if len(runs) > 1:
                runs = [array("I", sorted(runs[0] + runs[1], key=key))]
                yield
            section.order = runs[0] + section.order[taken:]
            section.sorted_count = taken
            self._show(section)

    def set_sort(self, sort: SortKey, *, descending: bool) -> None:
        """Sort differently; turning the order round costs nothing."""
        changed, self.sort, self.descending = sort is not self.sort, sort, descending
        if not changed:
            return
        self._sorting = None
        self._files.sorted_count = 0
        self._sorting = self._sort()

    # -- filter ----------------------------------------------------------------------------------

    def set_filter(self, text: str) -> None:
        """Show only names that hold `text`, or match it where it has ``*`` or ``?``; empty shows all.

        Upper and lower case are the same unless `text` has an upper-case letter.
        """
        self.filter = text
        self._matches = matcher(text) if text else None
        self._matched = bytearray()
        self._rebuilt_at = 0
        for section in (self._folders, self._files):
            self._show(section)

    def _filter_slice(self) -> bool:
        matches = self._matches
        assert matches is not None
        start = len(self._matched)
        self._matched.extend(map(matches, self.names[start : start + SLICE]))
        through = len(self._matched) == self.total
        if through or start == 0 or len(self._matched) >= 2 * self._rebuilt_at:
            self._rebuilt_at = len(self._matched)
            for section in (self._folders, self._files):
                self._show(section)
            return True
        return False

    def _show(self, section: _Section) -> None:
        if self._matches is None:
            section.shown = section.order
            return
        matched = self._matched
        if len(matched) < self.total:
            matched = matched + bytes(self.total - len(matched))
        section.shown = array("I", compress(section.order, map(matched.__getitem__, section.order)))

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
        if self.kinds[index] in _FOLDER_VALUES:
            self.marked_folders += step
        else:
            self.marked_bytes += step * max(self.sizes[index], 0)

    def mark_positions(self, positions: range, on: bool = True) -> None:
        """Mark the rows shown there."""
        for position in positions:
            self.set_mark(self.index(position), on)

    def mark_all(self) -> None:
        """Mark every row that is shown."""
        for section in (self._folders, self._files):
            for index in section.shown:
                self._marks[index] = 1
        self._recount()

    def mark_none(self) -> None:
        """Take all marks off, of hidden rows too."""
        self._marks = bytearray(self.total)
        self._recount()

    def invert(self) -> None:
        """Turn the marks of the rows that are shown round."""
        for section in (self._folders, self._files):
            for index in section.shown:
                self._marks[index] ^= 1
        self._recount()

    def mark_pattern(self, pattern: str, on: bool = True) -> int:
        """Mark the shown rows whose name matches; returns how many match."""
        matches, names, found = matcher(pattern), self.names, 0
        for section in (self._folders, self._files):
            for index in section.shown:
                if matches(names[index]):
                    self._marks[index] = on
                    found += 1
        self._recount()
        return found

    def marked(self) -> list[Row]:
        """The marked rows, in the order they are shown; hidden ones last."""
        order = list(self._folders.order) + list(self._files.order)
        return [self.row_at(index) for index in compress(order, map(self._marks.__getitem__, order))]

    def marked_names(self) -> set[str]:
        """The marked names, folders with a trailing ``/``, for `keep_marks` of the next model."""
        return {self._token(index) for index in compress(range(self.total), self._marks)} | self.keep_marks

    def _token(self, index: int) -> str:
        return self.names[index] + ("/" if self.kinds[index] in _FOLDER_VALUES else "")

    def _mark_kept(self, first: int) -> None:
        for index in range(first, self.total):
            token = self._token(index)
            if token in self.keep_marks:
                self.keep_marks.discard(token)
                self.set_mark(index, True)

    def _recount(self) -> None:
        marks, folders = self._marks, self._folders.order
        self.marked_count = sum(marks)
        self.marked_folders = sum(map(marks.__getitem__, folders))
        files = self._files.order
        chosen = compress(files, map(marks.__getitem__, files))
        self.marked_bytes = sum(size for size in map(self.sizes.__getitem__, chosen) if size > 0)


def matcher(text: str) -> Callable[[str], bool]:
    """A test for names: glob where `text` has ``*`` or ``?``, else substring; smart about case.

    >>> [bool(matcher(t)("Dump.tar")) for t in ("dump", "DUMP", "*.tar", "d?mp.*", "[")]
    [True, False, True, True, False]
    """
    fold = text == text.lower()
    if "*" in text or "?" in text:
        literal = "".join(c if c in "*?" else f"[{c}]" if c == "[" else c for c in text)
        found = re.compile(fnmatch.translate(literal), re.IGNORECASE if fold else 0).match
        return lambda name: found(name) is not None
    if fold:
        return lambda name: text in name.lower()
    return lambda name: text in name


def names_of(rows: Sequence[Row]) -> str:
    """The first name, and how many more there are: for titles."""
    if not rows:
        return ""
    rest = len(rows) - 1
    return rows[0].name if not rest else f"{rows[0].name} and {rest:,} more"
