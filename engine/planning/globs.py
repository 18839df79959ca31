"""Which of the things below a source are taken: ``--include`` and ``--exclude``."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Sequence


class Globs:
    """Patterns on the path below the source.

    A pattern without ``/`` is tried on every name of the path: ``*.tmp`` finds files anywhere,
    ``.git`` the folder and all below it. One with ``/`` is tried on the whole path and on the folders
    above it: ``build/*``, ``/logs/2025/``. ``*`` and ``?`` match any character, ``/`` too; case matters.
    With any include, only what matches one is taken; whatever matches an exclude is not.

    >>> globs = Globs(include=["*.log"], exclude=["old"])
    >>> [globs.takes(p.split("/")) for p in ("a.log", "b/c.log", "old/d.log", "e.txt")]
    [True, True, False, False]
    """

    def __init__(self, include: Sequence[str] = (), exclude: Sequence[str] = ()) -> None:
        self._include = [_Pattern(text) for text in include if text]
        self._exclude = [_Pattern(text) for text in exclude if text]
        self.takes_all = not self._include and not self._exclude
        """Nothing was asked: `takes` is always true."""

    def takes(self, parts: Sequence[str]) -> bool:
        """Whether the file (or empty folder) at these names below the source is taken.

        No names are the source itself, which matches no pattern.
        """
        if self.takes_all:
            return True
        if any(pattern.matches(parts) for pattern in self._exclude):
            return False
        return not self._include or any(pattern.matches(parts) for pattern in self._include)

    def skips(self, parts: Sequence[str]) -> bool:
        """Whether nothing below this folder is ever taken, so that it need not be looked into."""
        return any(pattern.matches(parts) for pattern in self._exclude)


class _Pattern:
    def __init__(self, text: str) -> None:
        plain = text.strip("/")
        self._on_names = "/" not in text.rstrip("/")
        self._match = re.compile(fnmatch.translate(plain)).match

    def matches(self, parts: Sequence[str]) -> bool:
        if self._on_names:
            return any(self._match(name) for name in parts)
        path = ""
        for name in parts:
            path = f"{path}/{name}" if path else name
            if self._match(path):
                return True
        return False
