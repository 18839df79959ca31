"""The looks of the program: dark, light, high contrast, the terminal's own colours, and none at all.

Styles name colours only by variable, so a theme is a table of colours. Without colours, what has the cursor is reversed,
and everything else that colour says is a word or a glyph as well.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import ClassVar

from rich.color import ColorType
from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.filter import LineFilter, Monochrome, NoColor
from textual.theme import BUILTIN_THEMES, Theme

from engine import UsageError
from tui.one_key import OneKeyAtATime

DARK, LIGHT, HIGH_CONTRAST, NO_COLOUR = "dark", "light", "high-contrast", "no-colour"

_CURSOR = {
    f"{what}-{side}ground": colour
    for what in (
        "block-cursor",
        "block-cursor-blurred",
        "input-cursor",
        "input-selection",
        "screen-selection",
    )
    for side, colour in (("fore", "ansi_black"), ("back", "ansi_white"))
}
"""Without colours this pair means: reversed; see `NoColours`."""

OWN: tuple[Theme, ...] = (
    replace(BUILTIN_THEMES["textual-dark"], name=DARK),
    Theme(
        LIGHT,
        primary="#00509e",
        secondary="#31688f",
        accent="#8a4600",
        warning="#8a4600",
        error="#b3102f",
        success="#176b2c",
        foreground="#1b1b1b",
        background="#fafafa",
        surface="#f0f0f0",
        panel="#e2e6ea",
        dark=False,
        variables={
            "text-primary": "#00407f",
            "text-warning": "#7a3e00",
            "text-error": "#a00f2a",
            "text-success": "#145c26",
            "text-accent": "#7a3e00",
            "text-muted": "#565656",
            "border-blurred": "#b4b8bc",
            "block-cursor-background": "#00509e",
            "block-cursor-foreground": "#ffffff",
        },
    ),
    Theme(
        HIGH_CONTRAST,
        primary="#00ffff",
        secondary="#ffffff",
        accent="#ffff00",
        warning="#ffff00",
        error="#ff8080",
        success="#00ff00",
        foreground="#ffffff",
        background="#000000",
        surface="#000000",
        panel="#000000",
        variables={
            "text-primary": "#00ffff",
            "text-warning": "#ffff00",
            "text-error": "#ff8080",
            "text-success": "#00ff00",
            "text-accent": "#ffff00",
            "text-muted": "#ffffff",
            "border": "#ffff00",
            "border-blurred": "#ffffff",
            "surface-lighten-1": "#004040",
            "surface-lighten-2": "#ffffff",
            "block-cursor-background": "#ffff00",
            "block-cursor-foreground": "#000000",
            "input-selection-background": "#004040",
        },
    ),
    replace(
        BUILTIN_THEMES["ansi-dark"],
        name=NO_COLOUR,
        primary="ansi_default",
        secondary="ansi_default",
        warning="ansi_default",
        error="ansi_default",
        success="ansi_default",
        accent="ansi_default",
        variables={**BUILTIN_THEMES["ansi-dark"].variables, **_CURSOR},
    ),
)
"""Ours, the default first. The sixteen colours of the terminal are Textual's ``ansi-dark`` and ``ansi-light``."""

TERMINAL = ("ansi-dark", "ansi-light")


def names() -> list[str]:
    """Every theme there is, ours first."""
    first = [*(theme.name for theme in OWN), *TERMINAL]
    return [*first, *(name for name in sorted(BUILTIN_THEMES) if name not in first)]


def chosen(wanted: str | None, environ: Mapping[str, str] = os.environ) -> str:
    """The theme to wear: none of colours where ``NO_COLOR`` is set, whatever is wanted; else that, or the default.

    Raises:
        UsageError: There is no such theme.
    """
    if wanted is not None and wanted not in names():
        raise UsageError(f"there is no theme {wanted!r} (there are: {', '.join(names())})")
    return NO_COLOUR if environ.get("NO_COLOR") else wanted or DARK


class NoColours(LineFilter):
    """Leaves out all colours; what a cursor or a selection stands on is reversed instead.

    Textual resolves a reversed style of a list or a line to type in to a pair of colours, so this tells it by those.
    """

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """The segments of one line, without colours."""
        return [Segment(text, style and _uncoloured(style), control) for text, style, control in segments]


@lru_cache(1024)
def _uncoloured(style: Style) -> Style:
    ground = style.bgcolor
    marked = ground is not None and ground.type is ColorType.STANDARD and ground.number == _WHITE
    return style + _PLAIN + Style(reverse=True) if marked else style + _PLAIN


_PLAIN = Style(color="default", bgcolor="default")
_WHITE = 7
"""Number of ``ansi_white``, which is the background of a cursor."""


class ThemedApp(OneKeyAtATime):
    """An app that wears one of our themes, and can change it at any time."""

    SHOWN_FIRST: ClassVar[Sequence[str]] = (DARK, LIGHT, HIGH_CONTRAST, NO_COLOUR, *TERMINAL)

    def __init__(self, theme: str | None = None) -> None:
        super().__init__()
        for own in OWN:
            self.register_theme(own)
        self.theme = chosen(theme)
        self.no_color = self.theme == NO_COLOUR

    def watch_theme(self, theme: str) -> None:
        """Styles for no colours come and go with the theme."""
        self.no_color = theme == NO_COLOUR

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Textual's own filters for ``NO_COLOR`` are fixed at the start, and make greys of colours."""
        filters: Iterable[LineFilter] = super().get_line_filters()
        kept = [each for each in filters if not isinstance(each, Monochrome | NoColor)]
        return [*kept, NoColours()] if self.no_color else kept
