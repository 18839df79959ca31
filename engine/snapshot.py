"""What readers get: frozen pictures of the queue, cheap to take and safe to keep.

Rates are bytes per second, durations seconds. Strings are raw (not made safe for a terminal).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from engine.errors import Problem
from engine.model import (
    Facts,
    ItemKind,
    OperationId,
    Outcome,
    TransferId,
    TransferState,
    Verified,
)


class View(Enum):
    """Which rows of the queue are looked at."""

    ALL = "all"
    ACTIVE = "active"
    """Moving, or about to."""
    WAITING = "waiting"
    """Standing still for a reason: paused, waiting."""
    ASKING = "asking"
    """What wants an answer."""
    FAILED = "failed"
    DONE = "done"

    def shows(self, state: TransferState) -> bool:
        """A row in this state belongs to the view."""
        return state in _VIEWS[self]


_VIEWS: dict[View, frozenset[TransferState]] = {
    View.ALL: frozenset(TransferState),
    View.ACTIVE: frozenset((TransferState.QUEUED, TransferState.RUNNING, TransferState.FINISHING)),
    View.WAITING: frozenset((TransferState.WAITING, TransferState.PAUSED)),
    View.ASKING: frozenset((TransferState.ATTENTION,)),
    View.FAILED: frozenset((TransferState.FAILED,)),
    View.DONE: frozenset((TransferState.DONE, TransferState.CANCELLED)),
}


@dataclass(frozen=True, slots=True)
class Waiting:
    """Why a WAITING item waits, and until when."""

    reason: str
    """``undo`` (a deletion that can be taken back), ``retry``, ``offline``, ``throttled``, ``credentials``, ``disk-full``, ``clock``,
    ``restoring`` (out of an archive)."""
    text: str
    """Plain words: "503 SlowDown", "connection refused"."""
    seconds_left: float
    """Until the next try; 0 means now."""
    attempt: int = 0
    """For ``retry``: the number of the coming try."""
    attempts: int = 0
    """For ``retry``: how many tries there are in all."""


@dataclass(frozen=True, slots=True)
class Question:
    """What an ATTENTION item wants to know."""

    kind: str
    """``target-exists``, ``source-changed``, ``object-changed``, ``unclear-result``;
    ``needs-profile`` and ``plain-http`` end by themselves when what they ask for is there."""
    text: str
    answers: tuple[str, ...]
    """What `TransferManager.answer` takes: for ``target-exists`` the `ConflictPolicy` values
    ``overwrite newer differs rename skip``; else of ``restart skip cancel keep``."""
    source: Facts | None = None
    target: Facts | None = None


@dataclass(frozen=True, slots=True)
class GroupFacts:
    """What a row that stands for an operation of several items says beside its sums."""

    label: str
    """What was asked for, in one line: "upload /data/logs/ to s3://b/logs/"."""
    counts: dict[TransferState, int]
    """How many of its items are in each state; those with none are left out."""
    is_open: bool
    """Its items are shown below it."""
    is_planning: bool
    """More items may come."""
    has_problem: bool = False
    """Its planning ended early."""

    @property
    def items(self) -> int:
        """How many there are."""
        return sum(self.counts.values())

    def count(self, *states: TransferState) -> int:
        """How many are in any of these states."""
        return sum(self.counts.get(state, 0) for state in states)


@dataclass(frozen=True, slots=True)
class TransferSnapshot:
    """One row: an item or, with `group`, an operation, whose number is then the `id` and which commands
    for single items leave alone."""

    id: TransferId
    operation: OperationId
    kind: ItemKind
    state: TransferState
    source: str
    target: str
    size: int
    """-1 where unknown."""
    bytes_done: int = 0
    """Confirmed bytes and those of parts under way; never more than `size`."""
    bytes_confirmed: int = 0
    parts_done: int = 0
    parts: int = 0
    bytes_per_second: float = 0.0
    eta: float | None = None
    elapsed: float = 0.0
    """Time spent running in this process."""
    outcome: Outcome | None = None
    verified: Verified | None = None
    saving: bool = False
    """Its newest command or result is not yet safe on disk."""
    waiting: Waiting | None = None
    question: Question | None = None
    problem: Problem | None = None
    note: str = ""
    """What the job wants known: "server dropped the partial upload, restarting"."""
    group: GroupFacts | None = None
    rate_limit: int | None = None
    """Its own, in bytes per second."""
    is_child: bool = False
    """It stands below the row of its operation."""

    @property
    def fraction(self) -> float:
        """0.0 to 1.0; 1.0 only when DONE."""
        if self.state is TransferState.DONE:
            return 1.0
        if self.size <= 0:
            return 0.0
        return min(self.bytes_done / self.size, 0.9999)

    def to_json(self) -> dict[str, Any]:
        """The object that ``s3tui status --json`` prints (DESIGN section 7)."""
        problem = self.problem
        return {
            "id": self.id,
            "operation": self.operation,
            "direction": self.kind.value,
            "source": self.source,
            "target": self.target,
            "state": self.state.value,
            "outcome": self.outcome.value if self.outcome else None,
            "bytes_done": self.bytes_confirmed,
            "size": self.size,
            "parts_done": self.parts_done,
            "parts": self.parts,
            "verified": self.verified.value if self.verified else None,
            "problem": problem.to_json() if problem else None,
        }


@dataclass(frozen=True, slots=True)
class PartSnapshot:
    """One part in the details of an item."""

    number: int
    offset: int
    length: int
    done: int
    state: str
    """``pending``, ``moving``, ``checking``, ``done``, ``retrying``."""
    attempts: int = 0


@dataclass(frozen=True, slots=True)
class TransferDetail:
    """Everything about one item, for a details screen."""

    row: TransferSnapshot
    part_size: int
    parts: tuple[PartSnapshot, ...]
    """Those under way and the first hundred others at most."""
    attempts: int
    """Tries that failed so far, over all parts."""
    last_error: Problem | None
    upload_id: str | None
    average_bytes_per_second: float
    connection: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over the whole queue (unfinished items and those finished since the start)."""

    counts: dict[TransferState, int] = field(default_factory=dict)
    bytes_total: int = 0
    bytes_done: int = 0
    bytes_left: int = 0
    bytes_finished: int = 0
    """Of `bytes_done`, what DONE items hold."""
    bytes_failed: int = 0
    """Of `bytes_left`, what is missing of FAILED items: nothing moves it unless it is tried again."""
    upload_bytes_per_second: float = 0.0
    download_bytes_per_second: float = 0.0
    average_bytes_per_second: float = 0.0
    eta: float | None = None
    elapsed: float = 0.0
    verified: int = 0
    """Items finished since the start whose bytes were verified (any `Verified`)."""

    def count(self, *states: TransferState) -> int:
        """How many items are in any of these states."""
        return sum(self.counts.get(state, 0) for state in states)

    @property
    def bytes_moving_left(self) -> int:
        """Left of what did not fail."""
        return max(0, self.bytes_left - self.bytes_failed)

    @property
    def bytes_per_second(self) -> float:
        """Both directions."""
        return self.upload_bytes_per_second + self.download_bytes_per_second


