"""What history is told of an item at its end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.model import Outcome, TransferState
from engine.queue.core import Core
from engine.state.store import FinishedItem
from engine.transfer import Transfer

if TYPE_CHECKING:
    from engine.queue.closing import Closing

S = TransferState


def finished_item(core: Core, closing: Closing) -> FinishedItem:
    """For history."""
    transfer, result = closing.transfer, closing.result
    checkpoint = transfer.checkpoint
    target = closing.final or checkpoint.target
    told = result.etag is not None
    return FinishedItem(
        id=transfer.id,
        operation=transfer.operation,
        kind=transfer.spec.kind,
        source=str(transfer.spec.source),
        target=target_text(transfer, target),
        connection=transfer.spec.connection,
        size=closing.run.size if closing.run.parts else transfer.spec.size,
        state=S.DONE,
        outcome=result.outcome,
        verified=result.verified,
        finished_at=core.clock.wall(),
        crc=result.crc if told else checkpoint.expected_crc,
        etag=result.etag if told else checkpoint.expected_etag,
        version_id=result.version_id if told else checkpoint.object_version,
        note=transfer.note,
        move=transfer.spec.options.move and result.outcome is not Outcome.SKIPPED,
        also=transfer.also,
    )


def cancelled_item(core: Core, transfer: Transfer) -> FinishedItem:
    """For history."""
    return FinishedItem(
        id=transfer.id,
        operation=transfer.operation,
        kind=transfer.spec.kind,
        source=str(transfer.spec.source),
        target=target_text(transfer, transfer.checkpoint.target),
        connection=transfer.spec.connection,
        size=transfer.spec.size,
        state=S.CANCELLED,
        outcome=None,
        verified=None,
        finished_at=core.clock.wall(),
        crc=None,
        etag=None,
        version_id=None,
        note=transfer.note,
        move=transfer.spec.options.move,
        also=transfer.also,
    )


def target_text(transfer: Transfer, final: str | None) -> str:
    """The target as people know it: a path, or ``s3://bucket/key``."""
    target = transfer.spec.target
    bucket = getattr(target, "bucket", None)
    if final is None:
        return str(target)
    return f"s3://{bucket}/{final}" if bucket else final
