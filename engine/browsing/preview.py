"""A look into a file or an object: some bytes of it, fetched by range and never more than was asked for.

Nothing is executed and nothing is written anywhere. What is compressed with gzip is looked into, and
what comes out of it is bounded too: a few bytes can stand for gigabytes.
"""

from __future__ import annotations

import os
import stat
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.browsing.questions import connection_of
from engine.errors import Permanent, UsageError
from engine.local.failures import local_error
from engine.local.fsops import FsOps
from engine.model import KIB, MIB, LocalRef, Location, ObjectRef
from engine.pace.cancel import CancelToken

if TYPE_CHECKING:
    from engine.s3.connection import Connection, Connections

MOST_FETCHED = 64 * KIB
"""Bytes that one look costs at most, unless more is asked for."""

MOST_ASKED_FOR = 8 * MIB
"""Bytes that one look costs at most, whatever is asked for."""

MOST_UNPACKED = 128 * KIB
"""Bytes that are taken out of gzip at most, whatever is in it."""

_GZIP = b"\x1f\x8b\x08"
_STEP = 256
_WITH_HEADER = 31
"""zlib's word for "gzip, with its header and checksum"."""


@dataclass(frozen=True, slots=True)
class Preview:
    """A piece of a file or an object."""

    data: bytes
    """As stored; of gzip, what it unpacks to."""
    offset: int
    """Of the first byte fetched, in what is stored."""
    fetched: int
    """Bytes that were read from the disk, or came over the line."""
    size: int
    """Of the whole, as stored."""
    etag: str = ""
    """Objects: which content it was. A further look asks for the same."""
    content_type: str = ""
    gzip: bool = False
    """`data` is what was unpacked."""
    damaged: bool = False
    """Unpacking ended in an error; `data` is what came before it."""
    unpacked_all: bool = False
    """Gzip: nothing is missing behind `data`."""

    @property
    def is_whole(self) -> bool:
        """There is nothing before and nothing behind it."""
        if self.gzip:
            return self.unpacked_all
        return self.offset == 0 and self.fetched == self.size


def preview(
    location: Location,
    offset: int,
    etag: str,
    connections: Connections,
    fs: FsOps,
    token: CancelToken,
    most: int = MOST_FETCHED,
) -> Preview:
    """Look into one file or object.

    Args:
        offset: Where to begin; negative for the last bytes.
        etag: Of the content that is meant; empty for whatever it is now.
        most: Bytes to read, up to `MOST_ASKED_FOR`.

    Raises:
        NeedsAnswer: ``object-changed``: it has another ETag.
        Permanent: ``not-a-file``, ``archived``, and what else disk or server say.
        Interrupted: Nobody waits for it any more.
    """
    place, most = location.place, min(most, MOST_ASKED_FOR)
    if isinstance(place, LocalRef):
        return _unpacked(_read(place.path, offset, most, fs))
    if not place.key:
        raise UsageError("buckets have no content to look into")
    return _unpacked(_fetch(connection_of(location, connections), place, offset, most, etag, token))


def _extent(offset: int, size: int, most: int) -> tuple[int, int]:
    """First byte and length of what is read."""
    if offset < 0:
        offset = max(size - most, 0)
    return min(offset, size), max(min(most, size - offset), 0)


def _read(path: str, offset: int, most: int, fs: FsOps) -> Preview:
    try:
        # A pipe or a device would hold us up, or do something, when it is opened for real.
        fd = fs.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY)
        try:
            facts = fs.fstat(fd)
            if not stat.S_ISREG(facts.st_mode):
                raise Permanent("not-a-file", operation="look into", subject=path)
            start, length = _extent(offset, facts.st_size, most)
            buffer, got = memoryview(bytearray(length)), 0
            while got < length and (count := fs.pread_into(fd, buffer[got:], start + got)):
                got += count
        finally:
            fs.close(fd)
    except OSError as error:
        raise local_error(error, "look into", path) from error
    return Preview(bytes(buffer[:got]), start, got, facts.st_size)


def _fetch(
    connection: Connection, ref: ObjectRef, offset: int, most: int, etag: str, token: CancelToken
) -> Preview:
    facts = connection.wire.head_object(ref, checksum=False, token=token)
    start, length = _extent(offset, facts.size, most)
    kind = facts.content_type or ""
    if not length:
        return Preview(b"", start, 0, facts.size, facts.etag, kind)
    buffer, got = memoryview(bytearray(length)), 0
    with connection.wire.get_object(
        ref, offset=start, length=length, if_match=etag or facts.etag, token=token
    ) as reply:
        while got < length and (count := reply.readinto(buffer[got:])):
            got += count
    return Preview(bytes(buffer[:got]), start, got, facts.size, facts.etag, kind)


def _unpacked(found: Preview) -> Preview:
    """What is in it, if it begins like gzip and unpacks to anything; else as it is."""
    if found.offset or not found.data.startswith(_GZIP):
        return found
    rest, out, ended, damaged = found.data, bytearray(), False, False
    while rest.startswith(_GZIP) and len(out) < MOST_UNPACKED and not damaged:
        # One stream may follow another, as where logs are appended.
        rest, ended, damaged = _unpack(rest, out)
    if damaged and not out:
        return found
    whole = ended and not damaged and found.fetched == found.size and not rest.startswith(_GZIP)
    return Preview(
        bytes(out),
        found.offset,
        found.fetched,
        found.size,
        found.etag,
        found.content_type,
        gzip=True,
        damaged=damaged,
        unpacked_all=whole,
    )


def _unpack(packed: bytes, out: bytearray) -> tuple[bytes, bool, bool]:
    """Unpack one stream into `out`, up to `MOST_UNPACKED`: what is behind it, whether it ended, or is damaged."""
    unpack = zlib.decompressobj(_WITH_HEADER)
    # Step by step: where it is damaged, what an earlier step gave is kept.
    for start in range(0, len(packed), _STEP):
        room = MOST_UNPACKED - len(out)
        try:
            out += unpack.decompress(packed[start : start + _STEP], room) if room else b""
        except zlib.error:
            return b"", False, True
        if unpack.eof:
            return unpack.unused_data + packed[start + _STEP :], True, False
        if unpack.unconsumed_tail or not room:
            break
    return b"", False, False
