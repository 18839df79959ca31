"""The entry point: sets what Textual reads when it is imported, and loads only what the command needs."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence


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

        return run(words)
    except KeyboardInterrupt:  # while modules are loaded
        return 130


if __name__ == "__main__":
    sys.exit(main())
