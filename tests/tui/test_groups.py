"""Operations of several items in the queue: one row each, opened with Enter, acted on as a whole."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine import (
    ConflictPolicy,
    GroupFacts,
    ItemKind,
    OperationId,
    TransferId,
    TransferSnapshot,
    TransferState,
)
from tests.engine.queue import real
from tests.engine.queue.faulty import running_on
from tests.engine.queue.real import MIB, Engine, write
from tests.servers.faults import Gate, Rule, Stall
from tests.servers.proxy import FaultProxy
from tests.servers.scripted import ScriptedS3
from tests.servers.seaweed import Seaweed
from tests.tui.on_engine import on_screen
from tui.widgets.group_rows import row_spans

S = TransferState


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AK")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "SK")


@pytest.fixture
def s3() -> Iterator[ScriptedS3]:
    with ScriptedS3("b") as server:
        yield server


def folder(tmp_path: Path, count: int = 5, name: str = "logs", size: int = MIB) -> Path:
    """``files/logs`` with so many files of 1 MiB, beside one file alone."""
    for number in range(count):
        write(tmp_path / "files" / name / f"{number}.log", size, seed=number)
    write(tmp_path / "files" / "one.bin", MIB)
    return tmp_path / "files"


def lines_of(screen: str, *starts: str) -> list[str]:
    """The lines of the queue that begin so, without frame."""
    lines = [line.strip("│┃ ") for line in screen.splitlines()]
    return [line for line in lines if line.startswith(starts)]


def held(engine: Engine, files: Path) -> None:
    """A folder of five and a file alone, none of which moves."""
    engine.manager.pause_all()
    engine.copy(files / "logs", "s3://b/logs/")
    engine.copy(files / "one.bin", "s3://b/one.bin")
    engine.until(lambda: engine.manager.snapshot().total == 6)


async def test_a_folder_is_one_row_that_enter_opens_and_closes(s3: ScriptedS3, tmp_path: Path) -> None:
    files = folder(tmp_path)
    with running_on(tmp_path / "state", s3.url) as engine:
        held(engine, files)
        async with on_screen(engine, files) as screen:
            await screen.press("w")
            text = await screen.shows("▸▲ logs → s3://b/logs/", "0 of 5 · 0.0/5.0 MiB · 0%", "Enter Open")
            assert "0.log" not in text and len(lines_of(text, "▲ one.bin")) == 1
            await screen.press("enter")
            text = await screen.shows("▾▲ logs", "Enter Close", "   ▲ 0.log", "   ▲ 3.log")
            assert [line[:7] for line in lines_of(text, "▲ ")][:4] == [
                "▲ 0.log",
                "▲ 1.log",
                "▲ 2.log",
                "▲ 3.log",
            ]
            await screen.press("enter")
            await screen.until(lambda text: "0.log" not in text and "▸▲ logs" in text)


async def test_space_pauses_the_whole_group_and_lets_it_go_on(s3: ScriptedS3, tmp_path: Path) -> None:
    files = folder(tmp_path)
    with running_on(tmp_path / "state", s3.url) as engine:
        held(engine, files)
        async with on_screen(engine, files) as screen:
            await screen.press("w", "space")
            await screen.shows("0 of 5 · 0.0/5.0 MiB · 0% · PAUSED 5", "Space Resume")
            engine.manager.resume_all()
            await screen.shows("DONE   100%")
            assert s3.count("PutObject") == 1, "something of the paused group was moved"
            await screen.press("g", "space")
            await screen.shows("5 of 5 · 5.0/5.0 MiB · 100% · DONE")
    assert s3.count("PutObject") == 6


async def test_cancelling_a_group_asks_with_counts_and_keeps_what_is_done(
    s3: ScriptedS3, tmp_path: Path
) -> None:
    files, gate = folder(tmp_path), Gate()
    with FaultProxy(s3.url) as proxy, running_on(tmp_path / "state", proxy.url, workers=1) as engine:
        proxy.add(Rule(Stall(at=MIB // 2, direction="up", gate=gate), method="PUT", nth=3))
        engine.copy(files / "logs", "s3://b/logs/")
        await asyncio.to_thread(gate.wait_reached)
        async with on_screen(engine, files) as screen:
            await screen.press("w")
            await screen.shows("2 of 5", "RUN 1")
            await screen.press("x")
            await screen.shows(
                "Cancel 3 unfinished items of logs",
                "QUEUED 2 · RUN 1",
                "2 MiB are still to be moved.",
                "The 2 that are done stay.",
            )
            await screen.press("escape", "x", "y")
            await screen.shows("2 of 5", "CANCEL 3")
            gate.open()
    assert len(s3.store.buckets["b"]) == 2


async def test_retry_on_a_group_tries_again_what_failed(s3: ScriptedS3, tmp_path: Path) -> None:
    files = folder(tmp_path)
    s3.refuse("AccessDenied", 403, operation="PutObject", nth=(2, 4))
    with running_on(tmp_path / "state", s3.url, workers=1) as engine:
        engine.settled(engine.copy(files / "logs", "s3://b/logs/"))
        async with on_screen(engine, files) as screen:
            await screen.press("w")
            await screen.shows("3 of 5 · 3.0/5.0 MiB · 60% · FAILED 2", "r Retry")
            await screen.press("5")
            await screen.shows("[5 Failed 2]", "▲ 1.log")
            await screen.press("1", "r")
            await screen.shows("5 of 5 · 5.0/5.0 MiB · 100% · DONE")
    assert sorted(s3.store.buckets["b"]) == [f"logs/{number}.log" for number in range(5)]


async def test_a_group_goes_to_the_top_as_a_whole_and_stays_there(s3: ScriptedS3, tmp_path: Path) -> None:
    files = folder(tmp_path, 3)
    with running_on(tmp_path / "state", s3.url) as engine:
        engine.manager.pause_all()
        engine.copy(files / "one.bin", "s3://b/one.bin")
        engine.until(lambda: engine.manager.snapshot().total == 1)
        engine.copy(files / "logs", "s3://b/logs/")
        engine.until(lambda: engine.manager.snapshot().total == 4)
        async with on_screen(engine, files) as screen:
            await screen.press("w", "j", "T")
            await screen.until(lambda text: text.index("▸▲ logs") < text.index(" ▲ one.bin"))
            # A plain item goes past the group, not into it.
            await screen.press("j", "K")
            await screen.until(lambda text: text.index("▸▲ logs") > text.index(" ▲ one.bin"))
            await screen.press("J")
            await screen.until(lambda text: text.index("▸▲ logs") < text.index(" ▲ one.bin"))
    with running_on(tmp_path / "state", s3.url) as engine:
        names = [row.source[-5:] for row in engine.manager.snapshot().rows]
        assert names == ["0.log", "1.log", "2.log", "e.bin"]


async def test_what_asks_in_a_closed_group_is_found_from_its_row(s3: ScriptedS3, tmp_path: Path) -> None:
    files = folder(tmp_path, 3)
    for name in ("0.log", "2.log"):
        s3.client().put_object(Bucket="b", Key=f"logs/{name}", Body=b"another")
    with running_on(tmp_path / "state", s3.url) as engine:
        engine.settled(engine.copy(files / "logs", "s3://b/logs/", on_conflict=ConflictPolicy.ASK))
        async with on_screen(engine, files) as screen:
            await screen.press("w")
            await screen.shows("1 of 3", "ASKS 2")
            await screen.press("a")
            await screen.shows("[4 Asking 2]", "0.log", "2.log")
            await screen.press("a", "S")
            await screen.until(lambda text: "Asking 2" not in text)
            await screen.press("1")
            await screen.shows("3 of 3", "100% · DONE")
    kept = [s3.data("b", f"logs/{name}") == b"another" for name in ("0.log", "1.log", "2.log")]
    assert kept == [True, False, True], "what asked was skipped, the other one copied"


async def test_very_many_items_of_a_group_are_paused_and_cancelled(
    s3: ScriptedS3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.queue.group_commands._AT_ONCE", 4)
    files = folder(tmp_path, 30, size=10)
    with running_on(tmp_path / "state", s3.url) as engine:
        engine.manager.pause_all()
        operation = engine.copy(files / "logs", "s3://b/logs/")
        engine.until(lambda: engine.manager.snapshot().total == 30)
        engine.manager.pause_operation(operation)
        engine.until(lambda: engine.manager.snapshot().totals.count(S.PAUSED) == 30)
        engine.manager.cancel_operation(operation)
        engine.until(lambda: engine.manager.snapshot().totals.count(S.CANCELLED) == 30)
        engine.manager.clear_finished()
        assert engine.manager.snapshot(opened=()).total == 0


async def test_what_is_still_found_of_a_paused_group_is_paused(
    s3: ScriptedS3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = folder(tmp_path, 8, size=10)
    with running_on(tmp_path / "state", s3.url) as engine:
        operation = None

        def pause_first(*args: Any) -> None:
            # The planner has its first batch in hand, and somebody pauses before it is in the queue.
            assert operation is not None
            engine.manager.pause_operation(operation)
            take_in(*args)

        take_in = engine.manager._intake._take_in
        monkeypatch.setattr(engine.manager._intake, "_take_in", pause_first)
        with engine.manager._core.lock:
            operation = engine.copy(files / "logs", "s3://b/logs/")
        engine.settled(operation)
        assert engine.manager.snapshot().totals.count(S.PAUSED) == 8
    assert s3.count("PutObject") == 0


async def test_a_group_on_the_real_server_counts_bytes_to_the_end(
    seaweed: Seaweed, bucket: str, tmp_path: Path
) -> None:
    files = folder(tmp_path)
    with real.running(seaweed, tmp_path / "state") as engine:
        async with on_screen(engine, files) as screen:
            await screen.shows("logs/")
            engine.copy(files / "logs", f"s3://{bucket}/logs/")
            await screen.shows("▸▲ logs", "5 of 5 · 5.0/5.0 MiB · 100% · DONE")
    listed = seaweed.client().list_objects_v2(Bucket=bucket)["Contents"]
    assert sum(entry["Size"] for entry in listed) == 5 * 1024 * 1024


def group(**facts: object) -> TransferSnapshot:
    counts = {S.DONE: 37, S.RUNNING: 4, S.WAITING: 1, S.QUEUED: 78}
    given: dict[str, object] = {
        "id": TransferId(9), "operation": OperationId(9), "kind": ItemKind.UPLOAD, "state": S.RUNNING,
        "source": "/data/logs/", "target": "s3://b/logs/", "size": 3_650_722_202, "bytes_done": 1_288_490_189,
        "group": GroupFacts("upload /data/logs/ to s3://b/logs/", counts, False, False), **facts,
    }  # fmt: skip
    return TransferSnapshot(**given)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("facts", "drawn"),
    [
        ({}, "▸▲ logs/ → s3://b/logs/        37 of 120 · 1.2/3.4 GiB · 35% · RUN 4 · WAIT 1"),
        (
            {"kind": ItemKind.DELETE, "source": "s3://b/old/ and 2 more", "target": "", "size": 0},
            "▸✕ old/ and 2 more                                 37 of 120 · RUN 4 · WAIT 1",
        ),
    ],
)
def test_a_group_says_how_far_it_is(facts: dict[str, object], drawn: str) -> None:
    assert "".join(text for text, _ in row_spans(group(**facts), 77)) == drawn


@pytest.mark.parametrize("cells", [38, 57, 77, 117, 157])
def test_a_group_never_exceeds_its_line(cells: int) -> None:
    many = dict.fromkeys(TransferState, 123456)
    crowded = group(group=GroupFacts("x", many, True, True, True), bytes_per_second=9e7, eta=60.0)
    assert sum(len(text) for text, _ in row_spans(crowded, cells)) <= cells
