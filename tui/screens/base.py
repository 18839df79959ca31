"""What the parts of the main screen share: the panes, the queue, the engine, and how to ask and tell."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

from textual.screen import Screen
from textual.widgets import Static

from engine import (
    Answer,
    ConnectionId,
    EngineError,
    Location,
    Problem,
    Profile,
    Request,
    Token,
    TransferOptions,
    UsageError,
    explain,
)
from tui import denials
from tui.configuration import Configuration
from tui.keys import key_of
from tui.layout import LayoutFile
from tui.log import naming_log
from tui.pace_file import PaceFile
from tui.place_book import PlaceBook
from tui.ports import ManagerPort
from tui.problem_log import ProblemLog
from tui.safe_text import display
from tui.schedule import Follower, Schedule
from tui.widgets.compare_line import CompareLine
from tui.widgets.elsewhere import ElsewhereLine
from tui.widgets.finding_pane import FindingPane
from tui.widgets.key_bar import KeyBar
from tui.widgets.speed_panel import SpeedPanel
from tui.widgets.transfer_table import QueuePane
from tui.widgets.whole_line import WholeLine

Value = TypeVar("Value")

ASK = "ask"
"""Group of the workers that hold a question."""
_ANSWER_POLL = 0.03
_SAY_AFTER = 0.3
_ROOM_FOR_NOTICES = 34
"""Lines of a screen on which several notices at a time hide nothing that matters; else one, the newest."""


class NoticeLine(Static):
    """One line above the panes for what must not vanish by itself. Plain text."""

    def __init__(self) -> None:
        super().__init__("", markup=False, id="notice")
        self.display = False
        self.text = ""

    def say(self, text: str, *, bad: bool = False) -> None:
        """Show this; nothing hides the line."""
        if text != self.text:
            self.text = text
            self.update(text)
            self.display = bool(text)
        self.set_class(bad, "-bad")


class MainBase(Screen[None]):
    """The widgets of the main screen, and helpers for its actions."""

    def __init__(
        self,
        manager: ManagerPort,
        *,
        options: TransferOptions | None = None,
        book: PlaceBook | None = None,
        layout: LayoutFile | None = None,
        configuration: Configuration | None = None,
        pace: PaceFile | None = None,
        schedule: Schedule | None = None,
        is_passing: bool = False,
        now: Callable[[], float] = time.time,
    ) -> None:
        super().__init__()
        self.manager, self.now = manager, now
        self.problems = ProblemLog(now)
        self.book = book or PlaceBook()
        """Bookmarks and recent places."""
        self.layout_file = layout or LayoutFile()
        self.configuration = configuration
        self.pace_file = pace or PaceFile()
        self.schedule = Follower(schedule or Schedule())
        self.options = options or TransferOptions()
        """How what is queued here is moved."""
        self.notice, self.elsewhere, self.whole = NoticeLine(), ElsewhereLine(), WholeLine()
        self.left = FindingPane(manager.browser, self.profile_of, id="left", now=now)
        self.right = FindingPane(manager.browser, self.profile_of, id="right", now=now)
        for pane in (self.left, self.right):
            pane.takes_copies = self._takes_copies
        self.queue = QueuePane(manager.snapshot)
        self.totals = SpeedPanel(self.pace_file.words, self.schedule.words)
        self.key_bar = KeyBar()
        self.compare_line = CompareLine()
        self.is_passing = is_passing
        """Everything is removed when the program is left."""
        self.pane = self.left
        """The pane that has, or last had, the focus."""
        self._given_up = False
        self._asking = 0

    @property
    def other(self) -> FindingPane:
        """The pane across."""
        return self.right if self.pane is self.left else self.left

    def tick(self) -> None:
        """Show how things are now."""
        raise NotImplementedError

    def divide(self) -> None:
        """Give each part of the screen its room."""
        raise NotImplementedError

    def look_inside(self) -> None:
        """Show what is in the current file or object."""
        raise NotImplementedError

    async def remove_bucket(self) -> None:
        """Remove the bucket under the cursor, after asking."""
        raise NotImplementedError

    def enter(self, pane: FindingPane) -> None:
        """Give the keys to a pane, at once: keys typed in the same breath are meant for it."""
        self.choose(pane)
        self.set_focus(pane.list)

    def choose(self, pane: FindingPane) -> None:
        """This is the pane that is meant from now on."""
        self.pane = pane
        for one in (self.left, self.right):
            one.set_class(one is pane, "-chosen")

    # -- profiles ----------------------------------------------------------------------------------

    def profile_of(self, location: Location) -> Profile | None:
        """Whose connection reaches it."""
        return next((p for p in self.manager.profiles() if p.connection_id == location.connection), None)

    def why_read_only(self, location: Location) -> str:
        """Why nothing may be changed at a place, or nothing; made safe."""
        profile = self.profile_of(location)
        if profile is None or not profile.read_only:
            return ""
        return f"The profile {display(profile.name)} is read-only: nothing is changed or deleted there"

    def denied(self, id: str) -> str:
        """Why an action of the panes is not to be had here, in a word or two; or nothing."""
        return denials.denied(
            id, self.pane.location, self.other.location, lambda location: bool(self.why_read_only(location))
        )

    def _takes_copies(self) -> bool:
        """Copying between the panes makes sense."""
        return not denials.are_local(self.left.location, self.right.location)

    def refuses(self, id: str) -> bool:
        """Say why an action would change what is read-only; false where it would not."""
        where = {denials.READ_ONLY: self.pane, denials.READ_ONLY_THERE: self.other}.get(self.denied(id))
        if where is None or where.location is None:
            return False
        self.tell(display(self.why_read_only(where.location)), bad=True)
        return True

    def connection_at_hand(self) -> ConnectionId | None:
        """The connection for a typed ``s3://`` address: this pane's, else the other's, else the first."""
        for pane in (self.pane, self.other):
            if pane.location is not None and pane.location.connection is not None:
                return pane.location.connection
        profiles = self.manager.profiles()
        return profiles[0].connection_id if profiles else None

    # -- telling and asking ------------------------------------------------------------------------

    def tell(self, text: str, *, bad: bool = False) -> None:
        """A notice that goes away by itself. `text` must have passed `display` where it is not ours."""
        if self.size.height < _ROOM_FOR_NOTICES:
            self.app.clear_notifications()
            for holder in self.query("ToastHolder"):
                holder.remove()
        self.notify(text, severity="error" if bad else "information", timeout=10 if bad else 4, markup=False)

    def tell_problem(self, problem: Problem) -> None:
        """Say what failed, why, and what to do."""
        self.problems.add(problem)
        request = f" (request {problem.request_id})" if problem.request_id else ""
        self.tell(display(naming_log(str(problem)) + request), bad=True)

    def submit(self, request: Request) -> bool:
        """Queue it, or say why not."""
        return self.attempt(lambda: self.manager.submit(request))

    def attempt(self, command: Callable[[], object]) -> bool:
        """Give the queue a command, or say why it does not take it: it makes no sense, or cannot be saved."""
        try:
            command()
        except UsageError as error:
            self.tell(display(str(error)), bad=True)
            return False
        except EngineError as error:
            self.tell_problem(explain(error, what="queue it"))
            return False
        self.tick()
        return True

    async def answer(
        self, token: Token, doing: str | Callable[[object], str], *, quiet: bool = False
    ) -> Answer | None:
        """Wait for the browser's answer without holding the screen; Esc gives up.

        Args:
            doing: What to say meanwhile, after a moment; or how to say it of the answer so far.
            quiet: Do not tell a problem; the caller does.

        Returns:
            The answer, or ``None`` if it failed (which was told) or was given up.
        """
        browser = self.manager.browser
        self._given_up = False
        self._asking += 1
        began, before = time.monotonic(), self.notice.text
        try:
            while True:
                answer = browser.answer(token)
                if answer.done:
                    break
                if self._given_up:
                    return None
                if time.monotonic() - began > _SAY_AFTER:
                    self.notice.say(f"{doing}…  ({key_of('pane.back')} stops)")
                await asyncio.sleep(_ANSWER_POLL)
        finally:
            browser.cancel(token)
            self._asking -= 1
            self.notice.say(before)
        if answer.problem is not None and not quiet:
            self.tell_problem(answer.problem)
            return None
        return answer

    def give_up(self) -> bool:
        """Esc: stop waiting for an answer; false if nothing was waited for."""
        if not self._asking:
            return False
        self._given_up = True
        return True
