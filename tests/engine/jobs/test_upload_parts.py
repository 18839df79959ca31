"""Files sent in parts: begun once, gone on with after any interruption."""

from __future__ import annotations

import os
import tracemalloc
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from engine.errors import NeedsAnswer, Permanent, Retryable
from engine.jobs import make_job
from engine.model import ObjectRef, TransferOptions
from engine.s3.connection import Connection
from tests.engine.jobs.driver import (
    CRC,
    ETAG,
    MIB,
    PART,
    SIZE,
    Item,
    Killed,
    ended,
    item,
    killed,
    run,
    run_once,
)
from tests.servers.faults import FlipBit, NoReply, Reset, Rule
from tests.servers.proxy import FaultProxy
from tests.servers.scripted import ScriptedS3
from tests.servers.seaweed import Seaweed

Write = Callable[..., Path]
SIZE_OF_FOUR = 3 * PART + 1000
"""Four parts, the last one short."""
OLD = 1_600_000_000
"""A time long past: a file of then is at rest."""


@pytest.fixture
def path(write: Write) -> Path:
    """A file of four parts, at rest."""
    path = write("big.bin", SIZE_OF_FOUR)
    os.utime(path, (OLD, OLD))
    return path


def sent(s3: ScriptedS3) -> Counter[str]:
    """How often each part was sent."""
    return Counter(asked.query["partNumber"] for asked in s3.requests("UploadPart"))


def at_rest(one: Item) -> None:
    """The file was long at rest when the upload began (its ctime is of now, whatever its mtime)."""
    one.checkpoint = replace(one.checkpoint, saved_at=one.checkpoint.saved_at + 60)


@pytest.mark.parametrize("threads", [1, 4])
def test_a_large_file_arrives_as_it_is_proven_by_its_checksum(
    connection: Connection, seaweed: Seaweed, bucket: str, path: Path, threads: int
) -> None:
    one = item(connection, path, f"s3://{bucket}/dir/big.bin")
    assert ended(run_once(one, threads=threads)) == CRC
    there = seaweed.client().get_object(Bucket=bucket, Key="dir/big.bin")
    assert there["Body"].read() == path.read_bytes()
    assert there["ContentType"] == "application/octet-stream"
    assert there["Metadata"]["mtime"] == f"{OLD}.000000000"
    assert seaweed.client().list_multipart_uploads(Bucket=bucket).get("Uploads", []) == []


def test_intent_id_and_completion_are_on_disk_before_the_next_step(scripted: Connection, path: Path) -> None:
    one = item(scripted, path, "s3://b/a")
    run_once(one)
    durable = [checkpoint.phase for checkpoint, is_durable in one.saves if is_durable]
    assert durable == ["intent", "begun", "completing"]
    begun = next(checkpoint for checkpoint, _ in one.saves if checkpoint.phase == "begun")
    assert begun.upload_id is not None
    assert begun.checksum_mode == "full"


def test_each_part_and_the_whole_carry_their_checksum(
    scripted: Connection, s3: ScriptedS3, path: Path
) -> None:
    run_once(item(scripted, path, "s3://b/a"))
    assert all("x-amz-checksum-crc32" in asked.headers for asked in s3.requests("UploadPart"))
    [create] = s3.requests("CreateMultipartUpload")
    assert create.headers["x-amz-checksum-type"] == "FULL_OBJECT"
    [complete] = s3.requests("CompleteMultipartUpload")
    assert "x-amz-checksum-crc32" in complete.headers


def test_memory_does_not_grow_with_the_file(connection: Connection, bucket: str, tmp_path: Path) -> None:
    def peak(size: int) -> int:
        path = tmp_path / f"sparse{size}"
        with path.open("wb") as file:
            file.truncate(size)
        tracemalloc.start()
        try:
            run_once(item(connection, path, f"s3://{bucket}/{size}", part_size=16 * MIB), threads=2)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(20 * MIB)
    assert peak(64 * MIB) < 4 * MIB


# -- going on --------------------------------------------------------------------------------------


