"""A queue as it must be found again by whoever comes next."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from engine.model import Checkpoint, TransferId, TransferState
from engine.queue.core import Core, saved


@dataclass(frozen=True, slots=True)
class Kept:
    """What a restart must keep of an item."""

    name: str
    operation: int
    rank: int
    state: TransferState
    checkpoint: Checkpoint | None
    """Of large items; one request does small ones again."""
    parts: frozenset[int]


@dataclass(frozen=True, slots=True)
class Picture:
    """A queue as it is to be found again, in its order."""

    items: dict[TransferId, Kept]
    is_held: bool
    unsaved: frozenset[TransferId]
    """Shown as not saved yet: nothing is promised of these."""


def picture(core: Core) -> Picture:
    """Of a queue in memory."""
    items = {}
    for transfer in core.roster:
        small = transfer.is_small
        items[transfer.id] = Kept(
            f"{transfer.spec.source} > {transfer.spec.target}",
            int(transfer.operation),
            transfer.rank,
            saved(transfer).state,
            None if small else transfer.checkpoint,
            frozenset() if small else frozenset(transfer.parts),
        )
    unsaved = {*core.unsaved, *(item.id for item in core.unrecorded)}
    return Picture(items, core.scheduler.held, frozenset(unsaved))


def differences(before: Picture, after: Picture, *, is_strict: bool) -> tuple[list[str], list[str]]:
    """What was lost or changed, and what came from nowhere, in words.

    Args:
        is_strict: Checkpoints, parts and the hold are compared too: nothing kept them from being saved.
    """
    lost, revived = [], []
    for id, kept in before.items.items():
        if id in before.unsaved:
            continue
        found = after.items.get(id)
        if found is None:
            lost.append(f"item {id} is gone: {kept}")
        elif not _is_same(kept, found, is_strict):
            lost.append(f"item {id} was {kept} and is {found}")
    for id in after.items.keys() - before.items.keys() - before.unsaved:
        revived.append(f"item {id} is back: {after.items[id]}")
    common = [id for id in before.items if id in after.items and id not in before.unsaved]
    if common != [id for id in after.items if id in before.items and id not in before.unsaved]:
        lost.append("the order of the queue")
    if is_strict and before.is_held != after.is_held:
        lost.append(f"the hold was {before.is_held}")
    return lost, revived


def _is_same(kept: Kept, found: Kept, is_strict: bool) -> bool:
    if is_strict:
        return kept == found
    return (kept.name, kept.rank, kept.state) == (found.name, found.rank, found.state)


class Errors(logging.Handler):
    """What the program logs of its own mistakes."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        super().__init__(logging.ERROR)
        self._tell = tell

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if record.exc_info is not None and record.exc_info[1] is not None:
            text += f" ({record.exc_info[1]!r})"
        self._tell(text)
