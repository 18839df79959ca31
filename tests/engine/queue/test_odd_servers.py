"""Servers and lines that do what they should not: the item gets through, or says what is wrong and what to do."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine import TransferState, Verified
from engine.local.fsops import Data, FsOps
from tests.engine.queue.real import MIB, Engine, part_files, running, running_at, write
from tests.servers.faults import FlipBit, NoReply, Reset, Rule, Truncate
from tests.servers.proxy import FaultProxy
from tests.servers.scripted import ScriptedS3
from tests.servers.seaweed import Seaweed

S = TransferState


@pytest.fixture
def s3() -> Iterator[ScriptedS3]:
    with ScriptedS3("b") as server:
        yield server


@pytest.fixture
def engine(s3: ScriptedS3, tmp_path: Path) -> Iterator[Engine]:
    with running_at(s3.url, tmp_path / "state", workers=4) as engine:
        yield engine


# -- a scripted server -----------------------------------------------------------------------------


@pytest.mark.fault(16)
def test_a_busy_server_is_asked_again_and_the_attempts_are_seen(
    engine: Engine, s3: ScriptedS3, tmp_path: Path
) -> None:
    s3.refuse("SlowDown", 503, operation="UploadPart", times=3)
    rows = engine.do(engine.copy(write(tmp_path / "a", 20 * MIB), "s3://b/a"))
    assert [row.state for row in rows] == [S.DONE]
    assert s3.data("b", "a") == (tmp_path / "a").read_bytes()
    assert s3.count("UploadPart") == 3 + 3
    assert s3.count("CreateMultipartUpload") == 1


def test_a_server_that_always_fails_is_given_up_after_the_attempts_and_named(
    s3: ScriptedS3, tmp_path: Path
) -> None:
    s3.refuse("InternalError", 500, operation="PutObject")
    with running_at(s3.url, tmp_path / "state", attempts=2) as engine:
        operation = engine.copy([write(tmp_path / "a", 10), write(tmp_path / "b", 10)], "s3://b/")
        engine.settled(operation)
        row = engine.row("/a")
        assert row.state is S.FAILED
        assert row.problem is not None
        assert row.problem.code == "server-error"
        assert s3.count("PutObject") == 4
        s3.relent()
        assert engine.manager.retry_failed() == 2
        engine.settled(operation)
        assert engine.state("/a") is S.DONE


def test_a_denied_upload_is_not_tried_again(engine: Engine, s3: ScriptedS3, tmp_path: Path) -> None:
    s3.refuse("AccessDenied", 403, operation="PutObject")
    engine.settled(engine.copy(write(tmp_path / "a", 10), "s3://b/a"))
    problem = engine.row("/a").problem
    assert problem is not None
    assert problem.code == "access-denied"
    assert s3.count("PutObject") == 1


@pytest.mark.fault(46)
def test_to_upload_one_need_not_be_allowed_to_look(engine: Engine, s3: ScriptedS3, tmp_path: Path) -> None:
    s3.refuse("AccessDenied", 403, operation="HeadObject")
    s3.refuse("AccessDenied", 403, operation="GetObject")
    s3.refuse("AccessDenied", 403, operation="ListObjectsV2")
    engine.settled(engine.copy(write(tmp_path / "a", 10), "s3://b/a"))
    assert s3.data("b", "a") == (tmp_path / "a").read_bytes()
    assert engine.state("/a") is S.DONE


@pytest.mark.fault(17)
def test_an_error_inside_a_200_is_an_error_and_complete_is_tried_again(
    engine: Engine, s3: ScriptedS3, tmp_path: Path
) -> None:
    s3.switches.complete_errors = ["InternalError"]
    engine.do(engine.copy(write(tmp_path / "a", 20 * MIB), "s3://b/a"))
    assert s3.data("b", "a") == (tmp_path / "a").read_bytes()
    assert s3.count("CreateMultipartUpload") == 1
    assert s3.count("UploadPart") == 3, "confirmed parts were sent again"


@pytest.mark.fault(20)
def test_parts_that_the_server_forgot_are_sent_again_and_no_others(s3: ScriptedS3, tmp_path: Path) -> None:
    state = tmp_path / "state"
    with running_at(s3.url, state, upload_limit=40 * MIB) as engine:
        engine.copy(write(tmp_path / "a", 64 * MIB), "s3://b/a")
        engine.until(lambda: engine.row("/a").parts_done >= 3)
    assert len(s3.uploads()) == 1
    s3.switches.forgotten_parts = {1}
    before = s3.count("UploadPart")
    with running_at(s3.url, state) as engine:
        engine.until(lambda: s3.count("UploadPart") > before)
        s3.switches.forgotten_parts = set()
        engine.until(lambda: engine.state("/a") is S.DONE)
    assert s3.data("b", "a") == (tmp_path / "a").read_bytes()
    numbers = [asked.query["partNumber"] for asked in s3.requests("UploadPart")[before:]]
    assert numbers.count("1") == 1
    assert s3.count("CreateMultipartUpload") == 1


@pytest.mark.fault(19)
def test_an_upload_that_the_server_dropped_starts_again_once_and_says_so(
    s3: ScriptedS3, tmp_path: Path
) -> None:
    state = tmp_path / "state"
    with running_at(s3.url, state, upload_limit=40 * MIB) as engine:
        engine.copy(write(tmp_path / "a", 40 * MIB), "s3://b/a")
        engine.until(lambda: engine.row("/a").parts_done >= 2)
    s3.forget_uploads()
    with running_at(s3.url, state) as engine:
        engine.until(lambda: engine.state("/a") is S.DONE)
        assert "dropped" in engine.row("/a").note
    assert s3.data("b", "a") == (tmp_path / "a").read_bytes()
    assert s3.count("CreateMultipartUpload") == 2


@pytest.mark.fault(46)
def test_without_permission_to_list_parts_the_journal_is_believed(s3: ScriptedS3, tmp_path: Path) -> None:
    state = tmp_path / "state"
    with running_at(s3.url, state, upload_limit=40 * MIB) as engine:
        engine.copy(write(tmp_path / "a", 64 * MIB), "s3://b/a")
        engine.until(lambda: engine.row("/a").parts_done >= 3)
    s3.refuse("AccessDenied", 403, operation="ListParts")
    with running_at(s3.url, state) as engine:
        engine.until(lambda: engine.state("/a") is S.DONE)
    assert s3.data("b", "a") == (tmp_path / "a").read_bytes()
    assert s3.count("CreateMultipartUpload") == 1


@pytest.mark.fault(57)
@pytest.mark.parametrize("size", [10, 20 * MIB])
def test_a_server_that_knows_no_checksums_is_checked_by_md5(
    engine: Engine, s3: ScriptedS3, tmp_path: Path, size: int
) -> None:
    s3.switches.refuses_checksums = True
    rows = engine.do(engine.copy(write(tmp_path / "a", size), "s3://b/a"))
    assert [(row.state, row.verified) for row in rows] == [(S.DONE, Verified.ETAG)]
    assert s3.data("b", "a") == (tmp_path / "a").read_bytes()


def test_what_only_its_size_proves_says_so_or_fails_on_demand(
    engine: Engine, s3: ScriptedS3, tmp_path: Path
) -> None:
    s3.switches.odd_etags = s3.switches.keeps_no_checksums = True
    s3.put("b", "a", b"some bytes")
    rows = engine.do(engine.copy("s3://b/a", tmp_path / "one"))
    assert [row.verified for row in rows] == [Verified.SIZE]
    engine.settled(engine.copy("s3://b/a", tmp_path / "two", require_checksum=True))
    problem = next(row.problem for row in engine.manager.snapshot().rows if row.state is S.FAILED)
    assert problem is not None
    assert problem.code == "no-checksum"
    assert not (tmp_path / "two").exists()


@pytest.mark.fault(45)
def test_expired_credentials_are_waited_for_and_cost_no_attempt(
    engine: Engine, s3: ScriptedS3, tmp_path: Path
) -> None:
    s3.refuse("ExpiredToken", 400, operation="UploadPart", times=4)
    operation = engine.copy(write(tmp_path / "a", 40 * MIB), "s3://b/a")
    waiting = engine.until(lambda: engine.row("/a").waiting)
    assert waiting.reason == "credentials"
    assert waiting.attempts == 0
    engine.manager.retry(engine.row("/a").id)
    engine.settled(operation)
    assert s3.data("b", "a") == (tmp_path / "a").read_bytes()
    assert s3.count("CreateMultipartUpload") == 1


@pytest.mark.fault(56)
def test_an_archived_object_says_that_it_is(engine: Engine, s3: ScriptedS3, tmp_path: Path) -> None:
    s3.put("b", "cold", b"x")
    s3.switches.archived = {"cold": ""}
    engine.settled(engine.copy("s3://b/cold", tmp_path / "cold"))
    question = engine.row("cold").question
    assert question is not None
    assert (question.kind, question.text) == ("archived", "the object is archived")
    assert not part_files(tmp_path) or not (tmp_path / "cold").exists()


def test_a_server_that_ignores_ranges_never_makes_a_wrong_file(
    engine: Engine, s3: ScriptedS3, tmp_path: Path
) -> None:
    s3.put("b", "a", write(tmp_path / "a", 20 * MIB).read_bytes())
    s3.switches.ignores_ranges = True
    engine.settled(engine.copy("s3://b/a", tmp_path / "back"))
    assert engine.row("/a").state is S.FAILED
    assert not (tmp_path / "back").exists()


@pytest.mark.fault(60)
@pytest.mark.parametrize(
    "key", ["../../evil", "a/../../evil", "/etc/evil", "..", "a//b", "x\\..\\y", "a\x1b[2Jb"]
)
def test_no_key_leads_out_of_the_chosen_folder(
    engine: Engine, s3: ScriptedS3, tmp_path: Path, key: str
) -> None:
    s3.put("b", f"in/{key}", b"evil")
    s3.put("b", "in/good", b"good")
    target = tmp_path / "deep" / "down" / "target"
    operation = engine.copy("s3://b/in/", f"{target}/")
    engine.settled(operation)
    assert (target / "good").read_bytes() == b"good"
    everything = {path for path in tmp_path.rglob("*") if path.is_file() and "state" not in path.parts}
    assert all(target in path.parents for path in everything)
    refused = engine.manager.rows_of(operation, S.FAILED)
    assert len(everything) + len(refused) == 2, "a key was dropped without a word"


# -- a state folder that cannot be written ---------------------------------------------------------


class FullStateDisk(FsOps):
    """The journal's disk is full while `is_full`."""

    is_full = False

    def write(self, fd: int, data: Data) -> int:
        """Fails, or writes."""
        if self.is_full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return super().write(fd, data)


