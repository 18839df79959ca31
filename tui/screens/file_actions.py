"""Delete, rename, new folder: the actions of the panes that change something where it is."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from textual import work

from engine import (
    CountProgress,
    DeleteRequest,
    Location,
    ObjectRef,
    Token,
    TransferRequest,
)
from tui import format, places
from tui.safe_text import display
from tui.screens.base import ASK, MainBase
from tui.screens.delete_question import DeleteScreen
from tui.screens.prompt import PromptScreen
from tui.screens.versioning import look_for_versioning
from tui.undo import UNDO_SECONDS, undo_hint
from tui.widgets.file_pane import FilePane
from tui.widgets.pane_model import Row

_COUNT_POLL = 0.1
_NAMED = 5
"""Names that a confirmation lists one by one."""


class FileActions(MainBase):
    """See `tui.keys`, context PANES."""

    # -- delete ------------------------------------------------------------------------------------

    @work(group=ASK)
    async def action_pane_delete(self) -> None:
        """Delete, after counting and asking."""
        pane, here = self.pane, self.pane.location
        if here is None or not pane.chosen_count or self.refuses("pane.delete"):
            return
        if places.is_bucket_list(here.place):
            await self.remove_bucket()
            return
        rows = pane.selection()
        targets = tuple(pane.place_of(row) for row in rows)
        known = None if any(row.is_folder for row in rows) else _sum(rows)
        confirm = DeleteScreen(f"Delete {what(pane)}?", named(pane), here, known)
        if known is None:
            token = self.manager.browser.count([Location(target, here.connection) for target in targets])
            self._count_into(confirm, token)
        if isinstance(here.place, ObjectRef):
            self._look_for_versions(confirm, here)
        if await self.app.push_screen_wait(confirm) and self.submit(DeleteRequest(targets, here.connection)):
            self.tell(f"Deletes in {format.duration(UNDO_SECONDS)}; {undo_hint()} it")
            pane.model.mark_none()
            pane.marks_changed()

    @work
    async def _count_into(self, confirm: DeleteScreen, token: Token) -> None:
        """Show in the question what is below the folders, as it is being counted."""
        browser = self.manager.browser
        while True:
            answer = browser.answer(token)
            counted = answer.value if isinstance(answer.value, CountProgress) else None
            failed = answer.problem.why if answer.problem is not None else ""
            confirm.tell_count(counted, done=answer.done, failed=failed)
            if not answer.done:
                await asyncio.sleep(_COUNT_POLL)
            if answer.done or confirm.is_over:
                browser.cancel(token)
                return

    @work
    async def _look_for_versions(self, confirm: DeleteScreen, here: Location) -> None:
        """Say in the question whether the bucket keeps versions, if it may be known."""
        await look_for_versioning(
            self.manager.browser, here, confirm.tell_versioning, lambda: not confirm.is_over
        )

    # -- one thing ---------------------------------------------------------------------------------

    @work(group=ASK)
    async def action_pane_rename(self) -> None:
        """Rename the current row; a prefix is moved through the queue."""
        pane, row = self.pane, self.pane.list.current
        if row is None or pane.location is None or places.is_bucket_list(pane.location.place):
            return
        if self.refuses("pane.rename"):
            return
        new = await self.app.push_screen_wait(
            PromptScreen(f"Rename {row.name}", value=row.name, placeholder="new name", check=_not_a_name)
        )
        new = (new or "").rstrip("/")
        if not new or new == row.name:
            return
        place, connection = pane.place_of(row), pane.location.connection
        through_queue = row.is_folder and isinstance(place, ObjectRef)
        if not through_queue:
            asked = self.manager.browser.rename(Location(place, connection), new)
            answer = await self.answer(asked, f"Renaming {display(row.name)}", quiet=True)
            if answer is None:
                return
            through_queue = answer.problem is not None and answer.problem.code == "use-queue"
            if answer.problem is not None and not through_queue:
                self.tell_problem(answer.problem)
                return
        if through_queue and connection is not None:
            target = places.child(pane.location.place, new, folder=row.is_folder)
            self.submit(TransferRequest((place,), target, connection, replace(self.options, move=True)))
        else:
            pane.reload(focus=new)

    @work(group=ASK)
    async def action_pane_new_folder(self) -> None:
        """Make a folder here; in the list of buckets, a bucket."""
        pane = self.pane
        if pane.location is None or self.refuses("pane.new-folder"):
            return
        title = "New bucket" if places.is_bucket_list(pane.location.place) else "New folder"
        name = await self.app.push_screen_wait(PromptScreen(title, placeholder="name", check=_not_a_name))
        name = (name or "").rstrip("/")
        if not name:
            return
        place = places.child(pane.location.place, name, folder=True)
        asked = self.manager.browser.make_folder(Location(place, pane.location.connection))
        if await self.answer(asked, f"Making {display(name)}") is not None:
            pane.reload(focus=name)


def _not_a_name(text: str) -> str:
    """What is wrong with a name that was typed, or nothing."""
    if "/" in text.rstrip("/") or text.rstrip("/") in (".", ".."):
        return "A name has no / in it, and is not . or .."
    return ""


def _sum(rows: Sequence[Row]) -> CountProgress:
    return CountProgress(len(rows), sum(max(row.size, 0) for row in rows))


def what(pane: FilePane) -> str:
    """What is chosen, in a few words: a name, or how many. Raw."""
    if pane.chosen_count != 1:
        return format.counted(pane.chosen_count, "item")
    row = pane.selection(1)[0]
    return row.name + ("/" if row.is_folder else "")


def named(pane: FilePane) -> list[str]:
    """The names of what is chosen, raw, the first few one by one."""
    if pane.chosen_count == 1:
        return []
    names = [row.name + ("/" if row.is_folder else "") for row in pane.selection(_NAMED)]
    if pane.chosen_count > _NAMED:
        names.append(f"and {pane.chosen_count - _NAMED:,} more")
    return names
