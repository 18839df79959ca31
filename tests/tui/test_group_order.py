"""Groups go up and down the queue past their neighbours as a whole, on the real engine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine import OperationId, View
from tests.engine.queue.faulty import running_on
from tests.engine.queue.real import MIB, Engine, write
from tests.servers.scripted import ScriptedS3
from tests.tui.on_engine import on_screen


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AK")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "SK")


@pytest.fixture
def s3() -> Iterator[ScriptedS3]:
    with ScriptedS3("b") as server:
        yield server


def three(engine: Engine, files: Path) -> None:
    """Two groups with a file alone between them, all held."""
    engine.manager.pause_all()
    for name, count in (("logs", 3), ("pics", 2)):
        for number in range(count):
            write(files / name / f"{name}-{number}", MIB, seed=number)
    write(files / "one.bin", MIB)
    engine.copy(files / "logs", "s3://b/logs/")
    engine.until(lambda: engine.manager.snapshot().total == 3)
    engine.copy(files / "one.bin", "s3://b/one.bin")
    engine.until(lambda: engine.manager.snapshot().total == 4)
    engine.copy(files / "pics", "s3://b/pics/")
    engine.until(lambda: engine.manager.snapshot().total == 6)


def order(engine: Engine) -> list[str]:
    """The items as they will run, and those of each group in theirs."""
    rows = engine.manager.snapshot(0, 100, View.ALL, "").rows
    operations = {OperationId(row.operation) for row in rows}
    rows = engine.manager.snapshot(0, 100, View.ALL, "", operations).rows
    return [row.source.rpartition("/")[2] for row in rows if row.group is None]


LOGS, PICS, ONE = ["logs-0", "logs-1", "logs-2"], ["pics-0", "pics-1"], ["one.bin"]


async def test_a_group_goes_past_a_file_and_past_a_group_and_keeps_the_order_of_its_own(
    s3: ScriptedS3, tmp_path: Path
) -> None:
    with running_on(tmp_path / "state", s3.url) as engine:
        three(engine, tmp_path / "files")
        async with on_screen(engine, tmp_path / "files") as screen:
            await screen.press("w")
            await screen.shows("▸▲ logs", "▲ one.bin", "▸▲ pics", "2 Held 6")
            assert order(engine) == LOGS + ONE + PICS
            await screen.press("j", "j", "K")
            await screen.until(lambda _: order(engine) == LOGS + PICS + ONE)
            await screen.press("K")
            await screen.until(lambda _: order(engine) == PICS + LOGS + ONE)
            await screen.press("K")
            await screen.press("J")
            await screen.until(lambda _: order(engine) == LOGS + PICS + ONE)
            await screen.press("J", "J")
            await screen.until(lambda _: order(engine) == LOGS + ONE + PICS)


async def test_an_open_group_moves_with_its_items_and_stays_under_the_cursor(
    s3: ScriptedS3, tmp_path: Path
) -> None:
    with running_on(tmp_path / "state", s3.url) as engine:
        three(engine, tmp_path / "files")
        async with on_screen(engine, tmp_path / "files") as screen:
            await screen.press("w", "enter")
            await screen.shows("▾▲ logs", "▲ logs-2")
            await screen.press("J", "J")
            await screen.until(lambda _: order(engine) == ONE + PICS + LOGS)
            await screen.press("K", "K", "K")
            await screen.until(lambda _: order(engine) == LOGS + ONE + PICS)
            await screen.press("enter")
            text = await screen.shows("▸▲ logs", "▲ one.bin", "▸▲ pics")
            assert text.index("▸▲ logs") < text.index("▲ one.bin") < text.index("▸▲ pics")
