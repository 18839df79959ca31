"""Lines that break: what a person sees, what is sent again, and that the bytes are right at the end."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine import OperationId, Profile, TransferState, Verified
from engine.queue import blockade
from engine.s3 import client
from tests.engine.queue.faulty import (
    HOST,
    JumpingClock,
    Names,
    details,
    full_port,
    let_time_pass,
    line,
    running_on,
    watched,
)
from tests.engine.queue.real import MIB, Engine, write
from tests.servers.faults import (
    Fault,
    Gate,
    HalfClose,
    NoReply,
    Reset,
    Rule,
    Slow,
    Stall,
    Truncate,
    captive_portal,
    redirect,
)
from tests.servers.proxy import FaultProxy
from tests.servers.scripted import ScriptedS3
from tests.servers.seaweed import Seaweed
from tui.waiting import waiting_text

S = TransferState
SIZE = 20 * MIB
"""Three parts: 8, 8 and 4 MiB."""
TAIL = {"partNumber": "3"}


@pytest.fixture(autouse=True)
def keys(seaweed: Seaweed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", seaweed.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", seaweed.secret_key)


@pytest.fixture
def proxy(seaweed: Seaweed) -> Iterator[FaultProxy]:
    with FaultProxy(seaweed.url) as proxy:
        yield proxy


@pytest.fixture
def clock() -> JumpingClock:
    return JumpingClock()


@pytest.fixture
def engine(proxy: FaultProxy, tmp_path: Path, clock: JumpingClock) -> Iterator[Engine]:
    """With one worker, so that it is known what is under way."""
    with running_on(tmp_path / "state", proxy.url, clock=clock, workers=1) as engine:
        yield engine


@pytest.fixture(autouse=True)
def steady_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is out of reach is looked for every 1.5 s or so, however long it lasts."""
    monkeypatch.setitem(blockade._DELAYS, "offline", (1.9, 1.9))


@pytest.fixture
def quick_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    """The stall guard is asked ten times a second."""
    for module in ("http", "dial"):
        monkeypatch.setattr(f"engine.s3.wire.{module}.SLICE_SECONDS", 0.1)


def stored(seaweed: Seaweed, bucket: str, key: str) -> bytes:
    body: bytes = seaweed.client().get_object(Bucket=bucket, Key=key)["Body"].read()
    return body


def half_sent(engine: Engine, proxy: FaultProxy, gate: Gate, path: Path, target: str) -> OperationId:
    """Begin an upload and bring it into the middle of its last part; returns its operation."""
    proxy.add(Rule(Stall(at=MIB, direction="up", gate=gate), method="PUT", query=TAIL, nth=1))
    operation = engine.copy(path, target)
    gate.wait_reached()
    assert engine.row(path.name).parts_done == 2
    return operation


# -- nobody is there -------------------------------------------------------------------------------


@pytest.mark.fault(1)
def test_a_refused_connection_is_waited_out_with_a_countdown_while_other_endpoints_go_on(
    proxy: FaultProxy, seaweed: Seaweed, bucket: str, tmp_path: Path
) -> None:
    path, other = write(tmp_path / "a", SIZE), Profile("other", endpoint_url=seaweed.url, region="us-east-1")
    seaweed_keys = tmp_path / "keys"
    seaweed_keys.write_text(
        f"[other]\naws_access_key_id={seaweed.access_key}\naws_secret_access_key={seaweed.secret_key}\n"
    )
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("AWS_SHARED_CREDENTIALS_FILE", str(seaweed_keys))
        with running_on(tmp_path / "state", proxy.url, other, workers=1) as engine:
            half_sent(engine, proxy, Gate(), path, f"s3://{bucket}/a")
            proxy.go_down()
            row = engine.until(lambda: (r := engine.row("/a")).waiting and r.waiting.seconds_left > 1 and r)
            assert (row.state, row.waiting.reason, row.waiting.attempts) == (S.WAITING, "offline", 0)
            assert "WAIT    80%  offline, retry in " in line(row)
            assert "offline, retry in 1s (connection refused)" in details(engine, "/a")

            here, engine.profile = engine.profile, other
            engine.settled(engine.copy(write(tmp_path / "b", 10), f"s3://{bucket}/b"))
            assert engine.state("/b") is S.DONE
            assert engine.state("/a") is S.WAITING
            engine.profile = here

            proxy.come_back()
            engine.until(lambda: engine.state("/a") is S.DONE)
            assert engine.row("/a").verified is Verified.CRC
    assert proxy.sent_parts() == {1: 1, 2: 1, 3: 2}
    assert stored(seaweed, bucket, "a") == path.read_bytes()


