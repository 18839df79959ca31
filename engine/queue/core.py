"""What the parts of the running queue share: the lock, the items, the journal, the news."""

from __future__ import annotations

import logging
import random
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engine.config import MAX_WORKERS, EngineConfig
from engine.errors import Condition, NeedsAnswer, Problem, TransferError, UsageError, explain
from engine.local.failures import local_error
from engine.local.fsops import FsOps
from engine.local.identity import boot_id
from engine.model import ItemKind, LocalRef, OperationId, Request, TransferId, TransferSpec, TransferState
from engine.pace.clock import Clock
from engine.pace.limiter import RateLimiter
from engine.pace.retry import RetryPolicy
from engine.queue.lanes import lane_of
from engine.queue.roster import Roster
from engine.scheduler import Scheduler, Work, WorkKind
from engine.snapshot import Event, Question, TransferSnapshot, Trouble
from engine.state.store import FinishedItem, SavedItem, Store
from engine.transfer import Hold, Run, Transfer

if TYPE_CHECKING:
    from engine.s3.connection import Connections

log = logging.getLogger(__name__)

S = TransferState

Ended = tuple[ItemKind, str, str | None]
"""Kind, source and target of an item; ``None`` for whatever target."""

MOST_NEWS = 10_000
"""Rare facts that wait to be asked for; the oldest are forgotten."""


MOST_TROUBLES = 500
"""Things that went wrong and are remembered."""

MOST_PUT_OFF = 100
"""Deletions that can be taken back one after the other."""


@dataclass(slots=True)
class Operation:
    """What the user asked for in one go. Written and read under the queue's lock."""

    id: OperationId
    request: Request | None
    label: str
    added_at: float
    is_planning: bool = False
    is_from_before: bool = False
    """An earlier process was asked for it, and did not come to the end of its planning."""
    problem: Problem | None = None
    """Why planning ended early."""
    ended: set[Ended] = field(default_factory=set)
    """Of an earlier process: items that came to their end before all of it was planned (again)."""
    emptied: set[str] = field(default_factory=set)
    """Of a move that is planned again: folders, ending in ``/``, out of which files went; none was empty when it was asked for."""
    found: Callable[[], list[TransferSpec]] | None = None
    """Its items, where they were planned before it was asked for; put on record all together or not at all."""
    is_paused: bool = False
    """Items that are still found are paused from the beginning."""
    answers: dict[str, str] = field(default_factory=dict)
    """Question kind to the answer that was given for all of this operation."""


