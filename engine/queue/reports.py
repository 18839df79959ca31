"""What readers get to see of the queue."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from engine.jobs.protocol import Part, PartAction
from engine.model import ItemKind, OperationId, TransferState
from engine.pace.meter import SpeedHistory, SpeedMeter
from engine.parts import likely_part_size
from engine.queue.core import Core
from engine.queue.lanes import lane_of
from engine.queue.putting_off import UNDO
from engine.queue.roster import MOST_FINISHED, Sums
from engine.queue.rows import Rows
from engine.snapshot import (
    EngineSnapshot,
    Health,
    PartSnapshot,
    Totals,
    TransferDetail,
    TransferSnapshot,
    View,
    Waiting,
)
from engine.transfer import RESTORING, Hold, Transfer

S = TransferState

SAMPLE_SECONDS = 0.2
"""Speeds are not measured more often."""

_PARTS_SHOWN = 100


def row_of(core: Core, transfer: Transfer, *, saving: bool | None = None) -> TransferSnapshot:
    """One item. With the lock held.

    Args:
        saving: Whether its newest record is not on disk yet, if that is not to be looked at here.
    """
    run, spec = transfer.run, transfer.spec
    size = run.size if run is not None and run.parts else spec.size
    if transfer.state is S.DONE:
        done = confirmed = max(size, 0)
    else:
        confirmed = transfer.bytes_confirmed
        done = transfer.bytes_done
        if size >= 0:
            done = min(done, size)
    running = transfer.state in (S.RUNNING, S.FINISHING) and run is not None
    parts = len(run.parts) if run is not None else 0
    if not parts and size >= 0:
        part_size = transfer.checkpoint.part_size or likely_part_size(size, spec.options.part_size)
        parts = max(1, -(-size // part_size))
    parts_done = run.parts_done if run is not None and run.parts else len(transfer.parts)
    now = core.clock.monotonic()
    return TransferSnapshot(
        id=transfer.id,
        operation=transfer.operation,
        kind=spec.kind,
        state=transfer.state,
        source=str(spec.source),
        target=_target(transfer),
        size=size,
        bytes_done=done,
        bytes_confirmed=confirmed,
        parts_done=parts if transfer.state is S.DONE else parts_done,
        parts=parts,
        bytes_per_second=run.meter.bytes_per_second if running and run is not None else 0.0,
        eta=run.meter.eta(size - done) if running and run is not None and size >= 0 else None,
        elapsed=transfer.seconds_before + (max(0.0, now - run.begun_at) if run is not None else 0.0),
        outcome=transfer.outcome if transfer.state is S.DONE else None,
        verified=transfer.verified if transfer.state is S.DONE else None,
        saving=transfer.saved_seq > core.store.durable_seq if saving is None else saving,
        waiting=_waiting(core, transfer, now),
        question=transfer.question,
        problem=transfer.problem,
        note=transfer.note,
        rate_limit=spec.options.rate_limit,
    )


def _target(transfer: Transfer) -> str:
    target, final = transfer.spec.target, transfer.checkpoint.target
    if final is None:
        return str(target)
    bucket = getattr(target, "bucket", None)
    return f"s3://{bucket}/{final}" if bucket else final


def _waiting(core: Core, transfer: Transfer, now: float) -> Waiting | None:
    hold = transfer.hold
    if transfer.state is not S.WAITING or hold is None:
        return None
    if hold.reason == "retry":
        return Waiting("retry", hold.text, max(0.0, hold.until - now), hold.attempt, hold.attempts)
    if hold.reason == UNDO and hold.until > now:
        return Waiting(UNDO, "", hold.until - now)
    if hold.reason == RESTORING:
        return Waiting(RESTORING, "", max(0.0, hold.until - now))
    if hold.reason == "throttled":
        return _throttled(core, transfer, hold, now)
    blockade = core.scheduler.blockade_for(lane_of(transfer))
    until = blockade.until if blockade is not None else hold.until
    text = blockade.text if blockade is not None else hold.text
    return Waiting(hold.reason, text, max(0.0, until - now))


def _throttled(core: Core, transfer: Transfer, hold: Hold, now: float) -> Waiting:
    ceilings, connection = core.scheduler.ceilings, transfer.spec.connection
    until = max(hold.until, ceilings.left_alone_until(connection))
    count = ceilings.at_a_time(connection, now)
    asked = f"asks {count} {'request' if count == 1 else 'requests'} at a time"
    text = f"{asked}: {hold.text}" if hold.text else asked
    return Waiting("throttled", text, max(0.0, until - now))


@dataclass(frozen=True, slots=True)
class _Cleared:
    """Finished items that the user took off the list: the sums over the queue leave them out."""

    done: int = 0
    cancelled: int = 0
    bytes: int = 0
    """What the DONE ones hold."""
    verified: int = 0


class Reporter:
    """Takes pictures of the queue. Every method is called with the core's lock held."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._up, self._down = SpeedMeter(core.clock), SpeedMeter(core.clock)
        self._history = SpeedHistory(core.clock)
        self._sampled_at = 0.0
        self._seen: tuple[object, ...] = ()
        self._cleared = _Cleared()
        self._rows = Rows(core, row_of)
        self.recovered = self.recovered_bytes = 0

    def sample(self, *, force: bool = False) -> None:
        """Look at the counters."""
        core, now = self._core, self._core.clock.monotonic()
        if not force and now - self._sampled_at < SAMPLE_SECONDS:
            return
        self._sampled_at = now
        up, down = core.retired_up, core.retired_down
        active = core.scheduler.active
        if not active:
            # Time in which nothing is to be done is not slow, and nothing to draw.
            self._up.sample(up)
            self._down.sample(down)
            self._up.pause()
            self._down.pause()
            self._history.sample(up + down)
            return
        self._up.resume()
        self._down.resume()
        for transfer in active:
            run = transfer.run
            if run is None:
                continue
            moved = run.moved
            run.meter.sample(moved)
            if transfer.spec.kind is ItemKind.UPLOAD:
                up += moved
            elif transfer.spec.kind is ItemKind.DOWNLOAD:
                down += moved
        self._up.sample(up)
        self._down.sample(down)
        self._history.sample(up + down)

    @property
    def speed_history(self) -> tuple[float, ...]:
        """Bytes per second for each of the last seconds."""
        return self._history.values

    def snapshot(
        self, first: int, count: int, view: View, find: str, opened: Collection[OperationId] | None = None
    ) -> EngineSnapshot:
        """A window of the queue and the sums over all of it: O(active + window), but for a new search."""
        core = self._core
        self.sample()
        core.roster.synced_up_to(core.store.durable_seq)
        first, count = max(first, 0), max(count, 0)
        if opened is not None and view is View.ALL and not find:
            rows, total = self._rows.grouped(first, count, opened)
        else:
            rows, total = self._rows.flat(first, count, view, find)
        totals = self.totals(core.roster.sums)
        health = self.health()
        seen = (
            core.revision,
            core.roster.changes,
            totals,
            health,
            tuple(round(row.waiting.seconds_left) for row in rows if row.waiting is not None),
            tuple(row.bytes_done for row in rows if row.state.is_active),
            sum(1 for row in rows if row.saving),
        )
        if seen != self._seen:
            core.revision += 1
            self._seen = (core.revision, *seen[1:])
        return EngineSnapshot(
            revision=core.revision,
            rows=rows,
            first=first,
            total=total,
            totals=totals,
            health=health,
            held=core.scheduler.held,
            upload_limit=core.upload_limiter.rate,
            download_limit=core.download_limiter.rate,
            workers=core.scheduler.workers,
        )

    def health(self) -> Health:
        """What is wrong with the whole."""
        core = self._core
        planning = sum(1 for operation in core.operations.values() if operation.is_planning)
        slowed_to = core.scheduler.ceilings.slowed_to(core.clock.monotonic())
        return Health(core.store.problem, planning, self.recovered, self.recovered_bytes, slowed_to)

    def totals(self, sums: Sums) -> Totals:
        """Of the whole queue, or of one operation."""
        core = self._core
        is_all = sums is core.roster.sums
        under_way = sum(
            transfer.bytes_done
            for transfer in core.scheduler.active
            if transfer.spec.kind is not ItemKind.DELETE
            and (
                is_all
                or any(core.roster.operations.get(id) is sums for id in (transfer.operation, *transfer.also))
            )
        )
        cleared = self._look_for_cleared() if is_all else _Cleared()
        counts = dict(sums.counts)
        counts[S.DONE] -= cleared.done
        counts[S.CANCELLED] -= cleared.cancelled
        bytes_total = sums.bytes_total - cleared.bytes
        done = min(sums.bytes_finished - cleared.bytes + sums.bytes_parked + under_way, bytes_total)
        left = max(0, bytes_total - done)
        failed = min(max(sums.bytes_failed, 0), left)
        up, down = self._up.bytes_per_second, self._down.bytes_per_second
        moving = bool(sums.counts[S.RUNNING] or sums.counts[S.FINISHING])
        if not moving:
            up = down = 0.0
        elapsed = max(self._up.elapsed, self._down.elapsed)
        moved = core.retired_up + core.retired_down
        return Totals(
            counts={state: count for state, count in counts.items() if count},
            bytes_total=bytes_total,
            bytes_done=done,
            bytes_left=left,
            bytes_finished=min(max(sums.bytes_finished - cleared.bytes, 0), done),
            bytes_failed=failed,
            upload_bytes_per_second=up,
            download_bytes_per_second=down,
            average_bytes_per_second=self._up.average + self._down.average,
            eta=(left - failed) / (up + down) if up + down >= 1 and left > failed else None,
            elapsed=elapsed if moved or moving else 0.0,
            verified=sums.verified - cleared.verified,
        )

    def _look_for_cleared(self) -> _Cleared:
        """What was cleared up to now: fewer items are listed as finished than should be."""
        sums, finished, known = self._core.roster.sums, self._core.roster.finished, self._cleared
        due = sums.counts[S.DONE] + sums.counts[S.CANCELLED] - known.done - known.cancelled
        if len(finished) < min(due, MOST_FINISHED):
            done = [row for row in finished if row.state is S.DONE]
            self._cleared = _Cleared(
                sums.counts[S.DONE] - len(done),
                sums.counts[S.CANCELLED] - (len(finished) - len(done)),
                sums.bytes_finished
                - sum(max(row.size, 0) for row in done if row.kind is not ItemKind.DELETE),
                sums.verified - sum(row.verified is not None for row in done),
            )
        return self._cleared

    def detail(self, transfer: Transfer) -> TransferDetail:
        """Everything about one item."""
        run = transfer.run
        parts = run.parts if run is not None else []
        in_hand = [part for part in parts if part.in_hand]
        others = [part for part in parts if not part.in_hand][:_PARTS_SHOWN]
        shown = sorted(in_hand + others, key=lambda part: part.number)
        spec = transfer.spec
        return TransferDetail(
            row=row_of(self._core, transfer),
            part_size=transfer.checkpoint.part_size or likely_part_size(spec.size, spec.options.part_size),
            parts=tuple(_part(part) for part in shown),
            attempts=transfer.attempts
            + transfer.refusals
            + sum(part.attempts + part.refusals for part in parts),
            last_error=transfer.problem or transfer.last_error,
            upload_id=transfer.checkpoint.upload_id,
            average_bytes_per_second=run.meter.average if run is not None else 0.0,
            connection=str(spec.connection or ""),
            notes=(transfer.note,) if transfer.note else (),
        )


def _part(part: Part) -> PartSnapshot:
    if part.in_hand:
        state = "checking" if part.action is PartAction.CHECK else "moving"
    elif part.confirmed:
        state = "done"
    else:
        state = "retrying" if part.attempts or part.refusals else "pending"
    done = part.length if part.confirmed else part.done
    return PartSnapshot(part.number, part.offset, part.length, done, state, part.attempts + part.refusals)
