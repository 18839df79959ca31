"""What every dialog has in common: a frame, words that are never markup, and choices with a key each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar

from textual import events, on
from textual.app import ComposeResult
from textual.await_complete import AwaitComplete
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from tui.safe_text import cut, display, pad, width

Result = TypeVar("Result")


def plain(text: str) -> Content:
    """Text from anywhere as something to draw: harmless, and never markup. Line breaks stay.

    >>> plain("[b]x\\x1b").plain
    '[b]x␛'
    """
    return Content("\n".join(display(line) for line in text.split("\n")))


@dataclass(frozen=True, slots=True)
class Choice:
    """One answer to a question."""

    answer: str
    key: str
    """One letter that gives this answer at once."""
    label: str
    explanation: str = ""

    def line(self, label_cells: int, *, brief: bool = False) -> str:
        """The choice as one line; `brief` without the explanation."""
        text = f"{self.key}  {pad(display(self.label), label_cells)}"
        return text.rstrip() if brief else f"{text}  {display(self.explanation)}".rstrip()


class Choices(OptionList):
    """The answers below a question, one a line; the first is the safe one and has the cursor."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "cursor_down", show=False),
        Binding("k", "cursor_up", show=False),
        Binding("tab", "cursor_down", show=False),
        Binding("shift+tab", "cursor_up", show=False),
        Binding("space", "select", show=False),
    ]

    def __init__(self, choices: Sequence[Choice]) -> None:
        self.choices = tuple(choices)
        self._label_cells = max(width(display(choice.label)) for choice in choices)
        self._texts = self._answer_lines(brief=False)
        super().__init__(*(Option(self._prompt(i, False)) for i in range(len(choices))), compact=True)

    def _answer_lines(self, *, brief: bool) -> list[str]:
        return [choice.line(self._label_cells, brief=brief) for choice in self.choices]

    def lines_at(self, cells: int) -> int:
        """Lines they take with their explanations, wrapped to `cells`."""
        return sum(-(-width(text) // max(cells, 1)) for text in self._answer_lines(brief=False))

    def explain(self, on: bool) -> None:
        """Show the explanations, or leave them out for want of room."""
        texts = self._answer_lines(brief=not on)
        if texts != self._texts:
            self._texts = texts
            for index in range(len(texts)):
                self.replace_option_prompt_at_index(index, self._prompt(index, index == self.highlighted))

    def _prompt(self, index: int, here: bool) -> Content:
        # The cursor is a glyph too, for terminals without colours.
        return Content(("▸ " if here else "  ") + self._texts[index])

    def watch_highlighted(self, highlighted: int | None) -> None:
        """Move the glyph along with the colour."""
        for index in range(len(self._texts)):
            self.replace_option_prompt_at_index(index, self._prompt(index, index == highlighted))
        super().watch_highlighted(highlighted)

    def with_key(self, key: str) -> Choice | None:
        """The choice that `key` stands for, if any."""
        return next((choice for choice in self.choices if choice.key == key), None)


class ClosesOnce(ModalScreen[Result], Generic[Result]):
    """A screen over another that keys may close before it is there, and again before it is gone."""

    def __init__(self) -> None:
        super().__init__()
        self._is_answered = False

    @property
    def is_over(self) -> bool:
        """It was answered: what it shows matters no more. False too while it is not there yet."""
        return self._is_answered

    def dismiss(self, result: Result | None = None) -> AwaitComplete:
        """Close with an answer; the first one counts.

        A second key can come before the screen is gone, and Textual would close the one below it. A first one can come
        before the screen stands, and what it does when it does would find nothing of it: then it is closed after that.
        """
        if self._is_answered:
            return AwaitComplete()
        self._is_answered = True
        if self.is_mounted:
            return super().dismiss(result)
        self.call_later(self._close_at_last, result)
        return AwaitComplete()

    def _close_at_last(self, result: Result | None) -> None:
        super().dismiss(result)


class Dialog(ClosesOnce[Result]):
    """A question or a sheet over the main screen. Esc always closes it without doing anything."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "close", "Close", show=False)]

    DEFAULT_CSS = """
    Dialog {
        align: center middle;

        & > #dialog {
            width: 94%;
            max-width: 90;
            height: auto;
            max-height: 92%;
            padding: 0 1;
            background: $surface;
            border: round $border;
            border-title-style: bold;
            border-subtitle-color: $text-muted;
        }
        & > #dialog.-danger { border: round $error; }
        & .words { height: auto; max-height: 13; }
        & .words > Static { height: auto; }
        & .problem { height: auto; color: $text-error; }
        & .long-hint { height: auto; color: $text-muted; display: none; }
        & OptionList > .option-list--option-highlighted {
            color: $block-cursor-foreground;
            background: $block-cursor-background;
            text-style: $block-cursor-text-style;
        }
        & OptionList > .option-list--option-disabled { color: $text-muted; text-style: bold; }
        & SafeInput > .input--placeholder { color: $text-muted; }
        & Choices { height: auto; margin-top: 1; background: $surface; }
    }
    """

    def __init__(self, title: str, *, hint: str = "", danger: bool = False) -> None:
        super().__init__()
        self._title, self._hint, self._danger = title, hint, danger

    def compose(self) -> ComposeResult:
        with Vertical(id="dialog", classes="-danger" if self._danger else "") as frame:
            yield from self.compose_inside()
            yield Static(self._hint, classes="long-hint", markup=False)
        frame.border_title = Content(cut(display(self._title), 72)) if self._title else None

    def on_mount(self) -> None:
        """Fit into the terminal."""
        self.refit()

    def on_resize(self) -> None:
        """Fit into the terminal as it is now."""
        self.refit()

    def refit(self) -> None:
        """What is inside has another height now."""
        cells, lines = min(self.app.size.width * 94 // 100, 90) - 4, self.app.size.height * 92 // 100 - 2
        is_long = width(self._hint) > cells - 4
        self.query_one("#dialog").border_subtitle = (
            Content(self._hint) if self._hint and not is_long else None
        )
        self.query_one(".long-hint").display = is_long
        self.fit(cells, max(lines - (2 if is_long else 0), 3))

    def fit(self, cells: int, lines: int) -> None:
        """Make what is inside no taller than `lines`, at `cells` a line: the frame would cut it."""

    def compose_inside(self) -> ComposeResult:
        """What stands in the frame."""
        raise NotImplementedError

    def nothing(self) -> Result | None:
        """What closing without an answer means to the caller."""
        return None

    def action_close(self) -> None:
        """Close without an answer."""
        self.dismiss(self.nothing())


class ChoiceDialog(Dialog[Result]):
    """A dialog with words and a few answers, each with its letter; Enter takes the one under the cursor."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("pageup", "scroll_words(-1)", show=False, priority=True),
        Binding("pagedown", "scroll_words(1)", show=False, priority=True),
    ]

    def __init__(
        self,
        title: str,
        lines: Iterable[str],
        choices: Sequence[Choice],
        *,
        hint: str = "",
        danger: bool = False,
    ) -> None:
        super().__init__(title, hint=hint, danger=danger)
        self._texts, self._choices = list(lines), tuple(choices)

    def compose_inside(self) -> ComposeResult:
        with VerticalScroll(classes="words", can_focus=False):
            yield Static(plain("\n".join(self._texts)), id="words")
        yield Choices(self._choices)

    def fit(self, cells: int, lines: int) -> None:
        """Where it is too tall, the answers are not explained; then the words scroll, then the answers."""
        choices = self.query_one(Choices)
        needed = choices.lines_at(cells - 4) + 1
        words = sum(-(-width(display(line)) // cells) for text in self._texts for line in text.split("\n"))
        fits = min(words, 13) + needed <= lines
        choices.explain(fits)
        if not fits:
            needed = len(choices.choices) + 1
        words = max(min(13, lines - needed), 3)
        self.query_one(".words").styles.max_height = words
        choices.styles.max_height = max(lines - words - 1, 2)

    def show_lines(self, lines: Iterable[str]) -> None:
        """Put other words above the answers, while a count is still running, say."""
        self._texts = list(lines)
        if self.is_mounted:
            self.query_one("#words", Static).update(plain("\n".join(self._texts)))

    def action_scroll_words(self, pages: int) -> None:
        """Read on where the words are longer than their room."""
        words = self.query_one(".words", VerticalScroll)
        words.scroll_relative(y=pages * words.size.height, animate=False)

    def answered(self, choice: Choice, *, for_all: bool) -> None:
        """The user chose; `for_all` if by the capital letter."""
        raise NotImplementedError

    def on_key(self, event: events.Key) -> None:
        """Answer by letter."""
        letter = event.character or ""
        choice = self.query_one(Choices).with_key(letter.lower())
        if choice is not None:
            event.stop()
            self.answered(choice, for_all=letter.isupper())

    @on(OptionList.OptionSelected)
    def _chosen(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.answered(self._choices[event.option_index], for_all=False)
