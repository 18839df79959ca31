"""Changing the storage class, headers, metadata and tags of objects."""

from __future__ import annotations

from collections.abc import Sequence

from textual import work

from engine import ChangeProgress, LocalRef, Location, ObjectProperties, ObjectRef, PropertyChange
from tui import format
from tui.property_form import ARCHIVED
from tui.safe_text import display
from tui.screens.base import ASK, MainBase
from tui.screens.confirm import ConfirmScreen
from tui.screens.file_actions import what
from tui.screens.properties import PropertiesScreen


class PropertyActions(MainBase):
    """Part of the main screen; see `tui.keys`, context PANES."""

    @work(group=ASK)
    async def action_pane_properties(self) -> None:
        """Change what is kept with the marked objects, or the current one."""
        pane, here = self.pane, self.pane.location
        rows = pane.selection()
        if here is None or isinstance(here.place, LocalRef) or not rows:
            self.tell("Only objects have a storage class, metadata and tags")
            return
        if any(row.is_folder for row in rows):
            self.tell("Properties are those of objects: open the prefix, and mark objects in it", bad=True)
            return
        if self.refuses("pane.properties"):
            return
        browser, connection = self.manager.browser, here.connection
        assert connection is not None
        refs = [ref for row in rows if isinstance(ref := pane.place_of(row), ObjectRef)]
        found: ObjectProperties | None = None
        if len(refs) == 1:
            answer = await self.answer(browser.properties(Location(refs[0], connection)), "Looking at it")
            if answer is None or not isinstance(answer.value, ObjectProperties):
                return
            found = answer.value
        change = await self.app.push_screen_wait(PropertiesScreen(what(pane), found))
        if change is None:
            return
        if change.is_nothing:
            self.tell("Nothing was changed")
            return
        size = sum(max(row.size, 0) for row in rows)
        question = ConfirmScreen(
            f"Change {what(pane)}?", question_lines(change, len(refs), size), confirm_label="Change"
        )
        if not await self.app.push_screen_wait(question):
            return
        targets = [(ref, found.etag if found is not None else "") for ref in refs]
        token = browser.change_properties(connection, targets, change)
        done = await self.answer(token, _doing, quiet=True)
        if done is None:
            self.tell("Stopped; what was changed by then stays changed")
        else:
            progress = done.value if isinstance(done.value, ChangeProgress) else ChangeProgress(len(refs))
            if done.problem is not None:
                self.tell_problem(done.problem)
            else:
                self.tell(display(outcome(progress)), bad=bool(progress.failed))
        pane.reload()


def _doing(value: object) -> str:
    if isinstance(value, ChangeProgress) and value.total > 1:
        return f"Changing: {value.done:,} of {value.total:,}"
    return "Changing"


def question_lines(change: PropertyChange, count: int, size: int) -> Sequence[str]:
    """What a change does, raw."""
    lines = [f"{format.counted(count, 'object')}, {format.size_long(size)}"]
    if change.storage_class is not None:
        lines.append(f"Storage class: {change.storage_class}")
    for names, noun in ((change.headers, "header"), (change.metadata, "metadata"), (change.tags, "tag")):
        if names:
            lines.append(f"{noun.capitalize()}: {', '.join(_delta(*each) for each in names)}")
    lines.append("")
    if change.copies:
        lines.append(
            "Each is copied onto itself on the server: it gets a new date (and a new version where the bucket"
            " keeps them), and the bucket's default access list. An object above 5 GiB is refused."
        )
    else:
        lines.append("Only tags are set: no copy, no new date, no new version.")
    if change.storage_class in ARCHIVED:
        lines.append("It cannot be read there until it is restored, which takes hours and costs.")
    return lines


def _delta(name: str, value: str | None) -> str:
    return f"without {name}" if value is None else f"{name}={value}"


def outcome(progress: ChangeProgress) -> str:
    """How it ended, raw."""
    changed = f"Changed {format.counted(progress.done, 'object')}"
    if not progress.failed:
        return changed
    first = str(progress.failed[0][1])
    return first if progress.total == 1 else f"{changed}. {len(progress.failed):,} not: {first}"
