"""Files sent in one request."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.errors import NeedsAnswer, Permanent, Retryable
from engine.model import Facts, Outcome, Verified
from engine.s3.connection import Connection
from tests.engine.jobs.driver import CRC, ETAG, MIB, SIZE, ended, item, run, run_once
from tests.servers.faults import FlipBit, NoReply, Rewrite, Rule
from tests.servers.proxy import FaultProxy
from tests.servers.scripted import ScriptedS3
from tests.servers.seaweed import Seaweed

Write = Callable[..., Path]


@pytest.mark.parametrize("size", [0, 1, MIB, 3 * MIB + 17])
def test_a_file_arrives_as_it_is_in_one_request_proven_by_its_checksum(
    connection: Connection, seaweed: Seaweed, bucket: str, write: Write, size: int
) -> None:
    path = write("a b.txt", size)
    assert ended(run_once(item(connection, path, f"s3://{bucket}/x/a b.txt"))) == CRC
    there = seaweed.client().get_object(Bucket=bucket, Key="x/a b.txt")
    assert there["Body"].read() == path.read_bytes()
    assert there["ContentType"] == "text/plain"


def test_the_time_of_a_file_is_kept_to_the_nanosecond_as_rclone_keeps_it(
    scripted: Connection, s3: ScriptedS3, write: Write
) -> None:
    path = write("a", 10)
    run_once(item(scripted, path, "s3://b/a"))
    stored = s3.object("b", "a")
    assert stored is not None
    seconds, _, fraction = stored.headers["x-amz-meta-mtime"].partition(".")
    assert int(seconds) * 10**9 + int(fraction) == path.stat().st_mtime_ns


def test_an_empty_folder_becomes_a_marker(scripted: Connection, s3: ScriptedS3, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    one = item(scripted, f"{tmp_path}/empty/", "s3://b/empty/", listed=None)
    assert run_once(one).outcome is Outcome.TRANSFERRED
    assert s3.data("b", "empty/") == b""
    again = item(scripted, f"{tmp_path}/empty/", "s3://b/empty/")
    assert run_once(again).outcome is Outcome.IDENTICAL


def test_a_file_that_the_planner_looked_for_costs_one_request(
    scripted: Connection, s3: ScriptedS3, write: Write
) -> None:
    assert ended(run_once(item(scripted, write("a", 100), "s3://b/a", listed=None))) == CRC
    assert [asked.operation for asked in s3.requests()] == ["PutObject"]


# -- answers that are lost -------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["close", "reset"])
def test_a_file_whose_answer_was_lost_is_known_again_and_asks_nothing(
    over_lossy: Connection, lossy: FaultProxy, s3: ScriptedS3, write: Write, how: str
) -> None:
    lossy.add(Rule(NoReply(how), method="PUT", nth=1))  # type: ignore[arg-type]
    path = write("a", 1000)
    assert ended(run_once(item(over_lossy, path, "s3://b/a", listed=None))) == CRC
    assert s3.data("b", "a") == path.read_bytes()
    assert lossy.requests(method="PUT")[1].status == 412


def test_without_checksum_and_md5_it_is_known_by_size_and_time(
    over_lossy: Connection, lossy: FaultProxy, s3: ScriptedS3, write: Write
) -> None:
    s3.switches.odd_etags = s3.switches.keeps_no_checksums = True
    lossy.add(Rule(NoReply(), method="PUT", nth=1))
    assert ended(run_once(item(over_lossy, write("a", 1000), "s3://b/a", listed=None))) == SIZE


def test_another_object_of_that_size_is_not_taken_for_ours(
    over_lossy: Connection, lossy: FaultProxy, s3: ScriptedS3, write: Write
) -> None:
    s3.switches.odd_etags = s3.switches.keeps_no_checksums = True
    lossy.add(Rule(NoReply(forward=False), method="PUT", nth=1))
    s3.put("b", "a", b"x" * 1000, x_amz_meta_mtime="1.0")
    with pytest.raises(NeedsAnswer) as asked:
        run_once(item(over_lossy, write("a", 1000), "s3://b/a", listed=None))
    assert asked.value.code == "target-exists"
    assert s3.data("b", "a") == b"x" * 1000


# -- sources that change ---------------------------------------------------------------------------


def test_a_file_that_changes_between_its_two_readings_is_never_stored(
    scripted: Connection, s3: ScriptedS3, write: Write
) -> None:
    path = write("a", 3 * MIB)
    one = item(scripted, path, "s3://b/a", listed=None)

    def change() -> None:
        with path.open("r+b") as file:
            file.seek(2 * MIB)
            file.write(b"changed")

    one.at_piece(1, change)
    with pytest.raises(NeedsAnswer) as asked:
        run_once(one)
    assert asked.value.code == "source-changed"
    assert s3.object("b", "a") is None


def test_a_file_that_shrinks_while_it_is_sent_is_never_stored(
    scripted: Connection, s3: ScriptedS3, write: Write
) -> None:
    path = write("a", 3 * MIB)
    one = item(scripted, path, "s3://b/a", listed=None)
    one.at_piece(1, lambda: os.truncate(path, MIB))
    with pytest.raises(NeedsAnswer) as asked:
        run_once(one)
    assert asked.value.code == "source-changed"
    assert s3.object("b", "a") is None


@pytest.mark.parametrize("kind", ["missing", "folder", "pipe"])
def test_what_is_no_file_is_named_at_once(scripted: Connection, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "x"
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    with pytest.raises(Permanent) as failed:
        run_once(item(scripted, path, "s3://b/x"))
    assert failed.value.code == ("source-missing" if kind == "missing" else "not-a-file")


# -- servers that differ ---------------------------------------------------------------------------


def test_a_server_without_checksums_is_sent_an_md5_and_remembered(
    scripted: Connection, s3: ScriptedS3, write: Write
) -> None:
    s3.switches.refuses_checksums = True
    assert ended(run_once(item(scripted, write("a", 1000), "s3://b/a", listed=None))) == ETAG
    assert scripted.endpoint.checksum_mode == "md5"
    before = s3.count()
    assert ended(run_once(item(scripted, write("c", 1000), "s3://b/c", listed=None))) == ETAG
    assert s3.count() == before + 1


def test_a_server_that_keeps_no_checksums_is_asked_once_and_then_compared_by_md5(
    scripted: Connection, s3: ScriptedS3, write: Write
) -> None:
    s3.switches.keeps_no_checksums = True
    assert ended(run_once(item(scripted, write("a", 1000), "s3://b/a", listed=None))) == ETAG
    before = s3.count()
    assert ended(run_once(item(scripted, write("c", 1000), "s3://b/c", listed=None))) == ETAG
    assert s3.count() == before + 1


def test_an_etag_that_is_not_the_md5_is_not_believed_at_once(
    over_lossy: Connection, lossy: FaultProxy, s3: ScriptedS3, write: Write
) -> None:
    over_lossy.endpoint.learn_checksum_mode("none")
    damaged = hashlib.md5(b"damaged on the way").hexdigest()
    lossy.add(Rule(Rewrite({"ETag": f'"{damaged}"'}), method="PUT", nth=1))
    assert ended(run_once(item(over_lossy, write("a", 1000), "s3://b/a"))) == ETAG
    assert len(lossy.requests(method="PUT")) == 2


def test_a_server_with_etags_of_its_own_is_sent_one_file_twice_and_no_other(
    scripted: Connection, s3: ScriptedS3, write: Write
) -> None:
    s3.switches.odd_etags = s3.switches.refuses_checksums = True
    scripted.endpoint.learn_checksum_mode("md5")
    assert ended(run_once(item(scripted, write("a", 1000), "s3://b/a", listed=None))) == SIZE
    assert s3.count("PutObject") == 2
    assert ended(run_once(item(scripted, write("c", 1000), "s3://b/c", listed=None))) == SIZE
    assert s3.count("PutObject") == 3


def test_a_refusal_that_has_nothing_to_do_with_checksums_is_not_sent_again_and_again(
    scripted: Connection, s3: ScriptedS3, write: Write
) -> None:
    run_once(item(scripted, write("a", 10), "s3://b/a"))
    s3.refuse("InvalidStorageClass", 400, operation="PutObject")
    before = s3.count("PutObject")
    with pytest.raises(Permanent) as failed:
        run_once(item(scripted, write("c", 10), "s3://b/c", storage_class="NONE"))
    assert failed.value.code == "bad-request"
    assert s3.count("PutObject") == before + 1
    assert scripted.endpoint.checksum_mode == "full"


def test_size_alone_is_a_failure_where_a_checksum_is_required(
    scripted: Connection, s3: ScriptedS3, write: Write
) -> None:
    s3.switches.odd_etags = s3.switches.keeps_no_checksums = True
    with pytest.raises(Permanent) as failed:
        run(item(scripted, write("a", 10), "s3://b/a", require_checksum=True))
    assert failed.value.code == "no-checksum"


def test_a_damaged_body_is_refused_and_sent_again(
    over_proxy: Connection, proxy: FaultProxy, seaweed: Seaweed, bucket: str, write: Write
) -> None:
    proxy.add(Rule(FlipBit(at=500, direction="up"), method="PUT", nth=1))
    path = write("a", 1000)
    assert ended(run_once(item(over_proxy, path, f"s3://{bucket}/a"))) == CRC
    assert len(proxy.requests(method="PUT")) == 2
    assert seaweed.client().get_object(Bucket=bucket, Key="a")["Body"].read() == path.read_bytes()


def test_an_object_that_takes_its_place_at_once_is_not_taken_for_a_proof(
    over_lossy: Connection, lossy: FaultProxy, s3: ScriptedS3, write: Write
) -> None:
    s3.switches.keeps_no_checksums = True

    def other(etag: str) -> str:
        s3.put("b", "a", b"y" * 1000)
        return etag

    lossy.add(Rule(Rewrite({"ETag": other}), method="PUT", nth=1))
    with pytest.raises(Permanent) as failed:
        run_once(item(over_lossy, write("a", 1000), "s3://b/a", move=True))
    assert failed.value.code == "precondition"


def test_what_was_identical_is_not_sent(scripted: Connection, s3: ScriptedS3, write: Write) -> None:
    path = write("a", 1000)
    etag = s3.put("b", "a", path.read_bytes())
    one = item(scripted, path, "s3://b/a", listed=Facts(1000, 5.0, etag))
    assert ended(run_once(one)) == (Outcome.IDENTICAL, Verified.ETAG)
    assert s3.count("PutObject") == 0


def test_a_busy_server_is_an_error_that_may_be_tried_again(
    scripted: Connection, s3: ScriptedS3, write: Write
) -> None:
    s3.refuse("SlowDown", 503, operation="PutObject")
    with pytest.raises(Retryable) as failed:
        run_once(item(scripted, write("a", 10), "s3://b/a"))
    assert failed.value.code == "slow-down"
