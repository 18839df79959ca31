"""GET and HEAD where servers are slow, cut off, odd, or answer something else."""

from __future__ import annotations

import pytest

from engine.errors import Interrupted, NeedsAnswer, Permanent, Retryable, TransferError
from engine.pace.cancel import CancelToken
from tests.engine.s3.wire.asking import REF, get
from tests.engine.s3.wire.conftest import Start
from tests.engine.s3.wire.talk import Script, Talk, serve

DATA = bytes(range(256)) * 1024


def ranged(first: int, last: int, total: int | str, *lines: str, body: bytes | None = None) -> Script:
    """Each request is answered with that range of `DATA`."""

    def answer(talk: Talk) -> None:
        data = DATA[first : last + 1] if body is None else body
        talk.reply("206 Partial Content", f"Content-Range: bytes {first}-{last}/{total}", *lines, body=data)

    return serve(answer)


def failure(start: Start, script: Script, **how: object) -> TransferError:
    wire, _ = start(script)
    with pytest.raises(TransferError) as caught:
        get(wire, **how)  # type: ignore[arg-type]
    assert caught.value.operation == "download" and caught.value.subject == "s3://b/k"
    return caught.value


# -- bodies ----------------------------------------------------------------------------------------


def test_whole_object_is_read(start: Start) -> None:
    wire, server = start(serve(lambda talk: talk.reply(body=DATA)))
    assert get(wire) == DATA
    assert get(wire, at_once=7000) == DATA
    assert server.connections == 1


def test_range_is_asked_for_and_read(start: Start, token: CancelToken) -> None:
    lines: list[dict[str, str]] = []

    def answer(talk: Talk) -> None:
        lines.append(talk.headers)
        talk.reply("206 Partial Content", "Content-Range: bytes 100-299/262144", body=DATA[100:300])

    wire, _ = start(serve(answer))
    assert get(wire, offset=100, length=200, if_match="e") == DATA[100:300]
    assert (lines[0]["range"], lines[0]["if-match"]) == ("bytes=100-299", '"e"')
    with wire.get_object(REF, offset=100, length=200, token=token) as reply:
        assert (reply.offset, reply.length, reply.facts.size) == (100, 200, 262144)


def test_rest_of_an_object_is_read_from_an_offset(start: Start) -> None:
    wire, _ = start(ranged(262000, 262143, 262144))
    assert get(wire, offset=262000) == DATA[262000:]


def test_chunks_are_put_together(start: Start) -> None:
    def answer(talk: Talk) -> None:
        talk.say(
            "HTTP/1.1 206 OK", 'ETag: "e"', "Content-Range: bytes 0-999/1000", "Transfer-Encoding: chunked"
        )
        for at in range(0, 1000, 300):
            piece = DATA[at : min(at + 300, 1000)]
            talk.sock.sendall(b"%x;ext=1\r\n%b\r\n" % (len(piece), piece))
        talk.sock.sendall(b"0\r\nTrailer: x\r\n\r\n")

    wire, server = start(serve(answer))
    for _ in range(2):
        assert get(wire, length=1000) == DATA[:1000]
    assert server.connections == 1


def test_body_that_ends_with_the_connection_is_believed_only_by_its_range(start: Start) -> None:
    def until_close(*lines: str, body: bytes) -> Script:
        def script(talk: Talk) -> None:
            talk.head()
            talk.say("HTTP/1.1 206 OK", 'ETag: "e"', *lines, body=body)

        return script

    line = "Content-Range: bytes 0-999/1000"
    wire, server = start(until_close(line, body=DATA[:1000]))
    assert get(wire, length=1000) == DATA[:1000]
    assert get(wire, length=1000) == DATA[:1000]
    assert server.connections == 2
    assert failure(start, until_close(line, body=DATA[:999]), length=1000).code == "truncated"

    def whole(talk: Talk) -> None:
        talk.head()
        talk.say("HTTP/1.1 200 OK", 'ETag: "e"', body=DATA[:1000])

    assert failure(start, whole).code == "bad-reply"


def test_more_than_announced_is_not_read(start: Start) -> None:
    def answer(talk: Talk) -> None:
        head = ("HTTP/1.1 206 OK", 'ETag: "e"', "Content-Range: bytes 0-4/5", "Content-Length: 5")
        talk.say(*head, body=b"12345more")

    wire, server = start(serve(answer))
    assert get(wire, length=5) == b"12345"
    assert get(wire, length=5) == b"12345"
    assert server.connections == 2


