"""Answering in place: one letter in a line below the queue, which stays in sight; and what r says where it does nothing."""

from __future__ import annotations

import pytest
from textual import events

from engine import TransferState
from tests.tui.drive import Driver, drawn, engine, main, press, queue, running, text, told, until
from tui.widgets.answer_bar import bar_words

S = TransferState
ASKING = 3
"""Rows above the item that asks."""


async def at_the_question(pilot: Driver) -> None:
    await press(pilot, "w", *"jjj", "a")


async def test_the_answers_stand_below_the_queue_and_one_letter_gives_one() -> None:
    async with running() as pilot:
        await at_the_question(pilot)
        assert (
            drawn(pilot)[-4]
            == "│ report[1].csv: s skip · o overwrite · n newer · d differs · r rename         │"
        )
        assert "ASKS" in queue(pilot)[ASKING], "the row that asks stays in sight"
        assert drawn(pilot)[-1] == " letter Answer  CAPITAL For all of it  Enter Both sides  Esc Later"
        await press(pilot, "o")
        assert engine(pilot).commands == [("answer", 4, "overwrite", False)]
        assert "o overwrite" not in text(pilot)
        assert main(pilot).queue.table.has_focus


async def test_a_capital_letter_is_for_the_whole_operation() -> None:
    async with running() as pilot:
        await at_the_question(pilot)
        await press(pilot, "S")
        assert engine(pilot).commands == [("answer", 4, "skip", True)]


async def test_other_keys_do_nothing_and_escape_is_for_later() -> None:
    async with running() as pilot:
        await at_the_question(pilot)
        await press(pilot, "q", "x", "P", "j", "1")
        assert len(pilot.app.screen_stack) == 2, "nothing else was opened"
        assert engine(pilot).commands == []
        await press(pilot, "escape")
        assert main(pilot).queue.table.has_focus
        assert main(pilot).queue.table.cursor == ASKING
        assert engine(pilot).commands == []


async def test_enter_shows_both_sides_first() -> None:
    async with running() as pilot:
        await at_the_question(pilot)
        await press(pilot, "enter")
        await until(pilot, lambda: "The target already exists" in text(pilot))
        await press(pilot, "n")
        await until(pilot, lambda: bool(engine(pilot).commands))
        assert engine(pilot).commands == [("answer", 4, "newer", False)]


async def test_two_letters_in_one_breath_give_one_answer() -> None:
    async with running() as pilot:
        await at_the_question(pilot)
        for key in "os":
            pilot.app.post_message(events.Key(key, key))
        await until(pilot, lambda: main(pilot).queue.table.has_focus)
        for _ in range(5):
            await pilot.pause()
        assert engine(pilot).commands == [("answer", 4, "overwrite", False)]


async def test_who_goes_to_a_pane_meanwhile_decides_later() -> None:
    async with running() as pilot:
        await at_the_question(pilot)
        main(pilot).enter(main(pilot).left)
        await pilot.pause()
        assert not main(pilot).queue.answers.display
        assert engine(pilot).commands == []


@pytest.mark.parametrize(
    ("down", "said"),
    [
        (3, "It asks something: a answers it"),
        (4, "It is paused: Space lets it go on"),
        (0, "It is under way"),
        (5, "It waits for its turn, and begins by itself"),
        (7, "It is done"),
    ],
)
async def test_r_says_why_it_does_nothing(down: int, said: str) -> None:
    async with running() as pilot:
        await press(pilot, "w", *"j" * down)
        assert "Retry" not in drawn(pilot)[-1].replace("Retry failed", "")
        await press(pilot, "r")
        assert told(pilot) == [said]
        assert engine(pilot).commands == []


async def test_r_on_a_cancelled_item_says_that_it_is_over() -> None:
    async with running() as pilot:
        await press(pilot, "w", *"jjjjj", "x")
        await until(pilot, lambda: engine(pilot).commands == [("cancel", 6)])
        manager = engine(pilot)
        at = next(n for n, row in enumerate([*manager.rows, *manager.finished]) if row.state is S.CANCELLED)
        main(pilot).queue.table.move_cursor(at)
        await press(pilot, "r")
        assert told(pilot) == ["It was cancelled, and is over: queue it again from a pane (c)"]


@pytest.mark.parametrize("cells", [40, 60, 74, 100, 150])
def test_the_line_never_exceeds_its_room_and_keeps_the_answers(cells: int) -> None:
    answers = [(word[0], word) for word in ("skip", "overwrite", "newer", "differs", "rename")]
    line = bar_words("名" * 30 + "\x1b[b]", answers, cells)
    assert len(line.encode("utf-16-le")) // 2 + line.count("名") <= cells
    assert line.startswith("s skip") or ": s skip" in line
    assert "\x1b" not in line
