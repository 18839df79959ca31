"""The queue as its users see it: commands in, snapshots out, nothing else."""

from __future__ import annotations

import logging
import threading
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.config import EngineConfig
from engine.errors import Condition, Problem
from engine.local.folders import let_go_of_folders
from engine.local.fsops import FsOps
from engine.model import (
    ConnectionId,
    OperationId,
    TransferId,
    TransferState,
)
from engine.pace.cancel import CancelToken
from engine.pace.clock import Clock, SystemClock
from engine.pace.threads import start
from engine.planner import Planner
from engine.queue import open_files
from engine.queue.closing import Closer
from engine.queue.core import Core, Operation
from engine.queue.debts import Debts
from engine.queue.intake import Intake
from engine.queue.recovery import ASKS_FOR_ACCESS, recover
from engine.queue.reports import Reporter, row_of
from engine.queue.running import Runner
from engine.queue.troubles import TroubleLog
from engine.queue.uploads import UploadCommands
from engine.s3.connection import Connections
from engine.s3.profiles import Profile
from engine.snapshot import EngineSnapshot, Event, Totals, TransferDetail, TransferSnapshot, View
from engine.state.reading import without_gc
from engine.state.store import Store
from engine.transfer import RESTORING, Transfer
from engine.workers import WorkerPool

if TYPE_CHECKING:
    from engine.browser import Browser

log = logging.getLogger(__name__)

S = TransferState

HOUSEKEEPING_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class OperationProgress:
    """How far something is that was asked for in one go."""

    planning: bool
    """More items may come."""
    problem: Problem | None
    """Why planning ended early; what was planned before goes on."""
    totals: Totals
    unfinished: int
    """Items that may still move by themselves."""


