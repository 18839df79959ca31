"""The whole engine on the real server, driven as a screen drives it."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from engine import (
    ConflictPolicy,
    Connections,
    DeleteRequest,
    EngineConfig,
    Event,
    LocalRef,
    ObjectRef,
    OperationId,
    Profile,
    Request,
    TransferManager,
    TransferOptions,
    TransferRequest,
    TransferSnapshot,
    TransferState,
)
from tests.servers.seaweed import Seaweed

MIB = 1024 * 1024
PATIENCE = 60.0
"""Seconds after which a test gives up."""


@dataclass
class Engine:
    """A running manager and its surroundings."""

    manager: TransferManager
    profile: Profile
    events: list[Event] = field(default_factory=list)

    def ask(self, request: Request) -> OperationId:
        return self.manager.submit(request)

    def copy(self, sources: Any, target: Any, **options: Any) -> OperationId:
        """Sources and target as text: paths, or ``bucket/key`` behind ``s3://``."""
        many = sources if isinstance(sources, list | tuple) else [sources]
        options.setdefault("on_conflict", ConflictPolicy.OVERWRITE)
        request = TransferRequest(
            tuple(place(source) for source in many),
            place(target),
            self.profile.connection_id,
            TransferOptions(**options),
        )
        return self.manager.submit(request)

    def delete(self, *targets: Any) -> OperationId:
        places = tuple(place(target) for target in targets)
        connection = self.profile.connection_id if isinstance(places[0], ObjectRef) else None
        return self.manager.submit(DeleteRequest(places, connection))

    def until(self, true: Callable[[], Any], what: str = "") -> Any:
        """Wait for the engine until something is so."""
        deadline = time.monotonic() + PATIENCE
        while True:
            self.events += self.manager.drain_events(10_000)
            try:
                answer = true()
            except LookupError:
                answer = False  # the item is not in the queue yet
            if answer:
                return answer
            if time.monotonic() > deadline:
                raise AssertionError(f"never came true: {what or true}; {self.manager.snapshot()}")
            self.manager.wait(0.05)

    def settled(self, operation: OperationId) -> None:
        """Wait until nothing of an operation moves by itself any more."""

        def is_over() -> bool:
            progress = self.manager.operation(operation)
            assert progress is not None
            return not (progress.planning or progress.unfinished)

        self.until(is_over, "the end")

    def do(self, operation: OperationId) -> list[TransferSnapshot]:
        """Wait for its end; the rows of all its items, in the order in which they ended."""
        self.settled(operation)
        ended = [event.row for event in self.events if event.row is not None]
        return [row for row in ended if row.operation == operation]

    def row(self, name: str) -> TransferSnapshot:
        """The item whose source ends so."""
        rows = self.manager.snapshot(0, 100_000).rows
        found = [row for row in rows if row.source.endswith(name)]
        if not found:
            raise LookupError(name)
        return found[0]

    def state(self, name: str) -> TransferState:
        return self.row(name).state


def place(text: Any) -> LocalRef | ObjectRef:
    text = str(text)
    if text.startswith("s3://"):
        bucket, _, key = text[5:].partition("/")
        return ObjectRef(bucket, key)
    return LocalRef(text)


def profile_of(seaweed: Seaweed, url: str | None = None) -> Profile:
    return Profile("default", endpoint_url=url or seaweed.url, region="us-east-1")


@contextmanager
def running_at(url: str, state_dir: Path, **config: Any) -> Iterator[Engine]:
    """A manager that talks to any server; its keys are whatever. `profile` has more facts of the profile."""
    facts = {"name": "default", "endpoint_url": url, "region": "us-east-1", **config.pop("profile", {})}
    profile = Profile(**facts)
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("AWS_ACCESS_KEY_ID", "AK")
        environment.setenv("AWS_SECRET_ACCESS_KEY", "SK")
        fs, clock = config.pop("fs", None), config.pop("clock", None)
        manager = TransferManager(
            EngineConfig(str(state_dir), **config), Connections([profile]), fs=fs, clock=clock
        )
        try:
            manager.start()
            yield Engine(manager, profile)
        finally:
            manager.close()


@contextmanager
def running(
    seaweed: Seaweed, state_dir: Path, *, url: str | None = None, start: bool = True, **config: Any
) -> Iterator[Engine]:
    """A manager on this state folder, with the server's keys in the environment; closed at the end."""
    profile = profile_of(seaweed, url)
    only_new, fs = config.pop("only_new", False), config.pop("fs", None)
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("AWS_ACCESS_KEY_ID", seaweed.access_key)
        environment.setenv("AWS_SECRET_ACCESS_KEY", seaweed.secret_key)
        manager = TransferManager(
            EngineConfig(str(state_dir), **config), Connections([profile]), fs=fs, only_new=only_new
        )
        try:
            if start:
                manager.start()
            yield Engine(manager, profile)
        finally:
            manager.close()


def write(path: Path, size: int, seed: int = 1) -> Path:
    """A file of random bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(random.Random(seed).randbytes(size))
    return path


def tree(folder: Path) -> dict[str, bytes]:
    """Everything below a folder."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else b"/"
        for path in folder.rglob("*")
    }


def part_files(folder: Path) -> list[Path]:
    """Unfinished downloads."""
    return list(folder.rglob(".*.part"))
