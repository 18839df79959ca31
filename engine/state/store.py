"""The saved queue: its tables, read once at the start and written as things happen."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Iterable, Sequence
from itertools import islice

from engine.errors import Condition
from engine.local.fsops import FsOps
from engine.model import NO_CHECKPOINT, Checkpoint, ConfirmedPart, ConnectionId, OperationId, TransferId
from engine.pace.clock import Clock
from engine.state import codec
from engine.state.frames import Op, decode_doc, encode
from engine.state.journal import Rhythm, StateDB
from engine.state.reading import (
    HISTORY_ITEMS,
    Loaded,
    ReadState,
    decode_history,
    decode_owed,
    decode_queue,
    flag_of,
    read_state,
    without_gc,
)
from engine.state.records import (
    FinishedItem,
    Owed,
    SavedItem,
    SavedOperation,
    finished_text,
    item_doc,
    operation_doc,
    owed_doc,
    part_key,
    without_trust,
)
from engine.state.tables import Tables, TextTable

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

log = logging.getLogger(__name__)

_TRIM_AT = HISTORY_ITEMS + 1000
"""History is cut to its length only now and then, so that finishing an item costs little."""


class Store:
    """See the methods; all are safe from any thread, and return within microseconds but `flush` and `close`.

    Writing methods return the number of their record, for `flush`, and raise Condition
    ``state-unsaved`` where the record could not be written; then nothing was changed.

    Tables, by id of item or operation unless said otherwise: ``meta`` (1: ``held``, bool; 2:
    ``next_id``, int), ``operations``, ``transfers``, ``checkpoints``, ``parts`` (see
    `records.part_key`), ``history``, ``cleanup`` (by number of the debt). Fields and units: `records`, `codec`.
    """

    def __init__(self, db: StateDB) -> None:
        """Use `open`."""
        self._db, self._journal = db, db.journal
        self._parts_of: dict[TransferId, set[int]] = {}
        """Numbers of the parts on record, so that an item's parts are found without a search.

        Guarded by the journal's lock. May hold numbers that are not on record."""
        self.loaded = Loaded()
        """What was on record at the start, until `forget_loaded`."""
        with self._journal.lock:
            if self._journal.loaded.lost:
                self._distrust()
            self.loaded = decode_queue(self._journal.tables, self._journal.loaded.notices)
        for id, parts in self.loaded.parts.items():
            self._parts_of[id] = set(parts)

    @classmethod
    def open(
        cls,
        state_dir: str,
        *,
        fs: FsOps | None = None,
        clock: Clock | None = None,
        rhythm: Rhythm | None = None,
    ) -> Store:
        """Own the folder and read what is in it.

        Raises:
            StateLocked: Another process owns it.
            StateUnsafe, StateDamaged, StateTooNew: It cannot be used; nothing was changed.
        """
        with without_gc():
            db = StateDB(os.path.abspath(state_dir), fs=fs, clock=clock, rhythm=rhythm or Rhythm())
            try:
                return cls(db)
            except BaseException:
                db.close()
                raise

    def forget_loaded(self) -> None:
        """Let go of the values in `loaded`, but not of the notices: the queue has taken them over."""
        self.loaded = Loaded(notices=self.loaded.notices)

    def _distrust(self) -> None:
        """Records were lost, perhaps those that took these back: parts are checked before they are used."""
        ops: list[Op] = []
        for name in ("parts", "checkpoints"):
            for id, text in self._journal.tables.table(name).items():
                with contextlib.suppress(ValueError):
                    doc = decode_doc(text)
                    if (plain := without_trust(doc)) != doc:
                        ops.append((name, id, encode(plain)))
        with contextlib.suppress(Condition):
            self._journal.commit(ops)
            return
        for op in ops:  # at least for this run
            self._journal.tables.put(*op)

    # -- ids and the hold --------------------------------------------------------------------------

    def new_ids(self, count: int) -> range:
        """So many ids that were never used before, by any run."""
        return self._journal.new_ids(count)

    def set_held(self, held: bool) -> int:
        """The hold on the whole queue."""
        return self._journal.commit((("meta", "1", encode({"held": held})),))

    # -- operations and items ----------------------------------------------------------------------

    def add(self, operation: SavedOperation | None, items: Iterable[SavedItem]) -> int:
        """New items, and their operation, in one transaction."""
        ops = self._item_ops(items)
        if operation is not None:
            ops.insert(0, ("operations", str(operation.id), encode(operation_doc(operation))))
        return self._commit_items(ops)

    def save_operation(self, operation: SavedOperation) -> int:
        """As it is now."""
        return self._journal.commit((("operations", str(operation.id), encode(operation_doc(operation))),))

    def drop_operation(self, id: OperationId) -> int:
        """Nothing of it is left to do."""
        return self._remove("operations", str(id))

    def save(self, item: SavedItem) -> int:
        """As it is now, its checkpoint included."""
        return self._commit_items(self._item_ops((item,)))

    def save_many(self, items: Iterable[SavedItem]) -> int:
        """As they are now, in one transaction."""
        return self._commit_items(self._item_ops(items))

    def _item_ops(self, items: Iterable[SavedItem]) -> list[Op]:
        ops: list[Op] = []
        for item in items:
            key = str(item.id)
            ops.append(("transfers", key, encode(item_doc(item))))
            has_begun = item.checkpoint is not NO_CHECKPOINT
            text = encode(codec.checkpoint_doc(item.checkpoint)) if has_begun else "{}"
            ops.append(("checkpoints", key, text))
        return ops

    def _commit_items(self, ops: list[Op]) -> int:
        """Less empty checkpoints where none is on record."""

        def needed(tables: Tables) -> list[Op]:
            known = tables.table("checkpoints")
            return [op for op in ops if op[0] != "checkpoints" or op[2] != "{}" or op[1] in known]

        return self._journal.commit_with(needed)

    def _remove(self, table: str, key: str) -> int:
        return self._journal.commit_with(
            lambda tables: [(table, key, None)] if key in tables.table(table) else []
        )

    # -- checkpoints -------------------------------------------------------------------------------

    def save_checkpoint(self, id: TransferId, checkpoint: Checkpoint, *, drop_parts: bool = False) -> int:
        """All that a later run of this item needs."""
        op = "checkpoints", str(id), encode(codec.checkpoint_doc(checkpoint))
        if not drop_parts:
            return self._journal.commit((op,))
        with self._journal.lock:
            seq = self._journal.commit([op, *self._drop_parts(id)])
            self._parts_of.pop(id, None)
            return seq

    def confirm(self, id: TransferId, part: ConfirmedPart) -> int:
        """A part that server or disk have."""
        return self.confirm_many(id, (part,))

    def confirm_many(self, id: TransferId, parts: Iterable[ConfirmedPart]) -> int:
        """Several, in one transaction."""
        numbers = []
        ops: list[Op] = []
        for part in parts:
            numbers.append(part.number)
            ops.append(("parts", part_key(id, part.number), encode(codec.part_doc(id, part))))
        with self._journal.lock:
            seq = self._journal.commit(ops)
            self._parts_of.setdefault(id, set()).update(numbers)
            return seq

    def forget(self, id: TransferId, number: int) -> int:
        """A part that is missing or differs."""
        return self._remove("parts", part_key(id, number))

    def _drop_parts(self, id: TransferId) -> list[Op]:
        """With the lock held."""
        return [("parts", part_key(id, number), None) for number in self._parts_of.get(id, ())]

    # -- the end of items --------------------------------------------------------------------------

    def finish(self, items: Sequence[FinishedItem]) -> int:
        """Into history, and out of everything else, in one transaction."""
        return self.finish_texts([(item.id, finished_text(item)) for item in items])

    def finish_texts(self, items: Sequence[tuple[TransferId, str]]) -> int:
        """As `finish`, of items whose documents are made already: that takes longer than all else of it."""
        with self._journal.lock:
            tables = self._journal.tables
            transfers, checkpoints = tables.table("transfers"), tables.table("checkpoints")
            ops: list[Op] = []
            for id, text in items:
                key = str(id)
                if key in transfers:
                    ops.append(("transfers", key, None))
                if key in checkpoints:
                    ops.append(("checkpoints", key, None))
                if id in self._parts_of:
                    ops += self._drop_parts(id)
                ops.append(("history", key, text))
            ops += _trimmed(tables.table("history"), len(items))
            seq = self._journal.commit(ops)
            for id, _ in items:
                self._parts_of.pop(id, None)
            return seq

    def history(self, limit: int = HISTORY_ITEMS) -> list[FinishedItem]:
        """Newest first."""
        with self._journal.lock:
            docs = list(self._journal.tables.table("history").items())
        return decode_history(docs, min(limit, HISTORY_ITEMS), [])

    # -- debts -------------------------------------------------------------------------------------

    def owe(self, kind: str, connection: ConnectionId | None, subject: str, detail: str) -> int:
        """Put a clean-up on record; returns the number of the debt."""
        id = self.new_ids(1)[0]
        text = encode(owed_doc(Owed(id, kind, connection, subject, detail)))
        self._journal.commit((("cleanup", str(id), text),))
        return id

    @property
    def debts(self) -> set[int]:
        """The numbers of what is on record."""
        with self._journal.lock:
            return {int(key) for key in self._journal.tables.table("cleanup").ids()}

    def owed(self, ids: Iterable[int] | None = None) -> list[Owed]:
        """What is on record, or what of it has these numbers."""
        with self._journal.lock:
            table = self._journal.tables.table("cleanup")
            keys = list(table.ids()) if ids is None else [str(id) for id in ids]
            docs = [(key, text) for key in keys if (text := table.get(key)) is not None]
        return decode_owed(docs, [])

    def settle(self, id: int) -> int:
        """It is done."""
        return self._remove("cleanup", str(id))

    # -- the disk ----------------------------------------------------------------------------------

    @property
    def durable_seq(self) -> int:
        """Everything up to this record would survive a power cut. Needs no lock."""
        return self._journal.durable_seq

    @property
    def problem(self) -> str:
        """Why nothing can be saved; empty if it can. Needs no lock."""
        return self._journal.problem

    @property
    def held(self) -> bool:
        """The hold that is on record."""
        with self._journal.lock:
            return flag_of(self._journal.tables.table("meta").get("1"), "held")

    def request_sync(self) -> None:
        """Sync now rather than within a second; does not wait."""
        self._journal.request_sync()

    def flush(self, seq: int | None = None, timeout: float = 30.0) -> bool:
        """Wait until everything up to `seq` is on disk; false if that takes too long or fails."""
        return self._journal.flush(seq, timeout)

    def close(self, timeout: float = 5.0) -> None:
        """Sync, and let the folder go. Idempotent."""
        self._journal.shut(timeout)


def _trimmed(history: TextTable, coming: int) -> list[Op]:
    """What leaves history, oldest first, when it has grown well past its length."""
    count = len(history) + coming
    if count <= _TRIM_AT:
        return []
    return [("history", key, None) for key in islice(history, count - HISTORY_ITEMS)]
