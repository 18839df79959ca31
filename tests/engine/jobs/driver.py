"""One item driven from beginning to end without a queue: what a job leaves behind, and who moves its parts."""

from __future__ import annotations

import itertools
import queue
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from engine.errors import Interrupted, Retryable
from engine.jobs import make_job
from engine.jobs.protocol import Begun, Finished, Job, Part, PartAction
from engine.local.fsops import FsOps
from engine.local.identity import boot_id
from engine.model import (
    Checkpoint,
    ConfirmedPart,
    Facts,
    ItemKind,
    LocalRef,
    ObjectRef,
    Outcome,
    Place,
    TransferId,
    TransferOptions,
    TransferSpec,
    Verified,
)
from engine.pace.cancel import CancelToken
from engine.pace.clock import Clock, SystemClock
from engine.pace.limiter import RateLimiter
from engine.s3.connection import Connection

MIB = 1024 * 1024
PART = 5 * MIB
"""The smallest part size that S3 allows."""
ID = TransferId(7)
_MOST_TRIES = 8


class Killed(BaseException):
    """The process ended here."""


class TellingLimiter(RateLimiter):
    """Calls `before` ahead of each piece that moves; without end it only tells."""

    before: Callable[[], None] = staticmethod(lambda: None)

    def take(self, count: int, token: CancelToken) -> None:
        self.before()
        super().take(count, token)


@dataclass
class Item:
    """What of one item outlives the process, and its surroundings, as a `JobContext`.

    `lock` guards the records: jobs write them from several threads.
    """

    spec: TransferSpec
    connection: Connection
    id: TransferId = ID
    clock: Clock = field(default_factory=SystemClock)
    fs: FsOps = field(default_factory=FsOps)
    part_size: int | None = None
    checkpoint: Checkpoint = field(default_factory=Checkpoint)
    parts: dict[int, ConfirmedPart] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    debts: list[tuple[str, str, str]] = field(default_factory=list)
    saves: list[tuple[Checkpoint, bool]] = field(default_factory=list)
    """Every record, and whether it had to be durable."""
    checked: list[int] = field(default_factory=list)
    """Parts that were looked at again, in all runs."""
    on_save: Callable[[Checkpoint], None] = lambda checkpoint: None
    on_confirm: Callable[[ConfirmedPart], None] = lambda part: None
    """Called after the record."""

    def __post_init__(self) -> None:
        self.lock = threading.Lock()
        self.token = CancelToken()
        self.telling = TellingLimiter(self.clock)
        self.limiter: RateLimiter = self.telling
        self.boot_id = boot_id()
        self.options = self.spec.options

    # -- JobContext --------------------------------------------------------------------------------

    def save(self, checkpoint: Checkpoint, *, durable: bool = False, drop_parts: bool = False) -> None:
        with self.lock:
            self.checkpoint = checkpoint
            self.saves.append((checkpoint, durable))
            if drop_parts:
                self.parts.clear()
        self.on_save(checkpoint)

    def saved_parts(self) -> Mapping[int, ConfirmedPart]:
        with self.lock:
            return dict(self.parts)

    def confirm(self, part: ConfirmedPart) -> None:
        with self.lock:
            self.parts[part.number] = part
        self.on_confirm(part)

    def forget(self, number: int) -> None:
        with self.lock:
            self.parts.pop(number, None)

    def claimed(self, device: int) -> int:
        return 0

    def claim(self, device: int) -> int:
        return 0

    def note(self, text: str) -> None:
        self.notes.append(text)

    def owe(self, kind: str, subject: str, detail: str = "") -> None:
        self.debts.append((kind, subject, detail))

    # -- what tests do -----------------------------------------------------------------------------

    def answer(self, answer: str) -> None:
        """As the user does."""
        self.checkpoint = replace(self.checkpoint, answer=answer)

    def reboot(self) -> None:
        """The records are of an earlier boot from here on."""
        self.checkpoint = replace(self.checkpoint, boot_id="another")
        self.parts = {number: replace(part, boot_id="another") for number, part in self.parts.items()}

    def kill_after(self, confirmed: int) -> None:
        """The process ends when that many parts are on record."""

        def kill(part: ConfirmedPart) -> None:
            if len(self.parts) >= confirmed:
                raise Killed

        self.on_confirm = kill

    def kill_at(self, phase: str) -> None:
        """The process ends when that phase is on record."""

        def kill(checkpoint: Checkpoint) -> None:
            if checkpoint.phase == phase:
                raise Killed

        self.on_save = kill

    def at_piece(self, number: int, do: Callable[[], object]) -> None:
        """Do something just ahead of the piece with this number (from 1) of all that will be moved."""
        pieces = itertools.count(1)

        def before() -> None:
            if next(pieces) == number:
                do()

        self.telling.before = before

    def live(self) -> None:
        """Nobody ends the process any more; a new one has begun."""
        self.on_confirm = lambda part: None
        self.on_save = lambda checkpoint: None
        self.telling.before = lambda: None
        self.token = CancelToken()


