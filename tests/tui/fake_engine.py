"""A queue without threads: it does what it is told, the same every time.

`FakeManager.advance` moves its time; nothing else does.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from engine import (
    DeleteRequest,
    EngineSnapshot,
    Event,
    Health,
    ItemKind,
    LocalRef,
    OperationId,
    Outcome,
    PartSnapshot,
    Place,
    Plan,
    PlanChoice,
    Profile,
    Request,
    Totals,
    TransferDetail,
    TransferId,
    TransferRequest,
    TransferSnapshot,
    TransferState,
    Trouble,
    Undone,
    Verified,
    View,
)
from tests.tui.fake_browser import FakeBrowser
from tests.tui.fake_uploads import UploadCommands

S = TransferState
MIB = 1024 * 1024


class FakeManager(UploadCommands):
    """A queue that does what it is told, in its own time."""

    def __init__(self, browser: FakeBrowser | None = None, profiles: Sequence[Profile] = ()) -> None:
        self.browser = browser or FakeBrowser()
        self.rows: list[TransferSnapshot] = []
        self.finished: list[TransferSnapshot] = []
        self.events: list[Event] = []
        self.commands: list[tuple[Any, ...]] = []
        self.submitted: list[Request] = []
        self.plans: list[tuple[Plan, PlanChoice]] = []
        self.health = Health()
        self.notices: tuple[str, ...] = ()
        self.held = False
        self.upload_limit: int | None = None
        self.download_limit: int | None = None
        self.workers = 16
        self.revision = 1
        self.history: list[float] = [0.0] * 60
        self.snapshots = 0
        self.started = self.closed = False
        self.refuse: Exception | None = None
        self._profiles = tuple(profiles)
        self._next_id = 1
        self._elapsed = 0.0

    # -- building a scene --------------------------------------------------------------------------

    def add(self, name: str, state: TransferState = S.QUEUED, **facts: Any) -> TransferSnapshot:
        """Put an item into the queue."""
        given: dict[str, Any] = {
            "kind": ItemKind.UPLOAD,
            "source": f"/data/{name}",
            "target": f"s3://backups/2026/{name}",
            "size": 100 * MIB,
        }
        given.update(facts)
        id = TransferId(self._next_id)
        self._next_id += 1
        row = TransferSnapshot(id=id, operation=OperationId(1), state=state, **given)
        if state.is_final:
            self.finished.insert(0, row)
        else:
            self.rows.append(row)
        self.revision += 1
        return row

    def advance(self, seconds: float) -> None:
        """Let time pass: running items move, countdowns run, finished ones leave."""
        self.revision += 1
        self._elapsed += seconds
        for index, row in enumerate(list(self.rows)):
            if row.state is S.RUNNING and not self.held:
                done = min(row.size, row.bytes_done + int(row.bytes_per_second * seconds))
                left = row.size - done
                eta = left / row.bytes_per_second if row.bytes_per_second else None
                row = replace(row, bytes_done=done, bytes_confirmed=done, eta=eta)
                if not left:
                    row = replace(
                        row, state=S.DONE, outcome=Outcome.TRANSFERRED, verified=Verified.CRC, eta=None
                    )
            elif row.state is S.WAITING and row.waiting is not None:
                left_now = max(row.waiting.seconds_left - seconds, 0.0)
                row = replace(row, waiting=replace(row.waiting, seconds_left=left_now))
            self.rows[index] = row
        for row in [r for r in self.rows if r.state is S.DONE]:
            self.rows.remove(row)
            self.finished.insert(0, row)
            self.events.append(Event("finished", row))
        self.history = [*self.history[1:], self._totals().bytes_per_second]

    # -- the port -------------------------------------------------------------------------------------

    def start(self) -> None:
        """Note it."""
        self.started = True

    def close(self, deadline: float = 2.0) -> None:
        """Note it."""
        self.closed = True

    def submit(self, request: Request) -> OperationId:
        """One item per source."""
        if self.refuse is not None:
            raise self.refuse
        self.submitted.append(request)
        if isinstance(request, DeleteRequest):
            for target in request.targets:
                self.add("x", kind=ItemKind.DELETE, source=str(target), target=str(target), size=-1)
        else:
            for source in request.sources:
                self._add_transfer(request, source)
        return OperationId(len(self.submitted))

    def submit_plan(self, plan: Plan, choice: PlanChoice) -> OperationId | None:
        """What was chosen, item by item."""
        if self.refuse is not None:
            raise self.refuse
        self.plans.append((plan, choice))
        for spec in plan.chosen(choice):
            name = str(spec.source).rpartition("/")[2]
            self.add(name, kind=spec.kind, source=str(spec.source), target=str(spec.target), size=spec.size)
        return OperationId(len(self.plans))

    def _add_transfer(self, request: TransferRequest, source: Place) -> None:
        up = isinstance(source, LocalRef)
        down = isinstance(request.target, LocalRef)
        kind = ItemKind.UPLOAD if up else ItemKind.DOWNLOAD if down else ItemKind.COPY
        name = str(source).rstrip("/").rpartition("/")[2]
        self.add(name, kind=kind, source=str(source), target=f"{request.target}{name}", size=40 * MIB)

    def _change(self, id: TransferId, **facts: Any) -> None:
        self.rows = [replace(row, **facts) if row.id == id else row for row in self.rows]
        self.revision += 1

    def _find(self, id: TransferId) -> TransferSnapshot | None:
        return next((row for row in [*self.rows, *self.finished] if row.id == id), None)

    def pause(self, id: TransferId) -> None:
        """To PAUSED."""
        self.commands.append(("pause", id))
        self._change(id, state=S.PAUSED, bytes_per_second=0.0, eta=None, waiting=None)

    def resume(self, id: TransferId) -> None:
        """To QUEUED."""
        self.commands.append(("resume", id))
        self._change(id, state=S.QUEUED)

    def cancel(self, id: TransferId) -> None:
        """To CANCELLED."""
        self.commands.append(("cancel", id))
        self._change(id, state=S.CANCELLED, bytes_per_second=0.0, eta=None, waiting=None, question=None)
        for row in [r for r in self.rows if r.state is S.CANCELLED]:
            self.rows.remove(row)
            self.finished.insert(0, row)

    def retry(self, id: TransferId) -> None:
        """To QUEUED."""
        self.commands.append(("retry", id))
        self._change(id, state=S.QUEUED, problem=None, waiting=None)

    def pause_all(self) -> None:
        """Hold."""
        self.commands.append(("pause_all",))
        self.held = True
        for row in [row for row in self.rows if row.state is S.RUNNING]:
            self._change(row.id, state=S.QUEUED, bytes_per_second=0.0, eta=None)
        self.revision += 1

    def resume_all(self) -> None:
        """Go on."""
        self.commands.append(("resume_all",))
        self.held = False
        self.revision += 1

    def retry_failed(self) -> int:
        """All FAILED to QUEUED."""
        failed = [row.id for row in self.rows if row.state is S.FAILED]
        for id in failed:
            self.retry(id)
        return len(failed)

    def clear_finished(self) -> int:
        """Forget them."""
        count = len(self.finished)
        self.finished = []
        self.revision += 1
        self.commands.append(("clear_finished",))
        return count

    def move(self, id: TransferId, by: int) -> None:
        """Up or down."""
        self.commands.append(("move", id, by))
        at = next((i for i, row in enumerate(self.rows) if row.id == id), None)
        if at is not None:
            row = self.rows.pop(at)
            self.rows.insert(max(0, at + by), row)
            self.revision += 1

    def move_to_top(self, id: TransferId) -> None:
        """To the first place."""
        self.move(id, -len(self.rows))

    def pause_operation(self, id: OperationId) -> None:
        """Note it."""
        self.commands.append(("pause_operation", id))

    def resume_operation(self, id: OperationId) -> None:
        """Note it."""
        self.commands.append(("resume_operation", id))

    def cancel_operation(self, id: OperationId) -> None:
        """Note it."""
        self.commands.append(("cancel_operation", id))

    def retry_operation(self, id: OperationId) -> None:
        """Note it."""
        self.commands.append(("retry_operation", id))

    def move_operation_to_top(self, id: OperationId) -> None:
        """Note it."""
        self.commands.append(("move_operation_to_top", id))

    undone = Undone()
    trouble: tuple[Trouble, ...] = ()

    def troubles(self) -> tuple[Trouble, ...]:
        """As given."""
        return self.trouble

    def undo_delete(self) -> Undone:
        """Note it."""
        self.commands.append(("undo_delete",))
        return self.undone

    def move_past(self, id: TransferId, other: int, *, up: bool) -> None:
        """Note it."""
        self.commands.append(("move_past", id, other, up))

    def answer(self, id: TransferId, answer: str, *, for_operation: bool = False) -> None:
        """Answer a question."""
        self.commands.append(("answer", id, answer, for_operation))
        self._change(id, state=S.QUEUED, question=None)

    def set_limits(self, upload: int | None, download: int | None) -> None:
        """Both directions."""
        self.upload_limit, self.download_limit = upload, download
        self.revision += 1

    def limit_item(self, id: TransferId, bytes_per_second: int | None) -> None:
        """Of its own."""
        self.commands.append(("limit_item", id))
        self._change(id, rate_limit=bytes_per_second)

    def limit_operation(self, id: OperationId, bytes_per_second: int | None) -> None:
        """Note it."""
        self.commands.append(("limit_operation", id))

    def set_workers(self, count: int) -> None:
        """How many."""
        self.workers = max(1, min(count, 64))
        self.revision += 1

    def snapshot(
        self, first: int = 0, count: int = 50, view: View = View.ALL, find: str = "", opened: object = None
    ) -> EngineSnapshot:
        """The window; it knows nothing of operations."""
        self.snapshots += 1
        rows = [row for row in [*self.rows, *self.finished] if view.shows(row.state)]
        if find:
            wanted = f"*{find.casefold()}*"
            rows = [row for row in rows if fnmatch.fnmatchcase(row.source.casefold(), wanted)]
        return EngineSnapshot(
            revision=self.revision,
            rows=tuple(rows[first : first + count]),
            first=first,
            total=len(rows),
            totals=self._totals(),
            health=self.health,
            held=self.held,
            upload_limit=self.upload_limit,
            download_limit=self.download_limit,
            workers=self.workers,
        )

    def _totals(self) -> Totals:
        everything = [*self.rows, *self.finished]
        counts: dict[TransferState, int] = {}
        for row in everything:
            counts[row.state] = counts.get(row.state, 0) + 1
        sized = [row for row in everything if row.size > 0]
        total = sum(row.size for row in sized)
        done = sum(row.size if row.state is S.DONE else row.bytes_done for row in sized)
        moving = [row for row in self.rows if row.state is S.RUNNING and not self.held]
        up = sum(row.bytes_per_second for row in moving if row.kind is not ItemKind.DOWNLOAD)
        down = sum(row.bytes_per_second for row in moving if row.kind is ItemKind.DOWNLOAD)
        return Totals(
            counts=counts,
            bytes_total=total,
            bytes_done=done,
            bytes_left=total - done,
            bytes_finished=sum(row.size for row in sized if row.state is S.DONE),
            bytes_failed=sum(row.size - row.bytes_done for row in sized if row.state is S.FAILED),
            upload_bytes_per_second=up,
            download_bytes_per_second=down,
            average_bytes_per_second=(up + down) * 0.9,
            eta=(total - done) / (up + down) if up + down else None,
            elapsed=252.0 + self._elapsed,
            verified=sum(1 for row in self.finished if row.verified),
        )

    def detail(self, id: TransferId) -> TransferDetail | None:
        """A few parts."""
        row = self._find(id)
        if row is None:
            return None
        parts = tuple(
            PartSnapshot(
                n + 1, n * 8 * MIB, 8 * MIB, 8 * MIB if n < 4 else MIB, "done" if n < 4 else "moving"
            )
            for n in range(8)
        )
        return TransferDetail(row, 8 * MIB, parts, 1, row.problem, "upload-id", 9e7, "prod@aws")

    def drain_events(self, limit: int = 100) -> list[Event]:
        """Once."""
        events, self.events = self.events[:limit], self.events[limit:]
        return events

    def speed_history(self) -> tuple[float, ...]:
        """The last minute."""
        return tuple(self.history)

    def profiles(self) -> tuple[Profile, ...]:
        """Those given."""
        return self._profiles

    def add_profile(self, profile: Profile) -> None:
        """One more, in the place of one that is reached in the same way."""
        others = (each for each in self._profiles if each.connection_id != profile.connection_id)
        self._profiles = (*others, profile)
