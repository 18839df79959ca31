"""A few lines to fill in, checked when they are saved, tried out before that if there is anything to try."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.widgets import Input, Static

from tui.safe_text import display
from tui.screens.dialog import Dialog, plain
from tui.screens.safe_input import SafeInput

Values = Mapping[str, str]
Ask = Callable[[Values], Awaitable[str]]
"""Takes what is filled in and says something about it, raw."""


@dataclass(frozen=True, slots=True)
class Field:
    """One line of a form."""

    key: str
    label: str
    value: str = ""
    hint: str = ""
    """What stands in the empty line."""


class FormScreen(Dialog[Values]):
    """Asks for several lines at once. The result is what was saved, or ``None`` after Esc.

    Args:
        save: Saves what is filled in; says what is wrong with it, or "" when it is done and the form can go.
        test: Tries out what is filled in and says what came of it.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,tab", "step(1)", show=False, priority=True),
        Binding("up,shift+tab", "step(-1)", show=False, priority=True),
        Binding("ctrl+t", "test", show=False, priority=True),
    ]

    DEFAULT_CSS = """
    FormScreen {
        & #fields { height: auto; }
        & #fields > Horizontal { height: 1; }
        & #fields .label { width: 15; }
        & SafeInput { width: 1fr; height: 1; border: none; padding: 0; }
        & .said { height: auto; margin-top: 1; max-height: 4; display: none; }
    }
    """

    def __init__(self, title: str, fields: Sequence[Field], *, save: Ask, test: Ask | None = None) -> None:
        tries = " · Ctrl+T: test" if test else ""
        super().__init__(title, hint=f"↑ ↓: move · Enter: save{tries} · Esc: back")
        self._fields, self._save, self._test = tuple(fields), save, test

    def compose_inside(self) -> ComposeResult:
        with VerticalScroll(id="fields", can_focus=False):
            for field in self._fields:
                line = SafeInput(field.value, placeholder=display(field.hint), compact=True)
                line.select_on_focus = False
                yield Horizontal(Static(field.label, classes="label", markup=False), line)
        yield Static("", classes="said", markup=False)

    def fit(self, cells: int, lines: int) -> None:
        """The lines scroll where there are too many."""
        said = self.query_one(".said")
        self.query_one("#fields").styles.max_height = max(lines - (4 if said.display else 0), 3)

    @property
    def values(self) -> Values:
        """What is filled in, without blanks around it."""
        lines = self.query(SafeInput)
        return {field.key: line.value.strip() for field, line in zip(self._fields, lines, strict=True)}

    def action_step(self, by: int) -> None:
        """To the next line, or the one before, at once: keys typed in the same breath are meant for it."""
        lines = list(self.query(SafeInput))
        here = next((at for at, line in enumerate(lines) if line is self.focused), 0)
        self.set_focus(lines[(here + by) % len(lines)])

    def say(self, text: str, *, bad: bool = False) -> None:
        """Show something below the lines; raw."""
        said = self.query_one(".said", Static)
        said.update(plain(text))
        said.set_class(bad, "problem")
        said.display = bool(text)
        self.refit()

    @on(Input.Changed)
    def _typed(self) -> None:
        if self.query_one(".said").display and self.is_mounted:
            self.say("")

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        event.stop()
        self._save_it()

    @work(exclusive=True)
    async def _save_it(self) -> None:
        values = self.values
        wrong = await self._save(values)
        if wrong:
            self.say(wrong, bad=True)
        else:
            self.dismiss(values)

    def action_test(self) -> None:
        """Try it out."""
        if self._test is not None:
            self._try_it(self._test)

    @work(exclusive=True)
    async def _try_it(self, test: Ask) -> None:
        self.say("Asking…")
        self.say(await test(self.values))
