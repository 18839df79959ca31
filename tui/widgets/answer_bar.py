"""The answers to what an item asks, in the line below the queue: one letter gives one, and the queue stays in sight."""

from __future__ import annotations

from collections.abc import Sequence

from textual import events
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from engine import TransferId, TransferSnapshot
from tui.safe_text import cut, display, middle, width
from tui.widgets.transfer_rows import name_of

_LEAST_NAME = 12

Answers = Sequence[tuple[str, str]]
"""Letters and the answers they give, the safest first."""


class AnswerBar(Static, can_focus=True):
    """Hidden until something is to be answered; every key it does not know is swallowed."""

    DEFAULT_CSS = """
    AnswerBar {
        display: none;
        height: 1;
        padding: 0 1;
        background: $warning 20%;
        color: $foreground;
        &:ansi { background: ansi_default; color: ansi_yellow; text-style: bold; }
    }
    """

    class Answered(Message):
        """A letter was pressed, or Esc (no answer), or Enter (`wants_more`: both sides are to be seen)."""

        def __init__(
            self, id: TransferId, answer: str | None, *, for_all: bool = False, wants_more: bool = False
        ) -> None:
            self.id, self.answer, self.for_all, self.wants_more = id, answer, for_all, wants_more
            super().__init__()

    def __init__(self) -> None:
        super().__init__("", markup=False, id="answers")
        self._row: TransferSnapshot | None = None
        self._answers: Answers = ()

    def ask(self, row: TransferSnapshot, answers: Answers) -> None:
        """Offer these for an item."""
        self._row, self._answers = row, tuple(answers)
        self.display = True
        self.update(Content(bar_words(name_of(row), self._answers, max(self.screen.size.width - 6, 20))))

    def close(self) -> None:
        """Nothing is asked any more."""
        self._row = None
        self.display = False

    def on_blur(self) -> None:
        """Whoever goes elsewhere decides later."""
        self.close()

    @property
    def row(self) -> TransferSnapshot | None:
        """What is asked about."""
        return self._row

    def on_key(self, event: events.Key) -> None:
        """A letter answers, a capital one for the whole operation; Esc is for later."""
        event.stop()
        event.prevent_default()
        row, letter = self._row, event.character or ""
        if row is None:
            return
        if event.key == "enter":
            self.post_message(self.Answered(row.id, None, wants_more=True))
        elif event.key in ("escape", "tab"):
            self.post_message(self.Answered(row.id, None))
        else:
            answer = dict(self._answers).get(letter.lower())
            if answer is None:
                return
            self.post_message(self.Answered(row.id, answer, for_all=letter.isupper()))
        self._row = None  # The first key counts, however fast the next one comes.


def bar_words(name: str, answers: Answers, cells: int) -> str:
    """The line; where there is little room, the name gives way.

    >>> bar_words("a.txt", [("s", "skip")], 60)
    'a.txt: s skip'
    """
    line = " · ".join(f"{letter} {answer}" for letter, answer in answers)
    room = cells - width(line) - 2
    if room < min(_LEAST_NAME, width(display(name))):
        return cut(line, cells)
    return f"{middle(display(name), room)}: {line}"
