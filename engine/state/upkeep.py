"""The thread behind the journal: it syncs in groups, writes snapshots, and begins anew after an error."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from typing import TYPE_CHECKING

from engine.errors import StateUnsafe
from engine.pace.threads import start
from engine.state.compaction import SnapshotWriter
from engine.state.loading import PREVIOUS, segment_name
from engine.state.segment import Segment, sync_folder

if TYPE_CHECKING:
    from engine.state.storage import JournalStorage

log = logging.getLogger(__name__)

_BREATH = 0.001
"""Seconds between two slices of a snapshot, so that transfers get their turn."""
_COMPACT_AGAIN = 60.0
"""Seconds until a snapshot that could not be written is tried again."""


class Upkeep:
    """One per storage. `request` and `stop` are for any thread; all else is the upkeep thread's own.

    A descriptor on which a sync failed is never synced again: the kernel may have dropped what it
    could not write, and a second sync would say that all is well. Then the whole queue is written
    from memory into a new snapshot, before a new segment.
    """

    def __init__(self, storage: JournalStorage) -> None:
        self._storage, self._fs = storage, storage.fs
        self.failures = 0
        """How often saving failed. Written under the lock."""
        self._is_wanted = True
        """There is something that was left unsynced, perhaps, by who was here before."""
        self._is_stopping = False
        loaded = storage.loaded
        self._segments = [first for first, _ in loaded.segments]
        self._retired: list[Segment] = []
        """Left for a newer one, not yet synced."""
        self._is_folder_dirty = True
        self._snapshot_seq = loaded.snapshot_seq
        self._snapshot_bytes = loaded.snapshot_bytes
        self._journal_bytes = loaded.replayed_bytes
        """Of the segments before the current one since the snapshot."""
        self._is_snapshot_good = not loaded.is_snapshot_bad
        self._is_migrating = loaded.needs_rewrite
        self._must_compact = loaded.has_holes or self._is_migrating
        self._compact_after = 0.0
        self._writer: SnapshotWriter | None = None
        self._thread = threading.Thread(target=self._run, name="s3tui-journal", daemon=True)

    def start(self) -> None:
        """Open a segment, put right what is not, and start the thread."""
        self._open_segment()
        if self._must_compact:
            self.work()
            while self._writer is not None:
                self.work()
        if self._must_compact and self._is_migrating:
            path, problem = self._storage.path, self._storage.problem or "disk error"
            raise StateUnsafe(f"the queue in {path} cannot be brought to the present format: {problem}")
        if self._storage.rhythm.starts_thread:
            start(self._thread, operation="open the saved queue")

    def request(self, *, snapshot: bool = False) -> int:
        """Work now; does not wait. Returns how often saving failed so far."""
        with self._storage.lock:
            self._must_compact = self._must_compact or snapshot
            self._is_wanted = True
            self._storage.wake.notify()
            return self.failures

    def stop(self, timeout: float) -> bool:
        """Do a last round and end; true when the thread is over."""
        storage = self._storage
        with storage.lock:
            self._is_stopping = True
            storage.wake.notify()
        if not storage.rhythm.starts_thread:
            self._last_round()
            return True
        self._thread.join(timeout)
        return not self._thread.is_alive()

    # -- the thread --------------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._wait():
            self.work()
        self._last_round()

    def _wait(self) -> bool:
        """Until there is something to do; true when it is to end."""
        storage, rhythm = self._storage, self._storage.rhythm
        with storage.lock:
            if not self._is_wanted and not self._is_stopping:
                if self._writer is not None:
                    storage.wake.wait(_BREATH)
                else:
                    until = time.monotonic() + (
                        rhythm.retry_seconds if storage.problem else rhythm.sync_seconds
                    )
                    while not self._is_wanted and not self._is_stopping and time.monotonic() < until:
                        storage.wake.wait(max(0.0, until - time.monotonic()))
            self._is_wanted = False
            return self._is_stopping

    def work(self) -> None:
        """One round: heal, sync, go on with a snapshot."""
        storage = self._storage
        storage.close_discarded()
        was_broken = storage.segment is None
        try:
            if was_broken:
                self._begin_anew()
            elif storage.problem:
                with storage.lock:
                    storage.probe()
            self._sync()
        except Exception as error:
            self._fail(error, was_broken)
            return
        try:
            self._go_on_with_snapshot()
        except Exception as error:
            log.warning("the journal is not compacted: %s", error, exc_info=not isinstance(error, OSError))
            self._drop_writer()
            self._compact_after = time.monotonic() + _COMPACT_AGAIN

    def _fail(self, error: Exception, was_broken: bool) -> None:
        """Nothing that was written since the last sync is sure to be on disk."""
        if not isinstance(error, OSError):
            log.error("the journal's upkeep failed", exc_info=error)
        storage = self._storage
        self._drop_writer()
        with storage.lock:
            storage.distrust_segment()
            storage.set_problem(error)
            if was_broken:
                self.failures += 1
                storage.synced.notify_all()
            else:
                self._is_wanted = True  # try at once, on new descriptors

    def _last_round(self) -> None:
        self._drop_writer()
        storage = self._storage
        if storage.segment is None or storage.problem or self._is_dirty():
            self._compact_after = time.monotonic() + _COMPACT_AGAIN  # an exit waits for no snapshot
            self.work()
            self._drop_writer()
        while self._retired:
            self._retired.pop().close()

    # -- syncing -----------------------------------------------------------------------------------

    def _is_dirty(self) -> bool:
        return self._storage.seq > self._storage.durable_seq or self._is_folder_dirty or bool(self._retired)

    def _sync(self) -> None:
        """Everything written so far is on disk afterwards."""
        storage = self._storage
        with storage.lock:
            seq, segment = storage.seq, storage.segment
        if not self._is_dirty() or segment is None:
            return
        while self._retired:
            self._fs.fdatasync(self._retired[0].fd)
            self._retired.pop(0).close()
        self._fs.fdatasync(segment.fd)
        if self._is_folder_dirty:
            sync_folder(storage.dir_fd, self._fs)
            self._is_folder_dirty = False
        with storage.lock:
            storage.durable_seq = max(storage.durable_seq, seq)
            storage.synced.notify_all()

    def _open_segment(self) -> None:
        """Go on with the last segment, or begin one. Its descriptor is new, so a sync of it is to be believed."""
        storage, loaded = self._storage, self._storage.loaded
        try:
            if self._segments and not loaded.has_holes and not loaded.needs_rewrite:
                good = loaded.tail[1] if loaded.tail is not None else None
                storage.segment = Segment.resume(self._segments[-1], good, storage.dir_fd, self._fs)
                self._journal_bytes -= storage.segment.size
            else:
                self._begin_segment()
        except OSError as error:
            self._fail(error, was_broken=False)

    def _begin_segment(self) -> None:
        """The coming records go into a new segment."""
        storage = self._storage
        with storage.lock:
            first = storage.seq + 1
            old = storage.segment
            storage.segment = Segment.begin(first, storage.dir_fd, self._fs)
            self._is_folder_dirty = True
            self._segments = [number for number in self._segments if number != first] + [first]
            if old is not None:
                self._journal_bytes += old.size
                self._retired.append(old)

    def _begin_anew(self) -> None:
        """After an error: the whole queue into a new snapshot, on new descriptors.

        Nothing is taken in meanwhile: `storage.segment` stays ``None`` until all is on disk.
        """
        storage = self._storage
        self._drop_writer()
        for segment in self._retired:
            segment.close()
        self._retired.clear()
        with storage.lock:
            seq = storage.seq
            self._writer = SnapshotWriter(storage.tables.freeze(), seq, storage.dir_fd, self._fs)
        while not self._writer.step():
            pass
        self._publish()
        with storage.lock:
            self._begin_segment()
            # The previous snapshot cannot be brought up to date: the lines between may be the lost ones.
            # A second one makes this the previous one.
            self._must_compact = True
            storage.durable_seq = seq
            storage.clear_problem()
            storage.synced.notify_all()

    # -- snapshots ---------------------------------------------------------------------------------

    def _go_on_with_snapshot(self) -> None:
        """Begin one where it is time, or write its next slice, or put it in place."""
        storage = self._storage
        if self._writer is None:
            with storage.lock:
                is_merged = storage.tables.merge()
            if not is_merged:
                self.request()
            elif self._is_time():
                self._begin_snapshot()
        elif self._writer.step():
            self._publish()

    def _is_time(self) -> bool:
        storage = self._storage
        if storage.segment is None or storage.problem or time.monotonic() < self._compact_after:
            return False
        size = self._journal_bytes + storage.segment.size
        rhythm = storage.rhythm
        return self._must_compact or size > max(
            rhythm.compact_bytes, rhythm.compact_ratio * self._snapshot_bytes
        )

    def _begin_snapshot(self) -> None:
        storage = self._storage
        with storage.lock:
            if storage.segment is not None and storage.segment.first <= storage.seq:
                self._begin_segment()
            seq = storage.seq
            self._writer = SnapshotWriter(storage.tables.freeze(), seq, storage.dir_fd, self._fs)

    def _publish(self) -> None:
        """Put the snapshot in place, and drop the segments that the one before it does not need."""
        writer, storage = self._writer, self._storage
        assert writer is not None
        size = writer.publish(keep_last=self._is_snapshot_good)
        self._drop_writer()
        before, self._snapshot_seq, self._snapshot_bytes = self._snapshot_seq, writer.seq, size
        self._journal_bytes = 0
        self._is_snapshot_good, self._must_compact = True, False
        if self._is_migrating:
            # The previous snapshot is of the old format, and no line of this one fits to it.
            before, self._is_migrating = writer.seq, False
            with contextlib.suppress(FileNotFoundError):
                self._fs.unlink(PREVIOUS, dir_fd=storage.dir_fd)
        covered = [a for a, b in zip(self._segments, self._segments[1:], strict=False) if b <= before + 1]
        for first in covered:
            with contextlib.suppress(FileNotFoundError):
                self._fs.unlink(segment_name(first), dir_fd=storage.dir_fd)
            self._segments.remove(first)

    def _drop_writer(self) -> None:
        if self._writer is not None:
            self._writer.abandon()
            self._writer = None
        with self._storage.lock:
            self._storage.tables.thaw()
