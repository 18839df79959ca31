"""What cannot be done is dimmed with the reason, and refused before anything is asked."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine import LocalRef, Location, ObjectRef, Profile
from tests.tui import example
from tests.tui.drive import Driver, drawn, engine, main, press, running, tells, text, told, until
from tests.tui.fake_engine import FakeManager
from tui.denials import BOTH_LOCAL, BUCKETS_ONLY, READ_ONLY, READ_ONLY_THERE, denied

READS = Profile("prod", region="eu-west-1", read_only=True)
REFUSAL = "The profile prod is read-only: nothing is changed or deleted there"


def reading() -> FakeManager:
    return FakeManager(example.example_browser(), [READS])


def styles(pilot: Driver) -> dict[str, bool]:
    """Whether each hint of the last line is dimmed, by its text."""
    bar = main(pilot).key_bar
    dim = bar.get_component_rich_style("key-bar--denied").color
    return {
        segment.text.strip(): segment.style is not None and segment.style.color == dim
        for segment in bar.render_line(0)
    }


def test_each_place_denies_what_it_must_and_nothing_else() -> None:
    here, there = example.HERE, example.THERE

    def is_read_only(location: Location) -> bool:
        return isinstance(location.place, ObjectRef)

    assert denied("pane.delete", there, here, is_read_only) == READ_ONLY
    assert denied("pane.move", there, here, is_read_only) == READ_ONLY
    assert denied("pane.copy", there, here, is_read_only) == ""
    assert denied("pane.copy", here, there, is_read_only) == READ_ONLY_THERE
    assert denied("pane.delete", here, there, is_read_only) == ""
    assert denied("pane.versions", here, there, is_read_only) == BUCKETS_ONLY
    assert denied("pane.versions", there, here, is_read_only) == ""
    assert denied("pane.link", there, here, is_read_only) == ""
    assert denied("pane.delete", None, there, is_read_only) == ""
    assert denied("pane.delete", there, here, lambda _: False) == ""


async def test_the_last_line_dims_what_a_read_only_profile_denies_and_says_why() -> None:
    async with running(reading()) as pilot:
        assert "c Copy → (read-only there)" in drawn(pilot)[-1]
        assert styles(pilot)["c Copy → (read-only there)"]
        await press(pilot, "tab")
        assert "c Copy ←  " in drawn(pilot)[-1]
        assert "(read-only)" in drawn(pilot)[-1]
        assert "? Help  q Quit" in drawn(pilot)[-1]


async def test_a_profile_that_may_dims_nothing() -> None:
    async with running() as pilot:
        assert "read-only" not in drawn(pilot)[-1]
        await press(pilot, "tab")
        assert "read-only" not in drawn(pilot)[-1]


async def test_help_says_why_beside_the_action() -> None:
    async with running(reading()) as pilot:
        await press(pilot, "tab", "question_mark", *"delete")
        assert "(read-only) Delete the marked" in text(pilot)
    async with running() as pilot:
        await press(pilot, "question_mark", *"versions")
        assert "(in buckets only) List versions" in text(pilot)


@pytest.mark.parametrize("key", ["d", "r", "n", "m", "E"])
async def test_what_would_change_a_read_only_place_is_refused_before_a_question(key: str) -> None:
    async with running(reading()) as pilot:
        await press(pilot, "tab", *("j" * 5), key)
        await until(pilot, lambda: bool(told(pilot)))
        await tells(pilot, REFUSAL)
        assert pilot.app.screen is main(pilot)
        assert engine(pilot).submitted == []


async def test_a_copy_into_a_read_only_place_is_refused_and_one_out_of_it_is_not() -> None:
    async with running(reading()) as pilot:
        await press(pilot, *("j" * 7), "c")
        await tells(pilot, REFUSAL)
        assert engine(pilot).submitted == []
        await press(pilot, "tab", "G", "c")
        await until(pilot, lambda: len(engine(pilot).submitted) == 1)
        assert told(pilot)[-1] != REFUSAL


async def test_a_local_folder_stays_as_it_is_beside_a_read_only_bucket() -> None:
    async with running(reading(), left=replace(example.HERE, place=LocalRef("/home/ann/data/"))) as pilot:
        await press(pilot, *("j" * 7), "d")
        assert "Delete dump.tar?" in text(pilot)


async def test_between_two_local_folders_copying_is_neither_offered_nor_promised() -> None:
    there = Location(LocalRef("/home/ann/data/photos/"))
    async with running(right=there, size=(120, 24)) as pilot:
        assert f"c Copy → ({BOTH_LOCAL})" in drawn(pilot)[-1]
        assert "copies here" not in text(pilot) and "new folder" in text(pilot)
