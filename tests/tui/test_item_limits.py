"""A rate limit of its own for an item or a group, given in the queue."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine import TransferState
from tests.engine.queue.faulty import running_on
from tests.engine.queue.real import MIB, write
from tests.servers.scripted import ScriptedS3
from tests.tui.on_engine import on_screen

S = TransferState


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AK")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "SK")


async def test_l_gives_an_item_its_own_limit_which_its_row_and_details_tell(tmp_path: Path) -> None:
    file = write(tmp_path / "big.bin", 12 * MIB)
    with ScriptedS3("b") as s3, running_on(tmp_path / "state", s3.url) as engine:
        engine.manager.pause_all()
        engine.copy(file, "s3://b/big.bin")
        engine.until(lambda: engine.row("big.bin"))
        async with on_screen(engine, tmp_path) as screen:
            await screen.press("w", "l")
            await screen.shows("Rate limit of big.bin, now off")
            await screen.press(*"5M:2M", "enter")
            await screen.shows("An item goes one way")
            await screen.press(*["backspace"] * 5, *"1K", "enter")
            await screen.shows("12.0M, at most 1.0K/s")
            engine.manager.resume_all()
            await screen.shows("RUN", "≤1.0K")
            await screen.press("enter")
            await screen.shows("Limit", "1.0K/s, of its own")
            await screen.press("escape")
            await screen.shows("≤1.0K")
            await screen.press("l", *"off", "enter")
            await screen.until(lambda text: "DONE" in text and "≤1.0K" not in text)
    assert len(s3.store.buckets["b"]) == 1


async def test_l_on_a_group_goes_for_each_of_its_items_and_what_is_over_takes_none(tmp_path: Path) -> None:
    for number in range(3):
        write(tmp_path / "files" / f"{number}.bin", MIB, seed=number)
    with ScriptedS3("b") as s3, running_on(tmp_path / "state", s3.url) as engine:
        engine.manager.pause_all()
        engine.copy(tmp_path / "files", "s3://b/")
        engine.until(lambda: engine.manager.snapshot().total == 3)
        async with on_screen(engine, tmp_path) as screen:
            await screen.press("w", "l")
            await screen.shows("Rate limit of each item of files")
            await screen.press(*"2M", "enter")
            await screen.until(lambda text: "Rate limit of each" not in text)
            assert [row.rate_limit for row in engine.manager.snapshot().rows] == [2 * MIB] * 3
            engine.manager.resume_all()
            await screen.shows("3 of 3")
            await screen.press("l")
            await screen.shows("It is over")
