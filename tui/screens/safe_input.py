"""An input line that may hold any file name, and shows none of its control characters to the terminal."""

from __future__ import annotations

from rich.cells import cell_len
from rich.text import Text
from textual.widgets import Input

from tui.safe_text import display

_STAND_IN = "�"


def stand_ins(text: str) -> str:
    """`text` with every dangerous character replaced by exactly one that is not.

    One for one, because the cursor counts characters.

    >>> stand_ins("a\\x1b[2J"), stand_ins("\\udcff"), stand_ins("漢")
    ('a␛[2J', '�', '漢')
    """
    if display(text) == text:
        return text
    shown = (display(char) for char in text)
    return "".join(one if len(one) == 1 else _STAND_IN for one in shown)


class SafeInput(Input):
    """An `Input` whose value stays raw while what is drawn is harmless."""

    @property
    def _value(self) -> Text:
        return Text(stand_ins(self.value), no_wrap=True, overflow="ignore", end="")

    def _position_to_cell(self, position: int) -> int:
        return cell_len(stand_ins(self.value[:position]))
