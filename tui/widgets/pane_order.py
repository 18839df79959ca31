"""In which order the rows of a pane are shown, and which of them: sorting and filtering in slices.

A row is its number of arrival; folders come before files. Sorting is a merge sort on C's sort, a slice
at a time, and the old order stays until the new one is there. The filter walks the order and remembers
its verdict on each row, so that a re-sort, or a longer text, does not ask again what is known.
"""

from __future__ import annotations

import fnmatch
import re
from array import array
from collections.abc import Callable, Iterator
from enum import Enum
from itertools import compress
from typing import Any

SLICE = 16_384
"""Rows handled in one slice of work (some milliseconds)."""

_UNKNOWN, _YES, _NO = 0, 1, 2
_ASK_AGAIN = bytes.maketrans(bytes((_YES,)), bytes((_UNKNOWN,)))


class SortKey(Enum):
    """What a pane is sorted by."""

    NAME = "name"
    SIZE = "size"
    DATE = "date"


class Columns:
    """What a row holds, as columns; `PaneOrder` reads them, whoever has the pages writes them."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.sizes = array("q")
        self.mtimes = array("d")
        self.kinds = bytearray()


class Section:
    """Folders or files in their order: a sorted part, and a tail of newcomers not yet merged in."""

    def __init__(self) -> None:
        self.order = array("I")
        self.sorted_count = 0
        self.shown = self.order
        """What passes the filter, in order; `order` itself where there is no filter."""
        self.walked = 0
        """How much of `order` the filter has looked at."""


class PaneOrder:
    """The shown rows of one listing."""

    def __init__(self, columns: Columns, sort: SortKey, *, descending: bool) -> None:
        self._columns = columns
        self.sort, self.descending = sort, descending
        self.filter = ""
        self.complete = False
        """No more rows will come."""
        self.folders, self.files = Section(), Section()
        self.sections = (self.folders, self.files)
        self._matches: Callable[[str], bool] | None = None
        self._verdicts = bytearray()
        self._sorting: Iterator[None] | None = None

    # -- rows ----------------------------------------------------------------------------------

    def __len__(self) -> int:
        """Rows that are shown."""
        return len(self.folders.shown) + len(self.files.shown)

    @property
    def walked(self) -> int:
        """Rows the filter has looked at."""
        return self.folders.walked + self.files.walked

    @property
    def _folders_reversed(self) -> bool:
        return self.descending and self.sort is SortKey.NAME

    def index(self, position: int) -> int:
        """The number of arrival of the row shown there."""
        folders, files = self.folders.shown, self.files.shown
        count = len(folders)
        if position < count:
            return folders[count - 1 - position] if self._folders_reversed else folders[position]
        position -= count
        return files[len(files) - 1 - position] if self.descending else files[position]

    def position(self, index: int, *, folder: bool) -> int | None:
        """Where a row is shown, if it is."""
        shown = (self.folders if folder else self.files).shown
        try:
            at = shown.index(index)
        except ValueError:
            return None
        backwards = self._folders_reversed if folder else self.descending
        at = len(shown) - 1 - at if backwards else at
        return at if folder else at + len(self.folders.shown)

    def shown(self) -> Iterator[int]:
        """All shown rows, in no particular direction."""
        yield from self.folders.shown
        yield from self.files.shown

    def add(self, folders: array[int], files: array[int]) -> None:
        """Take newcomers; those that come in order are in place at once."""
        for section, new in zip(self.sections, (folders, files), strict=True):
            if not new:
                continue
            key = self._key(section)
            ordered = array("I", sorted(new, key=key))
            order = section.order
            in_place = section.sorted_count == len(order)
            if in_place and (not order or key(order[-1]) <= key(ordered[0])):
                section.sorted_count += len(ordered)
            order.extend(ordered)
        if self._matches is not None:
            self._verdicts.extend(bytes(len(folders) + len(files)))

    def _key(self, section: Section) -> Callable[[int], Any]:
        columns = self._columns
        if self.sort is SortKey.NAME or section is self.folders:
            return columns.names.__getitem__
        return columns.sizes.__getitem__ if self.sort is SortKey.SIZE else columns.mtimes.__getitem__

    # -- work in slices --------------------------------------------------------------------------

    @property
    def is_busy(self) -> bool:
        """There is sorting or filtering left to do."""
        return self._sorting is not None or self._is_unsorted() or self._is_unfiltered()

    def _is_unfiltered(self) -> bool:
        return self._matches is not None and any(s.walked < len(s.order) for s in self.sections)

    def _is_unsorted(self) -> bool:
        """Newcomers are merged when they are many, or when no more will come."""
        for section in self.sections:
            tail = len(section.order) - section.sorted_count
            if tail and (self.complete or tail > max(4 * SLICE, section.sorted_count // 2)):
                return True
        return False

    def work(self) -> bool:
        """Do one slice of what is left; true if the rows shown may have changed."""
        if self._is_unfiltered():
            return self._walk()
        if self._sorting is None and self._is_unsorted():
            self._sorting = self._sort()
        if self._sorting is not None:
            try:
                next(self._sorting)
            except StopIteration:
                self._sorting = None
                return True
        return False

    def set_sort(self, sort: SortKey, *, descending: bool) -> None:
        """Sort differently; turning the order round costs nothing."""
        changed, self.sort, self.descending = sort is not self.sort, sort, descending
        if changed:
            self.files.sorted_count = 0
            self._sorting = self._sort()

    def _sort(self) -> Iterator[None]:
        """Sort slices of newcomers, merge them in pairs, then merge them into what was sorted."""
        for section in self.sections:
            taken = len(section.order)
            if taken == section.sorted_count:
                continue
            key = self._key(section)
            fresh: list[array[int]] = []
            for start in range(section.sorted_count, taken, SLICE):
                fresh.append(array("I", sorted(section.order[start : min(start + SLICE, taken)], key=key)))
                yield
            while len(fresh) > 1:
                merged = []
                for pair in range(0, len(fresh) - 1, 2):
                    merged.append(array("I", sorted(fresh[pair] + fresh[pair + 1], key=key)))
                    yield
                fresh = merged + fresh[len(merged) * 2 :]
            result = fresh[0]
            if section.sorted_count:
                result = array("I", sorted(section.order[: section.sorted_count] + result, key=key))
                yield
            self._replace(section, result, taken)

    def _replace(self, section: Section, start: array[int], taken: int) -> None:
        """Take `start` as the new order of the first `taken` rows."""
        was_through = section.walked == len(section.order)
        section.order = start + section.order[taken:]
        section.sorted_count = taken
        if self._matches is None:
            section.shown = section.order
        elif was_through:
            section.shown = self._passing(section.order)
        else:
            section.shown, section.walked = array("I"), 0

    # -- filter ----------------------------------------------------------------------------------

    def set_filter(self, text: str) -> None:
        """Show only names that hold `text`, or match it where it has ``*`` or ``?``; empty shows all."""
        before, self.filter = self.filter, text
        narrower = bool(before) and before in text and not is_pattern(before) and not is_pattern(text)
        self._matches = matcher(text) if text else None
        if narrower:
            self._verdicts = self._verdicts.translate(_ASK_AGAIN)
        else:
            self._verdicts = bytearray(len(self._columns.names)) if text else bytearray()
        for section in self.sections:
            section.shown = array("I") if text else section.order
            section.walked = 0

    def _walk(self) -> bool:
        section = next(s for s in self.sections if s.walked < len(s.order))
        matches, names, verdicts = self._matches, self._columns.names, self._verdicts
        assert matches is not None
        rows = section.order[section.walked : section.walked + SLICE]
        for index in rows:
            if not verdicts[index]:
                verdicts[index] = _YES if matches(names[index]) else _NO
        section.walked += len(rows)
        passing = self._passing(rows)
        section.shown.extend(passing)
        return bool(passing) or not self._is_unfiltered()

    def _passing(self, rows: array[int]) -> array[int]:
        return array("I", compress(rows, map(_YES.__eq__, map(self._verdicts.__getitem__, rows))))


def is_pattern(text: str) -> bool:
    """It is matched as a whole, with wildcards."""
    return "*" in text or "?" in text


def matcher(text: str) -> Callable[[str], bool]:
    """A test for names: glob where `text` has ``*`` or ``?``, else substring.

    Upper and lower case are the same unless `text` has an upper-case letter.

    >>> [bool(matcher(t)("Dump.tar")) for t in ("dump", "DUMP", "*.tar", "d?mp.*", "[")]
    [True, False, True, True, False]
    """
    fold = text == text.lower()
    if is_pattern(text):
        literal = "".join(f"[{c}]" if c == "[" else c for c in text)
        found = re.compile(fnmatch.translate(literal), re.IGNORECASE if fold else 0).match
        return lambda name: found(name) is not None
    if fold:
        return lambda name: text in name.lower()
    return lambda name: text in name
