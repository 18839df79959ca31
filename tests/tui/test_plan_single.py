"""Of a class that is skipped one item can be taken all the same; and the keys of a plan can be read."""

from __future__ import annotations

from engine import ConflictPolicy, PlanClass
from tests.tui.drive import main, press, running, text, until
from tests.tui.test_plan_screen import LOGS_AND_DUMPS, idle, items, planned, started
from tui.widgets.key_bar import Hint

C = PlanClass


async def test_a_tick_in_a_skipped_class_takes_that_item_alone() -> None:
    async with running(idle()) as pilot:
        screen = await planned(pilot, *LOGS_AND_DUMPS, "j", "j", "tab")
        assert items(pilot)[1].startswith("[ ] logs/app-25.log.gz")
        await press(pilot, "j", "space")
        assert [line[:3] for line in items(pilot)[1:5]] == ["[ ]", "[x]", "[ ]", "[ ]"]
        assert screen._choice.same is ConflictPolicy.OVERWRITE
        await press(pilot, "escape", "enter")
        names, _ = started(pilot)
        assert "app-26.log.gz" in names and "app-25.log.gz" not in names


async def test_question_mark_shows_the_keys_of_a_plan_and_esc_goes_back_to_it() -> None:
    async with running(idle()) as pilot:
        screen = await planned(pilot, *LOGS_AND_DUMPS)
        await press(pilot, "question_mark")
        await until(pilot, lambda: "Keys of the plan" in text(pilot))
        assert "replace if newer" in text(pilot)
        await press(pilot, "escape")
        assert pilot.app.screen is screen


async def test_a_plan_with_nothing_to_do_offers_no_start() -> None:
    async with running(idle()) as pilot:
        await planned(pilot, *LOGS_AND_DUMPS)
        assert "Enter Start" in text(pilot)
        await press(pilot, "s", "j", "s")
        assert "Nothing is copied" in text(pilot) and "Enter Start" not in text(pilot)


async def test_question_mark_shows_the_keys_of_the_viewer() -> None:
    async with running() as pilot:
        await press(pilot, "j", "j", "j", "j", "p", "question_mark")
        await until(pilot, lambda: "Keys of the viewer" in text(pilot))
        assert "fetch the next piece" in text(pilot)


async def test_a_hint_that_does_not_fit_keeps_no_shorter_one_out() -> None:
    hints = [
        Hint("c", "Copy", 1),
        Hint("x", "a very long label that does not fit at all" * 2, 2),
        Hint("d", "Delete", 3),
    ]
    async with running() as pilot:
        bar = main(pilot).key_bar
        bar.show(hints)
        line = "".join(segment.text for segment in bar.render_line(0))
    assert "c Copy" in line and "d Delete" in line and "long" not in line
