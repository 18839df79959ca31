"""Objects fetched: whole or in ranges, verified, and put in place in one step."""

from __future__ import annotations

import base64
import errno
import hashlib
import os
import shutil
import sys
import tracemalloc
import types
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from engine.errors import Condition, NeedsAnswer, Permanent, Retryable
from engine.jobs import make_job, ranges
from engine.model import ConflictPolicy, Facts, LocalRef, Outcome, Verified
from engine.s3.connection import Connection
from tests.engine.jobs.driver import (
    CRC,
    ETAG,
    MIB,
    PART,
    SIZE,
    ended,
    item,
    killed,
    run,
    run_once,
)
from tests.engine.local.faults import WatchedFs, failing
from tests.servers.faults import FlipBit, Reset, Rewrite, Rule, Truncate
from tests.servers.proxy import FaultProxy
from tests.servers.s3_store import crc32
from tests.servers.scripted import ScriptedS3
from tests.servers.seaweed import Seaweed

Write = Callable[..., Path]
LARGE = 3 * PART + 1000
"""Four parts, the last one short."""
CONTENT = os.urandom(LARGE)


@pytest.fixture
def back(tmp_path: Path) -> Path:
    """Where objects are fetched to."""
    return tmp_path / "to" / "back"


def put(s3: ScriptedS3, data: bytes = CONTENT, key: str = "a", **headers: str) -> str:
    """As S3 keeps an object that was sent with its checksum."""
    return s3.put("b", key, data, x_amz_checksum_crc32=crc32(data), **headers)


