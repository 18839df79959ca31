"""The questions: what their keys answer, what has the cursor, and that no name can break them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine import (
    Facts,
    ItemKind,
    OperationId,
    Question,
    TransferId,
    TransferSnapshot,
    TransferState,
)
from tests.tui.dialog_host import PENDING, acted_on, answer_to, drawn, shown, text
from tests.tui.nasty import ALL
from tui.screens.confirm import ConfirmScreen, QuitScreen
from tui.screens.conflict import ConflictScreen


def asking(
    kind: str = "target-exists",
    answers: tuple[str, ...] = ("overwrite", "newer", "differs", "rename", "skip"),
    source: str = "/data/dump.tar",
) -> TransferSnapshot:
    return TransferSnapshot(
        id=TransferId(7),
        operation=OperationId(1),
        kind=ItemKind.UPLOAD,
        state=TransferState.ATTENTION,
        source=source,
        target="s3://b/dump.tar",
        size=2048,
        question=Question(kind, "", answers, Facts(2048, 1_700_000_000.0), Facts(1024, 1_600_000_000.0)),
    )


@pytest.mark.parametrize(
    ("keys", "answer"),
    [
        (["y"], True),
        (["n"], False),
        (["escape"], False),
        (["enter"], False),
        (["down", "enter"], True),
        (["j", "enter"], True),
        (["tab", "enter"], True),
        (["j", "k", "enter"], False),
    ],
)
async def test_a_confirmation_is_no_unless_yes_is_chosen(keys: list[str], answer: bool) -> None:
    assert await answer_to(ConfirmScreen("Delete?", ["12 objects"], confirm_label="Delete"), *keys) is answer


async def test_a_confirmation_shows_its_words_and_puts_the_cursor_on_the_safe_answer() -> None:
    words = ["12 objects", "below s3://b/x/"]
    dialog = ConfirmScreen("Delete?", words, confirm_label="Delete 12", danger=True)
    async with shown(dialog) as pilot:
        inside = [line.strip(" │") for line in drawn(pilot) if "│" in line]
        assert inside == [
            "12 objects",
            "below s3://b/x/",
            "",
            "▸ n  No, change nothing",
            "y  Delete 12",
        ]


async def test_the_words_of_a_confirmation_may_change_while_a_count_runs() -> None:
    dialog = ConfirmScreen("Delete?", ["counting"], confirm_label="Delete")
    async with shown(dialog) as pilot:
        dialog.show_lines(["4,019 objects"])
        await pilot.pause()
        assert "4,019 objects" in text(pilot)
        assert "counting" not in text(pilot)


async def test_long_words_leave_the_answers_on_the_screen() -> None:
    dialog = ConfirmScreen("Delete?", [f"line {n}" for n in range(60)], confirm_label="Delete")
    async with shown(dialog) as pilot:
        assert "y  Delete" in text(pilot)
        assert "line 30" not in text(pilot)
        await pilot.press("pagedown", "pagedown")
        await pilot.pause()
        assert "line 30" in text(pilot)


@pytest.mark.parametrize(
    ("keys", "answer"), [(["q"], "quit"), (["s"], "stay"), (["enter"], "stay"), (["escape"], None)]
)
async def test_quitting_needs_its_own_key(keys: list[str], answer: str | None) -> None:
    assert await answer_to(QuitScreen(3), *keys) == answer


async def test_quitting_says_how_much_is_running() -> None:
    async with shown(QuitScreen(1)) as pilot:
        assert "1 transfer is running." in text(pilot)


@pytest.mark.parametrize(
    ("keys", "answer"),
    [
        (["o"], ("overwrite", False)),
        (["O"], ("overwrite", True)),
        (["n"], ("newer", False)),
        (["d"], ("differs", False)),
        (["r"], ("rename", False)),
        (["s"], ("skip", False)),
        (["S"], ("skip", True)),
        (["enter"], ("skip", False)),
        (["down", "enter"], ("overwrite", False)),
        (["escape"], None),
        (["x"], PENDING),
    ],
)
async def test_a_conflict_is_answered_by_letter(keys: list[str], answer: object) -> None:
    assert await answer_to(ConflictScreen(asking()), *keys) == answer


async def test_a_conflict_shows_both_sides_and_which_is_newer() -> None:
    async with shown(ConflictScreen(asking())) as pilot:
        lines = [line.strip(" │") for line in drawn(pilot)]
        start = lines.index("Source  /data/dump.tar")
        assert lines[start + 1].startswith("newer   2 KiB (2,048 bytes)  20")
        assert lines[start + 2] == "Target  s3://b/dump.tar"
        assert lines[start + 3].startswith("1 KiB (1,024 bytes)  20")
        assert "▸ s  Skip" in text(pilot)


async def test_a_conflict_says_what_happened_once() -> None:
    row = asking()
    assert row.question is not None
    row = replace(row, question=replace(row.question, text="the target already exists"))
    async with shown(ConflictScreen(row)) as pilot:
        assert text(pilot).lower().count("the target already exists") == 1


async def test_a_changed_source_offers_its_own_answers() -> None:
    row = asking("source-changed", ("restart", "cancel"))
    assert await answer_to(ConflictScreen(row), "o") is PENDING
    assert await answer_to(ConflictScreen(row), "r") == ("restart", False)
    assert await answer_to(ConflictScreen(row), "x") == ("cancel", False)


async def test_no_name_breaks_a_question() -> None:
    assert await acted_on(ConfirmScreen(name, [name], confirm_label=name) for name in ALL) == []
    assert await acted_on(ConflictScreen(asking(source=name)) for name in ALL) == []
