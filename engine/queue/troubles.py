"""What went wrong lately: each try that failed, and each request that was refused."""

from __future__ import annotations

from engine.queue.undo import UndoCommands
from engine.snapshot import Trouble


class TroubleLog(UndoCommands):
    """As `UndoCommands`."""

    def troubles(self) -> tuple[Trouble, ...]:
        """The last things that went wrong, newest first; also those of items that went well in the end."""
        with self._core.lock:
            return tuple(reversed(self._core.troubles))
