"""Hypothesis plays user, server and fate to a real queue, and looks for an order of events that it cannot take.

``run_model(examples, seed)`` does it for as long as wanted; `test_model` does a little of it.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import seed as with_seed
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from engine.model import (
    ItemKind,
    LocalRef,
    ObjectRef,
    TransferOptions,
    TransferSpec,
    TransferState,
)
from engine.transfer import Transfer
from tests.engine.queue.items import HERE
from tests.torture.actor import PARTS, Actor
from tests.torture.process import open_store

S = TransferState
numbers = st.integers(0, 30)
_ACCIDENTS = (
    "retry",
    "busy",
    "gone",
    "offline",
    "full",
    "asks",
    "changed",
    "never",
    "pause",
    "cancel",
    "hold",
)
outcomes = st.sampled_from((*("",) * 5, *_ACCIDENTS, "crash"))


def spec(number: int, kind: ItemKind, *, is_large: bool, is_move: bool) -> TransferSpec:
    """An item that is the same whenever it is asked for again."""
    file, key = LocalRef(f"/data/{number}"), ObjectRef("b", str(number))
    options = TransferOptions(move=is_move, part_size=1)
    size = PARTS if is_large else 1
    if kind is ItemKind.DOWNLOAD:
        return TransferSpec(kind, key, file, HERE, options, size, root="/data")
    return TransferSpec(kind, file, key, HERE, options, size)


class QueueMachine(RuleBasedStateMachine):
    """Rules are what may happen; `Actor.check` is what must hold."""

    def __init__(self) -> None:
        super().__init__()
        self._patch = pytest.MonkeyPatch()
        self._patch.setattr("engine.manager.Store", SimpleNamespace(open=open_store))
        self._temporary = tempfile.TemporaryDirectory(prefix="s3tui-model-")
        self.actor = Actor(Path(self._temporary.name))
        self._patch.setattr("engine.queue.running.make_job", self.actor.make_job)
        self._patch.setattr("engine.queue.debts.make_job", self.actor.make_job)
        self._requests = self._items = 0

    def teardown(self) -> None:
        try:
            if not self.actor.is_broken:
                self.actor.drain()
        finally:
            self.actor.end()
            self._patch.undo()
            self._temporary.cleanup()

    def _item(self, number: int) -> Transfer | None:
        items = list(self.actor.core.roster)
        return items[number % len(items)] if items else None

    # -- what the user does ------------------------------------------------------------------------

    @rule(
        sizes=st.lists(st.booleans(), min_size=1, max_size=5),
        kind=st.sampled_from((ItemKind.UPLOAD, ItemKind.DOWNLOAD)),
        is_move=st.booleans(),
        again=st.integers(0, 9),
    )
    def submit(self, sizes: list[bool], kind: ItemKind, is_move: bool, again: int) -> None:
        self._requests += 1
        specs = []
        for is_large in sizes:
            self._items += 1
            specs.append(spec(self._items, kind, is_large=is_large, is_move=is_move))
        known = self._item(again)
        if again < 3 and known is not None:
            specs.append(known.spec)
        middle = len(specs) // 2
        self.actor.submit(f"request-{self._requests}", [b for b in (specs[:middle], specs[middle:]) if b])

    @rule(number=numbers)
    def pause(self, number: int) -> None:
        if (item := self._item(number)) is not None:
            self.actor.pause(item.id)

    @rule(number=numbers)
    def resume(self, number: int) -> None:
        if (item := self._item(number)) is not None:
            self.actor.resume(item.id)

    @rule(number=numbers)
    def cancel(self, number: int) -> None:
        if (item := self._item(number)) is not None:
            self.actor.manager.cancel(item.id)

    @rule(number=numbers)
    def retry(self, number: int) -> None:
        if (item := self._item(number)) is not None:
            self.actor.manager.retry(item.id)

    @rule(number=numbers, by=st.integers(-5, 5))
    def move(self, number: int, by: int) -> None:
        if (item := self._item(number)) is not None:
            self.actor.manager.move(item.id, by)

    @rule(is_held=st.booleans())
    def hold(self, is_held: bool) -> None:
        if is_held:
            self.actor.manager.pause_all()
        else:
            self.actor.manager.resume_all()

    @rule(number=numbers, for_operation=st.booleans())
    def answer(self, number: int, for_operation: bool) -> None:
        asking = [item for item in self.actor.core.roster if item.question is not None]
        if asking:
            item = asking[number % len(asking)]
            assert item.question is not None
            answers = item.question.answers
            self.actor.manager.answer(item.id, answers[number % len(answers)], for_operation=for_operation)

    @rule()
    def retry_failed(self) -> None:
        self.actor.manager.retry_failed()

    @rule(count=st.integers(1, 16))
    def workers(self, count: int) -> None:
        self.actor.manager.set_workers(count)

    # -- what the workers do -----------------------------------------------------------------------

    @rule(outcome=st.sampled_from(("", "", "crash")))
    def plan(self, outcome: str) -> None:
        self.actor.plan(outcome)

    @rule(count=st.integers(1, 4))
    def take(self, count: int) -> None:
        for _ in range(count):
            self.actor.take()

    @precondition(lambda self: self.actor.taken)
    @rule(index=numbers, outcome=outcomes)
    def do(self, index: int, outcome: str) -> None:
        self.actor.do(index, outcome)

    @precondition(lambda self: self.actor.taken)
    @rule()
    def do_all(self) -> None:
        for _ in range(len(self.actor.taken)):
            self.actor.do(0)

    @rule()
    def close_group(self) -> None:
        self.actor.close_group()

    @rule()
    def tidy(self) -> None:
        self.actor.tidy()

    # -- what fate does ----------------------------------------------------------------------------

    @rule(seconds=st.sampled_from((0.1, 2.0, 70.0, 1000.0)))
    def wait(self, seconds: float) -> None:
        self.actor.clock.now += seconds

    @rule(by=st.sampled_from((-1e5, -60.0, 60.0, 1e5)))
    def clock_jumps(self, by: float) -> None:
        self.actor.clock.error += by

    @rule(is_full=st.booleans())
    def disk(self, is_full: bool) -> None:
        self.actor.disk.is_full = is_full

    @rule(is_skipping=st.booleans(), is_checking=st.booleans())
    def ways(self, is_skipping: bool, is_checking: bool) -> None:
        self.actor.is_skipping, self.actor.is_checking = is_skipping, is_checking

    @rule()
    def crash(self) -> None:
        self.actor.crash()

    @rule()
    def restart(self) -> None:
        self.actor.restart()

    @invariant()
    def all_is_well(self) -> None:
        self.actor.check()


def run_model(examples: int, seed: int | None = None, steps: int = 50, *, shrinks: bool = False) -> None:
    """Play that many times. Without a seed it is always the same.

    Args:
        shrinks: Look for the shortest order of events that does it, which may take minutes.

    Raises:
        AssertionError: With the order of events.
    """
    machine = QueueMachine if seed is None else with_seed(seed)(QueueMachine)
    chosen = settings(
        max_examples=examples,
        stateful_step_count=steps,
        derandomize=seed is None,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.generate, Phase.shrink) if shrinks else (Phase.generate,),
    )
    run_state_machine_as_test(machine, settings=chosen)
