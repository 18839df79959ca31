"""What the workers ask of a job, and what a job may ask of its surroundings.

A job does the moving of one item: `begin`, then `move` for each part in any order and from
several threads at once, then `finish`. Any of these may raise; `errors` decides what follows.
A job holds no state that a checkpoint cannot rebuild: after any interruption a new job object
for the same item starts at `begin` again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Protocol

from engine.model import Checkpoint, ConfirmedPart, Outcome, TransferId, TransferSpec, Verified

if TYPE_CHECKING:
    from engine.local.fsops import FsOps
    from engine.local.publish import StagedFile
    from engine.pace.cancel import CancelToken
    from engine.pace.clock import Clock
    from engine.pace.limiter import Limiter
    from engine.s3.connection import Connection


class PartAction(Enum):
    """What is still to be done to a part."""

    MOVE = "move"
    CHECK = "check"
    """It is confirmed, but what it holds must be compared again (re-hash after a restart)."""


class Part:
    """One part at run time.

    `done` is written by the one worker that moves the part, as an absolute number of bytes, and
    read by anyone without a lock. Everything else is written under the scheduler's lock, or by
    the worker that has the part in hand.
    """

    __slots__ = (
        "action",
        "attempts",
        "confirmed",
        "crc",
        "done",
        "etag",
        "in_hand",
        "length",
        "not_before",
        "number",
        "offset",
        "refusals",
    )

    def __init__(self, number: int, offset: int, length: int, action: PartAction = PartAction.MOVE) -> None:
        self.number = number
        self.offset = offset
        self.length = length
        self.action = action
        self.done = 0
        self.attempts = 0
        self.refusals = 0
        """Further tries for which the server was too busy."""
        self.not_before = 0.0
        """Monotonic time before which it is not tried again."""
        self.confirmed = False
        """The server or the disk has it (while `action` is CHECK: believed, not yet proven)."""
        self.in_hand = False
        self.crc: int | None = None
        self.etag = ""


@dataclass(slots=True)
class Begun:
    """The item has started: these are its parts (confirmed ones included)."""

    parts: list[Part]
    size: int
    note: str = ""


@dataclass(slots=True)
class Finished:
    """The item has come to its end.

    Downloads hand over `staged`: the bytes are complete and verified in the ``.part`` file; who
    finishes the item syncs, publishes and only then records it as DONE. Small items are taken
    together, so that syncing costs once a group.
    """

    outcome: Outcome
    verified: Verified | None = None
    target: str | None = None
    """The final path or key where it differs from the spec."""
    staged: StagedFile | None = None
    remove_source: bool = False
    """A move: after the record of `placed`, `Job.remove_source` is called, then it is DONE."""
    emptied: str | None = None
    """A local folder out of which a name was taken: what is DONE stays gone after a power cut."""
    crc: int | None = None
    """For history, where it is not in the checkpoint: of small items nothing but their end is worth one."""
    etag: str | None = None
    version_id: str | None = None


class Job(Protocol):
    """One item's work. Only `move` is called from several threads at once."""

    def begin(self) -> Begun | Finished:
        """Look at both sides and at the checkpoint; decide what is left to do.

        Raises:
            NeedsAnswer: The target exists and the policy is to ask, or the source changed.
            TransferError: Anything else that stops it.
        """
        ...

    def move(self, part: Part) -> None:
        """Move or check one part, and confirm it (`JobContext.confirm`) when it is safe.

        On return `part.confirmed` is true, or `part.action` was set to MOVE because a check failed.
        """
        ...

    def finish(self) -> Finished:
        """All parts are confirmed: complete, verify."""
        ...

    def remove_source(self) -> None:
        """A move: delete the source if it is still the one that was moved."""
        ...

    def discard(self) -> None:
        """Cancelled: remove every trace (``.part`` file, multipart upload). Idempotent."""
        ...

    def close(self) -> None:
        """Let go of files and buffers; called when the item stops for any reason. Idempotent."""
        ...


class JobContext(Protocol):
    """What a job may use. Every method is safe from any thread and does no network I/O."""

    id: TransferId
    spec: TransferSpec
    token: CancelToken
    """Cancelled by pause, cancel and quit; checked between chunks, and closes sockets in use."""
    clock: Clock
    fs: FsOps
    boot_id: str
    part_size: int | None
    """The asked part size, or ``None`` for the default."""

    @property
    def limiter(self) -> Limiter:
        """The item's own limit and that of its direction."""
        ...

    @property
    def connection(self) -> Connection:
        """Reaches the objects of this item.

        Raises:
            NeedsAnswer: ``needs-profile``.
        """
        ...

    @property
    def checkpoint(self) -> Checkpoint:
        """As last saved."""
        ...

    def save(self, checkpoint: Checkpoint, *, durable: bool = False, drop_parts: bool = False) -> None:
        """Journal it. With `durable`, return when it is on disk (intents, upload ids).

        Raises:
            Condition: ``state-unsaved``: the journal cannot be written; start nothing new.
        """
        ...

    def saved_parts(self) -> Mapping[int, ConfirmedPart]:
        """The journalled parts of this item by number."""
        ...

    def confirm(self, part: ConfirmedPart) -> None:
        """Journal a confirmed part (synced within 1 s)."""
        ...

    def forget(self, number: int) -> None:
        """Take back a confirmed part: it is missing or differs."""
        ...

    def claim(self, device: int) -> int:
        """Ask for room on a disk: how many bytes other items that are under way will write to it at most.

        From here on this item is such another one for those that come later.
        """
        ...

    def claimed(self, device: int) -> int:
        """Just how many bytes those will still write to it, which takes a look at each of them."""
        ...

    def note(self, text: str) -> None:
        """Say something worth knowing about this item on its row and in its details."""
        ...

    def owe(self, kind: str, subject: str, detail: str = "") -> None:
        """Journal a clean-up that could not be done now: ``abort`` (bucket/key, upload id) or ``unlink`` (path)."""
        ...
