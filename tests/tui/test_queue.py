"""The queue on the screen: every state in words, every command, and nothing by accident."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from engine import (
    Event,
    ItemKind,
    OperationId,
    Outcome,
    Problem,
    Question,
    TransferId,
    TransferSnapshot,
    TransferState,
    Verified,
    Waiting,
)
from tests.tui import example
from tests.tui.drive import drawn, engine, main, press, queue, running, settled, text, told, until
from tests.tui.fake_engine import MIB, FakeManager
from tui.widgets.transfer_rows import spans

S = TransferState


def line(facts: dict[str, Any]) -> str:
    """One item as drawn in the 77 cells of a narrow screen."""
    row = FakeManager().add("dump.tar", S.QUEUED)
    return "".join(text for text, _ in spans(replace(row, **facts), 77)).rstrip()


@pytest.mark.parametrize(
    ("facts", "drawn_as"),
    [
        ({}, " ▲ dump.tar              QUEUED       100M            → s3://backu…6/dump.tar"),
        (
            {"state": S.RUNNING, "bytes_done": 47 * MIB, "bytes_per_second": 12.5 * MIB, "eta": 4.2},
            " ▲ dump.tar              RUN     47%  12.5M/s     4s  → s3://backu…6/dump.tar",
        ),
        (
            {"state": S.RUNNING, "kind": ItemKind.DOWNLOAD, "source": "s3://b/a/x", "target": "/home/ann/x"},
            " ▼ x                     RUN      0%     0B/s     --  → ~/x",
        ),
        (
            {"state": S.FINISHING, "bytes_done": 100 * MIB},
            " ▲ dump.tar              FINISH  99%  completing…     → s3://backu…6/dump.tar",
        ),
        (
            {"state": S.WAITING, "waiting": Waiting("offline", "connection refused", 8.9)},
            " ▲ dump.tar              WAIT         offline, retry in 8s (connection refus…",
        ),
        (
            {"state": S.WAITING, "waiting": Waiting("credentials", "", 0.2)},
            " ▲ dump.tar              WAIT         sign in again, retry now",
        ),
        (
            {"state": S.PAUSED, "bytes_done": 50 * MIB, "saving": True},
            " ▲ dump.tar              PAUSED  50%  50.0M of 100M · saving  → s3://b…mp.tar",
        ),
        (
            {"state": S.ATTENTION, "question": Question("target-exists", "the target exists", ("skip",))},
            " ▲ dump.tar              ASKS         the target exists (a answers)",
        ),
        (
            {"state": S.FAILED, "problem": Problem("x", "access is denied", "", True)},
            " ▲ dump.tar              FAILED       access is denied",
        ),
        (
            {"state": S.DONE, "outcome": Outcome.TRANSFERRED, "verified": Verified.CRC},
            " ▲ dump.tar              DONE   100%  100M verified crc  → s3://bac…/dump.tar",
        ),
        (
            {"state": S.DONE, "outcome": Outcome.SKIPPED},
            " ▲ dump.tar              SKIP         skipped, the target stays as it was",
        ),
        (
            {"state": S.CANCELLED, "note": "goes on from 3 of 9 parts"},
            " ▲ dump.tar              CANCEL                       → s3://backu…6/dump.tar",
        ),
        (
            {"state": S.DONE, "kind": ItemKind.DELETE, "outcome": Outcome.DELETED, "size": -1},
            " ✕ dump.tar              DONE         deleted",
        ),
        (
            {"kind": ItemKind.COPY, "source": "s3://a/dump.tar", "target": "s3://b/dump.tar"},
            " ▶ dump.tar              QUEUED       100M            → s3://b/dump.tar",
        ),
    ],
)
def test_every_state_is_a_word_and_says_what_matters(facts: dict[str, Any], drawn_as: str) -> None:
    assert line(facts) == drawn_as


@pytest.mark.parametrize("cells", [44, 57, 77, 99, 117, 157, 197])
def test_a_line_never_exceeds_its_width(cells: int) -> None:
    for row in [*example.example_manager().rows, *example.example_manager().finished]:
        assert sum(len(text.encode("utf-16-le")) // 2 for text, _ in spans(row, cells)) <= cells + 2


async def test_space_pauses_and_lets_go_on() -> None:
    async with running() as pilot:
        await press(pilot, "w", "space")
        assert "PAUSED" in queue(pilot)[0]
        assert "Space Resume" in drawn(pilot)[-1]
        await press(pilot, "space")
        assert "QUEUED" in queue(pilot)[0]
        assert engine(pilot).commands == [("pause", 1), ("resume", 1)]


async def test_space_says_how_an_item_that_asks_goes_on() -> None:
    async with running() as pilot:
        await press(pilot, "w", "j", "j", "j", "space")
        assert told(pilot) == ["It asks something: a answers it"]
        await press(pilot, "x")
        assert "Cancel report[1].csv?" in text(pilot)
        assert "only pause it" not in text(pilot)
        assert engine(pilot).commands == []


async def test_the_counts_above_the_queue_add_up() -> None:
    manager = example.example_manager()
    manager.finished[0] = replace(manager.finished[0], state=S.CANCELLED)
    async with running(manager, size=(160, 45)) as pilot:
        title = next(line for line in drawn(pilot) if "queue 12" in line)
        numbers = [int(word) for word in title.split() if word.isdigit()]
        assert "cancelled 1" in title
        assert numbers[0] == sum(numbers[1:])


async def test_cancel_asks_and_escape_never_cancels() -> None:
    async with running() as pilot:
        await press(pilot, "w", "x")
        assert "Cancel dump.tar?" in text(pilot)
        await press(pilot, "escape", "escape", "escape")
        assert engine(pilot).commands == []
        await press(pilot, "w", "x", "y")
        await until(pilot, lambda: engine(pilot).commands == [("cancel", 1)])


async def test_all_unfinished_items_are_cancelled_after_one_question() -> None:
    async with running() as pilot:
        await press(pilot, "w", "X")
        assert "Cancel 7 unfinished items?" in text(pilot)
        await press(pilot, "escape")
        assert engine(pilot).commands == []
        await press(pilot, "X", "y")
        await until(pilot, lambda: [c[0] for c in engine(pilot).commands] == ["cancel"] * 7)


async def test_retry_and_retry_failed() -> None:
    async with running() as pilot:
        await press(pilot, "w", "j", "j", "r")
        assert engine(pilot).commands == [("retry", 3)]
        await press(pilot, "R")
        assert engine(pilot).commands[-1] == ("retry", 7)
        assert told(pilot) == ["1 item tried again"]
        await press(pilot, "R")
        assert told(pilot)[-1] == "Nothing failed"


async def test_the_cursor_follows_an_item_that_is_moved() -> None:
    async with running() as pilot:
        await press(pilot, "w", "J", "J")
        assert queue(pilot)[2].startswith(" ▲ dump.tar")
        assert main(pilot).queue.table.cursor == 2
        await press(pilot, "K", "T")
        assert queue(pilot)[0].startswith(" ▲ dump.tar")
        assert main(pilot).queue.table.cursor == 0


async def test_the_cursor_stays_on_its_item_when_others_finish_above_it() -> None:
    manager = example.example_manager()
    async with running(manager) as pilot:
        await press(pilot, "w", "j", "j")
        manager.rows[0] = replace(manager.rows[0], bytes_done=manager.rows[0].size - 1)
        manager.advance(1)
        await settled(pilot)
        item = main(pilot).item
        assert item is not None
        assert item.id == TransferId(3)
        assert main(pilot).queue.table.cursor == 1


async def test_an_item_that_asks_is_answered_with_enter() -> None:
    async with running() as pilot:
        await press(pilot, "w", "j", "j", "j")
        assert "Enter Answer" in drawn(pilot)[-1]
        await press(pilot, "enter", "o")
        await until(pilot, lambda: engine(pilot).commands == [("answer", 4, "overwrite", False)])


async def test_an_answer_can_be_for_the_whole_operation_or_for_later() -> None:
    async with running() as pilot:
        await press(pilot, "w", "j", "j", "j", "a", "escape")
        assert engine(pilot).commands == []
        await press(pilot, "a", "S")
        await until(pilot, lambda: engine(pilot).commands == [("answer", 4, "skip", True)])


async def test_enter_shows_details_of_others() -> None:
    async with running() as pilot:
        await press(pilot, "w", "enter")
        assert "2,342 of 6,157" in text(pilot)


async def test_tabs_show_a_part_of_the_queue_and_escape_leads_back() -> None:
    async with running() as pilot:
        await press(pilot, "w", "4")
        assert [" ".join(row.split()[1:3]) for row in queue(pilot)[:2]] == ["report[1].csv ASKS", ""]
        await press(pilot, "5")
        assert [" ".join(row.split()[1:3]) for row in queue(pilot)[:2]] == ["secret.key FAILED", ""]
        assert "1 All 12  2 Active 3  3 Waiting 2  4 Asking 1  [5 Failed 1]  6 Finished 5" in drawn(pilot)[-3]
        await press(pilot, "6")
        assert all("DONE" in row for row in queue(pilot)[:5])
        await press(pilot, "escape")
        assert main(pilot).queue.table.row_count == 12
        await press(pilot, "escape")
        assert main(pilot).left.list.has_focus


async def test_find_narrows_the_queue_while_it_is_typed() -> None:
    async with running() as pilot:
        await press(pilot, "w", "slash", *"photo")
        assert main(pilot).queue.table.row_count == 4
        await press(pilot, "enter", "escape")
        assert main(pilot).queue.table.row_count == 12


async def test_finished_items_are_cleared() -> None:
    async with running() as pilot:
        await press(pilot, "w", "C")
        assert main(pilot).queue.table.row_count == 7


async def test_pause_all_holds_and_says_so_until_it_is_ended() -> None:
    async with running() as pilot:
        await press(pilot, "P")
        assert "ALL PAUSED (P goes on)" in text(pilot)
        assert "all paused" in drawn(pilot)[-2]
        await press(pilot, "P")
        assert engine(pilot).commands == [("pause_all",), ("resume_all",)]


async def test_the_target_of_an_item_is_shown_in_a_pane() -> None:
    async with running() as pilot:
        await press(pilot, "w", "j", "o")
        await settled(pilot)
        assert main(pilot).left.location == example.HERE
        await press(pilot, "w", "k", "o")
        await settled(pilot)
        row = main(pilot).right.list.current
        assert row is not None
        assert row.name == "dump.tar"


async def test_limits_and_workers_change_while_running() -> None:
    async with running() as pilot:
        manager = engine(pilot)
        await press(pilot, "backslash")
        assert (manager.upload_limit, manager.download_limit) == (10 * MIB, 10 * MIB)
        assert "limit 10.0M/s" in drawn(pilot)[-2]
        await press(pilot, "left_square_bracket")
        assert manager.upload_limit == 5 * MIB
        await press(pilot, "right_square_bracket", "right_square_bracket")
        assert manager.upload_limit == 20 * MIB
        await press(pilot, "backslash")
        assert manager.upload_limit is None
        await press(pilot, "L", *"5M:off", "enter")
        await until(pilot, lambda: (manager.upload_limit, manager.download_limit) == (5 * MIB, None))
        await press(pilot, "L")
        assert "Rate limit, now ↑5.0M/s ↓off" in text(pilot)
        await press(pilot, "escape", "greater_than_sign")
        assert manager.workers == 20
        await press(pilot, "less_than_sign", "less_than_sign")
        assert manager.workers == 15


async def test_a_limit_that_is_no_rate_is_refused_with_what_is_expected() -> None:
    async with running() as pilot:
        await press(pilot, "L", *"fast", "enter")
        await until(pilot, lambda: "'fast' is not a rate: 10M, 512K, 5M:20M or off" in text(pilot))
        await press(pilot, "escape")
        assert engine(pilot).upload_limit is None


async def test_failures_and_questions_are_told_once_for_many() -> None:
    manager = example.example_manager()
    failed = next(row for row in manager.rows if row.state is S.FAILED)
    manager.events = [Event("failed", failed), Event("failed", failed), Event("attention", manager.rows[3])]
    async with running(manager) as pilot:
        await until(pilot, lambda: len(told(pilot)) == 2)
        assert told(pilot) == [
            "secret.key and 1 more failed: the system denies access. w, then r tries again",
            "report[1].csv has a question. w, then a answers it",
        ]


async def test_in_the_queue_a_question_is_told_without_the_way_there() -> None:
    async with running() as pilot:
        await press(pilot, "w")
        engine(pilot).events.append(Event("attention", engine(pilot).rows[3]))
        await until(pilot, lambda: bool(told(pilot)))
        assert told(pilot) == ["report[1].csv has a question. a answers it"]


@pytest.mark.parametrize("size", [(80, 24), (160, 45)])
async def test_a_notice_leaves_totals_and_tabs_in_sight(size: tuple[int, int]) -> None:
    async with running(size=size) as pilot:
        await press(pilot, "w", "P", "R", "R")
        await until(pilot, lambda: "Nothing failed" in text(pilot))
        lines = drawn(pilot)
        assert any("[1 All 12]  2 Held 4  3 Waiting 2" in line for line in lines)
        assert any("limit off" in line for line in lines)
        assert not any("▌" in line for line in lines[-4 if size[1] > 40 else -2 :])


@pytest.mark.fault(61)
async def test_ten_thousand_items_are_shown_a_window_at_a_time() -> None:
    manager = FakeManager(example.example_browser(), [example.PROD])
    template = manager.add("x", S.QUEUED)
    manager.rows = [
        replace(template, id=TransferId(n), source=f"/data/file-{n:05d}", target="s3://b/")
        for n in range(10_000)
    ]
    windows: list[int] = []
    look = manager.snapshot

    def watched(first: int = 0, count: int = 50, *more: object) -> object:
        windows.append(count)
        return look(first, count, *more)  # type: ignore[arg-type]

    manager.snapshot = watched  # type: ignore[assignment,method-assign]
    async with running(manager) as pilot:
        await press(pilot, "w", "G")
        assert "file-09999" in queue(pilot)[-1]
        await press(pilot, "pageup", "k")
        assert "file-0998" in text(pilot)
        assert max(windows) <= 24


def test_a_row_of_unknown_size_is_drawn() -> None:
    row = TransferSnapshot(TransferId(1), OperationId(1), ItemKind.DOWNLOAD, S.RUNNING, "s3://b/", "/x", -1)
    assert "".join(text for text, _ in spans(row, 77)).startswith(" ▼ b")
