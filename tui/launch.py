"""Opening the screen."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from engine import (
    ConflictPolicy,
    LocalRef,
    Location,
    ObjectRef,
    TransferManager,
    UsageError,
    has_credentials_hint,
)
from tui import layout, pace_file, place_book
from tui.layout import LayoutFile
from tui.leaving import Stop, signals
from tui.options import COMMANDS
from tui.pace_file import PaceFile
from tui.place_book import PlaceBook
from tui.setup import Setup, place_of
from tui.undo import UNDO_SECONDS

_LATE_CLOSE_SECONDS = 0.6
"""To checkpoint, where the screen did not come to it."""


def open_app(setup: Setup) -> int:
    """The screen, on what the command line names; returns the exit code.

    Raises:
        UsageError: The places make no sense, or there is no terminal.
    """
    from tui import keymap
    from tui.configuration import Configuration

    configuration = Configuration(setup)
    folder = os.path.dirname(setup.settings.path)
    book = PlaceBook(os.path.join(folder, place_book.FILE_NAME))
    left, right = places_of(setup, book)
    kept = {
        "book": book,
        "layout": LayoutFile(os.path.join(folder, layout.FILE_NAME)),
        "theme": configuration.theme(),
        "configuration": configuration,
        "pace": PaceFile(os.path.join(folder, pace_file.FILE_NAME), setup.settings_pace),
        "schedule": setup.schedule,
        "is_passing": setup.is_passing,
        "keymap": keymap.read(setup.settings.keys, setup.settings.path),
    }
    check_terminal()
    with signals(sys.stdin.fileno()) as stop:
        code = _run_app(setup, left, right, kept, stop)
    return stop.code or code


def _run_app(
    setup: Setup, left: Location, right: Location | None, kept: Mapping[str, Any], stop: Stop
) -> int:
    setup.start_log()
    args = setup.args
    config = kept["pace"].applied(
        setup.config(), limit_flag=bool(args.rate_limit), workers_flag=bool(args.workers)
    )
    config = replace(config, delete_delay=UNDO_SECONDS)
    manager = TransferManager(config, setup.connections())
    stop.checkpoint = lambda: manager.close(_LATE_CLOSE_SECONDS)
    try:
        from tui.app import S3TuiApp

        policy = setup.settings.on_conflict or ConflictPolicy.ASK
        app = S3TuiApp(
            manager,
            left=left,
            right=right,
            options=setup.options(policy),
            stop=stop,
            **kept,
        )
        if stop.code is not None:
            return stop.code
        result = app.run(mouse=not getattr(setup.args, "no_mouse", False))
    finally:
        manager.close(_LATE_CLOSE_SECONDS)
    return app.return_code or (result if isinstance(result, int) else 0) or 0


def check_terminal() -> None:
    """The screen needs one.

    Raises:
        UsageError: There is none.
    """
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError("the screen needs a terminal; without one use s3tui cp, run or status")


def places_of(setup: Setup, book: PlaceBook) -> tuple[Location, Location | None]:
    """What both panes show at first: what was named, else where this profile was left the last time.

    Raises:
        UsageError: Two places of one kind, or a folder that does not exist.
    """
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
