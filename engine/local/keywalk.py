"""A tree in the order in which its keys would be listed, so that it can be merged with such a listing."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import partial

from engine.errors import TransferError
from engine.local.failures import local_error
from engine.local.fsops import FsOps
from engine.local.listing import WalkedFile, look
from engine.pace.cancel import CancelToken
from engine.page import EntryKind

Parts = tuple[str, ...]
Reading = Callable[[Callable[[], list[str]]], list[str]]


def walk_in_key_order(
    root: str,
    fs: FsOps,
    token: CancelToken | None = None,
    skips: Callable[[Parts], bool] | None = None,
    reading: Reading = lambda read: read(),
) -> Iterator[WalkedFile]:
    """Everything below `root` that becomes a key, sorted as S3 sorts keys (by UTF-8 bytes).

    As `listing.walk`, with its rules on links and special files, but of the folders only the empty
    ones and those that cannot be read are told. The names in the folders from the root to where the
    walk stands are held, nothing else.

    Args:
        skips: Folders that are neither entered nor told.
        reading: Reads one folder, again and again if what hinders it may heal.

    Raises:
        TransferError: The root itself cannot be read.
        Interrupted: `token` was cancelled.
    """
    real_root = fs.realpath(root)
    names = reading(partial(_names, root, fs, token))
    if not names:
        yield WalkedFile((), root, EntryKind.FOLDER, is_empty=True)
        return
    # For each open folder: its parts, and the names in it still to come, the next one at the end.
    stack: list[tuple[Parts, list[str]]] = [((), names)]
    while stack:
        parts, names = stack[-1]
        if not names:
            stack.pop()
            continue
        if token is not None:
            token.check()
        name = names.pop()
        inner = (*parts, name.removesuffix("/"))
        path = os.path.join(root, *inner)
        if not name.endswith("/"):
            found = look(path, inner, real_root, fs)
            if found is not None:
                yield found
            continue
        if skips is not None and skips(inner):
            continue
        try:
            below = reading(partial(_names, path, fs, token))
        except TransferError as error:
            if error.code != "source-missing":
                yield WalkedFile(inner, path, EntryKind.FOLDER, refusal=error.code)
            continue
        if below:
            stack.append((inner, below))
        else:
            yield WalkedFile(inner, path, EntryKind.FOLDER, is_empty=True)


def _names(path: str, fs: FsOps, token: CancelToken | None) -> list[str]:
    """The names in a folder, folders with ``/``, last one first.

    The ``/`` takes part in the order: ``a-b`` comes before ``a/x``.
    """
    names: list[str] = []
    try:
        with fs.scandir(path) as entries:
            for entry in entries:
                if token is not None and len(names) % 1000 == 0:
                    token.check()
                is_folder = entry.is_dir(follow_symlinks=False)
                names.append(entry.name + "/" if is_folder else entry.name)
    except OSError as error:
        raise local_error(error, "list", path) from error
    names.sort(reverse=True)
    return names
