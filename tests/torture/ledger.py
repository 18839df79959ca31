"""What was promised to the user of the week, and what of it was not kept."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from engine.errors import Condition
from engine.model import ObjectRef, TransferId, TransferSpec, TransferState
from engine.pace.retry import RetryPolicy
from engine.queue.blockade import Blockade
from engine.state.store import FinishedItem
from engine.transfer import IllegalTransition, Transfer
from tests.torture.picture import Errors, Picture, differences
from tests.torture.process import Process
from tests.torture.weather import Weather

S = TransferState


def spec_name(spec: TransferSpec) -> str:
    """The item's name on the server of the week."""
    place = spec.target if isinstance(spec.target, ObjectRef) else spec.source
    assert isinstance(place, ObjectRef)
    return place.key


class Ledger:
    """Written by whoever has the turn."""

    def __init__(self, weather: Weather) -> None:
        self._weather = weather
        self.asked_for: set[str] = set()
        """Names of items of which `submit` has said that it has taken them."""
        self.done_names: Counter[str] = Counter()
        self.cancelled_names: set[str] = set()
        self._finished: Counter[TransferId] = Counter()
        self.transitions = self.illegal = self.unpaused = self.failed = 0
        self.lost: list[str] = []
        self.duplicates: list[str] = []
        self.revived: list[str] = []
        self.errors: list[str] = []
        self.longest_backoff = self.max_wait = self.longest_idle = 0.0
        self.user_acts = False
        """Who changes something now is the user."""
        self._is_looking = True
        self._was_full = False
        """In this life; then only what the user did is compared."""
        self._process: Process | None = None
        self._ready_at: dict[TransferId, float] = {}
        """Open seconds of the week at which an item became ready."""
        self._open_before = 0.0

    # -- looking on --------------------------------------------------------------------------------

    @contextmanager
    def looking(self) -> Iterator[None]:
        """At every change of state and every delay, inside."""
        ledger, go, hit, delay = self, Transfer.go, Blockade.hit, RetryPolicy.delay

        def watched_go(transfer: Transfer, state: TransferState) -> None:
            before = transfer.state
            try:
                go(transfer, state)
            except IllegalTransition:
                ledger.illegal += 1
                raise
            if ledger._is_looking and before is not state:
                ledger._changed(transfer, before, state)

        def watched_hit(blockade: Blockade, error: Condition, now: float, rng: Any) -> None:
            hit(blockade, error, now, rng)
            if error.retry_after is None:
                ledger.longest_backoff = max(ledger.longest_backoff, blockade.until - now)

        def watched_delay(policy: RetryPolicy, attempt: int, retry_after: float | None = None) -> float:
            seconds = delay(policy, attempt, retry_after)
            if retry_after is None:
                ledger.longest_backoff = max(ledger.longest_backoff, seconds)
            return seconds

        handler = Errors(self.error)
        log = logging.getLogger("engine")
        log.addHandler(handler)
        try:
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(Transfer, "go", watched_go)
                patch.setattr(Blockade, "hit", watched_hit)
                patch.setattr(RetryPolicy, "delay", watched_delay)
                yield
        finally:
            log.removeHandler(handler)

    @contextmanager
    def looking_away(self) -> Iterator[None]:
        """While a process that is dead already is cleared away."""
        self._is_looking = False
        yield
        self._is_looking = True

    def error(self, text: str) -> None:
        """The program has told of a failure of its own."""
        if self._is_looking and "cannot be written" not in text:
            self.errors.append(text)

    def _open_seconds(self) -> float:
        return self._open_before + (self._process.open_seconds if self._process is not None else 0.0)

    def _changed(self, transfer: Transfer, before: TransferState, state: TransferState) -> None:
        self.transitions += 1
        if before is S.PAUSED and not self.user_acts:
            self.unpaused += 1
        if state is S.QUEUED:
            self._ready_at[transfer.id] = self._open_seconds()
        elif state is S.RUNNING and before is S.QUEUED:
            self._started(transfer.id)
        if state is S.FAILED:
            self.failed += 1

    def _started(self, id: TransferId) -> None:
        since = self._ready_at.pop(id, None)
        if since is not None:
            self.max_wait = max(self.max_wait, self._open_seconds() - since)

    # -- lives -------------------------------------------------------------------------------------

    def watch(self, process: Process) -> None:
        """A process has begun."""
        self._process = process
        self._was_full = self._weather.is_on("full")
        for transfer in process.core.roster:
            if transfer.state is S.QUEUED:
                self._ready_at.setdefault(transfer.id, self._open_seconds())

    def leave(self, process: Process) -> None:
        """A process is about to end."""
        self._open_before += process.open_seconds
        process.open_seconds = 0.0
        self.longest_idle = max(self.longest_idle, process.longest_idle)

    def read_news(self, process: Process) -> None:
        """What the user is told."""
        self._was_full = self._was_full or self._weather.is_on("full")
        for event in process.manager.drain_events(10_000):
            row = event.row
            if event.kind == "refused":
                self.errors.append(f"refused: {event.text}")
            if row is None or event.kind not in ("finished", "cancelled"):
                continue
            self._ready_at.pop(row.id, None)
            self._finished[row.id] += 1
            place = row.target if row.target.startswith("s3://") else row.source
            name = place.removeprefix("s3://week/")
            if event.kind == "finished":
                self.done_names[name] += 1
            else:
                self.cancelled_names.add(name)

    def compare(self, before: Picture, after: Picture, history: list[FinishedItem]) -> None:
        """The queue of a new process is the one that was there before."""
        lost, revived = differences(before, after, is_strict=not self._was_full)
        self.lost += lost
        self.revived += revived
        recorded = {item.id for item in history}
        newest = list(self._finished)[-len(recorded) :]  # History has a length of its own.
        missing = [id for id in newest if id not in recorded and id not in before.unsaved]
        self.lost += [f"the end of item {id} is not in history" for id in missing]
        self.duplicates += [
            f"item {id} is in history and in the queue" for id in recorded & after.items.keys()
        ]

    # -- at the end --------------------------------------------------------------------------------

    def unfinished(self) -> list[str]:
        """What was asked for and has come to no end."""
        ended = self.done_names.keys() | self.cancelled_names
        return [f"{name} never came to an end" for name in sorted(self.asked_for - ended)]

    def finished_twice(self) -> list[str]:
        """What came to more than one end."""
        twice = [f"item {id} ended {count} times" for id, count in self._finished.items() if count > 1]
        stored = self._weather.server.objects
        twice += [f"{name} was completed {count} times" for name, count in stored.items() if count > 1]
        again = [name for name, count in self.done_names.items() if count > 1]
        return twice + [f"{name} was done twice" for name in again]
