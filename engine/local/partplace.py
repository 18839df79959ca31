"""Where a part file is, and what it is called."""

from __future__ import annotations

import os

from engine.errors import UsageError
from engine.local.folders import FolderHandle
from engine.local.fsops import FsOps
from engine.local.safepath import parts_below

NAME_BYTES = 200
"""How much of the target's name goes into that of its part file: room for the rest within 255."""


def part_file_name(name: str, item_id: int) -> str:
    """The name of the part file of an item: hidden, telling, unique, and never too long.

    >>> part_file_name("big.tar", 7)
    '.big.tar.7.part'
    """
    raw = os.fsencode(name)
    if len(raw) > NAME_BYTES:
        end = NAME_BYTES
        while raw[end] & 0xC0 == 0x80:  # not in the middle of a character
            end -= 1
        raw = raw[:end]
    return f".{os.fsdecode(raw)}.{item_id}.part"


def places(
    root: str, target: str, item_id: int, fs: FsOps, temp_dir: str | None
) -> tuple[FolderHandle, FolderHandle, tuple[str, str]]:
    """The target's folder, the part file's folder, and the names of both in them."""
    parts = parts_below(root, target)
    folder = FolderHandle.open_below(root, parts[:-1], fs)
    names = (parts[-1], part_file_name(parts[-1], item_id))
    if temp_dir is None:
        return folder, folder.again(), names
    try:
        home = FolderHandle.open_below(temp_dir, (), fs)
    except BaseException:
        folder.close()
        raise
    if home.device != folder.device:
        folder.close()
        home.close()
        raise UsageError(
            f"the temp folder {temp_dir} is not on the file system of {folder.path}: "
            "a finished file could not be put in place in one step"
        )
    return folder, home, names
