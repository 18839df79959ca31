"""The app: a shell around the main screen that owns the queue's lifetime and leaves the terminal as it was."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar

from rich.console import RenderableType
from textual import events
from textual.actions import ActionParseResult
from textual.app import SystemCommand
from textual.binding import Binding, BindingType
from textual.dom import DOMNode
from textual.screen import Screen

from engine import Location, TransferOptions
from tui import keys
from tui.configuration import Configuration
from tui.layout import LayoutFile
from tui.leaving import Stop
from tui.log import log_path, redact
from tui.pace_file import PaceFile
from tui.place_book import PlaceBook
from tui.ports import ManagerPort
from tui.schedule import Schedule
from tui.screens.confirm import QuitScreen
from tui.screens.main import MainScreen
from tui.streams import complain
from tui.themes import ThemedApp

log = logging.getLogger(__name__)

CLOSE_DEADLINE = 1.4
"""Seconds the engine gets to checkpoint and stop; with what the screen takes, within `tui.leaving.LEAVE_SECONDS`."""


class S3TuiApp(ThemedApp):
    """Start it with `run`, then leave with its `return_code`: 0, or 129, 130, 143 after a signal.

    Args:
        manager: Not yet started; it is started when the screen is up, and closed at the end whatever happens.
        left: What the left pane shows at first.
        right: The same for the right; ``None`` where nothing is configured.
        options: How what is queued here is moved.
        book: Bookmarks and recent places; without it nothing is remembered.
        layout: How the screen is divided; the same.
        configuration: The settings; without it none can be changed.
        pace: Rate limit and workers that were set on the screen; the same.
        schedule: Rate limits by the hour.
        keymap: Keys of the user's own, checked.
        stop: What asks to leave; without it signals are somebody else's business.
        now: Wall clock, for dates.
    """

    TITLE = "s3tui"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+c", "help_quit", show=False, system=True, priority=True),
    ]
    NOTIFICATION_TIMEOUT = 5

    def __init__(
        self,
        manager: ManagerPort,
        *,
        left: Location | None,
        right: Location | None,
        options: TransferOptions | None = None,
        theme: str | None = None,
        book: PlaceBook | None = None,
        layout: LayoutFile | None = None,
        configuration: Configuration | None = None,
        pace: PaceFile | None = None,
        schedule: Schedule | None = None,
        is_passing: bool = False,
        keymap: Mapping[str, tuple[str, ...]] | None = None,
        stop: Stop | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(theme)
        keys.use(keymap or {})
        self.set_keymap({id: ",".join(own) for id, own in (keymap or {}).items()})
        self.manager = manager
        self._stop = stop
        self._failure = ""
        """Why the screen had to be left, to be said once the terminal is given back."""
        self.main = MainScreen(
            manager,
            left,
            right,
            options=options,
            book=book,
            layout=layout,
            pace=pace,
            schedule=schedule,
            is_passing=is_passing,
            configuration=configuration,
            now=now,
        )

    def on_mount(self) -> None:
        """Start the queue and show the screen."""
        if self._stop is not None:
            loop = asyncio.get_running_loop()
            # A lost line or a polite kill checkpoints and leaves; nothing is asked. Asked again, it is too late.
            self._stop.listen(lambda code: _call_in(loop, self._leave, code))
            if self._stop.code is not None:
                return
        self.manager.start()
        self.push_screen(self.main)

    def _leave(self, code: int) -> None:
        self.exit(code, return_code=code)

    async def on_unmount(self) -> None:
        """Checkpoint and stop the engine, off the event loop and never longer than promised."""
        closing = threading.Thread(target=self._close, name="s3tui-close", daemon=True)
        try:
            closing.start()
        except RuntimeError:  # The system gives no thread, and what is under way must be saved all the same.
            self._close()
            return
        end = time.monotonic() + CLOSE_DEADLINE + 0.1
        while closing.is_alive() and time.monotonic() < end:
            await asyncio.sleep(0.01)

    def _close(self) -> None:
        self.manager.close(CLOSE_DEADLINE)
        self.main.save_now()

    async def run_action(
        self,
        action: str | ActionParseResult,
        default_namespace: DOMNode | None = None,
        namespaces: Mapping[str, DOMNode] | None = None,
    ) -> bool:
        """As Textual does, and what is done is noted, by whatever key, click or list it was asked for."""
        done = await super().run_action(action, default_namespace, namespaces)
        if done and isinstance(action, str):
            self.main.acted(action)
        return done

    def on_key(self, event: events.Key) -> None:
        """Keys typed right after the one that opened a filter went to the list, and come here once that is done."""
        self.main.type_late(event)

    def action_help_quit(self) -> None:
        """Ctrl+C: the same as q; where that is already being asked, leave."""
        if any(isinstance(screen, QuitScreen) for screen in self.screen_stack):
            self._leave(0)
        else:
            self.main.action_quit_program()

    async def action_quit(self) -> None:
        """From the palette: the same as q."""
        self.main.action_quit_program()

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """What the palette offers is our own actions."""
        return ()

    def panic(self, *renderables: RenderableType) -> None:
        """Textual's own threads end the app with a traceback of theirs, which says nothing to anybody here."""
        log.error(
            "the screen failed: %s", " ".join(type(each).__name__ for each in renderables), exc_info=True
        )
        self._say_it_failed("the terminal could not be read")

    def _handle_exception(self, error: Exception) -> None:
        """Leave, with the traceback in the log: on the terminal it would show values, secrets and raw names."""
        log.error("the screen failed", exc_info=error)
        if self._exception is None:
            self._exception = error
            self._exception_event.set()
        self._say_it_failed(f"{type(error).__name__}: {error}")

    def _say_it_failed(self, why: str) -> None:
        self._return_code = 1
        self._failure = self._failure or redact(why)
        self._close_messages_no_wait()

    def _print_error_renderables(self) -> None:
        """Textual would cut the lines at the width of the terminal, and with them the path of the log."""
        self._exit_renderables.clear()
        failure, self._failure = self._failure, ""
        if failure:
            where = f"; the log file says more: {log_path()}" if log_path() else ""
            complain(f"an internal error ({failure}){where}")
            complain("nothing is lost: what was confirmed is on record. Start s3tui again to go on")


def _call_in(loop: asyncio.AbstractEventLoop, call: Callable[[int], None], code: int) -> None:
    """From a signal handler or another thread; a loop that has ended needs nothing more."""
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(call, code)
