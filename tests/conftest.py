"""For every test: nobody's home, nobody's keys. And the real S3 server, for those that ask for it."""

from __future__ import annotations

import itertools
import logging
import os
import shutil
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers.seaweed import Seaweed, home_variables, running_seaweed
from tui.seaweed import SeaweedError, find_weed

FOREIGN = ("AWS_", "S3TUI_", "XDG_", "BOTO_")
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


def pytest_configure() -> None:
    """Before any module of the tests is imported."""
    for name in list(os.environ):
        if name.startswith(FOREIGN) or name.upper() in PROXIES:
            del os.environ[name]


@pytest.fixture(scope="session")
def homes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Paths for homes, one for each test. They are not made: most tests never look."""
    base = tmp_path_factory.mktemp("homes")
    return (base / str(number) for number in itertools.count())


@pytest.fixture(autouse=True)
def nobodys_home(homes: Iterator[Path], monkeypatch: pytest.MonkeyPatch) -> Path:
    """The home of this test: a path where nothing is yet."""
    home = next(homes)
    for name, value in home_variables(home).items():
        monkeypatch.setenv(name, value)
    return home


@pytest.fixture(scope="session")
def weed() -> str:
    """The server's program. Tests that need it are skipped, with the reason, where it cannot be had."""
    try:
        return find_weed()
    except SeaweedError as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="session")
def seaweed(weed: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seaweed]:
    """The real server, one for the whole run, started when the first test asks for it."""
    folder = tmp_path_factory.mktemp("seaweed")
    with running_seaweed(folder) as server:
        yield server
    # Gigabytes, which would be kept with the folders of the tests that failed.
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def bucket(seaweed: Seaweed) -> Iterator[str]:
    """A new bucket of this test alone; what is in it takes no room afterwards."""
    name = seaweed.bucket()
    yield name
    seaweed.remove(name)


@pytest.fixture
def unchanged_logging() -> Iterator[None]:
    """What a command sets up for its log file is undone afterwards."""
    root = logging.getLogger()
    before = root.handlers[:], root.level, logging.raiseExceptions
    hooks = threading.excepthook, sys.unraisablehook
    yield
    for handler in [handler for handler in root.handlers if handler not in before[0]]:
        root.removeHandler(handler)
        handler.close()
    root.setLevel(before[1])
    logging.raiseExceptions = before[2]
    threading.excepthook, sys.unraisablehook = hooks
