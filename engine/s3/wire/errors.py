"""What an answer that is an error means for an item: one table, for both ways to talk to a server."""

from __future__ import annotations

import errno
import re
import socket
import ssl
from dataclasses import dataclass
from typing import Any

from engine.errors import Condition, NeedsAnswer, Permanent, Retryable, TransferError

_RETRY = {
    "InternalError": "server-error",
    "OperationAborted": "server-error",
    "ServiceUnavailable": "slow-down",
    "SlowDown": "slow-down",
    "Throttling": "slow-down",
    "ThrottlingException": "slow-down",
    "TooManyRequests": "slow-down",
    "RequestLimitExceeded": "slow-down",
    "RequestTimeout": "request-timeout",
    "RequestTimeoutException": "request-timeout",
    "IncompleteBody": "connection-lost",
    "BadDigest": "bad-digest",
    "InvalidDigest": "bad-digest",
    "XAmzContentChecksumMismatch": "bad-digest",
    "XAmzContentSHA256Mismatch": "bad-digest",
    "NoSuchUpload": "upload-gone",
    "InvalidPart": "part-changed",
    "ConditionalRequestConflict": "server-error",
}

_EXPIRED = frozenset(
    (
        "ExpiredToken",
        "ExpiredTokenException",
        "TokenRefreshRequired",
        "InvalidToken",
    )
)

_SKEWED = frozenset(("RequestTimeTooSkewed", "RequestInTheFuture", "RequestExpired"))

_HARMLESS_SKEW = 300.0
"""Seconds that no server minds: if such a request came too late, it took too long."""

_PERMANENT = {
    "AccessDenied": "access-denied",
    "AllAccessDisabled": "access-denied",
    "AccountProblem": "access-denied",
    "InvalidAccessKeyId": "wrong-key",
    "InvalidClientTokenId": "wrong-key",
    "SignatureDoesNotMatch": "wrong-secret",
    "AuthorizationHeaderMalformed": "wrong-region",
    "PermanentRedirect": "wrong-region",
    "IllegalLocationConstraintException": "wrong-region",
    "TemporaryRedirect": "redirected",
    "NoSuchBucket": "no-such-bucket",
    "NoSuchKey": "no-such-key",
    "NoSuchVersion": "no-such-key",
    "NotFound": "no-such-key",
    "InvalidObjectState": "archived",
    "ObjectNotInActiveTierError": "archived",
    "NotImplemented": "not-supported",
    "MethodNotAllowed": "not-supported",
    "UnsupportedArgument": "not-supported",
    "PreconditionFailed": "precondition",
    "EntityTooLarge": "too-large",
    "KeyTooLongError": "key-too-long",
    "InvalidObjectName": "key-refused",
    "InvalidURI": "key-refused",
    "XMinioInvalidObjectName": "key-refused",
    "BucketNotEmpty": "bucket-not-empty",
    "BucketAlreadyExists": "target-exists",
    "BucketAlreadyOwnedByYou": "target-exists",
}

_BY_STATUS = {
    400: "bad-request",
    401: "access-denied",
    403: "access-denied",
    404: "no-such-key",
    405: "not-supported",
    409: "precondition",
    411: "bad-request",
    412: "precondition",
    413: "too-large",
    407: "access-denied",
    416: "bad-request",
    501: "not-supported",
}


@dataclass(frozen=True, slots=True)
class ErrorReply:
    """An error as the server worded it."""

    code: str = ""
    message: str = ""
    request_id: str = ""
    region: str = ""
    is_xml: bool = False


_FIELD = re.compile(rb"<(Code|Message|RequestId|Region|Endpoint)>([^<]*)</\1>")


def parse_error(body: bytes) -> ErrorReply:
    """The fields of an S3 error document; ``is_xml`` is false if it is none."""
    if b"<Error" not in body[:1024]:
        return ErrorReply()
    from html import unescape  # Its table of names takes five milliseconds to load.

    found: dict[str, str] = {}
    for name, value in _FIELD.findall(body):
        found.setdefault(name.decode(), unescape(value.decode("utf-8", "replace"))[:500])
    return ErrorReply(
        found.get("Code", ""),
        found.get("Message", ""),
        found.get("RequestId", ""),
        found.get("Region", ""),
        is_xml=True,
    )


