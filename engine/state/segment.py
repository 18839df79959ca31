"""The segment of the journal that is being written: whole lines, or none."""

from __future__ import annotations

import contextlib
import errno
import os

from engine.local.fsops import FsOps
from engine.state.frames import pack_header
from engine.state.loading import segment_name

_NOT_SYNCABLE = (errno.EINVAL, errno.ENOTSUP)
"""How file systems without durable folders answer an fsync of one."""
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""Errors of writing after which the file is as good as before."""


def sync_folder(dir_fd: int, fs: FsOps) -> None:
    """Return when the names in the folder would survive a power cut."""
    try:
        fs.fsync(dir_fd)
    except OSError as error:
        if error.errno not in _NOT_SYNCABLE:
            raise


class Segment:
    """One file of the journal. `append` and `close` need the journal's lock."""

    def __init__(self, first: int, fd: int, size: int, fs: FsOps) -> None:
        self.first = first
        """Number of its first record."""
        self.fd = fd
        self.size = size
        """Bytes of whole lines in it."""
        self.is_torn = False
        """What was written of a line could not be taken back: nothing may be appended any more."""
        self._fs = fs

    @classmethod
    def begin(cls, first: int, dir_fd: int, fs: FsOps) -> Segment:
        """A new one. What has its name holds no record: those begin with `first`, which is not written yet."""
        name = segment_name(first)
        with contextlib.suppress(FileNotFoundError):
            fs.unlink(name, dir_fd=dir_fd)
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_NOFOLLOW
        return cls(first, fs.open(name, flags, 0o600, dir_fd=dir_fd), 0, fs)

    @classmethod
    def resume(cls, first: int, good: int | None, dir_fd: int, fs: FsOps) -> Segment:
        """Go on with one that exists, cut to its first `good` bytes where its end is torn."""
        flags = os.O_RDWR | os.O_APPEND | os.O_NOFOLLOW
        fd = fs.open(segment_name(first), flags, dir_fd=dir_fd)
        try:
            if good is not None:
                fs.ftruncate(fd, good)
            return cls(first, fd, fs.fstat(fd).st_size, fs)
        except BaseException:
            fs.close(fd)
            raise

    def append(self, line: bytes | bytearray) -> None:
        """One write; afterwards the line is there as a whole, or the file is as it was.

        Raises:
            OSError: It was not written.
        """
        data = line if self.size else pack_header() + line
        try:
            count = self._fs.write(self.fd, data)
            if count != len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError as error:
            if error.errno not in FULL:
                self.is_torn = True
            try:
                self._fs.ftruncate(self.fd, self.size)
            except OSError:
                self.is_torn = True
            raise
        self.size += len(data)

    def close(self) -> None:
        """Let go."""
        if self.fd >= 0:
            fd, self.fd = self.fd, -1
            with contextlib.suppress(OSError):
                self._fs.close(fd)
