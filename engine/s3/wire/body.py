"""Buffers that bodies pass through: one for each thread, used again and again."""

from __future__ import annotations

import threading

from engine.model import BUFFER_SIZE

_local = threading.local()


def worker_buffer() -> memoryview:
    """This thread's buffer of `BUFFER_SIZE` bytes. Whoever uses it calls nothing that uses it too."""
    view: memoryview | None = getattr(_local, "view", None)
    if view is None:
        view = _local.view = memoryview(bytearray(BUFFER_SIZE))
    return view
