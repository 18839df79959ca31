"""The one way to stop work: a token that is checked between chunks, waited on, and closes sockets."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from engine.errors import Interrupted

log = logging.getLogger(__name__)


class CancelToken:
    """Cancelled once, for a reason, from any thread; it never becomes uncancelled.

    Guarantees:
        `cancelled`, `reason` and `check` take no lock. `_reason` is written once, under `_lock`;
        `_hooks` and `_event` are read and written under `_lock` only.

        Hooks run in the canceller's thread while `_lock` is held, so that a hook is never running,
        and never runs any more, once its ``with`` block is left: what it shuts down may then be
        used by somebody else. Hence a hook must not block, and must not take a lock that is held
        while a ``with hook(...)`` block is entered or left.
    """

    __slots__ = ("_event", "_hooks", "_lock", "_reason")

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._reason: str | None = None
        self._hooks: dict[object, Callable[[], object]] | None = None
        self._event: threading.Event | None = None
        """Made when somebody first waits: most tokens are only ever checked."""

    @property
    def cancelled(self) -> bool:
        """The work is to stop."""
        return self._reason is not None

    @property
    def reason(self) -> str | None:
        """Why, as the first canceller said; ``None`` while not cancelled."""
        return self._reason

    def check(self) -> None:
        """Go on, or not.

        Raises:
            Interrupted: The token is cancelled.
        """
        if self._reason is not None:
            raise Interrupted(self._reason)

    def cancel(self, reason: str) -> None:
        """Stop the work and run the hooks. Later calls change nothing."""
        with self._lock:
            if self._reason is not None:
                return
            self._reason = reason
            if self._event is not None:
                self._event.set()
            hooks, self._hooks = self._hooks, None
            for callback in (hooks or {}).values():
                _run(callback)

    def wait(self, seconds: float | None = None) -> bool:
        """Sleep until cancelled, or for `seconds` (``None``: without end); true if cancelled."""
        if self._reason is not None:
            return True
        with self._lock:
            if self._reason is not None:
                return True
            if self._event is None:
                self._event = threading.Event()
            event = self._event
        if seconds is not None:
            seconds = min(max(seconds, 0.0), threading.TIMEOUT_MAX)
        return event.wait(seconds)

    def hook(self, callback: Callable[[], object]) -> Hook:
        """Run `callback` at cancel while the ``with`` block lasts; at once if already cancelled.

        An exception of the callback is logged and goes no further: the canceller is not to blame.
        """
        return Hook(self, callback)

    def _add(self, key: object, callback: Callable[[], object]) -> None:
        with self._lock:
            if self._reason is not None:
                _run(callback)
            else:
                if self._hooks is None:
                    self._hooks = {}
                self._hooks[key] = callback

    def _drop(self, key: object) -> None:
        with self._lock:
            if self._hooks is not None:
                self._hooks.pop(key, None)


class Hook:
    """What `CancelToken.hook` returns, for one ``with`` block; whoever cannot use one calls `set` and `drop`."""

    __slots__ = ("_callback", "_token")

    def __init__(self, token: CancelToken, callback: Callable[[], object]) -> None:
        self._token, self._callback = token, callback

    def set(self) -> None:
        """From here on the callback is run at cancel."""
        self._token._add(self, self._callback)

    def drop(self) -> None:
        """It is not running, and never runs any more. Idempotent."""
        self._token._drop(self)

    __enter__ = set

    def __exit__(self, *_: object) -> None:
        self.drop()


def _run(callback: Callable[[], object]) -> None:
    try:
        callback()
    except Exception as error:
        # Closing a socket that is closed already raises OSError; nothing depends on it.
        log.debug("cancel hook: %s", type(error).__name__)
