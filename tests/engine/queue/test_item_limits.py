"""A rate limit of its own for an item or for each item of an operation."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine import ConflictPolicy, TransferId, TransferState
from engine.pace.item_limiter import ItemLimiter
from engine.pace.limiter import RateLimiter
from tests.engine.pace.clocks import StepClock
from tests.engine.pace.test_limiter import flow
from tests.engine.queue.real import MIB, running, write
from tests.servers.seaweed import Seaweed

S = TransferState
SLOW = 1024


@pytest.mark.parametrize(
    ("own", "shared", "least"), [(1_000_000, None, 1), (1_000_000, 3_000_000, 1), (5_000_000, 2_000_000, 2)]
)
def test_the_lower_of_both_limits_holds(own: int, shared: int | None, least: int) -> None:
    clock = StepClock()
    limiter = ItemLimiter(RateLimiter(clock, shared), clock, own)
    assert limiter.rate == least * 1_000_000
    assert flow(limiter, clock, clock.now + 10, 4) == pytest.approx(least * 10_000_000, rel=0.05)


def test_what_one_item_may_not_take_is_there_for_the_others(
    seaweed: Seaweed, bucket: str, tmp_path: Path
) -> None:
    with running(seaweed, tmp_path / "state") as engine:
        engine.manager.pause_all()
        for name in ("slow", "fast"):
            engine.copy(write(tmp_path / name, 20 * MIB), f"s3://{bucket}/{name}")
        slow = engine.until(lambda: engine.row("slow") if engine.row("fast") else None).id
        engine.manager.limit_item(slow, SLOW)
        assert (engine.row("slow").rate_limit, engine.row("fast").rate_limit) == (SLOW, None)
        engine.manager.resume_all()
        engine.until(lambda: engine.state("fast") is S.DONE)
        assert engine.state("slow") is S.RUNNING and engine.row("slow").parts_done == 0
        engine.manager.limit_item(slow, None)
        engine.until(lambda: engine.state("slow") is S.DONE)


def test_a_limit_given_while_it_moves_holds_at_once(seaweed: Seaweed, bucket: str, tmp_path: Path) -> None:
    with running(seaweed, tmp_path / "state", upload_limit=8 * MIB) as engine:
        engine.copy(write(tmp_path / "big", 40 * MIB), f"s3://{bucket}/big")
        id = engine.until(lambda: engine.row("big") if engine.state("big") is S.RUNNING else None).id
        engine.manager.limit_item(id, SLOW)
        engine.manager.set_limits(None, None)
        engine.copy(write(tmp_path / "other", 40 * MIB), f"s3://{bucket}/other")
        engine.until(lambda: engine.state("other") is S.DONE)
        assert engine.state("big") is S.RUNNING, "it went on without a limit"
        engine.manager.limit_item(id, None)
        engine.until(lambda: engine.state("big") is S.DONE)


def test_the_limit_comes_back_with_the_item_after_a_restart(
    seaweed: Seaweed, bucket: str, tmp_path: Path
) -> None:
    for name in ("a", "b"):
        write(tmp_path / "files" / name, MIB)
    with running(seaweed, tmp_path / "state") as engine:
        engine.manager.pause_all()
        operation = engine.copy(f"{tmp_path}/files/", f"s3://{bucket}/")
        engine.until(lambda: engine.row("/a") and engine.row("/b"))
        engine.manager.limit_operation(operation, 3 * MIB)
    with running(seaweed, tmp_path / "state") as engine:
        rows = engine.until(lambda: engine.manager.snapshot(0, 10).rows)
        assert [row.rate_limit for row in rows] == [3 * MIB, 3 * MIB]
        engine.copy(f"{tmp_path}/files/", f"s3://{bucket}/", on_conflict=ConflictPolicy.OVERWRITE)
        assert engine.manager.snapshot(0, 10).total == 2, "asked for again, it is the same item"


def test_what_is_no_rate_is_refused_and_what_is_gone_is_ignored(
    seaweed: Seaweed, bucket: str, tmp_path: Path
) -> None:
    with running(seaweed, tmp_path / "state") as engine:
        with pytest.raises(ValueError, match="above 0"):
            engine.manager.limit_item(TransferId(1), 0)
        engine.manager.limit_item(TransferId(987), MIB)
        assert engine.manager.snapshot(0, 10).total == 0
