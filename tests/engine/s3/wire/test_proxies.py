"""Through proxies: plain requests in absolute form, TLS through a tunnel."""

from __future__ import annotations

import base64
import socket
import threading
from collections.abc import Callable
from contextlib import ExitStack

import pytest

from engine.errors import Condition, Permanent, TransferError
from engine.s3.wire import Wire
from tests.engine.s3.wire.asking import get, put
from tests.engine.s3.wire.authority import Authority
from tests.engine.s3.wire.talk import Talk, TalkServer, serve, talking

USER = "Basic " + base64.b64encode(b"user:p@ss").decode()


@pytest.fixture
def proxy(stack: ExitStack) -> Callable[..., TalkServer]:
    """Starts what plays the proxy."""
    return lambda *scripts: stack.enter_context(talking(*scripts))


def failure(wire: Wire) -> TransferError:
    with pytest.raises(TransferError) as caught:
        get(wire)
    assert "p@ss" not in str(caught.value) and "p%40ss" not in str(caught.value)
    return caught.value


def test_plain_requests_go_to_the_proxy_in_absolute_form(
    wire_to: Callable[..., Wire], proxy: Callable[..., TalkServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[str, str, str]] = []

    def answer(talk: Talk) -> None:
        seen.append((talk.line, talk.headers["host"], talk.headers["proxy-authorization"]))
        if talk.line.startswith("PUT"):
            talk.body()
        talk.reply(body=b"" if talk.line.startswith("PUT") else b"body")

    server = proxy(serve(answer))
    monkeypatch.setenv("http_proxy", f"http://user:p%40ss@127.0.0.1:{server.port}")
    wire = wire_to("http://s3.invalid:9000")
    assert get(wire) == b"body"
    put(wire)
    assert seen == [
        ("GET http://s3.invalid:9000/b/k HTTP/1.1", "s3.invalid:9000", USER),
        ("PUT http://s3.invalid:9000/b/k HTTP/1.1", "s3.invalid:9000", USER),
    ]
    assert server.connections == 1


def test_proxy_without_a_scheme_is_an_http_one(
    wire_to: Callable[..., Wire], proxy: Callable[..., TalkServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    server = proxy(serve(lambda talk: talk.reply(body=b"body")))
    monkeypatch.setenv("http_proxy", f"127.0.0.1:{server.port}")
    assert get(wire_to("http://s3.invalid")) == b"body"


@pytest.mark.parametrize("no_proxy", ["127.0.0.1", "*", "localhost,127.0.0.1"])
def test_hosts_that_need_no_proxy_are_reached_directly(
    wire_to: Callable[..., Wire],
    proxy: Callable[..., TalkServer],
    monkeypatch: pytest.MonkeyPatch,
    no_proxy: str,
) -> None:
    server = proxy(serve(lambda talk: talk.reply(body=talk.line.encode())))
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("no_proxy", no_proxy)
    assert get(wire_to(server.url)) == b"GET /b/k HTTP/1.1"


def _pump(source: socket.socket, target: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass  # One side has closed: so does the other.


def relay(host: str, port: int, authorization: str | None) -> Callable[[Talk], None]:
    """A script that tunnels to a port of this machine, whatever the host."""

    def script(talk: Talk) -> None:
        assert talk.head() == f"CONNECT {host}:{port} HTTP/1.1"
        assert talk.headers.get("Proxy-Authorization") == authorization
        with socket.create_connection(("127.0.0.1", port)) as other:
            talk.say("HTTP/1.1 200 Connection established", "Via: x")
            back = threading.Thread(target=_pump, args=(other, talk.sock))
            back.start()
            _pump(talk.sock, other)
            back.join(20)

    return script


def test_tls_goes_through_a_tunnel_and_checks_the_server(
    wire_to: Callable[..., Wire],
    proxy: Callable[..., TalkServer],
    stack: ExitStack,
    authority: Authority,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server = stack.enter_context(
        talking(serve(lambda talk: talk.reply(body=b"body")), tls=authority.for_another_host)
    )
    between = proxy(relay("s3.invalid", server.port, USER))
    monkeypatch.setenv("https_proxy", f"http://user:p%40ss@127.0.0.1:{between.port}")
    wire = wire_to(f"https://s3.invalid:{server.port}", ca_file=str(authority.ca_file))
    error = failure(wire)
    assert (error.code, "s3.invalid" in error.detail) == ("tls", True)
    assert (server.requests, between.connections) == (0, 1)


def test_tls_through_a_tunnel_carries_requests(
    wire_to: Callable[..., Wire],
    proxy: Callable[..., TalkServer],
    stack: ExitStack,
    authority: Authority,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server = stack.enter_context(
        talking(serve(lambda talk: talk.reply(body=talk.line.encode())), tls=authority.good)
    )

    between = proxy(relay("127.0.0.1", server.port, None))
    monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{between.port}")
    wire = wire_to(f"https://127.0.0.1:{server.port}", ca_file=str(authority.ca_file))
    assert get(wire) == get(wire) == b"GET /b/k HTTP/1.1"
    assert (between.connections, server.connections) == (1, 1)
    wire.close()


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        ("407 Proxy Authentication Required", Permanent, "access-denied"),
        ("403 Forbidden", Permanent, "access-denied"),
        ("502 Bad Gateway", Condition, "offline"),
        ("503 Unavailable", Condition, "offline"),
    ],
)
def test_proxy_that_refuses_is_named(
    wire_to: Callable[..., Wire],
    proxy: Callable[..., TalkServer],
    monkeypatch: pytest.MonkeyPatch,
    status: str,
    kind: type[TransferError],
    code: str,
) -> None:
    server = proxy(serve(lambda talk: talk.say(f"HTTP/1.1 {status}", "Content-Length: 0")))
    monkeypatch.setenv("https_proxy", f"http://user:p%40ss@127.0.0.1:{server.port}")
    error = failure(wire_to("https://s3.invalid"))
    assert isinstance(error, kind) and error.code == code
    assert "proxy" in f"{error.subject} {error.detail}"


@pytest.mark.parametrize("script", [lambda talk: None, lambda talk: talk.head() and talk.reset()])
def test_proxy_that_breaks_off_is_offline(
    wire_to: Callable[..., Wire],
    proxy: Callable[..., TalkServer],
    monkeypatch: pytest.MonkeyPatch,
    script: Callable[[Talk], None],
) -> None:
    server = proxy(script)
    monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{server.port}")
    assert failure(wire_to("https://s3.invalid")).code == "offline"


def test_proxy_that_is_not_there_is_offline(
    wire_to: Callable[..., Wire], monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{port}")
    assert failure(wire_to("https://s3.invalid")).code == "offline"


@pytest.mark.parametrize("url", ["socks5://user:p%40ss@h:1", "http://user:p%40ss@h:port", "http://"])
def test_proxy_that_makes_no_sense_is_refused_without_its_password(
    wire_to: Callable[..., Wire], monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("https_proxy", url)
    with pytest.raises(Permanent) as caught:
        wire_to("https://s3.invalid")
    assert caught.value.code == "bad-request"
    assert "p%40ss" not in str(caught.value)


def test_secured_proxy_for_tls_is_refused_in_words(
    wire_to: Callable[..., Wire], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("https_proxy", "https://127.0.0.1:1")
    assert failure(wire_to("https://s3.invalid")).code == "not-supported"
