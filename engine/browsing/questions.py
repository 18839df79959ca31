"""Answers that only look: listings, details, free space, links, and whether an endpoint answers."""

from __future__ import annotations

import os
from array import array
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from engine.browsing.answers import ConnectionTest
from engine.errors import NeedsAnswer, TransferError, UsageError, explain
from engine.local.failures import local_error
from engine.local.fsops import FsOps
from engine.local.listing import iter_pages
from engine.model import LocalRef, Location, ObjectRef
from engine.pace.cancel import CancelToken
from engine.pace.clock import Clock
from engine.page import EntryKind, Page, PageBuilder

if TYPE_CHECKING:
    from engine.browsing.desk import Question
    from engine.s3.connection import Connection, Connections

_GO_DIRECTLY = "Go to s3://BUCKET/PREFIX directly: that needs no list of buckets."


def connection_of(location: Location, connections: Connections) -> Connection:
    """The connection that reaches an object or a bucket.

    Raises:
        NeedsAnswer: ``needs-profile``.
    """
    if location.connection is None:
        raise NeedsAnswer("needs-profile", operation="reach", subject=str(location.place))
    return connections.get(location.connection)


# -- listings --------------------------------------------------------------------------------------


def list_into(
    question: Question,
    location: Location,
    show_hidden: bool,
    connections: Connections,
    fs: FsOps,
    starting: str = "",
) -> None:
    """Add the pages of one place to the question, as they come; of a prefix, what begins with `starting`."""
    place = location.place
    if isinstance(place, LocalRef):
        for page in iter_pages(place.path, fs, show_hidden=show_hidden, token=question.cancel):
            question.add_page(page)
        return
    connection = connection_of(location, connections)
    if not place.bucket:
        try:
            question.add_page(_bucket_page(connection))
        except TransferError as error:
            if error.code != "access-denied":
                raise
            question.fail(replace(explain(error, what=question.what), what_now=_GO_DIRECTLY))
        return
    for page in _object_pages(connection, place, question.cancel, starting):
        question.add_page(page if show_hidden else without_hidden(page), scanned=len(page))


def _bucket_page(connection: Connection) -> Page:
    page = PageBuilder()
    for name, created in connection.control.list_buckets():
        page.add(name, EntryKind.BUCKET, mtime=created or 0.0)
    return page.take()


def _object_pages(
    connection: Connection, place: ObjectRef, token: CancelToken, starting: str = ""
) -> Iterator[Page]:
    from engine.s3.listing import list_pages

    prefix = place.key if not place.key or place.key.endswith("/") else place.key + "/"
    pages = list_pages(connection, place.bucket, prefix + starting, delimiter="/", token=token)
    if not starting:
        return pages
    return (replace(page, names=[starting + name for name in page.names]) for page in pages)


def without_hidden(page: Page) -> Page:
    """The page without names that begin with a dot; the same one if there are none."""
    rows = [row for row, name in enumerate(page.names) if not name.startswith(".")]
    if len(rows) == len(page):
        return page
    return Page(
        [page.names[row] for row in rows],
        array("q", [page.sizes[row] for row in rows]),
        array("d", [page.mtimes[row] for row in rows]),
        bytearray(page.kinds[row] for row in rows),
        None if page.etags is None else [page.etags[row] for row in rows],
        None if page.storage_classes is None else [page.storage_classes[row] for row in rows],
    )


def bucket_names(connection: Connection) -> tuple[str, ...]:
    """The names of all buckets, sorted."""
    return tuple(sorted(name for name, _ in connection.control.list_buckets()))


# -- one place -------------------------------------------------------------------------------------


def free_space(location: Location, fs: FsOps) -> int:
    """Bytes an ordinary user may still write below a local folder."""
    place = location.place
    if not isinstance(place, LocalRef):
        raise UsageError("only local folders have free space")
    path = place.path
    while True:
        try:
            facts = fs.statvfs(path)
            return facts.f_bavail * facts.f_frsize
        except FileNotFoundError as error:
            # It may yet be made: the folder above tells where.
            above = os.path.dirname(path.rstrip("/"))
            if not above or above == path:
                raise local_error(error, "look at", place.path) from error
            path = above
        except OSError as error:
            raise local_error(error, "look at", place.path) from error


# -- endpoints -------------------------------------------------------------------------------------


def presign(location: Location, seconds: int, connections: Connections) -> str:
    """A link to one object."""
    place = location.place
    if not isinstance(place, ObjectRef) or not place.key:
        raise UsageError("links can be made for objects only")
    return connection_of(location, connections).control.presign(place, seconds)


def try_connection(connection: Connection, bucket: str, clock: Clock, token: CancelToken) -> ConnectionTest:
    """One question to the endpoint, timed."""
    began = clock.monotonic()
    buckets: int | None = None
    if bucket:
        next(iter(_object_pages(connection, ObjectRef(bucket), token)), None)
    else:
        try:
            buckets = len(connection.control.list_buckets())
        except TransferError as error:
            if error.code != "access-denied":
                raise
    seconds = clock.monotonic() - began
    return ConnectionTest(seconds, buckets, connection.endpoint.clock_offset)
