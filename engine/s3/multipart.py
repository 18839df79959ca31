"""Multipart uploads on the control plane: begin, look, complete, abort."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from engine.errors import NeedsAnswer, Permanent, Retryable, TransferError
from engine.model import ObjectRef, TransferOptions
from engine.s3.calls import Caller, Reply
from engine.s3.facts import (
    Completed,
    DonePart,
    OpenUpload,
    ServerPart,
    crc32_from_base64,
    crc32_to_base64,
    plain_etag,
    plain_version,
)
from engine.s3.params import (
    PART_MARKERS,
    UPLOAD_MARKERS,
    copy_source,
    decoded,
    payer,
    target_conditions,
    target_options,
    when,
)

if TYPE_CHECKING:
    from engine.s3.endpoint import Endpoint

_MOST_ABORTS = 5
"""Rounds of abort and look. Each part that was under way can make one more necessary."""

_MOST_PAGES = 10_000
"""Of one answer, ten million uploads: whoever sends more sends without end."""

UNSUPPORTED = ("bad-request", "not-supported")
"""What servers say to what they do not know."""

_GONE = ("upload-gone", "no-such-key")


class Uploads:
    """The calls on multipart uploads. Safe from any thread."""

    def __init__(self, endpoint: Endpoint, caller: Caller | None = None) -> None:
        self.id = endpoint.id
        self._caller = caller or Caller(endpoint)

    def close(self) -> None:
        """Close idle connections."""
        self._caller.close()

    def create_multipart(
        self,
        ref: ObjectRef,
        options: TransferOptions,
        *,
        checksum_mode: str,
        metadata: Mapping[str, str],
        content_type: str | None,
    ) -> str:
        """Begin an upload; its id.

        Args:
            checksum_mode: What the server is to check: ``full`` or ``composite`` CRC32; ``md5`` and
                ``none`` declare nothing.

        Raises:
            Permanent: ``not-supported``: try the next checksum mode.
        """
        params = {
            "Bucket": ref.bucket,
            "Key": ref.key,
            "Metadata": dict(metadata),
            **target_options(options),
            **payer(options.request_payer),
        }
        if content_type:
            params["ContentType"] = content_type
        if checksum_mode in ("full", "composite"):
            params["ChecksumAlgorithm"] = "CRC32"
        if checksum_mode == "full":
            params["ChecksumType"] = "FULL_OBJECT"
        try:
            reply = self._call(
                "create_multipart_upload",
                params,
                "begin to upload",
                str(ref),
                writes=True,
                needs=("UploadId",),
            )
        except TransferError as error:
            if checksum_mode in ("full", "composite") and error.code in UNSUPPORTED:
                raise Permanent("not-supported", **_facts_of(error)) from error
            raise
        return str(reply["UploadId"])

    def list_parts(self, ref: ObjectRef, upload_id: str, *, request_payer: bool = False) -> list[ServerPart]:
        """The parts the server has, by number.

        Raises:
            Retryable: ``upload-gone``.
        """
        params = {**_upload(ref, upload_id), **payer(request_payer)}
        found: dict[int, ServerPart] = {}
        for reply in self._pages("list_parts", params, "list the parts of", str(ref), PART_MARKERS):
            for part in reply.get("Parts") or ():
                number = int(part["PartNumber"])
                found[number] = ServerPart(
                    number,
                    int(part["Size"]),
                    plain_etag(part.get("ETag")),
                    crc32_from_base64(part.get("ChecksumCRC32")),
                )
        return [found[number] for number in sorted(found)]

    def declared_checksum(
        self, ref: ObjectRef, upload_id: str, *, request_payer: bool = False
    ) -> tuple[str, str]:
        """The checksum algorithm and type that an upload was begun with; empty where the server does not tell.

        Raises:
            Retryable: ``upload-gone``.
        """
        params = {**_upload(ref, upload_id), "MaxParts": 1, **payer(request_payer)}
        reply = self._call("list_parts", params, "look at an upload of", str(ref))
        return str(reply.get("ChecksumAlgorithm") or ""), str(reply.get("ChecksumType") or "")

    def complete_multipart(
        self,
        ref: ObjectRef,
        upload_id: str,
        parts: Sequence[DonePart],
        *,
        checksum_mode: str,
        whole_crc: int | None,
        size: int,
        if_none_match: bool = False,
        if_match: str | None = None,
        request_payer: bool = False,
    ) -> Completed:
        """Make the parts one object. May take minutes; asking again is safe.

        Args:
            whole_crc: CRC32 of the whole object, sent in mode ``full``.
            size: Of the whole object; checked by servers that know how.

        Raises:
            Retryable: ``upload-gone``: completed before, or lost; `server-error`: also where the
                failure came after the reply began as a success.
            Permanent: ``precondition``.
        """
        checked = checksum_mode in ("full", "composite")
        told = []
        for part in sorted(parts, key=lambda part: part.number):
            each = {"PartNumber": part.number, "ETag": f'"{part.etag}"'}
            if checked and part.crc is not None:
                each["ChecksumCRC32"] = crc32_to_base64(part.crc)
            told.append(each)
        params = {
            **_upload(ref, upload_id),
            "MultipartUpload": {"Parts": told},
            **target_conditions(if_none_match, if_match),
            **payer(request_payer),
        }
        if checksum_mode == "full" and whole_crc is not None:
            params |= {"ChecksumType": "FULL_OBJECT", "ChecksumCRC32": crc32_to_base64(whole_crc)}
        if self._caller.profile.endpoint_url is None:
            params["MpuObjectSize"] = size
        reply = self._call(
            "complete_multipart_upload",
            params,
            "complete",
            str(ref),
            writes=True,
            patient=True,
            needs=("ETag",),
        )
        return Completed(plain_etag(reply["ETag"]), plain_version(reply.get("VersionId")))

    def abort_multipart(self, ref: ObjectRef, upload_id: str, *, request_payer: bool = False) -> None:
        """Give an upload up, until the server has nothing of it any more. One that is gone is no error.

        Raises:
            Retryable: ``server-error``: it is still there after several rounds.
        """
        params = {**_upload(ref, upload_id), **payer(request_payer)}
        for _ in range(_MOST_ABORTS):
            if self._is_aborted(params, str(ref)):
                return
        raise Retryable("server-error", operation="abort", subject=str(ref), detail="it is still there")

    def _is_aborted(self, params: dict[str, Any], subject: str) -> bool:
        """Abort, and look whether parts that were under way have landed since."""
        try:
            self._call("abort_multipart_upload", params, "abort", subject, writes=True)
        except TransferError as error:
            if error.code in _GONE:
                return True
            raise
        try:
            reply = self._call("list_parts", {**params, "MaxParts": 1}, "abort", subject)
        except TransferError as error:
            # Who may write need not be allowed to list parts.
            if error.code in (*_GONE, *UNSUPPORTED, "access-denied"):
                return True
            raise
        return not reply.get("Parts")

    def list_uploads(self, bucket: str, prefix: str) -> list[OpenUpload]:
        """The unfinished uploads of keys below a prefix (which may be a whole key)."""
        found = {
            (each.key, each.upload_id): each for page in self.upload_pages(bucket, prefix) for each in page
        }
        return list(found.values())

    def upload_pages(self, bucket: str, prefix: str) -> Iterator[list[OpenUpload]]:
        """The same page by page, as the server lists them; one may come twice."""
        try:
            yield from self._upload_pages(bucket, prefix, {})
        except Retryable as error:
            if error.code != "server-error":
                raise
            # A key may hold what XML cannot. Encoded it can be told, but there are servers that
            # say that they encode and do not, so this comes second.
            yield from self._upload_pages(bucket, prefix, {"EncodingType": "url"})

    def _upload_pages(self, bucket: str, prefix: str, encoding: dict[str, str]) -> Iterator[list[OpenUpload]]:
        params = {"Bucket": bucket, "Prefix": prefix, **encoding}
        subject = str(ObjectRef(bucket, prefix))
        for reply in self._pages(
            "list_multipart_uploads", params, "list uploads of", subject, UPLOAD_MARKERS
        ):
            page = []
            for upload in reply.get("Uploads") or ():
                key, upload_id = decoded(reply, upload["Key"]), upload["UploadId"]
                if key.startswith(prefix):
                    page.append(OpenUpload(key, upload_id, when(upload.get("Initiated"))))
            yield page

    def upload_part_copy(
        self,
        source: ObjectRef,
        target: ObjectRef,
        upload_id: str,
        number: int,
        first: int,
        last: int,
        *,
        if_match: str,
        request_payer: bool = False,
    ) -> str:
        """Copy bytes `first` to `last` (both included) of an object into a part, on the server; its ETag.

        Args:
            if_match: The ETag that the source must still have; empty for "whatever it is".

        Raises:
            NeedsAnswer: ``object-changed``.
            Retryable: ``upload-gone``.
        """
        params = {
            **_upload(target, upload_id),
            "PartNumber": number,
            "CopySource": copy_source(source),
            "CopySourceRange": f"bytes={first}-{last}",
            **payer(request_payer),
        }
        if if_match:
            params["CopySourceIfMatch"] = f'"{if_match}"'
        try:
            reply = self._call(
                "upload_part_copy",
                params,
                f"copy part {number} to",
                str(target),
                writes=True,
                patient=True,
                needs=("CopyPartResult.ETag",),
            )
        except TransferError as error:
            if error.code == "precondition":
                raise NeedsAnswer("object-changed", operation="copy", subject=str(source)) from error
            raise
        return plain_etag(reply["CopyPartResult"].get("ETag"))

    # -- behind them -------------------------------------------------------------------------------

    def _call(
        self,
        name: str,
        params: Mapping[str, Any],
        operation: str,
        subject: str,
        *,
        writes: bool = False,
        patient: bool = False,
        needs: Sequence[str] = (),
    ) -> Reply:
        return self._caller.call(
            name, params, operation=operation, subject=subject, writes=writes, patient=patient, needs=needs
        )

    def _pages(
        self,
        name: str,
        params: Mapping[str, Any],
        operation: str,
        subject: str,
        markers: Mapping[str, str],
        within: str = "",
    ) -> Iterator[Reply]:
        """Every page of an answer that comes in pages.

        Args:
            markers: Which member of a page becomes which parameter of the next question.
            within: The member of the reply that holds markers and ``IsTruncated``, if not the reply.

        Raises:
            Retryable: ``bad-reply``: the pages go round in circles.
        """
        asked = dict(params)
        seen: set[tuple[object, ...]] = set()
        while True:
            reply = self._call(name, asked, operation, subject)
            yield reply
            page = (reply.get(within) or {}) if within else reply
            if not page.get("IsTruncated"):
                return
            following = {name: page.get(member) for member, name in markers.items() if page.get(member)}
            mark = tuple(following.values())
            if not mark or mark in seen or len(seen) >= _MOST_PAGES:
                detail = "the list goes round in circles"
                raise Retryable("bad-reply", operation=operation, subject=subject, detail=detail)
            seen.add(mark)
            if reply.get("EncodingType") == "url" and markers is UPLOAD_MARKERS:
                following["KeyMarker"] = decoded(reply, str(following["KeyMarker"]))
            asked = {**params, **following}


def _upload(ref: ObjectRef, upload_id: str) -> dict[str, Any]:
    return {"Bucket": ref.bucket, "Key": ref.key, "UploadId": upload_id}


def _facts_of(error: TransferError) -> dict[str, Any]:
    return {
        "operation": error.operation,
        "subject": error.subject,
        "detail": error.detail,
        "status": error.status,
        "request_id": error.request_id,
    }