@pytest.mark.parametrize("cut", [0, 1, 999])
def test_body_that_ends_too_early_is_truncated(start: Start, cut: int) -> None:
    def script(talk: Talk) -> None:
        talk.head()
        talk.say("HTTP/1.1 200 OK", 'ETag: "e"', "Content-Length: 1000", body=DATA[:cut])

    error = failure(start, script)
    assert isinstance(error, Retryable) and error.code == "truncated"


def test_chunked_body_that_ends_too_early_is_truncated(start: Start) -> None:
    def script(talk: Talk) -> None:
        talk.head()
        head = ("HTTP/1.1 206 OK", 'ETag: "e"', "Content-Range: bytes 0-9/10", "Transfer-Encoding: chunked")
        talk.say(*head, body=b"5\r\n12345\r\n")

    assert failure(start, script, length=10).code == "truncated"


def test_reset_in_the_middle_is_a_lost_connection(start: Start) -> None:
    def script(talk: Talk) -> None:
        talk.head()
        talk.say("HTTP/1.1 200 OK", 'ETag: "e"', "Content-Length: 1000", body=b"x")
        talk.has_more(0.05)
        talk.reset()

    assert failure(start, script).code in ("connection-lost", "truncated")


def test_reading_fails_inside_the_block_with_an_error_of_the_engine(start: Start, token: CancelToken) -> None:
    def script(talk: Talk) -> None:
        talk.head()
        talk.say("HTTP/1.1 200 OK", 'ETag: "e"', "Content-Length: 9")

    wire, _ = start(script)
    with wire.get_object(REF, token=token) as reply:
        with pytest.raises(Retryable):
            reply.readinto(memoryview(bytearray(9)))


def test_interim_replies_are_passed_over(start: Start) -> None:
    def answer(talk: Talk) -> None:
        talk.say("HTTP/1.1 100 Continue")
        talk.say("HTTP/1.1 103 Early Hints", "Link: x")
        talk.reply(body=b"body")

    wire, _ = start(serve(answer))
    assert get(wire) == b"body"


def test_endless_interim_replies_are_a_bad_reply(start: Start) -> None:
    def answer(talk: Talk) -> None:
        for _ in range(50):
            talk.say("HTTP/1.1 100 Continue")

    assert failure(start, serve(answer)).code == "bad-reply"


def test_endless_headers_are_a_bad_reply(start: Start) -> None:
    def script(talk: Talk) -> None:
        talk.head()
        talk.sock.sendall(b"HTTP/1.1 200 OK\r\n")
        while True:
            talk.sock.sendall(b"X-More: " + b"x" * 8000 + b"\r\n")

    assert failure(start, script).code == "bad-reply"


def test_head_that_ends_too_early_is_truncated(start: Start) -> None:
    def script(talk: Talk) -> None:
        talk.head()
        talk.sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Le")

    assert failure(start, script).code == "truncated"


# -- the wrong answer ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "last", "total", "body"),
    [
        (0, 9, "*", b"0123456789"),
        (1, 10, 100, b"0123456789"),
        (0, 8, 100, b"012345678"),
        (0, 10, 100, b"0123456789a"),
        (0, 9, 5, b"0123456789"),
        (0, 9, 100, b"012"),
    ],
)
def test_another_range_than_asked_for_is_a_bad_reply(
    start: Start, first: int, last: int, total: int | str, body: bytes
) -> None:
    assert failure(start, ranged(first, last, total, body=body), length=10).code == "bad-reply"


def test_part_of_an_object_that_was_asked_for_whole_is_a_bad_reply(start: Start) -> None:
    assert failure(start, ranged(0, 9, 10)).code == "bad-reply"


def test_server_that_ignores_ranges_is_not_supported(start: Start) -> None:
    whole = serve(lambda talk: talk.reply(body=DATA))
    for how in ({"length": 10}, {"offset": 5, "length": len(DATA) - 5}, {"offset": 5}):
        error = failure(start, whole, **how)
        assert isinstance(error, Permanent) and error.code == "not-supported"


def test_whole_object_is_taken_where_just_that_was_asked_for(start: Start) -> None:
    wire, _ = start(serve(lambda talk: talk.reply(body=b"12345")))
    assert get(wire, offset=0, length=5) == b"12345"


def test_another_etag_means_that_the_object_changed(start: Start) -> None:
    error = failure(start, ranged(0, 9, 10), length=10, if_match="other")
    assert isinstance(error, NeedsAnswer) and error.code == "object-changed"


