"""Somebody who cannot leave a queue alone."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

from engine import TransferManager
from engine.model import TransferId, TransferState
from engine.transfer import Transfer
from tests.torture.ledger import Ledger
from tests.torture.process import WORKERS, Process

S = TransferState


class User:
    """Does something now and then, drawn from `rng`."""

    def __init__(self, rng: random.Random, ledger: Ledger) -> None:
        self._rng, self._ledger = rng, ledger

    @contextmanager
    def _acting(self) -> Iterator[None]:
        self._ledger.user_acts = True
        yield
        self._ledger.user_acts = False

    def act(self, process: Process) -> None:
        """One thing, or the same to a few items."""
        manager, items = process.manager, list(process.core.roster)
        does = self._rng.choices(
            ("pause", "resume", "cancel", "move", "hold", "unhold", "answer", "retry", "failed", "workers"),
            (8, 10, 2, 6, 1, 12, 8, 4, 8, 2),
        )[0]
        some = self._rng.sample(items, min(len(items), self._rng.randint(1, 12)))
        with self._acting():
            self._do(does, manager, some, items)

    def _do(self, does: str, manager: TransferManager, some: list[Transfer], items: list[Transfer]) -> None:
        if does == "hold":
            manager.pause_all()
        elif does == "unhold":
            manager.resume_all()
        elif does == "failed":
            manager.retry_failed()
        elif does == "workers":
            manager.set_workers(self._rng.randint(2, WORKERS))
        elif does == "answer":
            self._answer(manager, items)
        elif does == "resume":
            for id in self._in(items, S.PAUSED):
                manager.resume(id)
        else:
            for transfer in some:
                self._to_one(does, manager, transfer.id)

    def _to_one(self, does: str, manager: TransferManager, id: TransferId) -> None:
        if does == "pause":
            manager.pause(id)
        elif does == "cancel":
            manager.cancel(id)
        elif does == "retry":
            manager.retry(id)
        elif self._rng.random() < 0.3:
            manager.move_to_top(id)
        else:
            manager.move(id, self._rng.randint(-20, 20))

    def _answer(self, manager: TransferManager, items: list[Transfer]) -> None:
        for id in self._in(items, S.ATTENTION):
            answer = self._rng.choice(("overwrite", "skip"))
            manager.answer(id, answer, for_operation=self._rng.random() < 0.2)

    @staticmethod
    def _in(items: list[Transfer], *states: TransferState) -> list[TransferId]:
        return [item.id for item in items if item.state in states]

    def finish(self, process: Process) -> bool:
        """Let everything come to an end that has not; false if there is nothing."""
        manager, items = process.manager, list(process.core.roster)
        with self._acting():
            manager.resume_all()
            for id in self._in(items, S.PAUSED):
                manager.resume(id)
            for id in self._in(items, S.ATTENTION):
                manager.answer(id, "overwrite")
            manager.retry_failed()
        return bool(items)
