"""``python -m tests.survival.crashing WORD…``: the screen with a fault of ours, named by `CRASH`.

It strikes when the file `CRASH_WHEN` is there.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

CANARY = "canary-of-a-local-variable"


def faulty(call: Callable[..., Any], when: Path) -> Callable[..., Any]:
    def fail(*args: Any, **named: Any) -> Any:
        if when.exists():
            secret = "-".join(("canary", "of", "a", "local", "variable"))
            if os.environ["CRASH"] == "abort":
                os.abort()
            raise RuntimeError(f"aws_secret_access_key={secret} \x1b]0;broken\x07")
        return call(*args, **named)

    return fail


def main() -> int:
    from tui.screens.main import MainScreen
    from tui.widgets.line_table import LineTable

    where: dict[str, tuple[Any, str]] = {
        "compose": (MainScreen, "compose"),
        "render": (LineTable, "render_line"),
        "timer": (MainScreen, "tick"),
        "handler": (MainScreen, "action_help"),
        "abort": (MainScreen, "tick"),
    }
    owner, name = where[os.environ["CRASH"]]
    setattr(owner, name, faulty(getattr(owner, name), Path(os.environ["CRASH_WHEN"])))
    from tui.__main__ import main as program

    return program()


if __name__ == "__main__":
    sys.exit(main())
