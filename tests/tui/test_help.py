"""``?`` is a list of what works here, to search and to run; the palette has everything."""

from __future__ import annotations

import pytest

from tests.tui import example
from tests.tui.dialog_host import answer_to, shown
from tests.tui.dialog_host import text as words
from tests.tui.drive import drawn, engine, main, press, running, text, until
from tui import keys
from tui.commands import ActionCommands
from tui.keys import Context
from tui.screens.help import HelpScreen


async def test_typing_narrows_and_keeps_the_headings_of_what_is_left() -> None:
    async with shown(HelpScreen(Context.PANES)) as pilot:
        await pilot.press(*"bookmark")
        lines = [line.strip(" │") for line in words(pilot).splitlines() if "│" in line]
        assert lines[2:5] == [
            "Places",
            "b                Go to a bookmark or a recent place",
            "B                Bookmark this place, or take the bookmark off",
        ]
        assert "Files" not in words(pilot)


@pytest.mark.parametrize(
    ("typed", "id"),
    [("f8", "pane.delete"), ("ctrl+r", "pane.refresh"), ("pane.yank", "pane.yank"), ("swap", "pane.swap")],
)
async def test_an_action_is_found_by_its_key_its_name_and_its_words(typed: str, id: str) -> None:
    assert await answer_to(HelpScreen(Context.PANES), *typed, "enter") is keys.action(id)


async def test_what_the_line_has_no_room_for_stands_below_the_list() -> None:
    entry = keys.action("pane.preview")
    async with shown(HelpScreen(Context.PANES), size=(50, 16)) as pilot:
        await pilot.press(*"look inside")
        await pilot.pause()
        said = " ".join(line.strip(" │") for line in words(pilot).splitlines())
        assert f"{entry.help}. ({entry.id})" in said.replace("  ", " ")


async def test_what_means_nothing_to_this_item_says_so() -> None:
    async with running() as pilot:
        await press(pilot, "w", "question_mark", *"again now")
        assert "(not now) Try the item again now" in text(pilot)
        await press(pilot, "escape", *"jjjjjj", "question_mark", *"again now")
        assert "r                Try the item again now" in text(pilot)


async def test_enter_runs_it_as_if_its_key_had_been_pressed() -> None:
    async with running() as pilot:
        await press(pilot, "w", *"jjjjjj", "question_mark", *"again now", "enter")
        failed = engine(pilot).rows[6]
        assert failed.source.endswith("secret.key")
        assert failed.state.value == "queued"
        await press(pilot, "escape", "question_mark", *"last row", "enter")
        assert main(pilot).left.list.cursor == 11


@pytest.mark.parametrize(
    ("typed", "asked"),
    [("pane.sort", "Sort by"), ("pane.goto", "Go to a path"), ("app.theme", "Theme")],
)
async def test_enter_opens_the_dialog_of_what_asks(typed: str, asked: str) -> None:
    async with running() as pilot:
        await press(pilot, "question_mark", *typed, "enter")
        await until(pilot, lambda: asked in text(pilot))
        assert not isinstance(pilot.app.screen, HelpScreen)


async def test_moving_the_cursor_comes_last() -> None:
    async with running() as pilot:
        await press(pilot, "question_mark")
        assert "Places" in drawn(pilot)[4]
        await press(pilot, "up")
        assert any("Go down one page" in line for line in drawn(pilot))


async def test_the_palette_has_every_action_that_can_be_chosen() -> None:
    async with running(example.example_manager()) as pilot:
        provider = ActionCommands(main(pilot))
        found = {hit.help.rpartition(" · ")[0] async for hit in provider.discover() if hit.help}
        missing = [e.id for e in keys.ACTIONS if e.palette and e.id != "app.palette" and e.help not in found]
        assert missing == []
        for entry in keys.ACTIONS:
            hits = [hit.text async for hit in provider.search(entry.label)]
            assert not entry.palette or entry.id == "app.palette" or any(entry.label in str(t) for t in hits)
