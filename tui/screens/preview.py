"""A look into one file or object, piece by piece; nothing is downloaded and nothing executed."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from engine import Location, Preview, Token
from tui import format
from tui.ports import BrowserPort
from tui.safe_text import display, path_tail
from tui.screens.dialog import ClosesOnce
from tui.screens.key_sheets import viewer_keys
from tui.widgets.preview_view import PreviewView

PIECE = 64 * 1024
"""Bytes that "back" goes back; what comes is never more."""
_POLL = 0.03


class PreviewScreen(ClosesOnce[None]):
    """Shows a piece at a time, as text, as hexadecimal numbers or as rows. Esc closes it at any moment."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("question_mark,f1", "help", show=False),
        Binding("escape,q,p,backspace", "close", show=False),
        Binding("tab,x,t", "next_view", show=False),
        Binding("space", "page", show=False),
        Binding("n", "piece(1)", show=False),
        Binding("b", "piece(-1)", show=False),
        Binding("e", "last_piece", show=False),
        Binding("left,h", "columns(-1)", show=False),
        Binding("right,l", "columns(1)", show=False),
    ]
    CSS_PATH = "preview.tcss"

    def __init__(self, browser: BrowserPort, location: Location, name: str) -> None:
        super().__init__()
        self._browser, self._location, self._what = browser, location, name
        self._view = PreviewView()
        self._facts = Static("", markup=False, id="facts")
        self._token: Token | None = None
        self._found: Preview | None = None

    def compose(self) -> ComposeResult:
        """A frame around it all."""
        with Vertical(id="frame") as frame:
            yield self._facts
            yield self._view
        frame.border_title = Content(path_tail(display(self._what), 60))

    def on_mount(self) -> None:
        """Ask for the first piece."""
        self._view.focus()
        self._ask(0)

    def on_unmount(self) -> None:
        """Whatever is still on its way is not waited for."""
        if self._token is not None:
            self._browser.cancel(self._token)

    # -- asking ------------------------------------------------------------------------------------

    def _ask(self, offset: int) -> None:
        if self._token is not None:
            self._browser.cancel(self._token)
        etag = self._found.etag if self._found is not None else ""
        self._token = self._browser.preview(self._location, offset, etag)
        if self._found is None:
            self._view.say("Reading…")
        self._poll()

    def _poll(self) -> None:
        if self._token is None or self._is_answered:
            return
        answer = self._browser.answer(self._token)
        if not answer.done:
            self.set_timer(_POLL, self._poll)
            return
        self._browser.cancel(self._token)
        self._token = None
        if isinstance(answer.value, Preview):
            self._found = answer.value
            self._view.show(self._what, answer.value)
        elif answer.problem is not None:
            self._found = None
            self._view.say(display(str(answer.problem)))
        self._describe()

    def _describe(self) -> None:
        frame = self.query_one("#frame")
        found = self._found
        self._facts.update(Content(facts_of(found, self._view.view) if found is not None else ""))
        hints = []
        if found is not None:
            others = [view for view in self._view.views if view != self._view.view]
            hints += [f"Tab: {' · '.join(others)}"] if others else []
            hints += ["h l: columns"] if self._view.view == "rows" else []
            hints += ["n b: next, back", "e: end"] if not found.gzip and found.size > found.fetched else []
        frame.border_subtitle = Content("  ".join([*hints, "Esc: back"]))

    # -- keys --------------------------------------------------------------------------------------

    def action_help(self) -> None:
        """The keys that work here."""
        self.app.push_screen(viewer_keys())

    def action_close(self) -> None:
        """Back."""
        self.dismiss()

    def action_next_view(self) -> None:
        """Text, numbers, rows."""
        self._view.next_view()
        self._describe()

    def action_page(self) -> None:
        """One page on."""
        self._view.action_page_down()

    def action_columns(self, by: int) -> None:
        """Columns further right or left."""
        self._view.move_columns(by)

    def action_piece(self, by: int) -> None:
        """The piece after this one, or before it."""
        found = self._found
        if found is None or self._token is not None or found.gzip:
            return
        if by > 0 and found.offset + found.fetched < found.size:
            self._ask(found.offset + found.fetched)
        elif by < 0 and found.offset:
            self._ask(max(found.offset - PIECE, 0))

    def action_last_piece(self) -> None:
        """The end of it, where a log is the most interesting."""
        found = self._found
        if found is not None and self._token is None and not found.gzip and not found.is_whole:
            self._ask(-1)


def facts_of(found: Preview, view: str) -> str:
    """What is seen, and what it cost, in one line; without anything from outside.

    >>> facts_of(Preview(b"ab", 0, 2, 2), "text")
    'text · all of it: 2 bytes'
    >>> facts_of(Preview(b"x" * 65536, 65536, 65536, 2**30), "hex")
    'hex · 64 KiB from byte 65,536 of 1 GiB; no more than 64 KiB is fetched at a time'
    """
    got = format.size_long(found.fetched)
    if found.gzip:
        out = format.size_long(len(found.data))
        if found.damaged:
            return f"{view} · unpacked {out}, then the gzip data is damaged"
        if found.is_whole:
            return f"{view} · all of it: {out}, unpacked from {got} of gzip"
        return f"{view} · the first {out}, unpacked; {got} of {format.size_long(found.size)} fetched"
    if found.is_whole:
        return f"{view} · all of it: {got}"
    where = f"from byte {found.offset:,} of" if found.offset else "of"
    return f"{view} · {got} {where} {format.size_long(found.size)}; no more than 64 KiB is fetched at a time"
