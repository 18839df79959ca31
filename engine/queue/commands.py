"""What can be done to the items of the queue, one by one or all together."""

from __future__ import annotations

import logging
from dataclasses import replace

from engine.errors import Condition, UsageError
from engine.model import (
    ConflictPolicy,
    LocalRef,
    ObjectRef,
    OperationId,
    TransferId,
    TransferRequest,
    TransferState,
)
from engine.queue.closing import Closer
from engine.queue.core import Core
from engine.queue.intake import Intake, with_policy
from engine.transfer import Transfer

log = logging.getLogger(__name__)

S = TransferState

_MAY_BE_OVER = ("local-denied", "disk-error")
"""Refusals that were true when the planner looked."""


class Commands:
    """Every method may be called from any thread, waits for nothing, and ignores ids that are gone."""

    def __init__(self, core: Core, closer: Closer, intake: Intake) -> None:
        self._core, self._closer, self._intake = core, closer, intake

    # -- one item ----------------------------------------------------------------------------------

    def _item(self, id: TransferId) -> Transfer | None:
        return self._core.roster.items.get(id)

    def pause(self, id: TransferId) -> None:
        """Stop it, keeping its confirmed parts; it stays paused over restarts."""
        core = self._core
        with core.lock:
            transfer = self._item(id)
            if transfer is None or not transfer.state.can_pause:
                return
            if transfer.state is S.FINISHING:
                transfer.wish = S.PAUSED
                core.save(transfer)
                return
            core.scheduler.gave_up(transfer)
            core.go(transfer, S.PAUSED)
            core.save(transfer)
            core.stop_run(transfer, "pause")

    def resume(self, id: TransferId) -> None:
        """Let a paused item go on."""
        core = self._core
        with core.lock:
            transfer = self._item(id)
            if transfer is None:
                return
            if transfer.state is S.FINISHING and transfer.wish is S.PAUSED:
                transfer.wish = None
                core.save(transfer)
            elif transfer.state is S.PAUSED:
                self._queue_again(transfer)

    def retry(self, id: TransferId) -> None:
        """Try again now what failed, waits or asks."""
        core = self._core
        with core.lock:
            transfer = self._item(id)
            if transfer is not None and transfer.state.can_retry:
                self._retry(transfer)

    def _retry(self, transfer: Transfer) -> None:
        core = self._core
        transfer.attempts = 0
        if transfer.state is S.WAITING:
            core.scheduler.ceilings.ask_now(transfer.spec.connection, core.clock.monotonic())
            for blockade in core.scheduler.blockades.values():
                if transfer.id in blockade.items:
                    blockade.until = core.clock.monotonic()
                    core.wake()
                    return
            if transfer.run is not None and not transfer.run.stopping:
                transfer.run.wake_delayed(float("inf"))
                core.go(transfer, S.RUNNING)
                core.wake()
                return
        self._queue_again(transfer)

    def _queue_again(self, transfer: Transfer) -> None:
        core = self._core
        if not self._may_be_tried(transfer):
            return
        core.go(transfer, S.QUEUED)
        core.save(transfer)
        core.requeue(transfer)

    def _may_be_tried(self, transfer: Transfer) -> bool:
        """Nothing stands against it; what stood against a file or folder when it was found may be over."""
        spec = transfer.spec
        if spec.refusal in _MAY_BE_OVER:
            if str(spec.source).endswith("/"):
                self._look_again(transfer)
            else:
                self._core.roster.respec(transfer, replace(spec, refusal=None))
        return transfer.spec.refusal is None

    def _look_again(self, transfer: Transfer) -> None:
        """What is in a folder that could not be read becomes items, in place of the folder. With the lock held."""
        spec = transfer.spec
        if spec.connection and isinstance(spec.source, LocalRef) and isinstance(spec.target, ObjectRef):
            request = TransferRequest((spec.source,), spec.target, spec.connection, spec.options)
            try:
                self._intake.submit(request, f"{spec.kind.value} {spec.source} to {spec.target}")
            except Condition as error:
                log.info("item %d is not tried again: %s", transfer.id, error.detail)
                return
            transfer.note = "the folder is looked into once more"
            self._closer.cancel(transfer)

    def cancel(self, id: TransferId) -> None:
        """End it and remove what was moved of it. What is already completing on the server stays."""
        core = self._core
        with core.lock:
            transfer = self._item(id)
            if transfer is None:
                return
            if transfer.state is S.FINISHING:
                transfer.wish = S.CANCELLED
                self._core.save(transfer)
                return
            self._closer.cancel(transfer)

    def answer(self, id: TransferId, answer: str, *, for_operation: bool = False) -> None:
        """Answer the question of an ATTENTION item; with `for_operation` of all like it, now and later.

        Raises:
            UsageError: That is no answer to its question.
        """
        core = self._core
        with core.lock:
            transfer = self._item(id)
            if transfer is None or transfer.question is None:
                return
            question = transfer.question
            if answer not in question.answers:
                raise UsageError(f"{answer!r} is no answer; there are: {', '.join(question.answers)}")
            asked = [transfer]
            if for_operation:
                asked = self._answer_all(transfer, question.kind, answer)
            for item in asked:
                if answer == "cancel":
                    self._closer.cancel(item)
                else:
                    item.checkpoint = replace(item.checkpoint, answer=answer)
                    self._queue_again(item)

    def _answer_all(self, transfer: Transfer, kind: str, answer: str) -> list[Transfer]:
        """Remember it for the operation; return the items that ask just that."""
        core = self._core
        operation = core.operations.get(transfer.operation)
        if operation is not None:
            operation.answers[kind] = answer
            if kind == "target-exists" and operation.request is not None:
                self._intake.answered(operation, answer)
        mine = core.roster.items_of(transfer.operation)
        if kind == "target-exists":
            changed = []
            for item in mine:
                if item.spec.options.on_conflict is ConflictPolicy.ASK:
                    core.roster.respec(item, with_policy(item.spec, answer))
                    changed.append(item)
            core.save_many(changed)
        return [item for item in mine if item.question is not None and item.question.kind == kind]

    def move(self, id: TransferId, by: int) -> None:
        """Up (negative) or down in the queue."""
        core = self._core
        with core.lock:
            transfer = self._item(id)
            if transfer is not None and by:
                self._place(transfer, core.roster.index_of(transfer) + by)

    def move_to_top(self, id: TransferId) -> None:
        """To the first place."""
        with self._core.lock:
            transfer = self._item(id)
            if transfer is not None:
                self._place(transfer, 0)

    def move_past(self, id: TransferId, other: int, *, up: bool) -> None:
        """Before (`up`) or behind another item, or all unfinished ones of an operation."""
        core = self._core
        with core.lock:
            transfer, single = self._item(id), self._item(TransferId(other))
            there = core.roster.items_of(OperationId(other)) if single is None else [single]
            if transfer is None or not there or transfer in there:
                return
            own, at = core.roster.index_of(transfer), core.roster.index_of(there[0 if up else -1])
            self._place(transfer, at - (own < at) if up else at + (own > at))

    def _place(self, transfer: Transfer, index: int) -> None:
        core = self._core
        self._reranked(core.roster.place(transfer, index))

    def _reranked(self, changed: list[Transfer]) -> None:
        """These stand elsewhere in the queue now."""
        core = self._core
        core.save_many(changed)
        for item in changed:
            if item.run is not None:
                continue
            if item.state is S.QUEUED:
                core.scheduler.ready(item)
            elif item.state is S.WAITING and item.hold is not None and item.hold.is_timed:
                # If it was due and waited for room, it did so under its old rank.
                core.scheduler.wait_until(item, item.hold.until)
        core.touch()

    # -- all items ---------------------------------------------------------------------------------

    def pause_all(self) -> None:
        """Hold the queue: nothing moves until `resume_all`; single pauses stay as they are."""
        core = self._core
        with core.lock:
            core.scheduler.held = True
            core.save_hold()
            for transfer in core.scheduler.active:
                if transfer.state in (S.RUNNING, S.WAITING):
                    core.go(transfer, S.QUEUED)
                    core.stop_run(transfer, "hold")
            core.touch()

    def resume_all(self) -> None:
        """End the hold."""
        core = self._core
        with core.lock:
            core.scheduler.held = False
            core.save_hold()
            core.touch()
            core.wake()

    def retry_failed(self) -> int:
        """Try again all that failed and may be; returns how many."""
        core = self._core
        with core.lock:
            failed = [item for item in core.roster if item.state is S.FAILED]
            failed = [item for item in failed if self._may_be_tried(item)]
            for item in failed:
                item.attempts = 0
                core.go(item, S.QUEUED)
                core.requeue(item)
            core.save_many(failed)
            return len(failed)

    def clear_finished(self) -> int:
        """Take finished items off the screen; history keeps them."""
        with self._core.lock:
            count = self._core.roster.clear_finished()
            self._core.touch()
            return count

    def set_limits(self, upload: int | None, download: int | None) -> None:
        """Bytes per second in each direction; ``None`` for no limit."""
        core = self._core
        core.upload_limiter.rate, core.download_limiter.rate = upload, download
        with core.lock:
            core.touch()
            core.wake()

    def set_workers(self, count: int) -> None:
        """Requests under way at a time, from 1 to 64, or what the number of open files allows."""
        core = self._core
        with core.lock:
            core.scheduler.workers = max(1, min(count, core.most_workers))
            core.touch()
            core.work.notify_all()  # Each looks whether it is one too many.
            core.more_workers()
