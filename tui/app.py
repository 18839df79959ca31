"""The app: a shell around the main screen that owns the queue's lifetime and leaves the terminal as it was."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Unpack

from rich.console import RenderableType
from textual import events
from textual.actions import ActionParseResult
from textual.app import SystemCommand
from textual.binding import Binding, BindingType
from textual.dom import DOMNode
from textual.screen import Screen

from tui import suspending
from tui.one_key import LEAVE
from tui.opening import Opening, OpeningApp, Parts, call_in

if TYPE_CHECKING:
    from tui.leaving import Stop
    from tui.ports import ManagerPort
    from tui.screens.main import MainScreen

log = logging.getLogger(__name__)

CLOSE_DEADLINE = 1.4
"""Seconds the engine gets to checkpoint and stop; with what the screen takes, within `tui.leaving.LEAVE_SECONDS`."""


class S3TuiApp(suspending.SuspendingApp, OpeningApp):
    """Start it with `run`, then leave with its `return_code`: 0, or 129, 130, 143 after a signal.

    Args:
        manager: Not yet started; it is started when the screen is up, and closed at the end whatever happens.
        opening: Instead: what makes it, and the parts, once the frames of the screen are there.
        stop: What asks to leave; without it signals are somebody else's business.
        now: Wall clock, for dates.
        parts: See `Parts`.
    """

    TITLE = "s3tui"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(LEAVE, "help_quit", show=False, system=True, priority=True),
        Binding(suspending.KEY, "to_the_shell", show=False, system=True, priority=True),
    ]
    NOTIFICATION_TIMEOUT = 5

    manager: ManagerPort
    main: MainScreen
    """Like the manager there only when all is open."""

    def __init__(
        self,
        manager: ManagerPort | None = None,
        *,
        opening: Opening | None = None,
        theme: str | None = None,
        stop: Stop | None = None,
        now: Callable[[], float] = time.time,
        **parts: Unpack[Parts],
    ) -> None:
        super().__init__(theme, opening)
        self._stop, self._now = stop, now
        self._is_open = False
        self._failure = ""
        """Why the screen had to be left, to be said once the terminal is given back."""
        if manager is not None:
            self._make_main(manager, parts)

    def _make_main(self, manager: ManagerPort, parts: Parts) -> None:
        from tui import keys
        from tui.screens.main import MainScreen

        keymap = parts.pop("keymap", None) or {}
        keys.use(keymap)
        self.set_keymap({id: ",".join(own) for id, own in keymap.items()})
        self.manager = manager
        self.main = MainScreen(manager, now=self._now, **parts)
        self._is_open = True

    def on_mount(self) -> None:
        """Start the queue and show the screen."""
        if self._stop is not None:
            loop = asyncio.get_running_loop()
            # A lost line or a polite kill checkpoints and leaves; nothing is asked. Asked again, it is too late.
            self._stop.listen(lambda code: call_in(loop, self._leave, code))
            if self._stop.code is not None:
                return
        if self._is_open:
            self.manager.start()
            self.push_screen(self.main)
        else:
            self.open_behind()

    async def opened(self, manager: ManagerPort, parts: Parts) -> None:
        """All is there: start the queue, show the screen, and take what was typed meanwhile."""
        if self._exit:
            return
        self._make_main(manager, parts)
        self.manager.start()
        await self.push_screen(self.main)
        await self.give_keys()

    def _leave(self, code: int) -> None:
        self.exit(code, return_code=code)

    async def on_unmount(self) -> None:
        """Checkpoint and stop the engine, off the event loop and never longer than promised."""
        if not self._is_open:
            return
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
        if done and self._is_open and isinstance(action, str):
            self.main.acted(action)
        return done

    def on_key(self, event: events.Key) -> None:
        """Keys typed right after the one that opened a filter went to the list, and come here once that is done."""
        if self._is_open:
            self.main.type_late(event)

    def action_help_quit(self) -> None:
        """Ctrl+C: the same as q; where that is already being asked, leave. Before there is a queue it is a signal."""
        from tui.screens.confirm import QuitScreen

        if not self._is_open:
            self._leave(130)
        elif any(isinstance(screen, QuitScreen) for screen in self.screen_stack):
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
        from tui.log import redact

        self._failure = self._failure or redact(why)
        self._close_messages_no_wait()

    def _print_error_renderables(self) -> None:
        """Textual would cut the lines at the width of the terminal, and with them the path of the log."""
        from tui.log import log_path
        from tui.streams import complain

        self._exit_renderables.clear()
        failure, self._failure = self._failure, ""
        if failure:
            where = f"; the log file says more: {log_path()}" if log_path() else ""
            complain(f"an internal error ({failure}){where}")
            complain("nothing is lost: what was confirmed is on record. Start s3tui again to go on")
