"""Who opens it for the first time, or again after a crash, is told what to do, once and in few words."""

from __future__ import annotations

import pytest

from engine import Health
from tests.tui import example
from tests.tui.drive import Driver, main, press, running, text
from tests.tui.fake_engine import FakeManager

WAYS = (
    "e adds an S3 server of yours; for AWS run aws configure.",
    "To look around first, leave (q) and run s3tui demo.",
)


def right_pane(pilot: Driver) -> str:
    return " ".join(" ".join(main(pilot).right.list.shown()).split())


def came_back() -> FakeManager:
    manager = example.example_manager()
    manager.health = Health(recovered=3, recovered_bytes=15_247_000_000)
    return manager


async def test_an_empty_first_screen_says_in_two_sentences_what_to_do() -> None:
    async with running(FakeManager(example.example_browser()), right=None) as pilot:
        for way in WAYS:
            assert way in right_pane(pilot)
        assert "Mark files with Space, press c to copy them to the other pane" in text(pilot)


async def test_it_says_so_in_a_small_terminal_too() -> None:
    async with running(FakeManager(example.example_browser()), right=None, size=(50, 16)) as pilot:
        await press(pilot, "tab")
        for way in WAYS:
            assert way in right_pane(pilot)


async def test_its_words_lead_to_adding_a_server() -> None:
    manager, configuration = FakeManager(example.example_browser()), example.example_configuration()
    async with running(manager, right=None, configuration=configuration) as pilot:
        await press(pilot, "tab", "e")
        await pilot.pause(0.2)
        assert "Add an endpoint" in text(pilot)


@pytest.mark.parametrize("key", ["space", "c", "h", "slash", "s", "P", "Z", "escape"])
async def test_what_came_back_is_said_until_the_first_thing_is_done(key: str) -> None:
    async with running(came_back()) as pilot:
        await press(pilot, "j", "tab", "w", "j", "w", "tab")
        assert main(pilot).notice.display
        await press(pilot, key)
        assert not main(pilot).notice.display


async def test_looking_around_does_not_hide_it() -> None:
    async with running(came_back()) as pilot:
        await press(pilot, *"jjk", "pagedown", "tab", "w", "w", "question_mark", "escape")
        assert "3 transfers resumed (14.2 GiB left)" in text(pilot)
