"""All that is known of one place, as it comes in: what a listing told at once, then what is asked for."""

from __future__ import annotations

from collections.abc import Iterable

from engine import Details, Location, Problem, Token
from tui.ports import BrowserPort
from tui.screens.details import DetailsScreen, Pair

_POLL = 0.03


class ObjectDetailsScreen(DetailsScreen):
    """Asks when it opens, draws what has come, and stops asking when it is closed.

    Args:
        known: What is shown at once, raw.
        ask: There is more to ask for.
    """

    def __init__(
        self, browser: BrowserPort, location: Location, title: str, known: Iterable[Pair], *, ask: bool = True
    ) -> None:
        super().__init__(title, known)
        self._browser, self._location, self._ask = browser, location, ask
        self._token: Token | None = None
        self._found: Details | None = None
        self._problem: Problem | None = None

    def on_mount(self) -> None:
        """Draw what is known, and ask for the rest."""
        super().on_mount()
        if self._ask:
            self._token = self._browser.details(self._location)
            self._poll()

    def on_unmount(self) -> None:
        """Whatever is still on its way is not waited for."""
        self._stop()

    def _stop(self) -> None:
        if self._token is not None:
            self._browser.cancel(self._token)
            self._token = None

    def _poll(self) -> None:
        if self._token is None or self._is_answered:
            return
        answer = self._browser.answer(self._token)
        if isinstance(answer.value, Details):
            self._found = answer.value
        self._problem = answer.problem
        if answer.done:
            self._stop()
        else:
            self.set_timer(_POLL, self._poll)
        self.call_after_refresh(self.draw)

    def pairs(self) -> Iterable[Pair]:
        yield from self._pairs
        if self._found is not None:
            known = set(self._pairs)
            yield from (pair for pair in self._found.pairs() if pair not in known)
        if self._problem is not None:
            yield "Details", str(self._problem)
        elif self._token is not None:
            yield "", ""
            yield "", "Asking for more…"
