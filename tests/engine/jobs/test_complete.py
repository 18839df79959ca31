"""The end of an upload in parts: answers that are lost, errors inside successes, and whose object it is."""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.errors import NeedsAnswer, Permanent, Retryable
from engine.model import Checkpoint, ConflictPolicy, Outcome, Verified
from engine.s3.connection import Connection
from tests.engine.jobs.driver import (
    CRC,
    ETAG,
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
from tests.servers.faults import NoReply, Rewrite, Rule, s3_error
from tests.servers.proxy import FaultProxy
from tests.servers.scripted import ScriptedS3
from tests.servers.seaweed import Seaweed

Write = Callable[..., Path]
TWO_PARTS = PART + 1000
OVERWRITE = ConflictPolicy.OVERWRITE


@pytest.fixture
def path(write: Write) -> Path:
    """A file of two parts."""
    return write("big", TWO_PARTS)


def losing(*, forward: bool = True) -> Rule:
    """The answer to Complete is lost."""
    return Rule(NoReply(forward=forward), method="POST", query="uploadId=", times=1)


def lost(one: Item) -> None:
    """One run that ends with a lost answer."""
    with pytest.raises(Retryable):
        run_once(one)
    assert one.checkpoint.phase == "completing"


# -- answers that are lost -------------------------------------------------------------------------


def test_an_object_whose_completion_was_not_heard_of_is_known_by_its_checksum(
    over_proxy: Connection, proxy: FaultProxy, seaweed: Seaweed, bucket: str, path: Path
) -> None:
    proxy.add(losing())
    one = item(over_proxy, path, f"s3://{bucket}/a")
    assert ended(run(one)) == CRC
    assert proxy.sent_parts() == {1: 1, 2: 1}
    body = seaweed.client().get_object(Bucket=bucket, Key="a")["Body"].read()
    assert body == path.read_bytes()


@pytest.mark.fault(18)
def test_a_process_that_ended_while_completing_looks_first(
    scripted: Connection, s3: ScriptedS3, path: Path
) -> None:
    one = item(scripted, path, "s3://b/a")
    complete = scripted.control.complete_multipart

    def complete_and_end(*args: object, **how: object) -> object:
        complete(*args, **how)  # type: ignore[arg-type]
        raise Killed

    scripted.control.complete_multipart = complete_and_end  # type: ignore[method-assign,assignment]
    killed(one)
    scripted.control.complete_multipart = complete  # type: ignore[method-assign]
    assert one.checkpoint.phase == "completing"
    assert ended(run_once(one)) == CRC
    assert s3.count("CompleteMultipartUpload") == 1
    assert s3.count("UploadPart") == 2


def test_it_is_known_by_the_etag_of_its_parts_where_there_are_no_checksums(
    over_lossy: Connection, lossy: FaultProxy, s3: ScriptedS3, path: Path
) -> None:
    s3.switches.refuses_checksums = True
    lossy.add(losing())
    one = item(over_lossy, path, "s3://b/a")
    assert ended(run(one)) == ETAG
    assert s3.count("UploadPart") == 2
    assert s3.uploads() == []


def test_it_is_known_by_size_and_time_where_nothing_else_is_told(
    over_lossy: Connection, lossy: FaultProxy, s3: ScriptedS3, path: Path
) -> None:
    s3.switches.odd_etags = s3.switches.keeps_no_checksums = True
    lossy.add(losing())
    one = item(over_lossy, path, "s3://b/a")
    assert ended(run(one)) == SIZE
    assert s3.count("CreateMultipartUpload") == 1


def test_completing_is_asked_for_again_where_the_server_never_heard_of_it(
    over_lossy: Connection, lossy: FaultProxy, s3: ScriptedS3, path: Path
) -> None:
    lossy.add(losing(forward=False))
    one = item(over_lossy, path, "s3://b/a")
    lost(one)
    assert s3.object("b", "a") is None
    assert ended(run_once(one)) == CRC
    assert s3.count("UploadPart") == 2
    assert s3.count("CreateMultipartUpload") == 1


@pytest.mark.parametrize("policy", [ConflictPolicy.ASK, ConflictPolicy.SKIP, ConflictPolicy.RENAME])
def test_our_own_object_in_the_way_of_a_second_complete_is_no_conflict(
    over_lossy: Connection, lossy: FaultProxy, s3: ScriptedS3, path: Path, policy: ConflictPolicy
) -> None:
    lossy.add(losing())
    one = item(over_lossy, path, "s3://b/a", listed=None, on_conflict=policy)
    assert ended(run(one)) == CRC
    assert list(s3.store.objects("b")) == ["a"]


@pytest.mark.parametrize(("answer", "outcome"), [("restart", Outcome.TRANSFERRED), ("keep", Outcome.SKIPPED)])
def test_another_object_where_ours_should_be_is_asked_about(
    over_lossy: Connection,
    lossy: FaultProxy,
    s3: ScriptedS3,
    path: Path,
    answer: str,
    outcome: Outcome,
) -> None:
    lossy.add(losing())
    one = item(over_lossy, path, "s3://b/a", on_conflict=OVERWRITE)
    lost(one)
    s3.put("b", "a", b"somebody else's")
    with pytest.raises(NeedsAnswer) as asked:
        run_once(one)
    assert asked.value.code == "unclear-result"
    assert asked.value.target is not None
    assert s3.data("b", "a") == b"somebody else's"
    one.answer(answer)
    assert run_once(one).outcome is outcome
    expected = path.read_bytes() if answer == "restart" else b"somebody else's"
    assert s3.data("b", "a") == expected


def test_an_object_of_that_size_from_before_is_not_taken_for_ours(
    over_lossy: Connection, lossy: FaultProxy, s3: ScriptedS3, path: Path
) -> None:
    s3.switches.odd_etags = s3.switches.keeps_no_checksums = True
    mtime = f"{path.stat().st_mtime_ns / 1e9:.9f}"
    s3.put("b", "a", b"x" * TWO_PARTS, x_amz_meta_mtime=mtime)
    stored = s3.object("b", "a")
    assert stored is not None
    s3.change("b", "a", modified=stored.modified - 3600)
    lossy.add(losing(forward=False))
    one = item(over_lossy, path, "s3://b/a", on_conflict=OVERWRITE, skip_identical=False)
    lost(one)
    s3.forget_uploads()
    with pytest.raises(NeedsAnswer) as asked:
        run_once(one)
    assert asked.value.code == "unclear-result"


def test_an_upload_gone_and_no_object_either_starts_again(
    over_lossy: Connection, lossy: FaultProxy, s3: ScriptedS3, path: Path
) -> None:
    lossy.add(losing(forward=False))
    one = item(over_lossy, path, "s3://b/a")
    lost(one)
    s3.forget_uploads()
    assert ended(run_once(one)) == CRC
    assert any("dropped" in note for note in one.notes)
    assert s3.data("b", "a") == path.read_bytes()


# -- errors ----------------------------------------------------------------------------------------


def test_an_error_inside_a_success_is_an_error(scripted: Connection, s3: ScriptedS3, path: Path) -> None:
    s3.switches.complete_errors = ["InternalError"] * 3
    one = item(scripted, path, "s3://b/a")
    lost(one)
    assert s3.object("b", "a") is None
    assert ended(run(one)) == CRC
    assert s3.count("UploadPart") == 2


def test_a_part_that_the_server_lost_at_the_last_moment_is_sent_again(
    scripted: Connection, s3: ScriptedS3, path: Path
) -> None:
    one = item(scripted, path, "s3://b/a")

    def lose(part: object) -> None:
        if len(one.parts) == 2:
            s3.uploads()[0].parts.pop(1)

    one.on_confirm = lose
    with pytest.raises(Retryable) as failed:
        run_once(one)
    assert failed.value.code == "part-changed"
    one.live()
    assert ended(run_once(one)) == CRC
    assert s3.count("UploadPart") == 3
    assert s3.data("b", "a") == path.read_bytes()


@pytest.mark.parametrize("missing", [1, 2])
def test_it_is_never_completed_with_a_part_missing_on_record(
    scripted: Connection, s3: ScriptedS3, path: Path, missing: int
) -> None:
    one = item(scripted, path, "s3://b/a")

    def lose(part: object) -> None:
        if len(one.parts) == 2:
            del one.parts[missing]

    one.on_confirm = lose
    with pytest.raises(Retryable):
        run_once(one)
    assert s3.count("CompleteMultipartUpload") == 0


def test_a_server_that_takes_no_checksum_at_the_end_gets_none(
    scripted: Connection, s3: ScriptedS3, path: Path
) -> None:
    s3.refuse("InvalidRequest", 400, operation="CompleteMultipartUpload", nth=1)
    assert ended(run_once(item(scripted, path, "s3://b/a"))) == CRC
    first, second = s3.requests("CompleteMultipartUpload")
    assert "x-amz-checksum-crc32" in first.headers
    assert "x-amz-checksum-crc32" not in second.headers


def test_an_object_that_is_not_what_was_sent_fails_and_a_move_keeps_the_source(
    over_lossy: Connection, lossy: FaultProxy, path: Path
) -> None:
    lossy.add(Rule(Rewrite({"x-amz-checksum-crc32": "AAAAAA=="}), method="HEAD", path="/a$"))
    one = item(over_lossy, path, "s3://b/a", listed=None, move=True)
    with pytest.raises(Permanent) as failed:
        run_once(one)
    assert failed.value.code == "checksum-mismatch"
    assert path.exists()


@pytest.mark.fault(46)
def test_without_permission_to_look_only_the_size_is_claimed(
    scripted: Connection, s3: ScriptedS3, path: Path
) -> None:
    s3.refuse("AccessDenied", 403, operation="HeadObject")
    assert ended(run_once(item(scripted, path, "s3://b/a"))) == SIZE
    with pytest.raises(Permanent) as failed:
        run_once(item(scripted, path, "s3://b/c", require_checksum=True))
    assert failed.value.code == "no-checksum"


# -- somebody else is faster -----------------------------------------------------------------------


def racing(one: Item, s3: ScriptedS3, data: bytes | None, key: str = "a") -> None:
    """Somebody writes the key (or deletes it) when all parts are sent."""

    def race(part: object) -> None:
        if len(one.parts) == 2:
            if data is None:
                s3.store.objects("b").pop(key)
            else:
                s3.put("b", key, data)

    one.on_confirm = race


@pytest.mark.fault(22)
def test_an_object_that_appears_while_it_is_sent_is_asked_about_and_kept(
    scripted: Connection, s3: ScriptedS3, path: Path
) -> None:
    one = item(scripted, path, "s3://b/a", listed=None)
    racing(one, s3, b"new")
    with pytest.raises(NeedsAnswer) as asked:
        run_once(one)
    assert asked.value.code == "target-exists"
    assert asked.value.target is not None
    assert asked.value.target.size == 3
    assert s3.data("b", "a") == b"new"
    one.live()
    one.answer("overwrite")
    assert ended(run_once(one)) == CRC
    assert s3.count("UploadPart") == 2, "what was sent is used"


def test_an_object_that_appears_right_before_the_end_is_seen_by_the_condition(
    scripted: Connection, s3: ScriptedS3, path: Path
) -> None:
    one = item(scripted, path, "s3://b/a", listed=None)

    def appear(checkpoint: Checkpoint) -> None:
        if checkpoint.phase == "completing":
            s3.put("b", "a", b"new")

    one.on_save = appear
    with pytest.raises(NeedsAnswer):
        run_once(one)
    assert s3.data("b", "a") == b"new"


@pytest.mark.fault(22)
def test_where_the_policy_is_to_skip_it_is_left_and_the_upload_given_up(
    scripted: Connection, s3: ScriptedS3, path: Path
) -> None:
    one = item(scripted, path, "s3://b/a", listed=None, on_conflict=ConflictPolicy.SKIP, move=True)
    racing(one, s3, b"new")
    assert run_once(one).outcome is Outcome.SKIPPED
    assert s3.data("b", "a") == b"new"
    assert s3.uploads() == []
    assert path.exists()


def test_where_the_policy_is_to_rename_another_name_is_taken(
    scripted: Connection, s3: ScriptedS3, path: Path
) -> None:
    one = item(scripted, path, "s3://b/a.bin", listed=None, on_conflict=ConflictPolicy.RENAME)
    racing(one, s3, b"new", "a.bin")
    with pytest.raises(Retryable):
        run_once(one)
    one.live()
    result = run_once(one)
    assert result.target == "a (2).bin"
    assert s3.data("b", "a.bin") == b"new"
    assert s3.data("b", "a (2).bin") == path.read_bytes()
    assert s3.uploads() == []


@pytest.mark.parametrize("data", [b"other", None], ids=["changed", "deleted"])
def test_the_object_to_be_replaced_is_another_or_gone_and_looked_at_again(
    scripted: Connection, s3: ScriptedS3, path: Path, data: bytes | None
) -> None:
    s3.put("b", "a", b"old")
    s3.change("b", "a", modified=1.0)
    one = item(scripted, path, "s3://b/a", on_conflict=ConflictPolicy.NEWER)
    racing(one, s3, data)
    os.utime(path, (2_000_000_000, 2_000_000_000))
    assert ended(run_once(one)) == CRC
    assert s3.data("b", "a") == path.read_bytes()


def test_a_younger_object_that_came_meanwhile_is_kept(
    scripted: Connection, s3: ScriptedS3, path: Path
) -> None:
    s3.put("b", "a", b"old")
    s3.change("b", "a", modified=1.0)
    os.utime(path, (1_000_000_000, 1_000_000_000))
    one = item(scripted, path, "s3://b/a", on_conflict=ConflictPolicy.NEWER)
    racing(one, s3, b"younger")
    assert run_once(one).outcome is Outcome.SKIPPED
    assert s3.data("b", "a") == b"younger"


@pytest.mark.parametrize("refusal", [("NotImplemented", 501), ("InvalidArgument", 400)])
@pytest.mark.parametrize("size", [1000, TWO_PARTS])
def test_of_a_server_without_conditions_the_target_is_looked_at_right_before(
    over_lossy: Connection,
    lossy: FaultProxy,
    s3: ScriptedS3,
    write: Write,
    refusal: tuple[str, int],
    size: int,
) -> None:
    lossy.add(Rule(s3_error(*refusal), when=lambda head: head.header("if-none-match") is not None))
    path = write("x", size)
    assert ended(run(item(over_lossy, path, "s3://b/a", listed=None))) == CRC
    assert over_lossy.endpoint.knows_conditions is False
    before = len(lossy.requests())
    assert ended(run(item(over_lossy, path, "s3://b/c", listed=None))) == CRC
    assert all(
        one.method == "HEAD" or (one.status is not None and one.status < 400)
        for one in lossy.requests()[before:]
    )
    s3.put("b", "d", b"there")
    with pytest.raises(NeedsAnswer):
        run(item(over_lossy, path, "s3://b/d", listed=None))
    assert s3.data("b", "d") == b"there"


def test_of_a_server_that_ignores_conditions_a_large_target_is_seen_all_the_same(
    scripted: Connection, s3: ScriptedS3, path: Path
) -> None:
    s3.switches.ignores_conditions = True
    one = item(scripted, path, "s3://b/a", listed=None)
    racing(one, s3, b"new")
    with pytest.raises(NeedsAnswer):
        run_once(one)
    assert s3.data("b", "a") == b"new"


def test_a_version_that_was_written_is_looked_at_and_no_later_one(
    over_lossy: Connection, lossy: FaultProxy, s3: ScriptedS3, path: Path
) -> None:
    s3.switches.versioned = True
    one = item(over_lossy, path, "s3://b/a")

    def overwrite(head: object) -> bool:
        if s3.count("CompleteMultipartUpload"):
            s3.put("b", "a", b"a later version")
        return False

    lossy.add(Rule(NoReply(), method="HEAD", when=overwrite))
    assert ended(run_once(one)) == (Outcome.TRANSFERRED, Verified.CRC)


def test_the_record_of_a_completed_upload_has_what_history_shows(
    scripted: Connection, s3: ScriptedS3, path: Path
) -> None:
    one = item(scripted, path, "s3://b/a")
    run_once(one)
    stored = s3.object("b", "a")
    assert stored is not None
    assert one.checkpoint.expected_etag == stored.etag
    assert one.checkpoint.expected_crc == zlib.crc32(path.read_bytes())
