"""Doing a piece of work, and what follows from how it went."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from dataclasses import replace

from engine.errors import Condition, Interrupted, NeedsAnswer, Retryable, explain
from engine.jobs import make_job
from engine.jobs.protocol import Begun, Finished, Part, PartAction
from engine.local.failures import shortage
from engine.model import ConflictPolicy, ConnectionId, LocalRef, TransferState
from engine.pace.clock import Clock
from engine.queue.closing import Closer, Closing, close_job
from engine.queue.context import ItemContext
from engine.queue.core import Core, event, known_error, question_of
from engine.queue.debts import Debts
from engine.queue.lanes import lane_of
from engine.queue.reasons import in_the_way
from engine.queue.reports import row_of
from engine.queue.retrying import try_again, wait_to_be_restored
from engine.queue.trouble import note_trouble
from engine.scheduler import Work, WorkKind
from engine.transfer import RESTORING, Run, Transfer

log = logging.getLogger(__name__)

S = TransferState

_MOST_BYTES_SYNCED_TOGETHER = 8 * 1024 * 1024
"""A larger file is synced by the worker that finished it, so that it does not hold up small ones."""


class Runner:
    """What the workers do. Holds no state of its own; everything is in the core, under its lock."""

    def __init__(self, core: Core, closer: Closer, debts: Debts) -> None:
        self._core, self._closer, self._debts = core, closer, debts
        self._clock: Clock = core.clock

    def do(self, work: Work | None) -> None:
        """Do it, and what follows from it for the same item."""
        while work is not None:
            work = self._one(work)

    def _one(self, work: Work) -> Work | None:
        transfer = work.transfer
        if work.kind is WorkKind.CLEAN:
            self._debts.pay(work.debt)
            return None
        assert transfer is not None
        match work.kind:
            case WorkKind.BEGIN:
                return self._begin(transfer)
            case WorkKind.MOVE:
                assert work.part is not None
                return self._move(transfer, work.part, work.run)
            case WorkKind.FINISH:
                self._in_job(transfer, lambda run: self._finish(transfer, run))
            case WorkKind.REMOVE:
                self._in_job(transfer, lambda run: self._remove(transfer, run))
            case WorkKind.CLOSE:
                self._close(transfer)
            case WorkKind.DISCARD:
                self._debts.discard(transfer)
        return None

    # -- beginning ---------------------------------------------------------------------------------

    def _begin(self, transfer: Transfer) -> Work | None:
        core = self._core
        with core.lock:
            blockade = core.scheduler.blockade_for(lane_of(transfer))
            may = transfer.run is None and transfer.state in (S.QUEUED, S.WAITING)
            if core.is_closing or not may or (blockade is not None and blockade.probe != transfer.id):
                if may:
                    core.go(transfer, S.QUEUED)
                    core.requeue(transfer)
                if transfer.run is None:  # Else it was given out twice, and its run tells how it went.
                    core.scheduler.gave_up(transfer)
                return None
            run = transfer.run = Run(self._clock)
            run.size = max(transfer.spec.size, 0)
            core.scheduler.started(transfer)
            core.roster.park(transfer, 0)
            core.go(transfer, S.RUNNING)
        follow: list[Work] = []
        self._in_job(transfer, lambda run: follow.extend(self._begun(transfer, run)))
        return follow[0] if follow else None

    def _begun(self, transfer: Transfer, run: Run) -> list[Work]:
        core = self._core
        run.job = make_job(ItemContext(core, transfer, run))
        result = run.job.begin()
        if isinstance(result, Finished):
            self._ended(transfer, run, result)
            return []
        assert isinstance(result, Begun)
        with core.lock:
            if run.stopping:
                return []
            run.set_parts(result.parts, result.size)
            if result.note:
                transfer.note = result.note
            core.touch()
            if run.is_complete:
                return self._to_finish(transfer, run)
            if len(run.pending) > 1:
                core.wake()
            if core.scheduler.would_crowd(transfer, run.pending[0].length):
                return []
            part = run.pending.popleft()
            run.in_hand[part.number] = part
            part.in_hand = True
            return [Work(WorkKind.MOVE, transfer, part, run=run)]

    # -- moving ------------------------------------------------------------------------------------

    def _move(self, transfer: Transfer, part: Part, wanted: Run | None) -> Work | None:
        follow: list[Work] = []
        if transfer.run is not wanted:
            return None  # That run was stopped and closed, and the item may have begun anew since.

        def move(run: Run) -> None:
            assert run.job is not None
            was_confirmed = part.confirmed
            run.job.move(part)
            with self._core.lock:
                follow.extend(self._moved(transfer, run, part, was_confirmed))

        self._in_job(transfer, move, part)
        return follow[0] if follow else None

    def _moved(self, transfer: Transfer, run: Run, part: Part, was_confirmed: bool) -> list[Work]:
        """One part is confirmed, or has to be moved after all. With the lock held."""
        core = self._core
        run.in_hand.pop(part.number, None)
        part.in_hand = False
        if run.stopping:
            return []
        if part.confirmed and not was_confirmed:
            run.confirmed_bytes += part.length
            run.parts_done += 1
        elif was_confirmed and not part.confirmed:
            run.confirmed_bytes -= part.length
            run.base -= part.length
            run.parts_done -= 1
        if part.confirmed:
            transfer.attempts = transfer.refusals = 0
        else:
            part.action = PartAction.MOVE
            run.pending.append(part)
            core.wake()
        if transfer.state is S.WAITING:
            core.go(transfer, S.RUNNING)
        if part.confirmed and not was_confirmed:
            core.scheduler.ceilings.answered(transfer.spec.connection, self._clock.monotonic())
        self._got_through(transfer, has_written=part.confirmed and not was_confirmed)
        return self._to_finish(transfer, run) if run.is_complete else []

    def _to_finish(self, transfer: Transfer, run: Run) -> list[Work]:
        """Everything is moved. With the lock held."""
        run.finishing = True
        if transfer.state is S.WAITING:
            self._core.go(transfer, S.RUNNING)
        self._core.go(transfer, S.FINISHING)
        return [Work(WorkKind.FINISH, transfer)]

    def _got_through(self, transfer: Transfer, *, has_written: bool = False) -> None:
        """Something got done: whoever waited for the same thing may go on. With the lock held."""
        if not self._core.scheduler.blockades:
            return
        blockades = len(self._core.scheduler.blockades)
        for other in self._core.scheduler.unblock(
            transfer, has_written=has_written and not transfer.is_small
        ):
            if other.state is S.WAITING:
                self._core.go(other, S.QUEUED)
                self._core.requeue(other)
        if len(self._core.scheduler.blockades) < blockades:
            self._core.wake()  # Also for those that had not begun.

    # -- ending ------------------------------------------------------------------------------------

    def _finish(self, transfer: Transfer, run: Run) -> None:
        assert run.job is not None
        self._ended(transfer, run, run.job.finish())

    def _ended(self, transfer: Transfer, run: Run, result: Finished) -> None:
        """Nothing is left but to put it in place and to write it down."""
        if result.staged is not None and run.size > _MOST_BYTES_SYNCED_TOGETHER:
            result.staged.sync()
        with self._core.lock:
            if run.stopping:
                return
            run.finishing = True
            if transfer.state is S.RUNNING:
                self._core.go(transfer, S.FINISHING)
            self._core.scheduler.ceilings.answered(transfer.spec.connection, self._clock.monotonic())
            self._got_through(transfer)
            self._core.scheduler.ending(transfer)
            self._closer.put(Closing(transfer, run, result))

    def _remove(self, transfer: Transfer, run: Run) -> None:
        assert run.job is not None
        run.job.remove_source()
        outcome, verified, source = transfer.outcome, transfer.verified, transfer.spec.source
        assert outcome is not None
        emptied = os.path.dirname(source.path) if isinstance(source, LocalRef) else None
        result = Finished(outcome, verified, transfer.checkpoint.target, emptied=emptied)
        with self._core.lock:
            self._closer.put(Closing(transfer, run, result))

    # -- inside a job ------------------------------------------------------------------------------

    def _in_job(self, transfer: Transfer, work: Callable[[Run], None], part: Part | None = None) -> None:
        """Call into the job, and draw the conclusions if it fails."""
        core, connection = self._core, transfer.spec.connection
        with core.lock:
            run = transfer.run
            if run is None or run.stopping:
                if run is not None and part is not None:
                    run.in_hand.pop(part.number, None)
                return
            run.inside += 1
            core.scheduler.ceilings.entered(connection)
        try:
            work(run)
        except BaseException as error:
            with core.lock:
                self._failed(transfer, run, part, error)
            if not isinstance(error, Exception):
                raise
        finally:
            with core.lock:
                self._left(transfer, run, connection)

    def _left(self, transfer: Transfer, run: Run, connection: ConnectionId | None) -> None:
        run.inside -= 1
        self._core.scheduler.ceilings.left(connection)
        if run.stopping and run.inside == 0:
            self._core.close_run(transfer)

    def failed_at_end(self, transfer: Transfer, run: Run, error: BaseException) -> None:
        """It could not be put in place or written down. With the lock held."""
        self._failed(transfer, run, None, error)

    # -- failing -----------------------------------------------------------------------------------

    def _failed(self, transfer: Transfer, run: Run, part: Part | None, error: BaseException) -> None:
        """Decide what becomes of the item. With the lock held."""
        core = self._core
        if part is not None:
            run.in_hand.pop(part.number, None)
            part.in_hand = False
        if run.stopping:
            return  # Whatever it was, the item had been told to stop.
        error = shortage(error) or in_the_way(error, transfer, core.connections) or error
        if isinstance(error, Interrupted):
            if not core.is_closing:
                if transfer.wish is not None:
                    self._heed_wish(transfer)
                    return
                core.go(transfer, S.QUEUED)
            core.stop_run(transfer, "interrupted")
            return
        error = known_error(error, transfer)
        if transfer.wish is None and isinstance(error, Condition) and error.code == RESTORING:
            wait_to_be_restored(core, transfer)
            return
        transfer.last_error = explain(error, what=f"{transfer.spec.kind.value} {transfer.spec.source}")
        note_trouble(core, str(transfer.spec.source), transfer.last_error)
        run.finishing = False
        if transfer.wish is not None:
            self._heed_wish(transfer)
        elif isinstance(error, Condition):
            core.wait_for(error, transfer)
        elif isinstance(error, NeedsAnswer):
            self._ask(transfer, error)
        elif isinstance(error, Retryable):
            if not try_again(core, transfer, run, part, error):
                self._fail(transfer)
        else:
            self._fail(transfer)

    def _heed_wish(self, transfer: Transfer) -> None:
        """It was to pause or to be cancelled, and did not get to its end. With the lock held."""
        wish, transfer.wish = transfer.wish, None
        if wish is S.CANCELLED:
            self._closer.cancel(transfer)
        else:
            self._core.go(transfer, S.PAUSED)
            self._core.save(transfer)
            self._core.stop_run(transfer, "pause")

    def _ask(self, transfer: Transfer, error: NeedsAnswer) -> None:
        core = self._core
        core.scheduler.gave_up(transfer)
        operation = core.operations.get(transfer.operation)
        answer = operation.answers.get(error.code) if operation is not None else None
        if answer == "cancel":
            self._closer.cancel(transfer)
            return
        if answer is not None and transfer.checkpoint.answer != answer:
            transfer.checkpoint = replace(transfer.checkpoint, answer=answer)
            core.go(transfer, S.QUEUED)
            core.save(transfer)
            core.stop_run(transfer, "answered")
            return
        if error.code == "target-exists" and transfer.spec.options.on_conflict is not ConflictPolicy.ASK:
            # It appeared while the item ran: looking again, its policy has the answer.
            self._look_again(transfer)
            return
        core.go(transfer, S.ATTENTION)
        transfer.question = question_of(error)
        core.save(transfer)
        core.tell(event("attention", row_of(core, transfer)))
        core.stop_run(transfer, "attention")

    def _look_again(self, transfer: Transfer) -> None:
        transfer.attempts += 1
        if self._core.retries.exhausted(transfer.attempts):
            self._fail(transfer)
            return
        self._core.go(transfer, S.QUEUED)
        self._core.stop_run(transfer, "conflict")

    def _fail(self, transfer: Transfer) -> None:
        core = self._core
        core.scheduler.gave_up(transfer)
        core.go(transfer, S.FAILED)
        transfer.problem = transfer.last_error
        core.save(transfer)
        core.tell(event("failed", row_of(core, transfer)))
        core.stop_run(transfer, "failed")

    # -- closing a run -----------------------------------------------------------------------------

    def close_left(self) -> None:
        """Let go of the files of whatever ran, at the end of the engine; of runs that no worker is stuck in."""
        core = self._core
        with core.lock:
            left = [item for item in core.scheduler.active if item.run is not None and item.run.inside == 0]
        for transfer in left:
            self._close(transfer)

    def _close(self, transfer: Transfer) -> None:
        """Let go of its files; then what it waits for may come."""
        core = self._core
        with core.lock:
            run = transfer.run
        if run is None:
            return
        close_job(transfer, run)
        with core.lock:
            core.retire(transfer, run)
            if core.is_closing:
                return
            if transfer.state is S.CANCELLED:
                core.scheduler.chore(Work(WorkKind.DISCARD, transfer))
            elif transfer.state is S.QUEUED:
                core.scheduler.ready(transfer)
            elif transfer.state is S.WAITING and transfer.hold is not None and transfer.hold.is_timed:
                core.scheduler.wait_until(transfer, transfer.hold.until)
            core.wake()
