"""What can be done to all items of an operation in one go."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence

from engine.errors import Retryable
from engine.model import OperationId, TransferId, TransferState
from engine.pace.threads import start
from engine.queue.commands import Commands
from engine.queue.roster import RANK_STEP
from engine.transfer import Transfer

log = logging.getLogger(__name__)

S = TransferState

Act = Callable[[list[Transfer]], None]

_AT_ONCE = 500
"""Items that are dealt with under one hold of the lock; where there are more, a thread does the rest."""


class GroupCommands(Commands):
    """As `Commands`; what concerns very many items is done within seconds instead of milliseconds."""

    def pause_operation(self, id: OperationId) -> None:
        """Pause all of it that can be, and what is still found of it."""
        core = self._core
        with core.lock:
            if id in core.operations:
                core.operations[id].is_paused = True
            items = self._moving_first(id)
        self._in_pieces(items, self._pause_each)

    def resume_operation(self, id: OperationId) -> None:
        """Let go on what is paused of it."""
        core = self._core
        with core.lock:
            if id in core.operations:
                core.operations[id].is_paused = False
            items = [item.id for item in core.roster.items_of(id)]
        self._in_pieces(items, self._resume_each)

    def cancel_operation(self, id: OperationId) -> None:
        """End all that is unfinished of it, and look for nothing more of it."""
        core = self._core
        with core.lock:
            self._intake.cancel(id)
            items = self._moving_first(id)
        self._in_pieces(items, self._cancel_each)

    def retry_operation(self, id: OperationId) -> None:
        """Try again now what failed or waits of it."""
        with self._core.lock:
            mine = self._core.roster.items_of(id)
            items = [item.id for item in mine if item.state in (S.FAILED, S.WAITING)]
        self._in_pieces(items, self._retry_each)

    def move_operation_to_top(self, id: OperationId) -> None:
        """Put its items before all others, in their order."""
        core = self._core
        with core.lock:
            items = [item.id for item in core.roster.items_of(id)]
            first = core.roster.first_rank
            if not items:
                return
            ranks = {item: first + (at - len(items)) * RANK_STEP for at, item in enumerate(items)}

        def act(transfers: list[Transfer]) -> None:
            for transfer in transfers:
                core.roster.rerank(transfer, ranks[transfer.id])
            self._reranked(transfers)

        self._in_pieces(items, act)

    # -- each of a few -----------------------------------------------------------------------------

    def _moving_first(self, id: OperationId) -> list[TransferId]:
        """What is under way, then the last ones first: so that none begins while the others are dealt with."""
        items = self._core.roster.items_of(id)
        moving = [item.id for item in items if item.run is not None]
        return moving + [item.id for item in reversed(items) if item.run is None]

    def _pause_each(self, transfers: list[Transfer]) -> None:
        core = self._core
        paused = []
        for transfer in transfers:
            if not transfer.state.can_pause:
                continue
            if transfer.state is S.FINISHING:
                transfer.wish = S.PAUSED
            else:
                core.scheduler.gave_up(transfer)
                core.go(transfer, S.PAUSED)
                core.stop_run(transfer, "pause")
            paused.append(transfer)
        core.save_many(paused)

    def _resume_each(self, transfers: list[Transfer]) -> None:
        for transfer in transfers:
            self.resume(transfer.id)

    def _cancel_each(self, transfers: list[Transfer]) -> None:
        for transfer in transfers:
            self.cancel(transfer.id)

    def _retry_each(self, transfers: list[Transfer]) -> None:
        for transfer in transfers:
            self.retry(transfer.id)

    # -- very many ---------------------------------------------------------------------------------

    def _in_pieces(self, ids: Sequence[TransferId], act: Act) -> None:
        """Do something to those of them that are still unfinished."""
        if len(ids) <= _AT_ONCE:
            self._act(ids, act)
            return
        thread = threading.Thread(target=self._act, args=(ids, act), name="s3tui-group", daemon=True)
        try:
            start(thread, operation="change a group")
        except Retryable as error:
            log.info("a group is changed without a thread: %s", error.detail)
            self._act(ids, act)

    def _act(self, ids: Sequence[TransferId], act: Act) -> None:
        core = self._core
        for first in range(0, len(ids), _AT_ONCE):
            with core.lock:
                if core.is_closing:
                    return
                items = core.roster.items
                act([items[id] for id in ids[first : first + _AT_ONCE] if id in items])
                core.touch()
