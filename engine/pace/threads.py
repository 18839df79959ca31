"""Starting threads on a machine that may give none."""

from __future__ import annotations

import threading

from engine.errors import Retryable


def start(thread: threading.Thread, *, operation: str) -> None:
    """Start it.

    Args:
        operation: What cannot be done without, as a verb phrase.

    Raises:
        Retryable: ``short-of-resources``: the system gives no more threads. Nothing was started, and
            another thread has to be made to try again.
    """
    try:
        thread.start()
    except RuntimeError as error:
        raise Retryable("short-of-resources", operation=operation, detail=str(error)) from error
