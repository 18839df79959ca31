"""TLS: whom we trust, and what becomes of the rest."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from engine.errors import Interrupted, Permanent, Retryable, TransferError
from engine.pace.cancel import CancelToken
from engine.s3.wire import Wire
from tests.engine.s3.wire.asking import get, put
from tests.engine.s3.wire.authority import Authority
from tests.engine.s3.wire.talk import Talk, TalkServer, serve, talking

BIG = bytes(range(256)) * 4096 * 4


Secure = Callable[..., tuple[Wire, TalkServer]]


@pytest.fixture
def secure(wire_to: Callable[..., Wire], stack: ExitStack, authority: Authority) -> Secure:
    """Starts a TLS server that follows scripts; gives a wire to it that trusts the authority."""

    def make(
        *scripts: Callable[[Talk], None], tls: ssl.SSLContext | None = None, ca_file: str | None = "its"
    ) -> tuple[Wire, TalkServer]:
        server = stack.enter_context(talking(*scripts, tls=tls or authority.good))
        ca_file = str(authority.ca_file) if ca_file == "its" else ca_file
        return wire_to(f"https://127.0.0.1:{server.port}", ca_file=ca_file), server

    return make


def failure(wire: Wire) -> TransferError:
    with pytest.raises(TransferError) as caught:
        get(wire)
    return caught.value


def test_bodies_pass_both_ways_over_one_connection(secure: Secure) -> None:
    got: list[bytes] = []

    def answer(talk: Talk) -> None:
        if talk.line.startswith("PUT"):
            got.append(talk.body())
            talk.reply()
        else:
            talk.reply(body=BIG)

    wire, server = secure(serve(answer))
    for _ in range(2):
        put(wire, BIG, size=1 << 20)
        assert get(wire) == BIG
    assert got == [BIG, BIG]
    assert server.connections == 1


@pytest.mark.fault(50)
def test_nobody_elses_authority_is_trusted(secure: Secure) -> None:
    wire, server = secure(serve(lambda talk: talk.reply()), ca_file=None)
    error = failure(wire)
    assert isinstance(error, Permanent) and error.code == "tls"
    assert server.requests == 0


@pytest.mark.fault(50)
def test_certificate_of_another_host_is_refused(secure: Secure, authority: Authority) -> None:
    wire, server = secure(serve(lambda talk: talk.reply()), tls=authority.for_another_host)
    error = failure(wire)
    assert (error.code, "127.0.0.1" in error.detail, server.requests) == ("tls", True, 0)


@pytest.mark.fault(50)
def test_expired_certificate_is_refused(secure: Secure, authority: Authority) -> None:
    wire, server = secure(serve(lambda talk: talk.reply()), tls=authority.expired)
    error = failure(wire)
    assert (error.code, "expired" in error.detail, server.requests) == ("tls", True, 0)


@pytest.mark.parametrize("content", [None, "", "no certificate"])
def test_unusable_ca_file_is_named(secure: Secure, tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content)
    wire, server = secure(serve(lambda talk: talk.reply()), ca_file=str(path))
    error = failure(wire)
    assert (error.code, error.subject) == ("tls", str(path))
    assert server.requests == 0


def test_server_without_tls_is_refused(wire_to: Callable[..., Wire], stack: ExitStack) -> None:
    def script(talk: Talk) -> None:
        talk.sock.recv(5)
        talk.say("HTTP/1.1 400 Bad Request", "Content-Length: 0")
        talk.wait_for_end()

    server = stack.enter_context(talking(script))
    error = failure(wire_to(f"https://127.0.0.1:{server.port}"))
    assert isinstance(error, Permanent) and error.code == "tls"


def test_end_in_the_middle_of_a_body_is_no_matter_of_trust(secure: Secure) -> None:
    def script(talk: Talk) -> None:
        talk.head()
        talk.say("HTTP/1.1 200 OK", 'ETag: "e"', "Content-Length: 100", body=b"x")

    error = failure(secure(script)[0])
    assert isinstance(error, Retryable) and error.code in ("truncated", "connection-lost")


def test_early_refusal_is_read(secure: Secure) -> None:
    def script(talk: Talk) -> None:
        talk.head()
        talk.reply("403 Forbidden", body=b"<Error><Code>AccessDenied</Code></Error>")
        over.wait(20)

    over = threading.Event()
    wire, _ = secure(script)
    with pytest.raises(Permanent) as caught:
        put(wire, BIG * 4, size=1 << 20)
    over.set()
    assert caught.value.code == "access-denied"


def test_connection_that_the_server_closed_while_idle_is_replaced(secure: Secure) -> None:
    def once(talk: Talk) -> None:
        if talk.head():
            talk.reply(body=b"body")

    wire, server = secure(once)
    assert get(wire) == get(wire) == b"body"
    assert server.connections == 2


@pytest.mark.parametrize("inside", ["body", "handshake"])
def test_cancel_ends_it_at_once(
    secure: Secure, wire_to: Callable[..., Wire], stack: ExitStack, authority: Authority, inside: str
) -> None:
    token = CancelToken()

    def silent(talk: Talk) -> None:
        talk.head() if inside == "body" else talk.sock.recv(100)
        threading.Thread(target=token.cancel, args=("pause",)).start()
        talk.wait_for_end()

    if inside == "body":
        wire, _ = secure(silent)
    else:
        server = stack.enter_context(talking(silent))
        wire = wire_to(f"https://127.0.0.1:{server.port}", ca_file=str(authority.ca_file))
    with pytest.raises(Interrupted, match="pause"):
        get(wire, token=token)
