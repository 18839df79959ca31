"""``python -m tests.survival.impatient WORD…``: the program with a patience of seconds, to be stopped for longer."""

from __future__ import annotations

import sys

from engine.pace import watchdog

IDLE_SECONDS = 2.0
GAP_SECONDS = 1.5
STOPPED_SECONDS = 3.5
"""More than both."""


def main() -> int:
    watchdog.GAP_SECONDS = GAP_SECONDS
    watchdog.StallGuard.__init__.__defaults__ = (IDLE_SECONDS, *watchdog.StallGuard.__init__.__defaults__[1:])  # type: ignore[index]
    from tui.__main__ import main as program

    return program()


if __name__ == "__main__":
    sys.exit(main())