def left_over(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*.part"))


def fetched(s3: ScriptedS3) -> list[str]:
    return [asked.headers.get("range", "all") for asked in s3.requests("GetObject")]


# -- small -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, 3 * MIB + 5])
def test_a_small_object_comes_as_it_is_in_one_request_with_its_checksum(
    scripted: Connection, s3: ScriptedS3, back: Path, size: int
) -> None:
    etag = put(s3, CONTENT[:size])
    one = item(scripted, "s3://b/a", back, source_facts=Facts(size, 1.0, etag))
    assert ended(run_once(one)) == CRC
    assert back.read_bytes() == CONTENT[:size]
    assert [asked.operation for asked in s3.requests()] == ["GetObject"]
    assert left_over(back.parent) == []


def test_an_object_of_unknown_size_is_looked_at_first(
    scripted: Connection, s3: ScriptedS3, back: Path
) -> None:
    put(s3, b"some bytes")
    assert ended(run_once(item(scripted, "s3://b/a", back, source_facts=Facts(-1)))) == CRC
    assert back.read_bytes() == b"some bytes"


def test_the_time_of_a_file_comes_back_to_the_nanosecond(
    scripted: Connection, s3: ScriptedS3, write: Write, back: Path
) -> None:
    path = write("a", 100)
    os.utime(path, ns=(1, 1_523_454_562_123_456_789))
    run_once(item(scripted, path, "s3://b/a"))
    run_once(item(scripted, "s3://b/a", back))
    assert back.stat().st_mtime_ns == 1_523_454_562_123_456_789


@pytest.mark.parametrize("mtime", ["", "soon", "nan", "1e308", "9" * 40])
def test_a_time_that_makes_no_sense_is_not_set(
    scripted: Connection, s3: ScriptedS3, back: Path, mtime: str
) -> None:
    put(s3, b"x", x_amz_meta_mtime=mtime)
    s3.change("b", "a", modified=1_600_000_000.0)
    run_once(item(scripted, "s3://b/a", back))
    assert back.stat().st_mtime == 1_600_000_000.0


def test_a_marker_makes_a_folder(scripted: Connection, s3: ScriptedS3, tmp_path: Path) -> None:
    put(s3, b"", "in/sub/")
    one = item(scripted, "s3://b/in/sub/", f"{tmp_path}/to/sub/", root=f"{tmp_path}/to")
    assert run_once(one).outcome is Outcome.TRANSFERRED
    assert (tmp_path / "to" / "sub").is_dir()
    itself = item(scripted, "s3://b/in/", f"{tmp_path}/new/", root=f"{tmp_path}/new")
    assert run_once(itself).outcome is Outcome.TRANSFERRED
    assert (tmp_path / "new").is_dir()


def test_a_small_object_that_changed_since_it_was_listed_is_fetched_as_it_is(
    scripted: Connection, s3: ScriptedS3, back: Path
) -> None:
    etag = put(s3, b"old")
    one = item(scripted, "s3://b/a", back, source_facts=Facts(3, 1.0, etag))
    put(s3, b"new and longer")
    assert ended(run(one)) == CRC
    assert back.read_bytes() == b"new and longer"


def test_of_a_small_object_only_the_missing_tail_is_fetched_again(
    over_lossy: Connection, lossy: FaultProxy, s3: ScriptedS3, back: Path
) -> None:
    etag = put(s3, CONTENT[: 3 * MIB])
    lossy.add(Rule(Reset(at=2 * MIB), method="GET", nth=1))
    one = item(over_lossy, "s3://b/a", back, source_facts=Facts(3 * MIB, 1.0, etag))
    assert ended(run_once(one)) == CRC
    assert back.read_bytes() == CONTENT[: 3 * MIB]
    first, second = lossy.requests(method="GET")
    assert second.range is not None
    assert first.body_down + second.body_down < 3.2 * MIB


# -- large -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("threads", [1, 4])
def test_a_large_object_comes_in_ranges_and_as_it_is(
    connection: Connection, seaweed: Seaweed, bucket: str, write: Write, back: Path, threads: int
) -> None:
    path = write("big", LARGE)
    assert ended(run_once(item(connection, path, f"s3://{bucket}/a"), threads=threads)) == CRC
    assert ended(run_once(item(connection, f"s3://{bucket}/a", back), threads=threads)) == CRC
    assert back.read_bytes() == path.read_bytes()
    assert back.stat().st_mtime_ns == path.stat().st_mtime_ns


def test_every_range_demands_the_same_object(scripted: Connection, s3: ScriptedS3, back: Path) -> None:
    s3.switches.versioned = True
    etag = put(s3)
    run_once(item(scripted, "s3://b/a", back), threads=2)
    gets = s3.requests("GetObject")
    assert len(gets) == 4
    assert {asked.headers["if-match"].strip('"') for asked in gets} == {etag}
    assert all("versionId" in asked.query for asked in gets)


def test_memory_does_not_grow_with_the_object(
    connection: Connection, seaweed: Seaweed, bucket: str, back: Path
) -> None:
    for size in (20, 64):
        seaweed.client().put_object(Bucket=bucket, Key=f"{size}", Body=bytes(size * MIB))

    def peak(size: int) -> int:
        one = item(connection, f"s3://{bucket}/{size}", back.with_name(str(size)), part_size=16 * MIB)
        tracemalloc.start()
        try:
            run_once(one, threads=2)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(20)
    assert peak(64) < 4 * MIB


@pytest.mark.parametrize("fault", [Reset(at=2 * MIB), Truncate(at=2 * MIB)], ids=["reset", "truncated"])
def test_only_the_missing_tail_of_a_range_is_fetched_again(
    over_lossy: Connection, lossy: FaultProxy, s3: ScriptedS3, back: Path, fault: Reset
) -> None:
    put(s3)
    lossy.add(Rule(fault, method="GET", nth=2))
    assert ended(run_once(item(over_lossy, "s3://b/a", back))) == CRC
    assert back.read_bytes() == CONTENT
    assert sum(one.body_down for one in lossy.requests(method="GET")) < LARGE + MIB


def test_a_damaged_range_is_found_and_never_published(
    over_lossy: Connection, lossy: FaultProxy, s3: ScriptedS3, back: Path
) -> None:
    put(s3)
    lossy.add(Rule(FlipBit(at=MIB), method="GET", nth=2))
    one = item(over_lossy, "s3://b/a", back)
    with pytest.raises(Retryable) as failed:
        run_once(one)
    assert failed.value.code == "checksum-mismatch"
    assert not back.exists()
    assert ended(run_once(one)) == CRC
    assert back.read_bytes() == CONTENT


def test_a_server_that_sends_other_bytes_than_asked_never_makes_a_file(
    over_lossy: Connection, lossy: FaultProxy, s3: ScriptedS3, back: Path
) -> None:
    put(s3)
    lossy.add(Rule(Rewrite({"Content-Range": f"bytes 0-{PART - 1}/{LARGE}"}), method="GET"))
    with pytest.raises(Retryable) as failed:
        run(item(over_lossy, "s3://b/a", back))
    assert failed.value.code == "bad-reply"
    assert not back.exists()


# -- proof -----------------------------------------------------------------------------------------


def test_the_checksums_of_parts_are_compared_on_their_own_boundaries(
    scripted: Connection, s3: ScriptedS3, write: Write, back: Path
) -> None:
    s3.switches.refuses_checksum_type = True
    path = write("big", LARGE)
    run_once(item(scripted, path, "s3://b/a", part_size=6 * MIB))
    assert ended(run_once(item(scripted, "s3://b/a", back))) == CRC
    assert back.read_bytes() == path.read_bytes()


def test_of_parts_with_checksums_only_the_bad_one_is_fetched_again(
    over_lossy: Connection, lossy: FaultProxy, s3: ScriptedS3, write: Write, back: Path
) -> None:
    s3.switches.refuses_checksum_type = True
    path = write("big", LARGE)
    run_once(item(over_lossy, path, "s3://b/a"))
    lossy.add(
        Rule(
            FlipBit(at=7), method="GET", when=lambda head: "-15728639" in (head.header("range") or ""), nth=1
        )
    )
    one = item(over_lossy, "s3://b/a", back)
    with pytest.raises(Retryable):
        run_once(one)
    before = len(s3.requests("GetObject"))
    assert ended(run_once(one)) == CRC
    assert fetched(s3)[before:] == [f"bytes={2 * PART}-{3 * PART - 1}"]


def test_an_object_in_one_piece_is_compared_by_md5_where_there_is_no_checksum(
    scripted: Connection, s3: ScriptedS3, back: Path
) -> None:
    s3.put("b", "a", CONTENT)
    assert ended(run_once(item(scripted, "s3://b/a", back))) == ETAG


def test_an_object_in_parts_is_compared_by_the_etag_that_its_parts_would_have(
    scripted: Connection, s3: ScriptedS3, write: Write, back: Path
) -> None:
    s3.switches.refuses_checksums = True
    run_once(item(scripted, write("big", LARGE), "s3://b/a", part_size=6 * MIB))
    assert ended(run_once(item(scripted, "s3://b/a", back))) == ETAG


def test_an_etag_of_aws_speaks_also_where_the_server_encrypts_with_its_own_keys(
    over_lossy: Connection, lossy: FaultProxy, s3: ScriptedS3, back: Path
) -> None:
    s3.put("b", "a", CONTENT, x_amz_server_side_encryption="AES256")
    lossy.add(Rule(FlipBit(at=MIB), method="GET", nth=2))
    one = item(over_lossy, "s3://b/a", back)
    with pytest.raises(Retryable) as failed:
        run_once(one)
    assert failed.value.code == "checksum-mismatch"
    assert ended(run_once(one)) == ETAG


def test_an_etag_under_a_users_key_is_no_md5(scripted: Connection, s3: ScriptedS3, back: Path) -> None:
    s3.put("b", "a", b"some bytes", x_amz_server_side_encryption="aws:kms")
    s3.change("b", "a", etag=hashlib.md5(b"encrypted").hexdigest())
    assert ended(run_once(item(scripted, "s3://b/a", back))) == SIZE


def test_an_etag_that_is_never_the_md5_is_believed_after_two_equal_fetches(
    scripted: Connection, s3: ScriptedS3, back: Path
) -> None:
    s3.put("b", "a", CONTENT)
    s3.change("b", "a", etag=hashlib.md5(b"a server's own").hexdigest())
    one = item(scripted, "s3://b/a", back)
    with pytest.raises(Retryable):
        run_once(one)
    assert not back.exists()
    assert ended(run_once(one)) == SIZE
    assert back.read_bytes() == CONTENT
    assert len(fetched(s3)) == 8


def test_aws_own_checksum_is_compared_where_the_library_is_there(
    scripted: Connection,
    s3: ScriptedS3,
    back: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Any function that carries on will do: what is tested is that all bytes pass through it in order.
    library, package = types.ModuleType("awscrt.checksums"), types.ModuleType("awscrt")
    library.crc64nvme = lambda data, before=0: zlib.crc32(data, before)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "awscrt", package)
    monkeypatch.setitem(sys.modules, "awscrt.checksums", library)
    told = base64.b64encode(zlib.crc32(CONTENT).to_bytes(8, "big")).decode()
    s3.put("b", "a", CONTENT, x_amz_checksum_crc64nvme=told)
    s3.change("b", "a", etag="odd", headers={"x-amz-checksum-crc64nvme": told})
    assert ended(run_once(item(scripted, "s3://b/a", back))) == CRC
    s3.change("b", "a", headers={"x-amz-checksum-crc64nvme": "AAAAAAAAAAE="})
    with pytest.raises(Retryable) as failed:
        run_once(item(scripted, "s3://b/a", back.with_name("other")))
    assert failed.value.code == "checksum-mismatch"


def test_size_alone_is_a_failure_where_a_checksum_is_required_and_nothing_is_published(
    scripted: Connection, s3: ScriptedS3, back: Path
) -> None:
    s3.switches.odd_etags = s3.switches.keeps_no_checksums = True
    s3.put("b", "a", b"some bytes")
    with pytest.raises(Permanent) as failed:
        run_once(item(scripted, "s3://b/a", back, require_checksum=True))
    assert failed.value.code == "no-checksum"
    assert not back.exists()


# -- going on --------------------------------------------------------------------------------------


@pytest.mark.parametrize("threads", [1, 3])
def test_a_killed_download_fetches_only_what_is_missing(
    scripted: Connection, s3: ScriptedS3, back: Path, threads: int
) -> None:
    put(s3)
    one = item(scripted, "s3://b/a", back)
    one.kill_after(2)
    killed(one, threads=threads)
    done = set(one.parts)
    assert not back.exists()
    before = len(fetched(s3))
    assert ended(run_once(one, threads=threads)) == CRC
    assert set(one.checked) == done
    assert len(fetched(s3)) - before == 4 - len(done)
    assert back.read_bytes() == CONTENT
    assert left_over(back.parent) == []


@pytest.mark.fault(36)
def test_a_part_file_that_was_altered_is_mended(scripted: Connection, s3: ScriptedS3, back: Path) -> None:
    put(s3)
    one = item(scripted, "s3://b/a", back)
    one.kill_after(3)
    killed(one)
    [name] = left_over(back.parent)
    with (back.parent / name).open("r+b") as file:
        file.seek(PART + 9)
        file.write(b"altered")
    before = len(fetched(s3))
    assert ended(run_once(one)) == CRC
    assert sorted(fetched(s3)[before:]) == [
        f"bytes={3 * PART}-{LARGE - 1}",
        f"bytes={PART}-{2 * PART - 1}",
    ]
    assert back.read_bytes() == CONTENT


@pytest.mark.fault(36)
@pytest.mark.parametrize("change", ["truncated", "grown", "removed", "replaced"])
def test_whatever_happened_to_the_part_file_the_file_is_right(
    scripted: Connection, s3: ScriptedS3, back: Path, change: str
) -> None:
    put(s3)
    one = item(scripted, "s3://b/a", back)
    one.kill_after(3)
    killed(one)
    part = back.parent / left_over(back.parent)[0]
    if change == "truncated":
        os.truncate(part, 100)
    elif change == "grown":
        with part.open("ab") as file:
            file.write(b"more")
    elif change == "removed":
        part.unlink()
    else:
        other = part.with_name("other")
        other.write_bytes(b"x" * LARGE)
        other.replace(part)
    assert ended(run_once(one)) == CRC
    assert back.read_bytes() == CONTENT


def test_after_a_reboot_only_what_was_synced_is_looked_at(
    scripted: Connection, s3: ScriptedS3, back: Path
) -> None:
    put(s3)
    one = item(scripted, "s3://b/a", back)
    one.kill_after(3)
    killed(one)
    one.reboot()
    one.parts[2] = replace(one.parts[2], synced=True)
    before = len(fetched(s3))
    assert ended(run_once(one)) == CRC
    assert one.checked == [2]
    assert len(fetched(s3)) - before == 3


def test_data_is_on_disk_before_a_record_says_so(
    scripted: Connection, s3: ScriptedS3, back: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ranges, "SYNC_BYTES", 2 * PART)
    put(s3)
    order: list[str] = []
    one = item(scripted, "s3://b/a", back)
    one.fs = WatchedFs(lambda name, args: order.append(name) if name == "fdatasync" else None)
    one.on_confirm = lambda part: order.append(f"{part.number}{'+' if part.synced else ''}")
    run_once(one)
    assert order[:7] == ["1", "2", "fdatasync", "1+", "2+", "3", "4"]


@pytest.mark.fault(31)
def test_what_the_disk_could_not_write_is_not_believed(
    scripted: Connection, s3: ScriptedS3, back: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ranges, "SYNC_BYTES", 2 * PART)
    put(s3)
    one = item(scripted, "s3://b/a", back)
    one.fs = failing("fdatasync", errno.EIO, times=1)
    with pytest.raises(Permanent) as failed:
        run_once(one)
    assert failed.value.code == "disk-error"
    assert one.parts == {}
    assert ended(run_once(one)) == CRC


@pytest.mark.fault(31)
def test_a_failed_last_sync_costs_the_whole_file_and_not_its_truth(
    scripted: Connection, s3: ScriptedS3, back: Path
) -> None:
    put(s3)
    one = item(scripted, "s3://b/a", back)
    one.fs = failing("fsync", errno.EIO, times=1)
    with pytest.raises(Permanent):
        run_once(one)
    assert one.parts == {}
    assert not back.exists()
    assert ended(run_once(one)) == CRC


def test_an_object_that_changed_between_two_runs_is_asked_about_and_never_mixed(
    scripted: Connection, s3: ScriptedS3, back: Path
) -> None:
    put(s3)
    one = item(scripted, "s3://b/a", back)
    one.kill_after(2)
    killed(one)
    new = os.urandom(LARGE)
    put(s3, new)
    with pytest.raises(NeedsAnswer) as asked:
        run_once(one)
    assert asked.value.code == "object-changed"
    assert left_over(back.parent) != []
    one.answer("restart")
    assert ended(run_once(one)) == CRC
    assert back.read_bytes() == new
    assert left_over(back.parent) == []


def test_an_object_that_changes_between_two_ranges_is_never_mixed(
    scripted: Connection, s3: ScriptedS3, back: Path
) -> None:
    put(s3)
    one = item(scripted, "s3://b/a", back)

    def overwrite(part: object) -> None:
        if len(one.parts) == 2:
            put(s3, os.urandom(LARGE))

    one.on_confirm = overwrite
    with pytest.raises(NeedsAnswer) as asked:
        run_once(one)
    assert asked.value.code == "object-changed"
    assert not back.exists()


def test_an_object_that_is_overwritten_in_a_bucket_with_versions_is_fetched_to_its_end(
    scripted: Connection, s3: ScriptedS3, back: Path
) -> None:
    s3.switches.versioned = True
    put(s3)
    one = item(scripted, "s3://b/a", back)
    one.kill_after(2)
    killed(one)
    put(s3, b"a later version")
    assert ended(run_once(one)) == CRC
    assert back.read_bytes() == CONTENT


def test_an_object_that_goes_when_all_of_it_is_here_is_still_verified(
    scripted: Connection, s3: ScriptedS3, back: Path
) -> None:
    put(s3)
    one = item(scripted, "s3://b/a", back)

    def delete(part: object) -> None:
        if len(one.parts) == 4:
            s3.store.objects("b").clear()

    one.on_confirm = delete
    assert ended(run_once(one)) == CRC
    assert back.read_bytes() == CONTENT


@pytest.mark.fault(54)
def test_an_object_that_is_gone_says_so(scripted: Connection, back: Path) -> None:
    with pytest.raises(Permanent) as failed:
        run_once(item(scripted, "s3://b/a", back))
    assert failed.value.code == "no-such-key"


# -- the disk --------------------------------------------------------------------------------------


@pytest.mark.fault(27)
def test_a_full_disk_is_a_condition_and_keeps_what_is_there(
    scripted: Connection, s3: ScriptedS3, back: Path
) -> None:
    put(s3)
    one = item(scripted, "s3://b/a", back)

    def fill(name: str, args: object) -> None:
        if name == "pwrite" and one.parts:
            raise OSError(errno.ENOSPC, "no space left")

    one.fs = disk = WatchedFs(fill)
    with pytest.raises(Condition) as waits:
        run_once(one)
    assert waits.value.code == "disk-full"
    assert waits.value.scope[0] == "disk"
    disk.before = None
    assert ended(run_once(one)) == CRC
    assert one.checked == [1]


def test_nothing_is_written_outside_the_chosen_folder(
    scripted: Connection, s3: ScriptedS3, tmp_path: Path
) -> None:
    put(s3, b"x")
    (tmp_path / "to").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "to" / "link").symlink_to(tmp_path / "elsewhere")
    for target in (f"{tmp_path}/to/link/x", f"{tmp_path}/to/../elsewhere/x"):
        with pytest.raises(Permanent):
            run_once(item(scripted, "s3://b/a", target, root=f"{tmp_path}/to"))
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_cancelled_download_leaves_nothing_and_makes_nothing(
    scripted: Connection, s3: ScriptedS3, back: Path
) -> None:
    put(s3)
    one = item(scripted, "s3://b/a", back)
    one.kill_after(2)
    killed(one)
    assert left_over(back.parent) == [".back.7.part"]
    make_job(one).discard()
    assert left_over(back.parent) == []
    shutil.rmtree(back.parent)
    make_job(one).discard()
    assert not back.parent.exists()


