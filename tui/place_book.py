"""Bookmarks, recent places, and where each profile was left: a small file beside the settings.

What is read from it is untrusted: what is no place is left out, and a place is reached only by way of
a profile that is at hand anyway.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from engine import ConnectionId, LocalRef, Location, ObjectRef, Place
from tui.places import parent
from tui.private_file import write_private

log = logging.getLogger(__name__)

FILE_NAME = "places.json"
MOST_RECENT = 30
_MOST_BOOKMARKS = 1000
_MOST_PROFILES = 200
_MOST_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class LeftAt:
    """Where a profile was left."""

    local: LocalRef | None = None
    remote: ObjectRef | None = None


@dataclass(frozen=True, slots=True)
class _Pages:
    """What the file holds."""

    bookmarks: tuple[Location, ...] = ()
    """In the order in which they were made."""
    recent: tuple[Location, ...] = ()
    """Newest first."""
    left_at: Mapping[ConnectionId, LeftAt] = field(default_factory=dict)


class PlaceBook:
    """The places of one user; `path` is where they are kept, ``None`` for nowhere.

    The screen's thread reads and changes it. `save` may be called from any thread: what it writes is one
    frozen value, and `_saving` is held while the file is read and written. Other processes that use the
    same file lose nothing: what changed here is put on top of what stands there.
    """

    def __init__(self, path: str | None = None) -> None:
        self._path = path
        self._saving = threading.Lock()
        self.problem = ""
        """Why the file could not be read or written, raw; empty if it could."""
        self._pages = self._read()
        self._bookmarked: dict[Location, bool] = {}
        """Bookmarks made (true) and removed here, since the start."""
        self._saved = self._pages

    # -- reading -----------------------------------------------------------------------------------

    @property
    def bookmarks(self) -> tuple[Location, ...]:
        """In the order in which they were made."""
        return self._pages.bookmarks

    @property
    def recent(self) -> tuple[Location, ...]:
        """Where one has been, newest first."""
        return self._pages.recent

    @property
    def is_changed(self) -> bool:
        """Something is not saved yet."""
        return self._pages is not self._saved

    def left_at(self, connection: ConnectionId) -> LeftAt:
        """Where a profile was left."""
        return self._pages.left_at.get(connection, LeftAt())

    # -- changing ----------------------------------------------------------------------------------

    def toggle(self, location: Location) -> bool:
        """Bookmark a place, or take the bookmark off; true if it is one now."""
        on = location not in self._pages.bookmarks
        self._bookmarked[location] = on
        self._change(bookmarks=_applied(self._pages.bookmarks, {location: on}))
        return on

    def visited(self, location: Location, connection: ConnectionId | None) -> None:
        """A place is shown.

        Args:
            connection: The profile that is in use, which remembers a local folder as its own.
        """
        recent = self._pages.recent
        if recent and (recent[0] == location or _leads_to(recent[0], location)):
            # Walked through on the way down: only where one arrives is worth a line.
            recent = recent[1:]
        recent = (location, *(each for each in recent if each != location))[:MOST_RECENT]
        connection = location.connection or connection
        left_at = dict(self._pages.left_at)
        if connection is not None:
            before, place = left_at.pop(connection, LeftAt()), location.place
            if isinstance(place, LocalRef):
                left_at[connection] = LeftAt(place, before.remote)
            else:
                left_at[connection] = LeftAt(before.local, place)
        if recent != self._pages.recent or left_at != self._pages.left_at:
            self._change(recent=recent, left_at=left_at)

    def _change(self, **parts: Any) -> None:
        pages = self._pages
        now = {"bookmarks": pages.bookmarks, "recent": pages.recent, "left_at": pages.left_at, **parts}
        self._pages = _Pages(**now)

    # -- the file ----------------------------------------------------------------------------------

    def save(self) -> None:
        """Write what changed, if anything did; `problem` says what went wrong."""
        with self._saving:
            pages = self._pages
            if pages is self._saved:
                return
            self._saved = pages
            if self._path is None:
                return
            there = self._read()
            try:
                merged = _merged(there, pages, dict(self._bookmarked))
                write_private(self._path, json.dumps(_encoded(merged), indent=1).encode("ascii"))
            except OSError as error:
                self.problem = f"{self._path} cannot be written: {error.strerror}"
                log.warning("the places could not be saved: %s", error.strerror)

    def _read(self) -> _Pages:
        if self._path is None:
            return _Pages()
        try:
            with open(self._path, "rb") as file:
                document = json.loads(file.read(_MOST_BYTES))
            return _decoded(document)
        except FileNotFoundError:
            return _Pages()
        except OSError as error:
            self.problem = f"{self._path} cannot be read: {error.strerror}"
        except (ValueError, RecursionError):
            self.problem = f"{self._path} cannot be understood; it was renamed to {FILE_NAME}.damaged"
            with contextlib.suppress(OSError):
                os.replace(self._path, self._path + ".damaged")
        return _Pages()


def _leads_to(above: Location, below: Location) -> bool:
    """Whether one goes through `above` to `below`."""
    if above.connection != below.connection:
        return False
    place: Place | None = below.place
    while (place := parent(place) if place is not None else None) is not None:
        if place == above.place:
            return True
    return False


def _applied(bookmarks: tuple[Location, ...], changes: Mapping[Location, bool]) -> tuple[Location, ...]:
    kept = [each for each in bookmarks if changes.get(each, True)]
    made = [each for each, on in changes.items() if on and each not in kept]
    return (*kept, *made)[:_MOST_BOOKMARKS]


def _merged(there: _Pages, ours: _Pages, bookmarked: Mapping[Location, bool]) -> _Pages:
    """Ours on top of what another process may have written meanwhile."""
    recent = tuple(dict.fromkeys((*ours.recent, *there.recent)))[:MOST_RECENT]
    left_at = {**there.left_at, **ours.left_at}
    newest = list(left_at.items())[-_MOST_PROFILES:]
    return _Pages(_applied(there.bookmarks, bookmarked), recent, dict(newest))


def _encoded(pages: _Pages) -> dict[str, object]:
    left_at = {
        connection: {
            "local": left.local.path if left.local is not None else None,
            "remote": [left.remote.bucket, left.remote.key] if left.remote is not None else None,
        }
        for connection, left in pages.left_at.items()
    }
    return {
        "bookmarks": [_encoded_place(each) for each in pages.bookmarks],
        "recent": [_encoded_place(each) for each in pages.recent],
        "left_at": left_at,
    }


def _encoded_place(location: Location) -> dict[str, object]:
    place = location.place
    if isinstance(place, LocalRef):
        return {"path": place.path}
    return {"bucket": place.bucket, "key": place.key, "connection": location.connection}


def _decoded(document: object) -> _Pages:
    """
    Raises:
        ValueError: It is no such file at all.
    """
    if not isinstance(document, dict):
        raise ValueError("not a table")
    left_at: dict[ConnectionId, LeftAt] = {}
    given = document.get("left_at")
    for connection, entry in (given if isinstance(given, dict) else {}).items():
        if isinstance(entry, dict):
            left_at[ConnectionId(connection)] = LeftAt(
                _local(entry.get("local")), _remote(entry.get("remote"))
            )
    return _Pages(
        tuple(_places(document.get("bookmarks")))[:_MOST_BOOKMARKS],
        tuple(_places(document.get("recent")))[:MOST_RECENT],
        left_at,
    )


def _places(given: object) -> Iterable[Location]:
    found: dict[Location, None] = {}
    for entry in given if isinstance(given, list) else ():
        if not isinstance(entry, dict):
            continue
        local, connection = _local(entry.get("path")), entry.get("connection")
        remote = _remote([entry.get("bucket"), entry.get("key")])
        if local is not None:
            found[Location(local)] = None
        elif remote is not None and isinstance(connection, str):
            found[Location(remote, ConnectionId(connection))] = None
    return found


def _local(given: object) -> LocalRef | None:
    if not isinstance(given, str) or not given.startswith("/") or "\0" in given:
        return None
    return LocalRef(given if given.endswith("/") else given + "/")


def _remote(given: object) -> ObjectRef | None:
    match given:
        case [str(bucket), str(key)] if bucket or not key:
            return ObjectRef(bucket, key if not key or key.endswith("/") else key + "/")
    return None
