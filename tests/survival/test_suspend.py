"""A process that did not run for longer than its patience goes on as if nothing had been."""

from __future__ import annotations

import random
import signal
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from engine import Connections, EngineConfig, Profile, TransferManager
from engine.pace.clock import SystemClock
from tests.engine.queue.real import Engine
from tests.servers.faults import Gate, Rule, Stall
from tests.servers.proxy import FaultProxy
from tests.servers.scripted import ScriptedS3
from tests.servers.seaweed import Seaweed
from tests.survival.impatient import STOPPED_SECONDS
from tests.survival.program import MIB, Program
from tests.survival.test_kill import big_file, sha256

PART = 8 * MIB
EIGHT_HOURS = 8 * 3600.0
VALID_SECONDS = 15 * 60
"""After so much a server refuses a signature."""


@pytest.mark.fault(40)
@pytest.mark.parametrize("direction", ["up", "down"])
def test_a_stopped_process_takes_the_time_it_slept_for_no_stall_and_moves_nothing_twice(
    seaweed: Seaweed, bucket: str, tmp_path: Path, direction: str
) -> None:
    wanted = big_file(tmp_path / "big", 3 * PART)
    gate = Gate()
    with FaultProxy(seaweed.url) as proxy:
        program = Program(seaweed, tmp_path / "home", proxy.url)
        program.module = "tests.survival.impatient"
        if direction == "up":
            words = (str(tmp_path / "big"), f"s3://{bucket}/big")
            proxy.add(Rule(Stall(at=MIB, direction="up", gate=gate), query={"partNumber": "2"}, nth=1))
        else:
            seaweed.client().upload_file(str(tmp_path / "big"), bucket, "big")
            words = (f"s3://{bucket}/big", str(tmp_path / "back"))
            proxy.add(Rule(Stall(at=MIB, gate=gate), method="GET", path="/big", nth=2))
        process = program.start("cp", *words)
        gate.wait_reached()
        # It goes on until the buffers between are full, or empty: only then it waits.
        threading.Event().wait(0.4)
        process.send_signal(signal.SIGSTOP)
        threading.Event().wait(STOPPED_SECONDS)
        process.send_signal(signal.SIGCONT)
        # Now it looks, finds that nothing has come, and must not draw the wrong conclusion.
        threading.Event().wait(0.7)
        gate.open()
        _, said = process.communicate(timeout=60)
        assert (process.returncode, said) == (0, "")
        if direction == "up":
            assert dict(proxy.sent_parts()) == {1: 1, 2: 1, 3: 1}
            seaweed.client().download_file(bucket, "big", str(tmp_path / "back"))
        else:
            assert proxy.asked_ranges().total() == 3
        assert sha256(tmp_path / "back") == wanted


class LeapingClock(SystemClock):
    """The real time, and what was slept."""

    def __init__(self) -> None:
        self.slept = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.slept

    def wall(self) -> float:
        return super().wall() + self.slept

    def signed_with(self, zone: Any = None) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self.slept)


def age(head: Any, clock: LeapingClock) -> float:
    """Seconds between the signature of a request and now."""
    date = head.header("x-amz-date")
    assert date is not None
    then = datetime.strptime(date, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    return abs((clock.signed_with() - then).total_seconds())


@pytest.mark.fault(40)
def test_after_eight_hours_of_sleep_everything_is_signed_anew_and_nothing_has_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = LeapingClock()
    monkeypatch.setattr("engine.s3.endpoint.datetime", SimpleNamespace(now=clock.signed_with))
    monkeypatch.setattr("engine.s3.endpoint.time", SimpleNamespace(time=clock.wall))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AK")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "SK")
    data = random.Random(1).randbytes(4 * PART)
    (tmp_path / "big").write_bytes(data)
    gate, other, ages = Gate(), Gate(), []
    with ScriptedS3("bucket") as server, FaultProxy(server.url) as proxy:
        # Both workers are in the middle of a part: no request was signed before the sleep and comes after it.
        proxy.add(Rule(Stall(at=MIB, direction="up", gate=other), query={"partNumber": "1"}, nth=1))
        proxy.add(Rule(Stall(at=MIB, direction="up", gate=gate), query={"partNumber": "2"}, nth=1))

        def seen(head: Any) -> bool:
            ages.append(age(head, clock))
            return False

        proxy.add(Rule(Stall(), when=seen))
        profile = Profile("default", endpoint_url=proxy.url, region="us-east-1")
        manager = TransferManager(
            EngineConfig(str(tmp_path / "state"), workers=2), Connections([profile], clock=clock), clock=clock
        )
        try:
            manager.start()
            engine = Engine(manager, profile)
            asked = engine.copy(tmp_path / "big", "s3://bucket/big")
            other.wait_reached()
            gate.wait_reached()
            server.switches.clock_ahead = EIGHT_HOURS
            clock.slept = EIGHT_HOURS
            other.open()
            # A slice of the socket ends: it looks how long nothing has moved.
            engine.until(lambda: engine.row("big").bytes_confirmed >= 3 * PART)
            threading.Event().wait(1.2)
            gate.open()
            [row] = engine.do(asked)
            assert row.state.value == "done"
        finally:
            manager.close()
        assert dict(proxy.sent_parts()) == {1: 1, 2: 1, 3: 1, 4: 1}
        assert max(ages) < VALID_SECONDS
        assert server.data("bucket", "big") == data
