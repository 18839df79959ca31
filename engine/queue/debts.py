"""What has still to be removed: uploads to abort, part files to unlink. Owed on record until it is done."""

from __future__ import annotations

import logging
import os
import stat
from collections.abc import Sequence

from engine.errors import Condition, EngineError, Permanent
from engine.jobs import make_job
from engine.jobs.multipart import begun_since, uploads_of
from engine.local.folders import sync_folder
from engine.model import Checkpoint, ObjectRef
from engine.queue.context import ItemContext
from engine.queue.core import Core
from engine.scheduler import Work, WorkKind
from engine.state.store import Owed
from engine.transfer import Run, Transfer

log = logging.getLogger(__name__)

_BEGUN_WITHIN = 900.0
"""Seconds after an intent within which the request to begin an upload has reached the server, or never will."""
PAY_EVERY = 60.0
"""Seconds between two tries of what could not be removed."""


class Debts:
    """Clean-up that outlives its item, and the process if need be.

    All that begins with ``_`` is written and read under the core's lock.
    """

    def __init__(self, core: Core) -> None:
        self._core = core
        self._known: dict[int, Owed] = {}
        self._in_hand: set[int] = set()
        self._undone: list[Transfer] = []
        """Cancelled items whose traces could be neither removed nor put on record."""
        self._next = 0.0

    def load(self, owed: list[Owed]) -> None:
        """Those of an earlier run; to be paid at once."""
        self._known = {debt.id: debt for debt in owed}

    def schedule(self, now: float) -> None:
        """Now and then, let workers try what is owed. With the lock held."""
        if now < self._next:
            return
        self._next = now + PAY_EVERY
        core = self._core
        self._known.update((debt.id, debt) for debt in core.store.owed(core.store.debts - self._known.keys()))
        for id in self._known:
            if id not in self._in_hand:
                self._in_hand.add(id)
                core.scheduler.chore(Work(WorkKind.CLEAN, None, debt=id))
        undone, self._undone = self._undone, []
        for transfer in undone:
            core.scheduler.chore(Work(WorkKind.DISCARD, transfer))
        if core.scheduler.has_chores:
            core.wake()

    def pay(self, id: int) -> None:
        """Try one; what fails stays owed."""
        core = self._core
        with core.lock:
            debt = self._known.get(id) or next(iter(core.store.owed([id])), None)
        is_paid = False
        try:
            is_paid = debt is not None and self._pay(debt)
        except Exception as error:  # Whatever it is, it must not keep the debt from being tried again.
            _later(f"clean-up {id}", error)
        with core.lock:
            self._in_hand.discard(id)
            if is_paid:
                self._settle((id,))

    def _pay(self, debt: Owed) -> bool:
        if debt.kind == "abort":
            if debt.connection is None:
                return True
            bucket, _, key = debt.subject.partition("/")
            connection = self._core.connections.get(debt.connection)
            connection.control.abort_multipart(ObjectRef(bucket, key), debt.detail)
            return True
        return self._abort_begun(debt) if debt.kind == "begun" else self._unlink(debt)

    def _abort_begun(self, debt: Owed) -> bool:
        """An upload that was about to begin when its item was cancelled, if it did; nobody wrote down its id."""
        bucket, _, key = debt.subject.partition("/")
        target = ObjectRef(bucket, key)
        if debt.connection is None or self._is_wanted(target):
            return debt.connection is None  # What is there may be of the item that goes there now.
        control = self._core.connections.get(debt.connection).control
        try:
            since = float(debt.detail)
            left = begun_since(
                control, target, uploads_of(control, target), since, until=since + _BEGUN_WITHIN
            )
            if left is not None:
                control.abort_multipart(target, left)
        except (Permanent, ValueError) as error:  # Nobody may look, or the record is not ours.
            log.info("clean-up %d: uploads are not looked for: %s", debt.id, type(error).__name__)
        return True

    def _is_wanted(self, target: ObjectRef) -> bool:
        core = self._core
        with core.lock:
            return any(not item.state.is_final and item.spec.target == target for item in core.roster)

    def _unlink(self, debt: Owed) -> bool:
        """Only what is ours: a part file by name, and by inode where that was recorded. The record is not trusted."""
        fs, path = self._core.fs, debt.subject
        name = os.path.basename(path)
        if not (name.startswith(".") and name.endswith(".part") and os.path.isabs(path)):
            return True
        try:
            facts = fs.lstat(path)
        except (FileNotFoundError, NotADirectoryError):
            return True
        is_it = str(facts.st_ino) == debt.detail or not debt.detail
        if stat.S_ISREG(facts.st_mode) and is_it and facts.st_uid == os.geteuid():
            fs.unlink(path)
            sync_folder(os.path.dirname(path), fs)
        return True

    def discard(self, transfer: Transfer) -> None:
        """A cancelled item: remove its traces now, or leave them on record."""
        core, checkpoint, before = self._core, transfer.checkpoint, transfer.owed
        is_clean = False
        try:
            job = make_job(ItemContext(core, transfer, Run(core.clock)))
            try:
                job.discard()
                for debt in core.store.owed(transfer.owed):
                    if not debt.detail or debt.kind == "begun":
                        self._pay(debt)  # What was being made, of which the job does not know.
                is_clean = True
            finally:
                job.close()
        except Exception as error:  # Whatever it is, what is left must stay owed.
            _later(f"item {transfer.id}: clean-up", error)
        with core.lock:
            # Only what the job knows of: an upload that was given up before it has a debt of its own.
            its_own = [debt.id for debt in core.store.owed(transfer.owed) if _is_of(debt, checkpoint)]
            if is_clean:
                self._settle(its_own)
            elif not its_own and transfer.owed == before:
                self._undone.append(transfer)

    def _settle(self, ids: Sequence[int]) -> None:
        for id in ids:
            self._known.pop(id, None)
            try:
                self._core.store.settle(id)
            except Condition as error:
                log.info("clean-up %d stays on record: %s", id, error.detail)


def _is_of(debt: Owed, checkpoint: Checkpoint) -> bool:
    """It is what discarding an item with this checkpoint removes."""
    if debt.kind == "abort":
        return debt.detail == checkpoint.upload_id
    if not debt.detail or debt.kind == "begun":
        return True  # Recorded for this very item, before it was known what was made.
    return debt.subject == checkpoint.part_file and debt.detail == str(checkpoint.part_file_inode)


def _later(what: str, error: Exception) -> None:
    """Say that it is tried again."""
    if isinstance(error, EngineError | OSError):
        log.info("%s later: %s", what, type(error).__name__)
    else:
        log.error("%s later", what, exc_info=error)
