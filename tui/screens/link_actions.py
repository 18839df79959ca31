"""Links to objects for others, that work for a while."""

from __future__ import annotations

from typing import Any

from textual import work
from textual.app import App

from engine import LocalRef, Location
from tui import durations, format
from tui.safe_text import display
from tui.screens.base import ASK, MainBase
from tui.screens.chooser import ChooserScreen
from tui.screens.copied import CopiedScreen
from tui.screens.prompt import PromptScreen

_OFFERED = (900, 3600, 86_400, 604_800)
_LONGEST = 604_800
"""Seconds: what signature version 4 allows."""
_TYPED = "typed"
_TEMPORARY = "X-Amz-Security-Token="
"""In a link that was signed with temporary keys."""


class LinkActions(MainBase):
    """Part of the main screen; see `tui.keys`, context PANES."""

    @work(group=ASK)
    async def action_pane_link(self) -> None:
        """A link to the object, to the clipboard, and on the screen on a key only.

        Until it ends, whoever has it may read the object.
        """
        pane, row = self.pane, self.pane.list.current
        if row is None or row.is_folder or pane.location is None or isinstance(pane.location.place, LocalRef):
            self.tell("Links can be made for objects only")
            return
        location = Location(pane.place_of(row), pane.location.connection)
        seconds = await ask_how_long(self.app, row.name)
        if seconds is None:
            return
        answer = await self.answer(self.manager.browser.presign(location, seconds), "Signing")
        if answer is None:
            return
        link = str(answer.value)
        until = format.date_long(self.now() + seconds)[:16]
        told = f"Copied a link to {row.name} that works for {durations.in_words(seconds)}, until {until}"
        if _TEMPORARY in link:
            told += "; it ends earlier where these temporary keys do"
        await self.app.push_screen_wait(CopiedScreen(display(link), told, secret=True))


async def ask_how_long(app: App[Any], name: str) -> int | None:
    """For how many seconds a link shall work, chosen or typed; ``None`` for not at all.

    Args:
        name: Of what the link is to, raw.
    """
    options = [(str(seconds), durations.in_words(seconds)) for seconds in _OFFERED]
    options.append((_TYPED, "another time, which you type"))
    chosen = await app.push_screen_wait(ChooserScreen(f"How long shall a link to {name} work?", options))
    if chosen == _TYPED:
        typed = await app.push_screen_wait(
            PromptScreen("How long shall the link work?", placeholder="90m, 12h or 3d", check=_not_a_time)
        )
        return durations.parse(typed) if typed else None
    return int(chosen) if chosen else None


def _not_a_time(text: str) -> str:
    """What is wrong with a time that was typed, or nothing."""
    if not text.strip():
        return ""
    seconds = durations.parse(text)
    if seconds is None or seconds < 1:
        return "Write a number and a unit: 90m, 12h or 3d"
    return "S3 allows 7 days at most" if seconds > _LONGEST else ""
