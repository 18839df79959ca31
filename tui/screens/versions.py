"""The versions of one object, or of all below a prefix: looked at, fetched, restored, deleted for good."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from engine import (
    ChangeProgress,
    ConflictPolicy,
    Location,
    ObjectRef,
    ObjectVersion,
    Request,
    Token,
    TransferOptions,
    TransferRequest,
    VersionListing,
)
from tui import durations, format, places
from tui.ports import BrowserPort
from tui.safe_text import display, path_tail, width
from tui.screens import version_text
from tui.screens.confirm import ConfirmScreen
from tui.screens.copied import CopiedScreen
from tui.screens.dialog import ClosesOnce
from tui.screens.key_sheets import version_keys
from tui.screens.link_actions import ask_how_long
from tui.screens.object_details import ObjectDetailsScreen
from tui.screens.typed_confirm import TypedConfirmScreen
from tui.version_names import file_names
from tui.widgets.line_table import LineTable
from tui.widgets.version_table import VersionTable

_POLL = 0.03
_TITLE, _TARGET = 62, 24
"""Cells of the two addresses in the title, and of the second alone."""


class VersionsScreen(ClosesOnce[bool]):
    """The result is whether something was changed.

    Args:
        location: An object, a prefix or a bucket.
        other: Where `c` copies to; the place of the other pane.
        options: How what is queued from here is moved.
        submit: Queues a request, or says why not; false if it was refused.
        refused: Why nothing may be changed here, or nothing.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,V,backspace", "back", show=False),
        Binding("enter,i", "look", show=False),
        Binding("c,f5", "copy", show=False),
        Binding("R", "restore", show=False),
        Binding("Y", "link", show=False),
        Binding("D", "destroy", show=False),
        Binding("space,insert", "mark", show=False),
        Binding("a", "mark_all(True)", show=False),
        Binding("A", "mark_all(False)", show=False),
        Binding("ctrl+r", "reload", show=False),
        Binding("question_mark,f1", "help", show=False),
    ]
    CSS_PATH = "versions.tcss"

    def __init__(
        self,
        browser: BrowserPort,
        location: Location,
        other: Location | None,
        options: TransferOptions,
        submit: Callable[[Request], bool],
        refused: str = "",
    ) -> None:
        super().__init__()
        place = location.place
        assert isinstance(place, ObjectRef)
        self._browser, self._location, self._place, self._other = browser, location, place, other
        self._options, self._submit, self._refused = options, submit, refused
        named = not place.key or place.key.endswith("/")
        self.table = VersionTable(place.key if named else "", named=named)
        self._facts = Static("", markup=False, id="facts")
        self._listing = VersionListing("")
        self._pages = 0
        self._is_unlisted = False
        self._token: Token | None = None
        self._changing: Token | None = None
        self._progress = ChangeProgress(0)
        self._changed = False

    def compose(self) -> ComposeResult:
        """A frame around it all."""
        with Vertical(id="frame") as frame:
            yield self._facts
            yield self.table
        to = self._where_to()
        where = path_tail(display(str(self._place)), _TITLE - width(to))
        frame.border_title = Content.assemble(f"versions of {where}", (to, "not bold"))
        frame.border_subtitle = Content(
            "c copy  R restore  D destroy  i details  Y link  Space mark  Esc back"
        )

    def _where_to(self) -> str:
        """What ``c`` does; made safe."""
        if self._other is None or places.is_bucket_list(self._other.place):
            return ""
        return f" · c copies to {path_tail(display(places.address(self._other)), _TARGET)}"

    def on_mount(self) -> None:
        """Begin to read."""
        self.table.focus()
        self.action_reload()

    def on_unmount(self) -> None:
        """What is still being read is not waited for."""
        for token in (self._token, self._changing):
            if token is not None:
                self._browser.cancel(token)

    # -- the list as it comes ----------------------------------------------------------------------

    def action_reload(self) -> None:
        """Read them again."""
        if self._token is not None:
            self._browser.cancel(self._token)
        self.table.clear()
        self.table.words = "Reading…"
        self._listing, self._pages = VersionListing(""), 0
        self._token = self._browser.versions(self._location)
        self._describe()
        self._poll(self._token)

    def _poll(self, token: Token) -> None:
        if token != self._token or self._is_answered:
            return
        answer = self._browser.answer(token)
        if isinstance(answer.value, VersionListing):
            self._listing = answer.value
            come = self._listing.pages[self._pages :]
            for page in come:
                self.table.add(page)
            self._pages = len(self._listing.pages)
            if come and not answer.done:
                self._describe()
        if answer.done:
            self._browser.cancel(token)
            self._token = None
            problem = answer.problem
            self._is_unlisted = problem is not None and not self.table.rows
            self.table.words = display(str(problem)) if problem else version_text.nothing(self._listing)
            self.table.refresh()
            if problem is not None and self.table.rows:
                self._tell(str(problem), bad=True)
            self._describe()
        else:
            self.set_timer(_POLL, lambda: self._poll(token))

    def _describe(self) -> None:
        reading = self._token is not None
        if not reading and self._is_unlisted:
            self._facts.update("not listed")
            return
        marked = self.table.chosen if self.table.marked else []
        self._facts.update(Content(display(version_text.facts(self._listing, marked, reading=reading))))

    def action_help(self) -> None:
        """The keys that work here."""
        self.app.push_screen(version_keys())

    def on_line_table_opened(self, event: LineTable.Opened) -> None:
        """A double click is Enter."""
        self.action_look()

    # -- looking -----------------------------------------------------------------------------------

    def action_back(self) -> None:
        """Stop what is under way; else take the marks off; else leave."""
        if self._changing is not None:
            self._browser.cancel(self._changing)
        elif self.table.marked:
            self.action_mark_all(False)
        else:
            self.dismiss(self._changed)

    def action_mark(self) -> None:
        """Mark and go down."""
        self.table.toggle_mark()
        self._describe()

    def action_mark_all(self, on: bool) -> None:
        """All or none."""
        self.table.mark_all(on=on)
        self._describe()

    def action_look(self) -> None:
        """All that is known of one version."""
        version = self.table.current
        if version is None:
            return
        location = replace(self._location, place=self._ref(version))
        known = version_text.known(version, str(ObjectRef(self._place.bucket, version.key)))
        name = version.key.removesuffix("/").rpartition("/")[2]
        self.app.push_screen(
            ObjectDetailsScreen(self._browser, location, name, known, ask=not version.is_marker)
        )

    def _ref(self, version: ObjectVersion) -> ObjectRef:
        return ObjectRef(self._place.bucket, version.key, version.version_id)

    @work
    async def action_link(self) -> None:
        """A link to one version, to the clipboard; shown on a key only."""
        version = self.table.current
        if version is None or version.is_marker:
            self._tell("A delete marker has no content to link to")
            return
        seconds = await ask_how_long(self.app, version.key.rpartition("/")[2])
        if seconds is None:
            return
        token = self._browser.presign(replace(self._location, place=self._ref(version)), seconds)
        while not (answer := self._browser.answer(token)).done:
            await asyncio.sleep(_POLL)
        self._browser.cancel(token)
        if answer.problem is not None:
            self._tell(str(answer.problem), bad=True)
            return
        said = f"Copied a link to this version that works for {durations.in_words(seconds)}"
        await self.app.push_screen_wait(CopiedScreen(display(str(answer.value)), said, secret=True))

    # -- copying -----------------------------------------------------------------------------------

    def action_copy(self) -> None:
        """Copy what is chosen to the other pane, each pinned by its version."""
        refused = self._why_not_copied()
        if refused:
            self._tell(refused, bad=True)
            return
        other, connection = self._other, self._location.connection
        assert other is not None and connection is not None
        queued: list[str] = []
        for version, name in file_names(self.table.chosen, self.table.rows):
            request = TransferRequest(
                (self._ref(version),),
                places.child(other.place, name, folder=False),
                connection,
                replace(self._options, move=False),
                other.connection if other.connection not in (None, connection) else None,
            )
            if not self._submit(request):
                break
            queued.append(name)
        if queued:
            chosen = queued[0] if len(queued) == 1 else format.counted(len(queued), "version")
            self._tell(f"Queued {chosen} → {other.place}")
            self.action_mark_all(False)

    def _why_not_copied(self) -> str:
        if not self.table.chosen:
            return "There is no version here to copy"
        if any(version.is_marker for version in self.table.chosen):
            return "A delete marker has no content: R takes it off"
        if any(version.key.endswith("/") for version in self.table.chosen):
            return "A folder marker has no content to copy"
        if self._other is None:
            return "The other pane shows no place yet"
        if places.is_bucket_list(self._other.place):
            return "Open a bucket or a folder in the other pane first"
        return ""

    # -- changes -----------------------------------------------------------------------------------

    @work
    async def action_restore(self) -> None:
        """Make what is chosen the current version again, after asking."""
        chosen = self.table.chosen
        refused = self._refused or version_text.why_not_restored(chosen)
        if refused or self._changing is not None:
            self._tell(refused or "Something is being changed already", bad=True)
            return
        title, lines, danger = version_text.restore_question(chosen, self._listing.versioning)
        question = ConfirmScreen(title, lines, confirm_label="Restore", danger=danger)
        if await self.app.push_screen_wait(question):
            self._follow(self._browser.restore_versions(self._location, chosen), chosen, "Restoring")

    @work
    async def action_destroy(self) -> None:
        """Delete what is chosen for good, after a word was typed."""
        chosen = self.table.chosen
        if self._refused or not chosen or self._changing is not None:
            self._tell(self._refused or "There is nothing here to delete", bad=True)
            return
        title, lines, word = version_text.destroy_question(chosen)
        if await self.app.push_screen_wait(TypedConfirmScreen(title, lines, word)):
            self._follow(self._browser.delete_versions(self._location, chosen), chosen, "Deleting")

    def _follow(self, token: Token, chosen: list[ObjectVersion], doing: str) -> None:
        """Show how far a change is; at its end, how it ended and what is there now."""
        if self._changing is None:
            self._changing, self._progress = token, ChangeProgress(len(chosen))
        answer = self._browser.answer(token)
        if isinstance(answer.value, ChangeProgress):
            self._progress = answer.value
        progress = self._progress
        if not answer.done:
            self._facts.update(f"{display(doing)} {progress.done:,} of {progress.total:,}…  (Esc stops)")
            self.set_timer(_POLL, lambda: self._follow(token, chosen, doing))
            return
        self._changing = None
        self._browser.cancel(token)
        self._changed = self._changed or progress.done > 0
        by_queue = [ref for ref, problem in progress.failed if problem.code == "use-queue"]
        sizes = {self._ref(version): version for version in chosen}
        for ref in by_queue:
            self._restore_by_queue(sizes[ref])
        said, bad = version_text.outcome(progress, answer.problem, doing, len(by_queue))
        self._tell(said, bad=bad)
        self.action_reload()

    def _restore_by_queue(self, version: ObjectVersion) -> None:
        assert self._location.connection is not None
        kept = None if version.storage_class in ("", "STANDARD") else version.storage_class
        options = replace(
            self._options,
            on_conflict=ConflictPolicy.OVERWRITE,
            skip_identical=False,
            move=False,
            storage_class=kept,
        )
        ref = self._ref(version)
        self._submit(
            TransferRequest((ref,), ObjectRef(ref.bucket, ref.key), self._location.connection, options)
        )

    def _tell(self, text: str, *, bad: bool = False) -> None:
        self.notify(
            display(text), severity="error" if bad else "information", timeout=10 if bad else 4, markup=False
        )
