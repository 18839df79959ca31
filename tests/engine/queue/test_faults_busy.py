"""A server that has no time: it is waited for, asked less and less, and nothing fails for it."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine import TransferState
from engine.errors import Retryable
from engine.pace.cancel import CancelToken
from engine.planning.patience import Patience
from engine.queue.ceilings import Ceilings
from tests.engine.queue.faulty import JumpingClock, line, running_on
from tests.engine.queue.items import HERE, THERE, upload
from tests.engine.queue.quiet import Quiet, quiet_at
from tests.engine.queue.real import MIB, Engine, write
from tests.servers.faults import Reply, Rule, s3_error
from tests.servers.proxy import FaultProxy
from tests.servers.scripted import ScriptedS3
from tests.servers.seaweed import clean_environment
from tui.waiting import waiting_text

S = TransferState
HALF_AN_HOUR = 1800.0


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedS3]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AK")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "SK")
    with ScriptedS3("b") as server:
        yield server


@pytest.fixture
def proxy(s3: ScriptedS3) -> Iterator[FaultProxy]:
    with FaultProxy(s3.url) as proxy:
        yield proxy


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[Quiet]:
    with quiet_at(tmp_path / "state") as queue:
        yield queue


def jump(engine: Engine, clock: JumpingClock, seconds: float) -> None:
    """So much time passes, and the workers notice."""
    core = engine.manager._core
    with core.lock:
        clock.ahead += seconds
        core.wake()


def everything_waits(engine: Engine) -> float | None:
    """Seconds until the next try of an item; ``None`` while something is under way."""
    rows = engine.manager.snapshot(0, 100).rows
    assert not [row for row in rows if row.state is S.FAILED]
    waiting = [row.waiting for row in rows if row.waiting is not None]
    if any(row.state in (S.RUNNING, S.FINISHING) for row in rows) or not waiting:
        return None
    seconds = min(each.seconds_left for each in waiting)
    return seconds if seconds > 0.2 and engine.manager._core.scheduler.ceilings.is_nobody_inside else None


@pytest.mark.fault(16)
@pytest.mark.parametrize("busy", [s3_error("SlowDown", 503), Reply(429, b"", {})], ids=["503", "429"])
def test_half_an_hour_of_a_busy_server_fails_nothing_and_then_everything_arrives(
    s3: ScriptedS3, proxy: FaultProxy, tmp_path: Path, busy: Reply
) -> None:
    clock = JumpingClock()
    s3.put("b", "down", write(tmp_path / "down", 20 * MIB).read_bytes())
    files = [write(tmp_path / "up" / name, size) for name, size in (("big", 20 * MIB), ("x", 9), ("y", 9))]
    with running_on(tmp_path / "state", proxy.url, queue_clock=clock, workers=4) as engine:
        engine.manager.pause_all()
        operations = [
            engine.copy("s3://b/down", tmp_path / "back"),
            engine.copy([str(file) for file in files], "s3://b/in/"),
        ]
        engine.until(lambda: len(engine.manager.snapshot().rows) == 4)
        rule = proxy.add(Rule(busy))
        asked = len(proxy.requests())
        engine.manager.resume_all()
        began = clock.ahead
        gaps: list[float] = []
        while clock.ahead - began < HALF_AN_HOUR:
            left = engine.until(lambda: everything_waits(engine))
            assert engine.manager.waits_only or len(gaps) < 8, "first less is asked"
            gaps.append(left)
            jump(engine, clock, left)
        assert max(gaps) <= 60.0, "it is looked after once a minute"
        assert len(proxy.requests()) - asked < 80
        row = next(row for row in engine.manager.snapshot().rows if row.waiting is not None)
        assert row.waiting is not None
        assert row.waiting.reason == "throttled"
        assert "(asks 1 request at a time: " in waiting_text(row.waiting)
        assert "server busy, retry " in line(row)
        proxy.remove(rule)
        jump(engine, clock, 120.0)
        for operation in operations:
            engine.settled(operation)
        assert {row.state for row in engine.manager.snapshot().rows} == {S.DONE}
    assert (tmp_path / "back").read_bytes() == s3.data("b", "down")
    assert [s3.data("b", f"in/{file.name}") for file in files] == [file.read_bytes() for file in files]
    assert s3.uploads() == []


@pytest.mark.fault(16)
def test_the_command_line_waits_for_a_busy_server_so_long_and_then_names_it(
    s3: ScriptedS3, tmp_path: Path
) -> None:
    s3.refuse("SlowDown", 503, operation="PutObject")
    write(tmp_path / "a.txt", 9)
    ran = subprocess.run(
        [sys.executable, "-m", "tui", "cp", "a.txt", "s3://b/", "--wait-for", "1s", "--endpoint-url", s3.url],
        env={
            **clean_environment(tmp_path / "home"),
            "AWS_ACCESS_KEY_ID": "AK",
            "AWS_SECRET_ACCESS_KEY": "SK",
            "S3TUI_STATE_DIR": str(tmp_path / "state"),
        },
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ran.returncode == 1, ran.stderr
    first, last = ran.stderr.splitlines()
    assert first.startswith("s3tui: waiting for 1s at most: server busy, retry ")
    assert last.startswith("s3tui: not done (waiting): ")
    assert "server busy (asks 1 request at a time: SlowDown" in last


@pytest.mark.fault(16)
def test_an_item_is_not_given_up_however_often_the_server_was_busy(queue: Quiet) -> None:
    (item,) = queue.add(upload("a"))
    queue.job.steps = {
        step: [Retryable("slow-down", detail="SlowDown") for _ in range(30)]
        for step in ("begin", "move", "finish")
    }
    queue.do_all(later=1e6)
    assert item.state is S.DONE
    assert not any(queue.job.steps.values())


@pytest.mark.fault(16)
def test_one_item_that_is_always_refused_holds_up_no_other(
    proxy: FaultProxy, s3: ScriptedS3, tmp_path: Path
) -> None:
    clock = JumpingClock()
    proxy.add(Rule(s3_error("SlowDown", 503), path="/poor$"))
    files = [write(tmp_path / name, 9) for name in ("poor", *(f"x{number}" for number in range(20)))]
    with running_on(tmp_path / "state", proxy.url, queue_clock=clock, workers=4) as engine:
        engine.copy([str(file) for file in files], "s3://b/")

        def others_are_done() -> bool:
            jump(engine, clock, 0.5)
            return engine.manager.snapshot().totals.count(S.DONE) == 20

        engine.until(others_are_done)
        poor = engine.row("/poor")
        assert poor.state in (S.WAITING, S.RUNNING)
        assert clock.ahead < 60.0
    assert all(s3.data("b", file.name) == file.read_bytes() for file in files[1:])


def refused(ceilings: Ceilings, now: float, retry_after: float | None = None) -> float:
    """One request, refused; the seconds that nothing is asked then."""
    assert ceilings.may_ask(HERE, now)
    ceilings.entered(HERE)
    assert not ceilings.may_ask(HERE, now) or not ceilings.refuses(HERE), "one at a time"
    until = ceilings.is_busy(HERE, now, retry_after)
    ceilings.left(HERE)
    return until - now


def test_a_server_that_refuses_all_is_left_alone_longer_each_time_up_to_a_minute() -> None:
    ceilings, now, pauses = Ceilings(lambda: 16, random.Random(1)), 0.0, []
    for _ in range(12):
        pauses.append(refused(ceilings, now))
        assert not ceilings.may_ask(HERE, now + pauses[-1] - 0.01)
        assert ceilings.may_ask(THERE, now), "another server is not asked less"
        assert ceilings.due(now) == [now + pauses[-1]]
        now += pauses[-1] + 100.0
    tops = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, *[60.0] * 6]
    assert all(0.75 * top <= pause <= top for pause, top in zip(pauses, tops, strict=True))
    assert ceilings.slowed_to(now) == 1
    ceilings.answered(HERE, now)
    assert not ceilings.refuses(HERE)
    assert ceilings.at_a_time(HERE, now + 4.0) == 3
    assert ceilings.slowed_to(now + 60.0) == 0


@pytest.mark.parametrize(("asked", "pause"), [(20.0, 20.0), (1e9, 300.0), (float("nan"), 1.0), (-5.0, 1.0)])
def test_a_busy_server_is_left_alone_for_as_long_as_it_asks_within_reason(asked: float, pause: float) -> None:
    ceilings = Ceilings(lambda: 16, random.Random(1))
    assert refused(ceilings, 50.0, asked) == pytest.approx(pause, rel=0.25)
    ceilings.ask_now(HERE, 51.0)
    assert ceilings.may_ask(HERE, 51.0), "the user wants to know"


def test_a_plan_waits_no_longer_than_a_minute_for_one_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, waits = JumpingClock(), []
    monkeypatch.setattr(clock, "wait", lambda token, seconds: waits.append(seconds))
    busy = Retryable("slow-down", retry_after=3600.0)

    def ask() -> None:
        raise busy

    with pytest.raises(Retryable):
        Patience(clock, CancelToken()).call(ask)
    assert waits == [60.0] * 5
