"""Keys are taken one at a time: the next when what the one before set in motion stands.

Over a slow line keys come in bursts, and Textual hands all of a burst to what has the focus when it comes. What
is typed right after the key that opens a dialog would be taken for keys of the screen below it. What is typed
in one breath with the key that closes one was meant for it, and is dropped.
"""

from __future__ import annotations

import asyncio
from collections import deque

from textual import events
from textual.message_pump import MessagePump
from textual.timer import Timer
from textual.worker import WorkerState

from tui.shown_cells import FrugalApp

LEAVE = "ctrl+c"
"""The key that never waits."""
_MOST_KEPT = 4096
"""Keys that wait; what comes beyond is no person, and is dropped."""
_LOOKS, _BETWEEN_LOOKS = 40, 0.005
"""How often, and how many seconds apart, it is looked whether a dialog stands: a fifth of a second in all."""
_TURNS = 5
"""Of the event loop, in which what the key began comes as far as to open its dialog."""
_LONGEST = 1.0
"""Seconds after which the next key is taken although whoever got the one before has not come back from it."""


class OneKeyAtATime(FrugalApp):
    """All here is read and written by the app's own message pump."""

    def __init__(self) -> None:
        super().__init__()
        self._typed: deque[events.Key] = deque()
        self._taking: Timer | None = None
        """Runs while a key is being taken."""
        self._depth = 0
        """Screens on top of each other when it came."""
        self.keeps_keys = False
        """What keys are meant for is not there yet: they wait for `give_keys`."""

    async def on_event(self, event: events.Event) -> None:
        """See `MessagePump.on_event`."""
        if not isinstance(event, events.Key) or event.is_forwarded:
            await super().on_event(event)
        elif self._taking is None and (not self.keeps_keys or event.key == LEAVE):
            await self._take(event)
        elif len(self._typed) < _MOST_KEPT:
            self._typed.append(event)

    async def give_keys(self) -> None:
        """What keys are meant for is there: take those that waited, and all others."""
        self.keeps_keys = False
        if self._typed and self._taking is None:
            await self._take(self._typed.popleft())

    async def _take(self, key: events.Key) -> None:
        target: MessagePump = self.focused or self.screen
        taking = self._taking = self.set_timer(_LONGEST, self._next)
        self._depth = len(self.screen_stack)
        await super().on_event(key)
        self._follow(target, taking)

    def _follow(self, node: MessagePump | None, taking: Timer) -> None:
        """Come after the key through every queue that it passes, from who has the focus up to the app."""
        is_on_its_way = node is not None and node is not self and node.is_running
        if not (is_on_its_way and node is not None and node.call_later(self._follow, node._parent, taking)):
            self.call_later(self._was_taken, taking)

    async def _was_taken(self, taking: Timer) -> None:
        for _ in range(_TURNS):
            await asyncio.sleep(0)
        for _ in range(_LOOKS):
            if self._taking is not taking or self._stands:
                break
            await asyncio.sleep(_BETWEEN_LOOKS)
        if self._taking is taking:
            await self._next()

    @property
    def _stands(self) -> bool:
        """What was asked for has begun, and the screen on top can take keys."""
        if any(worker.state is WorkerState.PENDING for worker in self.workers):
            return False
        screen, focused = self.screen, self.screen.focused
        if focused is not None:
            return screen.is_mounted and focused.is_mounted
        return screen.is_mounted and not screen.focus_chain

    async def _next(self) -> None:
        taking, self._taking = self._taking, None
        if taking is not None:
            taking.stop()
        if len(self.screen_stack) < self._depth:
            self._typed.clear()
        if self._typed and not self.keeps_keys:
            await self._take(self._typed.popleft())