def test_a_file_of_anothers_under_the_part_files_name_is_not_removed(
    scripted: Connection, s3: ScriptedS3, back: Path
) -> None:
    put(s3)
    one = item(scripted, "s3://b/a", back)
    one.kill_after(2)
    killed(one)
    part = back.parent / ".back.7.part"
    other = part.with_name("other")
    other.write_bytes(b"precious")
    other.replace(part)
    make_job(one).discard()
    assert part.read_bytes() == b"precious"


# -- conflicts -------------------------------------------------------------------------------------

OLD, NEW = 1_000_000_000.0, 2_000_000_000.0


@pytest.mark.parametrize(
    ("policy", "mtime", "data", "outcome", "final"),
    [
        ("skip", OLD, b"other", "skipped", b"other"),
        ("overwrite", NEW, b"other", "transferred", b"object"),
        ("newer", OLD, b"other", "transferred", b"object"),
        ("newer", NEW, b"other", "skipped", b"other"),
        ("differs", NEW, b"other", "transferred", b"object"),
        ("differs", OLD, b"object", "identical", b"object"),
        ("overwrite", OLD, b"object", "identical", b"object"),
        ("ask", OLD, b"object", "identical", b"object"),
    ],
)
def test_conflicts_end_as_the_policy_says(
    scripted: Connection,
    s3: ScriptedS3,
    back: Path,
    policy: str,
    mtime: float,
    data: bytes,
    outcome: str,
    final: bytes,
) -> None:
    etag = put(s3, b"object")
    s3.change("b", "a", modified=1_500_000_000.0)
    back.parent.mkdir()
    back.write_bytes(data)
    os.utime(back, (mtime, mtime))
    facts = Facts(6, 1_500_000_000.0, etag)
    one = item(scripted, "s3://b/a", back, source_facts=facts, on_conflict=ConflictPolicy(policy))
    assert run_once(one).outcome is Outcome(outcome)
    assert back.read_bytes() == final
    assert left_over(back.parent) == []


