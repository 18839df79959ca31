"""The hidden file into which a download is written until it is whole."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import stat
import threading
import zlib
from collections.abc import Callable
from types import TracebackType

from engine.errors import Condition, Interrupted, TransferError
from engine.local.failures import binary, disk_full, local_error
from engine.local.folders import FolderHandle
from engine.local.fsops import FsOps
from engine.local.partplace import places
from engine.pace.cancel import CancelToken

_FLAGS = os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK


ContentKey = tuple[int, int, int, int]


def content_key(facts: os.stat_result) -> ContentKey:
    """Tells a file that is not open, and is not being written, from any other.

    The inode alone would not: many file systems give a freed one to the next new file at once.
    ``st_ctime_ns`` is left out because publishing changes it.
    """
    return facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns


class PartFile:
    """An open part file: written at any offset by many threads, read back for checking.

    Guarantees:
        Every method is safe from any thread. `_lock` guards all that begins with ``_``. The
        descriptor is given back only when nobody is inside a call: a thread stuck in the kernel
        and abandoned there can never write into somebody else's file.
    """

    def __init__(self, folder: FolderHandle, home: FolderHandle, names: tuple[str, str], fd: int) -> None:
        """Use `create` or `reopen`. Takes over both handles and the descriptor."""
        self.folder = folder
        """Where the finished file will be."""
        self.home = home
        """Where the part file is; the same folder unless there is a temp folder."""
        self.target_name, self.name = names
        self.fs = folder.fs
        self.was_altered = False
        """Somebody changed its size since it was last closed: trust none of it unchecked."""
        self._lock = threading.Lock()
        self._fd = fd
        self._users = 0
        self._is_closed = False
        self._released_as: ContentKey = (0, 0, 0, 0)
        facts = self.fs.fstat(fd)
        self.device, self.inode = facts.st_dev, facts.st_ino

    @classmethod
    def create(
        cls, root: str, target: str, item_id: int, fs: FsOps, *, temp_dir: str | None = None
    ) -> PartFile:
        """Make the part file for `target`, and the folders between it and `root`.

        What an earlier run of this item left under that name is replaced.

        Args:
            root: The folder the user chose; nothing is made outside it.
            target: Absolute path of the final file, below `root`.
            temp_dir: Where to put the part file instead of beside the target.

        Raises:
            TransferError: The path is unsafe, or the system refused.
            UsageError: `temp_dir` is on another file system, from where nothing can be published
                in one step.
        """
        folder, home, names = places(root, target, item_id, fs, temp_dir)
        fd = -1
        try:
            try:
                try:
                    fd = fs.open(names[1], _FLAGS | os.O_CREAT | os.O_EXCL, 0o600, dir_fd=home.fd)
                except FileExistsError:
                    fs.unlink(names[1], dir_fd=home.fd)
                    fd = fs.open(names[1], _FLAGS | os.O_CREAT | os.O_EXCL, 0o600, dir_fd=home.fd)
            except OSError as error:
                path = os.path.join(home.path, names[1])
                raise local_error(error, "create", path, writing=True, device=home.device) from error
            return cls(folder, home, names, fd)
        except BaseException:
            if fd >= 0:
                fs.close(fd)
            folder.close()
            home.close()
            raise

    @classmethod
    def reopen(
        cls,
        root: str,
        target: str,
        item_id: int,
        fs: FsOps,
        *,
        inode: int,
        size: int,
        temp_dir: str | None = None,
    ) -> PartFile | None:
        """Go on with the part file of an earlier run; ``None`` if it is gone or another file.

        Args:
            inode: As recorded when it was created.
            size: The object's. If the file has another size, it gets this one and `was_altered` is set.

        Raises:
            TransferError: The path is unsafe, or the system refused.
            UsageError: As in `create`.
        """
        with contextlib.ExitStack() as undo:
            folder, home, names = places(root, target, item_id, fs, temp_dir)
            undo.callback(home.close)
            undo.callback(folder.close)
            path = os.path.join(home.path, names[1])
            try:
                facts = fs.lstat(names[1], dir_fd=home.fd)
                if not is_ours(facts, inode):
                    return None
                fd = fs.open(names[1], _FLAGS, dir_fd=home.fd)
            except FileNotFoundError:
                return None
            except OSError as error:
                raise local_error(error, "open", path, writing=True, device=home.device) from error
            undo.callback(fs.close, fd)
            part = cls(folder, home, names, fd)
            facts = fs.fstat(fd)
            if not is_ours(facts, inode):
                return None
            if facts.st_size != size:
                part.was_altered = True
                part.set_size(size)
            undo.pop_all()
            return part

    @property
    def path(self) -> str:
        """Where it is."""
        return os.path.join(self.home.path, self.name)

    @property
    def target_path(self) -> str:
        """Where the finished file will be."""
        return os.path.join(self.folder.path, self.target_name)

    # -- writing ---------------------------------------------------------------------------------
    def pwrite(self, data: memoryview, offset: int) -> None:
        """Write all of `data` at `offset`.

        Raises:
            Condition: ``disk-full``.
            TransferError: What else the system refused.
            Interrupted: It was closed.
        """
        with self._using("write") as fd:
            self.fs.pwrite(fd, data, offset)

    def set_size(self, size: int) -> None:
        """Give it its final size at once, as a hole.

        Not posix_fallocate: where the file system cannot, glibc writes the whole file.

        Raises:
            TransferError: ``file-too-big``, ``disk-full`` …
        """
        with self._using("resize") as fd:
            self.fs.ftruncate(fd, size)

    def check_space(self, needed: int, others: int = 0, exactly: Callable[[], int] | None = None) -> None:
        """Look whether `needed` more bytes would fit beside the `others` that are still to come.

        Args:
            exactly: How many others there are, where `others` are the most there may be.

        Raises:
            Condition: ``disk-full``, of this file alone.
        """
        with self._using("look at") as fd:
            facts = self.fs.fstatvfs(fd)
        free = facts.f_bavail * facts.f_frsize
        if exactly is not None and free < needed + others:
            others = exactly()
        # Some network file systems do not tell how large they are.
        if facts.f_blocks and free < needed + others:
            beside = f" beside {binary(others)} under way" if others else ""
            detail = f"{binary(needed)} needed{beside}, {_free(facts)} free"
            raise disk_full("write", self.path, self.device, detail, alone=True)

    def full(self, error: Condition, needed: int) -> Condition:
        """The same condition with what a person wants to know of a disk that is full."""
        try:
            with self._using("look at") as fd:
                detail = f"{binary(needed)} needed, {_free(self.fs.fstatvfs(fd))} free"
        except (TransferError, Interrupted):
            return error
        return disk_full(error.operation, error.subject, self.device, detail)

    def sync(self) -> None:
        """Return when what was written would survive a power cut.

        Raises:
            TransferError: ``disk-error``: some of it may be lost, whatever a second try says.
        """
        with self._using("sync") as fd:
            self.fs.fdatasync(fd)

    # -- reading back ----------------------------------------------------------------------------
    def crc_of(self, offset: int, length: int, buffer: memoryview, token: CancelToken) -> int:
        """The CRC32 of a range as it is in the file; -1, which no CRC equals, if it ends too early.

        Raises:
            Interrupted: `token` was cancelled.
            TransferError: It cannot be read.
        """
        crc = 0

        def add(piece: memoryview) -> None:
            nonlocal crc
            crc = zlib.crc32(piece, crc)

        return crc if self.read_through(offset, length, buffer, token, add) else -1

    def md5_of(self, offset: int, length: int, buffer: memoryview, token: CancelToken) -> bytes:
        """As `crc_of`, the MD5 digest; empty if the file ends too early."""
        digest = hashlib.md5(usedforsecurity=False)
        return digest.digest() if self.read_through(offset, length, buffer, token, digest.update) else b""

    def read_through(
        self,
        offset: int,
        length: int,
        buffer: memoryview,
        token: CancelToken,
        add: Callable[[memoryview], object],
    ) -> bool:
        """Give a range of the file to `add`, piece by piece; false if the file ends too early.

        Raises: as `crc_of`.
        """
        end = offset + length
        while offset < end:
            token.check()
            piece = buffer[: min(len(buffer), end - offset)]
            with self._using("read") as fd:
                count = self.fs.pread_into(fd, piece, offset)
            if count < len(piece):
                return False
            add(piece)
            offset += count
        return True

    # -- the descriptor --------------------------------------------------------------------------
    def using(self) -> _Use:
        """The descriptor, which stays open while the ``with`` block lasts.

        Raises:
            Interrupted: It was closed.
            OSError: It was released, and is gone since.
        """
        return _Use(self)

    def _using(self, operation: str) -> _Use:
        """As `using`; what the system refuses is told as an error of this operation."""
        return _Use(self, operation)

    def _enter(self) -> int:
        with self._lock:
            if self._is_closed:
                raise Interrupted("the part file is closed")
            if self._fd < 0:
                self._fd = self._open_again()
            self._users += 1
            return self._fd

    def _leave(self) -> None:
        with self._lock:
            self._users -= 1
            if self._is_closed:
                self._close_if_unused()

    def close(self) -> None:
        """Let go of the file, which stays on disk, and of its folders. Idempotent."""
        with self._lock:
            if self._is_closed:
                return
            self._is_closed = True
            self._close_if_unused()
        self.folder.close()
        self.home.close()

    def release(self) -> None:
        """Give the descriptor back for now, if nobody uses it; the next use opens the file again."""
        with self._lock:
            self._close_if_unused(even_if_open=True)

    def _close_if_unused(self, *, even_if_open: bool = False) -> None:
        """With the lock held."""
        if (self._is_closed or even_if_open) and self._users == 0 and self._fd >= 0:
            fd, self._fd = self._fd, -1
            try:
                if not self._is_closed:
                    self._released_as = content_key(self.fs.fstat(fd))
            finally:
                self.fs.close(fd)

    def _open_again(self) -> int:
        fd = self.fs.open(self.name, _FLAGS, dir_fd=self.home.fd)
        if content_key(self.fs.fstat(fd)) != self._released_as:
            self.fs.close(fd)
            raise OSError(errno.ESTALE, "another file has taken its name")
        return fd

    def is_in_place(self) -> bool:
        """The name still leads to this file. Only while open."""
        try:
            facts = self.fs.lstat(self.name, dir_fd=self.home.fd)
        except OSError:
            return False
        return (facts.st_dev, facts.st_ino) == (self.device, self.inode)

    def remove(self) -> None:
        """Take it away and close. Idempotent; a file of another's under this name stays.

        Raises:
            TransferError: The system refused.
        """
        with self._lock:
            if self._is_closed:
                return
        try:
            if self.is_in_place():
                self.fs.unlink(self.name, dir_fd=self.home.fd)
                self.home.sync()
        except FileNotFoundError:
            pass
        except OSError as error:
            raise local_error(error, "remove", self.path, writing=True) from error
        finally:
            self.close()


class _Use:
    """One ``with`` block of `PartFile.using`; a class, because a small file has half a dozen of them."""

    __slots__ = ("_file", "_operation")

    def __init__(self, file: PartFile, operation: str = "") -> None:
        self._file, self._operation = file, operation

    def __enter__(self) -> int:
        try:
            return self._file._enter()
        except OSError as error:
            if not self._operation:
                raise
            raise self._explained(error) from error

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._file._leave()
        except OSError as failed:
            error = error or failed
        if self._operation and isinstance(error, OSError):
            raise self._explained(error) from error

    def _explained(self, error: OSError) -> Exception:
        file = self._file
        return local_error(error, self._operation, file.path, writing=True, device=file.device)


def _free(facts: os.statvfs_result) -> str:
    return binary(facts.f_bavail * facts.f_frsize)


def is_ours(facts: os.stat_result, inode: int) -> bool:
    """A plain file of this user with that inode: nobody put something else under the name."""
    return stat.S_ISREG(facts.st_mode) and facts.st_ino == inode and facts.st_uid == os.geteuid()
