"""What a bucket holds, with all that a listing does not show; and its removal once it holds nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from engine.browsing.questions import connection_of
from engine.errors import Permanent, TransferError, UsageError
from engine.model import Location, ObjectRef
from engine.pace.cancel import CancelToken

if TYPE_CHECKING:
    from engine.s3.connection import Connection, Connections

MOST_COUNTED = 10_000
"""Beyond that it does not matter how full a bucket is that should be empty."""


@dataclass(frozen=True, slots=True)
class BucketContent:
    """What stands in the way of removing a bucket, as far as it was counted."""

    objects: int = 0
    older: int = 0
    """Versions that are not current."""
    markers: int = 0
    uploads: int = 0
    """Begun and not ended."""
    is_cut: bool = False
    """There is more: counting ended at `MOST_COUNTED`."""

    @property
    def is_empty(self) -> bool:
        """The bucket can be removed."""
        return not (self.objects or self.older or self.markers or self.uploads)

    def __str__(self) -> str:
        named = (
            (self.objects, "object"),
            (self.older, "older version"),
            (self.markers, "delete marker"),
            (self.uploads, "unfinished upload"),
        )
        said = ", ".join(f"{count:,} {noun}{'' if count == 1 else 's'}" for count, noun in named if count)
        return f"more than {said}" if self.is_cut else said or "nothing"


def content(location: Location, connections: Connections, token: CancelToken) -> Iterator[BucketContent]:
    """Count what is in a bucket.

    Raises:
        TransferError: What the server says.
        Interrupted: Nobody waits for it any more.
    """
    connection, bucket = connection_of(location, connections), _bucket(location)
    found = BucketContent(uploads=len(connection.control.list_uploads(bucket, "")))
    yield found
    for objects, older, markers in _counts(connection, bucket, token):
        found = replace(
            found,
            objects=found.objects + objects,
            older=found.older + older,
            markers=found.markers + markers,
        )
        if found.objects + found.older + found.markers >= MOST_COUNTED:
            yield replace(found, is_cut=True)
            return
        yield found


def _counts(connection: Connection, bucket: str, token: CancelToken) -> Iterator[tuple[int, int, int]]:
    from engine.s3.listing import list_pages

    try:
        for page in connection.control.version_pages(bucket, ""):
            token.check()
            markers = sum(version.is_marker for version in page)
            objects = sum(version.is_latest and not version.is_marker for version in page)
            yield objects, len(page) - objects - markers, markers
    except TransferError as error:
        if error.code != "not-supported":
            raise
        for names in list_pages(connection, bucket, "", delimiter=None, token=token):
            yield len(names), 0, 0


def remove(location: Location, connections: Connections, token: CancelToken) -> None:
    """Remove a bucket that is empty.

    It is looked into first, because there are servers (SeaweedFS) that remove full ones too. What somebody
    puts there in the moment between is theirs to answer for: no server offers a condition for it.

    Raises:
        Permanent: ``bucket-not-empty``, with what is in it; ``read-only``.
        TransferError: What the server says.
    """
    connection, bucket = connection_of(location, connections), _bucket(location)
    if connection.profile.read_only:
        raise Permanent("read-only", operation="remove", subject=str(location.place))
    for found in content(location, connections, token):
        if not found.is_empty:
            raise Permanent(
                "bucket-not-empty", operation="remove", subject=str(location.place), detail=str(found)
            )
    connection.control.remove_bucket(bucket)


def _bucket(location: Location) -> str:
    place = location.place
    if not isinstance(place, ObjectRef) or not place.bucket or place.key:
        raise UsageError("that is not a bucket")
    return place.bucket
