"""Writing a snapshot of the tables while they go on changing, slice by slice."""

from __future__ import annotations

import contextlib
import os
import threading
import zlib
from collections.abc import Iterator

from engine.local.fsops import FsOps
from engine.state.frames import Tables, encode_doc, head
from engine.state.loading import PREVIOUS, SNAPSHOT

TEMPORARY = "snapshot.tmp"
SLICE = 100
"""Documents that are encoded while the lock is held."""


class Compaction:
    """One snapshot in the making. Used by one thread.

    A slice that is written late may hold changes newer than `seq`. That does no harm: the journal
    from `seq` on is replayed over it, and its records hold whole documents. What must be seen to
    is that this journal is synced before the snapshot is put in place.
    """

    def __init__(self, tables: Tables, lock: threading.Lock, seq: int, dir_fd: int, fs: FsOps) -> None:
        """With the lock held, just after the journal was rotated."""
        self.seq = seq
        self._tables, self._lock, self._dir_fd, self._fs = tables, lock, dir_fd, fs
        self._todo = [(name, list(docs)) for name, docs in tables.items()]
        flags = os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
        self._fd = fs.open(TEMPORARY, flags, 0o600, dir_fd=dir_fd)
        self._offset = len(head(seq, 0))
        self._start = self._offset
        self._crc = 0
        self._slices = self._each_slice()

    def step(self) -> bool:
        """Write one slice; true if it was the last one."""
        for piece in self._slices:
            self._write(piece)
            return False
        return True

    def run_locked(self) -> None:
        """Write all of it, with the lock held by the caller."""
        self._lock = threading.Lock()
        while not self.step():
            pass

    def _each_slice(self) -> Iterator[bytes]:
        for name, ids in self._todo:
            yield b"," + encode_doc({name: {}}).encode("ascii")[1:-2]
            is_first = True
            for start in range(0, len(ids), SLICE):
                with self._lock:
                    docs = self._tables.get(name, {})
                    texts = [
                        f'"{id}":{encode_doc(docs[id])}' for id in ids[start : start + SLICE] if id in docs
                    ]
                if texts:
                    yield (("" if is_first else ",") + ",".join(texts)).encode("ascii")
                    is_first = False
            yield b"}"
        yield b"}\n"

    def _write(self, piece: bytes) -> None:
        self._fs.pwrite(self._fd, piece, self._offset)
        self._crc = zlib.crc32(piece, self._crc)
        self._offset += len(piece)

    def publish(self) -> int:
        """Put it in place of the last one, which stays beside it; returns its size in bytes."""
        fs, dir_fd = self._fs, self._dir_fd
        fs.pwrite(self._fd, head(self.seq, self._crc), 0)
        fs.fsync(self._fd)
        fs.close(self._fd)
        self._fd = -1
        with contextlib.suppress(FileNotFoundError):
            fs.unlink(PREVIOUS, dir_fd=dir_fd)
        with contextlib.suppress(FileNotFoundError):
            # A second name, so that there is a snapshot under the first one at every moment.
            fs.link(SNAPSHOT, PREVIOUS, src_dir_fd=dir_fd, dst_dir_fd=dir_fd)
        fs.rename(TEMPORARY, SNAPSHOT, src_dir_fd=dir_fd, dst_dir_fd=dir_fd)
        fs.fsync(dir_fd)
        return self._offset

    def abandon(self) -> None:
        """Give up; the last snapshot stays."""
        if self._fd >= 0:
            fd, self._fd = self._fd, -1
            with contextlib.suppress(OSError):
                self._fs.close(fd)
                self._fs.unlink(TEMPORARY, dir_fd=self._dir_fd)
