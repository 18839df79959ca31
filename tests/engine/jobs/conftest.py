"""The scripted server, connections to it and to the real one through the proxy, and files to move."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from engine.s3.connection import Connection
from engine.s3.profiles import Profile
from tests.servers.proxy import FaultProxy
from tests.servers.scripted import ScriptedS3
from tests.servers.seaweed import Seaweed


@pytest.fixture
def s3() -> Iterator[ScriptedS3]:
    """With the bucket ``b``."""
    with ScriptedS3("b") as server:
        yield server


@pytest.fixture
def scripted(
    s3: ScriptedS3, connect: Callable[[Profile], Connection], monkeypatch: pytest.MonkeyPatch
) -> Connection:
    """To the scripted server."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AK")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "SK")
    return connect(Profile("default", s3.url))


@pytest.fixture
def lossy(s3: ScriptedS3) -> Iterator[FaultProxy]:
    """In front of the scripted server."""
    with FaultProxy(s3.url) as proxy:
        yield proxy


@pytest.fixture
def over_lossy(
    lossy: FaultProxy, connect: Callable[[Profile], Connection], monkeypatch: pytest.MonkeyPatch
) -> Connection:
    """To the scripted server through that proxy."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AK")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "SK")
    return connect(Profile("default", lossy.url))


@pytest.fixture
def proxy(seaweed: Seaweed) -> Iterator[FaultProxy]:
    """In front of the real server."""
    with FaultProxy(seaweed.url) as proxy:
        yield proxy


@pytest.fixture
def over_proxy(
    seaweed: Seaweed,
    proxy: FaultProxy,
    connect: Callable[[Profile], Connection],
    monkeypatch: pytest.MonkeyPatch,
) -> Connection:
    """To the real server through the proxy."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", seaweed.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", seaweed.secret_key)
    return connect(Profile("default", proxy.url))


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Makes a file of so many random bytes, the same for the same seed."""

    def make(name: str, size: int, seed: int = 0) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(random.Random(seed).randbytes(size))
        return path

    return make
