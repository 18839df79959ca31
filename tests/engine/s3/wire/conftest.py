"""Wires to scripted servers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from engine.pace.cancel import CancelToken
from engine.pace.clock import Clock, SystemClock
from engine.s3.endpoint import Endpoint
from engine.s3.profiles import Profile
from engine.s3.wire import Wire
from tests.engine.s3.wire.authority import Authority, make_authority
from tests.engine.s3.wire.talk import Script, TalkServer, talking

Start = Callable[..., tuple[Wire, TalkServer]]


@pytest.fixture
def token() -> CancelToken:
    return CancelToken()


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def wire_to(keys: None, stack: ExitStack) -> Callable[..., Wire]:
    """Makes a wire to a URL."""

    def make(url: str, clock: Clock | None = None, **settings: object) -> Wire:
        profile = Profile("default", url, **settings)  # type: ignore[arg-type]
        wire = Wire(Endpoint(profile), clock or SystemClock())
        stack.callback(wire.close)
        return wire

    return make


@pytest.fixture
def start(wire_to: Callable[..., Wire], stack: ExitStack) -> Start:
    """Starts a server that follows scripts; gives a wire to it."""

    def make(*scripts: Script, clock: Clock | None = None, **settings: object) -> tuple[Wire, TalkServer]:
        server = stack.enter_context(talking(*scripts))
        return wire_to(server.url, clock, **settings), server

    return make


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Made once."""
    return make_authority(tmp_path_factory.mktemp("tls"))
