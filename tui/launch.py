"""Opening the screen."""

from __future__ import annotations

import argparse
import gc
import os
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from tui.leaving import Stop, signals

if TYPE_CHECKING:
    from engine import Connections, EngineConfig, Location, TransferManager
    from tui.opening import Parts
    from tui.place_book import PlaceBook
    from tui.ports import ManagerPort
    from tui.settings import Settings
    from tui.setup import Setup

_LATE_CLOSE_SECONDS = 0.6
"""To checkpoint, where the screen did not come to it."""


def open_app(args: argparse.Namespace, settings: Settings, make_setup: Callable[[], Setup]) -> int:
    """The screen, on what the command line names; returns the exit code.

    Its frames are painted first. Only what they look like, and what is surely a mistake, is found out before.

    Raises:
        UsageError: The places make no sense, or there is no terminal.
        EngineError: The queue cannot be had.
    """
    theme = _theme(args, settings)
    opening = Opening(make_setup)
    if not (_is_terminal() and _may_be_places(args)):
        opening.read()  # What is wrong is said without a screen.
        check_terminal()
    with signals(sys.stdin.fileno()) as stop:
        code = _run_app(args, opening, theme, stop)
    return stop.code or code


def _run_app(args: argparse.Namespace, opening: Opening, theme: str, stop: Stop) -> int:
    from tui.app import S3TuiApp

    stop.checkpoint = opening.close
    try:
        app = S3TuiApp(opening=opening, theme=theme, stop=stop)
        if stop.code is not None:
            return stop.code
        result = app.run(mouse=not getattr(args, "no_mouse", False))
    finally:
        opening.close()
    if app.not_opened is not None and stop.code is None:
        raise app.not_opened
    return app.return_code or (result if isinstance(result, int) else 0) or 0


class Opening:
    """Makes ready all that the screen works with: called on a thread while the first picture stands.

    `_lock` guards `_manager` and `_is_over`: whatever thread is later, what was opened is closed.
    """

    def __init__(self, make_setup: Callable[[], Setup]) -> None:
        self._make_setup = make_setup
        self._read: tuple[Setup, Parts] | None = None
        self._lock = threading.Lock()
        self._manager: ManagerPort | None = None
        self._is_over = False

    def read(self) -> tuple[Setup, Parts]:
        """All but the queue; once.

        Raises:
            UsageError: Something in it makes no sense.
        """
        if self._read is None:
            setup = self._make_setup()
            self._read = setup, _parts(setup)
        return self._read

    def __call__(self) -> tuple[ManagerPort, Parts]:
        """The queue, not yet started, and all else.

        Raises:
            UsageError: Something in it makes no sense.
            EngineError: The queue cannot be had.
        """
        from tui.screens import main  # noqa: F401  what the screen is made of is loaded here too
        from tui.undo import UNDO_SECONDS

        setup, parts = self.read()
        setup.start_log()
        args = setup.args
        config = parts["pace"].applied(
            setup.config(), limit_flag=bool(args.rate_limit), workers_flag=bool(args.workers)
        )
        manager = _opened(replace(config, delete_delay=UNDO_SECONDS), setup.connections())
        with self._lock:
            self._manager = manager
            is_over = self._is_over
        if is_over:
            manager.close(_LATE_CLOSE_SECONDS)
        return manager, parts

    def close(self) -> None:
        """Checkpoint what is open, and what still comes to be. Idempotent."""
        with self._lock:
            self._is_over = True
            manager = self._manager
        if manager is not None:
            manager.close(_LATE_CLOSE_SECONDS)


def _opened(config: EngineConfig, connections: Connections) -> TransferManager:
    """The queue. What it holds lives as long as the program, and none of it is garbage: looking through all of it
    for some, now and then, would hold up the screen (0.15 s with a hundred thousand items)."""
    from engine import TransferManager

    gc.disable()
    try:
        return TransferManager(config, connections)
    finally:
        gc.freeze()
        gc.enable()


def _parts(setup: Setup) -> Parts:
    from engine import ConflictPolicy
    from tui import keymap, layout, pace_file, place_book
    from tui.configuration import Configuration

    configuration = Configuration(setup)
    folder = os.path.dirname(setup.settings.path)
    book = place_book.PlaceBook(os.path.join(folder, place_book.FILE_NAME))
    left, right = places_of(setup, book)
    return {
        "left": left,
        "right": right,
        "options": setup.options(setup.settings.on_conflict or ConflictPolicy.ASK),
        "book": book,
        "layout": layout.LayoutFile(os.path.join(folder, layout.FILE_NAME)),
        "configuration": configuration,
        "pace": pace_file.PaceFile(os.path.join(folder, pace_file.FILE_NAME), setup.settings_pace),
        "schedule": setup.schedule,
        "is_passing": setup.is_passing,
        "keymap": keymap.read(setup.settings.keys, setup.settings.path),
    }


def _theme(args: argparse.Namespace, settings: Settings) -> str:
    """The theme to wear from the first picture on.

    Raises:
        UsageError: There is none of that name.
    """
    from tui import themes

    return themes.chosen(
        getattr(args, "theme", None) or os.environ.get("TEXTUAL_THEME") or settings.theme, os.environ
    )


def _is_terminal() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty()


def _may_be_places(args: argparse.Namespace) -> bool:
    """No word of the command line is surely a mistake, as a misspelt command is."""
    return all(
        text.lower().startswith("s3://") or os.path.isdir(text) for text in getattr(args, "places", [])
    )


def check_terminal() -> None:
    """The screen needs one.

    Raises:
        UsageError: There is none.
    """
    from engine import UsageError

    if not _is_terminal():
        raise UsageError("the screen needs a terminal; without one use s3tui cp, run or status")


def places_of(setup: Setup, book: PlaceBook) -> tuple[Location, Location | None]:
    """What both panes show at first: what was named, else where this profile was left the last time.

    Raises:
        UsageError: Two places of one kind, or a folder that does not exist.
    """
    from engine import LocalRef, Location, ObjectRef, UsageError, has_credentials_hint
    from tui.options import COMMANDS
    from tui.setup import place_of

    local: LocalRef | None = None
    remote: ObjectRef | None = None
    for text in getattr(setup.args, "places", []):
        place = place_of(text)
        if isinstance(place, LocalRef):
            if local is not None:
                raise UsageError(f"{text!r} is one local folder too many")
            if not os.path.isdir(place.path):
                raise UsageError(f"{text!r} is no folder and no command ({', '.join(COMMANDS)})")
            local = place
        elif remote is not None:
            raise UsageError(f"{text!r} is one s3:// address too many")
        else:
            remote = place
    if local is None and remote is None:
        left = book.left_at(setup.profile.connection_id)
        remote = left.remote
        if left.local is not None and os.path.isdir(left.local.path):
            local = left.local
    here = LocalRef((local.path.rstrip("/") if local is not None else os.getcwd()) + "/")
    if remote is not None and remote.key and not remote.key.endswith("/"):
        remote = ObjectRef(remote.bucket, remote.key + "/")
    if remote is None and not has_credentials_hint(setup.profile, os.environ):
        return Location(here), None
    there = Location(remote or ObjectRef(""), setup.profile.connection_id)
    return Location(here), there