def error_for(
    code: str,
    status: int,
    *,
    message: str = "",
    operation: str = "",
    subject: str = "",
    connection_id: str = "",
    request_id: str = "",
    retry_after: float | None = None,
    skew: float | None = None,
    region: str = "",
    permission: str = "",
) -> TransferError:
    """The error to raise for an answer.

    Args:
        code: S3's, or empty where the answer had no body.
        connection_id: Scope of what concerns the whole endpoint.
        skew: Seconds by which the server's clock is ahead of ours, where it said.
        region: Where the bucket is, where the server said.
        permission: What one must be allowed to do to be answered; told where that was denied.
    """
    detail = ": ".join(text for text in (code or (f"HTTP {status}" if status else ""), message) if text)
    known: dict[str, Any] = {
        "operation": operation,
        "subject": subject,
        "detail": detail,
        "status": status,
        "request_id": request_id,
        "retry_after": retry_after,
    }
    scope = ("endpoint", connection_id)
    if code in _EXPIRED:
        known["detail"] = with_profile(connection_id, detail)
        return Condition("credentials", scope, **known)
    if code in _SKEWED:
        if skew is not None and abs(skew) < _HARMLESS_SKEW:
            return Retryable("request-timeout", **known)
        if skew is not None:
            known["detail"] = f"{_roughly(abs(skew))} {'slow' if skew > 0 else 'fast'}"
        return Condition("clock-skew", scope, **known)
    if status == 403 and permission and code in ("", "AccessDenied"):
        known["detail"] = f"{permission}: {detail}"
    if code in _RETRY:
        return Retryable(_RETRY[code], **known)
    if code == "InvalidRequest" and "server side encryption" in message.lower():
        return Permanent("customer-key", **known)
    if code in _PERMANENT:
        name = _PERMANENT[code]
        if name == "wrong-region" and region:
            known["detail"] = f"it is in {region}"
        if name == "target-exists":
            return NeedsAnswer(name, **known)
        return Permanent(name, **known)
    return _by_status(code, status, known, region)


def with_profile(connection_id: str, detail: str) -> str:
    """Whose credentials have run out, and how that was told."""
    profile = connection_id.partition("@")[0]
    return ": ".join(text for text in (profile, detail) if text)


def _roughly(seconds: float) -> str:
    """A time that a clock is wrong by: in minutes up to an hour and a half, in hours up to two days."""
    for unit, name, most in ((60, "min", 5400), (3600, "h", 172_800)):
        if seconds < most:
            return f"{seconds / unit:.0f} {name}"
    return f"{seconds / 86_400:.0f} days"


def _by_status(code: str, status: int, known: dict[str, Any], region: str) -> TransferError:
    if status in (429, 503):
        return Retryable("slow-down", **known)
    if status in (301, 302, 303, 307, 308):
        name = "wrong-region" if region else "redirected"
        if region:
            known["detail"] = f"it is in {region}"
        return Permanent(name, **known)
    if status == 408:
        return Retryable("request-timeout", **known)
    if status >= 500 and status not in (501, 511):
        return Retryable("server-error", **known)
    if status == 511 or 200 <= status < 300:
        return Permanent("not-s3", **known)
    return Permanent(_BY_STATUS.get(status, "bad-request"), **known)


def is_page(body: bytes) -> bool:
    """It is HTML, which S3 never sends: a login page, a proxy's excuse."""
    return body[:1024].lstrip()[:15].lower().startswith((b"<!doctype html", b"<html"))


def network_error(
    error: BaseException,
    *,
    operation: str = "",
    subject: str = "",
    connection_id: str = "",
    was_reached: bool = False,
) -> TransferError:
    """The error to raise (``from error``) when there was no answer.

    Args:
        was_reached: The host has answered before: that its name is not found now is no typing mistake.
    """
    known: dict[str, Any] = {"operation": operation, "subject": subject}
    scope = ("endpoint", connection_id)
    if isinstance(error, ssl.SSLCertVerificationError):
        return Permanent("tls", **known, detail=error.verify_message or str(error.reason))
    if isinstance(error, ssl.SSLError):
        reason = getattr(error, "reason", None)
        if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError) or reason in _TLS_LOST:
            return Retryable("connection-lost", **known, detail=str(reason or "closed"))
        return Permanent("tls", **known, detail=str(reason or "handshake failed"))
    if isinstance(error, socket.gaierror):
        is_unknown = error.errno in (socket.EAI_NONAME, getattr(socket, "EAI_NODATA", -5))
        if is_unknown and not was_reached:
            return Permanent("unknown-host", **known, detail=error.strerror or "")
        return Condition("offline", scope, **known, detail=error.strerror or "name lookup failed")
    if isinstance(error, TimeoutError):
        return Condition("offline", scope, **known, detail="no answer to the connection attempt")
    if isinstance(error, OSError) and error.errno in _OFFLINE:
        return Condition("offline", scope, **known, detail=(error.strerror or "").lower())
    detail = getattr(error, "strerror", None) or str(error) or type(error).__name__
    if isinstance(error, OSError) and error.errno in _SHORT_OF:
        return Retryable("short-of-resources", **known, detail=detail)
    return Retryable("connection-lost", **known, detail=detail)


_TLS_LOST = (
    "UNEXPECTED_EOF_WHILE_READING",
    "DECRYPTION_FAILED_OR_BAD_RECORD_MAC",
    "SSLV3_ALERT_BAD_RECORD_MAC",
    "TLSV1_ALERT_INTERNAL_ERROR",
    "BAD_LENGTH",
)
"""Damage on the line, and not a server that is another than it says."""

_SHORT_OF = (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS)

_OFFLINE = (
    errno.ECONNREFUSED,
    errno.ENETUNREACH,
    errno.EHOSTUNREACH,
    errno.ENETDOWN,
    errno.EHOSTDOWN,
    errno.EADDRNOTAVAIL,
    errno.ETIMEDOUT,
    errno.EACCES,
    errno.EPERM,
)
"""The last two are how a firewall of this machine says no."""
