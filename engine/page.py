"""One page of a listing, the same for a folder, a prefix and the list of buckets."""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from enum import IntEnum


class EntryKind(IntEnum):
    """What a listed entry is."""

    FILE = 0
    FOLDER = 1
    LINK = 2
    """A symlink that leads to no folder: to a file, or nowhere."""
    SPECIAL = 3
    """A pipe, socket or device, or something that could not be looked at."""
    BUCKET = 4


@dataclass(frozen=True, slots=True)
class Page:
    """Up to a thousand entries as columns: a million rows as objects would cost a gigabyte.

    All columns are equally long. Whoever gets a page may read it from any thread and changes nothing.
    """

    names: list[str]
    """Raw, relative to what was listed; folders without the ``/`` at the end."""
    sizes: array[int]
    """Type ``q``. Bytes; -1 for folders and where unknown."""
    mtimes: array[float]
    """Type ``d``. Seconds since the epoch; 0.0 where unknown."""
    kinds: bytearray
    """Values of `EntryKind`."""
    etags: list[str] | None = None
    """Objects only, without quotes."""
    storage_classes: list[str] | None = None
    """Objects only."""

    def __len__(self) -> int:
        return len(self.names)


class PageBuilder:
    """Collects entries into a page."""

    def __init__(self, *, objects: bool = False) -> None:
        self._objects = objects
        self._clear()

    def __len__(self) -> int:
        return len(self._names)

    def add(
        self,
        name: str,
        kind: EntryKind,
        size: int = -1,
        mtime: float = 0.0,
        etag: str = "",
        storage_class: str = "",
    ) -> None:
        """One more entry; see `Page` for the units."""
        self._names.append(name)
        self._kinds.append(kind)
        self._sizes.append(size)
        self._mtimes.append(mtime)
        if self._objects:
            self._etags.append(etag)
            self._storage_classes.append(storage_class)

    def take(self) -> Page:
        """The page as collected; the builder is empty again."""
        page = Page(
            self._names,
            self._sizes,
            self._mtimes,
            self._kinds,
            self._etags if self._objects else None,
            self._storage_classes if self._objects else None,
        )
        self._clear()
        return page

    def _clear(self) -> None:
        self._names: list[str] = []
        self._sizes: array[int] = array("q")
        self._mtimes: array[float] = array("d")
        self._kinds = bytearray()
        self._etags: list[str] = []
        self._storage_classes: list[str] = []
