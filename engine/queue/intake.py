"""Requests become items of the queue: planned on a thread of its own, added batch by batch."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TypeVar

from engine.errors import (
    Condition,
    EngineError,
    Interrupted,
    Retryable,
    TransferError,
    UsageError,
    explain,
    refusal,
)
from engine.model import (
    ConflictPolicy,
    DeleteRequest,
    OperationId,
    Request,
    TransferId,
    TransferRequest,
    TransferSpec,
    TransferState,
)
from engine.pace.cancel import CancelToken
from engine.pace.threads import start
from engine.planner import Planner
from engine.queue.closing import Closer
from engine.queue.core import Core, Operation, event, saved
from engine.queue.putting_off import put_off
from engine.queue.reports import row_of
from engine.queue.roster import RANK_STEP, Sums
from engine.queue.trouble import note_trouble
from engine.snapshot import Event
from engine.state.store import SavedOperation
from engine.transfer import Transfer

T = TypeVar("T")

log = logging.getLogger(__name__)

S = TransferState

_SYNC_PATIENCE = 5.0
"""Seconds that a batch waits to be on disk; a disk that takes longer is complained of by the journal."""

_OUT_OF_REACH = (
    "needs-profile",
    "plain-http",
    "no-credentials",
    "wrong-key",
    "wrong-secret",
    "unknown-host",
    "tls",
)
"""Codes that say more about this process and its surroundings than about what was asked for."""


class Intake:
    """One thread that plans one request after the other.

    `_requests` and `_tokens` are written and read under the core's lock.
    """

    def __init__(self, core: Core, planner: Planner, closer: Closer) -> None:
        self._core, self._planner, self._closer = core, planner, closer
        self._requests: deque[Operation] = deque()
        self._tokens: dict[OperationId, CancelToken] = {}
        self._filled = threading.Condition(core.lock)
        self._thread: threading.Thread | None = None

    def submit(self, request: Request, label: str) -> OperationId:
        """Take a request; what becomes of it is told by events."""
        core = self._core
        with core.lock:
            id = OperationId(core.store.new_ids(1)[0])
            operation = Operation(id, request, label, core.clock.wall(), is_planning=True)
            core.store.save_operation(record_of(operation))
            core.store.request_sync()
            self.resume(operation)
            core.touch()
        return id

    def submit_found(self, found: Callable[[], list[TransferSpec]], label: str) -> OperationId:
        """Take items that are planned already. After a crash all of them are in the queue, or none.

        Args:
            found: Called once, on the planner's thread.
        """
        core = self._core
        with core.lock:
            id = OperationId(core.store.new_ids(1)[0])
            self.resume(Operation(id, None, label, core.clock.wall(), is_planning=True, found=found))
            core.touch()
        return id

    def resume(self, operation: Operation) -> None:
        """Plan it, (again) from its beginning. With the lock held."""
        core = self._core
        if operation.id in self._tokens:
            return
        operation.is_planning = True
        core.operations[operation.id] = operation
        core.roster.operations.setdefault(operation.id, Sums())
        self._requests.append(operation)
        self._tokens[operation.id] = CancelToken()
        self.call_planner()
        self._filled.notify()

    def call_planner(self) -> None:
        """With the lock held, also now and then: see to it that there is one if there is something to plan."""
        if self._thread is None and self._requests:
            thread = threading.Thread(target=self._run, name="s3tui-planner", daemon=True)
            try:
                start(thread, operation="plan")
            except Retryable as error:
                log.warning("planning has to wait: %s", error.detail)
            else:
                self._thread = thread

    def plan_again(self) -> int:
        """Try what could not be planned because something was out of reach. With the lock held."""
        kept = [
            operation
            for operation in self._core.operations.values()
            if operation.request is not None and operation.problem is not None and not operation.is_planning
        ]
        for operation in kept:
            operation.problem = None
            self.resume(operation)
        return len(kept)

    def stop(self) -> None:
        """End planning; it begins again with the next start. With the lock held."""
        for token in self._tokens.values():
            token.cancel("quit")
        self._filled.notify_all()

    def answered(self, operation: Operation, answer: str) -> None:
        """Where a target exists, this holds for what is still to be found of it too, also after a restart. With the lock held."""
        request = operation.request
        if not isinstance(request, TransferRequest) or request.options.on_conflict is not ConflictPolicy.ASK:
            return
        options = replace(request.options, on_conflict=ConflictPolicy(answer))
        operation.request = replace(request, options=options)
        try:
            self._core.store.save_operation(record_of(operation))
            self._core.store.request_sync()
        except Condition as error:
            log.warning("operation %d: the answer for all is not on record: %s", operation.id, error.detail)

    def cancel(self, id: OperationId) -> None:
        """Add nothing more of this operation. With the lock held."""
        token = self._tokens.get(id)
        if token is not None:
            token.cancel("cancel")

    # -- the thread --------------------------------------------------------------------------------

    def _run(self) -> None:
        core = self._core
        while True:
            with core.lock:
                while not self._requests:
                    if core.is_closing:
                        return
                    self._filled.wait()
                operation = self._requests.popleft()
                token = self._tokens[operation.id]
            if core.is_closing:
                return
            try:
                self._plan(operation, token)
            except Exception as error:
                if not isinstance(error, EngineError):
                    log.exception("planning operation %d", operation.id)
                self._refused(operation, error)

    def _plan(self, operation: Operation, token: CancelToken) -> None:
        core = self._core
        if operation.is_from_before:
            self._remember_ended(operation)
        try:
            if operation.found is not None:
                self._take_in(operation, operation.found(), replace(record_of(operation), planned=True))
                operation.found = None
            elif operation.request is not None:
                for specs in self._planner.plan(operation.request, token):
                    self._take_in(operation, specs)
        except Interrupted:
            if core.is_closing:
                return
        self._planned(operation)

    def _remember_ended(self, operation: Operation) -> None:
        """What came to its end before the planning did is not done again, and what was cancelled stays so."""
        mine = [item for item in self._core.store.history() if operation.id in (item.operation, *item.also)]
        with self._core.lock:
            operation.ended.update(
                (item.kind, item.source, target) for item in mine for target in (item.target, None)
            )
            if isinstance(operation.request, TransferRequest) and operation.request.options.move:
                left = (str(item.spec.source) for item in self._core.roster if item.operation == operation.id)
                operation.emptied = folders_of({item.source for item in mine}.union(left))

    def _refused(self, operation: Operation, error: Exception) -> None:
        core = self._core
        if isinstance(error, UsageError) and self._was_found_before(operation):
            self._planned(operation)
            return
        problem = explain(error, what=operation.label)
        if isinstance(error, EngineError) and not problem.what:
            problem = replace(problem, what=operation.label)
        with core.lock:
            operation.problem = problem
            if operation.is_from_before and _may_heal(error):
                # Whoever asked for it is gone, and counts on it: it stays on record as it was.
                operation.is_planning = False
                self._tokens.pop(operation.id, None)
            else:
                self._planned(operation)
            note_trouble(core, "", problem)
            core.tell(Event("refused", None, operation.id, str(problem)))

    def _planned(self, operation: Operation) -> None:
        """All its items are known."""
        core = self._core
        with core.lock:
            operation.is_planning = False
            operation.request = None
            self._tokens.pop(operation.id, None)
            sums = core.roster.operations[operation.id]
            try:
                if any(count for state, count in sums.counts.items() if not state.is_final):
                    core.store.save_operation(record_of(operation))
                else:
                    core.store.drop_operation(operation.id)
            except Condition as error:
                log.warning("operation %d: %s", operation.id, error.detail)
            core.tell(Event("planned", None, operation.id))

    # -- adding ------------------------------------------------------------------------------------

    def _was_found_before(self, operation: Operation) -> bool:
        """All that was asked for by name had become items before a restart: a source may be gone since."""
        core, request = self._core, operation.request
        if not operation.is_from_before or request is None:
            return False
        with core.lock:
            known = {source for _, source, _ in operation.ended}
            known |= {
                str(item.spec.source) for item in core.roster if operation.id in (item.operation, *item.also)
            }
        places = request.targets if isinstance(request, DeleteRequest) else request.sources
        return all(str(place) in known for place in places)

    def _take_in(
        self, operation: Operation, specs: list[TransferSpec], record: SavedOperation | None = None
    ) -> None:
        """Add a batch: new items in one transaction, known ones adopted, those that have ended left out.

        Args:
            record: Of the operation, if that is new too.
        """
        core = self._core
        with core.lock:
            answer = operation.answers.get("target-exists")
            if answer is not None:
                specs = [with_policy(spec, answer) for spec in specs]
            fresh, claimed = [], []
            for spec in specs:
                if has_ended(operation, spec) or str(spec.source) in operation.emptied:
                    continue
                known = core.roster.find(spec)
                if known is None:
                    fresh.append(spec)
                elif operation.id not in (known.operation, *known.also):
                    # Else it is planned again after a restart: what was done to its items since holds.
                    self._adopt(operation, known, spec)
                    claimed.append(known)
            core.save_many(claimed)
            if not fresh:
                core.touch()
                return
        ids = self._when_saved(operation, lambda: core.store.new_ids(len(fresh)))
        with core.lock:
            rank = core.roster.last_rank
        now = core.clock.wall()
        transfers = []
        for number, (id, spec) in enumerate(zip(ids, fresh, strict=True), 1):
            transfer = Transfer(TransferId(id), operation.id, spec, rank + number * RANK_STEP)
            transfer.added_at = now
            if spec.refusal is not None:
                transfer.state = S.FAILED
                error = refusal(spec.refusal, str(spec.source))
                transfer.problem = explain(error)
            elif operation.is_paused:
                transfer.state = S.PAUSED
            transfers.append(transfer)
        # Written down before they are shown.
        seq = self._when_saved(operation, lambda: core.store.add(record, map(saved, transfers)))
        # And before anything is done for them: what a power cut made forgotten could not be tidied up.
        core.store.flush(seq, _SYNC_PATIENCE)
        with core.lock:
            core.roster.add(transfers)
            for transfer in transfers:
                transfer.saved_seq = seq
                if transfer.state is S.QUEUED:
                    if not put_off(core, transfer):
                        core.scheduler.ready(transfer)
                elif transfer.state is S.FAILED:
                    core.tell(event("failed", row_of(core, transfer)))
            core.touch()
            core.wake()

    def _when_saved(self, operation: Operation, write: Callable[[], T]) -> T:
        """What `write` returns; wait while the queue cannot be saved."""
        core = self._core
        token = self._tokens[operation.id]
        while True:
            try:
                return write()
            except Condition as error:
                log.warning("the queue cannot be saved: %s", error.detail)
                if core.clock.wait(token, 1.0):
                    raise Interrupted("quit") from error

    def _adopt(self, operation: Operation, known: Transfer, spec: TransferSpec) -> None:
        """It is in the queue already: ask for it again instead. With the lock held; it is not yet written down."""
        core = self._core
        core.roster.adopt(known, operation.id)
        if spec.refusal is not None:
            return
        if known.state in (S.FAILED, S.PAUSED, S.ATTENTION) and known.run is None:
            if known.checkpoint.phase in ("", "intent"):
                core.roster.respec(known, spec)
            else:
                core.roster.respec(known, replace(known.spec, options=spec.options))
            known.attempts = 0
            core.go(known, S.QUEUED)
        if known.state is S.QUEUED and not (known.run is None and put_off(core, known)):
            core.requeue(known)


def _may_heal(error: Exception) -> bool:
    """Another day, or with other options, it can be planned."""
    return isinstance(error, (Condition, Retryable)) or (
        isinstance(error, TransferError) and error.code in _OUT_OF_REACH
    )


def has_ended(operation: Operation, spec: TransferSpec) -> bool:
    """This item of it came to its end. Where it may have been renamed, its source says so."""
    if not operation.ended:
        return False
    is_renamed = spec.options.on_conflict is ConflictPolicy.RENAME
    target = None if is_renamed else str(spec.target)
    return (spec.kind, str(spec.source), target) in operation.ended


def folders_of(sources: Iterable[str]) -> set[str]:
    """All that they lie in, at any depth, ending in ``/``."""
    folders = set[str]()
    for source in sources:
        folder = source.rstrip("/")
        while (folder := folder[: folder.rfind("/") + 1]) and folder not in folders:
            folders.add(folder)
            folder = folder.rstrip("/")
    return folders


def with_policy(spec: TransferSpec, answer: str) -> TransferSpec:
    """The item with the conflict policy that was chosen for its whole operation."""
    return replace(spec, options=replace(spec.options, on_conflict=ConflictPolicy(answer)))


def record_of(operation: Operation) -> SavedOperation:
    """What a restart must know."""
    return SavedOperation(
        operation.id, operation.label, operation.added_at, operation.request, not operation.is_planning
    )
