"""Free space of the folder a pane shows, asked through the browser: a dead mount must not stop the keys."""

from __future__ import annotations

import time

from engine import LocalRef, Location, Token
from tui.ports import BrowserPort

_MAX_AGE = 10.0
"""Seconds after which it is asked again."""


class FreeSpace:
    """The newest answer for the place that was looked at last."""

    def __init__(self, browser: BrowserPort) -> None:
        self._browser = browser
        self.bytes: int | None = None
        self._place: Location | None = None
        self._token: Token | None = None
        self._asked_at = 0.0

    def look(self, place: Location | None) -> bool:
        """Ask if the place is another one or the answer is old, and take what was answered; true if
        `bytes` is another."""
        before, now = self.bytes, time.monotonic()
        if place != self._place:
            self._forget()
            self._place = place
        if place is None or not isinstance(place.place, LocalRef):
            return before is not None
        if self._token is not None:
            self._take(self._token)
        elif (self.bytes is None and not self._asked_at) or now - self._asked_at > _MAX_AGE:
            self._token, self._asked_at = self._browser.free_space(place), now
            self._take(self._token)
        return self.bytes != before

    def _take(self, token: Token) -> None:
        answer = self._browser.answer(token)
        if answer.done:
            self.bytes = answer.value if isinstance(answer.value, int) else None
            self._browser.cancel(token)
            self._token = None

    def _forget(self) -> None:
        if self._token is not None:
            self._browser.cancel(self._token)
        self._token, self.bytes, self._asked_at = None, None, 0.0
