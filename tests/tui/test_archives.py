"""An object in an archive, in the queue: what is asked, what an answer costs, and what it says while it waits."""

from __future__ import annotations

from engine import ItemKind, Question, TransferState, Waiting
from tests.tui import example
from tests.tui.drive import engine, press, queue, running, text, until
from tests.tui.fake_engine import FakeManager
from tui.screens.conflict import choices_for
from tui.waiting import waiting_text

ANSWERS = ("restore-bulk", "restore-standard", "restore-expedited", "cancel")
QUESTION = Question("archived", "the object is archived", ANSWERS)


def test_the_first_answer_is_the_one_that_costs_nothing() -> None:
    assert [choice.answer for choice in choices_for(QUESTION)] == [
        "cancel",
        "restore-bulk",
        "restore-standard",
        "restore-expedited",
    ]
    assert len({choice.key for choice in choices_for(QUESTION)}) == 4


def test_while_it_waits_it_says_for_what_and_when_it_looks_again() -> None:
    assert waiting_text(Waiting("restoring", "", 960.0)) == "restoring from its archive, looks again in 16m"


async def test_an_archived_object_asks_and_is_answered_with_a_letter() -> None:
    manager = FakeManager(example.example_browser(), [example.PROD])
    manager.add(
        "cold.tar",
        TransferState.ATTENTION,
        kind=ItemKind.DOWNLOAD,
        source="s3://backups/2026/cold.tar",
        target="/home/ann/data/cold.tar",
        question=QUESTION,
    )
    async with running(manager) as pilot:
        await press(pilot, "w", "enter")
        await until(pilot, lambda: "cheapest" in text(pilot) or "restore-bulk" in text(pilot))
        await press(pilot, "b")
        await until(pilot, lambda: any(command[0] == "answer" for command in engine(pilot).commands))
        answer = next(command for command in engine(pilot).commands if command[0] == "answer")
        assert answer[2] == "restore-bulk"


async def test_a_row_that_waits_for_its_archive_says_so_at_80_cells() -> None:
    manager = FakeManager(example.example_browser(), [example.PROD])
    manager.add(
        "cold.tar",
        TransferState.WAITING,
        kind=ItemKind.DOWNLOAD,
        source="s3://backups/2026/cold.tar",
        target="/home/ann/data/cold.tar",
        waiting=Waiting("restoring", "", 960.0),
    )
    async with running(manager) as pilot:
        await press(pilot, "w")
        assert any("restoring from its archive" in line for line in queue(pilot)), queue(pilot)
