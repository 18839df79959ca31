"""Targets that exist already, for what is sent and for what is copied; and sources that are moved."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from engine.errors import NeedsAnswer, Permanent
from engine.jobs import make_job
from engine.model import ConflictPolicy, Facts, Outcome, Verified
from engine.s3.connection import Connection
from tests.engine.jobs.driver import CRC, PART, ended, item, killed, run, run_once
from tests.servers.s3_store import crc32
from tests.servers.scripted import ScriptedS3

Write = Callable[..., Path]
OLD, NEW = 1_000_000_000.0, 2_000_000_000.0
NOW = 1_500_000_000


@pytest.fixture
def path(write: Write) -> Path:
    """Ten bytes of an afternoon in 2017."""
    path = write("a.bin", 10)
    os.utime(path, (NOW, NOW))
    return path


@pytest.mark.parametrize("was_listed", [True, False])
@pytest.mark.parametrize(
    ("policy", "mtime", "size", "outcome"),
    [
        ("skip", OLD, 3, Outcome.SKIPPED),
        ("overwrite", NEW, 3, Outcome.TRANSFERRED),
        ("newer", OLD, 3, Outcome.TRANSFERRED),
        ("newer", NOW - 0.5, 3, Outcome.SKIPPED),
        ("newer", NEW, 3, Outcome.SKIPPED),
        ("differs", NEW, 3, Outcome.TRANSFERRED),
        ("differs", NEW, 10, Outcome.TRANSFERRED),
    ],
)
def test_conflicts_of_uploads_end_as_the_policy_says(
    scripted: Connection,
    s3: ScriptedS3,
    path: Path,
    policy: str,
    mtime: float,
    size: int,
    outcome: Outcome,
    was_listed: bool,
) -> None:
    etag = s3.put("b", "a", b"o" * size)
    s3.change("b", "a", modified=mtime)
    listed = Facts(size, mtime, etag) if was_listed else False
    one = item(scripted, path, "s3://b/a", listed=listed, on_conflict=ConflictPolicy(policy))
    assert run_once(one).outcome is outcome
    replaced = outcome is Outcome.TRANSFERRED
    assert s3.data("b", "a") == (path.read_bytes() if replaced else b"o" * size)


def test_a_question_tells_both_sides_and_is_answered_once(
    scripted: Connection, s3: ScriptedS3, path: Path
) -> None:
    s3.put("b", "a", b"other")
    one = item(scripted, path, "s3://b/a")
    with pytest.raises(NeedsAnswer) as asked:
        run_once(one)
    assert asked.value.code == "target-exists"
    assert asked.value.source is not None and asked.value.source.size == 10
    assert asked.value.target is not None and asked.value.target.size == 5
    one.answer("overwrite")
    assert ended(run_once(one)) == CRC


def test_an_answer_outlives_an_answer_to_another_question(
    scripted: Connection, s3: ScriptedS3, write: Write
) -> None:
    path = write("big", 2 * PART)
    s3.put("b", "a", b"other")
    one = item(scripted, path, "s3://b/a")
    one.answer("overwrite")
    one.kill_after(1)
    killed(one)
    os.truncate(path, PART + 1)
    with pytest.raises(NeedsAnswer) as asked:
        run_once(one)
    assert asked.value.code == "source-changed"
    one.answer("restart")
    assert ended(run_once(one)) == CRC
    assert s3.data("b", "a") == path.read_bytes()


def test_a_renamed_upload_takes_the_first_free_name(scripted: Connection, s3: ScriptedS3, path: Path) -> None:
    for key in ("x/a.bin", "x/a (2).bin"):
        s3.put("b", key, b"there")
    one = item(scripted, path, "s3://b/x/a.bin", on_conflict=ConflictPolicy.RENAME)
    result = run_once(one)
    assert result.target == "x/a (3).bin"
    assert s3.data("b", "x/a (3).bin") == path.read_bytes()


def test_a_stale_listing_never_overwrites_what_came_since(
    scripted: Connection, s3: ScriptedS3, path: Path
) -> None:
    s3.put("b", "a", b"new")
    with pytest.raises(NeedsAnswer):
        run_once(item(scripted, path, "s3://b/a", listed=None))
    etag = s3.object("b", "a")
    assert etag is not None
    one = item(scripted, path, "s3://b/a", listed=Facts(7, OLD, "e" * 32), on_conflict=ConflictPolicy.NEWER)
    assert run_once(one).outcome is Outcome.SKIPPED
    assert s3.data("b", "a") == b"new"


def test_an_object_that_was_deleted_since_the_listing_is_no_obstacle(
    scripted: Connection, s3: ScriptedS3, path: Path
) -> None:
    one = item(scripted, path, "s3://b/a", listed=Facts(7, OLD, "e" * 32), on_conflict=ConflictPolicy.NEWER)
    assert ended(run_once(one)) == CRC


def test_without_permission_to_look_a_condition_guards_what_is_there(
    scripted: Connection, s3: ScriptedS3, path: Path
) -> None:
    s3.put("b", "a", b"there")
    s3.refuse("AccessDenied", 403, operation="HeadObject")
    with pytest.raises(NeedsAnswer) as asked:
        run_once(item(scripted, path, "s3://b/a"))
    assert asked.value.code == "target-exists"
    assert s3.data("b", "a") == b"there"


# -- moving ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [10, PART + 10])
def test_a_moved_file_goes_after_it_has_arrived(
    scripted: Connection, s3: ScriptedS3, write: Write, size: int
) -> None:
    path = write("f", size)
    data = path.read_bytes()
    assert ended(run_once(item(scripted, path, "s3://b/a", move=True))) == CRC
    assert not path.exists()
    assert s3.data("b", "a") == data


@pytest.mark.parametrize("size", [10, PART + 10])
def test_a_moved_file_that_changed_after_it_was_sent_is_kept_also_by_a_later_run(
    scripted: Connection, s3: ScriptedS3, write: Write, size: int
) -> None:
    path = write("f", size)
    one = item(scripted, path, "s3://b/a", move=True)
    one.kill_at("placed")
    killed(one)
    path.write_bytes(path.read_bytes())
    assert ended(run_once(one)) == CRC
    assert path.exists()
    assert any("kept" in note for note in one.notes)
    assert s3.count("PutObject") + s3.count("UploadPart") in (1, 2), "it was sent again"


@pytest.mark.parametrize("device", ["the same number", "another number"])
@pytest.mark.parametrize("size", [10, PART + 10])
def test_a_move_that_was_killed_before_the_removal_only_removes(
    scripted: Connection, s3: ScriptedS3, write: Write, size: int, device: str
) -> None:
    path = write("f", size)
    one = item(scripted, path, "s3://b/a", move=True)
    one.kill_at("placed")
    killed(one)
    if device == "another number":  # As after a start of the machine.
        sent = one.checkpoint.identity
        assert sent is not None
        one.checkpoint = replace(one.checkpoint, identity=replace(sent, dev=sent.dev + 1))
    before = s3.count()
    assert ended(run_once(one)) == CRC
    assert not path.exists()
    assert s3.count() == before
    assert ended(run_once(one)) == CRC, "once more is no error"


def test_a_moved_link_goes_and_what_it_leads_to_stays(
    scripted: Connection, s3: ScriptedS3, path: Path
) -> None:
    link = path.with_name("link")
    link.symlink_to(path)
    run_once(item(scripted, link, "s3://b/a", move=True))
    assert not link.is_symlink()
    assert path.exists()
    assert s3.data("b", "a") == path.read_bytes()


def test_what_was_identical_is_moved_by_removing_it(scripted: Connection, s3: ScriptedS3, path: Path) -> None:
    s3.put("b", "a", path.read_bytes())
    assert ended(run_once(item(scripted, path, "s3://b/a", move=True))) == (
        Outcome.IDENTICAL,
        Verified.ETAG,
    )
    assert not path.exists()


def test_what_was_skipped_stays(scripted: Connection, s3: ScriptedS3, path: Path) -> None:
    s3.put("b", "a", b"other")
    one = item(scripted, path, "s3://b/a", on_conflict=ConflictPolicy.SKIP, move=True)
    assert run_once(one).outcome is Outcome.SKIPPED
    assert path.exists()


def test_a_moved_object_goes_after_its_file_is_in_place(
    scripted: Connection, s3: ScriptedS3, tmp_path: Path
) -> None:
    s3.put("b", "a", b"object", x_amz_checksum_crc32=crc32(b"object"))
    assert ended(run_once(item(scripted, "s3://b/a", tmp_path / "to", move=True))) == CRC
    assert (tmp_path / "to").read_bytes() == b"object"
    assert s3.object("b", "a") is None


@pytest.mark.parametrize("target", ["file", "object"])
def test_a_moved_object_that_changed_meanwhile_is_kept(
    scripted: Connection, s3: ScriptedS3, tmp_path: Path, target: str
) -> None:
    s3.put("b", "a", b"object")
    where = tmp_path / "to" if target == "file" else "s3://b/to"
    one = item(scripted, "s3://b/a", where, move=True)
    one.kill_at("placed")
    killed(one)
    s3.put("b", "a", b"newer!")
    run_once(one)
    assert s3.data("b", "a") == b"newer!"
    assert any("kept" in note for note in one.notes)


# -- copies ----------------------------------------------------------------------------------------


def test_a_copy_passes_nothing_through_here_and_keeps_what_goes_with_the_object(
    scripted: Connection, s3: ScriptedS3
) -> None:
    s3.put(
        "b",
        "a",
        b"object",
        x_amz_checksum_crc32=crc32(b"object"),
        x_amz_meta_mtime="12.5",
        content_type="text/x-one",
    )
    assert ended(run_once(item(scripted, "s3://b/a", "s3://b/c", listed=None))) == CRC
    made = s3.object("b", "c")
    assert made is not None and made.data == b"object"
    assert made.headers["x-amz-meta-mtime"] == "12.5"
    assert s3.count("GetObject") == 0


def test_a_copy_on_the_real_server(connection: Connection, bucket: str, write: Write) -> None:
    run_once(item(connection, write("x", 1000), f"s3://{bucket}/a"))
    assert ended(run_once(item(connection, f"s3://{bucket}/a", f"s3://{bucket}/c", move=True))) == CRC
    with pytest.raises(Permanent) as failed:
        run_once(item(connection, f"s3://{bucket}/a", f"s3://{bucket}/d"))
    assert failed.value.code == "no-such-key"


@pytest.fixture
def in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """What S3 does above 5 GiB, at once above 5 MiB."""
    from engine.jobs import copy

    monkeypatch.setattr(copy, "MOST_AT_ONCE", PART)
    monkeypatch.setattr(copy, "PART_SIZE", PART)


@pytest.mark.usefixtures("in_parts")
def test_a_large_object_is_copied_in_parts_with_what_goes_with_it(
    connection: Connection, bucket: str, write: Write
) -> None:
    from engine.model import ObjectRef

    path = write("x", 2 * PART + 10)
    run_once(item(connection, path, f"s3://{bucket}/a"))
    result = run_once(item(connection, f"s3://{bucket}/a", f"s3://{bucket}/c"), threads=2)
    assert result.outcome is Outcome.TRANSFERRED
    made = connection.control.head(ObjectRef(bucket, "c"))
    assert made.metadata["mtime"].split(".")[0] == str(int(path.stat().st_mtime))
    back = path.with_name("back")
    run_once(item(connection, f"s3://{bucket}/c", back))
    assert back.read_bytes() == path.read_bytes()


@pytest.mark.usefixtures("in_parts")
def test_a_killed_copy_goes_on_with_the_same_upload(scripted: Connection, s3: ScriptedS3) -> None:
    data = os.urandom(3 * PART)
    s3.put("b", "a", data)
    one = item(scripted, "s3://b/a", "s3://b/c")
    one.kill_after(2)
    killed(one)
    assert run_once(one).outcome is Outcome.TRANSFERRED
    assert s3.data("b", "c") == data
    assert s3.count("CreateMultipartUpload") == 1
    assert s3.count("UploadPartCopy") == 3


@pytest.mark.usefixtures("in_parts")
def test_a_copy_of_an_object_that_changes_meanwhile_is_never_mixed(
    scripted: Connection, s3: ScriptedS3
) -> None:
    s3.put("b", "a", os.urandom(3 * PART))
    new = os.urandom(3 * PART)
    one = item(scripted, "s3://b/a", "s3://b/c")

    def overwrite(part: object) -> None:
        if len(one.parts) == 2:
            s3.put("b", "a", new)
            one.live()

    one.on_confirm = overwrite
    assert run(one).outcome is Outcome.TRANSFERRED
    assert s3.data("b", "c") == new
    assert s3.uploads() == []


@pytest.mark.usefixtures("in_parts")
def test_a_copy_whose_completion_was_not_heard_of_is_known_again(
    over_lossy: Connection, lossy: object, s3: ScriptedS3
) -> None:
    from tests.servers.faults import NoReply, Rule
    from tests.servers.proxy import FaultProxy

    assert isinstance(lossy, FaultProxy)
    data = os.urandom(2 * PART)
    s3.put("b", "a", data)
    lossy.add(Rule(NoReply(), method="POST", query="uploadId=", nth=1))
    one = item(over_lossy, "s3://b/a", "s3://b/c", listed=None)
    assert run(one).outcome is Outcome.TRANSFERRED
    assert s3.data("b", "c") == data
    assert s3.count("UploadPartCopy") == 2


@pytest.mark.usefixtures("in_parts")
def test_a_cancelled_copy_leaves_nothing_on_the_server(scripted: Connection, s3: ScriptedS3) -> None:
    s3.put("b", "a", bytes(2 * PART))
    one = item(scripted, "s3://b/a", "s3://b/c")
    one.kill_after(1)
    killed(one)
    make_job(one).discard()
    assert s3.uploads() == []


@pytest.mark.parametrize(
    ("policy", "outcome"), [("skip", "skipped"), ("overwrite", "transferred"), ("rename", "transferred")]
)
def test_conflicts_of_copies_end_as_the_policy_says(
    scripted: Connection, s3: ScriptedS3, policy: str, outcome: str
) -> None:
    s3.put("b", "a", b"object")
    s3.put("b", "c", b"other")
    one = item(scripted, "s3://b/a", "s3://b/c", on_conflict=ConflictPolicy(policy))
    assert run_once(one).outcome is Outcome(outcome)
    assert s3.data("b", "c") == (b"object" if policy == "overwrite" else b"other")
    assert s3.data("b", "c (2)") == (b"object" if policy == "rename" else None)


def test_a_copy_never_overwrites_what_came_since_the_listing(scripted: Connection, s3: ScriptedS3) -> None:
    s3.put("b", "a", b"object")
    s3.put("b", "c", b"other")
    with pytest.raises(NeedsAnswer):
        run_once(item(scripted, "s3://b/a", "s3://b/c", listed=None))
    assert s3.data("b", "c") == b"other"


def test_what_is_identical_is_not_copied(scripted: Connection, s3: ScriptedS3) -> None:
    s3.put("b", "a", b"object")
    s3.put("b", "c", b"object")
    assert run_once(item(scripted, "s3://b/a", "s3://b/c")).outcome is Outcome.IDENTICAL
    assert s3.count("CopyObject") == 0