@pytest.mark.fault(2)
def test_a_name_that_is_not_found_for_now_is_waited_for_and_named(
    proxy: FaultProxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names, path = Names(monkeypatch), write(tmp_path / "a", SIZE)
    with ScriptedS3("b") as s3, FaultProxy(s3.url) as proxy:
        port = int(proxy.url.rpartition(":")[2])
        names.answer = ("127.0.0.1", port)
        with running_on(tmp_path / "state", f"http://{HOST}:{port}", workers=1) as engine:
            half_sent(engine, proxy, Gate(), path, "s3://b/a")
            names.answer = socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
            proxy.cut()
            row = engine.until(lambda: (r := engine.row("/a")).waiting and r.waiting.seconds_left > 1 and r)
            assert (row.state, row.waiting.reason) == (S.WAITING, "offline")
            assert f"offline, retry in 1s ({HOST[:12]}" in line(row)
            assert f"({HOST}: Temporary failure in name resolution)" in details(engine, "/a")
            # It has been reached: that it is not known at all now is no typing mistake.
            names.answer = socket.gaierror(socket.EAI_NONAME, "Name or service not known")
            engine.until(lambda: "not known" in details(engine, "/a"))
            assert engine.state("/a") is S.WAITING
            names.answer = ("127.0.0.1", port)
            engine.until(lambda: engine.state("/a") is S.DONE)
        assert proxy.sent_parts() == {1: 1, 2: 1, 3: 2}
        assert s3.data("b", "a") == path.read_bytes()


@pytest.mark.fault(2)
def test_a_name_that_was_never_found_fails_and_is_named_but_what_has_begun_waits_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names, path = Names(monkeypatch), write(tmp_path / "a", SIZE)
    with ScriptedS3("b") as s3, FaultProxy(s3.url) as proxy:
        port = int(proxy.url.rpartition(":")[2])
        names.answer, url = ("127.0.0.1", port), f"http://{HOST}:{port}"
        with running_on(tmp_path / "state", url, workers=1) as engine:
            half_sent(engine, proxy, Gate(), path, "s3://b/a")
            engine.copy(write(tmp_path / "new", 10), "s3://b/new")
            engine.until(lambda: engine.row("/new"))
        names.answer = socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        with running_on(tmp_path / "state", url, workers=1) as engine:
            engine.until(lambda: engine.state("/a") is S.WAITING)
            assert f"({HOST}: Name or service not known)" in details(engine, "/a")
            engine.manager.cancel(engine.row("/a").id)
            engine.until(lambda: engine.state("/new") is S.FAILED)
            problem = engine.row("/new").problem
            assert problem is not None
            assert problem.why == (
                f"the endpoint's host name does not exist ({HOST}: Name or service not known)"
            )
            assert "--endpoint-url" in problem.what_now
            names.answer = ("127.0.0.1", port)
            engine.manager.retry(engine.row("/new").id)
            engine.until(lambda: engine.state("/new") is S.DONE)
        assert s3.data("b", "new") == (tmp_path / "new").read_bytes()


@pytest.mark.parametrize("how", ["page", "511", "redirect"])
@pytest.mark.fault(51)
def test_a_login_page_that_comes_in_between_is_waited_out(
    seaweed: Seaweed, bucket: str, proxy: FaultProxy, tmp_path: Path, how: str
) -> None:
    path, gate = write(tmp_path / "a", SIZE), Gate()
    portal = redirect("http://127.0.0.1:9/login", 302) if how == "redirect" else captive_portal()
    with running_on(tmp_path / "state", proxy.url, workers=1) as engine:
        half_sent(engine, proxy, gate, path, f"s3://{bucket}/a")
        rule = proxy.add(Rule(captive_portal(511) if how == "511" else portal))
        proxy.cut()
        row = engine.until(lambda: (r := engine.row("/a")).waiting and r.waiting.seconds_left > 1 and r)
        assert row.waiting.reason == "offline"
        said = "redirected: " if how == "redirect" else "not a reply of S3"
        assert f"offline, retry in 1s ({said}"[:56] in waiting_text(row.waiting)
        assert row.parts_done == 2
        proxy.remove(rule)
        engine.until(lambda: engine.state("/a") is S.DONE)
        assert engine.row("/a").verified is Verified.CRC
    assert (proxy.sent_parts()[1], proxy.sent_parts()[2]) == (1, 1)
    assert stored(seaweed, bucket, "a") == path.read_bytes()


@pytest.mark.fault(3)
def test_connections_that_nobody_answers_are_given_up_and_waited_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "CONNECT_TIMEOUT", 0.3)
    names, path = Names(monkeypatch), write(tmp_path / "a", SIZE)
    with ScriptedS3("b") as s3, FaultProxy(s3.url) as proxy, full_port() as nowhere:
        port = int(proxy.url.rpartition(":")[2])
        names.answer = ("127.0.0.1", port)
        with running_on(tmp_path / "state", f"http://{HOST}:{port}", workers=1) as engine:
            wire = engine.manager._core.connections.get(engine.profile.connection_id).wire
            wire._pool._connect_seconds = 0.3
            half_sent(engine, proxy, Gate(), path, "s3://b/a")
            names.answer = ("127.0.0.1", nowhere)
            proxy.cut()
            row = engine.until(lambda: (r := engine.row("/a")).waiting and r.waiting.seconds_left > 1 and r)
            assert (row.state, row.waiting.reason) == (S.WAITING, "offline")
            assert "offline, retry in 1s (no answer" in line(row)
            names.answer = ("127.0.0.1", port)
            engine.until(lambda: engine.state("/a") is S.DONE)
        assert proxy.sent_parts() == {1: 1, 2: 1, 3: 2}
        assert s3.data("b", "a") == path.read_bytes()


