"""What is said on standard output and standard error, also when nobody is there any more to hear it."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from tui.safe_text import display


def complain(text: str) -> None:
    """One line on standard error."""
    with through_a_hangup():
        sys.stderr.write(f"s3tui: {display(text)}\n")


@contextmanager
def through_a_hangup() -> Iterator[None]:
    """A terminal that is gone is no reason to stop (``nohup``): what is written from then on goes nowhere.

    Other errors pass: a full disk under a redirected output, or a reader of a pipe that has gone.
    """
    try:
        yield
    except OSError as error:
        if error.errno != errno.EIO:
            raise
        write_nothing_more()


def write_nothing_more() -> None:
    """Whoever read our output has gone; what is still buffered must not fail at exit either."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream.fileno())
            os.close(nowhere)