class TransferManager(UploadCommands, TroubleLog):
    """A queue of transfers that survives everything but the loss of its state folder.

    Every method may be called from any thread and returns within milliseconds, but for the
    constructor (it reads the saved queue) and `close`.

    Args:
        config: See `EngineConfig`.
        connections: What reaches the endpoints.
        only_new: Leave the saved queue as it is, but for items that are asked for again; a hold on it
            does not concern what is asked for now.

    Raises:
        StateLocked: Another process owns the queue.
        StateError: The saved queue cannot be used.
    """

    def __init__(
        self,
        config: EngineConfig,
        connections: Connections | None = None,
        *,
        only_new: bool = False,
        fs: FsOps | None = None,
        clock: Clock | None = None,
    ) -> None:
        fs, clock = fs or FsOps(), clock or SystemClock()
        self._connections = connections or Connections(clock=clock)
        self._store = Store.open(config.state_dir, fs=fs, clock=clock)
        self._core = Core(config, self._store, self._connections, fs, clock)
        self._browser: Browser | None = None
        self._closer = Closer(self._core)
        self._debts = Debts(self._core)
        self._intake = Intake(self._core, Planner(self._connections, fs, clock), self._closer)
        self._reporter = Reporter(self._core)
        super().__init__(self._core, self._closer, self._intake)
        self._runner = Runner(self._core, self._closer, self._debts)
        self._closer.failed = self._runner.failed_at_end
        self._pool = WorkerPool(self._core, self._runner)
        self._core.more_workers = self._pool.spawn_if_needed
        self._housekeeper = threading.Thread(target=self._keep_house, name="s3tui-housekeeper", daemon=True)
        self._end = CancelToken()
        self._is_started = self._is_closed = False
        files = open_files.raise_limit()
        self._core.most_workers = open_files.workers_for(files)
        self._core.scheduler.workers = min(config.workers, self._core.most_workers)
        short = open_files.shortage(config.workers, files)
        self.notices: tuple[str, ...] = (*self._store.loaded.notices, *([short] if short else ()))
        """What had to be mended when the saved queue was read, and what this machine is short of, in words."""
        with without_gc():
            recover(self._core, self._debts, self._reporter, only_new=only_new)
            self._store.forget_loaded()

    # -- life --------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start the threads; whatever was queued or interrupted goes on.

        Raises:
            Retryable: ``short-of-resources``: not even the few threads that the queue needs can be had.
        """
        core = self._core
        with core.lock:
            if self._is_started or self._is_closed:
                return
            self._is_started = True
            self._closer.start()
            start(self._housekeeper, operation="start the queue")
            for operation in list(core.operations.values()):
                if operation.is_planning:
                    self._intake.resume(operation)
            self._debts.schedule(core.clock.monotonic())
            core.wake()

    def close(self, deadline: float = 2.0) -> None:
        """Checkpoint and stop, within `deadline` seconds; threads that hang are left behind. Idempotent."""
        core = self._core
        until = core.clock.monotonic() + deadline
        with core.lock:
            if self._is_closed:
                return
            self._is_closed = core.is_closing = True
            self._intake.stop()
            for transfer in core.scheduler.active:
                core.stop_run(transfer, "quit")
            core.work.notify_all()
            core.news.notify_all()
        self._end.cancel("quit")
        if self._browser is not None:
            self._browser.close()
        left = self._pool.join(until - 0.4)
        if left:
            log.warning("%d workers did not end in time", left)
        if self._is_started:
            self._closer.stop(max(0.05, until - 0.2 - core.clock.monotonic()))
        self._runner.close_left()
        with core.lock:
            core.is_closed = True
        self._store.close(max(0.2, until - core.clock.monotonic()))
        self._connections.close()
        let_go_of_folders(core.fs)
        if self._housekeeper.is_alive():
            self._housekeeper.join(max(0.05, until - core.clock.monotonic()))

    def _keep_house(self) -> None:
        """Twice a second: speeds, debts, stuck workers, records that could not be written."""
        core = self._core
        while not core.clock.wait(self._end, HOUSEKEEPING_SECONDS):
            try:
                self._tidy()
            except Exception:
                # Without this thread nothing that could not be saved would ever be saved.
                log.exception("keeping house")

    def _tidy(self) -> None:
        core = self._core
        with core.lock:
            self._reporter.sample()
            core.roster.synced_up_to(core.store.durable_seq)
            self._debts.schedule(core.clock.monotonic())
            self._pool.write_off_stuck()
            self._pool.spawn_again()
            self._intake.call_planner()
            self._save_again()
            is_idle = not core.scheduler.active and self._closer.is_idle
        if is_idle:
            let_go_of_folders(core.fs)

    def _save_again(self) -> None:
        core = self._core
        if core.store.problem or core.is_closed:
            return
        if core.is_hold_unsaved:
            core.save_hold()
        core.record_cancelled()
        if not core.unsaved:
            return
        transfers = [core.roster.items[id] for id in core.unsaved if id in core.roster.items]
        core.unsaved.clear()
        for transfer in transfers:
            parts, transfer.unsaved_parts = transfer.unsaved_parts, ()
            try:
                if parts:
                    core.store.confirm_many(transfer.id, parts)
            except Condition:
                transfer.unsaved_parts = parts
                core.unsaved.update(item.id for item in transfers)
                return
        core.save_many(transfers)

    # -- what panes ask -------------------------------------------------------------------------------

    @property
    def browser(self) -> Browser:
        """What panes ask; made, and its modules loaded, when somebody first does."""
        if self._browser is None:
            from engine.browser import Browser

            with self._core.lock:
                if self._browser is None:
                    self._browser = Browser(self._connections, self._core.fs, self._core.clock)
                    if self._is_closed:
                        self._browser.close()
        return self._browser

    # -- looking -----------------------------------------------------------------------------------

    def snapshot(
        self,
        first: int = 0,
        count: int = 50,
        view: View = View.ALL,
        find: str = "",
        opened: Collection[OperationId] | None = None,
    ) -> EngineSnapshot:
        """A window of the queue and the sums over all of it.

        Args:
            opened: Give one row for each operation of several items, with its items below it for these
                operations. ``None`` gives items alone, and so do a view other than `View.ALL` and a search.
        """
        with self._core.lock:
            return self._reporter.snapshot(first, count, view, find, opened)

    def detail(self, id: TransferId) -> TransferDetail | None:
        """Everything about one item; of a finished one what is still known."""
        core = self._core
        with core.lock:
            transfer = self._item(id)
            if transfer is not None:
                return self._reporter.detail(transfer)
            row = core.roster.finished_ids.get(id)
        if row is None:
            return None
        return TransferDetail(row, 0, (), 0, row.problem, None, 0.0, "")

    def drain_events(self, limit: int = 100) -> list[Event]:
        """The rare facts since the last call, oldest first."""
        core = self._core
        with core.lock:
            return [core.events.popleft() for _ in range(min(limit, len(core.events)))]

    def speed_history(self) -> tuple[float, ...]:
        """Bytes per second of each of the last 60 seconds, oldest first."""
        with self._core.lock:
            return self._reporter.speed_history

    # -- operations, for those who wait for them -------------------------------------------------------

    def operation(self, id: OperationId) -> OperationProgress | None:
        """How far an operation of this process is."""
        core = self._core
        with core.lock:
            sums = core.roster.operations.get(id)
            operation: Operation | None = core.operations.get(id)
            if sums is None or operation is None:
                return None
            self._reporter.sample()
            return OperationProgress(
                operation.is_planning, operation.problem, self._reporter.totals(sums), sums.unsettled
            )

    def rows_of(self, id: OperationId, *states: TransferState) -> tuple[TransferSnapshot, ...]:
        """The unfinished items of an operation, those in `states` if any are named."""
        core = self._core
        with core.lock:
            return tuple(
                row_of(core, item)
                for item in core.roster
                if (item.operation == id or id in item.also) and (not states or item.state in states)
            )

    def active_rows(self, count: int) -> tuple[TransferSnapshot, ...]:
        """Up to `count` items that are under way."""
        core = self._core
        with core.lock:
            self._reporter.sample()
            return tuple(row_of(core, item) for item in core.scheduler.active[:count])

    def resumed(self, count: int) -> tuple[TransferSnapshot, ...]:
        """Up to `count` of the items that went on by themselves at the start, as they are now, finished ones too."""
        core = self._core
        with core.lock:
            self._reporter.sample()
            rows = []
            for id in core.resumed[:count]:
                item = core.roster.items.get(id)
                row = row_of(core, item) if item is not None else core.roster.finished_ids.get(id)
                if row is not None:
                    rows.append(row)
            return tuple(rows)

    def wait(self, timeout: float, *, rest: float = 0.0) -> bool:
        """Return when something happened, or after `timeout` seconds; false in the latter case.

        Args:
            rest: Seconds that are let pass in any case: who asks after each of ten thousand files slows them down.
        """
        core, seen = self._core, self._core.revision
        if rest > 0 and core.clock.wait(self._end, rest):
            return True
        with core.lock:
            return core.revision != seen or core.hear(timeout - rest)

    def is_over(self, id: OperationId) -> bool:
        """Nothing of this operation moves by itself any more; true for one that is not known."""
        core = self._core
        with core.lock:
            sums, operation = core.roster.operations.get(id), core.operations.get(id)
            return sums is None or operation is None or not (operation.is_planning or sums.unsettled)

    @property
    def is_tidy(self) -> bool:
        """Nothing is being removed that cancelled and failed items have left behind; what could not be stays owed."""
        core = self._core
        with core.lock:
            return core.scheduler.is_tidy

    @property
    def is_settled(self) -> bool:
        """Nothing will move by itself any more."""
        core = self._core
        with core.lock:
            planning = any(operation.is_planning for operation in core.operations.values())
            return not planning and not core.roster.sums.unsettled and self._closer.is_idle

    @property
    def waits_only(self) -> bool:
        """Something is left, and all of it waits for a condition to heal."""
        core = self._core
        with core.lock:
            counts, has_conditions = core.roster.sums.counts, core.scheduler.has_conditions
            if not (has_conditions or counts[S.WAITING] or core.store.problem):
                return False  # As nearly always: this is asked all the time, and what follows looks at each item.
            # Whoever tries whether the condition is over shows by moving only that it tries.
            probing = core.scheduler.probing
            moving = counts[S.RUNNING] + counts[S.FINISHING] > len(probing)
            retrying = any(
                item.hold is not None and item.hold.is_timed and not core.scheduler.only_tries(item)
                for item in core.scheduler.active
            )
            restoring = counts[S.WAITING] and any(
                item.hold is not None and item.hold.reason == RESTORING for item in core.roster
            )
            waiting = restoring or (has_conditions and (counts[S.WAITING] or probing))
            return bool(waiting or core.store.problem) and not moving and not retrying

    # -- connections -------------------------------------------------------------------------------

    def profiles(self) -> tuple[Profile, ...]:
        """The profiles at hand."""
        return self._connections.profiles()

    def add_profile(self, profile: Profile) -> None:
        """Make another one available; items that waited for it ask to go on."""
        self._connections.add(profile)
        self._wake_for(profile.connection_id)

    def _wake_for(self, connection: ConnectionId) -> None:
        core = self._core
        with core.lock:
            for item in _asking_for(core.roster, connection):
                core.go(item, S.QUEUED)
                core.save(item)
                core.requeue(item)


def _asking_for(items: Iterable[Transfer], connection: ConnectionId) -> list[Transfer]:
    return [
        item
        for item in items
        if item.question is not None
        and item.question.kind in ASKS_FOR_ACCESS
        and item.spec.connection == connection
    ]
