"""A queue without threads: the test takes each piece of work itself, so that every race can be laid out in order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from engine import Connections, EngineConfig, OperationId, TransferManager
from engine.errors import Condition
from engine.jobs.protocol import Begun, Finished, JobContext, Part
from engine.local.fsops import FsOps
from engine.model import ConfirmedPart, Outcome, TransferSpec, TransferState
from engine.pace.cancel import CancelToken
from engine.queue import running as running_module
from engine.queue.closing import Closing
from engine.queue.core import Operation
from engine.queue.roster import Sums
from engine.scheduler import Work, WorkKind
from engine.state.store import SavedOperation
from engine.transfer import Transfer
from tests.engine.queue.items import HERE


def offline() -> Condition:
    return Condition("offline", ("endpoint", HERE), detail="connection refused")


class FakeJob:
    """Moves nothing; what is to happen in it is laid down in `steps` by the names of its methods."""

    steps: dict[str, list[BaseException | None]]
    moved: list[int]
    parts = 1

    def __init__(self, ctx: JobContext) -> None:
        self.ctx = ctx

    def _step(self, name: str) -> None:
        steps = self.steps.get(name)
        error = steps.pop(0) if steps else None
        if error is not None:
            raise error

    def begin(self) -> Begun | Finished:
        self._step("begin")
        length = max(self.ctx.spec.size, 0) // max(1, self.parts)
        parts = [Part(n, (n - 1) * length, length) for n in range(1, self.parts + 1)]
        for part in parts:
            part.confirmed = part.number in self.ctx.saved_parts()
        return Begun(parts, self.ctx.spec.size)

    def move(self, part: Part) -> None:
        self._step("move")
        self.moved.append(part.number)
        self.ctx.confirm(ConfirmedPart(part.number, part.length, 0))
        part.confirmed = True

    def finish(self) -> Finished:
        self._step("finish")
        return Finished(Outcome.TRANSFERRED)

    def remove_source(self) -> None:
        self._step("remove_source")

    def discard(self) -> None:
        self._step("discard")

    def close(self) -> None:
        self._step("close")


class Quiet:
    """A manager whose workers are the test."""

    def __init__(self, manager: TransferManager, job: type[FakeJob]) -> None:
        self.manager, self.job = manager, job
        self.core = manager._core
        self.runner = manager._pool._runner
        self.core.more_workers = lambda: None

    def operation(self) -> Operation:
        core = self.core
        operation = Operation(OperationId(core.store.new_ids(1)[0]), None, "test", 0.0, is_planning=True)
        core.operations[operation.id] = operation
        core.roster.operations.setdefault(operation.id, Sums())
        self.manager._intake._tokens[operation.id] = CancelToken()
        core.store.save_operation(SavedOperation(operation.id, "test", 0.0, None, planned=False))
        return operation

    def add(self, *specs: TransferSpec, operation: Operation | None = None) -> list[Transfer]:
        """New items."""
        operation = operation or self.operation()
        self.manager._intake._take_in(operation, list(specs))
        found = [self.core.roster.find(spec) for spec in specs]
        return [transfer for transfer in found if transfer is not None]

    def take(self, later: float = 0.0) -> Work | None:
        """The next piece of work, so many seconds from now."""
        with self.core.lock:
            return self.core.scheduler.take(self.core.clock.monotonic() + later)

    def step(self, work: Work | None) -> Work | None:
        """Do just this piece; returns what follows from it."""
        assert work is not None
        return self.runner._one(work)

    def do_all(self, later: float = 0.0) -> list[tuple[WorkKind, int]]:
        """Everything that can be done now, closing included."""
        done: list[tuple[WorkKind, int]] = []
        for _ in range(1000):
            work = self.take(later)
            if work is None and not self.waiting_to_close():
                return done
            while work is not None:
                done.append((work.kind, int(work.transfer.id) if work.transfer is not None else 0))
                work = self.step(work)
            self.close_items()
        raise AssertionError("it never ends")

    def waiting_to_close(self) -> Sequence[Closing]:
        return list(self.manager._closer._queue)

    def close_items(self) -> None:
        closer = self.manager._closer
        group = list(closer._queue)
        closer._queue.clear()
        if group:
            closer._close(group)


@contextmanager
def quiet_at(state_dir: Path, *, fs: FsOps | None = None, **config: int) -> Iterator[Quiet]:
    """On this state folder; nothing moves but by `Quiet.step` and `Quiet.do_all`."""
    job = type("ThisJob", (FakeJob,), {"steps": {}, "moved": []})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(running_module, "make_job", job)
        manager = TransferManager(EngineConfig(str(state_dir), **config), Connections(()), fs=fs)
        try:
            yield Quiet(manager, job)
        finally:
            manager.close()


def states(items: Sequence[Transfer]) -> list[TransferState]:
    return [item.state for item in items]
