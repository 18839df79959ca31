"""Going on with an incomplete upload: choosing the file it was begun with, comparing, queueing."""

from __future__ import annotations

import asyncio
import os

from textual import work

from engine import (
    Adoptable,
    Condition,
    Location,
    MatchProgress,
    OwnUpload,
    Token,
    TransferOptions,
    TransferState,
    UsageError,
    explain,
)
from tui import format
from tui.keys import key_of
from tui.places import base_name, home
from tui.safe_text import display
from tui.screens.confirm import ConfirmScreen
from tui.screens.prompt import PromptScreen
from tui.screens.unfinished_base import POLL, UnfinishedBase
from tui.unfinished import UploadRow


class AdoptingActions(UnfinishedBase):
    """Part of the view of incomplete uploads."""

    folder: str = ""
    """Where the file is looked for first: the local folder that a pane shows, ending in ``/``."""
    options: TransferOptions
    """How what is queued is moved."""

    @work(group="ask")
    async def action_adopt(self) -> None:
        """Ask for the file, compare, and queue it where every part that is there is equal."""
        row = self.list.current
        if self.is_busy or not isinstance(row, UploadRow):
            return
        if row.own is not None:
            self.say("An item of the queue goes on with it already")
            return
        path = await self._ask_for_file(row)
        if path is None:
            return
        where = Location(row.upload.ref, row.connection)
        token = self.manager.browser.match_upload(where, row.upload.upload_id, path)
        found = await self._compare(token, path)
        if found is not None and await self.app.push_screen_wait(_question(found)):
            self._queue(found)

    async def _ask_for_file(self, row: UploadRow) -> str | None:
        name = base_name(row.upload.ref)
        typed = await self.app.push_screen_wait(
            PromptScreen(
                f"File that {name} was begun with",
                value=home(self.folder + name),
                placeholder="path of the local file",
                check=self._not_a_path,
            )
        )
        return None if typed is None else self._path(typed)

    def _path(self, typed: str) -> str:
        return os.path.normpath(os.path.join(self.folder or "/", os.path.expanduser(typed.strip())))

    def _not_a_path(self, typed: str) -> str:
        return "" if typed.strip() else "Type the path of the file"

    async def _compare(self, token: Token, path: str) -> Adoptable | None:
        """Wait for the end of it, or for Esc; what is wrong is told."""
        browser, name = self.manager.browser, display(home(path))
        try:
            while True:
                answer = browser.answer(token)
                progress = answer.value if isinstance(answer.value, MatchProgress) else MatchProgress(0, 0)
                done, size = (
                    format.size_long(progress.bytes_compared),
                    format.size_long(progress.bytes_in_all),
                )
                if self.do(f"Comparing (Esc stops): {done} of {size} are equal to {name}"):
                    return None
                if answer.done:
                    if answer.problem is not None:
                        self.say(str(answer.problem), bad=True)
                    return progress.found
                await asyncio.sleep(POLL)
        finally:
            browser.cancel(token)
            self.do("")

    def _queue(self, found: Adoptable) -> None:
        try:
            item = self.manager.adopt(found, self.options)
        except (UsageError, Condition) as error:
            self.say(str(explain(error, what="go on with it")), bad=True)
            return
        # However soon it ends: what the queue had and has no more is read again.
        self._owned = (*self._owned, OwnUpload(item, found.ref, found.upload_id, TransferState.QUEUED))
        self.say(f"Queued: it goes on by itself ({key_of('app.queue')} shows it)")
        self.look(force=True)


def _question(found: Adoptable) -> ConfirmScreen:
    left = found.size - found.bytes_there
    lines = [
        f"{home(found.path)} → {found.ref}",
        f"{len(found.parts):,} of {format.counted(found.parts_in_all, 'part')} are there and equal to the file: "
        f"{format.size_long(found.bytes_there)}.",
        f"{format.size_long(left)} are still to be sent." if left else "Nothing has to be sent any more.",
        "What the upload was begun with (metadata, storage class) stays as it is.",
    ]
    label = f"Go on with it, send {format.size_long(left)}"
    return ConfirmScreen("Go on with this upload?", lines, confirm_label=label)
