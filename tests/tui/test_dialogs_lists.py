"""Lines to type, lists to choose from, sheets to read."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine import (
    ItemKind,
    OperationId,
    PartSnapshot,
    Problem,
    TransferDetail,
    TransferId,
    TransferSnapshot,
    TransferState,
    Verified,
    Waiting,
)
from tests.tui.dialog_host import PENDING, acted_on, answer_to, drawn, given, shown, text
from tests.tui.nasty import ALL, TERM
from tui import keys
from tui.keys import Context
from tui.screens.chooser import ChooserScreen
from tui.screens.details import DetailsScreen, TransferDetailsScreen
from tui.screens.help import HelpScreen
from tui.screens.prompt import Poll, PromptScreen
from tui.screens.safe_input import stand_ins

FOLDERS = ("/etc/alternatives/", "/etc/apt/", "/etc/bash/", "/home/")


def folders(line: str) -> Poll:
    return lambda: [folder for folder in FOLDERS if folder.startswith(line) and folder != line]


async def test_a_prompt_answers_what_was_typed() -> None:
    assert await answer_to(PromptScreen("New folder"), *"logs", "enter") == "logs"


async def test_typing_replaces_the_value_that_stands_there() -> None:
    assert await answer_to(PromptScreen("Rename", value="old.txt"), *"new", "enter") == "new"
    assert await answer_to(PromptScreen("Rename", value="old.txt"), "end", *".gz", "enter") == "old.txt.gz"


async def test_escape_leaves_a_prompt_without_an_answer() -> None:
    assert await answer_to(PromptScreen("Rename", value="old"), "escape") is None


async def test_a_prompt_stays_open_until_the_line_makes_sense() -> None:
    def check(line: str) -> str:
        return "" if line == "ok" else "a name cannot hold /"

    async with shown(PromptScreen("Rename", check=check)) as pilot:
        await pilot.press("a", "slash", "enter")
        assert given(pilot) is PENDING
        assert "a name cannot hold /" in text(pilot)
        await pilot.press("backspace", "backspace", "o", "k", "enter")
        assert given(pilot) == "ok"


async def test_tab_completes_as_far_as_is_sure() -> None:
    dialog = PromptScreen("Go to", completer=folders)
    assert await answer_to(dialog, "slash", "h", "tab", "enter") == "/home/"
    dialog = PromptScreen("Go to", completer=folders)
    assert await answer_to(dialog, "slash", "e", "tab", "a", "p", "tab", "enter") == "/etc/apt/"


async def test_a_completion_is_chosen_with_the_arrows() -> None:
    dialog = PromptScreen("Go to", completer=folders)
    assert await answer_to(dialog, "slash", "e", "down", "down", "enter", "enter") == "/etc/apt/"
    dialog = PromptScreen("Go to", completer=folders)
    assert await answer_to(dialog, "slash", "e", "down", "up", "enter") == "/e"


async def test_completions_that_come_late_are_shown_when_they_come() -> None:
    ready: list[str] = []
    dialog = PromptScreen("Go to", value="/", completer=lambda line: lambda: list(ready) or None)
    async with shown(dialog) as pilot:
        assert "/late/" not in text(pilot)
        ready.append("/late/")
        dialog._look()
        await pilot.pause()
        assert "/late/" in text(pilot)


async def test_a_name_that_cannot_be_shown_can_still_be_edited() -> None:
    name = "\x1b]0;pwn\x07\udcff.txt"
    dialog = PromptScreen("Rename", value=name)
    async with shown(dialog) as pilot:
        assert "␛]0;pwn␇�.txt" in text(pilot)
        await pilot.press("end", "x", "enter")
        assert given(pilot) == name + "x"


@pytest.mark.parametrize("name", TERM)
def test_stand_ins_are_one_for_one(name: str) -> None:
    assert len(stand_ins(name)) == len(name)
    assert all(ord(char) >= 32 for char in stand_ins(name))


async def test_a_chooser_narrows_as_one_types() -> None:
    options = [("p", "profile prod"), ("d", "profile dev"), ("b", "bucket backups")]
    assert await answer_to(ChooserScreen("Where", options), "enter") == "p"
    assert await answer_to(ChooserScreen("Where", options), "down", "enter") == "d"
    assert await answer_to(ChooserScreen("Where", options), *"buck", "enter") == "b"
    assert await answer_to(ChooserScreen("Where", options), *"zzz", "enter") is PENDING
    assert await answer_to(ChooserScreen("Where", options), "escape") is None


async def test_a_chooser_of_thousands_shows_some_and_finds_all() -> None:
    options = [(str(n), f"bucket-{n:05}") for n in range(3000)]
    async with shown(ChooserScreen("Bucket", options)) as pilot:
        assert "and 2,500 more; type to find" in text(pilot)
        await pilot.press(*"02999", "enter")
        assert given(pilot) == "2999"


async def test_help_lists_what_works_here_and_runs_it() -> None:
    chosen = await answer_to(HelpScreen(Context.QUEUE), *"parts attempts", "enter")
    assert chosen is keys.action("queue.details")
    async with shown(HelpScreen(Context.QUEUE)) as pilot:
        assert "Make a folder" not in text(pilot)
        await pilot.press(*"new folder nowhere")
        assert "nothing matches" in text(pilot)


def test_help_has_every_entry_of_the_table() -> None:
    for context in (Context.PANES, Context.QUEUE):
        listed = [line.value for line in HelpScreen(context)._lines if line.value is not None]
        assert listed and set(listed) == set(keys.for_context(context, Context.LIST, Context.GLOBAL))


async def test_details_wrap_long_values_and_scroll() -> None:
    pairs = [("Key", "k" * 100), *((f"Name {n}", f"value {n}") for n in range(40))]
    async with shown(DetailsScreen("Object", pairs)) as pilot:
        assert sum("kkkk" in line for line in drawn(pilot)) == 2
        assert "value 39" not in text(pilot)
        await pilot.press("G")
        assert "value 39" in text(pilot)
        await pilot.press("g")
        assert "value 39" not in text(pilot)
        await pilot.press("q")
        assert given(pilot) is None


class OneTransfer:
    def __init__(self, detail: TransferDetail | None) -> None:
        self.value = detail

    def detail(self, id: TransferId) -> TransferDetail | None:
        return self.value


def waiting() -> TransferDetail:
    row = TransferSnapshot(
        id=TransferId(7),
        operation=OperationId(1),
        kind=ItemKind.UPLOAD,
        state=TransferState.WAITING,
        source="/data/dump.tar",
        target="s3://b/dump.tar",
        size=100 << 20,
        bytes_done=30 << 20,
        bytes_confirmed=24 << 20,
        parts_done=3,
        parts=13,
        waiting=Waiting("retry", "503 SlowDown", 12.0, 2, 8),
    )
    parts = (PartSnapshot(4, 24 << 20, 8 << 20, 6 << 20, "retrying", 1),)
    problem = Problem("upload part 4", "the server is busy", "It is tried again.", True, "slow-down", "REQ7")
    return TransferDetail(row, 8 << 20, parts, 1, problem, "upload-77", 0.0, "prod@aws")


async def test_transfer_details_are_live_and_tell_everything() -> None:
    manager = OneTransfer(waiting())
    dialog = TransferDetailsScreen(manager, TransferId(7))
    async with shown(dialog, (80, 50)) as pilot:
        seen = text(pilot)
        for fact in (
            "waiting: retry 2/8 in 12s (503 SlowDown)",
            "/data/dump.tar",
            "s3://b/dump.tar",
            "30 MiB (30%)",
            "upload part 4: the server is busy",
            "It is tried again.",
            "request REQ7",
            "upload-77",
            "3 of 13, 8 MiB each",
            "[#######---] retrying",
            "not yet",
        ):
            assert fact in seen, fact
        row = replace(waiting().row, state=TransferState.DONE, waiting=None, verified=Verified.CRC)
        manager.value = replace(waiting(), row=row, last_error=None)
        dialog.draw()
        await pilot.pause()
        assert "crc: the server's checksum equals ours" in text(pilot)
        assert "503" not in text(pilot)


async def test_details_of_a_transfer_that_is_gone_say_so() -> None:
    async with shown(TransferDetailsScreen(OneTransfer(None), TransferId(7))) as pilot:
        assert "it is no longer in the queue" in text(pilot)


async def test_no_name_breaks_a_line_a_list_or_a_sheet() -> None:
    assert (
        await acted_on(PromptScreen(n, value=n, placeholder=n, completer=lambda _: lambda: ALL) for n in ALL)
        == []
    )
    assert await acted_on(ChooserScreen(name, [("id", name)]) for name in ALL) == []
    assert await acted_on(DetailsScreen(name, [(name, name)]) for name in ALL) == []
    assert (
        await acted_on(TransferDetailsScreen(OneTransfer(named(name)), TransferId(7)) for name in ALL) == []
    )


def named(name: str) -> TransferDetail:
    row = replace(waiting().row, source=name, target=name)
    return replace(waiting(), row=row, notes=(name,), upload_id=name)
