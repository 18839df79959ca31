"""Choosing one of many by typing a part of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar, TypeVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from tui.safe_text import cut, display
from tui.screens.dialog import Dialog
from tui.screens.safe_input import SafeInput

MOST_SHOWN = 500
"""Lines in the list at a time; the rest is found by typing."""

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a list to choose from."""

    value: object
    """What choosing it gives; ``None`` makes it a heading."""
    text: str
    """Raw."""
    also: str = ""
    """More text that typing finds it by."""

    def matches(self, words: Sequence[str]) -> bool:
        """Every word is somewhere in it."""
        haystack = f"{self.text} {self.also}".casefold()
        return all(word in haystack for word in words)


class ListScreen(Dialog[Value]):
    """A list with a line above it: typing narrows it, Up and Down move, Enter chooses."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,ctrl+n,tab", "move('cursor_down')", show=False, priority=True),
        Binding("up,ctrl+p,shift+tab", "move('cursor_up')", show=False, priority=True),
        Binding("pagedown", "move('page_down')", show=False, priority=True),
        Binding("pageup", "move('page_up')", show=False, priority=True),
    ]

    DEFAULT_CSS = """
    ListScreen {
        & SafeInput { height: 1; border: none; padding: 0; margin-bottom: 1; }
        & OptionList { height: auto; max-height: 16; background: $surface; }
        & .more { height: auto; color: $text-muted; }
    }
    """

    def __init__(self, title: str, lines: Iterable[Line], *, hint: str = "") -> None:
        super().__init__(title, hint=hint or "Type to find · Enter: choose · Esc: back")
        self._lines = tuple(lines)
        self._shown: list[Line] = []

    def compose_inside(self) -> ComposeResult:
        yield SafeInput(placeholder="type to find", compact=True)
        listed = OptionList(markup=False, compact=True)
        listed.can_focus = False
        yield listed
        yield Static("", classes="more", id="more", markup=False)

    def on_mount(self) -> None:
        """Show everything at first."""
        self._narrow("")

    def fit(self, cells: int, lines: int) -> None:
        """The list scrolls where it is too tall."""
        self.query_one(OptionList).styles.max_height = max(min(16, lines - 3), 2)

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        self._narrow(event.value)

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        event.stop()
        self._choose(self.query_one(OptionList).highlighted)

    @on(OptionList.OptionSelected)
    def _clicked(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self._choose(event.option_index)

    @property
    def chosen(self) -> object:
        """The value under the cursor; ``None`` if there is none."""
        index = self.query_one(OptionList).highlighted
        return self._shown[index].value if index is not None else None

    def _choose(self, index: int | None) -> None:
        if index is None:
            return
        value = self._shown[index].value
        if value is not None:
            self.dismiss(value)  # type: ignore[arg-type]

    def _narrow(self, typed: str) -> None:
        words = typed.casefold().split()
        found = [line for line in self._lines if line.value is not None and line.matches(words)]
        if not words:
            found = list(self._lines)
        self._shown = found[:MOST_SHOWN]
        listed = self.query_one(OptionList)
        cells = max(self.app.size.width * 94 // 100 - 6, 20)
        lines = ((Content(cut(display(line.text), cells)), line.value is None) for line in self._shown)
        listed.set_options(Option(text, disabled=heading) for text, heading in lines)
        listed.action_first()
        hidden = len(found) - len(self._shown)
        remark = f"and {hidden:,} more; type to find" if hidden else "" if found else "nothing matches"
        more = self.query_one("#more", Static)
        more.update(remark)
        more.display = bool(remark)

    async def action_move(self, action: str) -> None:
        """Move the cursor of the list while typing goes on in the line."""
        await self.app.run_action(action, default_namespace=self.query_one(OptionList))


class ChooserScreen(ListScreen[str]):
    """Asks for one of `options`, pairs of id and label; the result is the id, or ``None`` after Esc."""

    def __init__(self, title: str, options: Iterable[tuple[str, str]]) -> None:
        super().__init__(title, (Line(id, label) for id, label in options))
