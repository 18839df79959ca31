"""Replies that are not what they should be: what a person is told, what is sent again, and that no wrong byte is kept."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine import TransferState, Verified
from tests.engine.queue.faulty import JumpingClock, details, line, running_on, watched
from tests.engine.queue.real import MIB, Engine, part_files, write
from tests.servers.faults import FlipBit, Gate, Reply, Rewrite, Rule, Stall, Truncate, s3_error
from tests.servers.proxy import FaultProxy
from tests.servers.scripted import ScriptedS3
from tui.status import line as status_line

S = TransferState
SIZE = 20 * MIB
"""Three parts: 8, 8 and 4 MiB."""
TAIL = {"partNumber": "3"}


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
def engine(proxy: FaultProxy, tmp_path: Path) -> Iterator[Engine]:
    """With one worker, so that it is known what is under way, and two tries."""
    with running_on(tmp_path / "state", proxy.url, workers=1, attempts=3) as engine:
        yield engine


@pytest.fixture
def data(s3: ScriptedS3, tmp_path: Path) -> bytes:
    """What the object ``a`` holds."""
    content = write(tmp_path / "a", SIZE).read_bytes()
    s3.put("b", "a", content)
    return content


def fetched(proxy: FaultProxy) -> int:
    return sum(one.body_down for one in proxy.requests(method="GET", path="/a$") if one.range)


# -- downloads -------------------------------------------------------------------------------------


@pytest.mark.fault(10)
def test_a_body_without_a_length_that_ends_too_early_is_not_taken_for_the_whole(
    engine: Engine, proxy: FaultProxy, data: bytes, tmp_path: Path
) -> None:
    for fault in (Rewrite({"Content-Length": None}), Truncate(at=3 * MIB)):
        proxy.add(Rule(fault, method="GET", path="/a$", nth=3))
    seen = watched(engine, engine.copy("s3://b/a", tmp_path / "back"))
    assert seen[0] == f"retry 2/3 in 1s (cut short: {MIB} bytes are missing)"
    assert engine.state("/a") is S.DONE
    assert (tmp_path / "back").read_bytes() == data
    assert fetched(proxy) <= SIZE + MIB


@pytest.mark.fault(10)
def test_of_a_small_object_without_a_length_nothing_is_believed(
    engine: Engine, proxy: FaultProxy, s3: ScriptedS3, tmp_path: Path
) -> None:
    s3.put("b", "a", b"0123456789")
    for fault in (Rewrite({"Content-Length": None}), Truncate(at=5)):
        proxy.add(Rule(fault, method="GET", path="/a$", nth=1))
    seen = watched(engine, engine.copy("s3://b/a", tmp_path / "back"))
    assert seen[0].startswith("retry 2/3 in 1s (not a reply of S3: it does not say how long the object is")
    assert engine.state("/a") is S.DONE
    assert (tmp_path / "back").read_bytes() == b"0123456789"


@pytest.mark.fault(11)
def test_a_server_that_ignores_ranges_is_named_and_nothing_is_put_in_place(
    engine: Engine, s3: ScriptedS3, data: bytes, tmp_path: Path
) -> None:
    s3.switches.ignores_ranges = True
    operation = engine.copy("s3://b/a", tmp_path / "back")
    engine.settled(operation)
    row = engine.row("/a")
    assert row.state is S.FAILED
    assert "the server ignores ranges" in status_line(row)
    assert "the server ignores ranges" in details(engine, "/a")
    assert s3.count("GetObject") <= 2, "what can never work was tried again and again"
    assert not (tmp_path / "back").exists()
    s3.switches.ignores_ranges = False
    engine.manager.retry(row.id)
    engine.settled(operation)
    assert (tmp_path / "back").read_bytes() == data


@pytest.mark.fault(12)
def test_another_range_than_the_one_asked_for_is_asked_for_again_and_then_given_up(
    engine: Engine, proxy: FaultProxy, data: bytes, tmp_path: Path
) -> None:
    wrong = Rewrite({"Content-Range": f"bytes 0-{4 * MIB - 1}/{SIZE}"})
    rule = proxy.add(Rule(wrong, method="GET", path="/a$", nth=range(3, 100)))
    operation = engine.copy("s3://b/a", tmp_path / "back")
    seen = watched(engine, operation)
    assert seen[0].startswith("retry 2/3 in 1s (not a reply of S3: bytes 0-4194303/20971520 instead of")
    row = engine.row("/a")
    assert row.state is S.FAILED
    assert "the reply is not what S3 sends (bytes 0-4194303/20971520 instead of" in status_line(row)
    assert "Check the endpoint URL" in status_line(row)
    assert not (tmp_path / "back").exists()
    proxy.remove(rule)
    engine.manager.retry(row.id)
    engine.settled(operation)
    assert engine.state("/a") is S.DONE
    assert (tmp_path / "back").read_bytes() == data


@pytest.mark.fault(12)
def test_a_total_that_changed_is_another_object(
    engine: Engine, proxy: FaultProxy, data: bytes, tmp_path: Path
) -> None:
    wrong = Rewrite({"Content-Range": f"bytes {16 * MIB}-{SIZE - 1}/{SIZE + 1}"})
    proxy.add(Rule(wrong, method="GET", path="/a$", nth=3))
    operation = engine.copy("s3://b/a", tmp_path / "back")
    engine.settled(operation)
    row = engine.row("/a")
    assert (row.state, row.question and row.question.kind) == (S.ATTENTION, "object-changed")
    assert "ASKS    80%  the object changed on the server" in line(row)
    assert len(part_files(tmp_path)) == 1
    engine.manager.answer(row.id, "restart")
    engine.settled(operation)
    assert (tmp_path / "back").read_bytes() == data


@pytest.mark.fault(13)
def test_a_download_with_a_flipped_bit_is_fetched_once_more_by_itself(
    engine: Engine, proxy: FaultProxy, data: bytes, tmp_path: Path
) -> None:
    proxy.add(Rule(FlipBit(at=MIB), method="GET", path="/a$", nth=2))
    seen = watched(engine, engine.copy("s3://b/a", tmp_path / "back"))
    assert seen[0] == "retry 2/3 in 1s (the file is not what the object's checksum says)"
    assert engine.state("/a") is S.DONE
    assert (tmp_path / "back").read_bytes() == data


@pytest.mark.fault(13)
def test_a_download_that_is_damaged_again_fails_and_is_never_put_in_place(
    engine: Engine, proxy: FaultProxy, data: bytes, tmp_path: Path
) -> None:
    proxy.add(Rule(FlipBit(at=MIB), method="GET", path="/a$", nth={2, 4}))
    operation = engine.copy("s3://b/a", tmp_path / "back")
    engine.settled(operation)
    row = engine.row("/a")
    assert row.state is S.FAILED
    assert "the bytes that arrived are not the bytes that are stored" in status_line(row)
    assert "Nothing was published" in status_line(row)
    assert not (tmp_path / "back").exists()
    engine.manager.retry(row.id)
    engine.settled(operation)
    assert engine.state("/a") is S.DONE
    assert (tmp_path / "back").read_bytes() == data


@pytest.mark.fault(13)
def test_of_a_damaged_object_with_a_checksum_for_each_part_only_that_part_is_fetched_again(
    engine: Engine, proxy: FaultProxy, s3: ScriptedS3, tmp_path: Path
) -> None:
    s3.switches.refuses_checksum_type = True
    engine.settled(engine.copy(write(tmp_path / "a", SIZE), "s3://b/a"))
    engine.manager.clear_finished()
    proxy.add(Rule(FlipBit(at=MIB), method="GET", path="/a$", nth=2))
    engine.settled(engine.copy("s3://b/a", tmp_path / "back"))
    assert (engine.state("/a"), engine.row("/a").verified) == (S.DONE, Verified.CRC)
    assert (tmp_path / "back").read_bytes() == (tmp_path / "a").read_bytes()
    assert fetched(proxy) <= SIZE + 8 * MIB


# -- uploads ---------------------------------------------------------------------------------------


@pytest.mark.fault(15)
def test_a_part_whose_etag_is_not_that_of_its_bytes_is_sent_again_alone(
    engine: Engine, proxy: FaultProxy, s3: ScriptedS3, tmp_path: Path
) -> None:
    s3.switches.refuses_checksums = True
    path = write(tmp_path / "a", SIZE)
    proxy.add(Rule(Rewrite({"ETag": f'"{"0" * 32}"'}), method="PUT", query=TAIL, nth=1))
    seen = watched(engine, engine.copy(path, "s3://b/a"))
    assert seen[0].startswith("retry 2/3 in 1s (damaged on the way: the ETag is not the MD5 of what was sent")
    assert (engine.state("/a"), engine.row("/a").verified) == (S.DONE, Verified.ETAG)
    assert proxy.sent_parts() == {1: 1, 2: 1, 3: 2}
    assert s3.data("b", "a") == path.read_bytes()


@pytest.mark.fault(15)
def test_an_object_that_is_not_what_was_sent_is_never_called_done(
    engine: Engine, proxy: FaultProxy, s3: ScriptedS3, tmp_path: Path
) -> None:
    path = write(tmp_path / "a", SIZE)
    wrong = Rewrite({"x-amz-checksum-crc32": "AAAAAA==", "ETag": f'"{"0" * 32}-3"'})
    rule = proxy.add(Rule(wrong, method="HEAD", path="/a$", nth=range(2, 100)))
    operation = engine.copy(path, "s3://b/a")
    engine.settled(operation)
    row = engine.row("/a")
    assert (row.state, row.question and row.question.kind) == (S.ATTENTION, "unclear-result")
    assert "the server holds another object than the one sent" in status_line(row)
    assert "ASKS    99%  the server holds another object than t" in line(row)
    proxy.remove(rule)
    engine.manager.answer(row.id, "restart")
    engine.settled(operation)
    assert (engine.state("/a"), engine.row("/a").verified) == (S.DONE, Verified.CRC)
    assert s3.data("b", "a") == path.read_bytes()


@pytest.mark.parametrize(
    ("code", "status", "said"),
    [
        ("SlowDown", 503, "server busy, retry in 2s (asks 1 request at a time: SlowDown: as told)"),
        ("", 429, "server busy, retry in 2s (asks 1 request at a time: HTTP 429)"),
        ("InternalError", 500, "retry 2/3 in 2s (the server failed: InternalError: as told)"),
        ("", 502, "retry 2/3 in 2s (the server failed: HTTP 502)"),
        ("", 504, "retry 2/3 in 2s (the server failed: HTTP 504)"),
    ],
)
@pytest.mark.fault(16)
def test_a_busy_server_is_asked_again_when_it_said_and_no_earlier(
    engine: Engine, proxy: FaultProxy, s3: ScriptedS3, tmp_path: Path, code: str, status: int, said: str
) -> None:
    path = write(tmp_path / "a", SIZE)
    answer = s3_error(code, status, retry_after="3") if code else Reply(status, b"", {"Retry-After": "3"})
    proxy.add(Rule(answer, method="PUT", query=TAIL, nth=1))
    operation = engine.copy(path, "s3://b/a")
    row = engine.until(lambda: (row := engine.row("/a")).waiting and row)
    assert f"WAIT    80%  {said}"[:50] in line(row)
    assert f"waiting: {said}" in details(engine, "/a")
    assert row.waiting is not None and 2.0 < row.waiting.seconds_left <= 3.0
    engine.manager.retry(row.id)
    engine.settled(operation)
    assert engine.state("/a") is S.DONE
    assert proxy.sent_parts() == {1: 1, 2: 1, 3: 2}
    assert s3.data("b", "a") == path.read_bytes()


@pytest.mark.fault(16)
def test_a_busy_server_is_asked_for_less_at_a_time_and_for_more_again_later(
    s3: ScriptedS3, proxy: FaultProxy, tmp_path: Path
) -> None:
    path, clock = write(tmp_path / "a", 5 * SIZE), JumpingClock()
    gate = Gate()
    proxy.add(Rule(s3_error("SlowDown", 503), method="PUT", query={"partNumber": "4"}, nth=1))
    proxy.add(Rule(Stall(at=MIB, direction="up", gate=gate), method="PUT", query="partNumber=[123]&"))
    with running_on(tmp_path / "state", proxy.url, queue_clock=clock, workers=4) as engine:
        operation = engine.copy(path, "s3://b/a")
        engine.until(lambda: engine.manager.snapshot().health.slowed_to)
        assert engine.manager.snapshot().health.slowed_to == 2, "half of the four that were under way"
        assert len(proxy.requests(method="PUT")) == 4
        clock.ahead += 2.5
        assert engine.manager.snapshot().health.slowed_to == 3
        clock.ahead += 5.0
        assert engine.manager.snapshot().health.slowed_to == 0
        gate.open()
        engine.settled(operation)
        assert engine.state("/a") is S.DONE
    assert max(proxy.sent_parts().values()) == 2
    assert sum(proxy.sent_parts().values()) == 13 + 1
    assert s3.data("b", "a") == path.read_bytes()
