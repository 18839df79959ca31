"""``demo``: the screen on an embedded S3 server with sample data, in a folder of its own."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from engine import Profile, UsageError
from tui.setup import Setup


def demo(setup: Setup) -> int:
    """Start everything, open the screen, and leave nothing behind.

    Raises:
        UsageError: The embedded server cannot be had here.
    """
    from tui.launch import open_app

    with demo_folder(setup.args.demo_dir) as folder, demo_setup(setup, folder) as ready:
        return open_app(ready)


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
def demo_setup(setup: Setup, folder: str) -> Iterator[Setup]:
    """The server with its data, and a setup that knows only that."""
    from tui.demo_data import prepare_demo
    from tui.seaweed import SeaweedError

    print("Starting an embedded S3 server with sample data…", flush=True)
    try:
        places = prepare_demo(folder)
    except SeaweedError as error:
        raise UsageError(
            f"{error} Or try it on a server of yours: s3tui --endpoint-url http://HOST:PORT"
        ) from error
    try:
        os.environ["AWS_ACCESS_KEY_ID"] = places.access_key
        os.environ["AWS_SECRET_ACCESS_KEY"] = places.secret_key
        os.environ.pop("AWS_SESSION_TOKEN", None)
        profile = Profile("default", endpoint_url=places.url, region="us-east-1")
        args = setup.args
        args.places = [places.local_folder, f"s3://{places.bucket}/"]
        yield replace(
            setup,
            args=args,
            profile=profile,
            profiles=(profile,),
            state_dir=os.path.join(folder, "state"),
        )
    finally:
        places.stop()
