"""``demo``: the screen on an embedded S3 server with sample data, in a folder of its own."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from types import FrameType

from engine import Profile, UsageError
from tui import settings as settings_file
from tui.leaving import SIGNALS
from tui.settings import Settings
from tui.setup import Setup

_FOREIGN = ("AWS_", "S3TUI_")
"""Of the user's environment nothing is used, and nothing is touched."""


def demo(args: argparse.Namespace) -> int:
    """Start everything, open the screen, and leave nothing behind; returns the app's exit code.

    Raises:
        UsageError: The embedded server cannot be had here, or state was to be kept elsewhere.
    """
    if args.state_dir is not None:
        raise UsageError(
            "demo keeps its queue in a folder of its own, which it removes at the end: --state-dir is not for it"
        )
    from tui.launch import check_terminal, open_app

    check_terminal()
    with leaving_on_signals(), demo_folder(args.demo_dir) as folder, demo_setup(args, folder) as setup:
        return open_app(args, setup.settings, lambda: setup)


@contextmanager
def leaving_on_signals() -> Iterator[None]:
    """A signal ends the program with all that has to be cleaned up; while that is done, more are ignored."""

    def leave(number: int, frame: FrameType | None) -> None:
        for each in SIGNALS:
            signal.signal(each, signal.SIG_IGN)
        raise SystemExit(SIGNALS[signal.Signals(number)])

    before = {number: signal.signal(number, leave) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def demo_folder(given: str | None) -> Iterator[str]:
    """A folder that is gone afterwards, unless it was given."""
    if given is not None:
        os.makedirs(given, mode=0o700, exist_ok=True)
        yield os.path.abspath(given)
        return
    with tempfile.TemporaryDirectory(prefix="s3tui-demo-", ignore_cleanup_errors=True) as folder:
        yield folder


@contextmanager
def demo_setup(
    args: argparse.Namespace, folder: str, environ: MutableMapping[str, str] = os.environ
) -> Iterator[Setup]:
    """The server with its data, and a setup that knows only that.

    Raises:
        UsageError: The embedded server cannot be had here.
    """
    from tui.demo_data import prepare_demo
    from tui.seaweed import SeaweedError

    sys.stdout.write("Starting an embedded S3 server with sample data…\n")
    sys.stdout.flush()
    try:
        places = prepare_demo(folder)
    except SeaweedError as error:
        raise UsageError(
            f"{error} Any S3 server of yours will do instead: s3tui --endpoint-url http://HOST:PORT"
        ) from error
    try:
        for name in [name for name in environ if name.startswith(_FOREIGN)]:
            del environ[name]
        environ["AWS_ACCESS_KEY_ID"] = places.access_key
        environ["AWS_SECRET_ACCESS_KEY"] = places.secret_key
        environ["NO_PROXY"] = environ["no_proxy"] = "127.0.0.1"
        profile = Profile("default", endpoint_url=places.url, region="us-east-1")
        args.places = [places.local_folder, f"s3://{places.bucket}/"]
        state_dir = os.path.join(folder, "state")
        settings = Settings(os.path.join(folder, settings_file.FILE_NAME))
        yield Setup(args, settings, profile, (profile,), state_dir, is_passing=args.demo_dir is None)
    finally:
        places.stop()
