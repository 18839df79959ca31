"""The one seam through which the engine touches files, so that a test can count, fail or stop any step.

Every method is one system call with the flags this program always wants, or a loop of one. All
raise OSError and hold no state; `local.failures` says what an OSError means.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any

Path = str | bytes
Data = bytes | bytearray | memoryview

_F_FULLFSYNC: int | None = getattr(fcntl, "F_FULLFSYNC", None)
_sync_file_range: Any = (
    getattr(ctypes.CDLL(None), "sync_file_range", None) if sys.platform == "linux" else None
)
if _sync_file_range is not None:
    _sync_file_range.argtypes = [ctypes.c_int, ctypes.c_int64, ctypes.c_int64, ctypes.c_uint]
_SYNC_FILE_RANGE_WRITE = 2
_RENAME_NOREPLACE = 1
_RENAME_EXCL = 4


class FsOps:
    """Files as the engine uses them. Safe from any thread."""

    # -- opening ---------------------------------------------------------------------------------
    def open(self, path: Path, flags: int, mode: int = 0o600, *, dir_fd: int | None = None) -> int:
        """A descriptor that no child process inherits. Created files are private unless `mode` says so."""
        return os.open(path, flags | os.O_CLOEXEC, mode, dir_fd=dir_fd)

    def close(self, fd: int) -> None:
        """Give the descriptor back."""
        os.close(fd)

    def dup(self, fd: int) -> int:
        """A second descriptor of the same open file, which no child inherits."""
        return os.dup(fd)

    # -- reading and writing ---------------------------------------------------------------------
    def read(self, fd: int, count: int) -> bytes:
        """Up to `count` bytes from where the descriptor stands; fewer at the end."""
        return os.read(fd, count)

    def pread_into(self, fd: int, buffer: memoryview, offset: int) -> int:
        """Fill `buffer` from `offset`; the number of bytes read is less only at the end of the file."""
        done = 0
        while done < len(buffer):
            count = os.preadv(fd, [buffer[done:]], offset + done)
            if count == 0:
                break
            done += count
        return done

    def write(self, fd: int, data: Data) -> int:
        """One write where the descriptor stands; may be short."""
        return os.write(fd, data)

    def pwrite(self, fd: int, data: Data, offset: int) -> None:
        """Write all of `data` at `offset`, however many calls that takes.

        A call that writes nothing and says so without an error is an I/O error: looping on it
        would never end.
        """
        view = memoryview(data)
        done = 0
        while done < len(view):
            count = self.pwrite_some(fd, view[done:], offset + done)
            if count <= 0:
                raise OSError(errno.EIO, "nothing was written")
            done += count

    def pwrite_some(self, fd: int, data: Data, offset: int) -> int:
        """One write at `offset`; may be short."""
        return os.pwrite(fd, data, offset)

    def ftruncate(self, fd: int, size: int) -> None:
        """Make the file `size` bytes long; what is added is a hole."""
        os.ftruncate(fd, size)

    def lseek(self, fd: int, offset: int, whence: int) -> int:
        """Move where `read` and `write` stand."""
        return os.lseek(fd, offset, whence)

    # -- syncing ---------------------------------------------------------------------------------
    def fsync(self, fd: int) -> None:
        """Return when data and metadata (of a folder: its names) would survive a power cut."""
        if _F_FULLFSYNC is not None:
            # macOS: fsync leaves the data in the drive's cache. Not every file system knows the call.
            try:
                fcntl.fcntl(fd, _F_FULLFSYNC)
                return
            except OSError as error:
                if error.errno not in (errno.ENOTSUP, errno.EINVAL, errno.ENOTTY):
                    raise
        os.fsync(fd)

    def fdatasync(self, fd: int) -> None:
        """Return when the data, and the size it needs, would survive a power cut."""
        if _F_FULLFSYNC is not None or sys.platform == "darwin":
            self.fsync(fd)
        else:
            os.fdatasync(fd)

    def start_writing(self, fd: int) -> None:
        """Have what was written go to the disk soon, without waiting. Promises nothing, and never fails.

        Many files are on disk sooner if all of them are on their way before the first is waited for.
        """
        if _sync_file_range is not None:
            _sync_file_range(fd, 0, 0, _SYNC_FILE_RANGE_WRITE)

    # -- looking ---------------------------------------------------------------------------------
    def fstat(self, fd: int) -> os.stat_result:
        """Facts of an open file."""
        return os.fstat(fd)

    def stat(self, path: Path, *, dir_fd: int | None = None, follow_symlinks: bool = True) -> os.stat_result:
        """Facts of a name; of what a symlink leads to unless told otherwise."""
        return os.stat(path, dir_fd=dir_fd, follow_symlinks=follow_symlinks)

    def lstat(self, path: Path, *, dir_fd: int | None = None) -> os.stat_result:
        """Facts of a name itself, symlink or not."""
        return os.lstat(path, dir_fd=dir_fd)

    def readlink(self, path: str, *, dir_fd: int | None = None) -> str:
        """Where a symlink leads, as written in it."""
        return os.readlink(path, dir_fd=dir_fd)

    def realpath(self, path: str) -> str:
        """The absolute path with every symlink resolved; parts that do not exist stay as they are."""
        return os.path.realpath(path)

    def scandir(self, path: str | int) -> AbstractContextManager[Iterator[os.DirEntry[str]]]:
        """The entries of a folder by path or descriptor (which stays open), as they come."""
        return os.scandir(path)

    def statvfs(self, path: str | int) -> os.statvfs_result:
        """Free space and name limits of the file system below a path or descriptor."""
        return os.statvfs(path)

    def fstatvfs(self, fd: int) -> os.statvfs_result:
        """Free space and name limits of the file system of an open file."""
        return os.fstatvfs(fd)

    def access(self, path: Path, mode: int) -> bool:
        """The system says that `mode` (``os.R_OK`` …) is allowed; a hint, never a proof."""
        return os.access(path, mode)

    # -- changing names --------------------------------------------------------------------------
    def rename(
        self, src: Path, dst: Path, *, src_dir_fd: int | None = None, dst_dir_fd: int | None = None
    ) -> None:
        """Give the file its new name in one step, in place of what has that name."""
        os.replace(src, dst, src_dir_fd=src_dir_fd, dst_dir_fd=dst_dir_fd)

    def rename_exclusive(self, src: str, dst: str, *, src_dir_fd: int, dst_dir_fd: int) -> None:
        """As `rename`, but FileExistsError if the name is taken.

        Raises:
            OSError: ``ENOTSUP`` where system or file system cannot do that in one step.
        """
        _rename_exclusive(os.fsencode(src), os.fsencode(dst), src_dir_fd, dst_dir_fd)

    def link(
        self, src: Path, dst: Path, *, src_dir_fd: int | None = None, dst_dir_fd: int | None = None
    ) -> None:
        """Give the file a second name; FileExistsError if that is taken. Never follows a symlink."""
        os.link(src, dst, src_dir_fd=src_dir_fd, dst_dir_fd=dst_dir_fd, follow_symlinks=False)

    def unlink(self, path: Path, *, dir_fd: int | None = None) -> None:
        """Take a file's name away."""
        os.unlink(path, dir_fd=dir_fd)

    def mkdir(self, path: Path, mode: int = 0o777, *, dir_fd: int | None = None) -> None:
        """Make one folder, with `mode` less the umask."""
        os.mkdir(path, mode, dir_fd=dir_fd)

    def rmdir(self, path: Path, *, dir_fd: int | None = None) -> None:
        """Remove an empty folder."""
        os.rmdir(path, dir_fd=dir_fd)

    # -- changing attributes ---------------------------------------------------------------------
    def utime(self, path: str | int, ns: tuple[int, int], *, dir_fd: int | None = None) -> None:
        """Set access and modification time, in ns since the epoch, of a path or descriptor."""
        os.utime(path, ns=ns, dir_fd=dir_fd)

    def fchmod(self, fd: int, mode: int) -> None:
        """Set the permissions of an open file, whatever the umask."""
        os.fchmod(fd, mode)


def _rename_exclusive(src: bytes, dst: bytes, src_fd: int, dst_fd: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    name, flag = (
        ("renameatx_np", _RENAME_EXCL) if sys.platform == "darwin" else ("renameat2", _RENAME_NOREPLACE)
    )
    call = getattr(libc, name, None)
    if call is None:
        raise OSError(errno.ENOTSUP, f"no {name} here")
    call.argtypes = [ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint]
    if call(src_fd, src, dst_fd, dst, flag) != 0:
        code = ctypes.get_errno()
        if code in (errno.EINVAL, errno.ENOSYS):
            code = errno.ENOTSUP
        raise OSError(code, os.strerror(code))
