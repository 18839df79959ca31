"""Connections for tests, and the one to the real server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from engine.s3.connection import Connection, Connections
from engine.s3.profiles import Profile
from tests.servers.seaweed import Seaweed


@pytest.fixture
def connections() -> Iterator[Connections]:
    """Closed at the end, with all that was added."""
    with closing(Connections()) as connections:
        yield connections


@pytest.fixture
def connect(connections: Connections) -> Callable[[Profile], Connection]:
    """Makes the connection of a profile."""

    def make(profile: Profile) -> Connection:
        connections.add(profile)
        return connections.get(profile.connection_id)

    return make


@pytest.fixture
def connection(
    seaweed: Seaweed, connect: Callable[[Profile], Connection], monkeypatch: pytest.MonkeyPatch
) -> Connection:
    """To the real server."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", seaweed.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", seaweed.secret_key)
    return connect(Profile("default", seaweed.url))
