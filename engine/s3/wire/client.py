"""The requests that happen once for each part or small object."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.errors import NeedsAnswer, Permanent, Retryable, TransferError
from engine.model import ObjectRef
from engine.pace.cancel import CancelToken
from engine.pace.clock import Clock
from engine.s3.facts import ObjectFacts, crc32_from_base64, crc32_to_base64, object_facts
from engine.s3.wire.exchange import Exchange, Pieces, Request
from engine.s3.wire.http import Head, HttpConnection
from engine.s3.wire.pool import Pool

if TYPE_CHECKING:
    from engine.s3.endpoint import Endpoint

_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)")


@dataclass(frozen=True, slots=True)
class PutReply:
    """What a server says of an object that it has just stored."""

    etag: str
    version_id: str | None = None
    crc32: int | None = None
    """Of the whole object, if it tells."""


class GetReply:
    """The answer to a GET; its body is read with `readinto`."""

    def __init__(self, facts: ObjectFacts, offset: int, length: int, connection: HttpConnection) -> None:
        self.facts, self.offset, self.length = facts, offset, length
        self._connection = connection
        self._left = length

    def readinto(self, buffer: memoryview) -> int:
        """Some of the body; 0 only at its very end.

        Raises:
            Retryable: ``truncated``, ``stalled``, ``connection-lost``.
            Interrupted: The token was cancelled.
        """
        if self._left == 0:
            return 0
        guard = self._connection.guard
        if guard is not None:
            guard.resume()
        count = self._connection.read_into(buffer[: self._left])
        if guard is not None:
            guard.hold()
        if count == 0:
            raise Retryable("truncated", detail=f"{self._left} bytes are missing")
        self._left -= count
        return count


class Wire:
    """One endpoint's data plane. Safe from any thread; every method blocks until it is answered.

    All methods raise TransferError for what goes wrong (`wire.errors` says which), and Interrupted
    when `token` is cancelled, within a second and usually at once.
    """

    def __init__(self, endpoint: Endpoint, clock: Clock) -> None:
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
            "PUT", ref.bucket, ref.key, (), sent, pieces, length, operation="upload", subject=str(ref)
        )
        with self._exchange.ask(request, token, (200,)) as (head, connection):
            _drain(connection)
        found = head.headers
        return PutReply(
            found.get("etag", "").strip('"'),
            found.get("x-amz-version-id"),
            crc32_from_base64(found.get("x-amz-checksum-crc32")),
        )

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
        with self._exchange.ask(request, token, (200,)) as (head, connection):
            _drain(connection)
        etag = head.headers.get("etag", "").strip('"')
        if not etag:
            raise Retryable("bad-reply", operation=request.operation, subject=str(ref), detail="no ETag")
        return etag

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
        if if_match is not None:
            headers["if-match"] = f'"{if_match}"'
        if checksum:
            headers["x-amz-checksum-mode"] = "ENABLED"
        query = (("versionId", ref.version_id),) if ref.version_id is not None else ()
        request = Request("GET", ref.bucket, ref.key, query, headers, operation="download", subject=str(ref))
        try:
            with self._exchange.ask(request, token, (200, 206)) as (head, connection):
                reply = _get_reply(head, connection, offset, length, if_match)
                if connection.guard is not None:
                    connection.guard.hold()
                yield reply
        except TransferError as error:
            if error.code == "precondition" and if_match is not None:
                raise NeedsAnswer(
                    "object-changed", operation="download", subject=str(ref), status=412
                ) from error
            raise

    def head_object(
        self, ref: ObjectRef, *, checksum: bool = True, token: CancelToken, request_payer: bool = False
    ) -> ObjectFacts:
        """What there is to know of an object."""
        headers = _payer(request_payer)
        if checksum:
            headers["x-amz-checksum-mode"] = "ENABLED"
        query = (("versionId", ref.version_id),) if ref.version_id is not None else ()
        request = Request("HEAD", ref.bucket, ref.key, query, headers, operation="look at", subject=str(ref))
        with self._exchange.ask(request, token, (200,)) as (head, _):
            return object_facts(head.headers, -1 if head.length is None else head.length)

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
        with self._exchange.ask(request, token, (200,)) as (head, connection):
            if connection.guard is not None:
                connection.guard.resume()
            body = connection.read_all(most)
            if not connection.is_at_end:
                raise Permanent(
                    "not-s3", operation=operation, subject=subject, detail="the reply does not end"
                )
            if head.length is not None and len(body) != head.length:
                raise Retryable("truncated", operation=operation, subject=subject)
            return body


def _get_reply(
    head: Head, connection: HttpConnection, offset: int, length: int | None, if_match: str | None
) -> GetReply:
    """Check that the reply is what was asked for, and nothing else."""
    total = head.length
    if head.status == 206:
        got = content_range(head.headers.get("content-range", ""))
        if got is None or length is None:
            raise Retryable("bad-reply", detail="a part of the object, and not which")
        first, last, whole = got
        if first != offset or last != offset + length - 1:
            raise Retryable(
                "bad-reply", detail=f"bytes {first}-{last} instead of {offset}-{offset + length - 1}"
            )
        if total is not None and total != length:
            raise Retryable("bad-reply", detail="length and range disagree")
        expected, total = length, whole
    else:
        if total is None:
            raise Retryable("bad-reply", detail="the reply does not say how long it is")
        if length is not None and (offset != 0 or total != length):
            raise Permanent("not-supported", detail="the server ignores ranges")
        expected = total
    facts = object_facts(head.headers, total)
    if if_match is not None and facts.etag != if_match:
        raise NeedsAnswer("object-changed", detail="another ETag")
    return GetReply(facts, offset, expected, connection)


def content_range(text: str) -> tuple[int, int, int] | None:
    """First byte, last byte and total of a Content-Range header; ``None`` if it is none.

    >>> content_range("bytes 0-9/25")
    (0, 9, 25)
    """
    found = _CONTENT_RANGE.fullmatch(text.strip())
    return (int(found[1]), int(found[2]), int(found[3])) if found else None


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


def _drain(connection: HttpConnection) -> None:
    """Read what little body the answer to a PUT has."""
    connection.read_all(4096)
