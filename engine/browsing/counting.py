"""How many objects and bytes are at and below some places, as they are being counted."""

from __future__ import annotations

import os
import stat
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from engine.browsing.answers import CountProgress
from engine.errors import NeedsAnswer
from engine.local.failures import local_error
from engine.local.fsops import FsOps
from engine.local.listing import walk
from engine.lookup import look_up
from engine.model import ConnectionId, LocalRef, Location, ObjectRef
from engine.pace.cancel import CancelToken
from engine.page import EntryKind

if TYPE_CHECKING:
    from engine.s3.connection import Connection, Connections

_EVERY = 1000
"""Local entries between two words on how far it is."""


def count(
    locations: Sequence[Location], connections: Connections, fs: FsOps, token: CancelToken
) -> Iterator[CountProgress]:
    """Sums that grow; the last one is the whole. Constant memory.

    Objects that do not exist count as nothing. A symlink counts as one entry without bytes, and
    what it leads to is not counted.

    Raises:
        TransferError: A place cannot be read.
        Interrupted: `token` was cancelled.
    """
    sums = _Sums()
    by_connection: defaultdict[ConnectionId, list[ObjectRef]] = defaultdict(list)
    for location in locations:
        if isinstance(location.place, LocalRef):
            yield from _count_local(sums, location.place.path, fs, token)
        elif location.connection is None:
            raise NeedsAnswer("needs-profile", operation="count", subject=str(location.place))
        else:
            by_connection[location.connection].append(location.place)
    for id, refs in by_connection.items():
        yield from _count_objects(sums, connections.get(id), refs, token)
    yield sums.progress


class _Sums:
    def __init__(self) -> None:
        self.objects = self.bytes = self.unreadable = 0

    def add(self, size: int) -> None:
        self.objects += 1
        self.bytes += max(size, 0)

    @property
    def progress(self) -> CountProgress:
        return CountProgress(self.objects, self.bytes, self.unreadable)


def _count_local(sums: _Sums, path: str, fs: FsOps, token: CancelToken) -> Iterator[CountProgress]:
    plain = path.rstrip("/") or "/"
    try:
        facts = fs.lstat(plain)
    except OSError as error:
        raise local_error(error, "count", path) from error
    if not stat.S_ISDIR(facts.st_mode):
        sums.add(facts.st_size if stat.S_ISREG(facts.st_mode) else 0)
        return
    for number, found in enumerate(walk(plain, fs, token), 1):
        if found.kind is EntryKind.FOLDER:
            sums.unreadable += found.refusal is not None
        else:
            is_plain = found.kind is EntryKind.FILE and not found.is_link and found.stat is not None
            sums.add(_size(found.stat) if is_plain else 0)
        if number % _EVERY == 0:
            yield sums.progress


def _size(facts: os.stat_result | None) -> int:
    return facts.st_size if facts is not None else 0


def _count_objects(
    sums: _Sums, connection: Connection, refs: list[ObjectRef], token: CancelToken
) -> Iterator[CountProgress]:
    from engine.s3.listing import list_pages

    single = [ref for ref in refs if ref.key and not ref.key.endswith("/")]
    for facts in look_up(connection, single, token).values():
        if facts is not None:
            sums.add(facts.size)
    yield sums.progress
    for ref in refs:
        if ref.key and not ref.key.endswith("/"):
            continue
        for page in list_pages(connection, ref.bucket, ref.key, delimiter=None, token=token):
            sums.objects += len(page)
            sums.bytes += sum(page.sizes)
            yield sums.progress
