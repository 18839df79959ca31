"""The line that names what the screen does not show now, and the key that shows it."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content
from textual.widgets import Static


class ElsewhereLine(Static):
    """Hidden while everything is shown. A click on it shows the other pane, or everything."""

    def __init__(self) -> None:
        super().__init__("", markup=False, id="elsewhere")
        self.display = False
        self._said: tuple[str, ...] = ()

    def say(self, parts: Sequence[str]) -> None:
        """Show these, which are made safe; none hides the line."""
        if tuple(parts) != self._said:
            self._said = tuple(parts)
            self.update(Content(" · ".join(parts)))
            self.display = bool(parts)

    async def on_click(self) -> None:
        """As the last key it names."""
        await self.run_action("screen.show_elsewhere")