def test_a_question_tells_both_sides_and_the_answer_outlives_another_question(
    scripted: Connection, s3: ScriptedS3, back: Path
) -> None:
    put(s3)
    back.parent.mkdir()
    back.write_bytes(b"other")
    one = item(scripted, "s3://b/a", back)
    with pytest.raises(NeedsAnswer) as asked:
        run_once(one)
    assert (asked.value.source, asked.value.target) != (None, None)
    one.answer("overwrite")
    one.kill_after(2)
    killed(one)
    new = os.urandom(LARGE)
    put(s3, new)
    with pytest.raises(NeedsAnswer) as asked:
        run_once(one)
    assert asked.value.code == "object-changed"
    one.answer("restart")
    assert ended(run_once(one)) == CRC
    assert back.read_bytes() == new


@pytest.mark.fault(37)
def test_a_file_that_appears_meanwhile_is_not_replaced(
    scripted: Connection, s3: ScriptedS3, back: Path
) -> None:
    put(s3, b"object")
    one = item(scripted, "s3://b/a", back)

    def appear(part: object) -> None:
        back.write_bytes(b"new")

    one.on_confirm = appear
    with pytest.raises(NeedsAnswer) as asked:
        run_once(one)
    assert asked.value.code == "target-exists"
    assert back.read_bytes() == b"new"