@pytest.mark.fault(29)
def test_while_the_queue_cannot_be_saved_nothing_new_starts_and_it_goes_on_by_itself(
    s3: ScriptedS3, tmp_path: Path
) -> None:
    disk = FullStateDisk()
    with running_at(s3.url, tmp_path / "state", fs=disk, upload_limit=20 * MIB) as engine:
        operation = engine.copy(write(tmp_path / "a", 40 * MIB), "s3://b/a")
        engine.until(lambda: engine.row("/a").parts_done >= 1)
        disk.is_full = True
        engine.until(lambda: engine.manager.snapshot().health.state_problem)
        assert "space" in engine.manager.snapshot().health.state_problem.lower()
        disk.is_full = False
        engine.manager.set_limits(None, None)
        engine.settled(operation)
        assert engine.state("/a") is S.DONE
        assert engine.manager.snapshot().health.state_problem == ""
    assert s3.data("b", "a") == (tmp_path / "a").read_bytes()
    with running_at(s3.url, tmp_path / "state") as engine:
        assert engine.manager.snapshot().total == 0


# -- a line that breaks ----------------------------------------------------------------------------


@pytest.mark.fault(18)
def test_a_lost_answer_to_complete_is_resolved_by_looking(
    seaweed: Seaweed, bucket: str, tmp_path: Path
) -> None:
    with FaultProxy(seaweed.url) as proxy:
        complete = Rule(NoReply(), method="POST", query="uploadId=", nth=1)
        proxy.add(complete)
        with running(seaweed, tmp_path / "state", url=proxy.url) as engine:
            rows = engine.do(engine.copy(write(tmp_path / "a", 20 * MIB), f"s3://{bucket}/a"))
            assert [(row.state, row.verified) for row in rows] == [(S.DONE, Verified.CRC)]
        assert complete.fired == 1
        assert max(proxy.sent_parts().values()) == 1
    body = seaweed.client().get_object(Bucket=bucket, Key="a")["Body"].read()
    assert body == (tmp_path / "a").read_bytes()


