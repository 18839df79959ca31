"""Uploads and objects that are not there, or others, when they are needed: recognised, begun again, or asked about."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine import ConflictPolicy, TransferState, Verified
from tests.engine.queue.faulty import details, line, running_on, watched
from tests.engine.queue.real import MIB, Engine, part_files, write
from tests.servers.faults import FlipBit, Gate, NoReply, Rule, Stall
from tests.servers.proxy import FaultProxy
from tests.servers.scripted import ScriptedS3
from tests.servers.seaweed import Seaweed

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
def engine(proxy: FaultProxy, tmp_path: Path) -> Iterator[Engine]:
    """On the real server, with one worker, so that it is known what is under way."""
    with running_on(tmp_path / "state", proxy.url, workers=1) as engine:
        yield engine


@pytest.fixture
def s3() -> Iterator[ScriptedS3]:
    with ScriptedS3("b") as server:
        yield server


def stored(seaweed: Seaweed, bucket: str, key: str) -> bytes:
    body: bytes = seaweed.client().get_object(Bucket=bucket, Key=key)["Body"].read()
    return body


def open_uploads(seaweed: Seaweed, bucket: str) -> list[object]:
    return list(seaweed.client().list_multipart_uploads(Bucket=bucket).get("Uploads", []))


# -- the end of an upload --------------------------------------------------------------------------


@pytest.mark.fault(14)
def test_a_part_with_a_flipped_bit_is_refused_and_sent_again_alone(
    engine: Engine, proxy: FaultProxy, seaweed: Seaweed, bucket: str, tmp_path: Path
) -> None:
    path = write(tmp_path / "a", SIZE)
    proxy.add(Rule(FlipBit(at=MIB, direction="up"), method="PUT", query=TAIL, nth=1))
    seen = watched(engine, engine.copy(path, f"s3://{bucket}/a"))
    assert seen[0].startswith("retry 2/8 in 1s (damaged on the way: ")
    assert (engine.state("/a"), engine.row("/a").verified) == (S.DONE, Verified.CRC)
    assert proxy.sent_parts() == {1: 1, 2: 1, 3: 2}
    assert stored(seaweed, bucket, "a") == path.read_bytes()


@pytest.mark.fault(17)
def test_an_error_inside_a_success_costs_another_complete_and_no_part(s3: ScriptedS3, tmp_path: Path) -> None:
    path = write(tmp_path / "a", SIZE)
    s3.switches.complete_errors = ["InternalError"]
    with running_on(tmp_path / "state", s3.url, workers=1) as engine:
        seen = watched(engine, engine.copy(path, "s3://b/a"))
        assert seen[0].startswith("retry 2/8 in 1s (the server failed: InternalError")
        assert (engine.state("/a"), engine.row("/a").verified) == (S.DONE, Verified.CRC)
    assert s3.count("CompleteMultipartUpload") == 2
    assert (s3.count("CreateMultipartUpload"), s3.count("UploadPart")) == (1, 3)
    assert s3.data("b", "a") == path.read_bytes()


@pytest.mark.parametrize("how", ["close", "reset"])
@pytest.mark.fault(18)
def test_a_lost_answer_to_complete_is_recognised_and_nothing_is_asked_or_sent_again(
    proxy: FaultProxy, seaweed: Seaweed, bucket: str, tmp_path: Path, how: str
) -> None:
    path = write(tmp_path / "a", SIZE)
    lost = NoReply("close") if how == "close" else NoReply("reset")
    rule = proxy.add(Rule(lost, method="POST", query="uploadId="))
    with running_on(tmp_path / "state", proxy.url, workers=1) as engine:
        operation = engine.copy(path, f"s3://{bucket}/a", on_conflict=ConflictPolicy.ASK)
        engine.settled(operation)
        assert (engine.state("/a"), engine.row("/a").verified) == (S.DONE, Verified.CRC)
        assert not [event for event in engine.events if event.kind in ("attention", "failed")]
    assert rule.fired >= 1
    assert proxy.sent_parts() == {1: 1, 2: 1, 3: 1}
    assert open_uploads(seaweed, bucket) == []
    assert stored(seaweed, bucket, "a") == path.read_bytes()


# -- an upload that is not what is on record ---------------------------------------------------------


@pytest.mark.fault(19)
def test_an_upload_that_is_gone_in_the_middle_starts_again_once_and_says_so(
    s3: ScriptedS3, tmp_path: Path
) -> None:
    path, gate = write(tmp_path / "a", SIZE), Gate()
    with FaultProxy(s3.url) as proxy, running_on(tmp_path / "state", proxy.url, workers=1) as engine:
        proxy.add(Rule(Stall(at=MIB, direction="up", gate=gate), method="PUT", query=TAIL, nth=1))
        operation = engine.copy(path, "s3://b/a")
        gate.wait_reached()
        s3.forget_uploads()
        gate.open()
        row = engine.until(lambda: (row := engine.row("/a")).waiting and row)
        assert "retry 2/8 in 1s (partial upload dropped" in details(engine, "/a")
        assert "retry 2/8 in 1s (partial upload drop" in line(row)
        engine.until(lambda: engine.row("/a").note)
        assert "the server dropped the partial upload" in details(engine, "/a")
        engine.settled(operation)
        assert (engine.state("/a"), engine.row("/a").verified) == (S.DONE, Verified.CRC)
        assert proxy.sent_parts() == {1: 2, 2: 2, 3: 2}
    assert s3.count("CreateMultipartUpload") == 2
    assert s3.data("b", "a") == path.read_bytes()


@pytest.mark.parametrize("how", ["missing", "different"])
@pytest.mark.fault(20)
def test_of_an_upload_that_differs_from_the_record_only_what_differs_is_sent_again(
    seaweed: Seaweed, bucket: str, tmp_path: Path, how: str
) -> None:
    path, state = write(tmp_path / "a", SIZE), tmp_path / "state"
    with ScriptedS3(bucket) as s3, FaultProxy(s3.url) as proxy:
        rule = proxy.add(Rule(Stall(at=MIB, direction="up"), method="PUT", query=TAIL))
        with running_on(state, proxy.url, workers=1) as engine:
            engine.copy(path, f"s3://{bucket}/a")
            engine.until(lambda: engine.row("/a").parts_done == 2)
        [upload] = s3.uploads()
        if how == "different":
            client = s3.client()
            client.upload_part(Bucket=bucket, Key="a", UploadId=upload.id, PartNumber=2, Body=b"x" * 8 * MIB)
            client.close()
        else:
            with s3.store.lock:
                del upload.parts[2]
        proxy.remove(rule)
        proxy.forget()
        with running_on(state, proxy.url, workers=1) as engine:
            engine.until(lambda: engine.state("/a") is S.DONE)
            assert engine.row("/a").verified is Verified.CRC
            assert not [event for event in engine.events if event.kind in ("attention", "failed")]
        assert proxy.sent_parts() == {2: 1, 3: 1}
        assert s3.count("CreateMultipartUpload") == 1
        assert s3.data(bucket, "a") == path.read_bytes()


# -- objects that change -----------------------------------------------------------------------------


@pytest.mark.fault(21)
def test_an_object_that_is_overwritten_between_two_ranges_is_asked_about_and_never_mixed(
    engine: Engine, proxy: FaultProxy, seaweed: Seaweed, bucket: str, tmp_path: Path
) -> None:
    old, new = write(tmp_path / "old", SIZE, 1), write(tmp_path / "new", SIZE, 2)
    seaweed.client().upload_file(str(old), bucket, "a")
    gate = Gate()
    proxy.add(Rule(Stall(at=MIB, gate=gate), method="GET", path="/a$", nth=2))
    operation = engine.copy(f"s3://{bucket}/a", tmp_path / "back")
    gate.wait_reached()
    seaweed.client().upload_file(str(new), bucket, "a")
    gate.open()
    engine.settled(operation)
    row = engine.row("/a")
    assert row.state is S.ATTENTION
    assert row.question is not None
    assert (row.question.kind, row.question.answers) == ("object-changed", ("restart", "cancel"))
    assert "the object changed on the server" in line(row)
    assert "the object changed on the server while it was being read" in details(engine, "/a")
    assert len(part_files(tmp_path)) == 1
    assert not (tmp_path / "back").exists()
    engine.manager.answer(row.id, "restart")
    engine.settled(operation)
    assert engine.row("/a").verified is Verified.ETAG
    assert (tmp_path / "back").read_bytes() == new.read_bytes()
    assert part_files(tmp_path) == []


@pytest.mark.fault(21)
def test_an_object_that_is_deleted_between_two_ranges_says_so_and_keeps_what_is_here(
    engine: Engine, proxy: FaultProxy, seaweed: Seaweed, bucket: str, tmp_path: Path
) -> None:
    seaweed.client().upload_file(str(write(tmp_path / "old", SIZE)), bucket, "a")
    gate = Gate()
    proxy.add(Rule(Stall(at=MIB, gate=gate), method="GET", path="/a$", nth=2))
    operation = engine.copy(f"s3://{bucket}/a", tmp_path / "back")
    gate.wait_reached()
    seaweed.client().delete_object(Bucket=bucket, Key="a")
    gate.open()
    engine.settled(operation)
    row = engine.row("/a")
    assert row.state is S.FAILED
    assert "the object does not exist (any more)" in line(row)
    assert not (tmp_path / "back").exists()
    seaweed.client().upload_file(str(tmp_path / "old"), bucket, "a")
    engine.manager.retry(row.id)
    engine.settled(operation)
    if engine.state("/a") is S.ATTENTION:  # The server may give it another ETag.
        engine.manager.answer(row.id, "restart")
        engine.settled(operation)
    assert (tmp_path / "back").read_bytes() == (tmp_path / "old").read_bytes()


@pytest.mark.parametrize(
    ("answer", "key", "kept"),
    [("overwrite", "a", None), ("rename", "a (2)", b"theirs"), ("skip", None, b"theirs")],
)
@pytest.mark.fault(22)
def test_a_target_that_appears_during_an_upload_is_kept_until_somebody_decides(
    engine: Engine,
    proxy: FaultProxy,
    seaweed: Seaweed,
    bucket: str,
    tmp_path: Path,
    answer: str,
    key: str | None,
    kept: bytes | None,
) -> None:
    path, gate = write(tmp_path / "a", SIZE), Gate()
    proxy.add(Rule(Stall(at=MIB, direction="up", gate=gate), method="PUT", query=TAIL, nth=1))
    operation = engine.copy(path, f"s3://{bucket}/a", on_conflict=ConflictPolicy.ASK)
    gate.wait_reached()
    seaweed.client().put_object(Bucket=bucket, Key="a", Body=b"theirs")
    gate.open()
    engine.settled(operation)
    row = engine.row("/a")
    assert (row.state, row.question and row.question.kind) == (S.ATTENTION, "target-exists")
    assert row.question is not None and row.question.target is not None
    assert row.question.target.size == len(b"theirs")
    assert {"overwrite", "rename", "skip"} <= set(row.question.answers)
    assert "the target already exists" in line(row)
    assert stored(seaweed, bucket, "a") == b"theirs"
    engine.manager.answer(row.id, answer)
    engine.settled(operation)
    assert engine.state(path.name) is S.DONE
    if key is not None:
        assert stored(seaweed, bucket, key) == path.read_bytes()
    if kept is not None:
        assert stored(seaweed, bucket, "a") == kept
    engine.until(lambda: not open_uploads(seaweed, bucket))
    if answer == "overwrite":
        assert proxy.sent_parts() == {1: 1, 2: 1, 3: 1}, "what was there already was sent again"
