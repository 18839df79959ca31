"""What versions of objects are called: on the screen, and as files. Pure."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator

from engine import ObjectVersion

_DATE = "%Y-%m-%d %H.%M.%S"
"""Without colons, which not every file system takes."""
_ID_CELLS = 6
_MOST_NAME_BYTES = 255


def what(version: ObjectVersion) -> str:
    """What a version is to its key, in a word."""
    if version.is_marker:
        return "deleted" if version.is_latest else "marker"
    return "current" if version.is_latest else "older"


def with_date(name: str, mtime: float, more: str = "") -> str:
    """A file name that tells of which version it is.

    >>> with_date("dump.tar.gz", 0.0), with_date("v1.2", 0.0, "3f"), with_date(".profile", 0.0)
    ('dump (version).tar.gz', 'v1 (version 3f).2', '.profile (version)')
    """
    stem, extension = os.path.splitext(name)
    if stem.endswith(".tar") and stem != ".tar":
        stem, extension = stem[:-4], ".tar" + extension
    words = ["version", time.strftime(_DATE, time.localtime(mtime)) if mtime > 0 else "", more]
    tail = f" ({' '.join(word for word in words if word)}){extension}"
    while len(os.fsencode(stem + tail)) > _MOST_NAME_BYTES and stem:
        stem = stem[:-1]
    return stem + tail


def file_names(
    chosen: Iterable[ObjectVersion], listed: Iterable[ObjectVersion]
) -> Iterator[tuple[ObjectVersion, str]]:
    """Under which name each version is to be written.

    What its key means now has the key's own name; of a deleted object this is the newest version. All
    others have their date in it, and where that is the same, the end of the version's id.

    Args:
        listed: All that is known of these keys, the newest first.
    """
    own: dict[str, str] = {}
    for version in listed:
        if not version.is_marker:
            own.setdefault(version.key, version.version_id)
    taken: set[str] = set()
    for version in chosen:
        name = version.key.rpartition("/")[2]
        if own.get(version.key) != version.version_id:
            dated = with_date(name, version.mtime)
            name = (
                with_date(name, version.mtime, version.version_id[-_ID_CELLS:]) if dated in taken else dated
            )
        taken.add(name)
        yield version, name
