"""One life of the program on virtual time: the real manager, whose threads' loops are turned by hand."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from engine import EngineConfig, TransferManager
from engine.local.fsops import FsOps
from engine.model import TransferState
from engine.queue import debts as debts_module
from engine.queue import running as running_module
from engine.queue.closing import GROUP_SECONDS
from engine.queue.core import Core
from engine.scheduler import Work
from engine.state.journal import Rhythm
from engine.state.store import Store
from tests.torture.turns import Turns
from tests.torture.weather import Weather, WeekConnections
from tests.torture.weekjob import WeekJob

S = TransferState

WORKERS = 16
TIDY_SECONDS = 15.0
"""Between two rounds of housekeeping; the real one has more of them, which a week need not see."""
_BY_HAND = Rhythm(starts_thread=False, compact_bytes=256 * 1024)


class WeekDisk(FsOps):
    """Full in some weather. Syncing costs nothing: processes are killed in this week, the power stays on."""

    def __init__(self, weather: Weather) -> None:
        self._weather = weather

    def _check(self) -> None:
        if self._weather.is_on("full"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def write(self, fd: int, data: Any) -> int:
        self._check()
        return super().write(fd, data)

    def pwrite(self, fd: int, data: Any, offset: int) -> None:
        self._check()
        super().pwrite(fd, data, offset)

    def fsync(self, fd: int) -> None:
        pass

    def fdatasync(self, fd: int) -> None:
        pass


def open_store(state_dir: str, **options: Any) -> Store:
    """A store without a thread: what its thread does is done when somebody waits for it, and by `Upkeep.work`."""
    store = Store.open(state_dir, rhythm=_BY_HAND, **options)
    journal = store._journal

    def flush(seq: int | None = None, timeout: float = 0.0) -> bool:
        journal.upkeep.work()
        return journal.durable_seq >= (journal.seq if seq is None else seq)

    journal.flush = flush  # type: ignore[method-assign]
    return store


@contextmanager
def in_this_world(weather: Weather) -> Iterator[None]:
    """The engine makes our jobs, opens its store without a thread, and has our wall clock."""
    wall = weather.clock.wall
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(running_module, "make_job", WeekJob)
        patch.setattr(debts_module, "make_job", WeekJob)
        patch.setattr("engine.manager.Store", SimpleNamespace(open=open_store))
        patch.setattr("engine.s3.endpoint.time", SimpleNamespace(time=wall))
        now = SimpleNamespace(now=lambda zone: datetime.fromtimestamp(wall(), zone))
        patch.setattr("engine.s3.endpoint.datetime", now)
        yield


class _Pool:
    """In place of the worker pool: `close` waits for our hands."""

    def __init__(self, join: Callable[[float], int]) -> None:
        self.join = join

    def write_off_stuck(self) -> None:
        """Nobody is ever stuck."""

    def spawn_again(self) -> None:
        """Nobody is ever missing."""


class Process:
    """From its start to its end or sudden death. Every method belongs to who moves time."""

    def __init__(self, folder: Path, weather: Weather, plan: Callable[..., Any], seed: int) -> None:
        self.folder, self.weather = folder, weather
        self.turns: Turns = weather.turns
        self.clock = weather.clock
        self.manager = TransferManager(
            EngineConfig(str(folder), workers=WORKERS),
            WeekConnections(weather),
            fs=WeekDisk(weather),
            clock=self.clock,
        )
        self.core: Core = self.manager._core
        self.core.rng.seed(seed)
        self._runner = self.manager._pool._runner
        self.core.more_workers = self._wake
        self.manager._pool = _Pool(self._join)  # type: ignore[assignment]
        intake = self.manager._intake
        intake._planner = SimpleNamespace(plan=plan)  # type: ignore[assignment]
        intake._thread = SimpleNamespace()  # type: ignore[assignment]
        with self.core.lock:
            for operation in list(self.core.operations.values()):
                if operation.is_planning:
                    intake.resume(operation)
        self._is_awake = True
        self._due = float("inf")
        """When idle workers look by themselves."""
        self._tidy_at = self.clock.now
        self._close_at = float("inf")
        self.open_seconds = 0.0
        """In which nothing held up the queue as a whole."""
        self._idle_seconds = 0.0
        self.longest_idle = 0.0
        """Seconds in which something was ready, nothing stood in its way, and nobody took it."""
        self.on_news: Callable[[], None] = lambda: None

    def _wake(self) -> None:
        self._is_awake = True

    # -- turning -----------------------------------------------------------------------------------

    def run(self, until: float) -> None:
        """Until that (monotonic) time."""
        while self.clock.now < until:
            self._hand_out()
            self._advance(until)
            if self.clock.now >= self._due:
                self._is_awake, self._due = True, float("inf")
            if self._close_at == float("inf") and self.manager._closer._queue:
                self._close_at = self.clock.now + GROUP_SECONDS
            if self.clock.now >= self._close_at:
                self._close_group()
            if self.clock.now >= self._tidy_at:
                self.tidy()

    def _advance(self, until: float) -> None:
        before = self.clock.now
        at = min(until, self._due, self._tidy_at, self._close_at)
        if not self.turns.step(at):
            self.clock.now = max(before, at)
        scheduler, passed = self.core.scheduler, self.clock.now - before
        is_open = not scheduler.has_conditions and not scheduler.held
        if is_open:
            self.open_seconds += passed
        if (
            is_open
            and not scheduler.active
            and self.core.roster.sums.counts[S.QUEUED]
            and not self.turns.busy
        ):
            self._idle_seconds += passed
            self.longest_idle = max(self.longest_idle, self._idle_seconds)
        else:
            self._idle_seconds = 0.0

    def _hand_out(self) -> None:
        *workers, planner = self.turns.hands
        intake, core = self.manager._intake, self.core
        if intake._requests and planner.task is None:
            self.turns.give(planner, self._plan)
        while self._is_awake:
            idle = [hand for hand in workers if hand.task is None]
            if not idle or len(workers) - len(idle) >= core.scheduler.workers:
                return  # Who is done looks again.
            with core.lock:
                work = core.scheduler.take(self.clock.now)
                if work is None:
                    self._is_awake = False
                    due = core.scheduler.next_due(self.clock.now)
                    self._due = float("inf") if due is None else max(due, self.clock.now + 0.005)
                    return
            self.turns.give(idle[0], lambda work=work: self._work(work))  # type: ignore[misc]

    def _work(self, work: Work) -> None:
        try:
            self._runner.do(work)
        finally:
            self._is_awake = True

    def _plan(self) -> None:
        intake = self.manager._intake
        with self.core.lock:
            operation = intake._requests.popleft()
            token = intake._tokens[operation.id]
        try:
            intake._plan(operation, token)
        except Exception as error:
            intake._refused(operation, error)

    def _close_group(self) -> None:
        closer = self.manager._closer
        self._close_at = float("inf")
        group = list(closer._queue)
        closer._queue.clear()
        try:
            closer._close(group)
        except Exception as error:
            closer._fail_all(group, error)
            raise

    def tidy(self) -> None:
        """What housekeeper and journal thread do now and then."""
        self._tidy_at = self.clock.now + TIDY_SECONDS
        self.core.store._journal.upkeep.work()
        self.manager._tidy()
        if not self.turns.busy and not self.core.scheduler.held:
            self.longest_idle = max(self.longest_idle, self._overdue())
        self.on_news()

    def _overdue(self) -> float:
        """Seconds for which something could have been tried again."""
        scheduler, now = self.core.scheduler, self.clock.now
        late = [now - blockade.until for blockade in scheduler.blockades.values() if blockade.items]
        if not late and self.core.roster.sums.counts[S.WAITING]:
            alone = (
                scheduler.ceilings.left_alone_until
            )  # Of a server that refuses all, one item at a time asks.
            late = [
                now - (alone(item.spec.connection) or item.hold.until)
                for item in self.core.roster
                if item.hold is not None
            ]
        return max(late, default=0.0)

    # -- ending ------------------------------------------------------------------------------------

    def _join(self, deadline: float) -> int:
        while self.turns.busy and self.turns.step(deadline):
            pass
        if self.manager._closer._queue:
            self._close_group()
        return self.turns.busy

    def close(self) -> None:
        """As `q` does."""
        self.manager.close()
        self.on_news()
        self.turns.bury()

    def vanish(self) -> None:
        """As kill -9; what is in the folder has been copied."""
        self.turns.bury()
        self.manager.close()