@pytest.mark.parametrize("threads", [1, 3])
def test_a_killed_upload_goes_on_with_the_same_id_and_sends_only_what_is_missing(
    connection: Connection,
    seaweed: Seaweed,
    bucket: str,
    proxy: FaultProxy,
    over_proxy: Connection,
    path: Path,
    threads: int,
) -> None:
    one = item(over_proxy, path, f"s3://{bucket}/a")
    one.kill_after(2)
    killed(one, threads=threads)
    done = set(one.parts)
    assert 2 <= len(done) <= 1 + threads
    first_id = one.checkpoint.upload_id
    assert ended(run_once(one, threads=threads)) == CRC
    again = [number for number, times in proxy.sent_parts().items() if times > 1]
    assert not done & set(again), "a confirmed part was sent again"
    ids = {exchange.query["uploadId"] for exchange in proxy.requests(method="PUT")}
    assert ids == {first_id}
    body = seaweed.client().get_object(Bucket=bucket, Key="a")["Body"].read()
    assert body == path.read_bytes()


def test_confirmed_parts_are_read_again_unless_the_file_is_surely_the_same(
    scripted: Connection, s3: ScriptedS3, path: Path
) -> None:
    one = item(scripted, path, "s3://b/a")
    one.kill_after(2)
    killed(one)
    run_once(one)
    assert sorted(one.checked) == [1, 2], "its ctime is of just now"
    assert sent(s3) == {"1": 1, "2": 1, "3": 1, "4": 1}


def test_a_file_at_rest_is_not_read_again(scripted: Connection, s3: ScriptedS3, path: Path) -> None:
    one = item(scripted, path, "s3://b/a")
    one.kill_after(2)
    killed(one)
    at_rest(one)
    assert ended(run_once(one)) == CRC
    assert one.checked == []


def test_after_a_reboot_parts_are_read_again_once(scripted: Connection, path: Path) -> None:
    one = item(scripted, path, "s3://b/a")
    one.kill_after(2)
    killed(one)
    at_rest(one)
    one.reboot()
    one.kill_after(3)
    killed(one)
    assert one.checked == [], "new parts go before the second reading"
    one.on_confirm = lambda part: _kill_if(part.number == 1)
    killed(one)
    assert one.checked == [1]
    assert ended(run_once(one)) == CRC
    assert one.checked == [1, 2], "what was read in this boot is believed"


def _kill_if(condition: bool) -> None:
    if condition:
        raise Killed


def test_what_changed_between_two_runs_is_sent_again_and_nothing_else(
    scripted: Connection, s3: ScriptedS3, path: Path
) -> None:
    one = item(scripted, path, "s3://b/a")
    one.kill_after(3)
    killed(one)
    with path.open("r+b") as file:
        file.seek(PART + 7)
        file.write(b"another content")
    assert ended(run_once(one)) == CRC
    assert s3.data("b", "a") == path.read_bytes()
    assert sent(s3) == {"1": 1, "2": 2, "3": 1, "4": 1}


def test_a_change_is_found_also_where_time_and_size_do_not_tell(
    scripted: Connection, s3: ScriptedS3, path: Path
) -> None:
    one = item(scripted, path, "s3://b/a")
    one.kill_after(3)
    killed(one)
    before = path.stat()
    with path.open("r+b") as file:
        file.seek(2 * PART)
        file.write(b"another content")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert ended(run_once(one)) == CRC
    assert s3.data("b", "a") == path.read_bytes()


def test_a_file_replaced_by_an_older_one_is_looked_at_in_every_later_run(
    scripted: Connection, s3: ScriptedS3, path: Path, write: Write
) -> None:
    one = item(scripted, path, "s3://b/a")
    one.kill_after(2)
    killed(one)
    at_rest(one)
    os.replace(write("other", SIZE_OF_FOUR, seed=1), path)
    one.kill_after(3)
    killed(one)
    assert ended(run_once(one)) == CRC
    assert {1, 2} <= set(one.checked)
    assert s3.data("b", "a") == path.read_bytes()


@pytest.mark.parametrize("change", [b"", b"longer"])
def test_another_size_is_asked_about_and_restarts_on_demand(
    scripted: Connection, s3: ScriptedS3, path: Path, change: bytes
) -> None:
    one = item(scripted, path, "s3://b/a")
    one.kill_after(2)
    killed(one)
    first = one.checkpoint.upload_id
    if change:
        with path.open("ab") as file:
            file.write(change)
    else:
        os.truncate(path, 100)
    with pytest.raises(NeedsAnswer) as asked:
        run_once(one)
    assert asked.value.code == "source-changed"
    assert s3.object("b", "a") is None
    one.answer("restart")
    assert ended(run_once(one)) == CRC
    assert s3.data("b", "a") == path.read_bytes()
    assert first not in [upload.id for upload in s3.uploads()]


