"""The whole engine behind a proxy that does damage, and what a person sees of it on 80 columns."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from engine import Connections, EngineConfig, OperationId, Profile, TransferManager, TransferSnapshot
from engine.pace.clock import SystemClock
from tests.engine.queue.real import Engine
from tui.screens.transfer_text import transfer_lines
from tui.waiting import waiting_text
from tui.widgets.transfer_rows import spans

HOST = "s3.test.localhost"
"""A name that only `Names` resolves; of this machine, so that it may be spoken to unencrypted."""

Address = tuple[Any, ...]


class JumpingClock(SystemClock):
    """The real time, until a test lets some of it pass at once."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def monotonic(self) -> float:
        """See `Clock.monotonic`."""
        return time.monotonic() + self.ahead


class Patient:
    """Randomness that makes every delay as long as it may be, so that it can be seen."""

    def random(self) -> float:
        return 1.0


class Names:
    """The system's resolver, for one host."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.answer: tuple[str, int] | socket.gaierror = ("127.0.0.1", 9)
        self._really: Callable[..., list[Address]] = socket.getaddrinfo
        monkeypatch.setattr(socket, "getaddrinfo", self._look_up)

    def _look_up(self, host: Any, port: Any, *more: Any, **named: Any) -> list[Address]:
        if host != HOST:
            return self._really(host, port, *more, **named)
        if isinstance(self.answer, socket.gaierror):
            raise self.answer
        return self._really(*self.answer, *more, **named)


def slow_to_retry(engine: Engine) -> None:
    """The first try after a failure comes 2 s later, and not before: a whole second of it is shown as such."""
    policy = engine.manager._core.retries
    policy._base, policy._rng = 1.99, Patient()  # type: ignore[assignment]


@contextmanager
def running_on(
    state_dir: Path,
    url: str,
    *others: Profile,
    clock: JumpingClock | None = None,
    queue_clock: JumpingClock | None = None,
    name: str = "default",
    **config: Any,
) -> Iterator[Engine]:
    """An engine for one server and perhaps others, with whatever keys the environment has.

    Args:
        clock: Of the connections, by which stalls are measured.
        queue_clock: Of the queue, by which waits are measured.
        name: Of the profile.
    """
    profile = Profile(name, endpoint_url=url, region="us-east-1")
    connections = Connections([profile, *others], clock=clock)
    manager = TransferManager(EngineConfig(str(state_dir), **config), connections, clock=queue_clock)
    engine = Engine(manager, profile)
    slow_to_retry(engine)
    try:
        manager.start()
        yield engine
    finally:
        manager.close()


@contextmanager
def full_port() -> Iterator[int]:
    """A port that takes no more connections: attempts wait as if nobody was there."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        address = listener.getsockname()
        waiting = [socket.socket() for _ in range(4)]
        for sock in waiting:
            sock.setblocking(False)
            sock.connect_ex(address)
        yield address[1]
        for sock in waiting:
            sock.close()


def line(row: TransferSnapshot) -> str:
    """The item in the queue, as drawn in the 77 cells of a narrow screen."""
    return "".join(text for text, _ in spans(row, 77)).rstrip()


def details(engine: Engine, name: str) -> str:
    """The item's details, as shown."""
    detail = engine.manager.detail(engine.row(name).id)
    assert detail is not None
    return "\n".join(f"{name}: {value}" for name, value in transfer_lines(detail))


def watched(engine: Engine, operation: OperationId) -> list[str]:
    """Wait for the end of an operation; why and how long its items waited meanwhile, each text once."""
    seen: dict[str, None] = {}

    def is_over() -> bool:
        for row in engine.manager.snapshot(0, 100).rows:
            if row.waiting is not None:
                seen[waiting_text(row.waiting)] = None
        progress = engine.manager.operation(operation)
        assert progress is not None
        return not (progress.planning or progress.unfinished)

    engine.until(is_over, "the end")
    return list(seen)


def let_time_pass(engine: Engine, clock: JumpingClock, name: str) -> None:
    """In steps, until the item waits."""

    def waits() -> bool:
        clock.ahead += 5.0
        return engine.row(name).waiting is not None

    engine.until(waits)
