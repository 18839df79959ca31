"""The line under a list in which a filter is typed."""

from __future__ import annotations

from textual import events
from textual.message import Message
from textual.widgets import Input


class FilterLine(Input):
    """Hidden until opened; says each change of its text, and when the user leaves it."""

    class Typed(Message):
        """The text is another one now."""

        def __init__(self, text: str) -> None:
            self.text = text
            super().__init__()

    class Left(Message):
        """The user is done with it."""

        def __init__(self, *, keep: bool) -> None:
            self.keep = keep
            """False: Esc, show everything again."""
            super().__init__()

    class Stepped(Message):
        """An arrow key: move the list's cursor, stay in the line."""

        def __init__(self, action: str) -> None:
            self.action = action
            super().__init__()

    def __init__(self, placeholder: str = "text, or a pattern like *.tar") -> None:
        super().__init__(placeholder=placeholder, compact=True, select_on_focus=False)
        self.display = False

    @property
    def is_open(self) -> bool:
        """It can be seen."""
        return bool(self.display)

    def open(self) -> None:
        """Show it and take the keys."""
        self.display = True
        self.focus()
        self.cursor_position = len(self.value)

    def close(self) -> None:
        """Hide it and forget the text."""
        self.display = False
        with self.prevent(Input.Changed):
            self.value = ""

    def on_input_changed(self, event: Input.Changed) -> None:
        """Pass the text on."""
        event.stop()
        self.post_message(self.Typed(event.value))

    def on_key(self, event: events.Key) -> None:
        """Keys that leave the line, and those that move the list under it."""
        if event.key in ("escape", "enter", "tab"):
            event.stop()
            event.prevent_default()
            self.post_message(self.Left(keep=event.key != "escape"))
        elif event.key in ("up", "down", "pageup", "pagedown"):
            event.stop()
            event.prevent_default()
            moves = {"up": "cursor_up", "down": "cursor_down", "pageup": "page_up", "pagedown": "page_down"}
            self.post_message(self.Stepped(moves[event.key]))
