"""Two sources that would land on one target: found before anything moves, with a few bytes a name."""

from __future__ import annotations

import os
import sys
import unicodedata
from array import array
from collections.abc import Sequence

from engine.local.fsops import FsOps

_SLOTS_AT_FIRST = 1 << 10
_LOOKED_AT = 64
"""Entries of a folder among which one with a letter in its name is sought."""


class NameSet:
    """A set of texts that keeps only their 64-bit hashes: 12 to 24 bytes each, whatever their length.

    Two texts are taken for one with a chance of one in 10^7 among a million; that refuses a name
    that could have been had, and never loses one.
    """

    def __init__(self) -> None:
        self._slots = array("Q", bytes(8 * _SLOTS_AT_FIRST))
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __contains__(self, text: str) -> bool:
        return self._slots[self._slot(_hash(text))] != 0

    def add(self, text: str) -> bool:
        """Put it in; false if it was there."""
        value = _hash(text)
        slot = self._slot(value)
        if self._slots[slot]:
            return False
        self._slots[slot] = value
        self._count += 1
        if self._count * 3 > len(self._slots) * 2:
            self._grow()
        return True

    def _slot(self, value: int) -> int:
        """Where it is, or would be."""
        slots = self._slots
        mask = len(slots) - 1
        slot = value & mask
        while slots[slot] not in (0, value):
            slot = (slot + 1) & mask
        return slot

    def _grow(self) -> None:
        old = self._slots
        self._slots = array("Q", bytes(16 * len(old)))
        for value in old:
            if value:
                self._slots[self._slot(value)] = value


def _hash(text: str) -> int:
    return hash(text) & 0xFFFFFFFFFFFFFFFF or 1


class Claims:
    """Which names below a local folder are spoken for, as files or as folders.

    Args:
        folding: The file system takes names that differ in case or Unicode normalisation for one.
    """

    def __init__(self, *, folding: bool) -> None:
        self._folding = folding
        self._files, self._folders = NameSet(), NameSet()
        self._last: Sequence[str] = ()
        """The folder claimed last: most files have the same one as the file before."""

    def file(self, parts: Sequence[str]) -> bool:
        """Claim a file; false if another claim is in the way."""
        if not self.folder(parts[:-1]):
            return False
        name = self._fold(parts)
        return name not in self._folders and self._files.add(name)

    def folder(self, parts: Sequence[str]) -> bool:
        """Claim a folder and those above it; false if a file claim is in the way."""
        if parts == self._last:
            return True
        for depth in range(1, len(parts) + 1):
            name = self._fold(parts[:depth])
            if name in self._files:
                return False
            self._folders.add(name)
        self._last = parts
        return True

    def _fold(self, parts: Sequence[str]) -> str:
        name = "/".join(parts)
        return folded(name) if self._folding else name


def folded(name: str) -> str:
    """The same for all names that a file system which folds names takes for one.

    >>> folded("Caf\u00e9") == folded("CAFE\u0301")
    True
    """
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", name).casefold())


def folds_names(folder: str, fs: FsOps) -> bool:
    """Whether names that differ only in case are one name there. Looks only; writes nothing.

    Args:
        folder: Need not exist; then the nearest one above it is asked.
    """
    while True:
        try:
            with fs.scandir(folder) as entries:
                for _, entry in zip(range(_LOOKED_AT), entries, strict=False):
                    answer = _folds(folder, entry.name, fs)
                    if answer is not None:
                        return answer
            break
        except FileNotFoundError:
            above = os.path.dirname(folder.rstrip("/"))
            if above in ("", folder):
                break
            folder = above
        except OSError:
            break
    return _folds_its_own_name(folder.rstrip("/"), fs)


def _folds_its_own_name(folder: str, fs: FsOps) -> bool:
    above, name = os.path.split(folder)
    try:
        same_disk = fs.stat(above or "/").st_dev == fs.stat(folder or "/").st_dev
    except OSError:
        same_disk = False
    answer = _folds(above or "/", name, fs) if same_disk else None
    return sys.platform == "darwin" if answer is None else answer


def _folds(folder: str, name: str, fs: FsOps) -> bool | None:
    """By one name that exists; ``None`` if it says nothing."""
    swapped = name.swapcase()
    if swapped == name or swapped.swapcase() != name:
        return None
    try:
        mine = fs.lstat(os.path.join(folder, name))
    except OSError:
        return None
    try:
        return os.path.samestat(mine, fs.lstat(os.path.join(folder, swapped)))
    except FileNotFoundError:
        return False
    except OSError:
        return None
