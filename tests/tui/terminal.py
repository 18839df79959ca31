"""A command on a terminal of its own, read as what the terminal shows."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pyte


class Session:
    """One running command."""

    def __init__(self, pid: int, fd: int, columns: int, rows: int) -> None:
        self.pid, self._fd = pid, fd
        self.screen = pyte.Screen(columns, rows)
        self.written = bytearray()
        """All that was sent to the terminal."""
        self._stream = pyte.ByteStream(self.screen)
        self._code: int | None = None

    @property
    def shown(self) -> str:
        """The screen as text."""
        return "\n".join(line.rstrip() for line in self.screen.display)

    def press(self, keys: str) -> None:
        """Type."""
        os.write(self._fd, keys.encode())

    def send(self, number: signal.Signals) -> None:
        """A signal to the command itself."""
        os.kill(self.pid, number)

    def _read(self, seconds: float) -> bool:
        """Show what comes; false at the end."""
        ready, _, _ = select.select([self._fd], [], [], seconds)
        if not ready:
            return True
        try:
            data = os.read(self._fd, 65536)
        except OSError:
            return False
        self.written += data
        self._stream.feed(data)
        return bool(data)

    def look(self) -> None:
        """Show what has come. A program whose output nobody takes waits for that.

        Raises:
            AssertionError: It has ended.
        """
        assert self._read(0.0), f"it has ended:\n{self.shown}"

    def until(self, text: str, timeout: float = 60.0) -> None:
        """Read until the screen shows this.

        Raises:
            AssertionError: It does not; with what it shows.
        """
        end = time.monotonic() + timeout
        while text not in self.shown:
            if not self._read(0.1) or time.monotonic() > end:
                raise AssertionError(f"{text!r} is not shown:\n{self.shown}")

    def watch(self, seconds: float) -> None:
        """Read for so long, whatever comes."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0 and self._read(left):
            pass

    def until_gone(self, text: str, timeout: float = 60.0) -> None:
        """Read until the screen does not show this any more.

        Raises:
            AssertionError: It still does; with what it shows.
        """
        end = time.monotonic() + timeout
        while text in self.shown:
            if not self._read(0.1) or time.monotonic() > end:
                raise AssertionError(f"{text!r} is still shown:\n{self.shown}")

    def until_written(self, data: bytes, timeout: float = 60.0) -> None:
        """Read until it has sent this.

        Raises:
            AssertionError: It does not.
        """
        end = time.monotonic() + timeout
        while data not in self.written:
            assert self._read(0.1), f"{data!r} was not sent"
            assert time.monotonic() < end, f"{data!r} was not sent"

    def hang_up(self) -> None:
        """The terminal goes away, as when a connection is lost."""
        nothing = os.open(os.devnull, os.O_RDWR)
        os.dup2(nothing, self._fd)
        os.close(nothing)

    def has_ended(self, code: int) -> None:
        """Somebody else waited for its end."""
        self._code = code

    def end(self, timeout: float = 30.0) -> int:
        """Read until the command has ended; its exit code."""
        end = time.monotonic() + timeout
        while self._read(0.1):
            assert time.monotonic() < end, f"it does not end:\n{self.shown}"
        return self.reap()

    def reap(self) -> int:
        """Its exit code, once it has ended."""
        if self._code is None:
            self._code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self._code


@contextmanager
def on_a_terminal(
    words: Sequence[str],
    env: Mapping[str, str],
    cwd: Path,
    *,
    columns: int = 80,
    rows: int = 24,
    module: str = "tui",
    prefix: Sequence[str] = (),
) -> Iterator[Session]:
    """``s3tui`` with these words; killed at the end if it still runs."""
    command = [*prefix, sys.executable, "-m", module, *words]
    pid, fd = pty.fork()
    if pid == 0:
        try:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
            os.chdir(cwd)
            os.execvpe(command[0], command, dict(env))
        finally:
            os._exit(127)
    session = Session(pid, fd, columns, rows)
    try:
        yield session
    finally:
        if session._code is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            session.reap()
        os.close(fd)
