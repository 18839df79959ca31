"""The requests that happen once for each part or small object."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.errors import Permanent, Retryable, TransferError
from engine.model import ObjectRef
from engine.pace.cancel import CancelToken
from engine.pace.clock import Clock
from engine.s3.facts import ObjectFacts, crc32_from_base64, crc32_to_base64, plain_etag, plain_version
from engine.s3.wire.errors import error_for, is_page, parse_error
from engine.s3.wire.exchange import MAX_ERROR_BODY, Answer, Exchange, Pieces, Request
from engine.s3.wire.pool import Pool
from engine.s3.wire.reading import changed, check_reply

if TYPE_CHECKING:
    from engine.s3.endpoint import Endpoint


@dataclass(frozen=True, slots=True)
class PutReply:
    """What a server says of an object that it has just stored."""

    etag: str
    version_id: str | None = None
    crc32: int | None = None
    """Of the whole object, if it tells."""


class GetReply:
    """The answer to a GET; its body is read with `readinto`."""

    def __init__(self, facts: ObjectFacts, offset: int, length: int, answer: Answer) -> None:
        self.facts = facts
        """`ObjectFacts.size` is that of the whole object."""
        self.offset, self.length = offset, length
        self._answer = answer
        self._left = length

    def readinto(self, buffer: memoryview) -> int:
        """Some of the body; 0 only at its very end. The time between calls is nobody's fault.

        Raises:
            Retryable: ``truncated``, ``stalled``, ``connection-lost``.
            Interrupted: The token was cancelled.
        """
        if self._left == 0:
            return 0
        self._answer.resume()
        try:
            count = self._answer.read_into(buffer[: self._left])
        finally:
            self._answer.hold()
        if count == 0:
            raise Retryable("truncated", **self._answer.names, detail=f"{self._left} bytes are missing")
        self._left -= count
        return count


class Wire:
    """One endpoint's data plane. Safe from any thread; every method blocks until it is answered.

    All methods raise TransferError for what goes wrong (`wire.errors` says which), and Interrupted
    when `token` is cancelled, within a second and usually at once.
    """

    def __init__(self, endpoint: Endpoint, clock: Clock) -> None:
        self._endpoint = endpoint
        self._pool = Pool(ca_file=endpoint.ca_file(), proxies=endpoint.proxies())
        self._exchange = Exchange(endpoint, self._pool, clock)

    def close(self) -> None:
        """Close idle connections."""
        self._pool.close()

    # -- sending -----------------------------------------------------------------------------------

    def put_object(
        self,
        ref: ObjectRef,
        pieces: Pieces,
        length: int,
        *,
        body: memoryview | None = None,
        crc32: int | None = None,
        md5: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        if_none_match: bool = False,
        if_match: str | None = None,
        token: CancelToken,
        request_payer: bool = False,
    ) -> PutReply:
        """Store an object in one request.

        Args:
            pieces: Makes the body, anew each time it is called.
            length: Bytes.
            body: All of it, where it is at hand and may be sent as fast as can be.
            crc32: Of the body; the server refuses it if it is not.
            md5: The same with MD5.
            headers: Metadata and the like; lower-case names.
            if_none_match: Only if nothing has that key: else Permanent ``precondition``.
            if_match: Only if the object there has this ETag.
        """
        sent = {**(headers or {}), **_checksum_headers(crc32, md5), **_payer(request_payer)}
        if if_none_match:
            sent["if-none-match"] = "*"
        elif if_match is not None:
            sent["if-match"] = f'"{if_match}"'
        request = Request(
            "PUT", ref.bucket, ref.key, (), sent, pieces, length, body, operation="upload", subject=str(ref)
        )
        headers, etag = self._put(request, token)
        version = plain_version(headers.get("x-amz-version-id"))
        return PutReply(etag, version, crc32_from_base64(headers.get("x-amz-checksum-crc32")))

    def upload_part(
        self,
        ref: ObjectRef,
        upload_id: str,
        number: int,
        pieces: Pieces,
        length: int,
        *,
        crc32: int | None = None,
        md5: bytes | None = None,
        token: CancelToken,
        request_payer: bool = False,
    ) -> str:
        """Store one part of a multipart upload; returns its ETag."""
        request = Request(
            "PUT",
            ref.bucket,
            ref.key,
            (("partNumber", str(number)), ("uploadId", upload_id)),
            {**_checksum_headers(crc32, md5), **_payer(request_payer)},
            pieces,
            length,
            operation=f"upload part {number} of",
            subject=str(ref),
        )
        return self._put(request, token)[1]

    def _put(self, request: Request, token: CancelToken) -> tuple[Mapping[str, str], str]:
        """Headers and ETag of the answer.

        Raises:
            Permanent: ``read-only``; ``not-s3``: a page came instead.
            Retryable: The success has an error inside, or no ETag.
        """
        endpoint, operation, subject = self._endpoint, request.operation, request.subject
        if endpoint.profile.read_only:
            raise Permanent("read-only", operation=operation, subject=subject)
        with self._exchange.ask(request, token, (200,)) as answer:
            body = answer.read_all(MAX_ERROR_BODY)
        headers = answer.head.headers
        if body and (found := parse_error(body)).is_xml:
            raise error_for(
                found.code,
                500,
                message=found.message,
                operation=operation,
                subject=subject,
                connection_id=endpoint.id,
                request_id=found.request_id,
            )
        etag = plain_etag(headers.get("etag"))
        if not etag:
            raise _odd_success(request, is_page(body))
        endpoint.has_answered = True
        return headers, etag

    # -- receiving ---------------------------------------------------------------------------------

    @contextmanager
    def get_object(
        self,
        ref: ObjectRef,
        *,
        offset: int = 0,
        length: int | None = None,
        if_match: str | None = None,
        checksum: bool = False,
        token: CancelToken,
        request_payer: bool = False,
    ) -> Iterator[GetReply]:
        """An object, or `length` bytes of it from `offset`; the body is read inside the ``with`` block.

        Args:
            if_match: The ETag it must (still) have.
            checksum: Ask for its checksums too.

        Raises:
            NeedsAnswer: ``object-changed``.
            Retryable, Permanent: The reply is not what was asked for.
        """
        headers = _payer(request_payer)
        if length is not None:
            headers["range"] = f"bytes={offset}-{offset + length - 1}"
        elif offset:
            headers["range"] = f"bytes={offset}-"
        if if_match is not None:
            headers["if-match"] = f'"{if_match}"'
        if checksum:
            headers["x-amz-checksum-mode"] = "ENABLED"
        request = _read("GET", ref, headers, "download")
        try:
            with self._exchange.ask(request, token, (200, 206)) as answer:
                answer.hold()
                facts, expected = check_reply(request, answer.head, offset, length, if_match)
                self._endpoint.has_answered = True
                yield GetReply(facts, offset, expected, answer)
        except Permanent as error:
            # A range past the end: it has become shorter.
            if (if_match is not None and error.status == 412) or error.status == 416:
                raise changed(request, error.detail) from error
            raise

    def head_object(
        self, ref: ObjectRef, *, checksum: bool = True, token: CancelToken, request_payer: bool = False
    ) -> ObjectFacts:
        """What there is to know of an object."""
        headers = _payer(request_payer)
        if checksum:
            headers["x-amz-checksum-mode"] = "ENABLED"
        request = _read("HEAD", ref, headers, "look at")
        with self._exchange.ask(request, token, (200,)) as answer:
            facts = check_reply(request, answer.head, 0, None, None)[0]
            if facts.etag:  # Else it may be a page, with the headers of some proxy.
                self._endpoint.has_answered = True
            return facts

    def get_text(
        self,
        bucket: str,
        query: tuple[tuple[str, str], ...],
        *,
        operation: str,
        subject: str,
        most: int,
        token: CancelToken,
        headers: Mapping[str, str] | None = None,
    ) -> bytes:
        """The body of a small GET, up to `most` bytes (listings).

        Raises:
            Permanent: ``not-s3``: it is longer than that.
        """
        request = Request("GET", bucket, "", query, dict(headers or {}), operation=operation, subject=subject)
        with self._exchange.ask(request, token, (200,)) as answer:
            body = answer.read_all(most)
            if not answer.is_at_end:
                if len(body) < most:
                    raise Retryable("truncated", operation=operation, subject=subject)
                raise Permanent(
                    "not-s3", operation=operation, subject=subject, detail="the reply does not end"
                )
            return body


def _read(method: str, ref: ObjectRef, headers: dict[str, str], operation: str) -> Request:
    query = (("versionId", ref.version_id),) if ref.version_id is not None else ()
    return Request(method, ref.bucket, ref.key, query, headers, operation=operation, subject=str(ref))


def _odd_success(request: Request, has_page: bool) -> TransferError:
    known: dict[str, Any] = {"operation": request.operation, "subject": request.subject}
    if has_page:
        return Permanent("not-s3", **known, detail="a page came instead of an answer", status=200)
    return Retryable("bad-reply", **known, detail="no ETag", status=200)


def _checksum_headers(crc32: int | None, md5: bytes | None) -> dict[str, str]:
    headers = {}
    if crc32 is not None:
        headers["x-amz-checksum-crc32"] = crc32_to_base64(crc32)
        headers["x-amz-sdk-checksum-algorithm"] = "CRC32"
    if md5 is not None:
        headers["content-md5"] = base64.b64encode(md5).decode("ascii")
    return headers


def _payer(request_payer: bool) -> dict[str, str]:
    return {"x-amz-request-payer": "requester"} if request_payer else {}
