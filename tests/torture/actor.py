"""A queue whose every piece of work, and every accident, is chosen by somebody else."""

from __future__ import annotations

import errno
import logging
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from engine import Connections, EngineConfig, TransferManager
from engine.errors import Condition, NeedsAnswer, Permanent, Retryable
from engine.jobs.protocol import Begun, Finished, JobContext, Part, PartAction
from engine.local.fsops import FsOps
from engine.model import (
    ConfirmedPart,
    LocalRef,
    ObjectRef,
    OperationId,
    Outcome,
    TransferId,
    TransferRequest,
    TransferSpec,
    TransferState,
    Verified,
)
from engine.pace.cancel import CancelToken
from engine.queue.core import Core
from engine.scheduler import Work, WorkKind
from tests.engine.queue.items import HERE
from tests.torture.picture import Errors, differences, picture
from tests.torture.turns import EPOCH, Gone

S = TransferState
Place = tuple[str, str]
"""Source and target."""
PARTS = 3


class ActorClock:
    """Moves when told to; whoever waits has waited at once, and found that the disk was freed meanwhile."""

    def __init__(self, free_disk: Callable[[], None]) -> None:
        self.now, self.error = 1000.0, 0.0
        self._free_disk = free_disk

    def monotonic(self) -> float:
        return self.now

    def wall(self) -> float:
        return EPOCH + self.now + self.error

    def wait(self, token: CancelToken, seconds: float) -> bool:
        self.now += seconds
        self._free_disk()
        return token.cancelled


class ActorDisk(FsOps):
    """Full when told to be."""

    is_full = False

    def write(self, fd: int, data: Any) -> int:
        if self.is_full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return super().write(fd, data)

    def pwrite(self, fd: int, data: Any, offset: int) -> None:
        if self.is_full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        super().pwrite(fd, data, offset)

    def fsync(self, fd: int) -> None:
        """Processes die here, the power stays on."""

    def fdatasync(self, fd: int) -> None:
        """As `fsync`."""


class ActorJob:
    """Moves nothing; how each step goes is what the actor says."""

    def __init__(self, ctx: JobContext, actor: Actor) -> None:
        self.ctx, self._actor = ctx, actor
        self._is_small = ctx.spec.size <= (ctx.spec.options.part_size or 1)

    def begin(self) -> Begun | Finished:
        self._actor.meet(self.ctx)
        checkpoint = self.ctx.checkpoint
        if self._actor.is_skipping:
            return Finished(Outcome.SKIPPED)
        if checkpoint.phase == "placed":
            return Begun([], self.ctx.spec.size)
        if self._is_small:
            return Begun([Part(1, 0, self.ctx.spec.size)], self.ctx.spec.size)
        if not checkpoint.upload_id:
            self.ctx.save(replace(checkpoint, phase="intent"), durable=True)
            upload = f"u{self.ctx.id}"
            checkpoint = replace(self.ctx.checkpoint, phase="begun", upload_id=upload)
            self.ctx.save(checkpoint, durable=True, drop_parts=True)
        known = self.ctx.saved_parts()
        parts = [Part(number, number - 1, 1) for number in range(1, PARTS + 1)]
        for part in parts:
            part.confirmed = part.number in known
            part.action = PartAction.CHECK if part.confirmed and self._actor.is_checking else PartAction.MOVE
        return Begun(parts, self.ctx.spec.size)

    def move(self, part: Part) -> None:
        self._actor.meet(self.ctx)
        if part.confirmed and self._actor.is_checking:
            self.ctx.forget(part.number)
            part.confirmed, part.action = False, PartAction.MOVE
            return
        self.ctx.confirm(ConfirmedPart(part.number, part.length, 0))
        part.confirmed = True

    def finish(self) -> Finished:
        self._actor.meet(self.ctx)
        return Finished(Outcome.TRANSFERRED, Verified.CRC, remove_source=self.ctx.spec.options.move)

    def remove_source(self) -> None:
        self._actor.meet(self.ctx)

    def discard(self) -> None:
        self._actor.meet(self.ctx)

    def close(self) -> None:
        pass


