"""The questions about single objects, their versions, and whole buckets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from engine.browsing import buckets, preview, properties, versions
from engine.browsing.answers import Token
from engine.browsing.desk import Desk, Question
from engine.browsing.properties import PropertyChange
from engine.browsing.versions import Change
from engine.local.fsops import FsOps
from engine.model import ConnectionId, Location, ObjectRef
from engine.s3.facts import ObjectVersion

if TYPE_CHECKING:
    from engine.s3.connection import Connections


class ObjectDesk:
    """A part of `Browser`; what is promised there holds here."""

    _connections: Connections
    _fs: FsOps
    _desk: Desk

    def preview(
        self, location: Location, offset: int = 0, etag: str = "", most: int = preview.MOST_FETCHED
    ) -> Token:
        """A piece of a file or an object. Value: `Preview`.

        Args:
            offset: Where to begin; negative for the last bytes.
            etag: Of the content that is meant; empty for whatever it is now.
            most: Bytes to fetch: 64 KiB, unless more is asked for, and never more than 8 MiB.
        """

        def work(question: Question) -> None:
            seen = preview.preview(location, offset, etag, self._connections, self._fs, question.cancel, most)
            question.show(seen)

        return self._desk.ask(f"look into {location.place}", work)

    # -- versions ----------------------------------------------------------------------------------

    def versions(self, location: Location) -> Token:
        """Versions and delete markers of one object, or of all below a prefix. Value: `VersionListing`, growing."""

        def work(question: Question) -> None:
            for listing in versions.list_versions(location, self._connections, question.cancel):
                question.show(listing)

        return self._desk.ask(f"list versions of {location.place}", work)

    def restore_versions(self, location: Location, chosen: Sequence[ObjectVersion]) -> Token:
        """Make these what their keys mean again, in the bucket of `location`. Value: `ChangeProgress`, growing.

        An older version is copied on top of what is there; the newest delete marker is taken off. Of what
        could not be, the problems are ``use-queue`` (above 5 GiB), ``archived``, and what the server says.
        """
        return self._change("restore", versions.restore, location, chosen)

    def delete_versions(self, location: Location, chosen: Sequence[ObjectVersion]) -> Token:
        """Delete these versions and markers for good. Value: `ChangeProgress`, growing."""
        return self._change("delete", versions.delete, location, chosen)

    # -- properties --------------------------------------------------------------------------------

    def properties(self, location: Location) -> Token:
        """What can be changed of an object without its bytes. Value: `ObjectProperties`."""
        return self._desk.ask(
            f"look at {location.place}",
            lambda question: question.show(properties.look(location, self._connections)),
        )

    def change_properties(
        self, connection: ConnectionId, targets: Sequence[tuple[ObjectRef, str]], wanted: PropertyChange
    ) -> Token:
        """Change storage class, headers, metadata or tags. Value: `ChangeProgress`, growing.

        Args:
            targets: Each with the ETag of the content that is meant; empty for whatever it is now.
        """
        chosen = tuple(targets)

        def work(question: Question) -> None:
            for progress in properties.change(connection, chosen, wanted, self._connections, question.cancel):
                question.show(progress)

        return self._desk.ask(f"change {len(chosen)} objects", work)

    # -- buckets -----------------------------------------------------------------------------------

    def bucket_content(self, location: Location) -> Token:
        """What is in a bucket, older versions and unfinished uploads too. Value: `BucketContent`, growing."""

        def work(question: Question) -> None:
            for found in buckets.content(location, self._connections, question.cancel):
                question.show(found)

        return self._desk.ask(f"look into {location.place}", work)

    def remove_bucket(self, location: Location) -> Token:
        """Remove an empty bucket. Problems: ``bucket-not-empty``, and what the server says."""
        return self._desk.ask(
            f"remove {location.place}",
            lambda question: buckets.remove(location, self._connections, question.cancel),
        )

    def _change(
        self, verb: str, change: Change, location: Location, chosen: Sequence[ObjectVersion]
    ) -> Token:
        wanted = tuple(chosen)

        def work(question: Question) -> None:
            for progress in change(location, wanted, self._connections, question.cancel):
                question.show(progress)

        return self._desk.ask(f"{verb} versions in {location.place}", work)
