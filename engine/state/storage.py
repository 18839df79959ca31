"""The folder of one saved queue: transactions in, files out."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tinydb.storages import Storage

from engine.errors import Condition, StateDamaged, StateUnsafe
from engine.local.fsops import FsOps
from engine.pace.clock import Clock, SystemClock
from engine.state.frames import Op, decode_doc, encode, pack
from engine.state.loading import LoadedState, load
from engine.state.lock import StateLock, open_state_dir
from engine.state.mending import keep_copies, migrate
from engine.state.segment import Segment
from engine.state.tables import Tables
from engine.state.upkeep import Upkeep
from engine.state.views import DocsView, same_docs

log = logging.getLogger(__name__)

ID_BLOCK = 1000
"""Ids are set aside on record in blocks: after a crash the rest of a block is never used."""
COUNTER_ID = "2"
"""Of the document in ``meta`` that holds the counter."""
_AFTER_A_LOSS = 100 * ID_BLOCK
"""More than the ids whose records may have been lost."""


@dataclass(frozen=True, slots=True)
class Rhythm:
    """When the upkeep thread does what. Seconds and bytes."""

    sync_seconds: float = 1.0
    """Records that nobody waits for are synced within this time."""
    retry_seconds: float = 5.0
    """After an error the folder is tried again this often."""
    compact_bytes: int = 4 * 1024 * 1024
    """A journal shorter than this is left alone."""
    compact_ratio: float = 2.0
    """And so is one shorter than so many times the snapshot."""
    starts_thread: bool = True
    """False for tests, which call `Upkeep.work` themselves."""


_RHYTHM = Rhythm()


class JournalStorage(Storage):
    """The folder of one state, owned for as long as it is open.

    Guarantees:
        `commit` is safe from any thread, costs microseconds whatever the size of the queue, and
        waits for no sync. A transaction is either wholly in memory and in the journal, or in
        neither. What `durable_seq` covers survives a power cut.

    `lock` guards the tables, the numbers and the segment. It is a leaf: nothing outside of this
    package is called while it is held, but TinyDB's updaters. The upkeep thread syncs and writes
    snapshots without holding it.

    Raises:
        StateLocked, StateUnsafe, StateDamaged, StateTooNew: See `errors`.
    """

    def __init__(
        self,
        path: str,
        *,
        fs: FsOps | None = None,
        clock: Clock | None = None,
        rhythm: Rhythm = _RHYTHM,
    ) -> None:
        super().__init__()
        self.path, self.fs, self.rhythm = path, fs or FsOps(), rhythm
        self.clock: Clock = clock or SystemClock()
        self.lock = threading.RLock()
        self.wake = threading.Condition(self.lock)
        """The upkeep thread waits for it."""
        self.synced = threading.Condition(self.lock)
        """Whoever waits for the upkeep thread waits for it."""
        self.dir_fd = open_state_dir(path, self.fs)
        self._lock_file = StateLock(path, self.dir_fd, self.fs)
        self.segment: Segment | None = None
        """``None`` where none can be written: the upkeep thread begins one on new descriptors."""
        self.discarded: list[Segment] = []
        """Not used any more; closed by the upkeep thread, which may be syncing them."""
        self.durable_seq = 0
        """Written by the upkeep thread, read by anyone without the lock."""
        self.problem = ""
        """Why nothing can be saved; empty if it can. Read by anyone without the lock."""
        self.is_closed = False
        self._undo: list[Op] | None = None
        """Of the open transaction: what undoes it."""
        self._collected: list[Op] = []
        try:
            self._lock_file.take()
            self.loaded = self._load()
            self.tables = Tables(self.loaded.tables)
            self.loaded.tables = {}
            self.tables.pack()
            self.seq = self.loaded.seq
            """Of the newest transaction. Written with the lock, read by anyone."""
            self._next_id = self._set_aside = self._first_free_id()
            self.upkeep = Upkeep(self)
            self.upkeep.start()
        except BaseException:
            self._let_go()
            raise

    def _load(self) -> LoadedState:
        try:
            loaded = load(self.dir_fd, self.path, self.fs)
        except FileNotFoundError as error:
            raise StateDamaged(f"the queue in {self.path} is being changed by somebody else") from error
        try:
            keep_copies(loaded, self.dir_fd, self.fs, self.clock.wall())
            migrate(loaded, self.dir_fd, self.fs)
        except OSError as error:
            raise StateUnsafe(
                f"the state folder {self.path} cannot be written: {error.strerror}; its damage was not touched"
            ) from error
        return loaded

    # -- as TinyDB's storage -----------------------------------------------------------------------

    def read(self) -> dict[str, Any]:
        """The tables, whose documents are decoded as they are looked at. No I/O."""
        with self.lock:
            tables = ((name, self.tables.table(name)) for name in self.tables.names())
            return {name: DocsView(table, self.lock) for name, table in tables if len(table)}

    def write(self, data: Mapping[str, Mapping[str, Any]]) -> None:
        """Make the tables equal to `data` (TinyDB does it for dropping tables only)."""
        with self.lock:
            ops: list[Op] = []
            for name in {*self.tables.names(), *data}:
                table, new = self.tables.table(name), data.get(name, {})
                if not same_docs(new, table):
                    texts = {str(int(id)): encode(doc) for id, doc in new.items()}
                    ops += [(name, id, None) for id in table.ids() if id not in texts]
                    ops += [(name, id, text) for id, text in texts.items() if table.get(id) != text]
            self.commit(ops)

    def close(self) -> None:
        """See `shut`."""
        self.shut(5.0)

    # -- transactions ------------------------------------------------------------------------------

    def commit(self, ops: Sequence[Op]) -> int:
        """One transaction; returns its sequence number.

        Raises:
            Condition: ``state-unsaved``: it was not written, and nothing was changed.
        """
        with self.lock:
            if self._undo is not None:
                self._collect(ops)
            elif ops:
                self._append(ops)
                for table, id, text in ops:
                    self.tables.put(table, id, text)
            return self.seq

    def commit_with(self, build: Callable[[Tables], list[Op]]) -> int:
        """As `commit`, of what `build` makes of the tables as they are then."""
        with self.lock:
            return self.commit(build(self.tables))

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """What is committed inside becomes one record at the end; after an exception, nothing of it.

        Other threads wait meanwhile.
        """
        with self.lock:
            if self._undo is not None:
                raise RuntimeError("transactions do not nest")
            undo: list[Op] = []
            self._undo, self._collected = undo, []
            try:
                try:
                    yield
                finally:
                    self._undo = None
                if self._collected:
                    self._append(self._collected)
            except BaseException:
                for table, id, text in reversed(undo):
                    self.tables.put(table, id, text)
                raise

    def _collect(self, ops: Sequence[Op]) -> None:
        assert self._undo is not None
        for table, id, text in ops:
            self._undo.append((table, id, self.tables.table(table).get(id)))
            self.tables.put(table, id, text)
        self._collected += ops

    def _append(self, ops: Sequence[Op]) -> None:
        """With the lock: write a record, or raise and leave everything as it was."""
        if self.is_closed:
            raise self.unsaved("it is closed")
        if self.segment is None:
            raise self.unsaved(self.problem)
        line = pack(self.seq + 1, ops)
        try:
            self.segment.append(line)
        except OSError as error:
            if self.segment.is_torn:
                self.distrust_segment()
                self.upkeep.request()
            self.set_problem(error)
            raise self.unsaved(self.problem) from error
        self.seq += 1
        if self.problem:
            self.clear_problem()

    def probe(self) -> None:
        """With the lock: see whether the folder can be written again; an empty transaction tells."""
        with contextlib.suppress(Condition):
            self._append(())

    def distrust_segment(self) -> None:
        """With the lock: nothing is written to this segment, or believed to be in it, any more."""
        if self.segment is not None:
            self.discarded.append(self.segment)
            self.segment = None

    def close_discarded(self) -> None:
        """By the upkeep thread, or when it is over."""
        while self.discarded:
            self.discarded.pop().close()

    def set_problem(self, error: Exception) -> None:
        """With the lock: say why nothing can be saved."""
        problem = (error.strerror if isinstance(error, OSError) else None) or type(error).__name__
        if problem != self.problem:
            log.error("the state folder cannot be written: %s", problem)
        self.problem = problem

    def clear_problem(self) -> None:
        """With the lock: it can be saved again."""
        if self.problem:
            self.problem = ""
            log.info("the state folder can be written again")

    def unsaved(self, detail: str) -> Condition:
        """The error of a write that cannot be made."""
        return Condition(
            "state-unsaved",
            ("state", self.path),
            operation="save the queue in",
            subject=self.path,
            detail=detail or "the state folder cannot be written",
        )

    # -- ids ---------------------------------------------------------------------------------------

    def new_ids(self, count: int) -> range:
        """So many ids that were never used before, by any run.

        Raises:
            Condition: ``state-unsaved``: none was given out.
        """
        with self.lock:
            first, end = self._next_id, self._next_id + count
            if end > self._set_aside:
                self._set_ids_aside(end + ID_BLOCK)
            self._next_id = end
            return range(first, end)

    def _set_ids_aside(self, end: int) -> None:
        """Put on record that ids up to `end` are taken; by itself, as a transaction may be undone."""
        counter: Op = ("meta", COUNTER_ID, encode({"next_id": end}))
        self._append((counter,))
        self.tables.put(*counter)
        self._set_aside = end

    def _first_free_id(self) -> int:
        """Above every id that was given out, as the counter says, and above every id in use."""
        first = 1
        with contextlib.suppress(ValueError):
            counted = decode_doc(self.tables.table("meta").get(COUNTER_ID) or "{}").get("next_id")
            first = counted if type(counted) is int and counted > 0 else 1
        for name in self.tables.names():
            if name not in ("meta", "parts"):
                first = max(first, 1 + max(map(int, self.tables.table(name).ids()), default=0))
        return first + (_AFTER_A_LOSS if self.loaded.has_holes else 0)

    # -- syncing -----------------------------------------------------------------------------------

    def request_sync(self) -> None:
        """Sync now rather than within a second; does not wait."""
        self.upkeep.request()

    def request_snapshot(self) -> None:
        """Write a snapshot soon, however short the journal is; does not wait."""
        self.upkeep.request(snapshot=True)

    def flush(self, seq: int | None = None, timeout: float = 30.0) -> bool:
        """Return true when everything up to `seq` is on disk, false if that takes too long or fails."""
        until = time.monotonic() + timeout
        with self.lock:
            wanted = self.seq if seq is None else seq
            failures = self.upkeep.request()
            while self.durable_seq < wanted:
                left = until - time.monotonic()
                if left <= 0 or self.is_closed or self.upkeep.failures > failures:
                    return False
                self.synced.wait(min(left, 1.0))
            return True

    def shut(self, timeout: float) -> None:
        """Sync what is left, and let the folder go. Idempotent; returns within `timeout` seconds or so."""
        with self.lock:
            if self.is_closed:
                return
            if self._set_aside != self._next_id:
                # Ids that were set aside and not used are given back; after a crash they are not.
                with contextlib.suppress(Condition):
                    self._set_ids_aside(self._next_id)
        is_over = self.upkeep.stop(timeout)
        with self.lock:
            self.is_closed = True
            self.synced.notify_all()
            if is_over:
                # A thread that hangs in the kernel keeps its descriptors: others would get their numbers.
                self._let_go()

    def _let_go(self) -> None:
        self.distrust_segment()
        self.close_discarded()
        self.fs.close(self.dir_fd)
        self._lock_file.release()
