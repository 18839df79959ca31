"""Opening behind the first picture: what takes time is made ready on a thread of its own, while keys wait for it."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TypedDict

from textual.app import ComposeResult

from tui.themes import ThemedApp
from tui.widgets.skeleton import Skeleton

if TYPE_CHECKING:
    from engine import Location, TransferOptions
    from tui.configuration import Configuration
    from tui.layout import LayoutFile
    from tui.pace_file import PaceFile
    from tui.place_book import PlaceBook
    from tui.ports import ManagerPort
    from tui.schedule import Schedule


class Parts(TypedDict, total=False):
    """What the main screen is made of, beside the queue."""

    left: Location | None
    """What the left pane shows at first."""
    right: Location | None
    """The same for the right; ``None`` where nothing is configured."""
    options: TransferOptions
    """How what is queued here is moved."""
    book: PlaceBook
    """Bookmarks and recent places; without it nothing is remembered."""
    layout: LayoutFile
    """How the screen is divided; the same."""
    configuration: Configuration
    """The settings; without it none can be changed."""
    pace: PaceFile
    """Rate limit and workers that were set on the screen; the same."""
    schedule: Schedule
    """Rate limits by the hour."""
    is_passing: bool
    """Everything is removed when the program is left."""
    keymap: Mapping[str, tuple[str, ...]]
    """Keys of the user's own, checked."""


Opening = Callable[[], "tuple[ManagerPort, Parts]"]
"""Reads and opens all there is; called on a thread."""


class OpeningApp(ThemedApp):
    """Paints the frames of the screen, then opens what belongs into them.

    All here is read and written by the app's own thread; the one that opens hands over one value at its end.
    """

    def __init__(self, theme: str | None, opening: Opening | None) -> None:
        super().__init__(theme)
        self._opening = opening
        self.keeps_keys = opening is not None
        self.not_opened: Exception | None = None
        """Why it could not be opened; then the app has left."""

    def compose(self) -> ComposeResult:
        """The frames, while there is nothing else."""
        if self._opening is not None:
            yield Skeleton()

    def open_behind(self) -> None:
        """Begin to open once the first picture was sent."""
        self.call_after_refresh(self._begin)

    async def opened(self, manager: ManagerPort, parts: Parts) -> None:
        """Show the screen."""
        raise NotImplementedError

    def _begin(self) -> None:
        loop = asyncio.get_running_loop()
        thread = threading.Thread(target=self._open, args=(loop,), name="s3tui-open", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # The system gives no thread: then the picture stands still meanwhile.
            self._open(loop)

    def _open(self, loop: asyncio.AbstractEventLoop) -> None:
        assert self._opening is not None
        try:
            found = self._opening()
        except Exception as error:
            call_in(loop, self.call_later, self._fail, error)
        else:
            call_in(loop, self.call_later, self.opened, *found)

    def _fail(self, error: Exception) -> None:
        self.not_opened = error
        self.exit(return_code=1)


def call_in(loop: asyncio.AbstractEventLoop, call: Callable[..., object], *values: object) -> None:
    """From a signal handler or another thread; a loop that has ended needs nothing more."""
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(call, *values)
