"""The line below the queue that says which of its items are shown. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from engine import TransferState, View

WORDS = {
    View.ALL: "all",
    View.ACTIVE: "active",
    View.WAITING: "waiting or paused",
    View.ASKING: "asking",
    View.FAILED: "failed",
    View.DONE: "done",
}
"""What an empty view has nothing of."""

_FULL = {View.DONE: "Finished"}
"""Done and cancelled: the word of the state would be another number than in the line above."""

_HELD = {**_FULL, View.ACTIVE: "Held"}
"""While all is paused nothing is active."""

_SHORT = {View.ACTIVE: "Run", View.WAITING: "Wait", View.ASKING: "Ask", View.FAILED: "Fail"}
"""Words for the tabs where there is no room for the full ones."""


def line(chosen: View, counts: Mapping[TransferState, int], cells: int, *, held: bool = False) -> str:
    """The tabs with their keys and, where there is room, how many items each has.

    Args:
        held: All is paused: what would be active is not.

    >>> line(View.FAILED, {TransferState.FAILED: 3, TransferState.DONE: 12}, 80)
    '1 All 15  2 Active  3 Waiting  4 Asking  [5 Failed 3]  6 Finished 12'
    >>> line(View.ALL, {TransferState.QUEUED: 3}, 80, held=True)
    '[1 All 3]  2 Held 3  3 Waiting  4 Asking  5 Failed  6 Finished'
    >>> line(View.FAILED, {TransferState.FAILED: 3, TransferState.DONE: 12}, 60)
    '1 All  2 Active  3 Waiting  4 Asking  [5 Failed]  6 Finished'
    """
    if held:
        return next(
            (
                one
                for one in (_joined(chosen, counts, _HELD), _joined(chosen, {}, _HELD))
                if len(one) <= cells
            ),
            _joined(chosen, {}, _SHORT),
        )
    attempts = (_joined(chosen, counts, _FULL), _joined(chosen, {}, _FULL), _joined(chosen, {}, _SHORT))
    return next((line for line in attempts if len(line) <= cells), attempts[-1])


def _joined(
    chosen: View, counts: Mapping[TransferState, int], words: Mapping[View, str] = MappingProxyType({})
) -> str:
    names = []
    for number, view in enumerate(View, start=1):
        count = sum(many for state, many in counts.items() if view.shows(state))
        name = f"{number} {words.get(view, view.value.capitalize())}" + (f" {count:,}" if count else "")
        names.append(f"[{name}]" if view is chosen else name)
    return (" " if words is _SHORT else "  ").join(names)
