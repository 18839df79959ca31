"""Versions of objects: listed as they come, restored, and deleted for good."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.browsing.changes import MOST_COPIED_AT_ONCE
from engine.browsing.questions import connection_of
from engine.errors import Permanent, Problem, TransferError, UsageError, explain
from engine.model import Location, ObjectRef, TransferOptions
from engine.pace.cancel import CancelToken
from engine.s3.facts import ObjectVersion

if TYPE_CHECKING:
    from engine.s3.connection import Connection, Connections

MOST_LISTED = 50_000
"""Versions that are listed at most: a prefix may have millions, and nobody reads so many."""

MOST_AT_ONCE = 1000
"""Of DeleteObjects."""

_STANDARD = ("", "STANDARD")
_OF_ALL = ("read-only", "no-such-bucket", "wrong-key", "wrong-secret", "credentials", "offline")
"""Problems that the next version would meet too."""


@dataclass(frozen=True, slots=True)
class VersionListing:
    """The versions below one place, as far as they have come."""

    versioning: str
    """``enabled``, ``suspended`` or ``off``; empty where one may not ask."""
    pages: tuple[tuple[ObjectVersion, ...], ...] = ()
    """By key, of each key the newest first."""
    is_cut: bool = False
    """There are more than `MOST_LISTED`; the rest was not listed."""


@dataclass(frozen=True, slots=True)
class ChangeProgress:
    """How far a change of several versions or objects is."""

    total: int
    done: int = 0
    """Those that are changed."""
    failed: tuple[tuple[ObjectRef, Problem], ...] = ()
    """What could not be changed, and why."""


Change = Callable[
    [Location, Sequence[ObjectVersion], "Connections", CancelToken],
    Iterator[ChangeProgress],
]


def list_versions(
    location: Location, connections: Connections, token: CancelToken
) -> Iterator[VersionListing]:
    """The versions of one object, or of all whose keys begin with a prefix.

    Raises:
        TransferError: What the server says.
        Interrupted: Nobody waits for it any more.
    """
    connection, place = connection_of(location, connections), _in_a_bucket(location)
    found = VersionListing(_versioning(connection, place.bucket))
    yield found
    is_one = bool(place.key) and not place.key.endswith("/")
    count = 0
    for page in connection.control.version_pages(place.bucket, place.key):
        token.check()
        mine = [version for version in page if version.key == place.key] if is_one else page
        count += len(mine)
        found = VersionListing(found.versioning, (*found.pages, tuple(mine)), count >= MOST_LISTED)
        yield found
        # A key comes before all that only begin with it.
        if found.is_cut or len(mine) < len(page):
            return


def _versioning(connection: Connection, bucket: str) -> str:
    try:
        return connection.control.bucket_versioning(bucket)
    except TransferError as error:
        # Who may list need not be allowed to ask for this, and not every server knows it.
        if error.code not in ("access-denied", "not-supported", "bad-request", "no-such-key"):
            raise
        return ""


def _in_a_bucket(location: Location) -> ObjectRef:
    if not isinstance(location.place, ObjectRef) or not location.place.bucket:
        raise UsageError("versions are kept of objects only")
    return location.place


# -- changes ---------------------------------------------------------------------------------------


def restore(
    location: Location, chosen: Sequence[ObjectVersion], connections: Connections, token: CancelToken
) -> Iterator[ChangeProgress]:
    """Copy older versions on top of what is there, and take newest delete markers off, one by one."""
    connection, bucket = connection_of(location, connections), _in_a_bucket(location).bucket
    progress = ChangeProgress(len(chosen))
    yield progress
    for version in chosen:
        token.check()
        failed: tuple[tuple[ObjectRef, Problem], ...] = ()
        try:
            _restore(connection, bucket, version)
        except TransferError as error:
            if error.code in _OF_ALL:
                raise
            failed = ((ObjectRef(bucket, version.key, version.version_id), explain(error)),)
        progress = ChangeProgress(progress.total, progress.done + (not failed), (*progress.failed, *failed))
        yield progress


def _restore(connection: Connection, bucket: str, version: ObjectVersion) -> None:
    ref = ObjectRef(bucket, version.key, version.version_id)
    if version.is_marker:
        _delete(connection, bucket, [ref])
        return
    if version.size > MOST_COPIED_AT_ONCE:
        detail = "a version above 5 GiB is copied in parts"
        raise Permanent("use-queue", operation="restore", subject=str(ref), detail=detail)
    kept = None if version.storage_class in _STANDARD else version.storage_class
    connection.control.copy_object(
        ref,
        ObjectRef(bucket, version.key),
        if_match=version.etag,
        options=TransferOptions(storage_class=kept),
    )


def delete(
    location: Location, chosen: Sequence[ObjectVersion], connections: Connections, token: CancelToken
) -> Iterator[ChangeProgress]:
    """Delete versions and markers for good, a thousand at a time."""
    connection, bucket = connection_of(location, connections), _in_a_bucket(location).bucket
    progress = ChangeProgress(len(chosen))
    yield progress
    for start in range(0, len(chosen), MOST_AT_ONCE):
        token.check()
        refs = [ObjectRef(bucket, v.key, v.version_id) for v in chosen[start : start + MOST_AT_ONCE]]
        refused = connection.control.delete_versions(bucket, refs)
        failed = tuple((ref, explain(error)) for ref, error in refused.items())
        progress = ChangeProgress(
            progress.total, progress.done + len(refs) - len(failed), (*progress.failed, *failed)
        )
        yield progress


def _delete(connection: Connection, bucket: str, refs: list[ObjectRef]) -> None:
    for error in connection.control.delete_versions(bucket, refs).values():
        raise error
