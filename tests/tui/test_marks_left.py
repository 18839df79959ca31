"""Marks belong to one place: leaving it says so, and coming back finds them."""

from __future__ import annotations

from tests.tui.drive import left, main, press, running, told


async def test_leaving_a_folder_with_marks_says_where_they_are_and_coming_back_finds_them() -> None:
    async with running() as pilot:
        await press(pilot, "G", "k", "k", "space", "space")
        marked = [line for line in left(pilot) if line.startswith("▌")]
        assert len(marked) == 2
        await press(pilot, "g", "j", "enter")
        assert told(pilot) == ["2 marks left in data, there again when you are. f * marks across folders"]
        assert main(pilot).left.model.marked_count == 0
        await press(pilot, "backspace")
        assert [line for line in left(pilot) if line.startswith("▌")] == marked
        assert "2 marked" in str(main(pilot).left.border_subtitle)


async def test_marks_taken_off_before_leaving_do_not_come_back() -> None:
    async with running() as pilot:
        await press(pilot, "G", "space", "A", "g", "j", "enter")
        assert told(pilot) == []
        await press(pilot, "backspace")
        assert main(pilot).left.model.marked_count == 0


async def test_marks_come_back_once() -> None:
    async with running() as pilot:
        await press(pilot, "G", "space", "g", "j", "enter", "backspace", "A", "g", "j", "enter", "backspace")
        assert main(pilot).left.model.marked_count == 0


async def test_finding_files_and_going_back_finds_the_marks_of_before() -> None:
    async with running() as pilot:
        await press(pilot, "G", "space", "f", *"*.gz", "enter")
        assert main(pilot).left.is_finding
        await press(pilot, "escape")
        assert main(pilot).left.model.marked_count == 1