@pytest.mark.fault(23)
def test_a_change_while_it_is_sent_is_never_completed(
    scripted: Connection, s3: ScriptedS3, path: Path
) -> None:
    one = item(scripted, path, "s3://b/a")

    def change(part: object) -> None:
        if len(one.parts) == 4:
            path.write_bytes(path.read_bytes())

    one.on_confirm = change
    with pytest.raises(NeedsAnswer) as asked:
        run_once(one)
    assert asked.value.code == "source-changed"
    assert s3.count("CompleteMultipartUpload") == 0
    one.live()
    one.answer("restart")
    assert ended(run_once(one)) == CRC
    assert s3.data("b", "a") == path.read_bytes()
    assert s3.uploads() == []


def test_a_part_that_changes_while_it_is_sent_is_not_confirmed_where_nobody_checks(
    scripted: Connection, s3: ScriptedS3, path: Path
) -> None:
    s3.switches.keeps_no_checksums = True
    scripted.endpoint.learn_checksum_mode("none")
    scripted.endpoint.etags_are_md5 = False
    one = item(scripted, path, "s3://b/a")

    def change() -> None:
        with path.open("r+b") as file:
            file.seek(4 * MIB)
            file.write(b"changed")

    one.at_piece(3, change)
    with pytest.raises(NeedsAnswer) as asked:
        run_once(one)
    assert asked.value.code == "source-changed"
    assert one.parts == {}


@pytest.mark.fault(24)
def test_a_file_that_was_moved_away_with_its_folder_is_never_completed(
    scripted: Connection, s3: ScriptedS3, write: Write
) -> None:
    path = write("folder/big", SIZE_OF_FOUR)
    one = item(scripted, path, "s3://b/a")

    def move(part: object) -> None:
        if len(one.parts) == 4:
            path.parent.rename(path.parent.with_name("elsewhere"))

    one.on_confirm = move
    with pytest.raises(NeedsAnswer):
        run_once(one)
    assert s3.count("CompleteMultipartUpload") == 0


# -- what the server has ---------------------------------------------------------------------------


def test_parts_that_the_server_does_not_list_are_sent_again(
    scripted: Connection, s3: ScriptedS3, path: Path
) -> None:
    one = item(scripted, path, "s3://b/a")
    one.kill_after(3)
    killed(one)
    s3.switches.forgotten_parts = {2}
    assert ended(run_once(one)) == CRC
    assert sent(s3) == {"1": 1, "2": 2, "3": 1, "4": 1}


def test_a_part_that_is_another_one_on_the_server_is_sent_again(
    scripted: Connection, s3: ScriptedS3, path: Path
) -> None:
    one = item(scripted, path, "s3://b/a")
    one.kill_after(3)
    killed(one)
    one.parts[2] = replace(one.parts[2], etag="0" * 32)
    assert ended(run_once(one)) == CRC
    assert sent(s3) == {"1": 1, "2": 2, "3": 1, "4": 1}


def test_parts_on_the_server_that_are_not_on_record_are_sent_again(
    scripted: Connection, s3: ScriptedS3, path: Path
) -> None:
    one = item(scripted, path, "s3://b/a")
    one.kill_after(3)
    killed(one)
    del one.parts[3]
    assert ended(run_once(one)) == CRC
    assert sent(s3)["3"] == 2


def test_all_pages_of_the_list_are_read(scripted: Connection, s3: ScriptedS3, path: Path) -> None:
    one = item(scripted, path, "s3://b/a")
    one.kill_after(4)
    killed(one)
    s3.switches.page_size = 1
    assert ended(run_once(one)) == CRC
    assert s3.count("ListParts") >= 4
    assert set(sent(s3).values()) == {1}


def test_without_permission_to_list_the_record_is_believed(
    scripted: Connection, s3: ScriptedS3, path: Path
) -> None:
    one = item(scripted, path, "s3://b/a")
    one.kill_after(2)
    killed(one)
    s3.refuse("AccessDenied", 403, operation="ListParts")
    assert ended(run_once(one)) == CRC
    assert set(sent(s3).values()) == {1}


def test_a_dropped_upload_starts_again_once_and_then_fails_with_the_reason(
    scripted: Connection, s3: ScriptedS3, path: Path
) -> None:
    one = item(scripted, path, "s3://b/a")
    one.kill_after(2)
    killed(one)
    s3.forget_uploads()
    one.kill_after(2)
    killed(one)
    assert any("dropped" in note for note in one.notes)
    assert s3.count("CreateMultipartUpload") == 2
    s3.forget_uploads()
    with pytest.raises(Permanent) as failed:
        run_once(one)
    assert failed.value.code == "upload-gone"
    assert s3.count("CreateMultipartUpload") == 2
    assert ended(run_once(one)) == CRC, "the user may try again"


