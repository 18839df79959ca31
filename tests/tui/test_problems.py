"""The log of problems: what went wrong, why, what to do, with the request id, newest first."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine import Location, ObjectRef, Problem, Trouble
from tests.engine.queue.faulty import running_on
from tests.engine.queue.real import write
from tests.servers.scripted import ScriptedS3
from tests.tui import example
from tests.tui.drive import drawn, press, running, text, until
from tests.tui.on_engine import on_screen
from tui.problem_log import ProblemLog


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AK")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "SK")


@pytest.fixture
def s3() -> Iterator[ScriptedS3]:
    with ScriptedS3("b") as server:
        yield server


def problem(why: str, id: str = "") -> Problem:
    return Problem("upload /data/x", why, "Ask for the permission.", True, "access-denied", id)


async def test_a_failed_item_is_in_the_log_with_its_request_id(s3: ScriptedS3, tmp_path: Path) -> None:
    s3.refuse("AccessDenied", 403, operation="PutObject", nth=(1,))
    write(tmp_path / "files" / "a.bin", 100)
    with running_on(tmp_path / "state", s3.url) as engine:
        engine.settled(engine.copy(tmp_path / "files" / "a.bin", "s3://b/a.bin"))
        [trouble] = engine.manager.troubles()
        assert trouble.problem.request_id and trouble.at > 1e9
        async with on_screen(engine, tmp_path / "files") as screen:
            await screen.press("exclamation_mark")
            await screen.shows("The last problems", "a.bin", "access is denied")
            await screen.press("enter")
            await screen.shows("Request id", trouble.problem.request_id, "What to do", "Why")
            await screen.press("escape")
            await screen.shows("The last problems")
            await screen.press("escape", "w", "enter")
            await screen.shows(f"request {trouble.problem.request_id}")
    with running_on(tmp_path / "state", s3.url) as engine:
        assert [each.at for each in engine.manager.troubles()] == [0.0], "forgotten over the restart"


async def test_tries_that_failed_are_in_the_log_though_the_item_went_well(
    s3: ScriptedS3, tmp_path: Path
) -> None:
    s3.refuse("InternalError", 500, operation="PutObject", nth=(1,))
    write(tmp_path / "files" / "a.bin", 100)
    with running_on(tmp_path / "state", s3.url) as engine:
        await asyncio.to_thread(engine.settled, engine.copy(tmp_path / "files" / "a.bin", "s3://b/a.bin"))
        assert engine.state("a.bin").value == "done"
        assert ["InternalError" in each.problem.why for each in engine.manager.troubles()] == [True]


async def test_typing_finds_problems_by_any_word_and_newest_come_first() -> None:
    manager = example.example_manager()
    manager.trouble = tuple(
        Trouble(example.NOW - 60 * n, f"/data/file-{n}.bin", problem(f"reason {n}", f"REQ{n}"))
        for n in range(30)
    )
    async with running(manager) as pilot:
        await press(pilot, "exclamation_mark")
        lines = [line for line in drawn(pilot) if "reason" in line]
        assert ["file-0.bin" in lines[0], "file-1.bin" in lines[1]] == [True, True]
        assert "12:00:00" in lines[0]
        await press(pilot, *"req17")
        await until(pilot, lambda: "file-17.bin" in text(pilot))
        shown = text(pilot)
        assert "file-1.bin" not in shown
        assert "reason 17 · Ask for the permission. · request REQ17" in shown


async def test_a_pane_that_cannot_be_read_is_in_the_log() -> None:
    archive = Location(ObjectRef("archive"), example.PROD.connection_id)
    async with running(example.example_manager(), right=archive) as pilot:
        await pilot.pause(0.6)
        await press(pilot, "exclamation_mark")
        await until(pilot, lambda: "list s3://archive/" in text(pilot))
        assert "request 4A7BX0N2C0FFEE" in text(pilot)


async def test_without_problems_it_says_so() -> None:
    async with running(example.example_manager()) as pilot:
        await press(pilot, "exclamation_mark")
        assert "Nothing went wrong since the start" in text(pilot)


def test_what_comes_up_again_and_again_is_counted() -> None:
    now = [100.0]
    log = ProblemLog(lambda: now[0])
    for _ in range(3):
        now[0] += 1
        log.add(problem("x"))
    log.add(problem("y"))
    queue = [Trouble(102.0, "/a", problem("z")), Trouble(0.0, "/b", problem("old"))]
    found = [(each.problem.why, each.count) for each in log.with_those(queue)]
    assert sorted(found) == [("old", 1), ("x", 3), ("y", 1), ("z", 1)]
    assert [why for why, _ in found][2:] == ["z", "old"]
