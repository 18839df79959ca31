"""Whether the answer to a GET or HEAD is what was asked for, and of the object that was meant. Pure."""

from __future__ import annotations

from engine.errors import NeedsAnswer, Permanent, Retryable
from engine.s3.facts import ObjectFacts, object_facts
from engine.s3.wire.exchange import Request
from engine.s3.wire.head import Head, content_range

_S3_HEADERS = ("etag", "x-amz-request-id", "x-amz-id-2")
"""One of them is in each answer about an object; a login page has none."""


def changed(request: Request, detail: str) -> NeedsAnswer:
    """The error for an object that is not any more what it was."""
    return NeedsAnswer(
        "object-changed", operation=request.operation, subject=request.subject, detail=detail, status=412
    )


def check_reply(
    request: Request, head: Head, offset: int, length: int | None, if_match: str | None
) -> tuple[ObjectFacts, int]:
    """The object's facts, and how many bytes of it the body holds.

    Args:
        length: That were asked for; ``None``: all from `offset`.
        if_match: The ETag that the object must have.

    Raises:
        NeedsAnswer: ``object-changed``.
        Permanent: ``not-s3``; ``not-supported``: the server ignores ranges.
        Retryable: ``bad-reply``.
    """
    if not any(name in head.headers for name in _S3_HEADERS):
        raise Permanent(
            "not-s3", operation=request.operation, subject=request.subject, detail="no object's headers"
        )
    expected, total = _extent(request, head, offset, length)
    facts = object_facts(head.headers, total)
    if if_match is not None and facts.etag != if_match:
        if not facts.etag:
            raise _odd(request, "no ETag")
        raise changed(request, "another ETag came, though this one was asked for")
    return facts, expected


def _extent(request: Request, head: Head, offset: int, length: int | None) -> tuple[int, int]:
    """Bytes in the body, and of the whole object."""
    # Of a body in chunks, a length that is told beside them does not count.
    told = None if head.is_chunked and request.method != "HEAD" else head.length
    if head.status != 206:
        if told is None:
            raise _odd(request, "it does not say how long the object is")
        if offset or (length is not None and length != told):
            raise Permanent(
                "not-supported",
                operation=request.operation,
                subject=request.subject,
                detail="the server ignores ranges",
                status=head.status,
            )
        return told, told
    found = content_range(head.headers.get("content-range", ""))
    if found is None or (length is None and not offset):
        raise _odd(request, "a part of the object, and not which")
    first, last, total = found
    wanted = total - offset if length is None else length
    if first != offset or last != offset + wanted - 1 or last >= total:
        raise _odd(request, f"bytes {first}-{last}/{total} instead of {wanted} from {offset}")
    if told is not None and told != wanted:
        raise _odd(request, "length and range disagree")
    return wanted, total


def _odd(request: Request, detail: str) -> Retryable:
    return Retryable("bad-reply", operation=request.operation, subject=request.subject, detail=detail)
