"""A queue for commands without a screen: what happens at each wait is written down before."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

import pytest

from engine import (
    Event,
    OperationId,
    OperationProgress,
    Outcome,
    Problem,
    Request,
    TransferId,
    TransferSnapshot,
    TransferState,
    Verified,
)
from tests.tui.fake_engine import FakeManager

S = TransferState


class FakeQueue(FakeManager):
    """Each call of `wait` runs the next step of `script`; after the last one nothing happens any more.

    Args:
        script: What happens, step by step.
        plan_problems: What goes wrong with the planning of each submitted request; ``None`` for nothing.
    """

    def __init__(
        self,
        script: Iterable[Callable[[FakeQueue], None]] = (),
        plan_problems: Iterable[Problem | None] = (),
    ) -> None:
        super().__init__()
        self.script = list(script)
        self.plan_problems = list(plan_problems)
        self.problem: Problem | None = None
        self.notices: tuple[str, ...] = ()
        self.waits_only = False
        self.waits = 0
        self.only_new: bool | None = None
        self.deadline: float | None = None

    def submit(self, request: Request) -> OperationId:
        """As the other fake does, unless its planning is to go wrong."""
        self.problem = self.plan_problems.pop(0) if self.plan_problems else None
        if self.problem is None:
            return super().submit(request)
        self.submitted.append(request)
        return OperationId(len(self.submitted))

    is_tidy = True

    def is_over(self, id: OperationId) -> bool:
        """As `is_settled`: everything belongs to every operation."""
        return self.is_settled

    def wait(self, timeout: float, *, rest: float = 0.0) -> bool:
        """Let the next thing happen."""
        self.waits += 1
        assert self.waits < 1000, "waited for ever"
        if self.script:
            self.script.pop(0)(self)
        return True

    def close(self, deadline: float = 2.0) -> None:
        """Note it."""
        super().close(deadline)
        self.deadline = deadline

    def plan_again(self) -> int:
        """Note it."""
        self.commands.append(("plan_again",))
        self.problem = None
        return 1

    @property
    def is_settled(self) -> bool:
        """Nothing moves by itself any more."""
        return not any(not row.state.is_settled for row in self.rows)

    def operation(self, id: OperationId) -> OperationProgress | None:
        """Everything belongs to every operation."""
        unfinished = sum(1 for row in self.rows if not row.state.is_settled)
        return OperationProgress(False, self.problem, self._totals(), unfinished)

    def rows_of(self, id: OperationId, *states: TransferState) -> tuple[TransferSnapshot, ...]:
        """Those that are not done."""
        return tuple(row for row in self.rows if not states or row.state in states)

    def active_rows(self, count: int) -> tuple[TransferSnapshot, ...]:
        """Those that are moving."""
        return tuple(row for row in self.rows if row.state is S.RUNNING)[:count]


def finish(name: str = "", outcome: Outcome = Outcome.TRANSFERRED) -> Callable[[FakeQueue], None]:
    """All items, or those whose names end so, get done."""

    def step(queue: FakeQueue) -> None:
        for row in [row for row in queue.rows if row.source.endswith(name) and not row.state.is_settled]:
            queue.rows.remove(row)
            done = replace(row, state=S.DONE, outcome=outcome, verified=Verified.CRC)
            queue.finished.append(done)
            queue.events.append(Event("finished", done))

    return step


def change(id: int, **facts: object) -> Callable[[FakeQueue], None]:
    """One item changes."""
    return lambda queue: queue._change(TransferId(id), **facts)


def use(monkeypatch: pytest.MonkeyPatch, queue: FakeQueue) -> FakeQueue:
    """Let the commands find this queue instead of a real one."""

    def made(config: object, connections: object, *, only_new: bool = False) -> FakeQueue:
        queue.only_new = only_new
        return queue

    monkeypatch.setattr("tui.headless.TransferManager", made)
    return queue
