"""Keys that come faster than the screen changes: a dialog is answered once, and what is below it stays."""

from __future__ import annotations

import pytest
from textual import events

from tests.tui.drive import engine, press, running, text, until
from tests.tui.fake_browser import Entry, FakeBrowser
from tests.tui.fake_engine import FakeManager
from tui.screens.chooser import ChooserScreen


def one_file() -> FakeManager:
    return FakeManager(FakeBrowser({"/home/ann/data/": [Entry("a.txt", 5)]}))


@pytest.mark.parametrize("keys", ["yy", "ny", "yn", "nnnn"])
async def test_a_dialog_that_is_answered_twice_in_one_breath_closes_alone(keys: str) -> None:
    async with running(one_file()) as pilot:
        await press(pilot, "down", "d")
        await until(pilot, lambda: len(pilot.app.screen_stack) == 3)
        for key in keys:
            pilot.app.post_message(events.Key(key, key))
        await until(pilot, lambda: len(pilot.app.screen_stack) < 3)
        for _ in range(5):
            await pilot.pause()
        assert len(pilot.app.screen_stack) == 2
        assert "a.txt" in text(pilot)
        assert len(engine(pilot).submitted) == (keys[0] == "y"), "the first answer counts"


async def test_escape_twice_closes_one_dialog() -> None:
    async with running(one_file()) as pilot:
        await press(pilot, "question_mark")
        for _ in range(3):
            pilot.app.post_message(events.Key("escape", None))
        for _ in range(8):
            await pilot.pause()
        assert len(pilot.app.screen_stack) == 2
        assert "a.txt" in text(pilot)


async def test_a_dialog_that_is_closed_before_it_stands_closes_alone_and_breaks_nothing() -> None:
    async with running(one_file()) as pilot:
        for _ in range(20):
            dialog = ChooserScreen("Places", ())
            pilot.app.push_screen(dialog)
            dialog.dismiss(None)
            assert not dialog.is_mounted, "it stands already: this proves nothing"
            await until(pilot, lambda: len(pilot.app.screen_stack) == 2)
        assert "a.txt" in text(pilot)
