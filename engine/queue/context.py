"""What a job may use of the queue, for one run of one item."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from engine.errors import Condition, Interrupted, NeedsAnswer
from engine.model import Checkpoint, ConfirmedPart, TransferState
from engine.pace.item_limiter import ItemLimiter
from engine.queue.core import Core
from engine.transfer import NO_PARTS, Run, Transfer

if TYPE_CHECKING:
    from engine.s3.connection import Connection

SYNC_TIMEOUT = 30.0
"""Seconds that a record may take to reach the disk before nothing new is started."""


class ItemContext:
    """See `jobs.protocol.JobContext`. Every method is safe from any thread."""

    def __init__(self, core: Core, transfer: Transfer, run: Run) -> None:
        self._core, self._transfer, self._run = core, transfer, run
        self.id, self.spec = transfer.id, transfer.spec
        self.token = run.token
        with core.lock:
            own = transfer.spec.options.rate_limit
            self.limiter = run.limiter = ItemLimiter(core.limiter_for(transfer.spec.kind), core.clock, own)
        self.clock, self.fs, self.boot_id = core.clock, core.fs, core.boot_id
        self.part_size = transfer.spec.options.part_size

    @property
    def connection(self) -> Connection:
        """Reaches the objects of this item.

        Raises:
            NeedsAnswer: ``needs-profile``.
        """
        id = self.spec.connection
        if id is None:
            raise NeedsAnswer("needs-profile", operation="reach", subject=str(self.spec.source))
        return self._core.connections.get(id)

    @property
    def checkpoint(self) -> Checkpoint:
        """As last saved."""
        return self._transfer.checkpoint

    def save(self, checkpoint: Checkpoint, *, durable: bool = False, drop_parts: bool = False) -> None:
        """Journal it; of small items only what must be durable, since one request does them again."""
        core, transfer = self._core, self._transfer
        with core.lock:
            self._check_alive(checkpoint)
            transfer.checkpoint = checkpoint
            if drop_parts:
                transfer.parts = NO_PARTS
                transfer.unsaved_parts = ()
            if transfer.is_small and not durable:
                return
            seq = core.store.save_checkpoint(self.id, checkpoint, drop_parts=drop_parts)
        if durable and not core.store.flush(seq, SYNC_TIMEOUT):
            raise Condition(
                "state-unsaved",
                ("state", core.config.state_dir),
                operation="save progress of",
                subject=str(self.spec.source),
                detail=core.store.problem or "the disk does not answer",
            )

    def saved_parts(self) -> Mapping[int, ConfirmedPart]:
        """A copy."""
        with self._core.lock:
            return dict(self._transfer.parts)

    def confirm(self, part: ConfirmedPart) -> None:
        """Journal it. Where that fails it is kept, and journalled later: the part itself is safe."""
        core, transfer = self._core, self._transfer
        with core.lock:
            self._check_alive(None)
            transfer.keep(part)
            if transfer.is_small:
                return
            try:
                core.store.confirm(self.id, part)
            except Condition as error:
                transfer.unsaved_parts += (part,)
                core.unsaved.add(self.id)
                core.block(error, transfer)

    def forget(self, number: int) -> None:
        """It is missing or differs."""
        core, transfer = self._core, self._transfer
        with core.lock:
            self._check_alive(None)
            transfer.unsaved_parts = tuple(part for part in transfer.unsaved_parts if part.number != number)
            if transfer.lose(number) and not transfer.is_small:
                core.store.forget(self.id, number)

    def claim(self, device: int) -> int:
        """What is under way already and may still be written to that disk; from now on this run counts too."""
        core, run = self._core, self._run
        with core.lock:
            others = core.claims.get(device, 0)
            if run.device is None:
                run.device, run.claimed = device, run.size
                core.claims[device] = others + run.claimed
            return others

    def claimed(self, device: int) -> int:
        """What other runs will still write to that disk."""
        core, run = self._core, self._run
        with core.lock:
            return sum(
                max(0, other.run.size - other.bytes_done)
                for other in core.scheduler.active
                if other.run is not None
                and other.run is not run
                and other.run.device == device
                and not other.run.stopping
            )

    def note(self, text: str) -> None:
        """Shown on its row."""
        with self._core.lock:
            self._transfer.note = text
            self._core.touch()

    def owe(self, kind: str, subject: str, detail: str = "") -> None:
        """Journal a debt, unless that one is on record already."""
        core, transfer = self._core, self._transfer
        with core.lock:
            for debt in core.store.owed(transfer.owed):
                if (debt.kind, debt.subject, debt.detail) == (kind, subject, detail):
                    return
            connection = self.spec.connection if kind == "abort" else None
            transfer.owed = (*transfer.owed, core.store.owe(kind, connection, subject, detail))

    def _check_alive(self, checkpoint: Checkpoint | None) -> None:
        """The run goes on, or is at least stopped in order. With the lock held."""
        core, transfer = self._core, self._transfer
        if core.is_closed:
            raise Interrupted("closed")
        if transfer.state is TransferState.CANCELLED or transfer.run is not self._run:
            if (
                checkpoint is not None
                and checkpoint.upload_id
                and checkpoint.upload_id != transfer.checkpoint.upload_id
            ):
                # Begun on the server while it was being cancelled here.
                transfer.checkpoint = checkpoint
                transfer.owed = (
                    *transfer.owed,
                    core.store.owe(
                        "abort", self.spec.connection, abort_subject(transfer), checkpoint.upload_id
                    ),
                )
            raise Interrupted("cancelled")


def abort_subject(transfer: Transfer) -> str:
    """``bucket/key`` of an item's multipart upload."""
    target = transfer.spec.target
    bucket = getattr(target, "bucket", "")
    key = transfer.checkpoint.target or getattr(target, "key", "")
    return f"{bucket}/{key}"
