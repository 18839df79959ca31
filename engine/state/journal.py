"""TinyDB on a journal: a change costs one appended line, whatever the size of the whole.

Stock TinyDB storage rewrites the whole file in place at every change. Here a transaction is one
line with a checksum, written with one system call; a thread syncs lines in groups, and now and
then replaces them by a snapshot that stock TinyDB can open.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tinydb import TinyDB
from tinydb.storages import Storage
from tinydb.table import Table

from engine.errors import Condition
from engine.local.fsops import FsOps
from engine.state.compaction import Compaction
from engine.state.frames import Op, Tables, pack
from engine.state.loading import LoadedState, load, segment_name
from engine.state.lock import StateLock, open_state_dir
from engine.state.views import TableView

log = logging.getLogger(__name__)

SYNC_SECONDS = 1.0
"""Records that nobody waits for are synced within this time."""
RETRY_SECONDS = 5.0
"""After an error the state folder is tried again this often."""
COMPACT_BYTES = 4 * 1024 * 1024
"""A journal shorter than this is never compacted while in use."""


class JournalStorage(Storage):
    """The folder of one state, owned for as long as it is open.

    Guarantees:
        `commit` is safe from any thread, costs microseconds and never waits for the disk's cache
        to be emptied. `lock` guards the tables, the sequence number and the descriptors; it is a
        leaf. The sync thread syncs outside of it. A transaction is either wholly in memory and in
        the journal, or in neither.

    Raises:
        StateLocked, StateUnsafe, StateDamaged, StateTooNew: See `errors`.
    """

    def __init__(self, path: str, *, fs: FsOps | None = None, compact_bytes: int = COMPACT_BYTES) -> None:
        super().__init__()
        self.path, self.fs = path, fs or FsOps()
        self._compact_bytes = compact_bytes
        self.lock = threading.Lock()
        self._wake = threading.Condition(self.lock)
        """The sync thread waits for it."""
        self._synced = threading.Condition(self.lock)
        """Whoever waits for the sync thread waits for it."""
        self._dir_fd = open_state_dir(path, self.fs)
        self._lock_file = StateLock(path, self._dir_fd, self.fs)
        self._wal_fd = -1
        try:
            self._lock_file.take()
            self.loaded: LoadedState = load(self._dir_fd, path, self.fs)
            self._mend()
            self._open_segment()
        except BaseException:
            self._lock_file.release()
            self.fs.close(self._dir_fd)
            raise
        self.tables: Tables = self.loaded.tables
        self.seq = self.loaded.seq
        self.durable_seq = self.seq
        """Everything up to here is on disk. Written by the sync thread, read by anyone without lock."""
        self.problem = ""
        """Why nothing can be saved; empty if it can. Read by anyone without lock."""
        self._wants_sync = self._is_closing = self._is_closed = False
        self._is_suspect = False
        """A sync failed: what was written through that descriptor may be lost, whatever a second says."""
        self._compaction: Compaction | None = None
        self._snapshot_bytes = 0
        self._thread = threading.Thread(target=self._run, name="s3tui-journal", daemon=True)
        self._thread.start()

    # -- opening -----------------------------------------------------------------------------------

    def _mend(self) -> None:
        """Keep a copy of what is damaged, and cut a torn tail off."""
        fs, state = self.fs, self.loaded
        for name in state.damaged:
            kept = f"{name}.corrupt-{int(time.time())}"
            with contextlib.suppress(FileExistsError):
                fs.link(name, kept, src_dir_fd=self._dir_fd, dst_dir_fd=self._dir_fd)
            state.notices.append(f"the damaged file is kept as {kept}")
        if state.torn is not None:
            name, good = state.torn
            fd = fs.open(name, os.O_RDWR | os.O_NOFOLLOW, dir_fd=self._dir_fd)
            try:
                fs.ftruncate(fd, good)
                fs.fdatasync(fd)
            finally:
                fs.close(fd)

    def _open_segment(self) -> None:
        """Go on with the last segment, or begin the first. A damaged one is not written any more."""
        segments, state = self.loaded.segments, self.loaded
        if segments and segments[-1][1] not in state.damaged:
            name = segments[-1][1]
        else:
            name = segment_name(state.seq + 1)
            segments.append((state.seq + 1, name))
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW
        self._wal_fd = self.fs.open(name, flags, 0o600, dir_fd=self._dir_fd)
        self._wal_bytes = self.fs.fstat(self._wal_fd).st_size
        self.segments = segments
        self.fs.fsync(self._dir_fd)

    # -- as TinyDB's storage -------------------------------------------------------------------------

    def read(self) -> Any:
        """The live tables; no I/O. Whoever changes them does so by `commit`."""
        return self.tables

    def write(self, data: Mapping[str, Mapping[str, Any]]) -> None:
        """Make the tables equal to `data` (TinyDB uses it for dropping tables only)."""
        ops: list[Op] = []
        for table in {*self.tables, *data}:
            old, new = self.tables.get(table, {}), data.get(table, {})
            ops += [(table, id, None) for id in old if id not in new]
            ops += [(table, id, dict(doc)) for id, doc in new.items() if old.get(id) != doc]
        self.commit(ops)

    def close(self) -> None:
        """See `shut`."""
        self.shut(5.0)

    # -- writing -----------------------------------------------------------------------------------

    def commit(self, ops: Sequence[Op]) -> int:
        """One transaction; returns its sequence number.

        Raises:
            Condition: ``state-unsaved``: it was not written, and nothing was changed.
            TypeError, ValueError: A document holds what JSON cannot.
        """
        with self.lock:
            if not ops:
                return self.seq
            if self._is_closed or self._is_suspect:
                raise self._unsaved(self.problem or "it is closed")
            line = pack(self.seq + 1, list(ops))
            self._append(line)
            self.seq += 1
            for table, id, doc in ops:
                docs = self.tables.setdefault(table, {})
                if doc is None:
                    docs.pop(id, None)
                else:
                    docs[id] = doc
            return self.seq

    def _append(self, line: bytes) -> None:
        """With the lock held: write a line whole, or leave the journal as it was."""
        try:
            count = self.fs.write(self._wal_fd, line)
            if count != len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError as error:
            with contextlib.suppress(OSError):
                self.fs.ftruncate(self._wal_fd, self._wal_bytes)
            self._set_problem(error)
            raise self._unsaved(self.problem) from error
        self._wal_bytes += len(line)
        if self.problem:
            self.problem = ""
            log.info("the state folder can be written again")

    def _set_problem(self, error: OSError) -> None:
        self.problem = error.strerror or type(error).__name__
        log.error("the state folder cannot be written: %s", self.problem)
        self._wake.notify()

    def _unsaved(self, detail: str) -> Condition:
        return Condition(
            "state-unsaved",
            ("state", self.path),
            operation="save the queue in",
            subject=self.path,
            detail=detail,
        )

    def request_sync(self) -> None:
        """Sync now rather than within a second; does not wait."""
        with self.lock:
            self._wants_sync = True
            self._wake.notify()

    def flush(self, seq: int | None = None, timeout: float = 30.0) -> bool:
        """Return true when everything up to `seq` is on disk, false if that takes too long or fails."""
        until = time.monotonic() + timeout
        with self.lock:
            wanted = self.seq if seq is None else seq
            while self.durable_seq < wanted:
                self._wants_sync = True
                self._wake.notify()
                left = until - time.monotonic()
                if left <= 0 or self._is_closed or self._is_suspect:
                    return False
                self._synced.wait(min(left, 1.0))
            return True

    # -- the sync thread -----------------------------------------------------------------------------

    def _run(self) -> None:
        while True:
            with self.lock:
                self._wait_for_work()
                is_closing = self._is_closing
                seq, fd = self.seq, self._wal_fd
            if self._is_suspect:
                self._rebuild()
            elif self.problem:
                self._try_again()
            if seq > self.durable_seq and not self._is_suspect:
                self._sync(fd, seq)
            if is_closing:
                return
            self._compact_a_little()

    def _wait_for_work(self) -> None:
        """With the lock held."""
        if self._is_closing or self._wants_sync:
            self._wants_sync = False
            return
        if self._compaction is not None:
            self._wake.wait(0.002)  # leave the lock to others between two slices
        elif self.problem:
            self._wake.wait(RETRY_SECONDS)
        elif self.seq > self.durable_seq:
            self._wake.wait(SYNC_SECONDS)
        else:
            # Nothing to do until somebody asks; the first change is synced within a second.
            self._wake.wait(SYNC_SECONDS)
        self._wants_sync = False

    def _sync(self, fd: int, seq: int) -> None:
        try:
            self.fs.fdatasync(fd)
        except OSError as error:
            with self.lock:
                self._is_suspect = True
                self._set_problem(error)
                self._synced.notify_all()
            return
        with self.lock:
            self.durable_seq = max(self.durable_seq, seq)
            self._synced.notify_all()

    def _try_again(self) -> None:
        """See whether the folder can be written; an empty transaction tells."""
        with self.lock, contextlib.suppress(Condition):
            self._append(pack(self.seq + 1, []))
            self.seq += 1

    def _rebuild(self) -> None:
        """After a failed sync: everything anew, on new descriptors."""
        try:
            with self.lock:
                old = self._rotate()
                if old >= 0:
                    self.fs.close(old)
                if self._compaction is not None:
                    self._compaction.abandon()
                    self._compaction = None
                compaction = Compaction(self.tables, self.lock, self.seq, self._dir_fd, self.fs)
                compaction.run_locked()
                self._finish(compaction)
                self._is_suspect = False
                self.problem = ""
                self.durable_seq = self.seq
                self._synced.notify_all()
        except OSError as error:
            with self.lock:
                self._set_problem(error)

    # -- compaction --------------------------------------------------------------------------------

    def _compact_a_little(self) -> None:
        """Begin one, or write its next slice, or put it in place."""
        try:
            if self._compaction is None:
                if self._wal_bytes <= max(self._compact_bytes, 2 * self._snapshot_bytes) or self.problem:
                    return
                self._sync(self._wal_fd, self.seq)
                with self.lock:
                    old = self._rotate()
                    self._compaction = Compaction(self.tables, self.lock, self.seq, self._dir_fd, self.fs)
                self._retire(old)
            elif self._compaction.step():
                # The snapshot may hold what came after it began: the journal must be as safe as that.
                with self.lock:
                    seq, fd = self.seq, self._wal_fd
                self._sync(fd, seq)
                if not self._is_suspect:
                    self._finish(self._compaction)
                    self._compaction = None
        except OSError as error:
            log.warning("compacting the journal: %s", error.strerror)
            if self._compaction is not None:
                self._compaction.abandon()
                self._compaction = None
            self._snapshot_bytes = max(self._snapshot_bytes, self._wal_bytes)  # not again at once

    def _rotate(self) -> int:
        """With the lock held: the coming records go into a new segment. Returns the old descriptor, or -1."""
        first = self.seq + 1
        if self.segments[-1][0] == first:
            if not self._is_suspect:
                return -1
            self.seq, first = self.seq + 1, first + 1
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_EXCL | os.O_NOFOLLOW
        fd = self.fs.open(segment_name(first), flags, 0o600, dir_fd=self._dir_fd)
        old, self._wal_fd, self._wal_bytes = self._wal_fd, fd, 0
        self.segments.append((first, segment_name(first)))
        return old

    def _retire(self, fd: int) -> None:
        """Sync the segment that was left, and the new one's name. Only the sync thread syncs: in this order."""
        if fd < 0:
            return
        try:
            self.fs.fdatasync(fd)
            self.fs.fsync(self._dir_fd)
        except OSError as error:
            with self.lock:
                self._is_suspect = True
                self._set_problem(error)
        finally:
            self.fs.close(fd)

    def _finish(self, compaction: Compaction) -> None:
        """Put the snapshot in place; drop the segments that the one before it does not need."""
        self._snapshot_bytes = compaction.publish()
        previous = self.loaded.snapshot_seq
        self.loaded.snapshot_seq = compaction.seq
        keep = [s for i, s in enumerate(self.segments) if not self._is_covered(i, previous)]
        for first, name in self.segments:
            if (first, name) not in keep:
                with contextlib.suppress(FileNotFoundError):
                    self.fs.unlink(name, dir_fd=self._dir_fd)
        self.segments = keep

    def _is_covered(self, index: int, seq: int) -> bool:
        """All records of a segment are in the snapshot with this number."""
        return index + 1 < len(self.segments) and self.segments[index + 1][0] <= seq + 1

    # -- the end -----------------------------------------------------------------------------------

    def shut(self, timeout: float) -> None:
        """Sync, and give the folder free. Idempotent."""
        with self.lock:
            if self._is_closed:
                return
            self._is_closing = True
            self._wake.notify()
        self._thread.join(timeout)
        with self.lock:
            self._is_closed = True
            self._synced.notify_all()
            if self._compaction is not None:
                self._compaction.abandon()
            if not self._thread.is_alive():
                # A thread that hangs in the kernel keeps its descriptors: others could get their numbers.
                self.fs.close(self._wal_fd)
                self.fs.close(self._dir_fd)
                self._lock_file.release()


class JournalTable(Table):
    """A TinyDB table whose changes become journal records."""

    _storage: JournalStorage

    def _read_table(self) -> dict[str, Mapping[str, Any]]:
        return self._storage.tables.get(self.name, {})  # type: ignore[return-value]

    def _update_table(self, updater: Callable[[dict[int, Mapping[str, Any]]], None]) -> None:
        view = TableView(self._storage.tables.get(self.name, {}))
        updater(view)  # type: ignore[arg-type]
        self._storage.commit(view.ops(self.name))
        self.clear_cache()


class StateDB(TinyDB):
    """TinyDB on a journal."""

    table_class = JournalTable
    default_storage_class = JournalStorage  # type: ignore[assignment]

    @property
    def journal(self) -> JournalStorage:
        """The storage itself: transactions over several tables, syncing."""
        storage = self.storage
        assert isinstance(storage, JournalStorage)
        return storage
