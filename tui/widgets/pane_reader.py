"""Reading one place at a time: asks the browser, keeps the token, forgets answers to older questions."""

from __future__ import annotations

from dataclasses import dataclass

from engine import Location, Page, Problem, Token
from tui.ports import BrowserPort

_PAGES_AT_ONCE = 20


@dataclass(frozen=True, slots=True)
class Read:
    """What has come since the last look."""

    pages: tuple[Page, ...]
    scanned: int
    done: bool
    problem: Problem | None


class PaneReader:
    """The listing under way, if any."""

    def __init__(self, browser: BrowserPort) -> None:
        self._browser = browser
        self._token: Token | None = None
        self._had = 0

    @property
    def token(self) -> Token | None:
        """Of the listing under way."""
        return self._token

    @property
    def has_pages(self) -> bool:
        """Something has come already."""
        return self._had > 0

    def begin(self, location: Location, *, show_hidden: bool) -> Token:
        """Ask for a listing; the one before is given up."""
        self.stop()
        self._had = 0
        self._token = self.ask(location, show_hidden=show_hidden)
        return self._token

    def ask(self, location: Location, *, show_hidden: bool) -> Token:
        """The question itself."""
        return self._browser.list(location, show_hidden=show_hidden)

    def look(self) -> Read:
        """What has come, at most some pages at a time; at the end the token is given back."""
        assert self._token is not None
        progress = self._browser.pages(self._token, after=self._had)
        pages = progress.pages[:_PAGES_AT_ONCE]
        self._had += len(pages)
        done = progress.done and len(pages) == len(progress.pages)
        if done:
            self.stop()
        return Read(pages, progress.scanned, done, progress.problem if done else None)

    def stop(self) -> bool:
        """Give it up; false if nothing was under way."""
        if self._token is None:
            return False
        self._browser.cancel(self._token)
        self._token = None
        return True
