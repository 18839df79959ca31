"""The app: a shell around the main screen that owns the queue's lifetime and leaves the terminal as it was."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any, ClassVar

import rich
from rich.segment import Segment, Segments
from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.screen import Screen

from engine import Location, TransferOptions
from tui.ports import ManagerPort
from tui.safe_text import display
from tui.screens.confirm import QuitScreen
from tui.screens.main import MainScreen

CLOSE_DEADLINE = 2.0
"""Seconds the engine gets to checkpoint and stop."""

_SIGNALS = {signal.SIGTERM: 143, signal.SIGHUP: 129, signal.SIGINT: 130}


class S3TuiApp(App[int]):
    """Start it with `run`, then leave with its `return_code`: 0, or 129, 130, 143 after a signal.

    Args:
        manager: Not yet started; it is started when the screen is up, and closed at the end whatever happens.
        left: What the left pane shows at first.
        right: The same for the right; ``None`` where nothing is configured.
        options: How what is queued here is moved.
        now: Wall clock, for dates.
    """

    TITLE = "s3tui"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+c", "help_quit", show=False, system=True, priority=True),
    ]
    ENABLE_COMMAND_PALETTE = True
    NOTIFICATION_TIMEOUT = 5

    def __init__(
        self,
        manager: ManagerPort,
        *,
        left: Location | None,
        right: Location | None,
        options: TransferOptions | None = None,
        theme: str | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        super().__init__()
        self.manager = manager
        self.main = MainScreen(manager, left, right, options=options, now=now)
        if theme is not None and theme in self.available_themes:
            self.theme = theme

    def on_mount(self) -> None:
        """Start the queue and show the screen."""
        self._catch_signals()
        self.manager.start()
        self.push_screen(self.main)

    def _catch_signals(self) -> None:
        """A lost line or a polite kill checkpoints and leaves; nothing is asked."""
        loop = asyncio.get_running_loop()
        for number, code in _SIGNALS.items():
            with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
                loop.add_signal_handler(number, self._leave, code)

    def _leave(self, code: int) -> None:
        self.exit(code, return_code=code)

    async def on_unmount(self) -> None:
        """Checkpoint and stop the engine, off the event loop and never longer than promised."""
        closing = threading.Thread(target=self._close, name="s3tui-close", daemon=True)
        closing.start()
        end = time.monotonic() + CLOSE_DEADLINE + 0.5
        while closing.is_alive() and time.monotonic() < end:
            await asyncio.sleep(0.01)

    def _close(self) -> None:
        self.manager.close(CLOSE_DEADLINE)

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
        """What the palette offers beside our own actions."""
        yield SystemCommand("Theme", "Choose other colours, or the terminal's own", self.action_change_theme)

    def _fatal_error(self) -> None:
        """Textual prints the local variables of every frame, which may hold secrets, and raw names."""
        from rich.traceback import Traceback  # a tenth of a second, for a crash only

        self.bell()
        traceback = Traceback(show_locals=False, width=None, suppress=[rich])
        segments = self.console.render(traceback, self.console.options)
        safe = [
            Segment("\n".join(display(line) for line in segment.text.split("\n")), segment.style)
            for segment in segments
            if not segment.control
        ]
        self._exit_renderables.append(Segments(safe))
        self._close_messages_no_wait()
