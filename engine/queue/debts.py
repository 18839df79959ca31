"""What has still to be removed: uploads to abort, part files to unlink. Owed on record until it is done."""

from __future__ import annotations

import logging
import os
import stat

from engine.errors import Condition, EngineError
from engine.jobs import make_job
from engine.model import ObjectRef
from engine.queue.context import ItemContext
from engine.queue.core import Core
from engine.scheduler import Work, WorkKind
from engine.state.store import Owed
from engine.transfer import Run, Transfer

log = logging.getLogger(__name__)

PAY_EVERY = 60.0
"""Seconds between two tries of what could not be removed."""


class Debts:
    """Clean-up that outlives its item, and the process if need be.

    `_known` and `_in_hand` are written and read under the core's lock.
    """

    def __init__(self, core: Core) -> None:
        self._core = core
        self._known: dict[int, Owed] = {}
        self._in_hand: set[int] = set()
        self._next = 0.0

    def load(self, owed: list[Owed]) -> None:
        """Those of an earlier run; to be paid at once."""
        self._known = {debt.id: debt for debt in owed}

    def schedule(self, now: float) -> None:
        """Now and then, let workers try what is owed. With the lock held."""
        if not self._known or now < self._next:
            return
        self._next = now + PAY_EVERY
        for id in self._known:
            if id not in self._in_hand:
                self._in_hand.add(id)
                self._core.scheduler.chore(Work(WorkKind.CLEAN, None, debt=id))
        self._core.wake()

    def pay(self, id: int) -> None:
        """Try one; what fails stays owed."""
        core = self._core
        with core.lock:
            debt = self._known.get(id)
        if debt is None:
            return
        is_paid = False
        try:
            is_paid = self._pay(debt)
        except (EngineError, OSError) as error:
            log.info("clean-up %d (%s) later: %s", id, debt.kind, type(error).__name__)
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
        return self._unlink(debt)

    def _unlink(self, debt: Owed) -> bool:
        """Only what is surely ours: a part file by name and by inode. The record is not trusted."""
        fs, path = self._core.fs, debt.subject
        name = os.path.basename(path)
        if not (name.startswith(".") and name.endswith(".part") and os.path.isabs(path)):
            return True
        try:
            facts = fs.lstat(path)
        except (FileNotFoundError, NotADirectoryError):
            return True
        if stat.S_ISREG(facts.st_mode) and str(facts.st_ino) == debt.detail and facts.st_uid == os.geteuid():
            fs.unlink(path)
        return True

    def discard(self, transfer: Transfer) -> None:
        """A cancelled item: remove its traces now, or leave them on record."""
        core = self._core
        job = make_job(ItemContext(core, transfer, Run(core.clock)))
        try:
            job.discard()
        except (EngineError, OSError) as error:
            log.info("item %d: clean-up later: %s", transfer.id, type(error).__name__)
            with core.lock:
                for debt in core.store.owed():
                    if debt.id in transfer.owed:
                        self._known[debt.id] = debt
            return
        finally:
            job.close()
        with core.lock:
            self._settle(transfer.owed)

    def _settle(self, ids: tuple[int, ...]) -> None:
        for id in ids:
            self._known.pop(id, None)
            try:
                self._core.store.settle(id)
            except Condition as error:
                log.info("clean-up %d stays on record: %s", id, error.detail)
