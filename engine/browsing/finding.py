"""Finding files and objects below a place, by name, size and age, as they are read."""

from __future__ import annotations

import fnmatch
import re
import time
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.browsing.desk import Question
from engine.errors import NeedsAnswer, UsageError
from engine.local.fsops import FsOps
from engine.local.listing import walk
from engine.model import LocalRef, Location, ObjectRef
from engine.pace.cancel import CancelToken
from engine.page import EntryKind, Page, PageBuilder

if TYPE_CHECKING:
    from engine.s3.connection import Connection, Connections

_EVERY = 1000
"""Local entries after which what was found is handed over."""
_SECONDS = 0.2
"""The same, where a slow disk takes long for so many."""
_WILD = re.compile(r"[*?]")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is looked for. Everything that is given must be so."""

    name: str = ""
    """A part of the name, or a pattern with ``*`` and ``?``; with a ``/`` in it, on the path below the
    place, from its beginning and in the case as typed. Else case matters only where there is an
    upper-case letter."""
    least: int | None = None
    """Bytes."""
    most: int | None = None
    """Bytes."""
    since: float | None = None
    """Changed at or after this wall time."""
    until: float | None = None
    """Changed at or before this wall time."""

    @property
    def head(self) -> str:
        """What every path below the place begins with that can match: what a server can narrow by itself.

        >>> [Wanted(name).head for name in ("logs/2026-*.gz", "*.gz", "2026-", "a/B?/c")]
        ['logs/2026-', '', '', 'a/B']
        """
        if "/" not in self.name:
            return ""
        plain = self.name.removeprefix("/")
        return _WILD.split(plain)[0]

    def matcher(self) -> Callable[[str, int, float], bool]:
        """A test for a path below the place, its size and its time."""
        name_fits = _name_test(self.name)

        def fits(path: str, size: int, mtime: float) -> bool:
            return (
                (self.least is None or size >= self.least)
                and (self.most is None or 0 <= size <= self.most)
                and (self.since is None or mtime >= self.since)
                and (self.until is None or 0 < mtime <= self.until)
                and name_fits(path)
            )

        return fits


def _name_test(text: str) -> Callable[[str], bool]:
    if not text:
        return lambda path: True
    if "/" in text:
        plain = text.removeprefix("/")
        pattern = plain if _WILD.search(plain) else plain + "*"
        whole = re.compile(fnmatch.translate(pattern.replace("[", "[[]"))).match
        return lambda path: whole(path) is not None
    fold = text == text.lower()
    if _WILD.search(text):
        found = re.compile(fnmatch.translate(text.replace("[", "[[]")), re.IGNORECASE if fold else 0).match
        return lambda path: found(path.rpartition("/")[2]) is not None
    if fold:
        return lambda path: text in path.rpartition("/")[2].lower()
    return lambda path: text in path.rpartition("/")[2]


def find_into(
    question: Question, location: Location, wanted: Wanted, connections: Connections, fs: FsOps
) -> None:
    """Add pages of what is found, named by its path below the place, and count all that is looked at.

    Raises:
        TransferError: The place cannot be read.
        UsageError: It is the list of buckets.
    """
    place = location.place
    if isinstance(place, LocalRef):
        for page, scanned in _local(place.path, wanted, fs, question.cancel):
            question.add_page(page, scanned=scanned)
        return
    if not place.bucket:
        raise UsageError("what is to be found is looked for in one bucket: open it first")
    if location.connection is None:
        raise NeedsAnswer("needs-profile", operation="find", subject=str(place))
    connection = connections.get(location.connection)
    for page, scanned in _objects(connection, place, wanted, question.cancel):
        question.add_page(page, scanned=scanned)


def _local(path: str, wanted: Wanted, fs: FsOps, token: CancelToken) -> Iterator[tuple[Page, int]]:
    fits, page, scanned = wanted.matcher(), PageBuilder(), 0
    handed_over = time.monotonic()
    for found in walk(path.rstrip("/") or "/", fs, token):
        if found.kind is EntryKind.FOLDER or not found.parts:
            continue
        scanned += 1
        facts = found.stat
        size, mtime = (facts.st_size, facts.st_mtime) if facts is not None else (-1, 0.0)
        name = "/".join(found.parts)
        if fits(name, size, mtime):
            kind = EntryKind.LINK if found.is_link else found.kind
            page.add(name, kind, size, mtime)
        if scanned >= _EVERY or time.monotonic() - handed_over > _SECONDS:
            yield page.take(), scanned
            scanned, handed_over = 0, time.monotonic()
    yield page.take(), scanned


def _objects(
    connection: Connection, place: ObjectRef, wanted: Wanted, token: CancelToken
) -> Iterator[tuple[Page, int]]:
    from engine.s3.listing import list_pages

    fits, head = wanted.matcher(), wanted.head
    pages = list_pages(connection, place.bucket, place.key + head, delimiter=None, token=token)
    for page in pages:
        names = [head + name for name in page.names] if head else page.names
        chosen = [
            at
            for at, name in enumerate(names)
            if name and not name.endswith("/") and fits(name, page.sizes[at], page.mtimes[at])
        ]
        yield (
            Page(
                [names[at] for at in chosen],
                array("q", (page.sizes[at] for at in chosen)),
                array("d", (page.mtimes[at] for at in chosen)),
                bytearray(page.kinds[at] for at in chosen),
            ),
            len(page),
        )
