"""The last steps of items: synced, put in place and written down, small ones in groups."""

from __future__ import annotations

import logging
import os
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace

from engine.errors import Condition, TransferError
from engine.jobs.protocol import Finished
from engine.local.folders import sync_folder
from engine.local.partplace import part_file_name
from engine.local.publish import StagedFile, new_file_mode
from engine.model import ItemKind, LocalRef, TransferState
from engine.pace.threads import start
from engine.queue.context import abort_subject
from engine.queue.core import Core, event
from engine.queue.endings import cancelled_item, finished_item
from engine.queue.reports import row_of
from engine.scheduler import Work, WorkKind
from engine.state.records import finished_text
from engine.transfer import Run, Transfer

log = logging.getLogger(__name__)

S = TransferState

GROUP_SECONDS = 0.05
"""How long the first item of a group waits for others, while there are others under way."""
GROUP_ITEMS = 256
_FLUSH_TIMEOUT = 30.0

Failed = Callable[[Transfer, Run, BaseException], None]


@dataclass(slots=True)
class Closing:
    """An item at its end."""

    transfer: Transfer
    run: Run
    result: Finished
    final: str | None = None
    """The path it was published under."""


class Closer:
    """One thread that finishes items, so that syncing and writing down cost once a group.

    `_queue` is written and read under the core's lock.
    """

    def __init__(self, core: Core) -> None:
        self._core = core
        self._queue: deque[Closing] = deque()
        self._filled = threading.Condition(core.lock)
        self._is_busy = False
        self.failed: Failed = lambda transfer, run, error: None
        """What to do with an item that failed at its very end; called with the lock held."""
        self._thread = threading.Thread(target=self._run, name="s3tui-closer", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        start(self._thread, operation="start the queue")

    def put(self, closing: Closing) -> None:
        """One more. With the lock held."""
        self._queue.append(closing)
        count = len(self._queue)
        # Not for each: whoever is woken in the middle of a group only looks, and sleeps again.
        if count == 1 or count >= GROUP_ITEMS or count >= self._core.scheduler.active_count:
            self._filled.notify()

    @property
    def is_idle(self) -> bool:
        """Nothing is on its way. With the lock held."""
        return not self._queue and not self._is_busy

    def stop(self, timeout: float) -> None:
        """Finish what is there, then end; `Core.is_closing` is set."""
        with self._core.lock:
            self._filled.notify_all()
        if self._thread.is_alive():
            self._thread.join(timeout)

    # -- the thread --------------------------------------------------------------------------------

    def _run(self) -> None:
        while True:
            group = self._next_group()
            if not group:
                return
            try:
                self._close(group)
            except Exception as error:
                log.exception("closing a group")
                self._fail_all(group, error)

    def _fail_all(self, group: list[Closing], error: Exception) -> None:
        """None of them may be left hanging, and the thread goes on whatever happens."""
        for closing in group:
            try:
                with self._core.lock:
                    if closing.transfer.run is closing.run and not closing.run.stopping:
                        self.failed(closing.transfer, closing.run, error)
            except Exception:
                log.exception("item %d: failing at its end", closing.transfer.id)

    def _next_group(self) -> list[Closing]:
        core = self._core
        with core.lock:
            self._is_busy = False
            core.news.notify_all()
            while not self._queue:
                if core.is_closing:
                    return []
                self._filled.wait(1.0)
            self._is_busy = True
            until = core.clock.monotonic() + GROUP_SECONDS
            while len(self._queue) < GROUP_ITEMS and not core.is_closing:
                left = until - core.clock.monotonic()
                under_way = core.scheduler.active_count - len(self._queue)
                if left <= 0 or under_way <= 0:
                    break
                self._filled.wait(left)
            count = min(GROUP_ITEMS, len(self._queue))
            return [self._queue.popleft() for _ in range(count)]

    def _close(self, group: list[Closing]) -> None:
        mode = new_file_mode() if any(closing.result.staged is not None for closing in group) else 0
        # Each step for all of them: the files of a group then share what the disk has to do for one.
        ready = [closing for closing in group if self._step(closing, lambda staged: staged.prepare(mode))]
        synced = [closing for closing in ready if self._step(closing, StagedFile.sync)]
        placed = [closing for closing in synced if self._publish(closing)]
        self._sync_folders(placed)
        moves = [closing for closing in placed if closing.result.remove_source]
        done = [closing for closing in placed if not closing.result.remove_source]
        if moves:
            self._record_moves(moves)
        if done:
            self._record(done)

    def _publish(self, closing: Closing) -> bool:
        """Put a staged file in its place."""
        staged = closing.result.staged
        if staged is None:
            closing.final = closing.result.target
            return True

        def publish(staged: StagedFile) -> None:
            closing.final = staged.publish()

        return self._step(closing, publish)

    def _step(self, closing: Closing, do: Callable[[StagedFile], None]) -> bool:
        """Go on with a staged file, if it has one; false where it failed."""
        staged = closing.result.staged
        if staged is None:
            return True
        try:
            do(staged)
            return True
        except Exception as error:  # Of this item alone: the others of its group are put in place.
            staged.close()
            with self._core.lock:
                if not closing.run.stopping:
                    self.failed(closing.transfer, closing.run, error)
            return False

    def _sync_folders(self, placed: list[Closing]) -> None:
        """Each folder once; then let go of the files."""
        for folder in {path for closing in placed if (path := closing.result.emptied) is not None}:
            try:
                sync_folder(folder, self._core.fs)
            except TransferError as error:
                # A power cut within seconds could bring the names back, and nothing else.
                log.warning("folder of what was removed not synced: %s", error.code)
        seen: set[tuple[int, int]] = set()
        for closing in placed:
            staged = closing.result.staged
            if staged is None:
                continue
            if staged.folder_key not in seen:
                seen.add(staged.folder_key)
                try:
                    staged.sync_folder()
                except TransferError as error:
                    # The file is there and complete; only a power cut within seconds could undo its name.
                    log.warning("folder of item %d not synced: %s", closing.transfer.id, error.code)
            staged.close()

    def _record_moves(self, moves: list[Closing]) -> None:
        """The targets are safe: only once that is on disk may the sources go."""
        core = self._core
        seq = 0
        with core.lock:
            for closing in moves:
                transfer, result = closing.transfer, closing.result
                transfer.outcome, transfer.verified = result.outcome, result.verified
                transfer.checkpoint = replace(
                    transfer.checkpoint,
                    phase="placed",
                    verified=result.verified,
                    target=closing.final or transfer.checkpoint.target,
                )
                try:
                    seq = core.store.save_checkpoint(transfer.id, transfer.checkpoint)
                except Condition as error:
                    self.failed(transfer, closing.run, error)
        synced = core.store.flush(seq, _FLUSH_TIMEOUT)
        with core.lock:
            for closing in moves:
                transfer = closing.transfer
                if closing.run.stopping:
                    continue
                if synced:
                    core.scheduler.chore(Work(WorkKind.REMOVE, transfer))
                    core.wake()
                else:
                    unsaved = Condition("state-unsaved", ("state", core.config.state_dir), operation="move")
                    self.failed(transfer, closing.run, unsaved)

    def _record(self, done: list[Closing]) -> None:
        """Into history, in one transaction."""
        core = self._core
        # Without the lock: the workers need it, and nobody else changes what is told of an item at its end.
        texts = [(closing.transfer.id, finished_text(finished_item(core, closing))) for closing in done]
        with core.lock:
            try:
                seq = core.store.finish_texts(texts)
                core.store.request_sync()
            except Condition as error:
                for closing in done:
                    self.failed(closing.transfer, closing.run, error)
                return
            ended = []
            for closing in done:
                transfer = closing.transfer
                transfer.outcome, transfer.verified = closing.result.outcome, closing.result.verified
                transfer.saved_seq = seq
                transfer.wish = None
                if closing.final is not None and closing.final != str(transfer.spec.target):
                    transfer.checkpoint = replace(transfer.checkpoint, target=closing.final)
                core.roster.go(transfer, S.DONE)
                row = row_of(core, transfer, saving=False)
                ended.append((transfer, row))
                core.events.append(event("finished", row))
                closing.run.stopping = True
            core.roster.finish(ended)
            forget_operations(core, [transfer for transfer, _ in ended])
            core.touch()
            left = [closing for closing in done if closing.run.inside == 0]
            # Else the worker that is about to leave sees that the run is over.
        for closing in left:
            close_job(closing.transfer, closing.run)
        with core.lock:
            for closing in left:
                core.retire(closing.transfer, closing.run)
            core.wake()

    # -- cancelling --------------------------------------------------------------------------------

    def cancel(self, transfer: Transfer) -> None:
        """End an item for good; what it leaves behind becomes a debt first. With the lock held; never raises."""
        core = self._core
        checkpoint, kind = transfer.checkpoint, transfer.spec.kind
        core.scheduler.gave_up(transfer)
        try:
            owed = list(transfer.owed)
            if checkpoint.upload_id and kind.value in ("upload", "copy"):
                owed.append(
                    core.store.owe(
                        "abort", transfer.spec.connection, abort_subject(transfer), checkpoint.upload_id
                    )
                )
            elif checkpoint.phase == "intent":
                # Perhaps it is begun in this moment: what it is called may never be written down.
                subject, since = abort_subject(transfer), str(checkpoint.intent_at)
                owed.append(core.store.owe("begun", transfer.spec.connection, subject, since))
            if checkpoint.part_file:
                owed.append(
                    core.store.owe("unlink", None, checkpoint.part_file, str(checkpoint.part_file_inode))
                )
            if unrecorded := unrecorded_part_file(core, transfer):
                owed.append(debt := core.store.owe("unlink", None, unrecorded, ""))
                if transfer.run is None:  # Else when its worker has left.
                    core.scheduler.chore(Work(WorkKind.CLEAN, None, debt=debt))
                    core.wake()
            transfer.owed = tuple(owed)
            core.go(transfer, S.CANCELLED)
            transfer.saved_seq = core.store.finish([cancelled_item(core, transfer)])
            core.store.request_sync()
        except Condition as error:
            core.go(transfer, S.CANCELLED)
            core.unrecorded.append(cancelled_item(core, transfer))
            core.block(error, transfer)
        row = row_of(core, transfer, saving=False)
        core.roster.finish([(transfer, row)])
        core.tell(event("cancelled", row))
        forget_operations(core, [transfer])
        if transfer.run is not None:
            core.stop_run(transfer, "cancel")
        elif checkpoint.phase or checkpoint.part_file or checkpoint.upload_id:
            core.scheduler.chore(Work(WorkKind.DISCARD, transfer))
            core.wake()


def unrecorded_part_file(core: Core, transfer: Transfer) -> str:
    """Where a download may have a part file without a record of it; empty if nowhere.

    That of a small item is never recorded, that of a large one only after it was made: an earlier process may
    have left one, and a worker may be making one.
    """
    spec, target = transfer.spec, transfer.spec.target
    is_begun = transfer.id <= core.last_recovered or transfer.run is not None
    if not (
        is_begun
        and not transfer.checkpoint.part_file
        and spec.kind is ItemKind.DOWNLOAD
        and isinstance(target, LocalRef)
    ):
        return ""
    folder, name = os.path.split(transfer.checkpoint.target or target.path)
    return os.path.join(spec.options.temp_dir or folder, part_file_name(name, transfer.id)) if name else ""


def close_job(transfer: Transfer, run: Run) -> None:
    """Let go of its files. Without the lock; nobody is inside the job any more."""
    if run.job is None:
        return
    try:
        run.job.close()
    except (OSError, TransferError) as error:
        log.warning("item %d: closing: %s", transfer.id, type(error).__name__)
    except Exception:
        # Whatever it is, the item must not be held by a run that is over.
        log.exception("item %d: closing", transfer.id)


def forget_operations(core: Core, ended: list[Transfer]) -> None:
    """Drop the records of operations with their last items. With the lock held."""
    for id in {id for transfer in ended for id in (transfer.operation, *transfer.also)}:
        operation, sums = core.operations.get(id), core.roster.operations.get(id)
        if operation is None or sums is None:
            continue
        if operation.is_planning or operation.request is not None:
            # What it has so far is not all, or it is to be planned again.
            if operation.is_from_before:
                operation.ended.update(
                    (transfer.spec.kind, str(transfer.spec.source), str(transfer.spec.target))
                    for transfer in ended
                    if id in (transfer.operation, *transfer.also)
                )
            continue
        if all(state.is_final or not count for state, count in sums.counts.items()):
            try:
                core.store.drop_operation(id)
            except Condition as error:
                log.warning("operation %d stays on record: %s", id, error.detail)
