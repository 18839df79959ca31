"""``python -m tests.survival.hindered WORD…``: the program in a process where something hangs, as in a bad kernel.

The environment says what (`HINDER`, a name of `HINDRANCES`), from when on (as soon as the file `HINDER_WHEN` exists) and
where to tell that somebody hangs (the file `HINDER_REACHED`). It is over for nobody but the processes that are started
after `HINDER_WHEN` was removed.
"""

from __future__ import annotations

import os
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from engine.local.fsops import FsOps

FOR_EVER = 600.0
HINDRANCES: dict[str, tuple[Any, str]] = {
    "dns": (socket, "getaddrinfo"),
    "read": (FsOps, "pread_into"),
    "sync": (FsOps, "fdatasync"),
    "walk": (FsOps, "scandir"),
    "write": (FsOps, "write"),
}
"""Where the call is that does not come back."""
STATE_TOO = FsOps.scandir
"""The state folder is read with it at the start: only folders called ``files`` are meant."""


def hanging(call: Callable[..., Any], when: Path, reached: Path) -> Callable[..., Any]:
    def hang(*args: Any, **named: Any) -> Any:
        if when.exists() and not (call is STATE_TOO and "files" not in str(args[-1])):
            reached.touch()
            time.sleep(FOR_EVER)
        return call(*args, **named)

    return hang


def main() -> int:
    where, name = HINDRANCES[os.environ["HINDER"]]
    when, reached = Path(os.environ["HINDER_WHEN"]), Path(os.environ["HINDER_REACHED"])
    setattr(where, name, hanging(getattr(where, name), when, reached))
    from tui.__main__ import main as program

    return program()


if __name__ == "__main__":
    sys.exit(main())
