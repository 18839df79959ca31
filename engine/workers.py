"""The threads that move: daemons which take the next piece of work until they are told to end."""

from __future__ import annotations

import logging
import threading

from engine.config import MAX_WORKERS
from engine.errors import Retryable
from engine.pace.threads import start
from engine.queue.core import Core
from engine.queue.running import Runner
from engine.scheduler import CHORES

log = logging.getLogger(__name__)

STUCK_SECONDS = 10.0
"""How long a worker may take to leave an item that was stopped before another takes its place."""
SHORT_SECONDS = 2.0
"""How long no thread is asked for after the system gave none."""


class Worker(threading.Thread):
    """One of them. `busy_since` is written by the thread and read by anyone."""

    def __init__(self, number: int, pool: WorkerPool) -> None:
        super().__init__(name=f"s3tui-worker-{number}", daemon=True)
        self._pool = pool
        self.busy_since: float | None = None
        self.is_written_off = False
        """Stuck in the kernel: not counted any more, and ends when it comes back."""

    def run(self) -> None:
        """Take and do."""
        self._pool.serve(self)


class WorkerPool:
    """As many workers as are wanted; `_workers` is written and read under the core's lock."""

    def __init__(self, core: Core, runner: Runner) -> None:
        self._core, self._runner = core, runner
        self._workers: set[Worker] = set()
        self._number = 0
        self._idle = 0
        self._short_until = 0.0
        """Monotonic time before which no thread is asked for, since the system gave none."""

    def start(self) -> None:
        """The threads are made when there is something for them to do."""

    def spawn_if_needed(self) -> None:
        """With the lock held: one more if all are busy and more are wanted."""
        core = self._core
        if self._idle or core.is_closing or len(self._workers) >= core.scheduler.workers:
            return
        now = core.clock.monotonic()
        if now < self._short_until:
            return
        self._number += 1
        worker = Worker(self._number, self)
        self._workers.add(worker)
        try:
            start(worker, operation="move")
        except Retryable as error:
            # Go on with those there are; if there are none, `spawn_again` is what goes on.
            self._workers.discard(worker)
            log.warning("only %d workers: %s", len(self._workers), error.detail)
            self._short_until = now + SHORT_SECONDS

    def spawn_again(self) -> None:
        """With the lock held, now and then: make up for workers that the system did not give, or took."""
        is_short = self._short_until or (self._number and not self._workers)
        if is_short and self._core.clock.monotonic() >= self._short_until:
            self._short_until = 0.0
            self.spawn_if_needed()

    def serve(self, worker: Worker) -> None:
        """The life of one worker; however it ends, it is not counted any more."""
        try:
            self._serve(worker)
        finally:
            with self._core.lock:
                self._workers.discard(worker)

    def _serve(self, worker: Worker) -> None:
        core, clock = self._core, self._core.clock
        while True:
            with core.lock:
                work = None
                while work is None:
                    if core.is_closing or worker.is_written_off or self._is_one_too_many(worker):
                        self._workers.discard(worker)
                        return
                    now = clock.monotonic()
                    work = core.scheduler.take(now)
                    if work is None:
                        due = core.scheduler.next_due(now)
                        self._idle += 1
                        core.work.wait(None if due is None else max(0.005, due - now))
                        self._idle -= 1
                if self._idle:
                    if core.scheduler.may_have_more:
                        core.work.notify()
                else:
                    self.spawn_if_needed()
                worker.busy_since = clock.monotonic()
            try:
                self._runner.do(work)
            except Exception:
                log.exception("worker %s", worker.name)
            finally:
                worker.busy_since = None
                if work.kind in CHORES:
                    with core.lock:
                        core.scheduler.tidied()
                        core.news.notify_all()

    def _is_one_too_many(self, worker: Worker) -> bool:
        return len(self._workers) > min(self._core.scheduler.workers, MAX_WORKERS)

    def write_off_stuck(self) -> None:
        """Workers that hang in stopped items get a substitute. With the lock held."""
        core, now = self._core, self._core.clock.monotonic()
        stopped = sum(
            transfer.run.inside
            for transfer in core.scheduler.active
            if transfer.run is not None and transfer.run.stopping
        )
        for worker in list(self._workers):
            since = worker.busy_since
            if stopped and since is not None and now - since > STUCK_SECONDS and not self._idle:
                worker.is_written_off = True
                self._workers.discard(worker)
                stopped -= 1
                self.spawn_if_needed()

    def join(self, deadline: float) -> int:
        """Wait for them until `deadline` (monotonic); returns how many are left, which is no harm."""
        for worker in list(self._workers):
            left = deadline - self._core.clock.monotonic()
            if left <= 0:
                break
            worker.join(left)
        return sum(worker.is_alive() for worker in list(self._workers))