# -- nothing moves ---------------------------------------------------------------------------------


@pytest.mark.usefixtures("quick_slices")
@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (Stall(at=3 * MIB), "retry 2/8 in 1s (stalled: no byte for"),
        (Slow(bytes_per_second=50), "retry 2/8 in 1s (stalled: "),
    ],
    ids=["stall", "drip"],
)
@pytest.mark.fault(4, 5)
def test_a_download_that_stops_or_drips_is_asked_for_again_where_it_stopped(
    engine: Engine,
    proxy: FaultProxy,
    clock: JumpingClock,
    bucket: str,
    tmp_path: Path,
    fault: Stall | Slow,
    said: str,
) -> None:
    path = write(tmp_path / "a", SIZE)
    engine.do(engine.copy(path, f"s3://{bucket}/a"))
    proxy.forget()
    rule = proxy.add(Rule(fault, method="GET", path="/a$", nth=3))
    operation = engine.copy(f"s3://{bucket}/a", tmp_path / "back")
    proxy.wait_until(lambda: rule.fired == 1)
    if isinstance(fault, Stall):
        engine.until(lambda: engine.row("/a").bytes_done == 19 * MIB)
        clock.ahead += 29.0
        engine.manager.wait(0.5)
        assert engine.row("/a").state is S.RUNNING
        clock.ahead += 2.0
    else:
        engine.until(lambda: engine.row("/a").bytes_done > 16 * MIB)
        let_time_pass(engine, clock, "/a")
    engine.until(lambda: engine.row("/a").waiting)
    assert engine.row("/a").parts_done == 2
    part = engine.manager.detail(engine.row("/a").id).parts[2]  # type: ignore[union-attr]
    assert (part.number, part.state, part.attempts) == (3, "retrying", 1)
    assert said in watched(engine, operation)[0]
    assert (engine.state("/a"), engine.row("/a").verified) == (S.DONE, Verified.CRC)
    assert (tmp_path / "back").read_bytes() == path.read_bytes()
    fetched = [one.body_down for one in proxy.requests(method="GET", path="/a$")]
    assert len(fetched) == 4
    assert sum(fetched) <= SIZE + MIB


