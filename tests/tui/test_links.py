"""Links to objects: for a time that is chosen, to the clipboard, and nowhere else."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from tests.servers.seaweed import Seaweed
from tests.tui.drive import Driver, engine, press, running, tells, text, until
from tests.tui.real_screen import put_cursor_on, real_screen, shows
from tui.log import redact

ON_DUMP = ("tab", *("j" * 3))


def asked(pilot: Driver) -> list[int]:
    """For how long links were asked for, in seconds."""
    return [what[1] for kind, what in engine(pilot).browser.asked if kind == "presign"]


def read(link: str) -> bytes:
    with urlopen(link, timeout=10) as reply:
        body: bytes = reply.read()
        return body


@pytest.mark.parametrize(
    ("keys", "seconds", "words"),
    [
        ((), 900, "15 minutes, until 2026-11-24 12:15"),
        (("down",), 3600, "1 hour, until 2026-11-24 13:00"),
        (("down", "down"), 86_400, "1 day, until 2026-11-25 12:00"),
        (("down", "down", "down"), 604_800, "7 days, until 2026-12-01 12:00"),
    ],
)
async def test_how_long_a_link_works_is_chosen(keys: tuple[str, ...], seconds: int, words: str) -> None:
    async with running() as pilot:
        await press(pilot, *ON_DUMP, "Y")
        assert "How long shall a link to dump.tar work?" in text(pilot)
        await press(pilot, *keys, "enter")
        await until(pilot, lambda: f"works for {words[:9]}" in text(pilot))
        assert f"Copied a link to dump.tar that works for {words}" in " ".join(text(pilot).split())
        assert asked(pilot) == [seconds]
        assert "X-Amz" not in text(pilot) and "X-Amz" in pilot.app.clipboard


async def test_another_time_is_typed_and_what_s3_does_not_allow_is_refused() -> None:
    async with running() as pilot:
        await press(pilot, *ON_DUMP, "Y", *("down",) * 4, "enter")
        await until(pilot, lambda: "90m, 12h or 3d" in text(pilot))
        for typed, complaint in (("soon", "Write a number and a unit"), ("8d", "S3 allows 7 days at most")):
            await press(pilot, *typed, "enter")
            assert complaint in text(pilot)
            await press(pilot, *("backspace",) * len(typed))
        await press(pilot, *"90m", "enter")
        await until(pilot, lambda: asked(pilot) == [5400])
        await until(pilot, lambda: "works for 90 minutes" in text(pilot))


async def test_esc_makes_no_link_and_a_folder_has_none() -> None:
    async with running() as pilot:
        await press(pilot, *ON_DUMP, "Y", "escape", "k", "k", "Y")
        assert asked(pilot) == []
        await tells(pilot, "Links can be made for objects only")


async def test_of_temporary_keys_it_is_said_that_the_link_may_end_earlier() -> None:
    async with running() as pilot:
        engine(pilot).browser.values["presign"] = "https://e/k?X-Amz-Security-Token=T&X-Amz-Signature=S"
        await press(pilot, *ON_DUMP, "Y", "enter")
        await until(pilot, lambda: "Copied a link" in text(pilot))
        assert "it ends earlier where these temporary keys do" in " ".join(text(pilot).split())


async def test_on_the_real_server_a_link_opens_the_object_and_no_log_holds_it(
    seaweed: Seaweed, bucket: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    client: Any = seaweed.client()
    client.put_object(Bucket=bucket, Key="d/k.txt", Body=b"for you")
    with caplog.at_level(logging.DEBUG):
        async with real_screen(seaweed, tmp_path, f"{bucket}/d/") as pilot:
            await put_cursor_on(pilot, "k.txt")
            await pilot.press("Y", "enter")
            await shows(pilot, "Copied a link to k.txt")
            link = pilot.app.clipboard
            assert "X-Amz-Signature" not in text(pilot)
    assert read(link) == b"for you"
    signature = link.partition("X-Amz-Signature=")[2].partition("&")[0]
    assert len(signature) == 64
    assert signature not in redact(f"GET {link}") and signature not in redact(caplog.text)
