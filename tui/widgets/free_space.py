"""Free space of a local folder, asked beside the screen: a dead network mount must not stop the keys."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable

from engine import LocalRef, Place

_MAX_AGE = 10.0


class FreeSpace:
    """The newest answer. One thread at a time asks; `bytes` is one assignment, so no lock is needed."""

    def __init__(self, free: Callable[[str], int] | None = None) -> None:
        self._free = free or _disk_free
        self.bytes = -1
        self._asked_at = 0.0
        self._path = ""
        self._thread: threading.Thread | None = None

    @property
    def known(self) -> bool:
        """There is an answer for the newest place."""
        return self.bytes >= 0

    def look(self, place: Place) -> bool:
        """Ask again if the place is another one or the answer is old; true if `bytes` may be new."""
        if not isinstance(place, LocalRef):
            return False
        now, before = time.monotonic(), self._seen
        if (place.path != self._path or now - self._asked_at > _MAX_AGE) and not self._is_asking:
            if place.path != self._path:
                self.bytes = -1
            self._path, self._asked_at = place.path, now
            self._thread = threading.Thread(
                target=self._ask, args=(place.path,), name="s3tui-free-space", daemon=True
            )
            self._thread.start()
        self._seen = self.bytes
        return self._seen != before

    _seen = -1

    @property
    def _is_asking(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def _ask(self, path: str) -> None:
        try:
            free = self._free(path)
        except OSError:
            free = -1
        if path == self._path:
            self.bytes = free


def _disk_free(path: str) -> int:
    return shutil.disk_usage(path).free
