"""A scripted S3 server with answers of the test's own, and with answers that are held back."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.servers.s3_request import Answer, Asked
from tests.servers.scripted import ScriptedS3

MOST_HELD = 30.0
"""Seconds after which an answer that is held back goes out after all."""


class Held:
    """An operation whose answers wait: it is done, and nobody hears of it."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self.let_go = threading.Event()


class HostileS3(ScriptedS3):
    """`instead` has an answer by operation, given in place of the server's own where it is not ``None``.

    The test writes `instead` and `_held`, each value by itself; the server's threads read.
    """

    def __init__(self, *buckets: str) -> None:
        super().__init__(*buckets)
        self.instead: dict[str, Callable[[Asked], Answer | None]] = {}
        self._held: dict[str, Held] = {}

    def always(self, answer: Answer, *operations: str) -> None:
        """The same answer to every request for these operations."""
        for operation in operations:
            self.instead[operation] = lambda asked: answer

    @contextmanager
    def holding(self, operation: str) -> Iterator[Held]:
        """Inside the block this operation is done, but its answers do not go out until they are let go."""
        held = self._held[operation] = Held()
        try:
            yield held
        finally:
            del self._held[operation]
            held.let_go.set()

    def answer(self, asked: Asked) -> Answer:
        make = self.instead.get(asked.operation)
        own = make(asked) if make is not None else None
        answer = own if own is not None else super().answer(asked)
        held = self._held.get(asked.operation)
        if held is not None:
            held.reached.set()
            held.let_go.wait(MOST_HELD)
        return answer
