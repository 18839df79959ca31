"""The app in a real terminal: it leaves on signals, checkpoints, and gives the terminal back."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

PROGRAM = """
import sys
from tests.tui import example
from tui.app import S3TuiApp
from tui.leaving import signals

class Manager(type(example.example_manager())):
    def close(self, deadline=2.0):
        open({closed!r}, "w").write("closed")

manager = example.example_manager()
manager.__class__ = Manager
App = S3TuiApp
{extra}
with signals(0) as stop:
    app = App(manager, left=example.HERE, right=example.THERE, stop=stop)
    app.run()
sys.exit(stop.code or app.return_code or 0)
"""


class Terminal:
    """A program on a pseudo terminal of 80 by 24."""

    def __init__(self, program: str) -> None:
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        env = {**os.environ, "TERM": "xterm-256color", "PYTHONPATH": str(ROOT)}
        self.process = subprocess.Popen(
            [sys.executable, "-c", program], stdin=slave, stdout=slave, stderr=slave, env=env, cwd=ROOT
        )
        os.close(slave)
        self.output = b""

    def read_until(self, wanted: bytes, seconds: float = 30.0) -> None:
        """Read what it writes until `wanted` was seen."""
        end = time.monotonic() + seconds
        while wanted not in self.output:
            assert time.monotonic() < end, self.output[-2000:]
            if select.select([self.master], [], [], 0.1)[0]:
                self.output += self._read()

    def _read(self) -> bytes:
        try:
            return os.read(self.master, 65536)
        except OSError:
            return b""

    def wait(self, seconds: float = 20.0) -> int:
        """Its exit code, and all it wrote."""
        end = time.monotonic() + seconds
        while self.process.poll() is None:
            assert time.monotonic() < end
            if select.select([self.master], [], [], 0.05)[0]:
                self.output += self._read()
        while select.select([self.master], [], [], 0)[0]:
            more = self._read()
            if not more:
                break
            self.output += more
        return self.process.returncode

    def is_silent_for(self, quiet: float, seconds: float = 20.0) -> bool:
        """Whether it stops writing for as long as that, sooner or later."""
        end = time.monotonic() + seconds
        since = time.monotonic()
        while time.monotonic() < end:
            if select.select([self.master], [], [], 0.05)[0]:
                self.output += self._read()
                since = time.monotonic()
            elif time.monotonic() - since >= quiet:
                return True
        return False

    def close(self) -> None:
        """Leave nothing behind."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self.master)


def start(tmp_path: Path, extra: str = "") -> Terminal:
    """The app, up and drawn."""
    terminal = launch(tmp_path, extra)
    terminal.read_until(b"Quit")
    return terminal


def launch(tmp_path: Path, extra: str) -> Terminal:
    """The app, as it begins."""
    return Terminal(PROGRAM.format(closed=str(tmp_path / "closed"), extra=extra))


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGINT, 130)]
)
def test_a_signal_checkpoints_and_gives_the_terminal_back(
    tmp_path: Path, number: signal.Signals, code: int
) -> None:
    terminal = start(tmp_path)
    try:
        terminal.process.send_signal(number)
        assert terminal.wait() == code
        assert (tmp_path / "closed").read_text() == "closed"
        assert b"\x1b[?1049l" in terminal.output, "the alternate screen was left"
        assert b"\x1b[?25h" in terminal.output, "the cursor is back"
    finally:
        terminal.close()


def test_a_terminal_that_goes_away_ends_the_program(tmp_path: Path) -> None:
    terminal = start(tmp_path)
    try:
        os.close(terminal.master)
        terminal.master = os.open(os.devnull, os.O_RDONLY)
        terminal.process.send_signal(signal.SIGHUP)
        assert terminal.process.wait(20) == 129
        assert (tmp_path / "closed").exists()
    finally:
        terminal.close()


def test_a_screen_on_which_nothing_changes_sends_nothing(tmp_path: Path) -> None:
    terminal = start(tmp_path, "manager.rows = [row for row in manager.rows if row.waiting is None]")
    try:
        assert terminal.is_silent_for(6 * 0.25), "six looks at the queue, and not one byte"
    finally:
        terminal.close()


CRASH = """
class App(S3TuiApp):
    def on_mount(self):
        super().on_mount()
        self.set_timer(0.5, self.crash)

    def crash(self):
        secret_key = "CANARY" + "SECRET"
        raise RuntimeError("it broke \\x1b]0;pwn\\x07 here")
"""


def test_a_crash_shows_no_values_and_sends_no_escapes(tmp_path: Path) -> None:
    terminal = launch(tmp_path, CRASH)
    try:
        assert terminal.wait() != 0
        assert b"it broke" in terminal.output
        assert b"CANARYSECRET" not in terminal.output
        assert b"\x1b]0;pwn" not in terminal.output
        assert (tmp_path / "closed").exists()
    finally:
        terminal.close()
