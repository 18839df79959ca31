"""Folders as pages for a pane, and whole trees for a batch; a million entries in constant memory."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass

from engine.errors import TransferError
from engine.local.failures import local_error
from engine.local.fsops import FsOps
from engine.pace.cancel import CancelToken
from engine.page import EntryKind, Page, PageBuilder

PAGE_SIZE = 1000


def iter_pages(
    path: str,
    fs: FsOps,
    *,
    page_size: int = PAGE_SIZE,
    show_hidden: bool = True,
    token: CancelToken | None = None,
) -> Iterator[Page]:
    """The entries of one folder, in the order of the disk, page by page as they are read.

    Symlinks are shown as what they lead to if that is a folder, else as links. What cannot be
    looked at is listed with size and time unknown. An empty folder gives one empty page.

    Raises:
        TransferError: The folder cannot be read (``source-missing``, ``local-denied`` …).
        Interrupted: `token` was cancelled.
    """
    page = PageBuilder()
    is_first = True
    try:
        with fs.scandir(path) as entries:
            for entry in entries:
                if not show_hidden and entry.name.startswith("."):
                    continue
                page.add(entry.name, *_facts(entry, path, fs))
                if len(page) >= page_size:
                    if token is not None:
                        token.check()
                    yield page.take()
                    is_first = False
    except OSError as error:
        raise local_error(error, "list", path) from error
    if len(page) or is_first:
        yield page.take()


def _facts(entry: os.DirEntry[str], folder: str, fs: FsOps) -> tuple[EntryKind, int, float]:
    path = os.path.join(folder, entry.name)
    kind = EntryKind.SPECIAL
    try:
        is_link = entry.is_symlink()
        kind = EntryKind.LINK if is_link else _kind_from_type(entry)
        facts = fs.stat(path)
    except OSError:
        return kind, -1, 0.0
    if stat.S_ISDIR(facts.st_mode):
        return EntryKind.FOLDER, -1, facts.st_mtime
    if not stat.S_ISREG(facts.st_mode):
        return EntryKind.SPECIAL, -1, facts.st_mtime
    return EntryKind.LINK if is_link else EntryKind.FILE, facts.st_size, facts.st_mtime


def _kind_from_type(entry: os.DirEntry[str]) -> EntryKind:
    """By what the folder itself says, for entries that cannot be looked at."""
    if entry.is_dir(follow_symlinks=False):
        return EntryKind.FOLDER
    return EntryKind.FILE if entry.is_file(follow_symlinks=False) else EntryKind.SPECIAL


@dataclass(frozen=True, slots=True)
class WalkedFile:
    """One thing found below the root of a walk."""

    parts: tuple[str, ...]
    """Names from the root; ``()`` is the root itself."""
    path: str
    kind: EntryKind
    """FILE (also for a link to a file inside the tree), FOLDER, LINK or SPECIAL (both always refused)."""
    stat: os.stat_result | None = None
    """Of the file, of a link's target; ``None`` where it cannot be looked at."""
    refusal: str | None = None
    """A code of `errors` if it cannot be taken: named, never dropped."""
    is_link: bool = False
    is_empty: bool = False
    """A folder in which nothing was found at all."""


def walk(root: str, fs: FsOps, token: CancelToken | None = None) -> Iterator[WalkedFile]:
    """Everything below `root`, as it is found: the files of a folder, then its folders, then itself.

    A folder comes after all that is in it, so that whoever deletes can go by this order. One
    folder is open at a time; the names of folders still to be visited are all that is held.

    The root may be a symlink. Below it, a link to a file inside the tree is that file; links to
    folders (``symlink-folder``: their content is met where it really is, and a loop is never
    entered), and links that lead out of the tree or nowhere (``symlink-outside``), are refused,
    as are pipes, sockets and devices (``not-a-file``) and what may not be read. What vanishes
    meanwhile is left out.

    Raises:
        TransferError: The root itself cannot be read.
        Interrupted: `token` was cancelled.
    """
    real_root = fs.realpath(root)
    # A folder to be entered, or, as its second visit, to be told.
    pending: list[tuple[tuple[str, ...], WalkedFile | None]] = [((), None)]
    while pending:
        parts, told = pending.pop()
        if told is not None:
            yield told
            continue
        path = os.path.join(root, *parts)
        below: list[str] = []
        refusal: str | None = None
        found = False
        try:
            for item in _scan(path, parts, real_root, fs, token):
                found = True
                if isinstance(item, str):
                    below.append(item)
                else:
                    yield item
        except TransferError as error:
            if not parts:
                raise
            if error.code == "source-missing":
                continue
            refusal = error.code
        facts = _lstat(path, fs) if parts else None
        folder = WalkedFile(
            parts, path, EntryKind.FOLDER, facts, refusal, is_empty=not found and refusal is None
        )
        pending.append((parts, folder))
        pending.extend(((*parts, name), None) for name in reversed(below))


def _scan(
    path: str, parts: tuple[str, ...], real_root: str, fs: FsOps, token: CancelToken | None
) -> Iterator[WalkedFile | str]:
    """The entries of one folder: names of folders, and all else as it is to be told."""
    try:
        with fs.scandir(path) as entries:
            for entry in entries:
                if token is not None:
                    token.check()
                if entry.is_dir(follow_symlinks=False):
                    yield entry.name
                    continue
                walked = look(os.path.join(path, entry.name), (*parts, entry.name), real_root, fs)
                if walked is not None:
                    yield walked
    except OSError as error:
        raise local_error(error, "list", path) from error


def look(path: str, parts: tuple[str, ...], real_root: str, fs: FsOps) -> WalkedFile | None:
    """What one entry that is no folder is to a walk; ``None`` if it has vanished."""
    try:
        facts = fs.lstat(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        return WalkedFile(parts, path, EntryKind.SPECIAL, refusal=local_error(error, "look at", path).code)
    if stat.S_ISLNK(facts.st_mode):
        return _look_at_link(path, parts, real_root, fs)
    if stat.S_ISREG(facts.st_mode):
        return WalkedFile(parts, path, EntryKind.FILE, facts)
    return WalkedFile(parts, path, EntryKind.SPECIAL, facts, "not-a-file")


def _look_at_link(path: str, parts: tuple[str, ...], real_root: str, fs: FsOps) -> WalkedFile:
    try:
        facts = fs.stat(path)
    except OSError:  # dangling, or a loop
        return WalkedFile(parts, path, EntryKind.LINK, None, "symlink-outside", is_link=True)
    if not fs.realpath(path).startswith(real_root.rstrip("/") + "/"):
        return WalkedFile(parts, path, EntryKind.LINK, facts, "symlink-outside", is_link=True)
    if stat.S_ISDIR(facts.st_mode):
        return WalkedFile(parts, path, EntryKind.LINK, facts, "symlink-folder", is_link=True)
    if stat.S_ISREG(facts.st_mode):
        return WalkedFile(parts, path, EntryKind.FILE, facts, is_link=True)
    return WalkedFile(parts, path, EntryKind.SPECIAL, facts, "not-a-file", is_link=True)


def _lstat(path: str, fs: FsOps) -> os.stat_result | None:
    try:
        return fs.lstat(path)
    except OSError:
        return None
