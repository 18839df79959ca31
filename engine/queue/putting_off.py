"""Deletions wait a moment before they begin, so that they can be taken back."""

from __future__ import annotations

from engine.model import ItemKind, TransferState
from engine.queue.core import Core
from engine.transfer import Hold, Transfer

S = TransferState

UNDO = "undo"
"""Why such an item waits."""


def put_off(core: Core, transfer: Transfer) -> bool:
    """Let a QUEUED deletion wait as long as the settings say; false where it need not. With the lock held."""
    delay = core.config.delete_delay
    if delay <= 0 or transfer.spec.kind is not ItemKind.DELETE:
        return False
    until = core.clock.monotonic() + delay
    core.go(transfer, S.WAITING)
    transfer.hold = Hold(UNDO, "", until)
    core.scheduler.wait_until(transfer, until)
    if not core.put_off or core.put_off[-1] != transfer.operation:
        core.put_off.append(transfer.operation)
    return True