class Core:
    """The shared state of one queue.

    Threads: everything but the limiters is read and written under `lock`. `work` wakes workers,
    `news` wakes whoever waits for something to happen; both belong to `lock`. Lock order: `lock`,
    then the store's, then a token's. Nothing under `lock` waits for disk or network: the journal's
    writes cost microseconds, syncing is done elsewhere.
    """

    def __init__(
        self, config: EngineConfig, store: Store, connections: Connections, fs: FsOps, clock: Clock
    ) -> None:
        self.config, self.store, self.connections = config, store, connections
        self.fs, self.clock = fs, clock
        self.rng = random.Random()
        self.retries = RetryPolicy(attempts=config.attempts, rng=self.rng)
        self.boot_id = boot_id()
        self.lock = threading.RLock()
        self.work = threading.Condition(self.lock)
        self.news = threading.Condition(self.lock)
        self.roster = Roster()
        self.scheduler = Scheduler(config.workers, config.active_items, self.rng)
        self.scheduler.is_state_unsaved = lambda: bool(store.problem)
        self.operations: dict[OperationId, Operation] = {}
        self.upload_limiter = RateLimiter(clock, config.upload_limit)
        self.download_limiter = RateLimiter(clock, config.download_limit)
        self.free_limiter = RateLimiter(clock)
        self.scheduler.rate = lambda kind: self.limiter_for(kind).rate
        """For what costs the line nothing: copies and deletes."""
        self.events: deque[Event] = deque(maxlen=MOST_NEWS)
        self.unsaved: set[TransferId] = set()
        """Items whose record could not be written; written when the journal can be again."""
        self.unrecorded: list[FinishedItem] = []
        """Cancelled while the journal could not be written; recorded when it can be again."""
        self.is_hold_unsaved = False
        """The hold, or its end, could not be written; as `unsaved`."""
        self.last_recovered = TransferId(0)
        """The highest id among the items of an earlier process, which may have begun them without a record."""
        self.most_workers = MAX_WORKERS
        """As many as may have files open at a time; set by the manager."""
        self.resumed: tuple[TransferId, ...] = ()
        """Items of an earlier process that went on by themselves, in their order; written once, at the start."""
        self.put_off: deque[OperationId] = deque(maxlen=MOST_PUT_OFF)
        """Operations with deletions that wait before they begin, newest last."""
        self.troubles: deque[Trouble] = deque(maxlen=MOST_TROUBLES)
        """What went wrong, oldest first."""
        self.is_closing = False
        """No new work is given out."""
        self.is_closed = False
        """The journal takes nothing any more."""
        self.claims: dict[int, int] = {}
        """By disk (``st_dev``): the sizes of all that is being written to it."""
        self.retired_up = self.retired_down = 0
        """Bytes moved by runs that are over."""
        self.revision = 1
        self.watchers = 0
        """How many threads wait for news."""
        self.more_workers: Callable[[], None] = lambda: None
        """Makes another worker if all are busy; set by the pool, called with the lock held."""

    def wake(self) -> None:
        """There may be work. With the lock held. One worker looks; where it finds some, it wakes the next."""
        self.more_workers()
        self.work.notify()

    # -- news --------------------------------------------------------------------------------------

    def tell(self, event: Event) -> None:
        """A rare fact. With the lock held."""
        self.events.append(event)
        self.touch()

    def touch(self) -> None:
        """Something changed. With the lock held."""
        self.revision += 1
        if self.watchers:
            self.news.notify_all()

    def hear(self, timeout: float) -> bool:
        """Wait for news; false if none came in so many seconds. With the lock held, which is let go meanwhile."""
        self.watchers += 1
        try:
            return self.news.wait(max(0.0, timeout))
        finally:
            self.watchers -= 1

    # -- items -------------------------------------------------------------------------------------

    def go(self, transfer: Transfer, state: TransferState) -> None:
        """Change an item's state. With the lock held."""
        self.roster.go(transfer, state)
        self.touch()

    def limiter_for(self, kind: ItemKind) -> RateLimiter:
        """Of this direction."""
        if kind is ItemKind.UPLOAD:
            return self.upload_limiter
        return self.download_limiter if kind is ItemKind.DOWNLOAD else self.free_limiter

    def save(self, transfer: Transfer) -> None:
        """Journal what a restart must know of an item. With the lock held; never raises.

        Where the journal cannot be written, it is done when it can be again.
        """
        if self.is_closed:
            return
        try:
            transfer.saved_seq = self.store.save(saved(transfer))
            self.store.request_sync()
            self.unsaved.discard(transfer.id)
        except Condition as error:
            self.unsaved.add(transfer.id)
            self.block(error, transfer)

    def save_many(self, transfers: list[Transfer]) -> None:
        """As `save`, in one transaction."""
        if not transfers or self.is_closed:
            return
        try:
            seq = self.store.save_many([saved(transfer) for transfer in transfers])
            self.store.request_sync()
            for transfer in transfers:
                transfer.saved_seq = seq
        except Condition as error:
            self.unsaved.update(transfer.id for transfer in transfers)
            self.block(error, transfers[0])

    def save_hold(self) -> None:
        """Journal whether the queue is held. With the lock held; as `save`."""
        try:
            self.store.set_held(self.scheduler.held)
            self.store.request_sync()
            self.is_hold_unsaved = False
        except Condition:
            self.is_hold_unsaved = True

    def record_cancelled(self) -> None:
        """Journal what `unrecorded` holds. With the lock held; as `save`."""
        if not self.unrecorded:
            return
        try:
            self.store.finish(self.unrecorded)
            self.store.request_sync()
            self.unrecorded = []
        except Condition as error:
            log.info("cancelled items are recorded later: %s", error.detail)

    def block(self, error: Condition, transfer: Transfer) -> None:
        """A condition holds. With the lock held."""
        self.scheduler.block(error, transfer, self.clock.monotonic())
        self.touch()

    def wait_for(self, error: Condition, transfer: Transfer) -> None:
        """A condition stopped this item: it waits, and with it whatever else that concerns. With the lock held."""
        blockade = self.scheduler.block(error, transfer, self.clock.monotonic())
        for other in self.scheduler.active:
            hit = other is transfer or (
                not error.alone
                and other.state is S.RUNNING
                and self.scheduler.blockade_for(lane_of(other)) is blockade
            )
            if hit:
                self.go(other, S.WAITING)
                other.hold = Hold(blockade.reason, blockade.text, blockade.until)
                blockade.items[other.id] = other
                self.stop_run(other, "condition")
        self.wake()

    # -- stopping runs -----------------------------------------------------------------------------

    def stop_run(self, transfer: Transfer, reason: str) -> None:
        """Stop the work on an item; its files are closed when the last worker has left. With the lock held."""
        run = transfer.run
        if run is None or run.stopping:
            return
        run.stopping = True
        run.token.cancel(reason)
        if run.inside == 0:
            self.close_run(transfer)

    def close_run(self, transfer: Transfer) -> None:
        """Nobody is inside any more. With the lock held."""
        self.scheduler.chore(Work(WorkKind.CLOSE, transfer))
        self.wake()

    def retire(self, transfer: Transfer, run: Run) -> None:
        """The run is over: its bytes count among those that were moved. With the lock held."""
        moved = run.moved
        if transfer.spec.kind is ItemKind.UPLOAD:
            self.retired_up += moved
        elif transfer.spec.kind is ItemKind.DOWNLOAD:
            self.retired_down += moved
        transfer.seconds_before += max(0.0, self.clock.monotonic() - run.begun_at)
        transfer.run = None
        if run.device is not None:
            self.claims[run.device] -= run.claimed
        if not transfer.state.is_final:
            self.roster.park(transfer, transfer.bytes_confirmed)
        self.scheduler.stopped(transfer)

    def requeue(self, transfer: Transfer) -> None:
        """It is QUEUED: let it begin as soon as its last run is over. With the lock held."""
        if transfer.run is None:
            self.scheduler.ready(transfer)
            self.wake()


