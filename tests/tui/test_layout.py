"""The screen is divided as the user likes, and where there is no room for all, it says what is not shown."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.tui import example
from tests.tui.drive import drawn, main, press, running, text, told
from tui.layout import FILE_NAME, Layout, LayoutFile

ALONE_IN_50_COLUMNS = """\
╭─ ~/data ───────────────────────────────────────╮
│ ..                                            ▐│
│ logs/                                   10:00 ▐│
│ photos/                                 Oct 24▐│
│ vm-images/                              May  7 │
│ README.md                         2.3K  2025   │
│ db-2026-11-22.dump.zst           12.4G  Nov 22 │
╰──────────────────────── 11 items · 91.0G free ─╯
 Tab other pane: s3://backups/2026/ · prod
╭─ queue 12 · running 2 · waiting 1 · asking 1 ──╮
│ ▲ dump.tar    RUN     38%  92.1M/s     5m     ▐│
│ ▼ logs-2…tgz  RUN     71%  12.3M/s  3m03s      │
│ ▲ db-202…zst  WAIT    70%  retry 2/8 in 12s (… │
╰────────────────────────────────────────────────╯
 ▅▇████ 104 MiB/s ↑92.1 ↓12.3 · 35.7/83.9 GiB
 c Copy →  Space Mark  / Filter   ? Help  q Quit"""


async def test_below_70_columns_one_pane_is_shown_and_the_other_is_named() -> None:
    async with running(size=(50, 16)) as pilot:
        assert text(pilot) == ALONE_IN_50_COLUMNS
        await press(pilot, "tab")
        assert "─ s3://backups/2026/ · prod · eu-west-1 ─" in drawn(pilot)[0]
        assert "Tab other pane: ~/data" in text(pilot)
        await pilot.resize_terminal(70, 24)
        await press(pilot)
        assert "~/data" in drawn(pilot)[0] and "s3://backups/2026/" in drawn(pilot)[0]
        assert "other pane" not in text(pilot)


async def test_copying_goes_to_the_pane_that_is_not_shown() -> None:
    async with running(size=(60, 18)) as pilot:
        screen = main(pilot)
        assert not screen.right.display
        await press(pilot, "tab", "tab", "w", "w")
        assert screen.pane is screen.left and screen.other is screen.right
        assert "Copy →" in drawn(pilot)[-1]


async def test_a_pane_or_the_queue_stands_alone_and_all_comes_back() -> None:
    async with running() as pilot:
        before = text(pilot)
        await press(pilot, "Z")
        assert "queue 12" not in text(pilot) and "─ s3://" not in text(pilot)
        assert "Z shows all again · Tab: s3://backups/2026/" in text(pilot)
        await press(pilot, "tab")
        assert "─ s3://backups/2026/" in drawn(pilot)[0] and "11 items" not in text(pilot)
        await press(pilot, "w")
        assert "photo-0001.jpg" in text(pilot) and "11 items" not in text(pilot)
        assert "Z shows all again · Esc panes" in text(pilot)
        await press(pilot, "escape", "tab", "Z")
        assert text(pilot) == before


async def test_what_is_typed_to_filter_is_seen_in_a_pane_that_stands_alone() -> None:
    async with running() as pilot:
        await press(pilot, "Z", "slash", *"dump", "enter")
        assert "3 of 11" in text(pilot)
        assert main(pilot).focused is main(pilot).left.list


async def test_the_lines_between_panes_and_queue_are_moved_by_keys() -> None:
    async with running() as pilot:
        screen = main(pilot)
        await press(pilot, *["left_parenthesis"] * 3)
        assert (screen.left.outer_size.width, screen.right.outer_size.width) == (28, 52)
        await press(pilot, *["right_curly_bracket"] * 2)
        assert screen.queue.outer_size.height == 10
        await press(pilot, *["right_curly_bracket"] * 30)
        assert screen.queue.outer_size.height == 16, "the panes keep six lines"
        await press(pilot, *["left_curly_bracket"] * 40, *["right_parenthesis"] * 40)
        assert screen.queue.outer_size.height == 4
        assert screen.left.outer_size.width == 64
        assert "? Help" in drawn(pilot)[-1] and "104 MiB/s" in drawn(pilot)[-2]


async def test_a_queue_made_tall_leaves_room_for_panes_in_a_smaller_terminal() -> None:
    layout = LayoutFile()
    layout.layout = Layout(queue_lines=30)
    async with running(size=(100, 50), layout=layout) as pilot:
        await press(pilot)
        assert main(pilot).queue.outer_size.height == 30
        await pilot.resize_terminal(80, 24)
        await press(pilot)
        assert main(pilot).queue.outer_size.height == 16
        assert main(pilot).left.outer_size.height == 6


async def test_with_one_pane_the_line_between_two_says_that_there_is_none() -> None:
    async with running(size=(60, 20)) as pilot:
        await press(pilot, "left_parenthesis")
        assert "One pane is shown: there is no line between two" in told(pilot)


async def test_the_division_is_remembered(tmp_path: Path) -> None:
    path = str(tmp_path / "config" / FILE_NAME)
    async with running(layout=LayoutFile(path)) as pilot:
        await press(pilot, "right_parenthesis", "right_curly_bracket")
        await press(pilot, "q", "q")
    assert LayoutFile(path).layout == Layout(55, 9)
    assert os.stat(path).st_mode & 0o777 == 0o600
    async with running(layout=LayoutFile(path)) as pilot:
        await press(pilot)
        assert main(pilot).left.outer_size.width == 44
        assert main(pilot).queue.outer_size.height == 9


@pytest.mark.parametrize(
    "content", ["", "[]", "{", '{"split": "x", "queue_lines": []}', "[" * 3000, '{"split": null}']
)
def test_a_damaged_file_costs_the_division_only(tmp_path: Path, content: str) -> None:
    path = tmp_path / FILE_NAME
    path.write_text(content)
    assert LayoutFile(str(path)).layout == Layout()


def test_numbers_out_of_bounds_are_brought_within(tmp_path: Path) -> None:
    path = tmp_path / FILE_NAME
    path.write_text(json.dumps({"split": 100, "queue_lines": -5}))
    assert LayoutFile(str(path)).layout == Layout(80, 4)


def test_a_disk_that_says_no_loses_the_division_and_nothing_else(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    layout = LayoutFile(str(blocked / FILE_NAME))
    layout.layout = Layout(30)
    layout.save()
    assert not layout.is_changed and blocked.read_text() == ""


@pytest.mark.parametrize(
    ("keys", "seen"),
    [
        (("w", "j", "j", "j", "enter"), ("Skip", "Rename", "Esc: decide later")),
        (("q",), ("Stay", "Quit", "Esc: stay")),
        (("s",), ("Name, Z to A", "Date, oldest first", "Enter: choose")),
        (("b",), ("Recent places", "Ctrl+D: take off", "Esc: back")),
        ((*("j" * 7), "d"), ("Delete", "No, change nothing", "cannot be undone")),
        (("w", "x"), ("Cancel it", "Esc: change nothing")),
        (("L",), ("Rate limit", "Enter: take it")),
        (("w",), ("[1 All]", "6 Done")),
    ],
)
async def test_at_50_by_16_no_question_loses_an_answer(keys: tuple[str, ...], seen: tuple[str, ...]) -> None:
    async with running(example.example_manager(), size=(50, 16)) as pilot:
        await press(pilot, *keys)
        await pilot.pause(0.05)
        assert [words for words in seen if words not in text(pilot)] == []


async def test_at_50_by_16_the_cursor_of_a_long_list_stays_in_sight() -> None:
    async with running(size=(50, 16)) as pilot:
        await press(pilot, "question_mark", "up")
        assert any("Go down one page" in line for line in drawn(pilot))
