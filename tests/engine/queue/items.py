"""Small builders of queue items."""

from __future__ import annotations

from engine.jobs.protocol import Part
from engine.model import (
    MIB,
    ConnectionId,
    ItemKind,
    LocalRef,
    ObjectRef,
    OperationId,
    TransferId,
    TransferOptions,
    TransferSpec,
    TransferState,
)
from engine.pace.clock import SystemClock
from engine.queue.roster import RANK_STEP
from engine.scheduler import Scheduler
from engine.transfer import Run, Transfer

HERE = ConnectionId("test@here")
THERE = ConnectionId("test@there")


def upload(name: str = "a", size: int = 1, connection: ConnectionId = HERE) -> TransferSpec:
    return TransferSpec(
        ItemKind.UPLOAD,
        LocalRef(f"/data/{name}"),
        ObjectRef("b", name),
        connection,
        TransferOptions(),
        size,
    )


def download(name: str = "a", size: int = 1, root: str = "/disk") -> TransferSpec:
    return TransferSpec(
        ItemKind.DOWNLOAD,
        ObjectRef("b", name),
        LocalRef(f"{root}/{name}"),
        HERE,
        TransferOptions(),
        size,
        root=root,
    )


def item(number: int, spec: TransferSpec | None = None) -> Transfer:
    spec = spec or upload(f"file-{number}")
    return Transfer(TransferId(number), OperationId(1), spec, number * RANK_STEP)


def large(number: int, connection: ConnectionId = HERE) -> Transfer:
    return item(number, upload(f"large-{number}", 100 * MIB, connection))


def run(scheduler: Scheduler, transfer: Transfer, parts: int = 3) -> Run:
    """Make it RUNNING, with this many parts to move."""
    transfer.run = Run(SystemClock())
    transfer.go(TransferState.RUNNING)
    scheduler.started(transfer)
    transfer.run.set_parts(
        [Part(n, (n - 1) * 8 * MIB, 8 * MIB) for n in range(1, parts + 1)], parts * 8 * MIB
    )
    return transfer.run
