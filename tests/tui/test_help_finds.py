"""``?`` finds what is looked for, also where one is not now; long lists are gone through by Home and End."""

from __future__ import annotations

import pytest

from tests.tui.dialog_host import shown
from tests.tui.dialog_host import text as words
from tests.tui.drive import main, press, running, text
from tui.keys import Context
from tui.screens.help import HelpScreen


@pytest.mark.parametrize(
    ("here", "typed", "place", "line"),
    [
        (
            Context.PANES,
            "resume",
            "In the queue: w goes there",
            "Space            Pause the item or the group",
        ),
        (
            Context.PANES,
            "reorder",
            "In the queue: w goes there",
            "K                Move the item or the group one place up",
        ),
        (Context.QUEUE, "presign", "In the panes: w goes there", "Y                Copy a link"),
    ],
)
async def test_what_works_elsewhere_is_found_under_where_it_works(
    here: Context, typed: str, place: str, line: str
) -> None:
    async with shown(HelpScreen(here)) as pilot:
        assert place not in words(pilot), "it does not lengthen what is read through"
        await pilot.press(*typed)
        assert line in words(pilot)
        assert words(pilot).index(place) < words(pilot).index(line)


async def test_choosing_what_works_in_the_queue_goes_there_and_does_nothing_else() -> None:
    async with running() as pilot:
        await press(pilot, "question_mark", *"again now", "enter")
        assert main(pilot).queue.has_focus_within
        await press(pilot, "escape")
        assert not main(pilot).queue.has_focus_within


async def test_home_and_end_go_through_a_list_that_is_typed_into() -> None:
    async with running() as pilot:
        await press(pilot, "e", "end")
        assert "Your own folder" in text(pilot), "the last one is the local disk"
        await press(pilot, "home")
        assert "Your own folder" not in text(pilot)


async def test_an_order_that_cannot_be_changed_is_said_to_be_so() -> None:
    async with running() as pilot:
        await press(pilot, "w", "end", "question_mark", *"one place")
        assert "(not now) Move the item or the group one place" in text(pilot)
