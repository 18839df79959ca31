"""Waiting for the queue without a screen: until it is done, a signal comes, or nothing heals."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from engine import Event, OperationId, Problem, Totals, TransferManager, TransferSnapshot, TransferState, View
from tui import format
from tui.leaving import Stop
from tui.progress import Progress
from tui.schedule import Follower, Schedule
from tui.waiting import waiting_text

S = TransferState

CONDITIONS = ("offline", "slow-down", "credentials", "disk-full", "clock-skew", "state-unsaved")
"""Codes of what heals by itself or from outside."""

_LOOK_EVERY = 0.25
_REST, _REST_SHARE = 0.1, 0.05
"""Seconds between two looks in any case, but not more than this share of the time that has passed."""
_TIDY = 5.0
_GAP = 300.0
"""Seconds between two looks after which this process was stopped meanwhile: that was no waiting."""
_ASK_AGAIN = 5.0
"""Seconds between two looks at a server that could not be reached when the work was to be planned."""


class Following:
    """Watches a manager, and says how far it is. Used by one thread.

    Args:
        wait_for: Seconds that are waited while nothing moves and conditions hold.
        operations: Whose items are meant; none for all. The newest is the last.
        schedule: Rate limits by the hour.
        now: Monotonic clock.
    """

    def __init__(
        self,
        manager: TransferManager,
        progress: Progress,
        stop: Stop,
        *,
        wait_for: float,
        operations: Sequence[OperationId] = (),
        schedule: Schedule | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._manager, self._progress, self._stop, self._now = manager, progress, stop, now
        self._wait_for = wait_for
        self._schedule = Follower(schedule or Schedule())
        self.operations = list(operations)
        self.finished = 0
        self.cancelled = 0
        self.refused: dict[OperationId | None, Problem] = {}
        """Why something could not be planned."""
        self._stuck_since: float | None = None
        self._looked: float | None = None
        self._unplanned_since: float | None = None

    def until(self, over: Callable[[], bool]) -> int:
        """Follow until it is over: 0; until a signal: its code; until nothing heals: 1."""
        code, began = 0, None
        try:
            while not over():
                self._schedule.follow(self._manager, time.time())
                if self._stop.code is not None:
                    code = self._stop.code
                    break
                if self._has_waited_enough():
                    code = 1
                    break
                assert self._looked is not None
                began = self._looked if began is None else began
                self._manager.wait(_LOOK_EVERY, rest=min(_REST, (self._looked - began) * _REST_SHARE))
                self._tell()
        finally:
            self._tell()
            self._progress.end()
        return code or self._stop.code or 0

    def tidy(self) -> None:
        """Give what cancelled items have left behind a few seconds to be removed; what cannot be is tried next time."""
        end = self._now() + _TIDY
        while self._stop.code is None and not self._manager.is_tidy and self._now() < end:
            self._manager.wait(_LOOK_EVERY)

    def is_over(self) -> bool:
        """Nothing of the newest operation moves by itself any more."""
        return self._manager.is_over(self.operations[-1])

    def may_plan_again(self, *problems: Problem) -> bool:
        """Wait a little if some server could not be asked what there is; false: it is time to give up."""
        problem = next((each for each in problems if each.code in CONDITIONS), None)
        if problem is None or self._stop.code is not None:
            return False
        now = self._now()
        if self._unplanned_since is None:
            self._unplanned_since = now
            if self._wait_for > 0:
                self._progress.say(f"waiting for {format.duration(self._wait_for)} at most: {problem}")
        end = self._unplanned_since + self._wait_for
        if now >= end:
            return False
        again = min(end, now + _ASK_AGAIN)
        while self._now() < again and self._stop.code is None:
            self._manager.wait(min(_LOOK_EVERY, max(again - self._now(), 0.0)))
        return self._stop.code is None

    def _has_waited_enough(self) -> bool:
        now = self._now()
        gap = 0.0 if self._looked is None else now - self._looked
        self._looked = now
        if not self._manager.waits_only:
            self._stuck_since = None
            return False
        if self._stuck_since is None:
            self._stuck_since = now
            self._say_why()
        elif gap > _GAP:
            self._stuck_since += gap
        return now - self._stuck_since > self._wait_for

    def _say_why(self) -> None:
        rows = [row for row in self._manager.snapshot(0, 1, View.WAITING).rows if row.waiting is not None]
        if not rows and (unsaved := self.why_unsaved()):
            self._progress.say(f"waiting for {format.duration(self._wait_for)} at most: {unsaved}")
        for row in rows:
            assert row.waiting is not None
            self._progress.say(
                f"waiting for {format.duration(self._wait_for)} at most: {waiting_text(row.waiting)}"
            )

    def why_unsaved(self) -> str:
        """Why the queue cannot be saved; empty if it can."""
        problem = self._manager.snapshot(0, 0).health.state_problem
        return f"the queue cannot be saved: {problem}" if problem else ""

    def _tell(self) -> None:
        manager = self._manager
        while events := manager.drain_events(1000):
            for event in events:
                if event.kind == "refused":
                    self._note_refusal(event)
                elif event.row is None:
                    continue
                elif event.kind == "finished":
                    self.finished += 1
                    self._progress.finished(event.row)
                elif event.kind == "cancelled":
                    self.cancelled += 1
        if self._progress.is_live:
            self._progress.show(self._rows(), self._totals())

    def _note_refusal(self, event: Event) -> None:
        progress = self._manager.operation(event.operation) if event.operation is not None else None
        problem = progress.problem if progress is not None else None
        self.refused[event.operation] = problem or Problem(event.text, "", "", False)

    def _rows(self) -> tuple[TransferSnapshot, ...]:
        manager, room = self._manager, self._progress.room
        return manager.active_rows(room) or manager.snapshot(0, 1, View.WAITING).rows

    def _totals(self) -> Totals:
        if self.operations:
            progress = self._manager.operation(self.operations[-1])
            if progress is not None:
                return progress.totals
        return self._manager.snapshot(0, 0).totals
