"""The least that Textual can be: one Static. What any screen's start is measured against."""

from __future__ import annotations

from textual.app import App, ComposeResult
from textual.widgets import Static


class Bare(App[None]):
    """Shows one word."""

    def compose(self) -> ComposeResult:
        """See `App.compose`."""
        yield Static("bare")


if __name__ == "__main__":
    Bare().run()
