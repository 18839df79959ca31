"""Giving incomplete uploads up, after one question with count and bytes."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from textual import work

from engine import AbortProgress, ConnectionId, IncompleteUpload, Problem, Token
from tui import format
from tui.keys import key_of
from tui.screens.confirm import ConfirmScreen
from tui.screens.unfinished_base import POLL, UnfinishedBase
from tui.unfinished import UploadRow, at_least

_FRESH = 3600.0
"""Seconds: an upload that was begun no longer ago may well be one that somebody is sending."""


class AbortingActions(UnfinishedBase):
    """Part of the view of incomplete uploads."""

    @work(group="ask")
    async def action_abort(self) -> None:
        """Abort the marked uploads, or the current one, after asking with count and bytes."""
        if not self.is_busy:
            await self.abort([row for row in self.list.chosen if isinstance(row, UploadRow)])

    async def abort(self, rows: Sequence[UploadRow]) -> None:
        """Ask, then do it."""
        strange = [row for row in rows if row.own is None]
        if not strange:
            if rows:
                there = f"{key_of('app.queue')}, then {key_of('queue.cancel')}"
                self.say(f"An item of the queue goes on with it: cancel it there ({there})")
            return
        uploads = [row.upload for row in strange]
        how_many = format.counted(len(uploads), "incomplete upload")
        size = at_least(sum(each.bytes or 0 for each in uploads), sum(each.bytes is None for each in uploads))
        lines = [self._what_goes(uploads, size), "This cannot be undone: who began one has to begin anew."]
        fresh = sum(self._now() - each.initiated < _FRESH for each in uploads if each.initiated)
        if fresh:
            lines += ["", f"{fresh:,} of them began within the last hour: another program may be at it."]
        if len(strange) < len(rows):
            lines += ["", f"Not aborted: {len(rows) - len(strange):,} with which the queue goes on."]
        confirm = ConfirmScreen(
            f"Abort {how_many}?", lines, confirm_label=f"Abort {len(uploads):,}, {size}", danger=True
        )
        if await self.app.push_screen_wait(confirm):
            await self._abort(strange)

    def _what_goes(self, uploads: Sequence[IncompleteUpload], size: str) -> str:
        if len(uploads) == 1:
            parts = uploads[0].parts
            what = format.counted(parts, "part") if parts is not None else "all its parts"
            return f"{uploads[0].ref}: {what}, {size}, are removed from the server."
        return f"All their parts, {size}, are removed from the server."

    async def _abort(self, rows: Sequence[UploadRow]) -> None:
        by_connection: dict[ConnectionId, list[IncompleteUpload]] = {}
        for row in rows:
            by_connection.setdefault(row.connection, []).append(row.upload)
        aborted, problems, spared = 0, list[Problem](), 0
        for connection, uploads in by_connection.items():
            token = self.manager.abort_uploads(connection, uploads)
            progress, problem = await self.follow(token, len(uploads))
            aborted += len(progress.aborted)
            spared += len(progress.spared)
            problems += [why for _, why in progress.failed] + ([problem] if problem is not None else [])
        self._tell_aborted(aborted, len(rows), spared, problems)
        self.list.marks = set()
        self.action_read_again()

    async def follow(self, token: Token, total: int) -> tuple[AbortProgress, Problem | None]:
        """Wait for the end of an abort, or for Esc."""
        browser, progress = self.manager.browser, AbortProgress(total)
        try:
            while True:
                answer = browser.answer(token)
                if isinstance(answer.value, AbortProgress):
                    progress = answer.value
                is_stopped = self.do(f"Aborting (Esc stops): {progress.done:,} of {total:,} done…")
                if answer.done or is_stopped:
                    return progress, answer.problem
                await asyncio.sleep(POLL)
        finally:
            browser.cancel(token)
            self.do("")

    def _tell_aborted(self, aborted: int, total: int, spared: int, problems: Sequence[Problem]) -> None:
        said = f"{aborted:,} of {format.counted(total, 'upload')} aborted"
        if spared:
            said += f"; {spared:,} that the queue goes on with stayed"
        if problems:
            more = f" (and {len(problems) - 1:,} more)" if len(problems) > 1 else ""
            self.say(f"{said}. {problems[0]}{more}", bad=True)
        else:
            self.say(said + ("" if aborted + spared == total else ": stopped"))