# -- making items ----------------------------------------------------------------------------------


def place(text: Any) -> Place:
    text = str(text)
    if not text.startswith("s3://"):
        return LocalRef(text)
    bucket, _, key = text[5:].partition("/")
    return ObjectRef(bucket, key)


def item(
    connection: Connection,
    source: Any,
    target: Any,
    *,
    source_facts: Facts | None = None,
    listed: Facts | bool | None = False,
    part_size: int | None = PART,
    size: int = -1,
    root: str | None = None,
    **options: Any,
) -> Item:
    """An item as it is planned.

    Args:
        listed: What the planner found at the target; ``False`` if it did not look.
    """
    here, there = place(source), place(target)
    kind = (
        ItemKind.UPLOAD
        if isinstance(here, LocalRef)
        else ItemKind.DOWNLOAD
        if isinstance(there, LocalRef)
        else ItemKind.COPY
    )
    if isinstance(there, LocalRef) and root is None:
        root = str(Path(there.path).parent)
    spec = TransferSpec(
        kind,
        here,
        there,
        connection.id,
        TransferOptions(**options),
        size,
        source_facts=source_facts,
        target_facts=listed if isinstance(listed, Facts) else None,
        target_was_listed=listed is not False,
        root=root,
    )
    return Item(spec, connection, part_size=part_size)


def deletion(connection: Connection, target: Any) -> Item:
    where = place(target)
    return Item(TransferSpec(ItemKind.DELETE, where, where, connection.id, TransferOptions(), -1), connection)


# -- driving them ----------------------------------------------------------------------------------


def run_once(item: Item, *, threads: int = 1) -> Finished:
    """One run, from `begin` to the end; whatever stops it is raised. Parts are tried again as the queue does."""
    job = make_job(item)
    try:
        begun = job.begin()
        if isinstance(begun, Begun):
            assert begun.size == sum(part.length for part in begun.parts)
            if begun.note:
                item.note(begun.note)
            _move_all(item, job, begun.parts, threads)
            result = job.finish()
        else:
            result = begun
        return _place(item, job, result)
    finally:
        job.close()


def run(item: Item, *, threads: int = 1) -> Finished:
    """As the queue does: what may be tried again is tried again, from the beginning."""
    for _ in range(_MOST_TRIES - 1):
        try:
            return run_once(item, threads=threads)
        except Retryable:
            pass
    return run_once(item, threads=threads)


def killed(item: Item, *, threads: int = 1) -> None:
    """One run that must not reach its end; then a new process."""
    try:
        result = run_once(item, threads=threads)
    except (Killed, Interrupted):
        item.live()
        return
    raise AssertionError(f"it reached its end: {result}")


def _move_all(item: Item, job: Job, parts: list[Part], threads: int) -> None:
    waiting: queue.SimpleQueue[Part] = queue.SimpleQueue()
    for part in sorted(parts, key=lambda part: part.action is PartAction.CHECK):
        if not part.confirmed or part.action is PartAction.CHECK:
            waiting.put(part)
    failures: list[BaseException] = []

    def work() -> None:
        while not failures:
            try:
                part = waiting.get_nowait()
            except queue.Empty:
                return
            try:
                _move_one(item, job, part)
            except BaseException as error:
                failures.append(error)
                return

    if threads == 1:
        work()
    else:
        workers = [threading.Thread(target=work) for _ in range(threads)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    if failures:
        raise failures[0]


def _move_one(item: Item, job: Job, part: Part) -> None:
    for attempt in range(1, _MOST_TRIES + 1):
        if part.action is PartAction.CHECK:
            item.checked.append(part.number)
        try:
            job.move(part)
        except Retryable as error:
            if error.code in ("upload-gone", "object-changed") or attempt == _MOST_TRIES:
                raise
            continue
        if part.confirmed:
            assert part.done in (0, part.length)
            return
        assert part.action is PartAction.MOVE
    raise AssertionError("a part is never done")


def _place(item: Item, job: Job, result: Finished) -> Finished:
    final = result.target
    if result.staged is not None:
        try:
            result.staged.sync()
            final = result.staged.publish()
            result.staged.sync_folder()
        finally:
            result.staged.close()
    if result.remove_source:
        item.save(
            replace(item.checkpoint, phase="placed", verified=result.verified, target=final), durable=True
        )
        job.remove_source()
    return replace(result, target=final, staged=None)


def ended(result: Finished) -> tuple[Outcome, Verified | None]:
    """For comparisons."""
    return result.outcome, result.verified


CRC = (Outcome.TRANSFERRED, Verified.CRC)
ETAG = (Outcome.TRANSFERRED, Verified.ETAG)
SIZE = (Outcome.TRANSFERRED, Verified.SIZE)
