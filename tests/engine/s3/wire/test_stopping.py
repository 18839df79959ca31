"""Cancelled at any point: it ends at once. Stalled: it ends when it is time."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from engine.errors import Condition, Interrupted, Retryable
from engine.pace.cancel import CancelToken
from engine.s3.wire import Wire, dial
from tests.engine.pace.clocks import StepClock
from tests.engine.s3.wire.asking import REF, get, pieces_of, put
from tests.engine.s3.wire.conftest import Start
from tests.engine.s3.wire.talk import Talk

AT_ONCE = 1.0
"""Seconds; the promise, with which a machine that has much else to do still must keep up."""
BIG = bytes(1 << 24)


def cancelled_while(reached: threading.Event, call: Callable[[CancelToken], object]) -> float:
    """Seconds from the cancelling until `call` ends with Interrupted."""
    token = CancelToken()
    at: list[float] = []

    def cancel() -> None:
        assert reached.wait(20)
        at.append(time.monotonic())
        token.cancel("pause")

    thread = threading.Thread(target=cancel)
    thread.start()
    with pytest.raises(Interrupted, match="pause"):
        call(token)
    seconds = time.monotonic() - at[0]
    thread.join()
    return seconds


@pytest.mark.parametrize(
    "said", [b"", b"HTTP/1.1 200", b'HTTP/1.1 200 OK\r\nETag: "e"\r\nContent-Length: 9\r\n\r\n1']
)
def test_cancel_ends_a_get_at_once(start: Start, said: bytes) -> None:
    reached = threading.Event()

    def script(talk: Talk) -> None:
        talk.head()
        talk.sock.sendall(said)
        reached.set()
        talk.wait_for_end()

    wire, _ = start(script)
    assert cancelled_while(reached, lambda token: get(wire, token=token)) < AT_ONCE


def test_cancel_ends_a_put_at_once_that_nobody_reads(start: Start) -> None:
    reached, over = threading.Event(), threading.Event()

    def script(talk: Talk) -> None:
        talk.head()
        reached.set()
        over.wait(20)

    wire, _ = start(script)
    seconds = cancelled_while(reached, lambda token: put(wire, BIG, size=1 << 20, token=token))
    over.set()
    assert seconds < AT_ONCE


def test_cancel_ends_the_wait_for_the_answer_to_a_put(start: Start) -> None:
    reached = threading.Event()

    def script(talk: Talk) -> None:
        talk.head()
        talk.body()
        reached.set()
        talk.wait_for_end()

    wire, _ = start(script)
    assert cancelled_while(reached, lambda token: put(wire, token=token)) < AT_ONCE


def test_cancel_ends_the_reading_of_an_error(start: Start) -> None:
    reached = threading.Event()

    def script(talk: Talk) -> None:
        talk.head()
        talk.say("HTTP/1.1 500 No", "Content-Length: 9")
        reached.set()
        talk.wait_for_end()

    wire, _ = start(script)
    assert cancelled_while(reached, lambda token: get(wire, token=token)) < AT_ONCE


@pytest.fixture
def full(wire_to: Callable[..., Wire]) -> Iterator[Wire]:
    """A wire to a port that takes no more connections: attempts wait as if nobody was there."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        address = listener.getsockname()
        waiting = [socket.socket() for _ in range(4)]
        for sock in waiting:
            sock.setblocking(False)
            sock.connect_ex(address)
        yield wire_to(f"http://127.0.0.1:{address[1]}")
        for sock in waiting:
            sock.close()


def test_cancel_ends_an_attempt_to_connect(full: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    reached = threading.Event()

    def wait(*how: Any) -> None:
        reached.set()
        really_wait(*how)

    really_wait = dial._wait_for_connection
    monkeypatch.setattr(dial, "_wait_for_connection", wait)
    assert cancelled_while(reached, lambda token: get(full, token=token)) < AT_ONCE


@pytest.mark.fault(3)
def test_attempt_to_connect_ends_by_itself(full: Wire, token: CancelToken) -> None:
    full._pool._connect_seconds = 0.3
    with pytest.raises(Condition) as caught:
        get(full, token=token)
    assert caught.value.code == "offline"
    assert caught.value.scope[0] == "endpoint" and caught.value.scope[1].startswith("default@http://127")


def test_cancel_ends_a_look_up_that_hangs(
    wire_to: Callable[..., Wire], monkeypatch: pytest.MonkeyPatch
) -> None:
    reached, over = threading.Event(), threading.Event()

    def hangs(*_: object, **__: object) -> None:
        reached.set()
        over.wait(20)
        raise socket.gaierror(socket.EAI_AGAIN, "again")

    monkeypatch.setattr("engine.s3.wire.dial.socket.getaddrinfo", hangs)
    wire = wire_to("http://some.invalid:1")
    seconds = cancelled_while(reached, lambda token: get(wire, token=token))
    over.set()
    assert seconds < AT_ONCE


# -- stalls ----------------------------------------------------------------------------------------


class HastyClock(StepClock):
    """Each look finds it ten seconds later."""

    def monotonic(self) -> float:
        self.advance(10.0)
        return self.now


def test_silence_is_a_stall(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.s3.wire.http.SLICE_SECONDS", 0.05)

    def script(talk: Talk) -> None:
        talk.head()
        talk.wait_for_end()

    wire, server = start(script, clock=HastyClock())
    with pytest.raises(Retryable) as caught:
        get(wire)
    assert (caught.value.code, caught.value.operation) == ("stalled", "download")
    assert server.connections == 1


def test_time_that_the_caller_takes_is_no_stall(start: Start, token: CancelToken) -> None:
    clock = StepClock()

    def script(talk: Talk) -> None:
        talk.head()
        talk.reply(body=b"12345")
        talk.head()
        talk.body()
        talk.reply()

    wire, _ = start(script, clock=clock)
    with wire.get_object(REF, token=token) as reply:
        buffer = memoryview(bytearray(1))
        while reply.readinto(buffer):
            clock.advance(1000.0)

    def slowly() -> Iterator[memoryview]:
        for piece in pieces_of(b"hello", 1)():
            clock.advance(1000.0)
            yield piece

    assert wire.put_object(REF, slowly, 5, token=token).etag == "e"


def test_what_the_system_still_sends_is_no_stall(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a slow line megabytes leave only after they were taken: that is seen, and waited for."""
    monkeypatch.setattr("engine.s3.wire.http.SLICE_SECONDS", 0.005)
    clock = StepClock()
    left = iter(range(1000, 0, -20))
    over = threading.Event()

    def unsent(_: object) -> int:
        clock.advance(20.0)
        count = next(left, 0)
        if count == 0:
            over.set()
        return count * 100_000

    monkeypatch.setattr("engine.s3.wire.http.unsent_bytes", unsent)

    def script(talk: Talk) -> None:
        talk.head()
        talk.body()
        assert over.wait(20)
        talk.reply()

    wire, _ = start(script, clock=clock)
    assert put(wire).etag == "e"


def test_what_is_on_its_way_is_known() -> None:
    from engine.s3.wire.unsent import unsent_bytes

    with socket.create_server(("127.0.0.1", 0)) as listener:
        with socket.create_connection(listener.getsockname()) as sock:
            other, _ = listener.accept()
            with other:
                assert unsent_bytes(sock) == 0
                sock.setblocking(False)
                with pytest.raises(BlockingIOError):
                    while True:
                        sock.send(bytes(65536))
                assert unsent_bytes(sock) > 0
    assert unsent_bytes(sock) == 0
