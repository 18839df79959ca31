"""The same done for many things, a few at a time."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Generic, TypeVar

from engine.errors import Interrupted, Retryable
from engine.pace.cancel import CancelToken
from engine.pace.threads import start

log = logging.getLogger(__name__)

T = TypeVar("T")

_LOOK_EVERY = 0.1
"""Seconds between two looks of who waits for the others."""


class Hands(Generic[T]):
    """Does `work` for each thing it is given, on up to `most` threads and, in the end, on the giver's own.

    Guarantees:
        Where the system gives no thread, the giver's own does it all.

        `_lock` is a leaf and guards all that begins with ``_``. `work` is called without it, on several
        threads at once, and handles what can go wrong with one thing; anything else it raises is
        raised by `finish`.
    """

    def __init__(self, work: Callable[[T], None], token: CancelToken, most: int) -> None:
        self._work, self._token, self._most = work, token, most
        self._lock = threading.Lock()
        self._done = threading.Condition(self._lock)
        self._waiting: deque[T] = deque()
        self._busy = 0
        self._threads = 0
        self._error: BaseException | None = None

    def take(self, things: Iterable[T]) -> None:
        """Do these too; does not wait."""
        with self._lock:
            self._waiting.extend(things)
            while self._threads < min(self._most, len(self._waiting)):
                thread = threading.Thread(target=self._loop, name="s3tui-hand", daemon=True)
                try:
                    start(thread, operation="work on several things at once")
                except Retryable as error:
                    log.info("%d hands: %s", self._threads, error.detail)
                    return
                self._threads += 1

    def finish(self) -> Iterator[None]:
        """Help until everything is done; yields now and then, so that the caller can say how far it is.

        Raises:
            Interrupted: The token was cancelled. What is in hand ends by itself.
        """
        while True:
            self._token.check()
            is_done = self._one()
            yield
            if is_done:
                continue
            with self._lock:
                if self._error is not None:
                    raise self._error
                if not self._busy and not self._waiting:
                    return
                self._done.wait(_LOOK_EVERY)

    def _loop(self) -> None:
        while self._one():
            pass
        with self._lock:
            self._threads -= 1

    def _one(self) -> bool:
        """Do the next thing; false where there is none."""
        with self._lock:
            if not self._waiting or self._token.cancelled or self._error is not None:
                return False
            thing = self._waiting.popleft()
            self._busy += 1
        error: BaseException | None = None
        try:
            self._work(thing)
        except Interrupted:
            return False
        except Exception as caught:  # It is the giver's: `finish` raises it.
            error = caught
        finally:
            with self._lock:
                self._busy -= 1
                self._error = self._error or error
                self._done.notify_all()
        return True
