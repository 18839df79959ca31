"""What answers and failures of the network mean."""

from __future__ import annotations

import errno
import os
import socket
import ssl

import pytest

from engine.errors import Condition, Permanent, Retryable, TransferError, explain
from engine.s3.wire.errors import error_for, is_page, network_error, parse_error


def oserror(code: int) -> OSError:
    return OSError(code, os.strerror(code))


def tls_error(reason: str) -> ssl.SSLError:
    error = ssl.SSLError(1, f"[SSL: {reason}]")
    error.reason = reason
    return error


@pytest.mark.parametrize(
    ("code", "status", "kind", "meaning"),
    [
        ("SlowDown", 503, Retryable, "slow-down"),
        ("", 503, Retryable, "slow-down"),
        ("", 429, Retryable, "slow-down"),
        ("", 500, Retryable, "server-error"),
        ("", 504, Retryable, "server-error"),
        ("", 408, Retryable, "request-timeout"),
        ("RequestTimeout", 400, Retryable, "request-timeout"),
        ("BadDigest", 400, Retryable, "bad-digest"),
        ("NoSuchUpload", 404, Retryable, "upload-gone"),
        ("InvalidPart", 400, Retryable, "part-changed"),
        ("ExpiredToken", 400, Condition, "credentials"),
        ("InvalidToken", 400, Condition, "credentials"),
        ("RequestTimeTooSkewed", 403, Condition, "clock-skew"),
        ("RequestExpired", 400, Condition, "clock-skew"),
        ("InvalidAccessKeyId", 403, Permanent, "wrong-key"),
        ("SignatureDoesNotMatch", 403, Permanent, "wrong-secret"),
        ("AccessDenied", 403, Permanent, "access-denied"),
        ("NoSuchKey", 404, Permanent, "no-such-key"),
        ("NoSuchBucket", 404, Permanent, "no-such-bucket"),
        ("PreconditionFailed", 412, Permanent, "precondition"),
        ("PermanentRedirect", 301, Permanent, "wrong-region"),
        ("AuthorizationHeaderMalformed", 400, Permanent, "wrong-region"),
        ("", 301, Permanent, "redirected"),
        ("", 407, Permanent, "access-denied"),
        ("", 501, Permanent, "not-supported"),
        ("", 511, Permanent, "not-s3"),
        ("NeverHeardOf", 400, Permanent, "bad-request"),
        ("NeverHeardOf", 503, Retryable, "slow-down"),
    ],
)
def test_code_before_status_says_what_to_do(
    code: str, status: int, kind: type[TransferError], meaning: str
) -> None:
    error = error_for(code, status, operation="upload", subject="s3://b/k", connection_id="c")
    assert type(error) is kind and error.code == meaning
    assert explain(error).code == meaning
    if isinstance(error, Condition):
        assert error.scope == ("endpoint", "c")


@pytest.mark.parametrize(
    ("error", "kind", "meaning"),
    [
        (oserror(errno.ECONNREFUSED), Condition, "offline"),
        (oserror(errno.ENETUNREACH), Condition, "offline"),
        (oserror(errno.EHOSTUNREACH), Condition, "offline"),
        (oserror(errno.ETIMEDOUT), Condition, "offline"),
        (oserror(errno.EPERM), Condition, "offline"),
        (TimeoutError(), Condition, "offline"),
        (socket.gaierror(socket.EAI_AGAIN, "again"), Condition, "offline"),
        (socket.gaierror(socket.EAI_NONAME, "no name"), Permanent, "unknown-host"),
        (oserror(errno.ECONNRESET), Retryable, "connection-lost"),
        (oserror(errno.EPIPE), Retryable, "connection-lost"),
        (oserror(errno.EMFILE), Retryable, "short-of-resources"),
        (tls_error("WRONG_VERSION_NUMBER"), Permanent, "tls"),
        (tls_error("DECRYPTION_FAILED_OR_BAD_RECORD_MAC"), Retryable, "connection-lost"),
        (ssl.SSLEOFError(8, "EOF"), Retryable, "connection-lost"),
    ],
)
def test_failure_of_the_network_says_what_to_do(
    error: OSError, kind: type[TransferError], meaning: str
) -> None:
    found = network_error(error, operation="upload", subject="s", connection_id="c")
    assert type(found) is kind and found.code == meaning


def test_name_that_was_found_before_is_no_typing_mistake() -> None:
    error = socket.gaierror(socket.EAI_NONAME, "no name")
    assert network_error(error, was_reached=True).code == "offline"


def test_small_skew_is_not_blamed_on_the_clock() -> None:
    assert error_for("RequestTimeTooSkewed", 403, skew=-20.0).code == "request-timeout"
    error = error_for("RequestTimeTooSkewed", 403, skew=-1200.0)
    assert (error.code, error.detail) == ("clock-skew", "20 min fast")


def test_error_document_is_read_and_its_size_bounded() -> None:
    body = b'<?xml version="1.0"?><Error><Code>A&amp;B</Code><Message>' + b"m" * 9000
    found = parse_error(body + b"</Message><RequestId>R</RequestId><Region>eu-west-1</Region></Error>")
    assert (found.code, len(found.message), found.request_id, found.region) == ("A&B", 500, "R", "eu-west-1")
    assert not parse_error(b"<html><body>Error</body></html>").is_xml
    assert parse_error(b"\xff\xfe<Error><Code>\xff</Code>").code == "\N{REPLACEMENT CHARACTER}"


@pytest.mark.parametrize(
    ("body", "expected"),
    [(b"<!DOCTYPE html>", True), (b"\n  <HTML lang=x>", True), (b"<?xml?><Error>", False), (b"", False)],
)
def test_page_is_told_from_an_answer(body: bytes, expected: bool) -> None:
    assert is_page(body) is expected