@dataclass(frozen=True, slots=True)
class Health:
    """What is wrong with the whole engine right now; empty strings where nothing is."""

    state_problem: str = ""
    """Non-empty: progress is not being saved, with the reason."""
    planning: int = 0
    """Operations whose sources are still being walked."""
    recovered: int = 0
    """Items that came back unfinished at the start of this process."""
    recovered_bytes: int = 0
    slowed_to: int = 0
    """Requests at a time that a server gets which asked to slow down; rises again by itself. 0: no server did."""


@dataclass(frozen=True, slots=True)
class EngineSnapshot:
    """A window of the queue and the sums over all of it."""

    revision: int
    """Equal revisions mean: nothing to draw."""
    rows: tuple[TransferSnapshot, ...]
    first: int
    """Index of `rows[0]` among the `total` rows of the asked view."""
    total: int
    totals: Totals
    health: Health
    held: bool
    """Pause-all is on: nothing new starts."""
    upload_limit: int | None
    """Bytes per second, or ``None``."""
    download_limit: int | None
    workers: int


@dataclass(frozen=True, slots=True)
class Undone:
    """What became of the wish to take back the newest deletion."""

    what: str = ""
    """What was to be deleted; empty where nothing was, lately."""
    kept: int = 0
    """Items that had not begun, and now never will."""
    stopped: int = 0
    """Items stopped in their midst: what they had deleted until then is gone."""
    gone: int = 0
    """Items that were done already."""
    note: str = ""
    """What the newest of those said at its end: that the bucket keeps versions."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that went wrong, for a log."""

    at: float
    """Wall time; 0 where it was before the start."""
    source: str
    """Of the item; empty where it was no item's."""
    problem: Problem
    count: int = 1
    """How often in a row."""


@dataclass(frozen=True, slots=True)
class Event:
    """A rare fact that is worth a notice: an item finished, failed or asks."""

    kind: str
    """``finished``, ``failed``, ``attention``, ``cancelled``, ``planned`` (an operation), ``refused``."""
    row: TransferSnapshot | None
    operation: OperationId | None = None
    text: str = ""
