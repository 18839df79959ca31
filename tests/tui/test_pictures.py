"""The pictures in `screenshots/` show the program as it is."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import pytest

from tests.tui.pictures import PICTURES, Picture, draw

FOLDER = Path(__file__).resolve().parents[2] / "screenshots"
DRAWN_WITH = "8.2.8"
"""Textual's own look changes between versions; the lock file fixes one."""


@pytest.mark.skipif(
    version("textual") != DRAWN_WITH, reason=f"the pictures are drawn with textual {DRAWN_WITH}"
)
@pytest.mark.parametrize("picture", PICTURES, ids=lambda picture: picture.name)
async def test_a_picture_is_what_the_program_draws(picture: Picture) -> None:
    path = FOLDER / f"{picture.name}.svg"
    assert path.exists(), "make screenshots"
    assert path.read_text(encoding="utf-8") == await draw(picture), f"{path.name}: make screenshots"


def test_there_is_no_picture_of_what_is_gone() -> None:
    drawn = {f"{picture.name}.svg" for picture in PICTURES}
    assert {str(path.relative_to(FOLDER)) for path in FOLDER.rglob("*.svg")} == drawn
