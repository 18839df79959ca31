"""Lanes of the queue: which items the same things can hold up."""

from __future__ import annotations

from typing import NamedTuple

from engine.model import ConnectionId, ItemKind, LocalRef
from engine.queue.blockade import Scope
from engine.transfer import Transfer


class Lane(NamedTuple):
    """Items that the same things can hold up: what holds up one of them holds up all."""

    connection: ConnectionId | None
    root: str | None
    is_small: bool


def root_of(transfer: Transfer) -> str | None:
    """Downloads: what is written to one disk."""
    return transfer.spec.root if transfer.spec.kind is ItemKind.DOWNLOAD else None


def lane_of(transfer: Transfer) -> Lane:
    """Which lane an item is in."""
    spec = transfer.spec
    connection = (
        None if isinstance(spec.source, LocalRef) and isinstance(spec.target, LocalRef) else spec.connection
    )
    return Lane(connection, root_of(transfer), transfer.is_small)


def scopes_of(lane: Lane, disks: dict[str | None, Scope]) -> list[Scope]:
    """The scopes whose conditions hold up this lane."""
    scopes: list[Scope] = []
    if lane.connection is not None:
        scopes.append(("endpoint", lane.connection))
    if lane.root is not None and lane.root in disks:
        scopes.append(disks[lane.root])
    return scopes
