"""The saved queue becomes the running one."""

from __future__ import annotations

import logging
from collections.abc import Iterator

from engine.errors import Condition
from engine.model import OperationId, TransferState
from engine.queue.core import Core, Operation
from engine.queue.debts import Debts
from engine.queue.putting_off import put_off
from engine.queue.reports import Reporter
from engine.queue.trouble import note_trouble
from engine.state.store import SavedItem
from engine.transfer import NO_PARTS, Transfer

log = logging.getLogger(__name__)

S = TransferState

ASKS_FOR_ACCESS = ("needs-profile", "plain-http")
"""Questions that answer themselves where the profile is at hand and may be used."""


def recover(core: Core, debts: Debts, reporter: Reporter, *, only_new: bool = False) -> None:
    """Take over what the store has loaded. Called before any thread is started.

    What was running goes on by itself; paused stays paused. An item that asked for a profile is
    asked again only if that profile is still not at hand. With `only_new` nothing goes on by itself.
    """
    loaded = core.store.loaded
    ended = _drop_ended(core)
    at_hand = {profile.connection_id for profile in core.connections.profiles() if not profile.is_exposed}
    for operation in loaded.operations:
        if operation.id in ended:
            continue
        core.operations[operation.id] = Operation(
            operation.id,
            None if operation.planned else operation.request,
            operation.label,
            operation.added_at,
            is_planning=not (operation.planned or only_new) and operation.request is not None,
            is_from_before=not operation.planned,
        )
    unplanned = {operation.id for operation in loaded.operations if not operation.planned}
    transfers = []
    for item in _taken(loaded.items):
        transfer = Transfer(item.id, item.operation, item.spec, item.rank)
        # Nobody follows an operation of an earlier process; one that is planned again must know what it asked for.
        transfer.also = tuple(id for id in item.also if id in unplanned)
        transfer.state = item.state
        transfer.checkpoint = item.checkpoint
        transfer.parts = loaded.parts.get(item.id, NO_PARTS)
        transfer.attempts = 0
        transfer.problem = item.problem
        transfer.question = item.question
        transfer.added_at = item.added_at
        asks_for_access = item.question is not None and item.question.kind in ASKS_FOR_ACCESS
        if transfer.state is S.ATTENTION and asks_for_access and item.spec.connection in at_hand:
            transfer.state, transfer.question = S.QUEUED, None
        if transfer.problem is not None:
            note_trouble(core, str(item.spec.source), transfer.problem, at=0.0)
        transfers.append(transfer)
    core.roster.add(transfers)
    core.last_recovered = max((transfer.id for transfer in transfers), default=core.last_recovered)
    going_on = [item for item in core.roster if item.state is S.QUEUED and not only_new]
    core.resumed = tuple(transfer.id for transfer in going_on)
    with core.lock:
        for transfer in going_on:
            if not put_off(core, transfer):
                core.scheduler.ready(transfer)
            reporter.recovered_bytes += max(0, transfer.spec.size - transfer.bytes_confirmed)
    reporter.recovered += len(going_on)
    core.scheduler.held = loaded.held and not only_new
    debts.load(loaded.owed)


def _taken(items: list[SavedItem]) -> Iterator[SavedItem]:
    """In their order. None is kept, so that a queue of many is not twice in memory."""
    items.reverse()
    while items:
        yield items.pop()


def _drop_ended(core: Core) -> set[OperationId]:
    """Forget operations whose last item was finished just before the end; which those are."""
    loaded = core.store.loaded
    alive = {item.operation for item in loaded.items}
    ended = {each.id for each in loaded.operations if each.planned and each.id not in alive}
    try:
        for id in ended:
            core.store.drop_operation(id)
    except Condition as error:
        log.warning("operations that are over stay on record: %s", error.detail)
    return ended
