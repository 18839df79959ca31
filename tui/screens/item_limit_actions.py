"""A rate limit of its own for an item, or for each item of a group."""

from __future__ import annotations

from textual import work

from engine import ItemKind, TransferSnapshot
from tui import format
from tui.limits import parse_limits
from tui.safe_text import display, middle
from tui.screens.base import ASK
from tui.screens.group_actions import GroupActions
from tui.screens.prompt import PromptScreen
from tui.widgets.group_rows import group_name
from tui.widgets.transfer_rows import name_of

_PASSING_HERE = (ItemKind.UPLOAD, ItemKind.DOWNLOAD)


class ItemLimitActions(GroupActions):
    """Part of the main screen."""

    @work(group=ASK)
    async def action_queue_limit(self) -> None:
        """Type it."""
        item = self.item
        if item is None:
            self.tell("Nothing is chosen here")
        elif refused := _why_not_limited(item):
            self.tell(refused)
        else:
            typed = await self.app.push_screen_wait(
                PromptScreen(
                    _title(item), placeholder="2M, or off: only the limit of all", check=_not_a_limit
                )
            )
            if typed is not None:
                self._limit(item, parse_limits(typed)[0])

    def _limit(self, item: TransferSnapshot, rate: int | None) -> None:
        if item.group is None:
            self.manager.limit_item(item.id, rate)
        else:
            self.manager.limit_operation(item.operation, rate)
        self.tick()


def _why_not_limited(item: TransferSnapshot) -> str:
    if item.state.is_final:
        return "It is over"
    if item.group is None and item.kind not in _PASSING_HERE:
        return "Its bytes do not come by here: no limit would hold them"
    return ""


def _title(item: TransferSnapshot) -> str:
    if item.group is not None:
        return f"Rate limit of each item of {middle(group_name(item, 60), 30)}"
    return f"Rate limit of {middle(display(name_of(item)), 36)}, now {format.limit(item.rate_limit)}"


def _not_a_limit(text: str) -> str:
    """What is wrong with what was typed, or nothing."""
    if ":" in text:
        return "An item goes one way: one rate, as 2M, or off"
    try:
        parse_limits(text)
    except ValueError:
        return f"{text!r:.40} is not a rate: 2M, 512K or off"
    return ""
