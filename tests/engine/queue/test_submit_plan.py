"""A plan that was looked at becomes just the items that were chosen: all of them, or none."""

from __future__ import annotations

from pathlib import Path

from engine import (
    ConflictPolicy,
    LocalRef,
    ObjectRef,
    Plan,
    PlanChoice,
    PlanClass,
    TransferOptions,
    TransferRequest,
    TransferState,
)
from tests.engine.asking import ended
from tests.engine.queue.real import Engine, running, write
from tests.servers.seaweed import Seaweed


def look(engine: Engine, here: Path, bucket: str) -> Plan:
    asked = TransferRequest(
        (LocalRef(f"{here}/"),), ObjectRef(bucket), engine.profile.connection_id, TransferOptions()
    )
    browser = engine.manager.browser
    plan = ended(browser, browser.plan_ahead(asked)).value
    assert isinstance(plan, Plan)
    return plan


def keys(seaweed: Seaweed, bucket: str) -> dict[str, int]:
    found = seaweed.client().list_objects_v2(Bucket=bucket)
    return {each["Key"]: each["Size"] for each in found.get("Contents", ())}


def test_only_what_was_chosen_of_a_plan_is_moved(seaweed: Seaweed, bucket: str, tmp_path: Path) -> None:
    here = tmp_path / "d"
    for name, size in (("a", 10), ("b", 20), ("c", 30)):
        write(here / name, size)
    seaweed.client().put_object(Bucket=bucket, Key="c", Body=b"old")
    with running(seaweed, tmp_path / "state") as engine:
        plan = look(engine, here, bucket)
        plan.tick(PlanClass.NEW, 0)
        operation = engine.manager.submit_plan(plan, PlanChoice(differs=ConflictPolicy.OVERWRITE))
        assert operation is not None
        rows = engine.do(operation)
    assert {row.source.rpartition("/")[2]: row.state for row in rows} == {
        "b": TransferState.DONE,
        "c": TransferState.DONE,
    }
    assert keys(seaweed, bucket) == {"b": 20, "c": 30}


def test_a_plan_of_which_nothing_is_chosen_queues_nothing(
    seaweed: Seaweed, bucket: str, tmp_path: Path
) -> None:
    write(tmp_path / "d" / "a", 10)
    with running(seaweed, tmp_path / "state") as engine:
        plan = look(engine, tmp_path / "d", bucket)
        assert engine.manager.submit_plan(plan, PlanChoice(new=False)) is None
        assert engine.manager.is_settled


def test_what_was_unticked_stays_unticked_over_a_restart(
    seaweed: Seaweed, bucket: str, tmp_path: Path
) -> None:
    here = tmp_path / "d"
    for name in ("a", "b", "c"):
        write(here / name, 10)
    with running(seaweed, tmp_path / "state") as engine:
        engine.manager.pause_all()
        plan = look(engine, here, bucket)
        plan.tick(PlanClass.NEW, 1)
        assert engine.manager.submit_plan(plan, PlanChoice()) is not None
        engine.until(lambda: engine.manager.snapshot().total == 2)
    with running(seaweed, tmp_path / "state") as engine:
        assert engine.manager.snapshot().total == 2
        engine.manager.resume_all()
        engine.until(lambda: engine.manager.is_settled)
    assert set(keys(seaweed, bucket)) == {"a", "c"}
