"""Writing a snapshot slice by slice, from a picture of the tables that no longer changes."""

from __future__ import annotations

import contextlib
import os
import zlib
from collections.abc import Iterator, Mapping
from itertools import islice

from engine.local.fsops import FsOps
from engine.state.frames import SNAPSHOT_END, TABLE_END, snapshot_head, table_start
from engine.state.loading import PREVIOUS, SNAPSHOT
from engine.state.packing import Stored, unpacked
from engine.state.segment import sync_folder

TEMPORARY = "snapshot.tmp"
_KEPT = "snapshot.keep"
_SLICE_BYTES = 256 * 1024
"""Written in one step; short, so that transfers get their turn."""
_SYNC_BYTES = 4 * 1024 * 1024
"""Synced after so much, so that no single sync takes long: syncs of the journal wait meanwhile."""


class SnapshotWriter:
    """One snapshot in the making. Used by one thread.

    Raises:
        OSError: From every method; then `abandon` it.
    """

    def __init__(self, tables: Mapping[str, Mapping[str, Stored]], seq: int, dir_fd: int, fs: FsOps) -> None:
        """Of `tables` as they were after record `seq`."""
        self.seq = seq
        self._fs, self._dir_fd = fs, dir_fd
        head = snapshot_head(seq)
        self._crc = zlib.crc32(head)
        self._offset = len(head)
        self._unsynced = 0
        self._pieces = _pieces(tables)
        flags = os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
        self._fd = fs.open(TEMPORARY, flags, 0o600, dir_fd=dir_fd)

    def step(self) -> bool:
        """Write one slice; true if there is nothing left to write."""
        piece = next(self._pieces, None)
        if piece is None:
            return True
        self._fs.pwrite(self._fd, piece, self._offset)
        self._crc = zlib.crc32(piece, self._crc)
        self._offset += len(piece)
        self._unsynced += len(piece)
        if self._unsynced >= _SYNC_BYTES:
            self._fs.fdatasync(self._fd)
            self._unsynced = 0
        return False

    def publish(self, *, keep_last: bool = True) -> int:
        """Put it in place of the last one, which becomes the previous one; returns its size in bytes.

        The name of the newest always leads to a whole one, the last or this.
        """
        fs, dir_fd = self._fs, self._dir_fd
        fs.pwrite(self._fd, snapshot_head(self.seq, self._crc), 0)
        fs.fsync(self._fd)
        fd, self._fd = self._fd, -1
        fs.close(fd)
        if keep_last:
            self._keep_last()
        fs.rename(TEMPORARY, SNAPSHOT, src_dir_fd=dir_fd, dst_dir_fd=dir_fd)
        sync_folder(dir_fd, fs)
        return self._offset

    def _keep_last(self) -> None:
        """Give the last snapshot its second name, without taking its first one away."""
        fs, dir_fd = self._fs, self._dir_fd
        with contextlib.suppress(FileNotFoundError):
            fs.unlink(_KEPT, dir_fd=dir_fd)
        try:
            fs.link(SNAPSHOT, _KEPT, src_dir_fd=dir_fd, dst_dir_fd=dir_fd)
        except FileNotFoundError:
            return  # there is none yet
        except OSError:
            # A file system without hard links: for a moment only the second name is there.
            with contextlib.suppress(FileNotFoundError):
                fs.rename(SNAPSHOT, PREVIOUS, src_dir_fd=dir_fd, dst_dir_fd=dir_fd)
        else:
            fs.rename(_KEPT, PREVIOUS, src_dir_fd=dir_fd, dst_dir_fd=dir_fd)

    def abandon(self) -> None:
        """Give up; the last snapshot stays. Idempotent."""
        if self._fd >= 0:
            fd, self._fd = self._fd, -1
            with contextlib.suppress(OSError):
                self._fs.close(fd)
            with contextlib.suppress(OSError):
                self._fs.unlink(TEMPORARY, dir_fd=self._dir_fd)


def _pieces(tables: Mapping[str, Mapping[str, Stored]]) -> Iterator[bytes]:
    """The text of a snapshot after its head; one document is one line."""
    for name, docs in tables.items():
        before = table_start(name)
        each = unpacked(docs)
        while lines := _lines(each):
            yield (before + ",\n".join(lines)).encode("ascii")
            before = ",\n"
        yield (TABLE_END if docs else before + "}").encode("ascii")
    yield SNAPSHOT_END.encode("ascii")


def _lines(each: Iterator[tuple[str, str]]) -> list[str]:
    lines: list[str] = []
    size = 0
    while size < _SLICE_BYTES and (some := list(islice(each, 100))):
        texts = [f'"{id}":{text}' for id, text in some]
        size += sum(map(len, texts))
        lines += texts
    return lines
