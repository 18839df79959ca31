"""PUT where servers say no early, say nothing, or say yes and mean no."""

from __future__ import annotations

import base64
import hashlib
import threading
from collections.abc import Iterator

import pytest

from engine.errors import NeedsAnswer, Permanent, Retryable, TransferError
from engine.pace.cancel import CancelToken
from tests.engine.s3.wire.asking import REF, pieces_of, put
from tests.engine.s3.wire.conftest import Start
from tests.engine.s3.wire.talk import Script, Talk, serve

BIG = bytes(range(256)) * 4096 * 16
"""16 MiB: more than all buffers on the way hold."""
BUSY = b"<Error><Code>SlowDown</Code><Message>m</Message><RequestId>R7</RequestId></Error>"


def failure(start: Start, script: Script, data: bytes = b"hello") -> TransferError:
    wire, _ = start(script)
    with pytest.raises(TransferError) as caught:
        put(wire, data, size=1 << 20)
    assert caught.value.operation == "upload" and caught.value.subject == "s3://b/k"
    return caught.value


@pytest.mark.parametrize("size", [0, 1, 65536, 65537, 3 * (1 << 20) + 7])
def test_body_arrives_as_it_is(start: Start, size: int) -> None:
    got: list[bytes] = []

    def answer(talk: Talk) -> None:
        got.append(talk.body())
        talk.reply("200 OK", "x-amz-version-id: v1", "x-amz-checksum-crc32: y/Q5Jg==")

    wire, server = start(serve(answer))
    for _ in range(2):
        reply = put(wire, BIG[:size], size=1 << 20)
        assert (reply.etag, reply.version_id, reply.crc32) == ("e", "v1", 0xCBF43926)
    assert got == [BIG[:size], BIG[:size]]
    assert server.connections == 1


def test_headers_say_what_the_caller_wants(start: Start, token: CancelToken) -> None:
    heads: list[tuple[str, dict[str, str]]] = []

    def answer(talk: Talk) -> None:
        talk.body()
        heads.append((talk.line, talk.headers))
        talk.reply()

    wire, _ = start(serve(answer))
    md5 = hashlib.md5(b"x", usedforsecurity=False).digest()
    wire.put_object(
        REF,
        pieces_of(b"x"),
        1,
        crc32=0xCBF43926,
        headers={"x-amz-meta-mtime": "1.5", "x-amz-storage-class": "STANDARD_IA"},
        if_none_match=True,
        token=token,
        request_payer=True,
    )
    wire.upload_part(REF, "up/1+", 7, pieces_of(b"x"), 1, md5=md5, token=token)
    (line, first), (part_line, second) = heads
    assert line == "PUT /b/k HTTP/1.1"
    assert part_line == "PUT /b/k?partNumber=7&uploadId=up%2F1%2B HTTP/1.1"
    assert first["x-amz-checksum-crc32"] == "y/Q5Jg=="
    assert first["x-amz-sdk-checksum-algorithm"] == "CRC32"
    assert first["if-none-match"] == "*"
    assert first["x-amz-request-payer"] == "requester"
    assert first["x-amz-content-sha256"] == "UNSIGNED-PAYLOAD"
    signed = first["authorization"].partition("SignedHeaders=")[2].partition(",")[0].split(";")
    assert {"host", "x-amz-meta-mtime", "x-amz-storage-class", "if-none-match", "x-amz-date"} <= {*signed}
    assert second["content-md5"] == base64.b64encode(md5).decode()
    assert "expect" not in first and "transfer-encoding" not in first


@pytest.mark.parametrize("value", ["a\r\nHost: evil", "a\nb", "a\rb", "a\0b", "\ud800"])
def test_header_that_would_hold_a_line_break_is_never_sent(start: Start, value: str) -> None:
    wire, server = start(serve(lambda talk: talk.reply()))
    for headers in ({"x-amz-meta-a": value}, {f"x-{value}": "a"}):
        with pytest.raises(Permanent) as caught:
            wire.put_object(REF, pieces_of(b""), 0, headers=headers, token=CancelToken())
        assert caught.value.code == "bad-request"
        assert "evil" not in str(caught.value)
    wire.close()
    assert server.requests == 0


# -- answers before the end ------------------------------------------------------------------------


def test_early_refusal_is_read_though_the_server_then_closes(start: Start) -> None:
    def script(talk: Talk) -> None:
        talk.head()
        talk.body(1000)
        talk.reply("503 Slow Down", "Retry-After: 7", "Connection: close", body=BUSY)
        talk.sock.close()

    error = failure(start, script, BIG)
    assert isinstance(error, Retryable)
    assert (error.code, error.retry_after, error.request_id) == ("slow-down", 7.0, "R7")


