"""The saved queue: its tables, read once at the start and written as things happen."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from engine.errors import Condition, StateUnsafe
from engine.local.fsops import FsOps
from engine.model import Checkpoint, ConfirmedPart, ConnectionId, OperationId, TransferId
from engine.pace.clock import Clock
from engine.state import codec
from engine.state.frames import Doc, Op, Tables
from engine.state.journal import StateDB
from engine.state.loading import load
from engine.state.lock import current_owner
from engine.state.records import (
    FinishedItem,
    Owed,
    SavedItem,
    SavedOperation,
    finished_doc,
    finished_of,
    item_doc,
    item_of,
    operation_doc,
    operation_of,
    owed_doc,
    owed_of,
    part_key,
    part_of,
)

__all__ = [
    "FinishedItem",
    "Loaded",
    "Owed",
    "ReadState",
    "SavedItem",
    "SavedOperation",
    "Store",
    "read_state",
]

HISTORY_ITEMS = 10_000
_TRIM_AT = HISTORY_ITEMS + 1000
_ID_BLOCK = 10_000
"""Ids are set aside in blocks: after a crash the rest of a block is never used."""

V = TypeVar("V")


@dataclass(slots=True)
class Loaded:
    """What was on record at the start."""

    items: list[SavedItem] = field(default_factory=list)
    """By rank."""
    parts: dict[TransferId, dict[int, ConfirmedPart]] = field(default_factory=dict)
    operations: list[SavedOperation] = field(default_factory=list)
    held: bool = False
    owed: list[Owed] = field(default_factory=list)
    notices: tuple[str, ...] = ()
    """What was damaged and what became of it, in words."""


@dataclass(slots=True)
class ReadState:
    """The saved queue as somebody else sees it."""

    loaded: Loaded
    history: list[FinishedItem]
    """Newest first."""
    owner: tuple[str, int] | None
    """Host and process that own it now."""


class Store:
    """See the methods; all are safe from any thread and return within microseconds, but `flush` and `close`.

    Writing methods return the number of their record, for `flush`, and raise Condition
    ``state-unsaved`` where the record could not be written; then nothing was changed.

    Tables: ``meta`` (id 1: ``format``, ``next_id``: int, ``held``: bool), ``operations``,
    ``transfers``, ``checkpoints`` (by the item's id), ``parts`` (see `records.part_key`),
    ``history``, ``cleanup``. Fields and units: `records`, `codec`.
    """

    def __init__(self, db: StateDB) -> None:
        """Use `open`."""
        self._db, self._journal = db, db.journal
        meta = self._journal.tables.get("meta", {}).get("1", {})
        self._next_id = self._set_aside = codec.number(meta, "next_id", 1)
        self._held = codec.flag(meta, "held")
        self._parts_of: dict[TransferId, set[int]] = {}
        """Numbers of the parts on record, so that an item's parts are found without a search."""
        self.loaded = decode(self._journal.tables, list(self._journal.loaded.notices))
        for id, parts in self.loaded.parts.items():
            self._parts_of[id] = set(parts)

    @classmethod
    def open(cls, state_dir: str, *, fs: FsOps | None = None, clock: Clock | None = None) -> Store:
        """Own the folder and read what is in it.

        Raises:
            StateLocked: Another process owns it.
            StateUnsafe, StateDamaged, StateTooNew: It cannot be used; nothing was changed.
        """
        return cls(StateDB(os.path.abspath(state_dir), fs=fs))

    # -- ids ---------------------------------------------------------------------------------------

    def new_ids(self, count: int) -> range:
        """So many ids that were never used before, by any run."""
        with self._journal.lock:
            first = self._next_id
            self._next_id += count
            ends_at, is_short = self._next_id, self._next_id > self._set_aside
        if is_short:
            # On record before they are used: the ids of a run that crashed are not given out again.
            self._set_aside = ends_at + _ID_BLOCK
            self._journal.commit([("meta", "1", self._meta())])
        return range(first, first + count)

    def _meta(self) -> Doc:
        return {"format": 1, "next_id": self._set_aside, "held": self._held}

    def set_held(self, held: bool) -> int:
        """The hold on the whole queue."""
        self._held = held
        return self._journal.commit([("meta", "1", self._meta())])

    # -- operations and items ------------------------------------------------------------------------

    def add(self, operation: SavedOperation | None, items: Sequence[SavedItem]) -> int:
        """New items, and their operation, in one transaction."""
        ops: list[Op] = [("transfers", str(item.id), item_doc(item)) for item in items]
        if operation is not None:
            ops.insert(0, ("operations", str(operation.id), operation_doc(operation)))
        return self._journal.commit(ops)

    def save_operation(self, operation: SavedOperation) -> int:
        """As it is now."""
        return self._journal.commit([("operations", str(operation.id), operation_doc(operation))])

    def drop_operation(self, id: OperationId) -> int:
        """Nothing of it is left to do."""
        if str(id) not in self._journal.tables.get("operations", {}):
            return self._journal.seq
        return self._journal.commit([("operations", str(id), None)])

    def save(self, item: SavedItem) -> int:
        """As it is now, its checkpoint included."""
        return self.save_many((item,))

    def save_many(self, items: Iterable[SavedItem]) -> int:
        """As they are now, in one transaction."""
        ops: list[Op] = []
        for item in items:
            ops.append(("transfers", str(item.id), item_doc(item)))
            ops += self._checkpoint_ops(item.id, item.checkpoint)
        return self._journal.commit(ops)

    # -- checkpoints ---------------------------------------------------------------------------------

    def save_checkpoint(self, id: TransferId, checkpoint: Checkpoint, *, drop_parts: bool = False) -> int:
        """All that a later run of this item needs."""
        ops = self._checkpoint_ops(id, checkpoint)
        if drop_parts:
            ops += self._drop_parts(id)
        return self._journal.commit(ops)

    def _checkpoint_ops(self, id: TransferId, checkpoint: Checkpoint) -> list[Op]:
        doc, key = codec.checkpoint_doc(checkpoint), str(id)
        if not doc and key not in self._journal.tables.get("checkpoints", {}):
            return []
        return [("checkpoints", key, doc)]

    def confirm(self, id: TransferId, part: ConfirmedPart) -> int:
        """A part that server or disk have."""
        return self.confirm_many(id, (part,))

    def confirm_many(self, id: TransferId, parts: Iterable[ConfirmedPart]) -> int:
        """Several, in one transaction."""
        ops: list[Op] = []
        numbers = self._parts_of.setdefault(id, set())
        for part in parts:
            numbers.add(part.number)
            ops.append(("parts", part_key(id, part.number), codec.part_doc(id, part)))
        return self._journal.commit(ops)

    def forget(self, id: TransferId, number: int) -> int:
        """A part that is missing or differs."""
        self._parts_of.get(id, set()).discard(number)
        return self._journal.commit([("parts", part_key(id, number), None)])

    def _drop_parts(self, id: TransferId) -> list[Op]:
        return [("parts", part_key(id, number), None) for number in self._parts_of.pop(id, ())]

    # -- the end of items ----------------------------------------------------------------------------

    def finish(self, items: Sequence[FinishedItem]) -> int:
        """Into history, and out of everything else, in one transaction."""
        tables = self._journal.tables
        ops: list[Op] = []
        for item in items:
            key = str(item.id)
            ops.append(("transfers", key, None))
            if key in tables.get("checkpoints", {}):
                ops.append(("checkpoints", key, None))
            ops += self._drop_parts(item.id)
            ops.append(("history", key, finished_doc(item)))
        history = tables.get("history", {})
        if len(history) + len(items) > _TRIM_AT:
            oldest = list(history)[: len(history) + len(items) - HISTORY_ITEMS]
            ops += [("history", key, None) for key in oldest]
        return self._journal.commit(ops)

    def history(self, limit: int = HISTORY_ITEMS) -> list[FinishedItem]:
        """Newest first."""
        with self._journal.lock:
            docs = list(self._journal.tables.get("history", {}).items())
        return _history(docs, limit, [])

    # -- debts ---------------------------------------------------------------------------------------

    def owe(self, kind: str, connection: ConnectionId | None, subject: str, detail: str) -> int:
        """Put a clean-up on record; returns the number of the debt."""
        id = self.new_ids(1)[0]
        self._journal.commit([("cleanup", str(id), owed_doc(Owed(id, kind, connection, subject, detail)))])
        return id

    def owed(self) -> list[Owed]:
        """What is on record."""
        with self._journal.lock:
            docs = list(self._journal.tables.get("cleanup", {}).items())
        return [owed_of(id, doc) for id, doc in docs]

    def settle(self, id: int) -> int:
        """It is done."""
        if str(id) not in self._journal.tables.get("cleanup", {}):
            return self._journal.seq
        return self._journal.commit([("cleanup", str(id), None)])

    # -- the disk ------------------------------------------------------------------------------------

    @property
    def durable_seq(self) -> int:
        """Everything up to this record would survive a power cut."""
        return self._journal.durable_seq

    @property
    def problem(self) -> str:
        """Why nothing can be saved; empty if it can."""
        return self._journal.problem

    def request_sync(self) -> None:
        """Sync now rather than within a second; does not wait."""
        self._journal.request_sync()

    def flush(self, seq: int | None = None, timeout: float = 30.0) -> bool:
        """Wait until everything up to `seq` is on disk; false if that takes too long or fails."""
        return self._journal.flush(seq, timeout)

    def close(self, timeout: float = 5.0) -> None:
        """Sync, and give the folder free. Idempotent."""
        if self._set_aside != self._next_id:
            # Ids that were set aside and not used are given back; after a crash they are not.
            self._set_aside = self._next_id
            with contextlib.suppress(Condition):
                self._journal.commit([("meta", "1", self._meta())])
        self._journal.shut(timeout)


# -- reading ---------------------------------------------------------------------------------------


def decode(tables: Tables, notices: list[str]) -> Loaded:
    """The tables as values. What cannot be decoded stays on disk, and is named."""
    loaded = Loaded()
    meta = tables.get("meta", {}).get("1", {})
    loaded.held = codec.flag(meta, "held")
    checkpoints = tables.get("checkpoints", {})

    def item(id: str, doc: Doc) -> SavedItem:
        return item_of(id, doc, checkpoints.get(id))

    loaded.items = _each("item", tables.get("transfers", {}).items(), item, notices)
    loaded.items.sort(key=lambda item: (item.rank, item.id))
    loaded.operations = _each("operation", tables.get("operations", {}).items(), operation_of, notices)
    loaded.owed = _each("clean-up", tables.get("cleanup", {}).items(), owed_of, notices)
    for id, part in _each("part", tables.get("parts", {}).items(), lambda _, doc: part_of(doc), notices):
        loaded.parts.setdefault(id, {})[part.number] = part
    loaded.notices = tuple(notices)
    return loaded


def _each(
    what: str, docs: Iterable[tuple[str, Doc]], decoded: Callable[[str, Doc], V], notices: list[str]
) -> list[V]:
    values = []
    for id, doc in docs:
        try:
            values.append(decoded(id, doc))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            notices.append(f"{what} {id} of the saved queue cannot be read and is left alone: {error}")
    return values


def _history(docs: list[tuple[str, Doc]], limit: int, notices: list[str]) -> list[FinishedItem]:
    return _each("finished item", docs[::-1][:limit], finished_of, notices)


def read_state(state_dir: str, fs: FsOps | None = None) -> ReadState:
    """Look at a saved queue without owning it; changes nothing, also while another process writes.

    Raises:
        StateDamaged, StateTooNew: It cannot be read.
    """
    fs, path = fs or FsOps(), os.path.abspath(state_dir)
    try:
        dir_fd = fs.open(path, os.O_RDONLY | os.O_DIRECTORY)
    except FileNotFoundError:
        return ReadState(Loaded(), [], None)
    except OSError as error:
        raise StateUnsafe(f"the state folder {path} cannot be read: {error.strerror}") from error
    try:
        for attempt in range(5):
            try:
                state = load(dir_fd, path, fs)
                break
            except FileNotFoundError:
                # The owner put another snapshot in place between listing and reading.
                if attempt == 4:
                    raise
        notices = list(state.notices)
        loaded = decode(state.tables, notices)
        history = _history(list(state.tables.get("history", {}).items()), HISTORY_ITEMS, notices)
        return ReadState(loaded, history, current_owner(path, fs))
    finally:
        fs.close(dir_fd)