def test_a_younger_file_that_was_written_meanwhile_is_kept(
    scripted: Connection, s3: ScriptedS3, back: Path
) -> None:
    put(s3, b"object")
    back.parent.mkdir()
    back.write_bytes(b"old")
    os.utime(back, (OLD, OLD))
    one = item(scripted, "s3://b/a", back, on_conflict=ConflictPolicy.NEWER)

    def write(part: object) -> None:
        back.write_bytes(b"younger")
        os.utime(back, (9e9, 9e9))

    one.on_confirm = write
    assert run_once(one).outcome is Outcome.SKIPPED
    assert back.read_bytes() == b"younger"
    assert left_over(back.parent) == []


def test_a_free_name_is_taken_and_another_if_that_is_taken_meanwhile(
    scripted: Connection, s3: ScriptedS3, back: Path
) -> None:
    put(s3)
    back.parent.mkdir()
    back.write_bytes(b"there")
    one = item(scripted, "s3://b/a", back, on_conflict=ConflictPolicy.RENAME)
    one.kill_after(2)
    killed(one)
    assert one.checkpoint.target == f"{back} (2)"
    Path(f"{back} (2)").write_bytes(b"there too")
    before = len(fetched(s3))
    result = run_once(one)
    assert result.target == f"{back} (3)"
    assert len(fetched(s3)) - before == 2, "what was fetched is used"
    assert Path(f"{back} (3)").read_bytes() == CONTENT
    assert Path(f"{back} (2)").read_bytes() == b"there too"
    assert back.read_bytes() == b"there"


def test_a_folder_in_the_way_is_named(scripted: Connection, s3: ScriptedS3, back: Path) -> None:
    put(s3, b"x")
    back.mkdir(parents=True)
    with pytest.raises(Permanent) as failed:
        run_once(item(scripted, "s3://b/a", back, on_conflict=ConflictPolicy.OVERWRITE))
    assert failed.value.code == "target-folder"


def test_a_target_out_of_the_records_does_not_lead_astray(
    scripted: Connection, s3: ScriptedS3, back: Path, tmp_path: Path
) -> None:
    put(s3, b"x")
    one = item(scripted, "s3://b/a", back)
    one.checkpoint = replace(one.checkpoint, target=f"{tmp_path}/evil")
    run_once(one)
    assert back.read_bytes() == b"x"
    assert not (tmp_path / "evil").exists()
    assert isinstance(one.spec.target, LocalRef)


def test_what_is_verified_is_on_record(scripted: Connection, s3: ScriptedS3, back: Path) -> None:
    put(s3)
    one = item(scripted, "s3://b/a", back)
    run_once(one)
    assert one.checkpoint.verified is Verified.CRC
    assert one.checkpoint.expected_crc == zlib.crc32(CONTENT)