@pytest.mark.fault(14)
def test_a_bit_that_flips_on_the_way_up_is_refused_by_the_server_and_sent_again(
    seaweed: Seaweed, bucket: str, tmp_path: Path
) -> None:
    with FaultProxy(seaweed.url) as proxy:
        flip = proxy.add(
            Rule(FlipBit(at=MIB, direction="up"), method="PUT", query={"partNumber": "2"}, nth=1)
        )
        with running(seaweed, tmp_path / "state", url=proxy.url) as engine:
            rows = engine.do(engine.copy(write(tmp_path / "a", 20 * MIB), f"s3://{bucket}/a"))
            assert [(row.state, row.verified) for row in rows] == [(S.DONE, Verified.CRC)]
        assert flip.fired == 1
        assert proxy.sent_parts() == {1: 1, 2: 2, 3: 1}
    body = seaweed.client().get_object(Bucket=bucket, Key="a")["Body"].read()
    assert body == (tmp_path / "a").read_bytes()


@pytest.mark.fault(13)
def test_a_bit_that_flips_on_the_way_down_never_reaches_the_final_name(
    seaweed: Seaweed, bucket: str, tmp_path: Path
) -> None:
    with FaultProxy(seaweed.url) as proxy, running(seaweed, tmp_path / "state", url=proxy.url) as engine:
        engine.do(engine.copy(write(tmp_path / "a", 20 * MIB), f"s3://{bucket}/a"))
        proxy.add(Rule(FlipBit(at=MIB), method="GET", path="/a$", nth={1, 4}))
        engine.manager.clear_finished()
        operation = engine.copy(f"s3://{bucket}/a", tmp_path / "back")
        engine.settled(operation)
        row = engine.row("/a")
        assert row.state is S.FAILED
        assert row.problem is not None
        assert row.problem.code == "checksum-mismatch"
        assert not (tmp_path / "back").exists()
        engine.manager.retry(row.id)
        engine.settled(operation)
    assert (tmp_path / "back").read_bytes() == (tmp_path / "a").read_bytes()


