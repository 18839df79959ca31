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
from tui.looking.picture import MOST_BYTES
from tui.ports import BrowserPort
from tui.safe_text import display, path_tail
from tui.screens.dialog import ClosesOnce
from tui.screens.key_sheets import viewer_keys
from tui.widgets.preview_view import PreviewView

PIECE = 64 * 1024
"""Bytes that "back" goes back; what comes is never more."""
_POLL = 0.03


class PreviewScreen(ClosesOnce[None]):
    """Shows a piece at a time, as text, as hexadecimal numbers, as rows or as a picture. Esc closes it at any moment."""

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
        self._image_token: Token | None = None

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
        for token in (self._token, self._image_token):
            if token is not None:
                self._browser.cancel(token)

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
            is_first, self._found = self._found is None, answer.value
            self._view.show(self._what, answer.value)
            if is_first and self._view.is_image:
                self._look_at_image(answer.value)
        elif answer.problem is not None:
            self._found = None
            self._view.say(display(str(answer.problem)))
        self._describe()

    def _look_at_image(self, found: Preview) -> None:
        """Draw it, if that is possible and does not cost too much."""
        view = self._view
        if not view.draws_pictures:
            view.describe(found.data, found.size)
        elif found.is_whole:
            view.draw(found.data)
        elif found.size > MOST_BYTES:
            view.do_not_draw(
                f"this {view.image_format} image is above {format.size_long(MOST_BYTES)}: not fetched to be drawn"
            )
        else:
            view.image_words = f"Fetching {format.size_long(found.size)} to draw it… Tab: the first bytes."
            self._image_token = self._browser.preview(self._location, 0, found.etag, MOST_BYTES)
            self._poll_image()

    def _poll_image(self) -> None:
        if self._image_token is None or self._is_answered:
            return
        answer = self._browser.answer(self._image_token)
        if not answer.done:
            self.set_timer(_POLL, self._poll_image)
            return
        self._browser.cancel(self._image_token)
        self._image_token = None
        if isinstance(answer.value, Preview) and answer.value.is_whole:
            self._view.draw(answer.value.data)
        else:
            why = display(str(answer.problem)) if answer.problem is not None else "it has changed"
            self._view.do_not_draw(f"this image could not be fetched: {why}")

    def on_picture_view_image_changed(self) -> None:
        """Its facts are known, or its bytes are shown instead."""
        self._view.choose()
        self._describe()

    def _describe(self) -> None:
        frame = self.query_one("#frame")
        found = self._found
        self._facts.update(Content(self._facts_line(found) if found is not None else ""))
        hints = []
        if found is not None:
            others = [view for view in self._view.views if view != self._view.view]
            hints += [f"Tab: {' · '.join(others)}"] if others else []
            hints += ["h l: columns"] if self._view.view == "rows" else []
            has_more = not found.gzip and found.size > found.fetched and self._view.view != "image"
            hints += ["n b: next, back", "e: end"] if has_more else []
        frame.border_subtitle = Content("  ".join([*hints, "Esc: back"]))

    def _facts_line(self, found: Preview) -> str:
        view = self._view
        if view.view == "image":
            what = str(view.picture) if view.picture is not None else view.image_format
            return f"image · {what} · {format.size_long(found.size)}"
        remark = f"{view.image_remark} · " if view.image_remark else ""
        return f"{remark}{facts_of(found, view.view)}"

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
