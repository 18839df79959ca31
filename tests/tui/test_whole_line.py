"""What a row has no room for is read where the cursor is, and notices leave the rows one works with in sight."""

from __future__ import annotations

import pytest

from engine import LocalRef, Location, Problem, TransferState
from tests.tui.drive import assert_harmless, drawn, main, press, queue, running, tells, text
from tests.tui.example import PROD
from tests.tui.fake_browser import Entry, FakeBrowser
from tests.tui.fake_engine import FakeManager

LONG = "measurement-" * 9 + "END.csv"
HERE = Location(LocalRef("/data/"))


def with_names(*names: str) -> FakeManager:
    return FakeManager(FakeBrowser({"/data/": [Entry(name, 3, 0.0) for name in names]}), [PROD])


async def test_a_name_that_its_row_cuts_is_whole_at_the_cursor_and_gone_on_the_next_row() -> None:
    async with running(with_names(LONG, "short.txt"), left=HERE, right=None) as pilot:
        assert LONG not in text(pilot)
        await press(pilot, "down")
        shown = drawn(pilot)
        assert (shown[12] + shown[13]).replace(" ", "") == LONG
        await press(pilot, "down")
        assert drawn(pilot)[13].startswith("╰") and "END.csv" not in "".join(drawn(pilot)[9:])


async def test_a_name_at_the_lower_edge_is_shown_above_and_does_not_cover_its_row() -> None:
    names = [f"{number:02d}-{LONG}" for number in range(20)]
    async with running(with_names(*names), left=HERE, right=None) as pilot:
        await press(pilot, *["down"] * 12)
        shown = drawn(pilot)
        assert (shown[0] + shown[1]).replace(" ", "") == names[11]
        assert shown[12].startswith("│ 11-"), "the row itself stays in sight"


async def test_why_an_item_failed_is_read_whole_at_its_row() -> None:
    manager = with_names("a.txt")
    why = "the source does not exist (any more), and a folder of this name is in its place"
    problem = Problem("open /data/a.txt", why, "Check the path.", True)
    manager.add("a.txt", TransferState.FAILED, size=3, problem=problem)
    async with running(manager, left=HERE, right=None) as pilot:
        assert why not in text(pilot)
        await press(pilot, "w")
        shown = drawn(pilot)
        assert f"a.txt: {why}" in " ".join(line.strip() for line in shown[12:14])
        await press(pilot, "escape")
        assert drawn(pilot)[13].startswith("╰")


@pytest.mark.parametrize("size", [(60, 20), (80, 24), (200, 50)])
async def test_a_name_of_1024_bytes_and_one_of_escapes_harm_nothing(size: tuple[int, int]) -> None:
    nasty = "\x1b[2J[/bold]\u202e" + "x" * 900 + "END"
    async with running(with_names(nasty, "y" * 1024), left=HERE, right=None, size=size) as pilot:
        for _ in range(2):
            await press(pilot, "down")
            assert_harmless(pilot)
        assert main(pilot).whole.size.height == 4


async def test_a_notice_leaves_the_queue_in_sight_of_who_works_in_it() -> None:
    manager = with_names("a.txt")
    for number in range(6):
        manager.add(f"item-{number}.bin", TransferState.QUEUED, size=3)
    async with running(manager, left=HERE, right=None) as pilot:
        rows = queue(pilot)
        await press(pilot, "w")
        main(pilot).tell("item-7.bin failed: access is denied")
        await tells(pilot, "item-7.bin failed: access is denied")
        shown = drawn(pilot)
        assert any("access is denied" in line for line in shown[:8])
        assert [line[1:-1].rstrip() for line in shown[15:21]] == rows
