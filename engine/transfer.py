"""One item at run time: where it stands, and which changes of state are legal.

Everything here is written under the queue's lock, but for `Part.done` (see `jobs.protocol`).
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from engine.errors import Problem
from engine.jobs.protocol import Part, PartAction
from engine.model import (
    DEFAULT_PART_SIZE,
    NO_CHECKPOINT,
    ConfirmedPart,
    ItemKind,
    OperationId,
    Outcome,
    TransferId,
    TransferSpec,
    TransferState,
    Verified,
)
from engine.pace.cancel import CancelToken
from engine.pace.clock import Clock
from engine.pace.meter import SpeedMeter
from engine.snapshot import Question

if TYPE_CHECKING:
    from engine.jobs.protocol import Job
    from engine.pace.item_limiter import ItemLimiter

S = TransferState

RESTORING = "restoring"
"""Reason of items that wait until their object has come out of its archive."""

TRANSITIONS: dict[TransferState, frozenset[TransferState]] = {
    S.QUEUED: frozenset((S.RUNNING, S.WAITING, S.PAUSED, S.ATTENTION, S.FAILED, S.CANCELLED)),
    S.RUNNING: frozenset((S.QUEUED, S.FINISHING, S.WAITING, S.PAUSED, S.ATTENTION, S.FAILED, S.CANCELLED)),
    S.FINISHING: frozenset((S.DONE, S.QUEUED, S.WAITING, S.PAUSED, S.ATTENTION, S.FAILED, S.CANCELLED)),
    S.WAITING: frozenset((S.QUEUED, S.RUNNING, S.PAUSED, S.ATTENTION, S.FAILED, S.CANCELLED)),
    S.PAUSED: frozenset((S.QUEUED, S.CANCELLED)),
    S.ATTENTION: frozenset((S.QUEUED, S.PAUSED, S.CANCELLED)),
    S.FAILED: frozenset((S.QUEUED, S.CANCELLED)),
    S.DONE: frozenset(),
    S.CANCELLED: frozenset(),
}
"""From each state, where an item may go. Everything else is a mistake in the program."""


NO_PARTS: Mapping[int, ConfirmedPart] = MappingProxyType({})
"""Of all items of which nothing is confirmed: one for a hundred thousand."""


class IllegalTransition(AssertionError):
    """The program tried a change of state that makes no sense."""


class Hold:
    """Why a WAITING item waits, and until when."""

    __slots__ = ("attempt", "attempts", "reason", "text", "until")

    def __init__(self, reason: str, text: str, until: float, attempt: int = 0, attempts: int = 0) -> None:
        self.reason = reason
        """As `snapshot.Waiting.reason`."""
        self.text = text
        self.until = until
        """Monotonic time of the next try."""
        self.attempt, self.attempts = attempt, attempts

    @property
    def is_timed(self) -> bool:
        """The item comes again by itself at that time; else with the condition that holds it up."""
        return self.reason in ("retry", "throttled", RESTORING)


class Transfer:
    """One item of the queue."""

    __slots__ = (
        "added_at",
        "also",
        "attempts",
        "checkpoint",
        "hold",
        "id",
        "last_error",
        "looks",
        "note",
        "operation",
        "outcome",
        "owed",
        "parked",
        "parts",
        "problem",
        "question",
        "rank",
        "refusals",
        "run",
        "saved_seq",
        "seconds_before",
        "spec",
        "state",
        "unsaved_parts",
        "verified",
        "wish",
    )

    def __init__(self, id: TransferId, operation: OperationId, spec: TransferSpec, rank: int) -> None:
        self.id, self.operation, self.spec, self.rank = id, operation, spec, rank
        self.also: tuple[OperationId, ...] = ()
        """Later operations that asked for the same thing."""
        self.state = S.QUEUED
        self.checkpoint = NO_CHECKPOINT
        self.parts = NO_PARTS
        """The confirmed parts, as journalled; see `keep`."""
        self.unsaved_parts: tuple[ConfirmedPart, ...] = ()
        """Confirmed while the journal could not be written; journalled when it can be again."""
        self.parked = 0
        """Its share of `Sums.bytes_parked`."""
        self.attempts = 0
        """Tries in a row that failed without any part getting done."""
        self.refusals = 0
        """Of other tries in a row, how often the server was too busy: that is waited out, however often."""
        self.looks = 0
        """How often it was looked, in this process, whether its object is out of its archive."""
        self.problem: Problem | None = None
        self.last_error: Problem | None = None
        self.question: Question | None = None
        self.hold: Hold | None = None
        self.note = ""
        self.outcome: Outcome | None = None
        self.verified: Verified | None = None
        self.added_at = 0.0
        self.saved_seq = 0
        """Sequence number of its newest record that a user waits for."""
        self.seconds_before = 0.0
        """Running time of earlier runs in this process."""
        self.run: Run | None = None
        self.wish: TransferState | None = None
        """PAUSED or CANCELLED: asked for while FINISHING, or until the workers have left."""
        self.owed: tuple[int, ...] = ()
        """Clean-ups on record that it left behind: of uploads it gave up, and when it was cancelled."""

    @property
    def is_small(self) -> bool:
        """One request moves it; nothing of it is worth a checkpoint before its end."""
        return 0 <= self.spec.size <= (self.spec.options.part_size or DEFAULT_PART_SIZE) or (
            self.spec.kind is ItemKind.DELETE
        )

    @property
    def bytes_confirmed(self) -> int:
        """What would not have to be moved again."""
        if self.run is not None and self.run.parts:
            return self.run.confirmed_bytes
        return sum(part.length for part in self.parts.values()) if self.parts else 0

    @property
    def bytes_done(self) -> int:
        """Confirmed, and what is under way."""
        return self.bytes_confirmed + (self.run.bytes_in_hand() if self.run is not None else 0)

    def keep(self, part: ConfirmedPart) -> None:
        """One more part is confirmed, or the same one anew."""
        if not isinstance(self.parts, dict):
            self.parts = {}
        self.parts[part.number] = part

    def lose(self, number: int) -> bool:
        """This part is not confirmed any more; false if it was not before."""
        return isinstance(self.parts, dict) and self.parts.pop(number, None) is not None

    def go(self, state: TransferState) -> None:
        """Change the state.

        Raises:
            IllegalTransition: See `TRANSITIONS`.
        """
        if state is self.state:
            return
        if state not in TRANSITIONS[self.state]:
            raise IllegalTransition(f"item {self.id} from {self.state.value} to {state.value}")
        self.state = state
        if state is not S.WAITING:
            self.hold = None
        if state is not S.ATTENTION:
            self.question = None
        if state is S.QUEUED:
            self.problem = None


class Run:
    """What exists of an item while it is being worked on; made anew each time it starts."""

    __slots__ = (
        "base",
        "begun_at",
        "claimed",
        "confirmed_bytes",
        "delayed",
        "device",
        "finishing",
        "in_hand",
        "inside",
        "job",
        "limiter",
        "meter",
        "parts",
        "parts_done",
        "pending",
        "size",
        "stopping",
        "token",
    )

    def __init__(self, clock: Clock) -> None:
        self.token = CancelToken()
        self.job: Job | None = None
        self.limiter: ItemLimiter | None = None
        """Of the job, once there is one."""
        self.parts: list[Part] = []
        self.pending: deque[Part] = deque()
        """Parts that may be taken at once."""
        self.delayed: list[tuple[float, int, Part]] = []
        """Heap by the monotonic time before which a part is not tried again."""
        self.in_hand: dict[int, Part] = {}
        """By number: those a worker has."""
        self.inside = 0
        """Workers that are inside the job."""
        self.size = 0
        self.device: int | None = None
        """``st_dev`` of the disk that it writes to, once it has claimed room there."""
        self.claimed = 0
        """How much of `Core.claims` is its own."""
        self.confirmed_bytes = 0
        self.base = 0
        """`confirmed_bytes` when the run began."""
        self.parts_done = 0
        self.finishing = False
        self.stopping = False
        """The token was cancelled: when nobody is inside, the job is closed and the run is over."""
        self.begun_at = clock.monotonic()
        self.meter = SpeedMeter(clock)

    def set_parts(self, parts: Iterable[Part], size: int) -> None:
        """Take over what `Job.begin` found. What is to be moved goes before what is only checked."""
        self.parts = list(parts)
        self.size = size
        if len(self.parts) == 1 and not self.parts[0].confirmed:
            self.pending = deque(self.parts)
            return
        todo = [p for p in self.parts if not p.confirmed or p.action is PartAction.CHECK]
        todo.sort(key=lambda part: (part.action is PartAction.CHECK, part.number))
        self.pending = deque(todo)
        self.parts_done = sum(1 for part in self.parts if part.confirmed)
        self.confirmed_bytes = sum(part.length for part in self.parts if part.confirmed)
        self.base = self.confirmed_bytes

    def bytes_in_hand(self) -> int:
        """What parts under way, and those waiting to be tried again, have moved."""
        return sum(part.done for part in list(self.in_hand.values()) if not part.confirmed)

    @property
    def moved(self) -> int:
        """Bytes this run has moved so far."""
        return max(0, self.confirmed_bytes - self.base) + self.bytes_in_hand()

    @property
    def is_complete(self) -> bool:
        """Nothing is left to move or check."""
        return not (self.pending or self.delayed or self.in_hand)

    def wake_delayed(self, now: float) -> None:
        """What has waited long enough may be taken."""
        while self.delayed and self.delayed[0][0] <= now:
            self.pending.append(heapq.heappop(self.delayed)[2])

    def delay(self, part: Part, until: float) -> None:
        """Not before `until` (monotonic)."""
        part.not_before = until
        heapq.heappush(self.delayed, (until, part.number, part))

    @property
    def next_due(self) -> float:
        """Monotonic time at which the first delayed part may be taken."""
        return self.delayed[0][0]