def saved(transfer: Transfer) -> SavedItem:
    """What a restart must know. Work under way is QUEUED there, and so is waiting."""
    state = transfer.state
    if state in (S.RUNNING, S.FINISHING, S.WAITING):
        # Who wanted to cancel it in its last step does not want it to go on after a restart.
        state = S.QUEUED if transfer.wish is None else S.PAUSED
    return SavedItem(
        id=transfer.id,
        operation=transfer.operation,
        spec=transfer.spec,
        rank=transfer.rank,
        state=state,
        checkpoint=transfer.checkpoint,
        attempts=transfer.attempts,
        problem=transfer.problem,
        question=transfer.question,
        added_at=transfer.added_at,
        also=transfer.also,
    )


_ANSWERS = {
    "target-exists": ("overwrite", "newer", "differs", "rename", "skip"),
    "source-changed": ("restart", "cancel"),
    "object-changed": ("restart", "cancel"),
    "needs-profile": ("cancel",),
    "plain-http": ("cancel",),
    "unclear-result": ("restart", "keep", "cancel"),
    "archived": ("restore-bulk", "restore-standard", "restore-expedited", "cancel"),
}


def question_of(error: NeedsAnswer) -> Question:
    """What an item asks that stopped with this error."""
    problem = explain(error)
    text = problem.why
    if error.code == "needs-profile":
        connection = error.subject or "another endpoint"
        profile, _, endpoint = connection.partition("@")
        at = "" if endpoint in ("", "aws") else f" --endpoint-url {endpoint}"
        text = f"queued for {connection}: start with --profile {profile}{at}"
    return Question(error.code, text, _ANSWERS.get(error.code, ("cancel",)), error.source, error.target)


def known_error(error: BaseException, transfer: Transfer) -> BaseException:
    """What an error of a job means: one of the system is of a file, for the wire keeps its own to itself."""
    spec = transfer.spec
    if isinstance(error, OSError):
        place = spec.target if spec.kind is ItemKind.DOWNLOAD else spec.source
        path = place.path if isinstance(place, LocalRef) else str(place)
        cause = error
        error = local_error(cause, spec.kind.value, path, writing=spec.kind is ItemKind.DOWNLOAD)
        error.__cause__ = cause
        log.warning("item %d: %s", transfer.id, error.code, exc_info=cause)
    elif not isinstance(error, TransferError | UsageError):
        log.error("item %d: internal error", transfer.id, exc_info=error)
    return error


def is_local(transfer: Transfer) -> bool:
    """It touches no server."""
    return isinstance(transfer.spec.source, LocalRef) and isinstance(transfer.spec.target, LocalRef)


def event(kind: str, row: TransferSnapshot, text: str = "") -> Event:
    """A fact about one item."""
    return Event(kind, row, row.operation, text)
