"""The frames are there first; what is typed before the queue is there is not lost, and what is wrong is said."""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine import StateLocked, UsageError
from tests.servers.seaweed import ROOT, clean_environment
from tests.tui import example
from tests.tui.drive import text, until
from tests.tui.fake_engine import FakeManager
from tests.tui.terminal import on_a_terminal
from tui.app import S3TuiApp
from tui.launch import Opening
from tui.leaving import Stop
from tui.opening import Parts
from tui.ports import ManagerPort
from tui.screens.help import HelpScreen
from tui.settings import Settings
from tui.setup import Setup
from tui.widgets.skeleton import READING

WAIT = 30.0


class Closed(FakeManager):
    """Knows whether it was started and closed."""

    is_started = is_closed = False

    def start(self) -> None:
        self.is_started = True

    def close(self, deadline: float = 2.0) -> None:
        self.is_closed = True


class Slow:
    """Opens when it may."""

    def __init__(self, manager: FakeManager, error: Exception | None = None) -> None:
        self.manager, self.error = manager, error
        self.may, self.was_asked = threading.Event(), threading.Event()

    def __call__(self) -> tuple[ManagerPort, Parts]:
        self.was_asked.set()
        assert self.may.wait(WAIT)
        if self.error is not None:
            raise self.error
        return self.manager, {"left": example.HERE, "right": example.THERE}


@pytest.fixture
def slow() -> Iterator[Slow]:
    opening = Slow(example.example_manager())
    yield opening
    opening.may.set()


async def test_frames_stand_while_the_queue_is_opened(slow: Slow) -> None:
    app = S3TuiApp(opening=slow, now=lambda: example.NOW)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, slow.was_asked.is_set)
        shown = text(pilot).splitlines()
        assert shown[0] == "╭" + "─" * 38 + "╮╭" + "─" * 38 + "╮"
        assert shown[13][0] == "╰" and shown[14][0] == "╭", "the queue begins where it will be"
        assert READING in text(pilot) and "Quit" not in text(pilot)
        slow.may.set()
        await until(pilot, lambda: "Quit" in text(pilot))
        frames = text(pilot).splitlines()
        assert frames[13][0] == "╰" and frames[14][0] == "╭"


async def test_keys_typed_before_the_queue_is_there_act_once_it_is(slow: Slow) -> None:
    app = S3TuiApp(opening=slow, now=lambda: example.NOW)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, slow.was_asked.is_set)
        await pilot.press("tab", "question_mark")
        assert not isinstance(pilot.app.screen, HelpScreen)
        slow.may.set()
        await until(pilot, lambda: isinstance(pilot.app.screen, HelpScreen))
        assert app.main.pane is app.main.right, "the first of two keys acted too"


async def test_a_queue_that_cannot_be_had_ends_the_screen_and_is_handed_on(slow: Slow) -> None:
    slow.error = StateLocked("/var/s3tui", "host", 4711)
    app = S3TuiApp(opening=slow)
    async with app.run_test() as pilot:
        slow.may.set()
        await until(pilot, lambda: app.not_opened is not None)
    assert app.not_opened is slow.error
    assert app.return_code == 1


async def test_ctrl_c_leaves_at_once_though_nothing_is_open_yet(slow: Slow) -> None:
    app = S3TuiApp(opening=slow)
    async with app.run_test() as pilot:
        await until(pilot, slow.was_asked.is_set)
        await pilot.press("ctrl+c")
    assert app.return_code == 130


async def test_a_signal_leaves_at_once_though_nothing_is_open_yet(slow: Slow) -> None:
    stop = Stop()
    app = S3TuiApp(opening=slow, stop=stop)
    async with app.run_test() as pilot:
        await until(pilot, slow.was_asked.is_set)
        stop.ask(signal.SIGTERM)
        await until(pilot, lambda: app.return_code is not None)
    assert app.return_code == 143


def test_a_queue_that_is_there_too_late_is_closed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    manager = Closed()
    opening = Opening(lambda: setup(tmp_path))

    def late(*args: object) -> Closed:
        opening.close()  # Whoever waited for it has left meanwhile.
        return manager

    monkeypatch.setattr("engine.TransferManager", late)
    opening()
    assert manager.is_closed and not manager.is_started


def setup(folder: Path) -> Setup:
    """For no endpoint, with all its state in a folder."""
    from tui.options import parse

    args: argparse.Namespace = parse(["--state-dir", str(folder), str(folder)])
    return Setup.of(args, {"HOME": str(folder)}, Settings(str(folder / "config.toml")))


def test_what_is_surely_a_mistake_is_said_without_a_screen(tmp_path: Path) -> None:
    env = clean_environment(tmp_path) | {"S3TUI_STATE_DIR": str(tmp_path / "s"), "TERM": "xterm-256color"}
    with on_a_terminal(["sattus"], env, tmp_path) as session:
        assert session.end() == 2
        assert "'sattus' is no folder and no command" in session.shown
        assert b"\x1b[?1049h" not in session.written


def test_what_is_wrong_behind_the_first_picture_is_said_after_it(tmp_path: Path) -> None:
    env = clean_environment(tmp_path) | {"S3TUI_STATE_DIR": str(tmp_path / "s"), "TERM": "xterm-256color"}
    with on_a_terminal(["--profile", "nobody", str(tmp_path)], env, tmp_path) as session:
        assert session.end() == 2
        assert "nobody" in session.shown.splitlines()[0]
        assert session.written.rfind(b"\x1b[?1049l") > session.written.rfind(b"\x1b[?1049h")


def test_for_the_first_picture_neither_queue_nor_dialogs_are_loaded(tmp_path: Path) -> None:
    code = "import sys, tui.cli, tui.launch, tui.settings, tui.app\nprint(*sys.modules)"
    ran = subprocess.run(
        [sys.executable, "-c", code],
        env=clean_environment(tmp_path) | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = set(ran.stdout.split())
    assert {name for name in loaded if name.startswith(("engine.", "tui.screens", "tui.keys"))} == {
        "engine.errors",
        "engine.model",
    }


def test_an_error_of_the_settings_comes_before_the_screen(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text("workers = 'many'\n")
    env = clean_environment(tmp_path) | {"S3TUI_CONFIG": str(config), "TERM": "xterm-256color"}
    with on_a_terminal([], env, tmp_path) as session:
        assert session.end() == 2
        assert "workers" in session.shown
        assert b"\x1b[?1049h" not in session.written


def test_opening_reads_the_settings_once(tmp_path: Path) -> None:
    made: list[Setup] = []

    def make() -> Setup:
        if made:
            raise UsageError("asked twice")
        made.append(setup(tmp_path))
        return made[0]

    opening = Opening(make)
    assert opening.read() is opening.read()