def test_failed_condition_means_that_the_object_changed(start: Start) -> None:
    def answer(talk: Talk) -> None:
        body = b"<Error><Code>PreconditionFailed</Code><Message>m</Message></Error>"
        talk.reply("412 Precondition Failed", body=body)

    error = failure(start, serve(answer), length=10, if_match="e")
    assert isinstance(error, NeedsAnswer) and error.code == "object-changed"


def test_range_past_the_end_means_that_the_object_changed(start: Start) -> None:
    def answer(talk: Talk) -> None:
        talk.reply("416 Range", body=b"<Error><Code>InvalidRange</Code></Error>")

    assert failure(start, serve(answer), offset=10, length=10).code == "object-changed"


def test_condition_without_an_etag_in_the_answer_is_a_bad_reply(start: Start) -> None:
    def answer(talk: Talk) -> None:
        talk.say("HTTP/1.1 200 OK", "x-amz-request-id: 1", "Content-Length: 0")

    assert failure(start, serve(answer), if_match="e").code == "bad-reply"


def test_login_page_is_no_object(start: Start, token: CancelToken) -> None:
    def answer(talk: Talk) -> None:
        body = b"" if talk.line.startswith("HEAD") else b"<html>log in"
        talk.say("HTTP/1.1 200 OK", "Content-Type: text/html", "Content-Length: 12", body=body)

    assert failure(start, serve(answer)).code == "not-s3"
    wire, _ = start(serve(answer))
    with pytest.raises(Permanent, match="no object's headers"):
        wire.head_object(REF, token=token)


# -- HEAD ------------------------------------------------------------------------------------------


def test_head_tells_the_facts_and_has_no_body(start: Start, token: CancelToken) -> None:
    def answer(talk: Talk) -> None:
        assert talk.headers["x-amz-checksum-mode"] == "ENABLED"
        talk.say(
            "HTTP/1.1 200 OK",
            'ETag: "abc-2"',
            "Content-Length: 5000000000",
            "Last-Modified: Sun, 09 Sep 2001 01:46:40 GMT",
            "x-amz-meta-mtime: 1.5",
            "x-amz-checksum-crc32: y/Q5Jg==",
            "x-amz-checksum-type: FULL_OBJECT",
        )

    wire, server = start(serve(answer))
    for _ in range(2):
        facts = wire.head_object(REF, token=token)
        assert (facts.size, facts.etag, facts.mtime) == (5_000_000_000, "abc-2", 1e9)
        assert (facts.crc32, facts.checksum_type, facts.metadata) == (
            0xCBF43926,
            "FULL_OBJECT",
            {"mtime": "1.5"},
        )
    assert server.connections == 1


def test_head_without_a_size_is_a_bad_reply(start: Start, token: CancelToken) -> None:
    wire, _ = start(serve(lambda talk: talk.say("HTTP/1.1 200 OK", 'ETag: "e"')))
    with pytest.raises(Retryable) as caught:
        wire.head_object(REF, token=token)
    assert caught.value.code == "bad-reply"


# -- listings --------------------------------------------------------------------------------------


def test_reply_that_does_not_end_is_not_s3(start: Start, token: CancelToken) -> None:
    def script(talk: Talk) -> None:
        talk.head()
        talk.say("HTTP/1.1 200 OK", "Transfer-Encoding: chunked")
        while True:
            talk.sock.sendall(b"1000\r\n" + b"x" * 4096 + b"\r\n")

    wire, _ = start(script)
    with pytest.raises(Permanent) as caught:
        wire.get_text("b", (), operation="list", subject="s", most=100_000, token=token)
    assert caught.value.code == "not-s3"


def test_listing_that_ends_too_early_is_truncated(start: Start, token: CancelToken) -> None:
    def script(talk: Talk) -> None:
        talk.head()
        talk.say("HTTP/1.1 200 OK", "Content-Length: 100", body=b"<List")

    wire, _ = start(script)
    with pytest.raises(Retryable) as caught:
        wire.get_text("b", (), operation="list", subject="s", most=100_000, token=token)
    assert caught.value.code == "truncated"


def test_cancelled_before_it_began_sends_nothing(start: Start, token: CancelToken) -> None:
    wire, server = start(serve(lambda talk: talk.reply()))
    token.cancel("pause")
    with pytest.raises(Interrupted, match="pause"):
        get(wire, token=token)
    assert server.connections == 0