@pytest.mark.parametrize("fault", [Reset(at=3 * MIB), Truncate(at=3 * MIB)], ids=["reset", "truncated"])
@pytest.mark.fault(7, 9)
def test_only_the_missing_tail_of_a_broken_part_is_fetched_again(
    seaweed: Seaweed, bucket: str, tmp_path: Path, fault: Reset | Truncate
) -> None:
    with FaultProxy(seaweed.url) as proxy, running(seaweed, tmp_path / "state", url=proxy.url) as engine:
        engine.do(engine.copy(write(tmp_path / "a", 20 * MIB), f"s3://{bucket}/a"))
        proxy.forget()
        proxy.add(Rule(fault, method="GET", path="/a$", nth=1))
        rows = engine.do(engine.copy(f"s3://{bucket}/a", tmp_path / "back"))
        assert [(row.state, row.verified) for row in rows] == [(S.DONE, Verified.CRC)]
        fetched = sum(e.body_down for e in proxy.requests() if e.method == "GET" and e.range)
        assert fetched <= 21 * MIB
    assert (tmp_path / "back").read_bytes() == (tmp_path / "a").read_bytes()


@pytest.mark.fault(1)
def test_while_the_endpoint_is_away_items_wait_with_a_reason_and_go_on_when_it_is_back(
    seaweed: Seaweed, bucket: str, tmp_path: Path
) -> None:
    with FaultProxy(seaweed.url) as proxy, running(seaweed, tmp_path / "state", url=proxy.url) as engine:
        engine.manager.set_limits(30 * MIB, None)
        operation = engine.copy(write(tmp_path / "a", 40 * MIB), f"s3://{bucket}/a")
        engine.until(lambda: engine.row("/a").parts_done >= 1)
        proxy.go_down()
        proxy.cut()
        waiting = engine.until(lambda: (w := engine.row("/a").waiting) and w.reason == "offline" and w)
        assert "refused" in waiting.text
        engine.manager.set_limits(None, None)
        proxy.come_back()
        engine.settled(operation)
        assert engine.state("/a") is S.DONE
        assert engine.row("/a").verified is Verified.CRC