class Actor:
    """One queue through all its lives. Used by one thread."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._life = folder, 0
        self.clock, self.disk = ActorClock(self._free_disk), ActorDisk()
        self.specs: dict[str, list[list[TransferSpec]]] = {}
        """By the name of a request: what its planning finds, batch by batch."""
        self.asked_for: dict[str, str] = {}
        """Requests that were taken, by name: the source of each."""
        self.paused: set[TransferId] = set()
        self.ended: Counter[TransferId] = Counter()
        self.cancelled: dict[Place, tuple[TransferId, OperationId | None]] = {}
        self.done: set[Place] = set()
        self.errors: list[str] = []
        self.outcome = ""
        self.is_skipping = self.is_checking = False
        self.is_broken = False
        """A promise was not kept: there is no point in going on."""
        self._was_full = False
        self.taken: list[Work] = []
        self._handler = Errors(self._error)
        logging.getLogger("engine").addHandler(self._handler)
        self._copy: Path | None = None
        self.manager = self._start(folder / "life-0")

    def _error(self, text: str) -> None:
        # A process that died in this very step (`Gone`) would have said nothing.
        if "cannot be written" not in text and repr(Gone()) not in text:
            self.errors.append(text)

    def _free_disk(self) -> None:
        self._was_full = self._was_full or self.disk.is_full
        self.disk.is_full = False
        self.core.store._journal.upkeep.work()

    @property
    def core(self) -> Core:
        return self.manager._core

    def end(self) -> None:
        logging.getLogger("engine").removeHandler(self._handler)
        self.manager.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    # -- lives -------------------------------------------------------------------------------------

    def _start(self, folder: Path) -> TransferManager:
        self._path, self.taken = folder, []
        self._was_full = self.disk.is_full
        manager = TransferManager(EngineConfig(str(folder)), Connections(()), fs=self.disk, clock=self.clock)
        manager._core.rng.seed(self._life)
        manager._core.more_workers = lambda: None
        intake = manager._intake
        intake._planner = SimpleNamespace(plan=self._plan)  # type: ignore[assignment]
        intake._thread = SimpleNamespace()  # type: ignore[assignment]
        with manager._core.lock:
            for operation in list(manager._core.operations.values()):
                if operation.is_planning:
                    intake.resume(operation)
        return manager

    def _plan(self, request: TransferRequest, token: CancelToken) -> Iterator[list[TransferSpec]]:
        for number, batch in enumerate(self.specs[str(request.sources[0])]):
            if number and self.outcome == "crash":
                self._die()
            token.check()
            yield batch

    def _die(self) -> None:
        self._copy = self._next_folder()
        shutil.copytree(self._path, self._copy)
        self._before = picture(self.core)
        raise Gone

    def _next_folder(self) -> Path:
        self._life += 1
        return self._folder / f"life-{self._life}"

    def crash(self) -> None:
        """Kill -9, between two steps or in the one that has just raised `Gone`."""
        self.read_news()
        if self._copy is None:
            self._copy = self._next_folder()
            shutil.copytree(self._path, self._copy)
            self._before = picture(self.core)
        folder, self._copy = self._copy, None
        errors = list(self.errors)
        self.manager.close()
        self.errors = errors  # Of a dead process.
        self._reopen(folder)

    def restart(self) -> None:
        """Quit, and start again."""
        self.manager.close()
        self.read_news()
        self._before = picture(self.core)
        folder = self._next_folder()
        self._path.rename(folder)
        self._reopen(folder)

    def _reopen(self, folder: Path) -> None:
        was_full, path, self.is_broken = self._was_full, self._path, True
        self.outcome = ""
        self.manager = self._start(folder)
        shutil.rmtree(path, ignore_errors=True)
        lost, revived = differences(self._before, picture(self.core), is_strict=not was_full)
        assert not lost and not revived, (lost, revived)
        history = {item.id for item in self.core.store.history()}
        unsaved = self._before.unsaved
        assert not [id for id in self.ended if id not in history and id not in unsaved]
        assert not history & self.core.roster.items.keys()
        for id in unsaved:
            del self.ended[id]  # It may be back, and come to an end again.
        self.cancelled = {place: end for place, end in self.cancelled.items() if end[0] not in unsaved}
        self.paused &= {id for id in self.core.roster.items if id not in unsaved}
        self.is_broken = False

    # -- work --------------------------------------------------------------------------------------

    def make_job(self, ctx: JobContext) -> ActorJob:
        """In place of `engine.jobs.make_job`."""
        return ActorJob(ctx, self)

    def meet(self, ctx: JobContext) -> None:
        """What happens in the step of a job that is being done."""
        outcome, self.outcome = self.outcome, ""
        match outcome:
            case "crash":
                self._die()
            case "retry":
                raise Retryable("connection-lost")
            case "busy":
                raise Retryable("slow-down", retry_after=30.0)
            case "gone":
                raise Retryable("upload-gone")
            case "offline":
                raise Condition("offline", ("endpoint", HERE), detail="connection refused")
            case "full":
                raise Condition("disk-full", ("disk", "7"))
            case "asks":
                raise NeedsAnswer("target-exists")
            case "changed":
                raise NeedsAnswer("source-changed")
            case "never":
                raise Permanent("access-denied")
            case "pause":
                self.pause(ctx.id)
                ctx.token.check()
            case "cancel":
                self.manager.cancel(ctx.id)
                ctx.token.check()
            case "hold":
                self.manager.pause_all()
                ctx.token.check()

    def take(self, later: float = 0.0) -> bool:
        """The next piece of work into somebody's hands."""
        with self.core.lock:
            work = self.core.scheduler.take(self.clock.now + later)
        if work is not None:
            self.taken.append(work)
        return work is not None

    def do(self, index: int, outcome: str = "") -> None:
        """What is in the hands of one."""
        work = self.taken.pop(index % len(self.taken))
        self.outcome = outcome
        self._or_crash(lambda: self._do(work))
        self.outcome = ""

    def _do(self, work: Work) -> None:
        follow = self.manager._pool._runner._one(work)
        if follow is not None:
            self.taken.append(follow)

    def plan(self, outcome: str = "") -> None:
        """The next request."""
        intake = self.manager._intake
        if not intake._requests:
            return
        operation = intake._requests.popleft()
        name = str(operation.request.sources[0])  # type: ignore[union-attr]
        for spec in [spec for batch in self.specs[name] for spec in batch]:
            known = self.core.roster.find(spec)
            if known is not None and known.operation != operation.id:
                self.paused.discard(known.id)  # Asked for again.
            place = str(spec.source), str(spec.target)
            if place in self.cancelled and self.cancelled[place][1] != operation.id:
                del self.cancelled[place]
        self.outcome = outcome
        try:
            self._or_crash(lambda: intake._plan(operation, intake._tokens[operation.id]))
        except Exception as error:
            intake._refused(operation, error)
        self.outcome = ""

    def _or_crash(self, call: Any) -> None:
        try:
            call()
        except Gone:
            self.crash()

    def close_group(self) -> None:
        """What the closer's thread does."""
        closer = self.manager._closer
        group = list(closer._queue)
        closer._queue.clear()
        if group:
            closer._close(group)

    def tidy(self) -> None:
        """What housekeeper and journal thread do."""
        self._was_full = self._was_full or self.disk.is_full
        self.core.store._journal.upkeep.work()
        self.manager._tidy()
        self.read_news()

    def read_news(self) -> None:
        for event in self.manager.drain_events(10_000):
            assert event.kind != "refused", event.text
            if event.row is not None and event.kind in ("finished", "cancelled"):
                self.ended[event.row.id] += 1
                place = event.row.source, event.row.target
                if event.kind == "finished":
                    self.done.add(place)
                else:
                    self.cancelled[place] = event.row.id, event.row.operation
                self.paused.discard(event.row.id)

    # -- commands ----------------------------------------------------------------------------------

    def submit(self, name: str, batches: list[list[TransferSpec]]) -> None:
        """Ask for something."""
        source = f"/data/{name}"
        self.specs[source] = batches
        try:
            self.manager.submit(TransferRequest((LocalRef(source),), ObjectRef("b", ""), HERE))
        except Condition:
            assert self.disk.is_full
            return
        self.asked_for[name] = source

    def pause(self, id: TransferId) -> None:
        self.manager.pause(id)
        item = self.core.roster.items.get(id)
        if item is not None and item.state is S.PAUSED:
            self.paused.add(id)

    def resume(self, id: TransferId) -> None:
        self.paused.discard(id)
        self.manager.resume(id)

    # -- what holds at any time --------------------------------------------------------------------

    def check(self) -> None:
        """Between any two steps."""
        self.is_broken = True
        self._check()
        self.is_broken = False

    def _check(self) -> None:
        self._was_full = self._was_full or self.disk.is_full
        core = self.core
        self.read_news()
        assert not self.errors, self.errors
        assert not [id for id, count in self.ended.items() if count > 1]
        assert not self.ended.keys() & core.roster.items.keys()
        states = {id: core.roster.items[id].state for id in self.paused if id in core.roster.items}
        assert set(states.values()) <= {S.PAUSED}, states
        counts = Counter(item.state for item in core.roster)
        for state in S:
            assert state.is_final or core.roster.sums.counts[state] == counts[state]
        scheduler = core.scheduler
        active = scheduler.active
        assert len(active) == len({item.id for item in active})
        ending = scheduler._ending
        assert ending <= {item.id for item in active}
        assert scheduler._small_active == sum(item.is_small and item.id not in ending for item in active)
        assert scheduler._large_active == sum(not item.is_small for item in active)
        assert scheduler.ceilings.is_nobody_inside, "nobody is inside"
        back = self.cancelled.keys() & {
            (str(item.spec.source), str(item.spec.target)) for item in core.roster
        }
        assert not back, back

    def drain(self) -> None:
        """With nothing in its way any more, everything comes to its end."""
        self.disk.is_full = self.is_skipping = self.is_checking = False
        manager = self.manager
        manager.set_workers(16)
        for _ in range(200):
            manager.resume_all()
            self.paused.clear()
            for item in list(self.core.roster):
                if item.state is S.PAUSED:
                    manager.resume(item.id)
                elif item.state is S.ATTENTION:
                    manager.answer(
                        item.id,
                        "overwrite" if item.question and item.question.kind == "target-exists" else "restart",
                    )
            manager.retry_failed()
            self.plan()
            self.tidy()
            while self.taken or self.take():
                self.do(0)
                self.close_group()
            self.close_group()
            self.check()
            if (
                not self.core.roster.items
                and not manager._intake._requests
                and not self.core.scheduler.has_chores
            ):
                break
            self.clock.now += 30.0
        assert not self.core.roster.items, [(i.id, i.state) for i in self.core.roster]
        for source in self.asked_for.values():
            wanted = {(str(spec.source), str(spec.target)) for batch in self.specs[source] for spec in batch}
            assert wanted <= self.done | self.cancelled.keys()
        assert not self.core.scheduler.active
        assert not [w for w in self.taken if w.kind is not WorkKind.CLOSE]
