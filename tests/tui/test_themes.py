"""Every theme can be read, also the one without colours, and is changed while the program runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from rich.color import Color
from rich.segment import Segment

from engine import UsageError
from tests.servers.seaweed import clean_environment
from tests.tui.drive import Driver, drawn, press, running, text
from tests.tui.terminal import on_a_terminal
from tui import themes

SEEN_KEYS = (("j", "j", "space", "j"), ("w", "j"), ("question_mark",), ("b",), ("q",), ("colon",))


def segments(pilot: Driver) -> list[Segment]:
    """All that is drawn; with a dialog, what is in its frame, since it dims the rest."""
    found = pilot.app.screen.query("#dialog")
    region = found.first().region if found else pilot.app.screen.region
    strips = pilot.app.screen._compositor.render_strips()[region.y : region.bottom]
    cropped = (strip.crop(region.x, region.right) for strip in strips)
    return [segment for strip in cropped for segment in strip if segment.text.strip()]


def luminance(color: Color) -> float:
    parts = [part / 255 for part in color.get_truecolor()]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(segment: Segment) -> float:
    """As WCAG defines it: 4.5 and more is readable text."""
    assert segment.style is not None and segment.style.color is not None and segment.style.bgcolor is not None
    pair = sorted((luminance(segment.style.color), luminance(segment.style.bgcolor)), reverse=True)
    return (pair[0] + 0.05) / (pair[1] + 0.05)


def is_words(segment: Segment) -> bool:
    """Frames, bars and graphs may be fainter than words."""
    return any(char.isalnum() for char in segment.text)


@pytest.mark.parametrize(
    ("theme", "least"), [(themes.DARK, 3.0), (themes.LIGHT, 4.5), (themes.HIGH_CONTRAST, 7.0)]
)
@pytest.mark.parametrize("keys", SEEN_KEYS, ids=lambda keys: keys[0])
async def test_all_words_stand_out_from_their_background(
    theme: str, least: float, keys: tuple[str, ...]
) -> None:
    async with running(theme=theme) as pilot:
        await press(pilot, *keys)
        words = [segment for segment in segments(pilot) if is_words(segment)]
        assert words
        faint = {word.text: round(contrast(word), 1) for word in words if contrast(word) < least}
        assert faint == {}


@pytest.mark.parametrize("keys", SEEN_KEYS, ids=lambda keys: keys[0])
async def test_without_colours_none_is_drawn_and_the_cursor_is_reversed(keys: tuple[str, ...]) -> None:
    async with running(theme=themes.NO_COLOUR) as pilot:
        await press(pilot, *keys)
        coloured = [
            s.text
            for s in segments(pilot)
            if s.style and any(c is not None and not c.is_default for c in (s.style.color, s.style.bgcolor))
        ]
        assert coloured == []
        assert any(s.style and s.style.reverse for s in segments(pilot))


async def test_a_theme_is_put_on_while_the_program_runs() -> None:
    async with running() as pilot:
        words = text(pilot)
        for theme in (themes.LIGHT, themes.NO_COLOUR, themes.HIGH_CONTRAST, *themes.TERMINAL, themes.DARK):
            pilot.app.theme = theme
            await press(pilot)
            await pilot.pause()
            assert pilot.app.no_color is (theme == themes.NO_COLOUR)
            assert text(pilot).replace("┃", "│").splitlines()[1:12] == words.splitlines()[1:12]
            frame = drawn(pilot)[0][0]
            assert frame == ("┏" if theme == themes.NO_COLOUR else "╭")


async def test_no_color_goes_before_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with running(theme=themes.LIGHT) as pilot:
        assert pilot.app.theme == themes.NO_COLOUR
        assert themes.chosen(None, {"NO_COLOR": ""}) == themes.DARK, "an empty one says nothing"


def test_a_theme_that_does_not_exist_is_refused_with_those_that_do() -> None:
    with pytest.raises(UsageError, match="there is no theme 'drak'") as caught:
        themes.chosen("drak", {})
    assert "dark, light, high-contrast, no-colour, ansi-dark" in str(caught.value)


COLOURS = re.compile(rb"\x1b\[(?:[0-9]+;)*(?:3[0-8]|4[0-8]|9[0-7]|10[0-7])(?:;[0-9]+)*m")
"""What chooses a colour; 39 and 49 are the terminal's own."""


@pytest.mark.parametrize("no_color", [True, False])
def test_no_color_sends_a_terminal_no_colour(tmp_path: Path, no_color: bool) -> None:
    (tmp_path / "here.txt").write_text("x")
    env = clean_environment(tmp_path / "home") | ({"NO_COLOR": "1"} if no_color else {})
    with on_a_terminal(["--state-dir", str(tmp_path / "state")], env, tmp_path) as session:
        session.until("here.txt")
        session.until("Nothing queued")
        session.press("?")
        session.until("What works in the panes")
        session.press("\x1bq")
    assert bool(COLOURS.search(session.written)) is not no_color
    assert (
        b"\x1b[7" in session.written or b";7m" in session.written or b";7;" in session.written
    ) or not no_color
