"""The entry point: sets what Textual reads when it is imported, and loads only what the command needs."""

from __future__ import annotations

import contextlib
import gc
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import NoReturn


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line; the result is the exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    if words == ["--version"]:
        # Asked for by scripts, often: nothing else is loaded.
        from tui import __version__

        sys.stdout.write(f"s3tui {__version__}\n")
        return 0
    if os.environ.get("SSH_CONNECTION"):
        # A line with some delay: no movement for its own sake, and fewer pictures a second.
        os.environ.setdefault("TEXTUAL_ANIMATIONS", "none")
        os.environ.setdefault("TEXTUAL_FPS", "20")
        os.environ.setdefault("TEXTUAL_SMOOTH_SCROLL", "0")
    # Most of what is made lives as long as the queue: looking for garbage every 700 objects took a fifth of all time.
    gc.set_threshold(20_000, 20, 20)
    try:
        from tui.cli import run

        code = run(words)
    except KeyboardInterrupt:  # while modules are loaded
        return 130
    # A screen ends on the usual way, which gives back the terminal in any case.
    if argv is None and "textual" not in sys.modules:
        _end(code)
    return code


def _end(code: int) -> NoReturn:
    """End the process here: to take every module and a long queue apart costs a short command a sixth of its processor time.

    Nothing else is left to do by then: the queue is closed, and threads that hang are to be left behind.
    """
    import logging

    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)


if __name__ == "__main__":
    sys.exit(main())
