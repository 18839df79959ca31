"""Choosing one of many by typing a part of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, TypeVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from tui.safe_text import cut, display, width, wrap
from tui.screens.dialog import Dialog, plain
from tui.screens.safe_input import SafeInput

MOST_SHOWN = 500
"""Lines in the list at a time; the rest is found by typing."""

_ROOMY = 60
"""Cells from which on two lines are enough for what is said about one."""

_LEAST_WRAPPED = 20
"""Cells below which wrapped words are harder to read than cut ones."""

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
    indent: int = -1
    """Cells before what is wrapped into further lines; -1 cuts instead."""
    when_typed: bool = False
    """It is shown only where something is typed to find it; for a heading, all below it."""

    def matches(self, words: Sequence[str]) -> bool:
        """Every word is somewhere in it."""
        haystack = f"{self.text} {self.also}".casefold()
        return all(word in haystack for word in words)

    def drawn(self, cells: int) -> str:
        """Made safe, wrapped or cut to `cells`."""
        text = display(self.text)
        if self.indent < 0 or width(text) <= cells or cells - self.indent < _LEAST_WRAPPED:
            return cut(text, cells)
        head, rest = text[: self.indent], text[self.indent :]
        return ("\n" + " " * self.indent).join(wrap(rest, cells - self.indent)).join((head, ""))


class ListScreen(Dialog[Value]):
    """A list with a line above it: typing narrows it, Up and Down move, Enter chooses."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,ctrl+n,tab", "move('cursor_down')", show=False, priority=True),
        Binding("up,ctrl+p,shift+tab", "move('cursor_up')", show=False, priority=True),
        Binding("pagedown", "move('page_down')", show=False, priority=True),
        Binding("pageup", "move('page_up')", show=False, priority=True),
        Binding("home", "move('first')", show=False, priority=True),
        Binding("end", "move('last')", show=False, priority=True),
    ]

    DEFAULT_CSS = """
    ListScreen {
        & SafeInput { height: 1; border: none; padding: 0; margin-bottom: 1; }
        & OptionList { height: auto; max-height: 16; background: $surface; }
        & .more { height: auto; color: $text-muted; }
        & .about { height: auto; min-height: 2; max-height: 3; color: $text-muted; display: none; }
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
        yield Static("", classes="about", id="about", markup=False)

    def on_mount(self) -> None:
        """Show everything at first."""
        self._narrow("")

    def about(self, value: object) -> str:
        """What to say below the list about the line under the cursor, raw; by default nothing."""
        return ""

    def fit(self, cells: int, lines: int) -> None:
        """The list scrolls where it is too tall."""
        about = 0 if not self.query_one("#about").display else 3 if cells < _ROOMY else 2
        others = 3 + about
        self.query_one(OptionList).styles.max_height = max(min(16, lines - others), 2)

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        self._narrow(event.value)

    @on(OptionList.OptionHighlighted)
    def _highlighted(self) -> None:
        said = self.about(self.chosen)
        about = self.query_one("#about", Static)
        about.update(plain(said))
        if said and not about.display:
            about.display = True
            self.refit()

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
        found = list(_matching(self._lines, typed.casefold().split()))
        self._shown = found[:MOST_SHOWN]
        listed = self.query_one(OptionList)
        cells = max(min(self.app.size.width * 94 // 100, 90) - 6, 20)
        lines = ((Content(line.drawn(cells)), line.value is None) for line in self._shown)
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


def _matching(lines: Iterable[Line], words: Sequence[str]) -> Iterator[Line]:
    """The lines that have every word, under their headings; a heading with none is left out, unless all is shown."""
    heading: Line | None = None
    for line in lines:
        if line.when_typed and not words:
            continue
        if line.value is None:
            if words:
                heading = line
            else:
                yield line
        elif line.matches(words):
            if heading is not None:
                yield heading
                heading = None
            yield line


class ChooserScreen(ListScreen[str]):
    """Asks for one of `options`, pairs of id and label; the result is the id, or ``None`` after Esc."""

    def __init__(self, title: str, options: Iterable[tuple[str, str]]) -> None:
        super().__init__(title, (Line(id, label) for id, label in options))
