"""Versions of objects on the control plane: list them, delete some for good."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from engine.errors import TransferError, UsageError
from engine.model import ObjectRef
from engine.s3.calls import Reply
from engine.s3.facts import ObjectVersion, plain_etag
from engine.s3.multipart import Uploads
from engine.s3.params import VERSION_MARKERS, fits_xml, named, when
from engine.s3.permissions import permission_for
from engine.s3.wire.errors import error_for

MOST_DELETED_AT_ONCE = 1000

OF_ONE_OBJECT = ("access-denied", "bad-request", "key-refused", "name-not-utf8", "not-supported")
"""Refusals that say nothing of other objects."""

_GONE = ("NoSuchKey", "NoSuchVersion")


class Versions(Uploads):
    """The calls on versions. Safe from any thread."""

    def bucket_versioning(self, bucket: str) -> str:
        """Whether a bucket keeps versions: ``enabled``, ``suspended``, or ``off`` where it never did."""
        reply = self._call("get_bucket_versioning", {"Bucket": bucket}, "look at", str(ObjectRef(bucket)))
        return str(reply.get("Status") or "off").lower()

    def version_pages(self, bucket: str, prefix: str) -> Iterator[list[ObjectVersion]]:
        """Versions and delete markers of all keys that begin so: by key, of each the newest first.

        Raises:
            TransferError: What the server says.
        """
        params = {"Bucket": bucket, "Prefix": prefix}
        subject = str(ObjectRef(bucket, prefix))
        pages = self._pages("list_object_versions", params, "list versions of", subject, VERSION_MARKERS)
        for reply in pages:
            yield sorted(_versions(reply), key=_order)

    def delete_versions(self, bucket: str, versions: Sequence[ObjectRef]) -> dict[ObjectRef, TransferError]:
        """Delete up to 1,000 versions or markers for good; those that could not be, with the reason.

        Raises:
            TransferError: Nothing was deleted, or it is not known what was.
        """
        if len(versions) > MOST_DELETED_AT_ONCE or not all(ref.version_id for ref in versions):
            raise UsageError(f"at most {MOST_DELETED_AT_ONCE:,} versions are deleted at once, each by its id")
        self._caller.check_writable("delete", str(ObjectRef(bucket)))
        failed: dict[ObjectRef, TransferError] = {}
        for ref in versions:
            if not fits_xml(ref.key):
                try:
                    self._call("delete_object", named(ref), "delete", str(ref), writes=True)
                except TransferError as error:
                    if error.code not in (*OF_ONE_OBJECT, "no-such-key"):
                        raise
                    if error.code != "no-such-key":
                        failed[ref] = error
        plain = [{"Key": ref.key, "VersionId": ref.version_id} for ref in versions if fits_xml(ref.key)]
        if not plain:
            return failed
        params = {"Bucket": bucket, "Delete": {"Objects": plain, "Quiet": True}}
        reply = self._call("delete_objects", params, "delete", str(ObjectRef(bucket)), writes=True)
        for told in reply.get("Errors") or ():
            if told.get("Code", "") not in _GONE:
                ref = ObjectRef(bucket, told.get("Key", ""), told.get("VersionId"))
                failed[ref] = self.refusal_of(ref, told.get("Code", ""), told.get("Message", ""))
        return failed

    def refusal_of(self, ref: ObjectRef, code: str, message: str) -> TransferError:
        """Why one of several objects was not deleted."""
        status = {"AccessDenied": 403, "InternalError": 500, "SlowDown": 503}.get(code, 400)
        return error_for(
            code,
            status,
            message=message,
            operation="delete",
            subject=str(ref),
            connection_id=self.id,
            permission=permission_for("delete_objects", of_version=ref.version_id is not None),
        )


def _versions(reply: Reply) -> Iterator[ObjectVersion]:
    for told in reply.get("Versions") or ():
        yield ObjectVersion(
            told["Key"],
            told.get("VersionId") or "null",
            when(told.get("LastModified")),
            int(told.get("Size", -1)),
            bool(told.get("IsLatest")),
            etag=plain_etag(told.get("ETag")),
            storage_class=told.get("StorageClass") or "",
        )
    for told in reply.get("DeleteMarkers") or ():
        yield ObjectVersion(
            told["Key"],
            told.get("VersionId") or "null",
            when(told.get("LastModified")),
            is_latest=bool(told.get("IsLatest")),
            is_marker=True,
        )


def _order(version: ObjectVersion) -> tuple[str, bool, float]:
    """Markers come apart from the versions between which they stand."""
    return version.key, not version.is_latest, -version.mtime
