"""Connections that are kept, and those that turn out dead."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from engine.errors import Permanent, Retryable, TransferError
from engine.pace.cancel import CancelToken
from tests.engine.s3.wire.asking import REF, get, put
from tests.engine.s3.wire.conftest import Start
from tests.engine.s3.wire.talk import Talk, serve


def one_then_close(talk: Talk) -> None:
    """Answers once, as if it would go on, and closes."""
    if talk.head():
        talk.body() if talk.line.startswith("PUT") else b""
        talk.reply(body=b"" if talk.line.startswith("PUT") else b"body")


def test_connection_that_the_server_closed_while_idle_is_replaced(start: Start) -> None:
    wire, server = start(one_then_close)
    for _ in range(3):
        assert get(wire) == b"body"
        put(wire)
    assert server.connections == 6


def test_connection_that_dies_under_a_request_is_replaced_once(start: Start) -> None:
    bodies: list[bytes] = []

    def dies_at_second(talk: Talk) -> None:
        talk.head()
        bodies.append(talk.body())
        talk.reply()
        talk.head()  # and no answer to this one

    def answers(talk: Talk) -> None:
        bodies.append(talk.body())
        talk.reply()

    wire, server = start(dies_at_second, serve(answers))
    put(wire, b"first")
    put(wire, b"second")
    assert bodies == [b"first", b"second"]
    assert server.connections == 2


def test_new_connection_that_dies_is_not_replaced(start: Start) -> None:
    def dies(talk: Talk) -> None:
        talk.head()

    wire, server = start(dies)
    with pytest.raises(Retryable) as caught:
        put(wire)
    assert caught.value.code == "connection-lost"
    assert server.connections == 1


def test_connection_is_not_kept_where_the_server_closes_it(start: Start) -> None:
    wire, server = start(serve(lambda talk: talk.reply("200 OK", "Connection: close", body=b"body")))
    assert get(wire) == get(wire) == b"body"
    assert server.connections == 2


def test_connection_of_an_unread_body_is_not_kept(start: Start, token: CancelToken) -> None:
    wire, server = start(serve(lambda talk: talk.reply(body=b"body")))
    with wire.get_object(REF, token=token) as reply:
        reply.readinto(memoryview(bytearray(2)))
    assert get(wire) == b"body"
    assert server.connections == 2


def test_connection_is_kept_after_a_refusal(start: Start) -> None:
    body = b"<Error><Code>NoSuchKey</Code></Error>"
    wire, server = start(serve(lambda talk: talk.reply("404 Not Found", body=body)))
    for _ in range(3):
        with pytest.raises(Permanent) as caught:
            get(wire)
        assert caught.value.code == "no-such-key"
    assert server.connections == 1


def test_connection_that_is_too_old_is_replaced(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    wire, server = start(serve(lambda talk: talk.reply(body=b"body")))
    get(wire)
    monkeypatch.setattr("engine.s3.wire.pool.IDLE_SECONDS", -1.0)
    get(wire)
    assert server.connections == 2


def test_what_comes_unasked_ends_a_kept_connection(start: Start) -> None:
    said = threading.Event()

    def chatty(talk: Talk) -> None:
        talk.head()
        talk.reply(body=b"body")
        talk.say("HTTP/1.1 408 Request Timeout", "Content-Length: 0")
        said.set()
        talk.wait_for_end()

    wire, server = start(chatty, serve(lambda talk: talk.reply(body=b"body")))
    get(wire)
    assert said.wait(20)
    assert get(wire) == b"body"
    assert server.connections == 2


def test_threads_do_not_share_a_connection(start: Start) -> None:
    def answer(talk: Talk) -> None:
        talk.reply(body=talk.line.encode())

    wire, server = start(serve(answer))

    def many(number: int) -> None:
        for _ in range(20):
            query = (("number", str(number)),)
            body = wire.get_text("b", query, operation="", subject="", most=1000, token=CancelToken())
            assert body == f"GET /b?number={number} HTTP/1.1".encode()

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(many, range(8)))
    assert server.connections <= 8


def test_closed_wire_keeps_nothing(start: Start) -> None:
    ended = threading.Event()

    def script(talk: Talk) -> None:
        while talk.head():
            talk.reply(body=b"body")
        ended.set()

    wire, _ = start(script)
    get(wire)
    wire.close()
    assert ended.wait(20)
    ended.clear()
    get(wire)
    assert ended.wait(20)


def test_every_refusal_in_a_row_of_kinds_has_its_meaning(start: Start) -> None:
    wanted = [
        ("503 Slow", b"", (), "slow-down"),
        ("503 Slow", b"<html>busy</html>", (), "slow-down"),
        ("429 Many", b"", (), "slow-down"),
        ("500 No", b"<Error><Code>InternalError</Code></Error>", (), "server-error"),
        ("502 Bad", b"<html>proxy</html>", (), "server-error"),
        ("403 No", b"<html>blocked</html>", (), "not-s3"),
        ("511 Login", b"<html>", (), "not-s3"),
        ("403 No", b"", (), "access-denied"),
        ("404 No", b"<Error><Code>NoSuchBucket</Code></Error>", (), "no-such-bucket"),
        ("301 Moved", b"", ("x-amz-bucket-region: eu-west-1",), "wrong-region"),
        ("307 Elsewhere", b"", ("Location: http://127.0.0.1:1/",), "redirected"),
        ("302 Elsewhere", b"<html>", ("Location: http://127.0.0.1:1/",), "redirected"),
        ("400 Bad", b"<Error><Code>BadDigest</Code></Error>", (), "bad-digest"),
        ("404 No", b"<Error><Code>NoSuchUpload</Code></Error>", (), "upload-gone"),
        ("403 No", b"<Error><Code>InvalidObjectState</Code></Error>", (), "archived"),
        ("200 OK", b"", (), ""),
    ]
    turn = iter(wanted)

    def answer(talk: Talk) -> None:
        status, body, lines, _ = next(turn)
        talk.reply(status, *lines, body=body)

    wire, server = start(serve(answer))
    for status, _, _, code in wanted:
        try:
            get(wire)
            found = ""
        except TransferError as error:
            found = error.code
            assert error.operation and error.subject
        assert found == code, status
    assert server.connections == 1
