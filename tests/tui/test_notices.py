"""Notices: gone when a dialog opens over them, and naming keys that work where they are read."""

from __future__ import annotations

import pytest

from tests.tui.drive import main, press, running, text, told, until
from tui.screens.confirm import QuitScreen
from tui.screens.help import HelpScreen


async def test_a_notice_is_gone_when_a_dialog_opens() -> None:
    async with running() as pilot:
        main(pilot).tell("This is a folder: nothing to look into")
        await until(pilot, lambda: "This is a folder" in text(pilot))
        await press(pilot, "s")
        await until(pilot, lambda: "Sort" in text(pilot))
        assert "This is a folder" not in text(pilot)
        await press(pilot, "escape")
        assert "This is a folder" not in text(pilot)


async def test_what_is_told_while_a_dialog_is_open_is_seen() -> None:
    async with running() as pilot:
        await press(pilot, "question_mark")
        assert isinstance(pilot.app.screen, HelpScreen)
        main(pilot).tell("dump.tar failed")
        await until(pilot, lambda: "dump.tar failed" in text(pilot))
        assert told(pilot) == ["dump.tar failed"]


@pytest.mark.parametrize(
    ("passing", "said", "unsaid"),
    [(True, "nothing goes on later", "goes on next time"), (False, "s3tui run", "removed")],
)
async def test_a_demo_says_that_nothing_is_kept(passing: bool, said: str, unsaid: str) -> None:
    async with running(is_passing=passing) as pilot:
        await press(pilot, "q")
        assert isinstance(pilot.app.screen, QuitScreen)
        words = " ".join(text(pilot).replace("│", " ").split())
        assert said in words and unsaid not in words
