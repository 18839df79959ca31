"""Asking a server for a plan's sake, through the hiccups of a bad line."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TypeVar

from engine.errors import Condition, Retryable, TransferError
from engine.model import ObjectRef
from engine.pace.cancel import CancelToken
from engine.pace.clock import Clock
from engine.pace.retry import RetryPolicy
from engine.page import Page

if TYPE_CHECKING:
    from engine.s3.connection import Connection

T = TypeVar("T")

_ATTEMPTS = 6
"""About half a minute in all, if every wait is a long one."""

_RETRY_AFTER_MOST = 60.0
"""Seconds that a server may ask for between two attempts: whoever waits for the plan is told after some minutes."""

_MOST_BREAKS = 200
"""Of one listing, however far it came between them: a server that starts over each time is given up."""


class Patience:
    """Tries again what may heal, a bounded number of times. Used by one thread.

    A condition (no network, credentials expired) is told at once where nothing was heard from the
    server yet: then it is a matter for the user. In the middle of a listing it is waited for too,
    because a hundred thousand items may hang on the rest.
    """

    def __init__(self, clock: Clock, token: CancelToken, policy: RetryPolicy | None = None) -> None:
        self._clock, self.token = clock, token
        self._policy = policy or RetryPolicy(attempts=_ATTEMPTS, base=1.0, cap=15.0)

    def call(self, ask: Callable[[], T]) -> T:
        """The answer to one question.

        Raises:
            TransferError: It did not heal.
            Interrupted: The token was cancelled.
        """
        attempt = 0
        while True:
            try:
                return ask()
            except Retryable as error:
                attempt += 1
                self._wait(attempt, error)

    def pages(self, connection: Connection, bucket: str, prefix: str) -> Iterator[Page]:
        """The flat listing of a prefix; after a break it goes on behind the last key that came.

        Raises:
            TransferError: It did not heal, or nothing came yet and it is a condition.
            Interrupted: The token was cancelled.
        """
        from engine.s3.listing import list_pages

        last: str | None = None
        attempt = 0
        for _ in range(_MOST_BREAKS):
            try:
                for page in list_pages(
                    connection, bucket, prefix, delimiter=None, token=self.token, start_after=last
                ):
                    if len(page):
                        attempt, last = 0, prefix + page.names[-1]
                    yield page
                return
            except (Retryable, Condition) as error:
                if last is None and isinstance(error, Condition):
                    raise
                attempt += 1
                self._wait(attempt, error)
        raise Retryable("connection-lost", operation="list", subject=str(ObjectRef(bucket, prefix)))

    def _wait(self, attempt: int, error: TransferError) -> None:
        """Wait before the next attempt, or raise `error` if this was the last one."""
        if self._policy.exhausted(attempt):
            raise error
        asked = min(error.retry_after or 0.0, _RETRY_AFTER_MOST)
        if self._clock.wait(self.token, self._policy.delay(attempt, asked)):
            self.token.check()
