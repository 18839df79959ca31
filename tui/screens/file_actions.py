"""Copy, move, rename, delete, new folder: the actions of the panes that change something."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from textual import work

from engine import (
    ConnectionId,
    CountProgress,
    DeleteRequest,
    LocalRef,
    Location,
    ObjectRef,
    TransferRequest,
)
from tui import format, places
from tui.safe_text import display, middle
from tui.screens.base import ASK, MainBase
from tui.screens.confirm import ConfirmScreen
from tui.screens.prompt import PromptScreen
from tui.widgets.file_pane import FilePane
from tui.widgets.pane_model import Row

_COUNT_POLL = 0.1
_NAMED = 5
"""Names that a confirmation lists one by one."""
_WHOLE_PLACE_FROM = 1000
"""Marks from which on "everything here" is asked for as the place, not name by name."""


class FileActions(MainBase):
    """See `tui.keys`, context PANES."""

    # -- copy and move -----------------------------------------------------------------------------

    def action_pane_copy(self) -> None:
        """Copy to the other pane."""
        self._transfer(move=False)

    @work(group=ASK)
    async def action_pane_move(self) -> None:
        """Move to the other pane, after asking: the sources go away."""
        pane, rows = self.pane, self.pane.selection()
        refused = self._why_not(rows)
        if refused:
            self.tell(refused, bad=True)
            return
        target = self.other.location
        assert target is not None
        lines = [
            *named(rows),
            f"to {target.place}",
            "",
            "A source is deleted only after its copy is verified.",
        ]
        title = f"Move {what(rows)}?"
        if await self.app.push_screen_wait(ConfirmScreen(title, lines, confirm_label="Move", danger=False)):
            self._queue(pane, rows, target, move=True)

    def _transfer(self, *, move: bool) -> None:
        rows = self.pane.selection()
        refused = self._why_not(rows)
        if refused:
            self.tell(refused, bad=True)
            return
        assert self.other.location is not None
        self._queue(self.pane, rows, self.other.location, move=move)

    def _why_not(self, rows: Sequence[Row]) -> str:
        """Why these cannot go to the other pane, or nothing."""
        here, there = self.pane.location, self.other.location
        if not rows:
            return "Nothing is marked, and the cursor is on no file"
        if here is None or there is None:
            return "The other pane shows no place yet: Tab, then : or e"
        if places.is_bucket_list(there.place):
            return "Open a bucket in the other pane first"
        if isinstance(here.place, LocalRef) and isinstance(there.place, LocalRef):
            return "Both panes are on this disk; s3tui copies between disk and S3, and within S3"
        if here.place == there.place and here.connection == there.connection:
            return "Both panes show the same place"
        return ""

    def _queue(self, pane: FilePane, rows: Sequence[Row], target: Location, *, move: bool) -> None:
        here = pane.location
        assert here is not None
        connection = here.connection or target.connection
        assert connection is not None
        other = target.connection if target.connection not in (None, connection) else None
        model = pane.model
        everything = len(rows) >= _WHOLE_PLACE_FROM and model.complete and len(rows) == model.total
        everything = everything and pane.show_hidden and not places.is_bucket_list(here.place)
        sources = (here.place,) if everything else tuple(pane.place_of(row) for row in rows)
        request = TransferRequest(
            sources,
            target.place,
            connection,
            replace(self.options, move=move),
            other,
            under_base_name=not everything,
        )
        if self.submit(request):
            model.mark_none()
            pane.marks_changed()

    # -- delete ------------------------------------------------------------------------------------

    @work(group=ASK)
    async def action_pane_delete(self) -> None:
        """Delete, after counting and asking."""
        pane, rows = self.pane, self.pane.selection()
        if not rows or pane.location is None:
            return
        if places.is_bucket_list(pane.location.place):
            self.tell("Buckets are not deleted from here", bad=True)
            return
        connection = pane.location.connection
        targets = tuple(pane.place_of(row) for row in rows)
        where = str(pane.location.place)
        known = None if any(row.is_folder for row in rows) else _sum(rows)
        confirm = ConfirmScreen(
            f"Delete {what(rows)}?",
            _words(rows, where, connection, known, done=True),
            confirm_label="Delete",
            danger=True,
        )
        if known is None:
            token = self.manager.browser.count([Location(target, connection) for target in targets])
            self._count_into(confirm, token, rows, where, connection)
        if await self.app.push_screen_wait(confirm) and self.submit(DeleteRequest(targets, connection)):
            pane.model.mark_none()
            pane.marks_changed()

    @work
    async def _count_into(
        self,
        confirm: ConfirmScreen,
        token: int,
        rows: Sequence[Row],
        where: str,
        connection: ConnectionId | None,
    ) -> None:
        """Show in the question what is below the folders, as it is being counted."""
        browser = self.manager.browser
        while True:
            answer = browser.answer(token)
            counted = answer.value if isinstance(answer.value, CountProgress) else None
            lines = _words(rows, where, connection, counted, done=answer.done)
            if answer.problem is not None:
                lines.append(f"Counting failed: {answer.problem.why}.")
            if confirm.is_attached:
                confirm.show_lines(lines)
            if answer.done:
                return
            await asyncio.sleep(_COUNT_POLL)
            if not confirm.is_attached:
                browser.cancel(token)
                return

    # -- one thing ---------------------------------------------------------------------------------

    @work(group=ASK)
    async def action_pane_rename(self) -> None:
        """Rename the current row; a prefix is moved through the queue."""
        pane, row = self.pane, self.pane.list.current
        if row is None or pane.location is None or places.is_bucket_list(pane.location.place):
            return
        new = await self.app.push_screen_wait(
            PromptScreen(f"Rename {middle(display(row.name), 40)} to", value=row.name, placeholder="new name")
        )
        if not new or new == row.name:
            return
        if "/" in new or new in (".", ".."):
            self.tell("A name has no / in it, and is not . or ..", bad=True)
            return
        place, connection = pane.place_of(row), pane.location.connection
        if row.is_folder and isinstance(place, ObjectRef) and connection is not None:
            target = places.child(pane.location.place, new, folder=True)
            self.submit(TransferRequest((place,), target, connection, replace(self.options, move=True)))
            return
        asked = self.manager.browser.rename(Location(place, connection), new)
        if await self.answer(asked, f"Renaming {display(row.name)}") is not None:
            pane.go(pane.location, focus=new, keep=True)

    @work(group=ASK)
    async def action_pane_new_folder(self) -> None:
        """Make a folder here."""
        pane = self.pane
        if pane.location is None or places.is_bucket_list(pane.location.place):
            self.tell("Open a bucket or a folder first", bad=True)
            return
        name = await self.app.push_screen_wait(PromptScreen("New folder", value="", placeholder="name"))
        name = (name or "").strip("/")
        if not name:
            return
        if "/" in name or name in (".", ".."):
            self.tell("A name has no / in it, and is not . or ..", bad=True)
            return
        place = places.child(pane.location.place, name, folder=True)
        asked = self.manager.browser.make_folder(Location(place, pane.location.connection))
        if await self.answer(asked, f"Making {display(name)}") is not None:
            pane.go(pane.location, focus=name, keep=True)


def _sum(rows: Sequence[Row]) -> CountProgress:
    return CountProgress(len(rows), sum(max(row.size, 0) for row in rows))


def _words(
    rows: Sequence[Row],
    where: str,
    connection: ConnectionId | None,
    counted: CountProgress | None,
    *,
    done: bool,
) -> list[str]:
    """What a deletion destroys."""
    noun = "file" if connection is None else "object"
    if counted is None:
        total = "Counting what is below…"
    else:
        total = f"{format.counted(counted.objects, noun)}, {format.size_long(counted.bytes)}"
        total += " in all" if done else " so far, counting…"
    last = "This cannot be undone."
    if connection is not None:
        last = "This cannot be undone, unless the bucket keeps versions."
    return [*named(rows), f"in {where}", "", total, last]


def what(rows: Sequence[Row]) -> str:
    """The rows in a few words: a name, or how many."""
    if len(rows) == 1:
        return middle(display(rows[0].name), 40) + ("/" if rows[0].is_folder else "")
    return format.counted(len(rows), "item")


def named(rows: Sequence[Row]) -> list[str]:
    """Their names, raw, the first few one by one."""
    if len(rows) == 1:
        return []
    names = [row.name + ("/" if row.is_folder else "") for row in rows[:_NAMED]]
    if len(rows) > _NAMED:
        names.append(f"and {len(rows) - _NAMED:,} more")
    return names