def test_an_upload_that_goes_while_it_is_sent_is_begun_again(
    scripted: Connection, s3: ScriptedS3, path: Path
) -> None:
    one = item(scripted, path, "s3://b/a")
    one.on_confirm = lambda part: s3.forget_uploads() if part.number == 2 else None
    with pytest.raises(Retryable) as failed:
        run_once(one)
    assert failed.value.code == "upload-gone"
    one.live()
    assert ended(run_once(one)) == CRC


# -- an intent without an id -----------------------------------------------------------------------


@pytest.mark.fault(58)
def test_an_upload_begun_just_before_the_end_is_adopted(
    scripted: Connection, s3: ScriptedS3, path: Path
) -> None:
    one = item(scripted, path, "s3://b/a")
    one.kill_at("begun")
    killed(one)
    one.checkpoint = next(checkpoint for checkpoint, _ in one.saves if checkpoint.phase == "intent")
    assert ended(run_once(one)) == CRC
    assert s3.count("CreateMultipartUpload") == 1


@pytest.mark.fault(58)
@pytest.mark.parametrize("why", ["two", "older", "not empty"])
def test_an_upload_that_may_be_anothers_is_left_alone(
    scripted: Connection, s3: ScriptedS3, path: Path, why: str
) -> None:
    one = item(scripted, path, "s3://b/a")
    one.kill_at("begun")
    killed(one)
    one.checkpoint = next(checkpoint for checkpoint, _ in one.saves if checkpoint.phase == "intent")
    [theirs] = s3.uploads()
    if why == "two":
        ref, plain = ObjectRef("b", "a"), TransferOptions()
        scripted.control.create_multipart(ref, plain, checksum_mode="none", metadata={}, content_type=None)
    elif why == "older":
        theirs.initiated -= 3600
    else:
        client = s3.client()
        client.upload_part(Bucket="b", Key="a", UploadId=theirs.id, PartNumber=1, Body=b"x")
        client.close()
    before = {upload.id for upload in s3.uploads()}
    assert ended(run_once(one)) == CRC
    assert {upload.id for upload in s3.uploads()} == before
    assert s3.data("b", "a") == path.read_bytes()


@pytest.mark.fault(58)
def test_an_upload_begun_just_before_the_end_is_aborted_where_its_file_may_be_another(
    scripted: Connection, s3: ScriptedS3, path: Path
) -> None:
    one = item(scripted, path, "s3://b/a")
    one.kill_at("begun")
    killed(one)
    one.checkpoint = next(checkpoint for checkpoint, _ in one.saves if checkpoint.phase == "intent")
    os.utime(path, (OLD + 1, OLD + 1))
    assert ended(run_once(one)) == CRC
    assert s3.uploads() == []
    assert s3.data("b", "a") == path.read_bytes()


# -- the line --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault",
    [Reset(at=2 * MIB, direction="up"), NoReply(), NoReply(forward=False), FlipBit(at=77, direction="up")],
    ids=["reset", "lost answer", "lost", "damaged"],
)
def test_what_happens_to_a_part_on_its_way_costs_that_part_alone(
    over_proxy: Connection, proxy: FaultProxy, seaweed: Seaweed, bucket: str, path: Path, fault: object
) -> None:
    proxy.add(Rule(fault, method="PUT", query={"partNumber": "2"}, nth=1))  # type: ignore[arg-type]
    assert ended(run_once(item(over_proxy, path, f"s3://{bucket}/a"), threads=2)) == CRC
    assert proxy.sent_parts() == {1: 1, 2: 2, 3: 1, 4: 1}
    body = seaweed.client().get_object(Bucket=bucket, Key="a")["Body"].read()
    assert body == path.read_bytes()


# -- servers that differ ---------------------------------------------------------------------------


def test_a_server_without_whole_checksums_gets_those_of_the_parts(
    scripted: Connection, s3: ScriptedS3, path: Path
) -> None:
    s3.switches.refuses_checksum_type = True
    assert ended(run_once(item(scripted, path, "s3://b/a"))) == CRC
    stored = s3.object("b", "a")
    assert stored is not None
    assert stored.checksum_type == "COMPOSITE"
    assert scripted.endpoint.checksum_mode == "composite"


