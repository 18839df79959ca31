"""The line under a list in which a filter is typed."""

from __future__ import annotations

from collections.abc import Callable

from textual import events
from textual.containers import Horizontal
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input, Static

_LEAVING = ("escape", "enter", "tab")


class FilterLine(Input):
    """Hidden until opened; says each change of its text, and when the user leaves it.

    Args:
        below: The list, which gets the keys afterwards.
        apply: Filters the list by a text.
    """

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

    def __init__(
        self,
        below: Widget,
        apply: Callable[[str], None],
        placeholder: str = "text, or a pattern like *.tar",
    ) -> None:
        super().__init__(placeholder=placeholder, compact=True, select_on_focus=False)
        self._below, self._apply = below, apply
        self.cursor_blink = False  # a blinking cursor is traffic, and wakes a sleeping line

    @property
    def is_open(self) -> bool:
        """It can be seen."""
        return isinstance(self.parent, FilterBar) and self.parent.has_class("-open")

    @property
    def is_focused_now(self) -> bool:
        """It gets the keys; unlike `has_focus`, true from the moment the focus is set."""
        return self.is_attached and self.screen.focused is self

    def type_late(self, event: events.Key) -> None:
        """Take a key that was typed right after the one that opened the line."""
        if event.character is not None and event.is_printable:
            event.stop()
            event.prevent_default()
            self.insert_text_at_cursor(event.character)
        elif event.key in _LEAVING:
            self._leave(event)

    def open(self) -> None:
        """Show it and take the keys."""
        self._show(True)
        self.screen.set_focus(self)
        self.cursor_position = len(self.value)

    def close(self) -> None:
        """Hide it and forget the text."""
        self._show(False)
        with self.prevent(Input.Changed):
            self.value = ""

    def on_input_changed(self, event: Input.Changed) -> None:
        """Pass the text on."""
        event.stop()
        self.post_message(self.Typed(event.value))

    def on_key(self, event: events.Key) -> None:
        """Keys that leave the line, and those that move the list under it."""
        if not self.is_focused_now:
            # Typed after the key that left the line, before the focus was seen to be elsewhere.
            event.prevent_default()
        elif event.key in _LEAVING:
            self._leave(event)
        elif event.key in ("up", "down", "pageup", "pagedown"):
            event.stop()
            event.prevent_default()
            moves = {"up": "cursor_up", "down": "cursor_down", "pageup": "page_up", "pagedown": "page_down"}
            self.post_message(self.Stepped(moves[event.key]))

    def _leave(self, event: events.Key) -> None:
        event.stop()
        event.prevent_default()
        self.screen.set_focus(self._below)
        if event.key != "escape":
            self._apply(self.value)  # At once: the next key must not act on a row of before.
        self.post_message(self.Left(keep=event.key != "escape"))

    def _show(self, on: bool) -> None:
        if isinstance(self.parent, FilterBar):
            self.parent.set_class(on, "-open")


class FilterBar(Horizontal):
    """The line with the slash that opened it in front."""

    def __init__(self, line: FilterLine) -> None:
        super().__init__(Static("/", markup=False), line)
