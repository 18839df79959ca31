"""Objects in an archive: asked about, restored once, waited for over restarts, and then fetched by themselves."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine import TransferSnapshot, TransferState
from engine.jobs.restoring import DAYS
from engine.queue import retrying
from tests.engine.queue.real import MIB, Engine, part_files, running_at, write
from tests.servers.s3_request import Answer, Asked
from tests.servers.scripted import ScriptedS3

S = TransferState
READABLE = 'ongoing-request="false", expiry-date="Fri, 21 Dec 2035 00:00:00 GMT"'


@pytest.fixture
def s3() -> Iterator[ScriptedS3]:
    with ScriptedS3("b") as server:
        server.put("b", "cold", b"frozen")
        server.switches.archived = {"cold": ""}
        yield server


@pytest.fixture
def engine(s3: ScriptedS3, tmp_path: Path) -> Iterator[Engine]:
    with running_at(s3.url, tmp_path / "state") as engine:
        yield engine


def asks(engine: Engine, tmp_path: Path) -> None:
    """Queue the download, until it asks."""
    engine.copy("s3://b/cold", tmp_path / "cold")
    engine.until(lambda: engine.state("cold") is S.ATTENTION)


def restores(engine: Engine, tmp_path: Path, answer: str = "restore-bulk") -> None:
    """As `asks`, answered, until it waits."""
    asks(engine, tmp_path)
    engine.manager.answer(engine.row("cold").id, answer)
    engine.until(lambda: engine.state("cold") is S.WAITING)


def test_an_archived_object_asks_what_to_do_and_costs_nothing_until_then(
    engine: Engine, s3: ScriptedS3, tmp_path: Path
) -> None:
    asks(engine, tmp_path)
    question = engine.row("cold").question
    assert question is not None
    assert (question.kind, question.text) == ("archived", "the object is archived")
    assert question.answers == ("restore-bulk", "restore-standard", "restore-expedited", "cancel")
    assert s3.count("RestoreObject") == 0
    engine.manager.cancel(engine.row("cold").id)
    engine.until(lambda: engine.state("cold") is S.CANCELLED and not part_files(tmp_path))
    assert not (tmp_path / "cold").exists()


@pytest.mark.parametrize(
    ("answer", "tier"),
    [("restore-bulk", "Bulk"), ("restore-standard", "Standard"), ("restore-expedited", "Expedited")],
)
def test_once_restored_it_is_fetched_by_itself(
    engine: Engine,
    s3: ScriptedS3,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    answer: str,
    tier: str,
) -> None:
    bodies: list[bytes] = []

    def note_and_take(asked: Asked) -> Answer:
        bodies.append(asked.body)
        return take(asked)

    monkeypatch.setattr(retrying, "_FIRST_LOOK", 0.05)
    monkeypatch.setattr(retrying, "_LOOK_EVERY", 0.05)
    take = s3._actions["RestoreObject"]
    s3._actions["RestoreObject"] = note_and_take
    restores(engine, tmp_path, answer)
    waiting = engine.row("cold").waiting
    assert waiting is None or waiting.reason == "restoring"
    looked = s3.count("HeadObject")
    engine.until(lambda: s3.count("HeadObject") > looked + 2)
    assert engine.state("cold") in (S.WAITING, S.RUNNING, S.QUEUED)
    s3.switches.archived["cold"] = READABLE
    engine.until(lambda: engine.state("cold") is S.DONE)
    assert (tmp_path / "cold").read_bytes() == b"frozen"
    assert len(bodies) == 1
    assert f"<Tier>{tier}</Tier>".encode() in bodies[0] and f"<Days>{DAYS}</Days>".encode() in bodies[0]


def test_it_waits_long_between_looks_and_looks_when_told_to(
    engine: Engine, s3: ScriptedS3, tmp_path: Path
) -> None:
    restores(engine, tmp_path)
    waiting = engine.row("cold").waiting
    assert waiting is not None
    assert waiting.reason == "restoring" and 0 < waiting.seconds_left <= 60
    # Without a screen nobody sits there for days: that is for --wait-for to say.
    engine.until(lambda: engine.manager.waits_only)
    engine.manager.retry(engine.row("cold").id)
    engine.until(lambda: engine.state("cold") is S.WAITING and s3.count("HeadObject") > 2)
    later = engine.row("cold").waiting
    assert later is not None and 60 < later.seconds_left <= 120
    s3.switches.archived["cold"] = READABLE
    engine.manager.retry(engine.row("cold").id)
    engine.until(lambda: engine.state("cold") is S.DONE)
    assert s3.count("RestoreObject") == 1


def test_a_restart_goes_on_waiting_and_does_not_pay_twice(s3: ScriptedS3, tmp_path: Path) -> None:
    with running_at(s3.url, tmp_path / "state") as engine:
        restores(engine, tmp_path)
    with running_at(s3.url, tmp_path / "state") as engine:
        engine.until(lambda: engine.state("cold") is S.WAITING)
        assert s3.count("RestoreObject") == 1
    s3.switches.archived["cold"] = READABLE
    with running_at(s3.url, tmp_path / "state") as engine:
        engine.until(lambda: (tmp_path / "cold").exists())
    assert (tmp_path / "cold").read_bytes() == b"frozen"
    assert s3.count("RestoreObject") == 1


def test_while_one_waits_for_its_archive_others_are_fetched(
    engine: Engine, s3: ScriptedS3, tmp_path: Path
) -> None:
    keys = [f"cold-{number:02}" for number in range(20)]
    for key in keys:
        s3.put("b", key, b"x")
        s3.switches.archived[key] = 'ongoing-request="true"'
    s3.put("b", "warm", write(tmp_path / "data", 9 * MIB).read_bytes())
    operation = engine.copy([f"s3://b/{key}" for key in keys], f"{tmp_path}/out/")
    engine.until(lambda: len([row for row in _rows(engine) if row.state is S.ATTENTION]) == 20)
    engine.manager.answer(_rows(engine)[0].id, "restore-bulk", for_operation=True)
    engine.until(lambda: all(row.state is S.WAITING for row in _rows(engine)))
    assert s3.count("RestoreObject") == 0  # It was under way already.
    engine.do(engine.copy("s3://b/warm", tmp_path / "warm"))
    assert (tmp_path / "warm").read_bytes() == (tmp_path / "data").read_bytes()
    # Any of them, in whatever order they come.
    s3.switches.archived["cold-17"] = READABLE
    engine.manager.retry(engine.row("cold-17").id)
    engine.until(lambda: (tmp_path / "out" / "cold-17").exists())
    assert operation


def test_a_restore_that_came_to_nothing_fails_and_is_not_paid_again_by_itself(
    engine: Engine, s3: ScriptedS3, tmp_path: Path
) -> None:
    restores(engine, tmp_path)
    s3.switches.archived["cold"] = ""  # It was restored, and has expired since.
    engine.manager.retry(engine.row("cold").id)
    engine.until(lambda: engine.state("cold") is S.FAILED)
    problem = engine.row("cold").problem
    assert problem is not None and "its restore is over, or never began" in problem.why
    assert s3.count("RestoreObject") == 1
    engine.manager.retry(engine.row("cold").id)
    engine.until(lambda: engine.state("cold") is S.ATTENTION)
    assert s3.count("RestoreObject") == 1


def test_a_tier_that_is_refused_fails_with_the_reason_and_asks_again(
    engine: Engine, s3: ScriptedS3, tmp_path: Path
) -> None:
    s3.refuse("GlacierExpeditedRetrievalNotAvailable", 503, operation="RestoreObject")
    asks(engine, tmp_path)
    engine.manager.answer(engine.row("cold").id, "restore-expedited")
    engine.until(lambda: engine.state("cold") is S.FAILED)
    problem = engine.row("cold").problem
    assert problem is not None and "nothing can be expedited now" in problem.why
    s3.relent()
    engine.manager.retry(engine.row("cold").id)
    engine.until(lambda: engine.state("cold") is S.ATTENTION)
    engine.manager.answer(engine.row("cold").id, "restore-bulk")
    engine.until(lambda: engine.state("cold") is S.WAITING)


def test_who_may_not_restore_is_told_the_permission(engine: Engine, s3: ScriptedS3, tmp_path: Path) -> None:
    s3.refuse("AccessDenied", 403, operation="RestoreObject")
    asks(engine, tmp_path)
    engine.manager.answer(engine.row("cold").id, "restore-bulk")
    engine.until(lambda: engine.state("cold") is S.FAILED)
    problem = engine.row("cold").problem
    assert problem is not None and "s3:RestoreObject" in problem.why


def test_a_paused_restore_stays_paused_and_goes_on(engine: Engine, s3: ScriptedS3, tmp_path: Path) -> None:
    restores(engine, tmp_path)
    engine.manager.pause(engine.row("cold").id)
    assert engine.state("cold") is S.PAUSED
    s3.switches.archived["cold"] = READABLE
    engine.manager.resume(engine.row("cold").id)
    engine.until(lambda: engine.state("cold") is S.DONE)
    assert (tmp_path / "cold").read_bytes() == b"frozen"


def _rows(engine: Engine) -> list[TransferSnapshot]:
    return [row for row in engine.manager.snapshot(0, 100).rows if "/cold-" in row.source and not row.group]
