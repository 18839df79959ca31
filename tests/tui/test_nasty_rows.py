"""What a row of an operation, a notice about the settings file and a key of one's own show is only ever text."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine import GroupFacts, Profile, TransferState, UsageError, Waiting
from tests.tui import nasty
from tests.tui.drive import assert_harmless, press, queue, running, text, told, until
from tests.tui.fake_browser import FakeBrowser
from tests.tui.fake_engine import FakeManager
from tests.tui.test_settings_screen import configured
from tui import keymap
from tui.configuration import Configuration
from tui.safe_text import display
from tui.screens.form import FormScreen

S = TransferState


def waiting_groups() -> FakeManager:
    """Operations whose items wait for what a server said, one for each vector."""
    manager = FakeManager(FakeBrowser({"/home/ann/data/": []}), [Profile("p")])
    for name in nasty.ALL:
        for reason in ("throttled", "clock"):
            manager.add(
                name,
                S.WAITING,
                source=f"/data/{name}/ and 2 more",
                target=f"s3://b/{name}/",
                group=GroupFacts(name, {S.WAITING: 3, S.DONE: 1}, False, False, True),
                waiting=Waiting(reason, name, 3.0),
            )
    return manager


@pytest.mark.parametrize("size", [(80, 24), (400, 50)])
async def test_what_a_server_said_is_harmless_in_the_row_of_an_operation(size: tuple[int, int]) -> None:
    async with running(waiting_groups(), size=size) as pilot:
        await press(pilot, "w")
        seen = ""
        for _ in range(16):
            assert_harmless(pilot)
            seen += "\n".join(queue(pilot))
            await press(pilot, "pagedown")
        assert "1 of 4" in seen
        if size[0] > 200:
            assert display(nasty.TERM[0]) in seen, "what the server said has no room: nothing was tried"


NAME = "\x1b]0;pwn\x07\u202e.toml"
"""A settings file that would set the title of the terminal."""


def in_a_nasty_file(folder: Path, text: str = "", line: str = "") -> Configuration:
    path = folder / NAME
    path.write_text(text)
    return configured(folder, line=line, S3TUI_CONFIG=str(path))


async def test_a_notice_names_a_nasty_settings_file_harmlessly(tmp_path: Path) -> None:
    configuration = in_a_nasty_file(tmp_path, line="--workers 4")
    async with running(configuration=configuration) as pilot:
        await press(pilot, "comma", *"workers", "enter", *"20", "enter")
        await until(pilot, lambda: bool(told(pilot)))
        assert told(pilot) == [f"{display(NAME)} is changed; flag --workers still goes before it"]
        assert_harmless(pilot)


async def test_a_notice_names_where_an_endpoint_was_written_harmlessly(tmp_path: Path) -> None:
    configuration = in_a_nasty_file(tmp_path)
    async with running(configuration=configuration) as pilot:
        await press(pilot, "e")
        await until(pilot, lambda: "Add an endpoint" in text(pilot))
        assert_harmless(pilot)
        await press(pilot, *"add an", "enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, FormScreen))
        await pilot.pause()
        await press(pilot, *"lab", "tab", *"https://lab.lan", "enter")
        await until(pilot, lambda: bool(told(pilot)))
        assert told(pilot) == [f"Endpoint lab is in {display(NAME)}"]
        assert_harmless(pilot)


@pytest.mark.parametrize("key", ["\u3164", "\uffa0", "\u115f"])
def test_a_letter_of_which_nothing_is_drawn_is_no_key(key: str) -> None:
    with pytest.raises(UsageError, match="there is no key"):
        keymap.read({"pane.copy": [key]}, "config.toml")
