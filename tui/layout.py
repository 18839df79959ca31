"""How the screen is divided: between the panes, and between panes and queue. Pure, but for the file it is kept in."""

from __future__ import annotations

import json
import logging
from dataclasses import asdict, dataclass, replace

from tui.private_file import write_private

log = logging.getLogger(__name__)

FILE_NAME = "screen.json"
ONE_PANE_BELOW = 70
"""Columns below which only one pane is shown."""
_SPLIT_STEP = 5
_LEAST_SPLIT, _MOST_SPLIT = 20, 80
_LEAST_QUEUE = 4
"""Lines of the queue, its frame included."""
_LEAST_PANES = 6
_MOST_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Layout:
    """What the user set; the rest follows the size of the terminal."""

    split: int = 50
    """Percent of the width that the left pane has."""
    queue_lines: int | None = None
    """Lines of the queue, its frame included; ``None`` as the terminal's height suggests."""

    def with_split(self, by: int) -> Layout:
        """The line between the panes moved by so many steps to the right.

        >>> Layout().with_split(1).split, Layout(20).with_split(-1).split
        (55, 20)
        """
        return replace(self, split=_bounded(self.split + by * _SPLIT_STEP, _LEAST_SPLIT, _MOST_SPLIT))

    def with_queue(self, by: int, shown: int, room: int) -> Layout:
        """The queue made taller by so many lines.

        Args:
            shown: Lines it has now.
            room: Lines that panes and queue have together.
        """
        return replace(self, queue_lines=_queue_bounded(shown + by, room))

    def queue_in(self, room: int) -> int | None:
        """Lines for the queue where panes and queue have `room`; ``None`` where nothing was set.

        >>> Layout(queue_lines=30).queue_in(22)
        16
        """
        return None if self.queue_lines is None else _queue_bounded(self.queue_lines, room)


def _queue_bounded(lines: int, room: int) -> int:
    return _bounded(lines, _LEAST_QUEUE, max(room - _LEAST_PANES, _LEAST_QUEUE))


def _bounded(value: int, least: int, most: int) -> int:
    return max(least, min(value, most))


class LayoutFile:
    """Where the layout is kept; `path` is ``None`` for nowhere.

    `layout` is set by the screen's thread; `save` runs on any one thread at a time and writes one frozen value.
    What is read is untrusted: it is brought within bounds. A file that cannot be read or written costs the layout only,
    so that is logged and not told.
    """

    def __init__(self, path: str | None = None) -> None:
        self._path = path
        self.layout = self._saved = self._read()

    @property
    def is_changed(self) -> bool:
        """Something is not saved yet."""
        return self.layout != self._saved

    def save(self) -> None:
        """Write what changed, if anything did."""
        layout = self.layout
        if layout == self._saved:
            return
        self._saved = layout
        if self._path is None:
            return
        try:
            write_private(self._path, json.dumps(asdict(layout)).encode("ascii"))
        except OSError as error:
            log.warning("the layout could not be saved: %s", error.strerror)

    def _read(self) -> Layout:
        if self._path is None:
            return Layout()
        try:
            with open(self._path, "rb") as file:
                document = json.loads(file.read(_MOST_BYTES))
        except FileNotFoundError:
            return Layout()
        except (OSError, ValueError, RecursionError) as error:
            log.warning("the layout could not be read: %s", type(error).__name__)
            return Layout()
        given = document if isinstance(document, dict) else {}
        split, lines = given.get("split"), given.get("queue_lines")
        return Layout(
            _bounded(split, _LEAST_SPLIT, _MOST_SPLIT) if isinstance(split, int) else Layout().split,
            max(lines, _LEAST_QUEUE) if isinstance(lines, int) else None,
        )
