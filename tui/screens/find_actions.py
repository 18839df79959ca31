"""Finding things below a place, and how big folders are."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from textual import work

from engine import CountProgress, Location, Token
from tui import format, places
from tui.find_words import EXAMPLE, parse_find, problem_of
from tui.keys import key_of
from tui.safe_text import cut, display
from tui.screens.base import ASK, MainBase
from tui.screens.prompt import PromptScreen
from tui.widgets.finding_pane import FindingPane
from tui.widgets.pane_model import Row

_POLL = 0.1


class FindActions(MainBase):
    """See `tui.keys`, context PANES."""

    @work(group=ASK)
    async def action_pane_find(self) -> None:
        """Type what to find below this place."""
        pane = self.pane
        if pane.location is None or places.is_bucket_list(pane.location.place):
            self.tell("Open a bucket or a folder first: what is below it is looked through")
            return
        title = f"Find below {places.address(pane.location)}"
        typed = await self.app.push_screen_wait(
            PromptScreen(title, placeholder=f"name, size, age: {EXAMPLE}", check=problem_of)
        )
        if typed is not None:
            pane.find(parse_find(typed, self.now()), " ".join(typed.split()))
            self.enter(pane)

    def on_finding_pane_marks_left(self, event: FindingPane.MarksLeft) -> None:
        """Marks are those of one place: say where they are, and how to mark in several."""
        count = format.counted(event.count, "mark")
        name = display(places.base_name(event.left.place) or places.address(event.left))
        stays = f"{count} left in {cut(name, 30)}, there again when you are"
        stays = stays if event.comes_back else f"{count} of what was found taken off"
        self.tell(f"{stays}. {key_of('pane.find')} * marks across folders")

    # -- how big folders are -----------------------------------------------------------------------

    @work(group="size", exclusive=True)
    async def action_pane_size(self) -> None:
        """Add up what is in the marked folders, or in the current one, while one may go on."""
        pane, here = self.pane, self.pane.location
        folders = [row for row in pane.selection() if row.is_folder]
        if here is None or not folders or (places.is_bucket_list(here.place) and not here.connection):
            self.tell("Sizes are added up for folders: put the cursor on one, or mark some")
            return
        model, whole = pane.model, CountProgress(0, 0)
        for row in folders:
            token = self.manager.browser.count([Location(pane.place_of(row), here.connection)])
            counted = await self._count(token, here, whole, folders)
            if counted is None:
                return
            model.set_size(row, counted.bytes)
            whole = CountProgress(whole.objects + counted.objects, whole.bytes + counted.bytes)
            if pane.model is model:
                pane.marks_changed()
        self.notice.say(f"{_what(folders)}: {_sum(whole, here)}  ({key_of('pane.back')} hides this)")

    async def _count(
        self, token: Token, here: Location, before: CountProgress, folders: Sequence[Row]
    ) -> CountProgress | None:
        """What is in one of them, said as it grows; ``None`` if it failed or was given up."""
        browser = self.manager.browser
        self._given_up = False
        self._asking += 1
        try:
            while True:
                answer = browser.answer(token)
                counted = answer.value if isinstance(answer.value, CountProgress) else CountProgress(0, 0)
                if answer.problem is not None:
                    self.notice.say("")
                    self.tell_problem(answer.problem)
                    return None
                if answer.done:
                    return counted
                if self._given_up:
                    self.notice.say("")
                    return None
                so_far = CountProgress(before.objects + counted.objects, before.bytes + counted.bytes)
                self.notice.say(
                    f"{_what(folders)}: {_sum(so_far, here)} so far, counting…  ({key_of('pane.back')} stops)"
                )
                await asyncio.sleep(_POLL)
        finally:
            browser.cancel(token)
            self._asking -= 1


def _what(folders: Sequence[Row]) -> str:
    return display(f"{folders[0].name}/") if len(folders) == 1 else format.counted(len(folders), "folder")


def _sum(counted: CountProgress, here: Location) -> str:
    noun = "file" if here.connection is None else "object"
    return f"{format.counted(counted.objects, noun)}, {format.size_long(counted.bytes)}"
