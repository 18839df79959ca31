"""Folders below a root, opened name by name without following a link, and kept open for a while."""

from __future__ import annotations

import errno
import os
import threading
import weakref
from collections import OrderedDict
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from engine.errors import Permanent
from engine.local.failures import local_error
from engine.local.fsops import FsOps

CAPACITY = 64
"""Folders kept open, beside those in use; small against the usual limit of 1,024 descriptors."""

_OPEN_FOLDER = os.O_RDONLY | os.O_DIRECTORY
_NOT_SYNCABLE = (errno.EINVAL, errno.ENOTSUP)
"""How file systems without durable folders answer an fsync of one."""


class _Folder:
    """An open folder; `users` is guarded by the lock of its `_Folders`."""

    __slots__ = ("device", "fd", "inode", "path", "users")

    def __init__(self, path: str, fd: int, stat: os.stat_result) -> None:
        self.path, self.fd = path, fd
        self.device, self.inode = stat.st_dev, stat.st_ino
        self.users = 1


class FolderHandle:
    """A folder that stays open until `close`, whatever happens to its name meanwhile."""

    def __init__(self, owner: _Folders, fs: FsOps, folder: _Folder, at: tuple[str, tuple[str, ...]]) -> None:
        self._owner, self._folder = owner, folder
        self.fs = fs
        """Through which it was opened."""
        self._at = at
        """The root, and the names below it."""
        self._is_closed = False

    @staticmethod
    def open_below(root: str, parts: Sequence[str], fs: FsOps, *, create: bool = True) -> FolderHandle:
        """Open the folder at `parts` (already checked names) below `root`.

        The root may be reached through symlinks; below it none is followed. Folders that were
        opened lately are not walked to again, only compared.

        Args:
            create: Make what is missing, the root included.

        Raises:
            TransferError: ``target-folder`` where a name is a symlink, a file or missing, or what
                the system refused.
        """
        return _folders_of(fs).open(fs, root, tuple(parts), create)

    @property
    def fd(self) -> int:
        """The descriptor, for ``dir_fd`` arguments."""
        return self._folder.fd

    @property
    def path(self) -> str:
        """As it was opened; for messages and final paths."""
        return self._folder.path

    @property
    def device(self) -> int:
        """``st_dev``."""
        return self._folder.device

    @property
    def key(self) -> tuple[int, int]:
        """The same for every handle on the same folder."""
        return self._folder.device, self._folder.inode

    def sync(self) -> None:
        """Return when the names in it, and its own where this program made it, survive a power cut.

        Raises:
            TransferError: ``disk-error`` and its like.
        """
        self._owner.sync(self.fs, self._folder, _ancestors(*self._at))

    def again(self) -> FolderHandle:
        """A second handle on the same folder, to be closed by itself."""
        self._owner.use(self._folder)
        return FolderHandle(self._owner, self.fs, self._folder, self._at)

    def close(self) -> None:
        """Let go. Idempotent."""
        if not self._is_closed:
            self._is_closed = True
            self._owner.release(self.fs, self._folder)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Folders:
    """The open folders of one `FsOps`: most files of a batch go where the one before went.

    `_lock` guards `_open`, `_unsynced` and every `users`. No system call is made while it is held
    but closing a descriptor.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: OrderedDict[tuple[str, tuple[str, ...]], _Folder] = OrderedDict()
        """Least recently used first."""
        self._unsynced: dict[str, int] = {}
        """Folders in which a folder was made and not yet synced, and how often."""

    def open(self, fs: FsOps, root: str, parts: tuple[str, ...], create: bool) -> FolderHandle:
        root = root.rstrip("/") or "/"
        key = (root, parts)
        folder = self._lookup(fs, key)
        if folder is None:
            folder = self._walk(fs, root, parts, create)
            self._keep(fs, key, folder)
        return FolderHandle(self, fs, folder, key)

    def use(self, folder: _Folder) -> None:
        with self._lock:
            folder.users += 1

    def release(self, fs: FsOps, folder: _Folder) -> None:
        with self._lock:
            folder.users -= 1
            if folder.users == 0:
                fs.close(folder.fd)

    def sync(self, fs: FsOps, folder: _Folder, ancestors: tuple[str, ...]) -> None:
        _sync(fs, folder.fd, folder.path)
        with self._lock:
            owed = [(path, self._unsynced[path]) for path in ancestors if path in self._unsynced]
        for path, times in reversed(owed):
            sync_folder(path, fs)
            with self._lock:
                if self._unsynced.get(path) == times:
                    del self._unsynced[path]

    def _lookup(self, fs: FsOps, key: tuple[str, tuple[str, ...]]) -> _Folder | None:
        """The open folder, with one user more, if its path still leads to it."""
        with self._lock:
            folder = self._open.get(key)
            if folder is None:
                return None
            self._open.move_to_end(key)
            folder.users += 1
        try:
            stat = fs.stat(folder.path)
            if (stat.st_dev, stat.st_ino) == (folder.device, folder.inode):
                return folder
        except OSError:
            pass  # It was moved away or removed: walk to it again, and fail there if so.
        with self._lock:
            stale = self._open.pop(key) if self._open.get(key) is folder else None
        self.release(fs, folder)
        if stale is not None:
            self.release(fs, stale)
        return None

    def _keep(self, fs: FsOps, key: tuple[str, tuple[str, ...]], folder: _Folder) -> None:
        dropped = []
        with self._lock:
            if key not in self._open:
                folder.users += 1
                self._open[key] = folder
                while len(self._open) > CAPACITY:
                    dropped.append(self._open.popitem(last=False)[1])
        for other in dropped:
            self.release(fs, other)

    def _walk(self, fs: FsOps, root: str, parts: tuple[str, ...], create: bool) -> _Folder:
        path, fd = root, self._open_root(fs, root, create)
        try:
            for part in parts:
                below = os.path.join(path, part)
                fd, above = self._open_child(fs, fd, part, path, below, create), fd
                fs.close(above)
                path = below
            return _Folder(path, fd, fs.fstat(fd))
        except BaseException:
            fs.close(fd)
            raise

    def _open_root(self, fs: FsOps, root: str, create: bool) -> int:
        try:
            try:
                return fs.open(root, _OPEN_FOLDER)
            except FileNotFoundError:
                if not create:
                    raise
            self._make_root(fs, root)
            return fs.open(root, _OPEN_FOLDER)
        except OSError as error:
            raise local_error(error, "open folder", root, writing=True) from error

    def _make_root(self, fs: FsOps, root: str) -> None:
        parent = os.path.dirname(root)
        try:
            fs.mkdir(root)
        except FileExistsError:
            return
        except FileNotFoundError:
            if parent == root:
                raise
            self._make_root(fs, parent)
            self._make_root(fs, root)
            return
        self._made_in(parent)

    def _open_child(self, fs: FsOps, fd: int, part: str, path: str, below: str, create: bool) -> int:
        flags = _OPEN_FOLDER | os.O_NOFOLLOW
        try:
            try:
                return fs.open(part, flags, dir_fd=fd)
            except FileNotFoundError:
                if not create:
                    raise
            try:
                fs.mkdir(part, dir_fd=fd)
                self._made_in(path)
            except FileExistsError:
                pass  # Another worker was faster.
            return fs.open(part, flags, dir_fd=fd)
        except OSError as error:
            if error.errno in (errno.ELOOP, errno.ENOTDIR):
                detail = "a symlink or a file has the name of the folder"
                raise Permanent(
                    "target-folder", operation="open folder", subject=below, detail=detail
                ) from error
            raise local_error(error, "open folder", below, writing=True) from error

    def let_go(self, fs: FsOps) -> None:
        """Keep none open but those in use."""
        with self._lock:
            kept = list(self._open.values())
            self._open.clear()
        for folder in kept:
            self.release(fs, folder)

    def forget(self) -> None:
        """Close what is kept; nobody uses it any more, because users hold the `FsOps`."""
        with self._lock:
            while self._open:
                os.close(self._open.popitem()[1].fd)

    def _made_in(self, path: str) -> None:
        with self._lock:
            self._unsynced[path] = self._unsynced.get(path, 0) + 1


def sync_folder(path: str, fs: FsOps) -> None:
    """Return when its names, and those that were taken away, are so after a power cut. One that is gone needs nothing.

    Raises:
        TransferError: ``disk-error`` and its like.
    """
    try:
        fd = fs.open(path, _OPEN_FOLDER)
    except FileNotFoundError:
        return
    except OSError as error:
        raise local_error(error, "sync", path, writing=True) from error
    try:
        _sync(fs, fd, path)
    finally:
        fs.close(fd)


def _sync(fs: FsOps, fd: int, path: str) -> None:
    try:
        fs.fsync(fd)
    except OSError as error:
        if error.errno not in _NOT_SYNCABLE:
            raise local_error(error, "sync", path, writing=True) from error


def _ancestors(root: str, parts: tuple[str, ...]) -> tuple[str, ...]:
    """Every folder above one, the highest last but for those below the root."""
    # What was above the root may have been made with it.
    above = [os.path.dirname(root)]
    while above[-1] not in ("/", ""):
        above.append(os.path.dirname(above[-1]))
    return *above, *(os.path.join(root, *parts[:depth]) for depth in range(len(parts)))


_by_fs: weakref.WeakKeyDictionary[FsOps, _Folders] = weakref.WeakKeyDictionary()
_by_fs_lock = threading.Lock()


def _folders_of(fs: FsOps) -> _Folders:
    """One set of open folders for each `FsOps`, of which a program has one."""
    with _by_fs_lock:
        folders = _by_fs.get(fs)
        if folders is None:
            folders = _by_fs[fs] = _Folders()
            weakref.finalize(fs, folders.forget)
        return folders


def let_go_of_folders(fs: FsOps) -> None:
    """Close the folders that are only kept open for the next file: an idle program keeps no disk from being unmounted."""
    with _by_fs_lock:
        folders = _by_fs.get(fs)
    if folders is not None:
        folders.let_go(fs)
