"""The saved queue as rows, for whoever only wants to look."""

from __future__ import annotations

from dataclasses import dataclass

from engine.model import TransferState
from engine.parts import likely_part_size
from engine.snapshot import TransferSnapshot
from engine.state.records import FinishedItem, SavedItem
from engine.state.store import Loaded, read_state


@dataclass(frozen=True, slots=True)
class SavedQueue:
    """What is on record."""

    rows: tuple[TransferSnapshot, ...]
    """Unfinished items in their order, then, if asked for, finished ones, newest first."""
    owner: tuple[str, int] | None
    """Host and process that have the queue open now. Its running items are QUEUED here."""
    held: bool
    notices: tuple[str, ...]
    to_plan: tuple[str, ...] = ()
    """What was asked for and is not yet, or not all, among the rows: it is planned at the next start."""


def read_queue(state_dir: str, *, history: bool = False) -> SavedQueue:
    """Look at a saved queue; changes nothing, and needs no lock.

    Raises:
        StateError: It cannot be read.
    """
    state = read_state(state_dir)
    loaded = state.loaded
    rows = [_row(item, loaded) for item in loaded.items]
    if history:
        rows += [_finished(item) for item in state.history]
    to_plan = tuple(
        operation.label
        for operation in loaded.operations
        if operation.request is not None and not operation.planned
    )
    return SavedQueue(tuple(rows), state.owner, loaded.held, loaded.notices, to_plan)


def read_history(state_dir: str) -> list[FinishedItem]:
    """What is over, oldest first; changes nothing, and needs no lock. Only the newest ten thousand are kept.

    Raises:
        StateError: It cannot be read.
    """
    return read_state(state_dir).history[::-1]


def _row(item: SavedItem, loaded: Loaded) -> TransferSnapshot:
    spec, checkpoint = item.spec, item.checkpoint
    parts = loaded.parts.get(item.id, {})
    confirmed = sum(part.length for part in parts.values())
    part_size = checkpoint.part_size or likely_part_size(spec.size, spec.options.part_size)
    return TransferSnapshot(
        id=item.id,
        operation=item.operation,
        kind=spec.kind,
        state=item.state,
        source=str(spec.source),
        target=checkpoint.target if checkpoint.target and spec.root else str(spec.target),
        size=spec.size,
        bytes_done=confirmed,
        bytes_confirmed=confirmed,
        parts_done=len(parts),
        parts=max(1, -(-max(spec.size, 0) // part_size)),
        question=item.question,
        problem=item.problem,
    )


def _finished(item: FinishedItem) -> TransferSnapshot:
    is_done = item.state is TransferState.DONE
    size = max(item.size, 0) if is_done else 0
    return TransferSnapshot(
        id=item.id,
        operation=item.operation,
        kind=item.kind,
        state=item.state,
        source=item.source,
        target=item.target,
        size=item.size,
        bytes_done=size,
        bytes_confirmed=size,
        outcome=item.outcome,
        verified=item.verified,
        note=item.note,
    )
