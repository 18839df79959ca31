"""Comparing two sides without moving anything."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.errors import Problem, TransferError, UsageError, explain, refusal
from engine.jobs.comparing import compare_content
from engine.jobs.copy import compare
from engine.jobs.source import SourceFile
from engine.local.failures import local_error
from engine.local.fsops import FsOps
from engine.local.keywalk import walk_in_key_order
from engine.lookup import look_at
from engine.model import ConnectionId, LocalRef, ObjectRef, Place, TransferOptions, Verified
from engine.pace.cancel import CancelToken
from engine.page import EntryKind
from engine.planning.globs import Globs

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
    """By which test, where one was made and named."""
    detail: str = ""
    problem: Problem | None = None


def verify(
    connections: Connections,
    connection: ConnectionId,
    source: Place,
    target: Place,
    *,
    options: TransferOptions | None = None,
    token: CancelToken | None = None,
    fs: FsOps | None = None,
) -> Iterator[Compared]:
    """Compare a file with an object, or a tree with a prefix, in either direction, or two places on S3.

    What a copy of `source` to `target` would pair is compared: a file with ``target/name`` if the
    target ends in ``/`` or is a folder, the content of a folder or prefix with that of the other.

    Args:
        options: Of these, ``include``, ``exclude`` and ``request_payer`` matter.

    Raises:
        UsageError: That cannot be compared.
        TransferError: A side cannot be listed.
    """
    if isinstance(source, LocalRef) and isinstance(target, LocalRef):
        raise UsageError("both sides are on this disk: compare them with diff or cmp")
    comparing = _Comparing(
        connections.get(connection), options or TransferOptions(), token or CancelToken(), fs or FsOps()
    )
    if _is_folder(source):
        return comparing.trees(_as_folder(source), _as_folder(target))
    if _is_folder(target):
        target = _child(_as_folder(target), str(source).rpartition("/")[2])
    return comparing.files(source, target)


class _Comparing:
    """One comparison, by one thread."""

    def __init__(
        self, connection: Connection, options: TransferOptions, token: CancelToken, fs: FsOps
    ) -> None:
        self._connection, self._token, self._fs = connection, token, fs
        self._globs = Globs(options.include, options.exclude)
        self._payer = options.request_payer

    def files(self, source: Place, target: Place) -> Iterator[Compared]:
        """Two single ones."""
        name = str(source).rpartition("/")[2]
        size, other = self._size(source), self._size(target)
        if size is None:
            raise UsageError(f"{source} does not exist (a prefix ends in /)")
        if other is None:
            yield Compared(name, "missing")
        else:
            yield self._one(name, source, target, size, other)

    def _size(self, place: Place) -> int | None:
        if isinstance(place, LocalRef):
            try:
                return self._fs.stat(place.path).st_size
            except FileNotFoundError:
                return None
            except OSError as error:
                raise local_error(error, "look at", place.path) from error
        facts = look_at(self._connection, place, self._token)
        return None if facts is None else facts.size

    def trees(self, source: Place, target: Place) -> Iterator[Compared]:
        """All that is below both."""
        there = self._names(target)
        for name, size in self._names(source).items():
            other = there.pop(name, None)
            if isinstance(size, Problem):
                yield Compared(name, "error", problem=size)
            elif isinstance(other, Problem):
                yield Compared(name, "error", problem=other)
            elif other is None:
                yield Compared(name, "missing")
            else:
                yield self._one(name, _child(source, name), _child(target, name), size, other)
        for name in there:
            yield Compared(name, "extra")

    def _names(self, place: Place) -> dict[str, int | Problem]:
        """By relative name the size, or why it cannot be read. Markers and folders are left out."""
        names: dict[str, int | Problem] = {}
        if isinstance(place, LocalRef):
            root = place.path.rstrip("/") or "/"
            for found in walk_in_key_order(root, self._fs, self._token):
                if not found.parts or not self._globs.takes(found.parts):
                    continue
                if found.refusal is not None:
                    names["/".join(found.parts)] = explain(refusal(found.refusal, found.path))
                elif found.kind is EntryKind.FILE and found.stat is not None:
                    names["/".join(found.parts)] = found.stat.st_size
            return names
        from engine.s3.listing import list_pages

        pages = list_pages(self._connection, place.bucket, place.key, delimiter=None, token=self._token)
        for page in pages:
            for row, name in enumerate(page.names):
                if name and not name.endswith("/") and self._globs.takes(tuple(name.split("/"))):
                    names[name] = page.sizes[row]
        return names

    def _one(self, name: str, source: Place, target: Place, size: int, other: int) -> Compared:
        if size != other:
            return Compared(name, "differs", Verified.SIZE, f"{size:,} and {other:,} bytes")
        try:
            proof = self._proof(source, target)
        except TransferError as error:
            return Compared(name, "error", problem=explain(error))
        if proof is None:
            return Compared(name, "differs", detail="same size, other content")
        if proof is Verified.SIZE:
            return Compared(
                name, "unproven", proof, "same size; the server offers nothing else to compare by"
            )
        return Compared(name, "equal", proof)

    def _proof(self, source: Place, target: Place) -> Verified | None:
        """As `compare_content`: ``None`` if they surely differ, ``SIZE`` if nobody can say."""
        wire, token = self._connection.wire, self._token
        if isinstance(source, ObjectRef) and isinstance(target, ObjectRef):
            one = wire.head_object(source, token=token, request_payer=self._payer)
            return compare(one, wire.head_object(target, token=token, request_payer=self._payer))
        local, ref = (source, target) if isinstance(source, LocalRef) else (target, source)
        assert isinstance(local, LocalRef)
        assert isinstance(ref, ObjectRef)
        file = SourceFile(local.path, self._fs)
        try:
            return compare_content(self._connection, ref, file, token, request_payer=self._payer)
        finally:
            file.close()


def _is_folder(place: Place) -> bool:
    """A folder or prefix is meant."""
    if isinstance(place, LocalRef):
        return place.path.endswith("/") or os.path.isdir(place.path)
    return not place.key or place.key.endswith("/")


def _as_folder(place: Place) -> Place:
    if isinstance(place, LocalRef):
        return LocalRef(place.path.rstrip("/") + "/")
    return ObjectRef(place.bucket, place.key if not place.key or place.key.endswith("/") else place.key + "/")


def _child(place: Place, name: str) -> Place:
    if isinstance(place, LocalRef):
        return LocalRef(place.path + name)
    return ObjectRef(place.bucket, place.key + name)
