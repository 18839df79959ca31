"""The way through places that one pane has gone: back, forward, and where the cursor stood."""

from __future__ import annotations

from engine import Location, Place

_MOST_STEPS = 100
_MOST_CURSORS = 64


class Trail:
    """Where one has been, in order, with the cursor of each place."""

    def __init__(self) -> None:
        self._steps: list[Location] = []
        self._at = -1
        """Which of the steps is shown now."""
        self._names: dict[Place, str] = {}

    def visit(self, location: Location | None) -> None:
        """A place (or nothing) is shown: one that was not come to by `step` cuts off what lay ahead."""
        if location is None or (self._at >= 0 and self._steps[self._at] == location):
            return
        del self._steps[self._at + 1 :]
        self._steps.append(location)
        del self._steps[:-_MOST_STEPS]
        self._at = len(self._steps) - 1

    def step(self, by: int) -> Location | None:
        """Go back (-1) or forward (1); ``None`` where the trail ends."""
        if not 0 <= self._at + by < len(self._steps):
            return None
        self._at += by
        return self._steps[self._at]

    def remember(self, place: Place, name: str) -> None:
        """The cursor of `place` is on `name`."""
        self._names.pop(place, None)
        self._names[place] = name
        if len(self._names) > _MOST_CURSORS:
            del self._names[next(iter(self._names))]

    def name_in(self, place: Place) -> str:
        """Where the cursor was, or nothing."""
        return self._names.get(place, "")
