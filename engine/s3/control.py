"""The control plane: what happens once per bucket, listing or large object, through botocore."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from engine.errors import NeedsAnswer, Permanent, TransferError, UsageError
from engine.model import ObjectRef, TransferOptions
from engine.s3.calls import headers_of
from engine.s3.endpoint import DEFAULT_REGION
from engine.s3.facts import (
    Completed,
    DonePart,
    ObjectFacts,
    OpenUpload,
    ServerPart,
    crc32_from_base64,
    object_facts,
)
from engine.s3.multipart import UNSUPPORTED
from engine.s3.params import (
    ATTRIBUTE_MARKERS,
    copy_source,
    fits_xml,
    named,
    payer,
    target_conditions,
    target_options,
    when,
)
from engine.s3.replies import ReplyRefused
from engine.s3.rewriting import Rewriting
from engine.s3.settings import BucketSettings
from engine.s3.tags import ObjectExtras
from engine.s3.versions import MOST_DELETED_AT_ONCE, OF_ONE_OBJECT, Versions

__all__ = ["Completed", "Control", "DonePart", "ObjectFacts", "OpenUpload", "ServerPart"]

LONGEST_LINK = 7 * 24 * 3600
"""Seconds a presigned link may last, by signature version 4."""

_EMPTY_MD5 = "1B2M2Y8AsgTpgAmY7PhCfg=="

_MOST_PARTS_ASKED = 2000
"""Parts asked for one by one where the server does not list them; more are not worth a HEAD each."""


class Control(Versions, ObjectExtras, BucketSettings, Rewriting):
    """Calls on buckets and objects; all others of the control plane are inherited.

    Guarantees:
        Every method is safe from any thread, takes at most one repetition, and ends within its
        timeouts. Redirects are never followed. What fails is a `TransferError`.
    """

    # -- buckets -----------------------------------------------------------------------------------

    def list_buckets(self) -> list[tuple[str, float]]:
        """Names and times of creation (0.0 where unknown)."""
        reply = self._call("list_buckets", {}, "list buckets of", str(self.id), needs=("Buckets", "Owner"))
        return [(bucket["Name"], when(bucket.get("CreationDate"))) for bucket in reply.get("Buckets") or ()]

    def bucket_region(self, bucket: str) -> str | None:
        """The region a bucket is in; ``None`` where the server has none.

        Raises:
            TransferError: The bucket does not exist, or may not be asked about.
        """
        try:
            reply = self._call("head_bucket", {"Bucket": bucket}, "look at", str(ObjectRef(bucket)))
        except TransferError as error:
            # A denial and a redirect tell it too.
            if region := _region_told(error.__cause__):
                return region
            raise _as_bucket(error) from error
        return headers_of(reply).get("x-amz-bucket-region")

    def make_bucket(self, bucket: str) -> None:
        """Make a bucket in the profile's region.

        Raises:
            NeedsAnswer: ``target-exists``, ours or somebody else's.
        """
        region, is_aws = self._caller.endpoint.region, self._caller.profile.endpoint_url is None
        plain: dict[str, Any] = {"Bucket": bucket}
        placed = {**plain, "CreateBucketConfiguration": {"LocationConstraint": region}}
        subject = str(ObjectRef(bucket))
        if is_aws and region != DEFAULT_REGION:
            self._call("create_bucket", placed, "make", subject, writes=True)
            return
        try:
            self._call("create_bucket", plain, "make", subject, writes=True)
        except TransferError as error:
            # Other servers have their own ideas of regions: only some want to be told.
            if error.code != "wrong-region" or is_aws or region == DEFAULT_REGION:
                raise
            self._call("create_bucket", placed, "make", subject, writes=True)

    # -- objects -----------------------------------------------------------------------------------

    def head(
        self,
        ref: ObjectRef,
        *,
        checksum: bool = True,
        part_number: int | None = None,
        request_payer: bool = False,
    ) -> ObjectFacts:
        """Facts of one object; see `described`."""
        return self.described(ref, checksum=checksum, part_number=part_number, request_payer=request_payer)[0]

    def described(
        self,
        ref: ObjectRef,
        *,
        checksum: bool = True,
        part_number: int | None = None,
        request_payer: bool = False,
    ) -> tuple[ObjectFacts, Mapping[str, str]]:
        """Facts of one object, and all headers that came with them, by lower-case name.

        Args:
            checksum: Ask for its checksum too.
            part_number: Ask about one stored part: `size` and checksum are the part's, and
                `parts_count` is told.

        Raises:
            Permanent: ``no-such-key``, also where the bucket does not exist: a HEAD cannot tell.
        """
        params = named(ref) | payer(request_payer)
        if checksum:
            params["ChecksumMode"] = "ENABLED"
        if part_number is not None:
            params["PartNumber"] = part_number
        try:
            reply = self._call("head_object", params, "look at", str(ref))
        except TransferError as error:
            if error.status in (400, 403) and error.code != "wrong-region":
                self._ask_why(params, str(ref))
            raise
        headers = headers_of(reply)
        size = headers.get("content-length", "")
        if "etag" not in headers or not size.isdecimal():
            raise Permanent("not-s3", operation="look at", subject=str(ref), detail="no ETag or no size came")
        return object_facts(headers, int(size)), headers

    def _ask_why(self, head: Mapping[str, Any], subject: str) -> None:
        """Ask for one byte of what a HEAD was refused: only then a reason is given (expired credentials).

        Raises:
            TransferError: The reason.
        """
        params = {name: value for name, value in head.items() if name not in ("ChecksumMode", "PartNumber")}
        reply = self._call("get_object", {**params, "Range": "bytes=0-0"}, "look at", subject)
        reply["Body"].close()

    def put_marker(self, bucket: str, key: str) -> None:
        """Put an empty object, which shows as a folder if its key ends in ``/``."""
        params: dict[str, Any] = {"Bucket": bucket, "Key": key, "Body": b""}
        if not bucket.endswith("--x-s3"):  # Directory buckets know no MD5.
            params["ContentMD5"] = _EMPTY_MD5
        self._call("put_object", params, "make", str(ObjectRef(bucket, key)), writes=True, needs=("ETag",))

    def presign(self, ref: ObjectRef, seconds: int) -> str:
        """A link with which anybody may read the object for `seconds`. A secret; no network.

        Raises:
            UsageError: It would last longer than S3 allows.
        """
        if not 0 < seconds <= LONGEST_LINK:
            raise UsageError("a link lasts between 1 second and 7 days")
        try:
            link = self._caller.client().generate_presigned_url(
                "get_object", Params=named(ref), ExpiresIn=seconds
            )
        except (BotoCoreError, ValueError) as error:
            raise self._caller.explained(error, "sign a link to", str(ref)) from error
        return str(link)

    def copy_object(
        self,
        old: ObjectRef,
        new: ObjectRef,
        *,
        if_match: str,
        options: TransferOptions,
        if_none_match: bool = False,
    ) -> None:
        """Copy up to 5 GiB on the server, with its metadata.

        Args:
            if_match: The ETag that the source must still have; empty for "whatever it is".
            if_none_match: Only if nothing has the new name.

        Raises:
            NeedsAnswer: ``object-changed``: the source is not the one that was meant.
            Permanent: ``precondition``: the new name is taken.
        """
        params = {
            "Bucket": new.bucket,
            "Key": new.key,
            "CopySource": copy_source(old),
            **target_options(options),
            **target_conditions(if_none_match, None),
        }
        if if_match:
            params["CopySourceIfMatch"] = f'"{if_match}"'
        try:
            self._call(
                "copy_object",
                params,
                "copy to",
                str(new),
                writes=True,
                patient=True,
                needs=("CopyObjectResult.ETag",),
            )
        except TransferError as error:
            if error.code == "precondition" and if_match and not (if_none_match and self._is_there(new)):
                raise NeedsAnswer("object-changed", operation="copy", subject=str(old)) from error
            raise

    def _is_there(self, ref: ObjectRef) -> bool:
        try:
            self.head(ref, checksum=False)
        except TransferError as error:
            return error.code != "no-such-key"
        return True

    def delete_object(self, ref: ObjectRef) -> bool:
        """Delete one object (or one version of it). One that is gone already is no error.

        Returns:
            The bucket keeps versions: a delete marker hides what was there.
        """
        try:
            reply = self._call("delete_object", named(ref), "delete", str(ref), writes=True)
        except TransferError as error:
            if error.code != "no-such-key":
                raise
            return False
        return ref.version_id is None and bool(reply.get("DeleteMarker"))

    def delete_objects(self, bucket: str, keys: Sequence[str]) -> dict[str, TransferError]:
        """Delete up to 1,000 objects; those that could not be, with the reason.

        Raises:
            TransferError: Nothing was deleted, or it is not known what was.
        """
        if len(keys) > MOST_DELETED_AT_ONCE:
            raise UsageError(f"at most {MOST_DELETED_AT_ONCE:,} objects are deleted at once")
        self._caller.check_writable("delete", str(ObjectRef(bucket)))
        failed: dict[str, TransferError] = {}
        plain = [key for key in keys if fits_xml(key)]
        for key in keys:
            if not fits_xml(key):
                try:
                    self.delete_object(ObjectRef(bucket, key))
                except TransferError as error:
                    if error.code not in OF_ONE_OBJECT:
                        raise
                    failed[key] = error
        if not plain:
            return failed
        wanted = {"Objects": [{"Key": key} for key in plain], "Quiet": True}
        params = {"Bucket": bucket, "Delete": wanted}
        reply = self._call("delete_objects", params, "delete", str(ObjectRef(bucket)), writes=True)
        for told in reply.get("Errors") or ():
            key, code = told.get("Key", ""), told.get("Code", "")
            if code not in ("NoSuchKey", "NoSuchVersion"):
                failed[key] = self.refusal_of(ObjectRef(bucket, key), code, told.get("Message", ""))
        return failed

    # -- checksums ---------------------------------------------------------------------------------

    def part_checksums(self, ref: ObjectRef, *, request_payer: bool = False) -> list[tuple[int, int]] | None:
        """Size and CRC32 of each part of a composite object, in order; ``None`` if not offered."""
        try:
            listed = self._listed_checksums(ref, request_payer)
        except TransferError as error:
            # Who may read need not be allowed to ask for attributes, and not every server knows them.
            if error.code not in ("access-denied", *UNSUPPORTED, "not-s3"):
                raise
            listed = None
        return listed or self._asked_checksums(ref, request_payer)

    def _listed_checksums(self, ref: ObjectRef, request_payer: bool) -> list[tuple[int, int]] | None:
        found: list[tuple[int, int]] = []
        params = {
            **named(ref),
            "ObjectAttributes": ["ObjectParts", "ObjectSize"],
            **payer(request_payer),
        }
        size = -1
        for reply in self._pages(
            "get_object_attributes",
            params,
            "look at the parts of",
            str(ref),
            ATTRIBUTE_MARKERS,
            "ObjectParts",
        ):
            size = reply.get("ObjectSize", -1)
            for part in (reply.get("ObjectParts") or {}).get("Parts") or ():
                crc = crc32_from_base64(part.get("ChecksumCRC32"))
                if crc is None:
                    return None
                found.append((int(part["Size"]), crc))
        return found if size in (-1, sum(part[0] for part in found)) else None

    def _asked_checksums(self, ref: ObjectRef, request_payer: bool) -> list[tuple[int, int]] | None:
        found: list[tuple[int, int]] = []
        count = 1
        while len(found) < count:
            try:
                part = self.head(ref, part_number=len(found) + 1, request_payer=request_payer)
            except TransferError as error:
                if error.code in UNSUPPORTED:
                    return None
                raise
            if part.crc32 is None or not part.parts_count or part.parts_count > _MOST_PARTS_ASKED:
                return None
            count = part.parts_count
            found.append((part.size, part.crc32))
        return found


def _region_told(cause: BaseException | None) -> str:
    if isinstance(cause, ReplyRefused):
        return cause.region
    return headers_of(cause.response).get("x-amz-bucket-region", "") if isinstance(cause, ClientError) else ""


def _as_bucket(error: TransferError) -> TransferError:
    """A HEAD's bare 404 is about the bucket here."""
    if error.code != "no-such-key":
        return error
    return Permanent(
        "no-such-bucket",
        operation=error.operation,
        subject=error.subject,
        status=404,
        request_id=error.request_id,
    )
