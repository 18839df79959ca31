"""An answer for the whole operation holds for all of it: what asks, what asks later, what is found after a restart."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine import ConflictPolicy, Outcome, TransferState
from tests.engine.queue.faulty import running_on
from tests.engine.queue.real import MIB, write
from tests.servers.faults import Gate, Rule, Stall
from tests.servers.proxy import FaultProxy
from tests.servers.scripted import ScriptedS3

S = TransferState


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AK")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "SK")


@pytest.fixture
def s3() -> Iterator[ScriptedS3]:
    with ScriptedS3("b") as server:
        yield server


def test_it_holds_for_what_is_found_after_a_restart_too(
    s3: ScriptedS3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.planner.FIRST_BATCH", 2)
    s3.switches.page_size = 2
    for name in "abcd":
        s3.put("b", f"p/{name}", b"new")
        write(tmp_path / "t" / name, 5)
    with FaultProxy(s3.url) as proxy:
        rule = proxy.add(Rule(Stall(gate=Gate()), method="GET", query="continuation-token"))
        with running_on(tmp_path / "state", proxy.url) as engine:
            operation = engine.copy("s3://b/p/", f"{tmp_path}/t/", on_conflict=ConflictPolicy.ASK)
            engine.until(lambda: len(engine.manager.rows_of(operation, S.ATTENTION)) == 2)
            asking = engine.manager.rows_of(operation, S.ATTENTION)[0]
            engine.manager.answer(asking.id, "overwrite", for_operation=True)
            engine.until(lambda: not engine.manager.rows_of(operation))
            assert engine.manager.snapshot().health.planning == 1, "it was found whole: this proves nothing"
        proxy.remove(rule)
        with running_on(tmp_path / "state", proxy.url) as engine:
            engine.until(lambda: engine.manager.is_settled)
            assert not [event for event in engine.events if event.kind == "attention"]
    assert [(tmp_path / "t" / name).read_bytes() for name in "abcd"] == [b"new"] * 4


def test_cancel_for_all_cancels_also_what_asks_the_same_later(s3: ScriptedS3, tmp_path: Path) -> None:
    state, files = tmp_path / "state", [tmp_path / "f" / name for name in "ab"]
    for path in files:
        write(path, 20 * MIB)
    with FaultProxy(s3.url) as proxy:
        third = Rule(Stall(at=MIB, direction="up", gate=Gate()), method="PUT", query={"partNumber": "3"})
        rule = proxy.add(third)
        with running_on(state, proxy.url) as engine:
            engine.copy(f"{tmp_path}/f/", "s3://b/f/")
            engine.until(lambda: engine.row("/a").parts_done == 2 and engine.row("/b").parts_done == 2)
            engine.manager.pause(engine.row("/b").id)
            engine.until(lambda: engine.state("/b") is S.PAUSED)
        proxy.remove(rule)
        for path in files:
            write(path, 19 * MIB)
        with running_on(state, proxy.url) as engine:
            engine.until(lambda: engine.state("/a") is S.ATTENTION)
            question = engine.row("/a").question
            assert question is not None and question.kind == "source-changed"
            engine.manager.answer(engine.row("/a").id, "cancel", for_operation=True)
            engine.until(lambda: engine.state("/a") is S.CANCELLED)
            assert engine.state("/b") is S.PAUSED, "what does not ask is left alone"
            engine.manager.resume(engine.row("/b").id)
            engine.until(lambda: engine.state("/b") is S.CANCELLED)
            engine.until(lambda: engine.manager.is_tidy)
            told = [
                event.row.source[-2:] for event in engine.events if event.kind == "attention" and event.row
            ]
            assert told == ["/a"]
    assert s3.store.uploads == {}


def test_an_answer_to_one_is_for_one(s3: ScriptedS3, tmp_path: Path) -> None:
    for name in "ab":
        s3.put("b", f"p/{name}", b"new")
        write(tmp_path / "t" / name, 5)
    with running_on(tmp_path / "state", s3.url) as engine:
        operation = engine.copy("s3://b/p/", f"{tmp_path}/t/", on_conflict=ConflictPolicy.ASK)
        engine.until(lambda: len(engine.manager.rows_of(operation, S.ATTENTION)) == 2)
        engine.manager.answer(engine.row("/a").id, "skip")
        engine.until(lambda: engine.state("/a") is S.DONE)
        assert engine.row("/a").outcome is Outcome.SKIPPED
        assert engine.state("/b") is S.ATTENTION


def test_an_upload_of_which_nothing_was_sent_is_not_said_to_go_on(s3: ScriptedS3, tmp_path: Path) -> None:
    with FaultProxy(s3.url) as proxy:
        rule = proxy.add(Rule(Stall(at=MIB, direction="up", gate=Gate()), method="PUT"))
        with running_on(tmp_path / "state", proxy.url) as engine:
            engine.copy(write(tmp_path / "a", 20 * MIB), "s3://b/a")
            engine.until(lambda: engine.row("/a").bytes_done > 0 and s3.store.uploads)
        proxy.remove(rule)
        with running_on(tmp_path / "state", proxy.url) as engine:
            engine.until(lambda: engine.state("/a") is S.DONE)
            assert engine.row("/a").note == ""
    assert s3.count("CreateMultipartUpload") == 1
