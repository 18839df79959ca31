"""Comparing the two panes with all that is below them, and making one like the other."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import partial

from textual import work

from engine import (
    ConflictPolicy,
    LocalRef,
    Location,
    Plan,
    PlanTally,
    Problem,
    TransferRequest,
)
from tui import format, keys, places, plan_words
from tui.comparing import Comparison, Standing
from tui.safe_text import display
from tui.screens.base import ASK
from tui.screens.browse_actions import BrowseActions
from tui.screens.copy_actions import CopyActions
from tui.screens.dialog import Choice, ChoiceDialog
from tui.widgets.file_pane import FilePane
from tui.widgets.pane_model import Row

_POLL = 0.1
_UNEQUAL = (Standing.DIFFERS, Standing.LEFT, Standing.RIGHT)


class CompareScreen(ChoiceDialog[str]):
    """What is to be done about two sides that were compared."""

    def __init__(self, comparison: Comparison, counts: dict[Standing, int], proven: str) -> None:
        lines = [f"Left   {comparison.left.place}", f"Right  {comparison.right.place}", ""]
        for kind in Standing:
            if counts.get(kind):
                how = f" {proven}" if kind is Standing.SAME else ""
                lines.append(f"{kind.glyph} {counts[kind]:,} {kind.word}{how}")
        choices = (
            Choice("mark", "m", "Mark what is unequal", "here, to copy it by hand"),
            Choice("right", "r", "Make the right like the left", "shows a plan first"),
            Choice("left", "l", "Make the left like the right", "shows a plan first"),
            Choice("again", "a", "Compare again"),
            Choice("end", "e", "End comparing"),
        )
        super().__init__("Compared", lines, choices, hint="Esc: look on")

    def answered(self, choice: Choice, *, for_all: bool) -> None:
        self.dismiss(choice.answer)


class CompareActions(CopyActions, BrowseActions):
    """See `tui.keys`, context PANES."""

    _comparison: Comparison | None = None
    _compared: PlanTally | None = None
    """The newest numbers."""

    def action_pane_compare(self) -> None:
        """Compare what both panes show; where that was done, ask what to do about it."""
        comparison = self._comparison
        shown = (self.left.location, self.right.location)
        if comparison is not None and all(here is None or comparison.covers(here) for here in shown):
            self._ask_about(comparison)
        else:
            self._begin_comparing()

    def _begin_comparing(self) -> None:
        left, right = self.left.location, self.right.location
        refused = _why_not(left, right)
        if refused or left is None or right is None:
            self.tell(refused, bad=True)
            return
        self._comparison = comparison = Comparison(left, right, from_left=self._looks_from_left(left, right))
        self._compared = None
        for pane in (self.left, self.right):
            pane.list.flag = partial(self._flag, pane, comparison)
        self._compare(comparison)

    def _looks_from_left(self, left: Location, right: Location) -> bool:
        """As an upload, which tells of names that can be no key; but nothing is planned into what is read-only."""
        uploads_to_right = isinstance(left.place, LocalRef)
        remote = right if uploads_to_right else left
        if not isinstance(right.place, LocalRef) and not uploads_to_right:
            return True
        profile = self.profile_of(remote)
        return uploads_to_right is not (profile is not None and profile.read_only)

    @work(exclusive=True, group="compare")
    async def _compare(self, comparison: Comparison) -> None:
        """Fill it, and both panes' marks, until it is whole or nobody wants it."""
        request = self._sync_request(comparison, to_right=comparison.from_left)
        browser = self.manager.browser
        token = browser.plan_ahead(request, extras=True)
        problem: Problem | None = None
        try:
            while not comparison.is_done:
                answer = browser.answer(token)
                plan, problem = answer.value, answer.problem
                more = isinstance(plan, Plan) and comparison.take(plan)
                if answer.done and not more:
                    if isinstance(plan, Plan):
                        comparison.finish(plan)
                    comparison.is_done = True
                if isinstance(plan, Plan):
                    self._compared = plan.tally()
                    if self._compared.is_too_long:
                        comparison.forget()
                self._say_compared(comparison, problem)
                await asyncio.sleep(0 if more else _POLL)
        finally:
            browser.cancel(token)
        if problem is not None and not (self._compared and self._compared.counts):
            self._end_comparing()
            self.tell_problem(problem)

    def _say_compared(self, comparison: Comparison, problem: Problem | None = None) -> None:
        """The line below, and the marks in the panes."""
        tally = self._compared
        counts = comparison.counts(tally) if tally is not None else {}
        again, esc = keys.key_of("pane.compare"), keys.key_of("pane.back")
        lead, hint = "", f"{again} more  {esc} ends"
        if not comparison.is_done:
            lead, hint = "Comparing…", f"{esc} stops"
        elif tally is not None and tally.is_too_long:
            lead = "Too many to be marked:"
        elif problem is None and set(counts) <= {Standing.SAME}:
            lead = "Both sides are the same:" if counts else "There is nothing to compare"
        said = f"Not complete: {display(problem.why)}" if problem is not None else ""
        was_there = bool(self.compare_line.display)
        self.compare_line.say(lead, counts, hint, problem=said)
        if not was_there:
            self.divide()
        for pane in (self.left, self.right):
            pane.list.refresh()

    def _flag(self, pane: FilePane, comparison: Comparison, row: Row) -> tuple[str, str]:
        """Glyph and style of a row."""
        if pane.location is None:
            return "", ""
        standing = comparison.standing(pane.location, row.name, is_folder=row.is_folder)
        return (standing.glyph, standing.style) if standing is not None else ("", "")

    def _end_comparing(self) -> None:
        self._comparison = self._compared = None
        for pane in (self.left, self.right):
            pane.list.flag = None
            pane.list.refresh()
        self.compare_line.hide()
        self.divide()

    def action_pane_back(self) -> None:
        """Stop comparing; at the end of all else that Esc goes back from, end it."""
        comparison, pane = self._comparison, self.pane
        if comparison is not None and not comparison.is_done:
            self.workers.cancel_group(self, "compare")
            comparison.is_done = True
            self._say_compared(comparison, Problem("", "it was stopped", "", True, "stopped"))
            return
        busy = bool(self.notice.display) or pane.list.range_start is not None or pane.is_reading
        if comparison is None or busy or pane.filter_line.is_open or pane.model.marked_count:
            super().action_pane_back()
        else:
            self._end_comparing()

    # -- what to do about it -----------------------------------------------------------------------

    @work(group=ASK)
    async def _ask_about(self, comparison: Comparison) -> None:
        tally = self._compared
        counts = comparison.counts(tally) if tally is not None else {}
        proven = plan_words.proven(tally) if tally is not None else ""
        match await self.app.push_screen_wait(CompareScreen(comparison, counts, proven)):
            case "mark":
                self._mark_unequal(comparison)
            case "again":
                self._begin_comparing()
            case "end":
                self.workers.cancel_group(self, "compare")
                self._end_comparing()
            case "right" | "left" as side:
                request = self._sync_request(comparison, to_right=side == "right")
                title = f"Make the {side} like the {'left' if side == 'right' else 'right'}"
                if await self.plan_and_start(request, title, sync=True):
                    self.workers.cancel_group(self, "compare")
                    self._end_comparing()

    def _mark_unequal(self, comparison: Comparison) -> None:
        """In the pane that has the keys, what the other has not or has otherwise."""
        pane, here = self.pane, self.pane.location
        if here is None:
            return
        tokens = {
            row.name + ("/" if row.is_folder else "")
            for row in (pane.model.row_at(index) for index in range(pane.model.total))
            if comparison.standing(here, row.name, is_folder=row.is_folder) in _UNEQUAL
        }
        pane.model.mark_tokens(tokens)
        pane.marks_changed()
        self.tell(f"Marked {format.counted(len(tokens), 'item')}")

    def _sync_request(self, comparison: Comparison, *, to_right: bool) -> TransferRequest:
        """What makes one side like the other, but for what is only there."""
        source, target = comparison.left, comparison.right
        if not to_right:
            source, target = target, source
        connection = source.connection or target.connection
        assert connection is not None
        other = target.connection if target.connection not in (None, connection) else None
        options = replace(self.options, on_conflict=ConflictPolicy.OVERWRITE, move=False)
        return TransferRequest((source.place,), target.place, connection, options, other)


def _why_not(left: Location | None, right: Location | None) -> str:
    """Why two places cannot be compared, or nothing."""
    if left is None or right is None:
        return "A pane shows no place yet: Tab, then : or e"
    if places.is_bucket_list(left.place) or places.is_bucket_list(right.place):
        return "Open a bucket in each S3 pane first"
    if isinstance(left.place, LocalRef) and isinstance(right.place, LocalRef):
        return "Both panes are on this disk; s3tui compares disk with S3, and places within S3"
    if left == right:
        return "Both panes show the same place"
    return ""
