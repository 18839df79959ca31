"""Runs one program and ends it when whoever asked for it is gone, even by ``kill -9``.

Started by path, as a process of its own: ``python -I -S keeper.py LITTER PROGRAM ARGUMENT…``. Its standard input is
a pipe whose other end only the asking process holds, so the end of the pipe is the end of that process. The keeper
has one thread and imports the standard library only, which makes it small, quick to start and safe to fork from.
``LITTER`` names files, separated by ``os.pathsep``, that the program leaves behind and nobody else removes.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable
from types import FrameType

PR_SET_PDEATHSIG = 1


def die_with(parent: int) -> Callable[[], None]:
    """What the program does before it starts, so that it does not outlive a keeper that is itself killed."""

    def before_exec() -> None:
        if sys.platform == "linux":
            import ctypes

            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    return before_exec


def wait_for_an_end(program: subprocess.Popen[bytes], asker: int) -> None:
    """Return when the program has ended, the asking process is gone, or a signal asked for the end."""
    asked_to_end: list[int] = []

    def ask(number: int, _frame: FrameType | None) -> None:
        if number != signal.SIGCHLD:
            asked_to_end.append(number)

    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, ask)
    # The second look, by the parent's id, is for a pipe that some fork of the asking process keeps open.
    while program.poll() is None and not asked_to_end and os.getppid() == asker:
        ready, _, _ = select.select([0, woken], [], [], 1.0)
        if woken in ready:
            os.read(woken, 64)
        if 0 in ready and not os.read(0, 64):
            return


def main(litter: str, command: list[str]) -> int:
    asker = os.getppid()
    program = subprocess.Popen(command, stdin=subprocess.DEVNULL, preexec_fn=die_with(os.getpid()))
    try:
        wait_for_an_end(program, asker)
    finally:
        program.kill()
        code = program.wait()
        for path in filter(None, litter.split(os.pathsep)):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