@pytest.mark.usefixtures("quick_slices")
@pytest.mark.fault(6)
def test_a_part_that_the_server_stops_reading_is_sent_again_alone(
    engine: Engine, proxy: FaultProxy, clock: JumpingClock, seaweed: Seaweed, bucket: str, tmp_path: Path
) -> None:
    path = write(tmp_path / "a", SIZE)
    operation = half_sent(engine, proxy, Gate(), path, f"s3://{bucket}/a")
    let_time_pass(engine, clock, "/a")
    assert "retry 2/8 in 1s (stalled: no byte for" in watched(engine, operation)[0]
    assert (engine.state("/a"), engine.row("/a").verified) == (S.DONE, Verified.CRC)
    assert proxy.sent_parts() == {1: 1, 2: 1, 3: 2}
    assert stored(seaweed, bucket, "a") == path.read_bytes()


# -- it breaks off ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (Reset(at=3 * MIB), "retry 2/8 in 1s (Connection reset by peer)"),
        (HalfClose(at=3 * MIB), "retry 2/8 in 1s (cut short: 1048576 bytes are missing)"),
        (Truncate(at=3 * MIB), "retry 2/8 in 1s (cut short: 1048576 bytes are missing)"),
        (Truncate(at=4 * MIB - 1), "retry 2/8 in 1s (cut short: 1 bytes are missing)"),
    ],
    ids=["reset", "half-closed", "truncated", "truncated-by-a-byte"],
)
@pytest.mark.fault(7, 8, 9)
def test_of_a_range_that_breaks_off_only_the_rest_is_fetched_again(
    engine: Engine, proxy: FaultProxy, bucket: str, tmp_path: Path, fault: Fault, said: str
) -> None:
    path = write(tmp_path / "a", SIZE)
    engine.do(engine.copy(path, f"s3://{bucket}/a"))
    proxy.forget()
    proxy.add(Rule(fault, method="GET", path="/a$", nth=3))
    seen = watched(engine, engine.copy(f"s3://{bucket}/a", tmp_path / "back"))
    assert seen[0] == said
    assert (engine.state("/a"), engine.row("/a").verified) == (S.DONE, Verified.CRC)
    assert (tmp_path / "back").read_bytes() == path.read_bytes()
    assert sum(one.body_down for one in proxy.requests(method="GET", path="/a$")) <= SIZE + MIB


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (Reset(at=MIB, direction="up"), "Connection reset by peer"),
        (NoReply("close", forward=False), "closed without a reply"),
    ],
    ids=["reset", "closed-without-a-reply"],
)
@pytest.mark.fault(7, 8)
def test_of_an_upload_that_breaks_off_only_that_part_is_sent_again(
    engine: Engine, proxy: FaultProxy, seaweed: Seaweed, bucket: str, tmp_path: Path, fault: Fault, said: str
) -> None:
    path = write(tmp_path / "a", SIZE)
    # The first time it is a kept connection, which may have died long before: that is tried again at once.
    proxy.add(Rule(fault, method="PUT", query=TAIL, nth={1, 2}))
    seen = watched(engine, engine.copy(path, f"s3://{bucket}/a"))
    assert seen[0] == f"retry 2/8 in 1s ({said})"
    assert (engine.state("/a"), engine.row("/a").verified) == (S.DONE, Verified.CRC)
    assert proxy.sent_parts() == {1: 1, 2: 1, 3: 3}
    assert stored(seaweed, bucket, "a") == path.read_bytes()
