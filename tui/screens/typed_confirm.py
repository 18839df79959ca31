"""A question that a single key must not answer: a word, a number or a name is typed to go ahead."""

from __future__ import annotations

from collections.abc import Iterable

from textual import on
from textual.app import ComposeResult
from textual.widgets import Input, Static

from tui.safe_text import display
from tui.screens.dialog import Dialog, plain
from tui.screens.safe_input import SafeInput


class TypedConfirmScreen(Dialog[bool]):
    """Asks before something that nobody can take back.

    Args:
        body_lines: What will happen, to what and how much, raw.
        expected: What must be typed, raw.
    """

    DEFAULT_CSS = """
    TypedConfirmScreen {
        & SafeInput { height: 1; border: none; padding: 0; margin-top: 1; }
        & .ask { height: auto; margin-top: 1; text-style: bold; }
    }
    """

    def __init__(self, title: str, body_lines: Iterable[str], expected: str) -> None:
        super().__init__(title, hint="Enter: go ahead · Esc: change nothing", danger=True)
        self._texts, self._expected = list(body_lines), expected

    def compose_inside(self) -> ComposeResult:
        yield Static(plain("\n".join(self._texts)), id="words")
        yield Static(plain(f"Type {self._expected} to go ahead:"), classes="ask")
        yield SafeInput(compact=True)
        yield Static("", classes="problem", id="problem", markup=False)

    def on_mount(self) -> None:
        """Nothing is wrong yet."""
        self.query_one("#problem").display = False

    def nothing(self) -> bool:
        return False

    @on(Input.Changed)
    def _typed(self) -> None:
        self.query_one("#problem").display = False

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        event.stop()
        if event.value.strip() == self._expected:
            self.dismiss(True)
            return
        problem = self.query_one("#problem", Static)
        problem.update(f"That is not {display(self._expected)}. Nothing was changed; Esc leaves.")
        problem.display = True
