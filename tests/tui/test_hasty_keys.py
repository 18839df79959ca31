"""Keys that come faster than the screen changes: a dialog is answered once, and what is below it stays."""

from __future__ import annotations

import pytest
from textual import events

from engine import ObjectRef
from tests.tui import example
from tests.tui.drive import engine, left, main, press, running, text, until
from tests.tui.fake_browser import Entry, FakeBrowser
from tests.tui.fake_engine import FakeManager
from tui.screens.chooser import ChooserScreen
from tui.widgets.filter_line import FilterLine


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


@pytest.mark.parametrize("first", ["", "w"])
async def test_a_filter_typed_in_one_breath_is_whole(first: str) -> None:
    async with running() as pilot:
        for key in (*first, "slash", *"dump", "enter"):
            character = {"slash": "/", "enter": "\r"}.get(key, key)
            pilot.app.post_message(events.Key(key, character))
        screen = main(pilot)
        line = screen.queue.find_line if first else screen.left.filter_line
        await until(pilot, lambda: not isinstance(pilot.app.focused, FilterLine))
        await until(pilot, lambda: (screen.queue.table.find if first else screen.left.model.filter) == "dump")
        assert line.is_open and line.value == "dump"
        assert len([line for line in left(pilot) if line]) == (12 if first else 4)
        assert engine(pilot).submitted == [], "a letter of it was taken for a key"


async def test_a_key_typed_in_one_breath_after_a_filter_acts_on_what_it_found() -> None:
    async with running() as pilot:
        for key in ("w", "slash", *"parquet", "enter", "space"):
            character = {"slash": "/", "enter": "\r", "space": " "}.get(key, key)
            pilot.app.post_message(events.Key(key, character))
        await until(pilot, lambda: bool(engine(pilot).commands))
        (command,) = engine(pilot).commands
        found = main(pilot).queue.table.current
        assert found is not None and "parquet" in found.source
        assert command == ("pause", found.id)


async def test_an_address_typed_in_one_breath_with_its_key_is_whole_and_does_nothing_else() -> None:
    async with running() as pilot:
        for key in ("colon", *"s3://archive/", "enter"):
            character = {"colon": ":", "enter": "\r"}.get(key, key)
            pilot.app.post_message(events.Key({"/": "slash", ":": "colon"}.get(key, key), character))
        await until(pilot, lambda: main(pilot).left.location != example.HERE)
        location = main(pilot).left.location
        assert location is not None and location.place == ObjectRef("archive")
        assert len(pilot.app.screen_stack) == 2
        assert not main(pilot).left.filter_line.is_open, "a letter of it was taken for a key"
        assert engine(pilot).submitted == []