@pytest.mark.fault(57)
def test_a_server_without_checksums_is_compared_by_md5_while_sending(
    scripted: Connection, s3: ScriptedS3, path: Path
) -> None:
    s3.switches.refuses_checksums = True
    assert ended(run_once(item(scripted, path, "s3://b/a"))) == ETAG
    assert scripted.endpoint.checksum_mode == "md5"
    assert all("content-md5" in asked.headers for asked in s3.requests("UploadPart"))


def test_a_server_that_keeps_no_checksums_is_compared_by_reading_the_file_once_more(
    scripted: Connection, s3: ScriptedS3, path: Path
) -> None:
    s3.switches.keeps_no_checksums = True
    assert ended(run_once(item(scripted, path, "s3://b/a"))) == ETAG
    assert scripted.endpoint.checksum_mode == "md5"


def test_what_a_server_says_of_its_parts_alone_proves_nothing(
    over_lossy: Connection, lossy: FaultProxy, s3: ScriptedS3, path: Path
) -> None:
    s3.switches.keeps_no_checksums = True  # nor looks at them
    lossy.add(Rule(FlipBit(at=77, direction="up"), method="PUT", query={"partNumber": "2"}, nth=1))
    assert ended(run_once(item(over_lossy, path, "s3://b/a"))) == SIZE
    assert s3.data("b", "a") != path.read_bytes(), "the test damages nothing"


def test_a_part_damaged_on_the_way_to_a_server_that_checks_nothing_is_sent_again(
    over_lossy: Connection, lossy: FaultProxy, s3: ScriptedS3, path: Path
) -> None:
    s3.switches.keeps_no_checksums = True
    over_lossy.endpoint.learn_checksum_mode("md5")
    lossy.add(Rule(FlipBit(at=77, direction="up"), method="PUT", query={"partNumber": "2"}, nth=1))
    assert ended(run_once(item(over_lossy, path, "s3://b/a"))) == ETAG
    assert s3.data("b", "a") == path.read_bytes()
    assert lossy.sent_parts()[2] == 2


def test_etags_of_the_servers_own_cost_one_part_twice_and_leave_the_size(
    scripted: Connection, s3: ScriptedS3, path: Path
) -> None:
    s3.switches.odd_etags = s3.switches.keeps_no_checksums = True
    scripted.endpoint.learn_checksum_mode("md5")
    assert ended(run_once(item(scripted, path, "s3://b/a"))) == SIZE
    assert sum(sent(s3).values()) == 5


def test_an_upload_goes_on_in_the_mode_in_which_it_was_begun(
    scripted: Connection, s3: ScriptedS3, path: Path
) -> None:
    one = item(scripted, path, "s3://b/a")
    one.kill_after(1)
    killed(one)
    scripted.endpoint.learn_checksum_mode("none")
    assert ended(run_once(one)) == CRC


# -- giving up -------------------------------------------------------------------------------------


def test_a_cancelled_upload_leaves_nothing_on_the_server(
    scripted: Connection, s3: ScriptedS3, path: Path
) -> None:
    one = item(scripted, path, "s3://b/a")
    one.kill_after(2)
    killed(one)
    make_job(one).discard()
    make_job(one).discard()
    assert s3.uploads() == []


@pytest.mark.fault(59)
def test_a_cancel_between_create_and_its_record_leaves_nothing_either(
    scripted: Connection, s3: ScriptedS3, path: Path
) -> None:
    one = item(scripted, path, "s3://b/a")
    one.kill_at("begun")
    killed(one)
    one.checkpoint = next(checkpoint for checkpoint, _ in one.saves if checkpoint.phase == "intent")
    make_job(one).discard()
    assert s3.uploads() == []


def test_what_cannot_be_removed_now_is_owed(scripted: Connection, s3: ScriptedS3, path: Path) -> None:
    one = item(scripted, path, "s3://b/dir/a")
    one.kill_after(1)
    killed(one)
    s3.refuse("InternalError", 500, operation="AbortMultipartUpload")
    with pytest.raises(Retryable):
        make_job(one).discard()
    assert one.debts == [("abort", "b/dir/a", one.checkpoint.upload_id)]


def test_a_pause_in_the_middle_of_a_part_keeps_what_is_confirmed(
    scripted: Connection, s3: ScriptedS3, path: Path
) -> None:
    one = item(scripted, path, "s3://b/a")
    one.at_piece(8, lambda: one.token.cancel("pause"))
    killed(one)
    assert set(one.parts) == {1}
    assert ended(run(one)) == CRC
    assert s3.count("CreateMultipartUpload") == 1
