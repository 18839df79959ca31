"""How a path or an ``s3://`` address that is being typed may go on."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from engine.errors import TransferError
from engine.local.fsops import FsOps
from engine.model import ConnectionId, LocalRef, Location
from engine.pace.cancel import CancelToken
from engine.page import EntryKind

if TYPE_CHECKING:
    from engine.s3.connection import Connection, Connections

SCHEME = "s3://"

MOST = 200
"""Completions offered; who has more must type on."""

_MOST_PAGES = 3
"""Pages of a prefix that are looked through: a prefix with a million objects costs three requests."""


def complete(
    text: str,
    connection: ConnectionId | None,
    here: Location | None,
    connections: Connections,
    fs: FsOps,
    token: CancelToken,
) -> tuple[str, ...]:
    """Whole lines that begin with `text`, sorted; none where nothing can be looked up.

    Raises:
        Interrupted: `token` was cancelled.
    """
    try:
        if text.lower().startswith(SCHEME):
            if connection is None:
                return ()
            found = _addresses(text, connections.get(connection), token)
        else:
            found = _paths(text, here, fs, token)
    except TransferError:
        return ()  # What cannot be read has no completions; going there says why.
    return tuple(sorted(found)[:MOST])


def _addresses(text: str, connection: Connection, token: CancelToken) -> list[str]:
    from engine.s3.listing import list_pages

    scheme, rest = text[: len(SCHEME)], text[len(SCHEME) :]
    bucket, slash, key = rest.partition("/")
    if not slash:
        names = (name for name, _ in connection.control.list_buckets())
        return [f"{scheme}{name}/" for name in names if name.startswith(bucket)]
    if not bucket:
        return []
    stem = key[: key.rfind("/") + 1]
    found: list[str] = []
    for number, page in enumerate(list_pages(connection, bucket, key, delimiter="/", token=token), 1):
        for name, kind in zip(page.names, page.kinds, strict=True):
            if kind == EntryKind.FOLDER:
                found.append(f"{scheme}{bucket}/{key}{name}/")
        if number >= _MOST_PAGES or len(found) >= MOST:
            break
    return [line for line in found if line != f"{scheme}{bucket}/{stem}"]


def _paths(text: str, here: Location | None, fs: FsOps, token: CancelToken) -> list[str]:
    typed, _, beginning = text.rpartition("/")
    typed = typed + "/" if "/" in text else ""
    if text.startswith("~") and "/" not in text:
        home = os.path.expanduser(text)
        return [text + "/"] if home != text and _is_folder(home, fs) else []
    folder = os.path.expanduser(typed)
    if not folder.startswith("/"):
        if here is None or not isinstance(here.place, LocalRef):
            return []
        folder = os.path.join(here.place.path, folder)
    found: list[str] = []
    try:
        with fs.scandir(folder) as entries:
            for entry in entries:
                token.check()
                name = entry.name
                if not name.startswith(beginning) or (name.startswith(".") and not beginning):
                    continue
                if _is_folder_entry(entry):
                    found.append(f"{typed}{name}/")
    except OSError:
        return found
    return found


def _is_folder_entry(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _is_folder(path: str, fs: FsOps) -> bool:
    try:
        return stat.S_ISDIR(fs.stat(path).st_mode)
    except OSError:
        return False