def test_early_refusal_is_read_though_the_server_stops_reading(start: Start) -> None:
    def script(talk: Talk) -> None:
        talk.head()
        talk.reply("403 Forbidden", body=b"<Error><Code>AccessDenied</Code></Error>")
        talk.has_more(0)
        asked.wait(20)

    asked = threading.Event()
    error = failure(start, script, BIG)
    asked.set()
    assert error.code == "access-denied"


def test_interim_reply_does_not_end_the_sending(start: Start) -> None:
    def script(talk: Talk) -> None:
        talk.head()
        talk.say("HTTP/1.1 100 Continue")
        assert talk.body() == BIG
        talk.reply()

    wire, _ = start(script)
    assert put(wire, BIG, size=1 << 20).etag == "e"


def test_early_success_is_no_success(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.s3.wire.http._LOOK_SECONDS", -1.0)
    said = threading.Event()

    def script(talk: Talk) -> None:
        talk.head()
        talk.reply()
        said.set()
        talk.wait_for_end()

    wire, _ = start(script)

    def pieces() -> Iterator[memoryview]:
        yield memoryview(BIG)[: 1 << 20]
        assert said.wait(20)
        yield memoryview(BIG)[1 << 20 :]

    with pytest.raises(Retryable) as caught:
        wire.put_object(REF, pieces, len(BIG), token=CancelToken())
    assert caught.value.code == "bad-reply"


def test_reset_without_an_answer_is_a_lost_connection(start: Start) -> None:
    def script(talk: Talk) -> None:
        talk.head()
        talk.body(1000)
        talk.reset()

    assert failure(start, script, BIG).code == "connection-lost"


def test_end_without_an_answer_is_a_lost_connection(start: Start) -> None:
    def script(talk: Talk) -> None:
        talk.head()
        talk.body()

    assert failure(start, script).code == "connection-lost"


# -- yes that means no -----------------------------------------------------------------------------


def test_success_with_an_error_inside_is_an_error(start: Start) -> None:
    def answer(talk: Talk) -> None:
        talk.body()
        talk.reply(body=b"<Error><Code>InternalError</Code></Error>")

    error = failure(start, serve(answer))
    assert isinstance(error, Retryable) and error.code == "server-error"


@pytest.mark.parametrize(("body", "code"), [(b"<!DOCTYPE html><html>", "not-s3"), (b"", "bad-reply")])
def test_success_without_an_etag_is_none(start: Start, body: bytes, code: str) -> None:
    def answer(talk: Talk) -> None:
        talk.body()
        talk.say("HTTP/1.1 200 OK", f"Content-Length: {len(body)}", body=body)

    assert failure(start, serve(answer)).code == code


# -- the caller's side -----------------------------------------------------------------------------


def test_error_of_the_body_passes_through_as_it_is(start: Start) -> None:
    wire, server = start(serve(lambda talk: talk.reply()))
    put(wire, b"")  # so that there is a kept connection, whose failures are tried again

    def broken_disk() -> Iterator[memoryview]:
        yield memoryview(b"x")
        raise ConnectionResetError("of the disk, which is on the network")

    with pytest.raises(ConnectionResetError, match="of the disk"):
        wire.put_object(REF, broken_disk, 10, token=CancelToken())
    assert server.connections == 1

    def gone() -> Iterator[memoryview]:
        raise NeedsAnswer("source-changed", operation="read", subject="/f")
        yield

    with pytest.raises(NeedsAnswer) as caught:
        wire.put_object(REF, gone, 10, token=CancelToken())
    assert (caught.value.code, caught.value.subject) == ("source-changed", "/f")
    assert server.connections <= 2


@pytest.mark.parametrize("told", [4, 6])
def test_body_of_another_length_is_never_completed(start: Start, told: int) -> None:
    def script(talk: Talk) -> None:
        if talk.head():
            assert len(talk.body()) < told

    wire, _ = start(script)
    with pytest.raises(Permanent) as caught:
        wire.put_object(REF, pieces_of(b"hello"), told, token=CancelToken())
    assert caught.value.code == "internal"


def test_read_only_profile_sends_nothing(start: Start) -> None:
    wire, server = start(serve(lambda talk: talk.reply()), read_only=True)
    for call in (
        lambda: put(wire),
        lambda: wire.upload_part(REF, "U", 1, pieces_of(b""), 0, token=CancelToken()),
    ):
        with pytest.raises(Permanent) as caught:
            call()
        assert caught.value.code == "read-only"
    assert server.connections == 0
