"""One line of text to type: a path, a name, a pattern, a rate limit; with completion where there is any."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from tui.safe_text import display, path_tail
from tui.screens.dialog import Dialog, plain
from tui.screens.safe_input import SafeInput

Poll = Callable[[], Sequence[str] | None]
"""Returns the completions, whole lines, or ``None`` while they are still being looked for."""

Completer = Callable[[str], Poll]
"""Begins to look for completions of a line, at once; what it returns is polled."""

MOST_SHOWN = 8
"""Completions on the screen; more are counted."""

_POLL_EVERY = 0.1


class PromptScreen(Dialog[str]):
    """Asks for a line of text. The result is the line as typed, or ``None`` after Esc.

    With a completer, Tab completes as far as all completions agree, Up and Down choose one, and Enter
    takes the chosen one into the line; Enter with none chosen ends.

    Args:
        value: What stands in the line at first, raw; it is selected, so that typing replaces it.
        check: Says what is wrong with a line, or "" if nothing is; it stays open until then.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,ctrl+n", "choose(1)", show=False, priority=True),
        Binding("up,ctrl+p", "choose(-1)", show=False, priority=True),
        Binding("tab", "complete", show=False, priority=True),
        Binding("shift+tab", "choose(-1)", show=False, priority=True),
    ]

    DEFAULT_CSS = """
    PromptScreen {
        & SafeInput { height: 1; border: none; padding: 0; }
        & OptionList { height: auto; max-height: 8; margin-top: 1; display: none; }
        & OptionList.-shown { display: block; }
        & .more { height: auto; color: $text-muted; }
    }
    """

    def __init__(
        self,
        title: str,
        *,
        value: str = "",
        placeholder: str = "",
        completer: Completer | None = None,
        check: Callable[[str], str] | None = None,
    ) -> None:
        hint = "Tab: complete · Enter: go · Esc: back" if completer else "Enter: take it · Esc: back"
        super().__init__(title, hint=hint)
        self._value, self._placeholder = value, display(placeholder)
        self._completer, self._check = completer, check
        self._found: tuple[str, ...] = ()
        self._chosen: int | None = None
        self._poll: Poll | None = None

    def compose_inside(self) -> ComposeResult:
        yield SafeInput(self._value, placeholder=self._placeholder, compact=True)
        completions = OptionList(markup=False, compact=True)
        completions.can_focus = False
        yield completions
        yield Static("", classes="more", id="more", markup=False)
        yield Static("", classes="problem", id="problem", markup=False)

    def on_mount(self) -> None:
        """Watch for completions."""
        self.query_one("#more").display = self._completer is not None
        self.query_one("#problem").display = False
        if self._completer:
            self.set_interval(_POLL_EVERY, self._look)

    @property
    def line(self) -> str:
        """What stands in the line."""
        return self.query_one(SafeInput).value

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        self.query_one("#problem").display = False
        if self._completer:
            self._chosen = None
            self._poll = self._completer(event.value)
            self._look()

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        event.stop()
        if self._chosen is not None:
            self._take(self._found[self._chosen])
            return
        complaint = self._check(self.line) if self._check else ""
        if complaint:
            problem = self.query_one("#problem", Static)
            problem.update(plain(complaint))
            problem.display = True
            return
        self.dismiss(self.line)

    def _look(self) -> None:
        """Take the completions if they have come."""
        found = self._poll() if self._poll else None
        if found is None:
            return
        self._poll = None
        self._found, self._chosen = tuple(found), None
        self._show()

    def _show(self) -> None:
        completions = self.query_one(OptionList)
        cells = max(completions.container_size.width, 40) - 4
        shown = self._found[:MOST_SHOWN]
        completions.set_options(Option(Content(path_tail(display(line), cells))) for line in shown)
        completions.set_class(bool(shown), "-shown")
        more = len(self._found) - len(shown)
        self.query_one("#more", Static).update(f"and {more:,} more; type on" if more else "")

    def action_choose(self, by: int) -> None:
        """Put the cursor on the next or previous completion; past the ends is the line itself."""
        count = min(len(self._found), MOST_SHOWN)
        if not count:
            return
        place = -1 if self._chosen is None else self._chosen
        place = (place + 1 + by) % (count + 1) - 1
        self._chosen = None if place < 0 else place
        self.query_one(OptionList).highlighted = self._chosen

    def action_complete(self) -> None:
        """Complete as far as is sure."""
        if self._chosen is not None:
            self._take(self._found[self._chosen])
        elif self._found:
            common = _common_beginning(self._found)
            if len(self._found) == 1 or len(common) > len(self.line):
                self._take(common)
            else:
                self.action_choose(1)

    def _take(self, line: str) -> None:
        field = self.query_one(SafeInput)
        field.value = line
        field.cursor_position = len(line)


def _common_beginning(lines: Sequence[str]) -> str:
    """The longest text that all `lines` begin with."""
    first, last = min(lines), max(lines)
    length = next((i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first))
    return first[:length]
