"""How many requests an item costs, about. Pure."""

from __future__ import annotations

from engine.model import DEFAULT_PART_SIZE, ItemKind, TransferSpec
from engine.parts import MAX_PART_SIZE


def requests_of(spec: TransferSpec) -> int:
    """Requests that moving one item takes if nothing goes wrong.

    >>> from engine.model import ConnectionId, LocalRef, ObjectRef, TransferOptions
    >>> def upload(size):
    ...     target = ObjectRef("b", "k")
    ...     return TransferSpec(ItemKind.UPLOAD, LocalRef("/k"), target, ConnectionId("c"), TransferOptions(), size)
    >>> [requests_of(upload(size)) for size in (0, 8 << 20, 80 << 20)]
    [1, 1, 12]
    """
    if spec.kind is ItemKind.COPY:
        parts = -(-spec.size // MAX_PART_SIZE)
        return 1 if parts <= 1 else parts + 2
    part_size = spec.options.part_size or DEFAULT_PART_SIZE
    part_size = max(part_size, -(-spec.size // 10_000))
    parts = max(1, -(-spec.size // part_size))
    if parts == 1:
        return 1
    # Begin and complete; a download looks once at what it fetches.
    return parts + (2 if spec.kind is ItemKind.UPLOAD else 1)
