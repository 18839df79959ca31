"""What was given to the clipboard, to be read where no clipboard took it."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from tui.safe_text import cut, width
from tui.screens.dialog import Dialog, plain

_HINT = "c: copy again · Shift+drag selects · Esc: back"


class CopiedScreen(Dialog[None]):
    """Copies a text when it opens, by OSC 52, to which no terminal answers; shows it from edge to edge, so that it can
    be selected with nothing between its lines.

    Args:
        text: What is copied, made safe.
        said: What it is, raw.
        secret: Whoever reads it may use it: it is shown on a key only.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,q", "close", show=False),
        Binding("c", "copy", show=False),
        Binding("s", "show", show=False),
    ]

    DEFAULT_CSS = """
    CopiedScreen {
        & > #dialog { width: 100%; max-width: 100%; padding: 0; border: none; border-top: solid $border; border-bottom: solid $border; }
        & .copied { height: auto; max-height: 16; }
        & .copied > Static { height: auto; }
        & #text { margin-top: 1; }
    }
    """

    def __init__(self, text: str, said: str, *, secret: bool = False) -> None:
        super().__init__("Copied", hint=f"s: show it here · {_HINT}" if secret else _HINT)
        self._text, self._said = text, said
        self._is_hidden = secret

    def compose_inside(self) -> ComposeResult:
        with VerticalScroll(classes="copied", can_focus=False):
            yield Static(plain(self._said))
            yield Static("", markup=False, id="text")

    def on_mount(self) -> None:
        """Copy it, and show it."""
        super().on_mount()
        self.action_copy()

    def fit(self, cells: int, lines: int) -> None:
        """Wrap it at the very edge."""
        self.query_one(".copied").styles.max_height = lines
        said = "If nothing was copied, this terminal takes no clipboard (in tmux: set -g set-clipboard on)."
        shown = said if self._is_hidden else "\n".join(chopped(self._text, self.app.size.width))
        self.query_one("#text", Static).update(Content(shown))

    def action_copy(self) -> None:
        """Once more."""
        self.app.copy_to_clipboard(self._text)

    def action_show(self) -> None:
        """Show what is secret."""
        self._is_hidden = False
        self.refit()


def chopped(text: str, cells: int) -> list[str]:
    """The text in lines of `cells`, broken anywhere, with nothing added.

    >>> chopped("abcdefgh", 3)
    ['abc', 'def', 'gh']
    """
    lines = []
    while width(text) > cells:
        head = cut(text, cells + 1)[:-1]
        lines.append(head)
        text = text[len(head) :]
    return [*lines, text]
