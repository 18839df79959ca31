"""Comparing two sides without moving anything."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.errors import Problem, TransferError, UsageError, explain
from engine.jobs.comparing import prove_equal
from engine.jobs.copy import compare
from engine.jobs.source import SourceFile
from engine.local.fsops import FsOps
from engine.local.keywalk import walk_in_key_order
from engine.lookup import look_at
from engine.model import ConnectionId, LocalRef, ObjectRef, Place, Verified
from engine.pace.cancel import CancelToken
from engine.page import EntryKind

if TYPE_CHECKING:
    from engine.s3.connection import Connection, Connections


@dataclass(frozen=True, slots=True)
class Compared:
    """One name on both sides."""

    name: str
    """Relative to the two places; the base name where they are single files."""
    verdict: str
    """``equal``, ``differs``, ``unproven`` (same size, and nothing to compare), ``missing`` (in the target),
    ``extra`` (in the target only), ``error``."""
    proof: Verified | None = None
    detail: str = ""
    problem: Problem | None = None


def verify(
    connections: Connections,
    connection: ConnectionId,
    source: Place,
    target: Place,
    token: CancelToken | None = None,
    fs: FsOps | None = None,
) -> Iterator[Compared]:
    """Compare a file with an object, or a tree with a prefix, in either direction, or two places on S3.

    Raises:
        UsageError: That cannot be compared.
        TransferError: A side cannot be listed.
    """
    if isinstance(source, LocalRef) and isinstance(target, LocalRef):
        raise UsageError("both sides are on this disk: compare them with diff or cmp")
    comparing = _Comparing(connections.get(connection), token or CancelToken(), fs or FsOps())
    if comparing.is_folder(source) or comparing.is_folder(target):
        return comparing.trees(source, target)
    return comparing.files(source, target)


class _Comparing:
    """One comparison, by one thread."""

    def __init__(self, connection: Connection, token: CancelToken, fs: FsOps) -> None:
        self._connection, self._token, self._fs = connection, token, fs

    def is_folder(self, place: Place) -> bool:
        """A folder or prefix is meant."""
        if isinstance(place, LocalRef):
            return place.path.endswith("/") or os.path.isdir(place.path)
        return not place.key or place.key.endswith("/")

    def files(self, source: Place, target: Place) -> Iterator[Compared]:
        """Two single ones."""
        name = str(source).rpartition("/")[2]
        sizes = self._size(source), self._size(target)
        if sizes[0] is None:
            raise UsageError(f"{source} does not exist")
        if sizes[1] is None:
            yield Compared(name, "missing")
        else:
            yield self._one(name, source, target, sizes[0], sizes[1])

    def _size(self, place: Place) -> int | None:
        if isinstance(place, LocalRef):
            try:
                return self._fs.stat(place.path).st_size
            except OSError:
                return None
        facts = look_at(self._connection, place, self._token)
        return None if facts is None else facts.size

    def trees(self, source: Place, target: Place) -> Iterator[Compared]:
        """All that is below both."""
        source, target = _as_folder(source), _as_folder(target)
        there = self._names(target)
        for name, size in self._names(source).items():
            if name not in there:
                yield Compared(name, "missing")
                continue
            yield self._one(name, _child(source, name), _child(target, name), size, there.pop(name))
        for name in there:
            yield Compared(name, "extra")

    def _names(self, place: Place) -> dict[str, int]:
        """Sizes by relative name; markers and folders are left out."""
        from engine.s3.listing import list_pages

        if isinstance(place, LocalRef):
            root = place.path.rstrip("/") or "/"
            return {
                "/".join(found.parts): found.stat.st_size
                for found in walk_in_key_order(root, self._fs, self._token, None)
                if found.kind is EntryKind.FILE and found.stat is not None
            }
        names: dict[str, int] = {}
        pages = list_pages(self._connection, place.bucket, place.key, delimiter=None, token=self._token)
        for page in pages:
            for row, name in enumerate(page.names):
                if name and not name.endswith("/"):
                    names[name] = page.sizes[row]
        return names

    def _one(self, name: str, source: Place, target: Place, size: int, other: int) -> Compared:
        if size != other:
            return Compared(name, "differs", detail=f"{size:,} and {other:,} bytes")
        try:
            proof, is_proven_different = self._proof(source, target)
        except TransferError as error:
            return Compared(name, "error", problem=explain(error))
        if proof is not None:
            return Compared(name, "equal", proof)
        if is_proven_different:
            return Compared(name, "differs", detail="the contents differ")
        return Compared(name, "unproven", detail="same size; the server offers nothing to compare by")

    def _proof(self, source: Place, target: Place) -> tuple[Verified | None, bool]:
        if isinstance(source, ObjectRef) and isinstance(target, ObjectRef):
            wire = self._connection.wire
            proof = compare(
                wire.head_object(source, token=self._token), wire.head_object(target, token=self._token)
            )
            return (None, False) if proof is Verified.SIZE else (proof, proof is None)
        local, ref = (source, target) if isinstance(source, LocalRef) else (target, source)
        assert isinstance(local, LocalRef)
        assert isinstance(ref, ObjectRef)
        file = SourceFile(local.path, self._fs)
        try:
            proof = prove_equal(self._connection, ref, file, self._token)
            if proof is not None:
                return proof, False
            facts = self._connection.wire.head_object(ref, token=self._token)
            is_comparable = facts.crc32 is not None or "-" not in facts.etag
            return None, is_comparable
        finally:
            file.close()


def _as_folder(place: Place) -> Place:
    if isinstance(place, LocalRef):
        return LocalRef(place.path.rstrip("/") + "/")
    return ObjectRef(place.bucket, place.key if not place.key or place.key.endswith("/") else place.key + "/")


def _child(place: Place, name: str) -> Place:
    if isinstance(place, LocalRef):
        return LocalRef(place.path + name)
    return ObjectRef(place.bucket, place.key + name)
