"""The program, but it breaks where a test wants it to: ``python -m tests.security.breaking WORDS…``.

``BREAK`` names what breaks: ``upload`` (the engine, under one item), ``screen`` (at the key for details),
``command`` (a command line). What it raises has every secret in it that there is.
"""

from __future__ import annotations

import os
import sys
from typing import Any, NoReturn

SECRETS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")


def break_down(*_: Any, **__: Any) -> NoReturn:
    """Raise, with secrets in the message and among the local variables."""
    secret_key = os.environ["AWS_SECRET_ACCESS_KEY"]
    said = " ".join(f"{name}={os.environ[name]}" for name in SECRETS)
    raise RuntimeError(f"it broke: {said}; again, bare: {secret_key}|{os.environ['AWS_SESSION_TOKEN']}")


def main() -> int:
    """Patch, then run."""
    match os.environ["BREAK"]:
        case "upload":
            from engine.s3.wire import Wire

            Wire.put_object = break_down  # type: ignore[method-assign]
        case "screen":
            from tui.screens.main import MainScreen

            MainScreen.action_pane_info = break_down  # type: ignore[method-assign]
        case "command":
            import tui.headless

            tui.headless.request_of = break_down
    from tui.__main__ import main as run

    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
