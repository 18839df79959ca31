"""Work on what others made, in a process of its own.

A lexer can take for ever on one odd file, and holds up every thread while it does; a picture can ask for
gigabytes, or break its decoder. Neither may touch the transfers of this process, so it is not done in it. The
child knows no keys: of the environment it gets only what Python needs to start.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress

try:
    import resource
except ImportError:  # Not on this system; time is bounded all the same.
    resource = None  # type: ignore[assignment]

SECONDS = 5
"""Of the processor, that one piece of work takes at most."""
PATIENCE = 20.0
"""Seconds by the clock: a busy machine takes longer."""
_MOST_MEMORY = 1024**3
"""Bytes of addresses, which are more than the memory that is used."""
_NEEDED = ("PATH", "TMPDIR", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")


class Apart:
    """One piece of work. `run` waits for it; `stop`, from any thread, ends it."""

    def __init__(self, module: str, asked: Mapping[str, object], data: bytes) -> None:
        """What to do.

        Args:
            module: Of this program, which does it in its ``main``; see `given` and `answer`.
            asked: What to do, as JSON can say it.
            data: With what.
        """
        self._module = module
        self._input = json.dumps(asked).encode("ascii") + b"\n" + data
        self._lock = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None
        """Set by `run`, read by `stop`, both under `_lock`; `_stopped` the other way round."""
        self._stopped = False

    def run(self) -> bytes:
        """What the child answered; nothing where it took too long, broke, was stopped or could not begin."""
        try:
            child = self._start()
        except (OSError, ValueError):
            return b""
        if child is None:
            return b""
        with child:
            try:
                out, _ = child.communicate(self._input, timeout=PATIENCE)
            except (subprocess.TimeoutExpired, OSError):
                child.kill()
                return b""
        return out if child.returncode == 0 else b""

    def stop(self) -> None:
        """Nobody waits for it any more."""
        with self._lock:
            self._stopped = True
            if self._child is not None:
                self._child.kill()

    def _start(self) -> subprocess.Popen[bytes] | None:
        kept = {name: os.environ[name] for name in _NEEDED if name in os.environ}
        with self._lock:
            if self._stopped:
                return None
            self._child = subprocess.Popen(
                [sys.executable, "-P", "-m", self._module],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                # What this process can import, the child can.
                env={**kept, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
                start_new_session=True,  # Ctrl+C and the end of the terminal are not its business.
            )
            return self._child


def given() -> tuple[dict[str, object], bytes]:
    """In the child: what to do, and with what. From here on, time and memory are bounded."""
    if resource is not None:
        for limit, value in (
            (resource.RLIMIT_CPU, SECONDS),
            (resource.RLIMIT_AS, _MOST_MEMORY),
            (resource.RLIMIT_CORE, 0),
        ):
            with suppress(ValueError, OSError):  # macOS does not know all of them.
                resource.setrlimit(limit, (value, value))
    asked, _, data = sys.stdin.buffer.read().partition(b"\n")
    return json.loads(asked), data


def answer(out: bytes) -> None:
    """In the child: the result."""
    sys.stdout.buffer.write(out)
