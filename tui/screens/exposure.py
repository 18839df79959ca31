"""Asking, once for each endpoint, whether it may be used unencrypted."""

from __future__ import annotations

from dataclasses import replace

from textual import work

from engine import Problem
from tui import consent
from tui.safe_text import display
from tui.screens.base import ASK, MainBase
from tui.screens.confirm import ConfirmScreen
from tui.widgets.file_pane import FilePane


class ExposureActions(MainBase):
    """Part of the main screen. A pane whose place would be reached unencrypted says so, and a question asks."""

    _asked_about: Problem | None = None
    """The newest problem for which was asked: reading the place again asks again."""

    def ask_about_exposure(self) -> None:
        """Ask for the first pane that needs it, where nothing else is being asked."""
        for pane in (self.left, self.right):
            problem = pane.problem
            if problem is None or problem.code != "plain-http" or problem is self._asked_about:
                continue
            if len(self.app.screen_stack) > 2 or any(
                worker.group == ASK and not worker.is_finished for worker in self.workers
            ):
                return
            self._asked_about = problem
            self._ask_whether_unencrypted(pane)
            return

    @work(group=ASK)
    async def _ask_whether_unencrypted(self, pane: FilePane) -> None:
        profile = self.profile_of(pane.location) if pane.location is not None else None
        if profile is None:
            return
        lines = [
            f"{profile.endpoint_url} is not encrypted, and on another machine.",
            "Whoever is on the way could read and change all that passes, and use the signatures of requests.",
            "The answer is remembered for this endpoint.",
        ]
        question = ConfirmScreen(
            "Use this endpoint?", lines, confirm_label="Use it unencrypted", keep_label="No, do not connect"
        )
        if not await self.app.push_screen_wait(question):
            return
        try:
            consent.remember(profile)
        except OSError as error:
            self.tell(f"That could not be written down: {display(str(error.strerror))}", bad=True)
        origin = consent.origin_of(profile)
        for each in self.manager.profiles():
            if consent.origin_of(each) == origin:
                self.manager.add_profile(replace(each, allow_http=True))
        for one in (self.left, self.right):
            if one.problem is not None and one.problem.code == "plain-http":
                one.reload()
