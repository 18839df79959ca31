"""The questions about single objects: what is in one, which versions of it there are, what is kept with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.browsing import preview
from engine.browsing.answers import Token
from engine.browsing.desk import Desk
from engine.local.fsops import FsOps
from engine.model import Location

if TYPE_CHECKING:
    from engine.s3.connection import Connections


class ObjectDesk:
    """A part of `Browser`; what is promised there holds here."""

    _connections: Connections
    _fs: FsOps
    _desk: Desk

    def preview(self, location: Location, offset: int = 0, etag: str = "") -> Token:
        """A piece of a file or an object, at most 64 KiB fetched. Value: `Preview`.

        Args:
            offset: Where to begin; negative for the last bytes.
            etag: Of the content that is meant; empty for whatever it is now.
        """
        return self._desk.ask(
            f"look into {location.place}",
            lambda question: question.show(
                preview.preview(location, offset, etag, self._connections, self._fs, question.cancel)
            ),
        )
