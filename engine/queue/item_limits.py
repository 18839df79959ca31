"""Rate limits of single items and of all items of an operation."""

from __future__ import annotations

from dataclasses import replace

from engine.model import ItemKind, OperationId, TransferId
from engine.queue.group_commands import GroupCommands
from engine.transfer import Transfer

_PASSING_HERE = (ItemKind.UPLOAD, ItemKind.DOWNLOAD)
"""The bytes of all others do not come by this machine."""


class LimitCommands(GroupCommands):
    """As `GroupCommands`. A limit of its own stays with an item over restarts."""

    def limit_item(self, id: TransferId, bytes_per_second: int | None) -> None:
        """From now on this item moves no faster; ``None`` for no limit of its own.

        Raises:
            ValueError: The limit is not above 0.
        """
        self._checked(bytes_per_second)
        self._in_pieces([id], lambda items: self._limit_each(items, bytes_per_second))

    def limit_operation(self, id: OperationId, bytes_per_second: int | None) -> None:
        """The same for each of its unfinished items.

        Raises:
            ValueError: The limit is not above 0.
        """
        self._checked(bytes_per_second)
        core = self._core
        with core.lock:
            items = [item.id for item in core.roster.items_of(id)]
        self._in_pieces(items, lambda items: self._limit_each(items, bytes_per_second))

    def _limit_each(self, items: list[Transfer], rate: int | None) -> None:
        core = self._core
        changed = []
        for item in items:
            if item.spec.kind not in _PASSING_HERE or item.state.is_final:
                continue
            options = replace(item.spec.options, rate_limit=rate)
            core.roster.respec(item, replace(item.spec, options=options))
            if item.run is not None and item.run.limiter is not None:
                item.run.limiter.own.rate = rate
            changed.append(item)
        core.save_many(changed)
        core.touch()
        core.wake()

    @staticmethod
    def _checked(bytes_per_second: int | None) -> None:
        if bytes_per_second is not None and bytes_per_second <= 0:
            raise ValueError(f"a rate limit must be above 0 bytes per second: {bytes_per_second}")
