"""What the queue moves arrives, is verified, and says by what."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from engine import ConflictPolicy, Outcome, TransferState, UsageError, Verified
from tests.engine.queue.real import MIB, Engine, part_files, tree, write
from tests.servers.seaweed import Seaweed

S = TransferState


@pytest.mark.parametrize("size", [0, 1, 8 * MIB, 8 * MIB + 1, 20 * MIB + 7])
def test_a_file_comes_back_as_it_went(engine: Engine, bucket: str, tmp_path: Path, size: int) -> None:
    source = write(tmp_path / "a.bin", size)
    os.utime(source, ns=(1, 1_600_000_000_123_456_789))
    up = engine.do(engine.copy(source, f"s3://{bucket}/x/a.bin"))
    down = engine.do(engine.copy(f"s3://{bucket}/x/a.bin", tmp_path / "back.bin"))
    assert [(row.state, row.verified) for row in (*up, *down)] == [(S.DONE, Verified.CRC)] * 2
    back = tmp_path / "back.bin"
    assert back.read_bytes() == source.read_bytes()
    assert abs(back.stat().st_mtime_ns - source.stat().st_mtime_ns) < 1000
    assert part_files(tmp_path) == []


def test_a_tree_comes_back_as_it_went(engine: Engine, bucket: str, tmp_path: Path) -> None:
    source, back = tmp_path / "source", tmp_path / "back"
    for number, size in enumerate([0, 1, 100, 9 * MIB, 3000]):
        write(source / f"dir {number}" / f"[/bold] ü {number}.bin", size, number)
    (source / "empty").mkdir()
    engine.do(engine.copy(f"{source}/", f"s3://{bucket}/tree/"))
    rows = engine.do(engine.copy(f"s3://{bucket}/tree/", f"{back}/"))
    assert {row.state for row in rows} == {S.DONE}
    assert tree(source) == tree(back)


def test_progress_is_told_of_the_item_and_of_the_whole(engine: Engine, bucket: str, tmp_path: Path) -> None:
    engine.manager.set_limits(24 * MIB, None)
    operation = engine.copy(write(tmp_path / "big.bin", 40 * MIB), f"s3://{bucket}/big.bin")
    row = engine.until(lambda: next((r for r in engine.manager.snapshot().rows if 0 < r.bytes_done), None))
    assert row.bytes_done < row.size == 40 * MIB
    assert 0 < row.fraction < 1
    assert row.parts == 5
    moving = engine.until(lambda: engine.manager.snapshot().totals.upload_bytes_per_second > MIB)
    assert moving
    engine.manager.set_limits(None, None)
    rows = engine.do(operation)
    kinds = [event.kind for event in engine.events if event.row is not None]
    assert kinds == ["finished"]
    assert rows[0].fraction == 1.0
    totals = engine.manager.snapshot().totals
    assert totals.bytes_done == totals.bytes_total == 40 * MIB
    assert totals.verified == 1


def test_what_was_cleared_is_in_no_sum(engine: Engine, bucket: str, tmp_path: Path) -> None:
    engine.do(engine.copy(write(tmp_path / "first", 3 * MIB), f"s3://{bucket}/first"))
    assert engine.manager.clear_finished() == 1
    totals = engine.manager.snapshot().totals
    assert not totals.counts
    assert totals.bytes_total == totals.bytes_done == totals.verified == 0
    engine.manager.clear_finished()
    engine.do(engine.copy(write(tmp_path / "second", 2 * MIB), f"s3://{bucket}/second"))
    totals = engine.manager.snapshot().totals
    assert totals.counts == {S.DONE: 1}
    assert totals.bytes_total == totals.bytes_done == 2 * MIB
    assert totals.verified == 1


def test_one_item_that_fails_is_named_and_the_others_are_done(
    engine: Engine, bucket: str, tmp_path: Path
) -> None:
    for name in ("a", "b", "c"):
        write(tmp_path / "source" / name, 1000)
    (tmp_path / "source" / "b").chmod(0)
    if os.access(tmp_path / "source" / "b", os.R_OK):
        (tmp_path / "source" / "b").unlink()
        os.mkfifo(tmp_path / "source" / "b")
    rows = engine.do(engine.copy(f"{tmp_path}/source/", f"s3://{bucket}/s/"))
    states = {row.source.rpartition("/")[2]: row.state for row in rows}
    assert states == {"a": S.DONE, "b": S.FAILED, "c": S.DONE}
    failed = engine.row("/b")
    assert failed.problem is not None
    assert failed.problem.code in ("not-a-file", "local-denied")


def test_two_files_of_one_name_in_two_folders_are_two_items(
    engine: Engine, bucket: str, tmp_path: Path
) -> None:
    write(tmp_path / "one" / "same.txt", 10, 1)
    write(tmp_path / "two" / "same.txt", 10, 2)
    first = engine.copy(tmp_path / "one" / "same.txt", f"s3://{bucket}/one/")
    second = engine.copy(tmp_path / "two" / "same.txt", f"s3://{bucket}/two/")
    ids = {row.id for row in (*engine.do(first), *engine.do(second))}
    assert len(ids) == 2
    engine.do(engine.copy(f"s3://{bucket}/two/same.txt", tmp_path / "back.txt"))
    assert (tmp_path / "back.txt").read_bytes() == (tmp_path / "two" / "same.txt").read_bytes()


def test_asking_twice_for_the_same_is_one_item(engine: Engine, bucket: str, tmp_path: Path) -> None:
    engine.manager.pause_all()
    source = write(tmp_path / "a", 10)
    first = engine.copy(source, f"s3://{bucket}/a")
    second = engine.copy(source, f"s3://{bucket}/a")
    engine.until(lambda: not engine.manager.snapshot().health.planning)
    assert engine.manager.snapshot().total == 1
    engine.manager.resume_all()
    engine.settled(first)
    engine.settled(second)
    progress = engine.manager.operation(second)
    assert progress is not None
    assert progress.totals.count(S.DONE) == 1


def test_a_download_goes_under_another_name(engine: Engine, bucket: str, tmp_path: Path) -> None:
    engine.do(engine.copy(write(tmp_path / "a", 10), f"s3://{bucket}/a"))
    engine.do(engine.copy(f"s3://{bucket}/a", tmp_path / "new" / "other name"))
    assert (tmp_path / "new" / "other name").read_bytes() == (tmp_path / "a").read_bytes()


def test_unfinished_downloads_lie_in_the_temp_folder_that_was_asked_for(
    engine: Engine, bucket: str, tmp_path: Path
) -> None:
    engine.do(engine.copy(write(tmp_path / "a", 30 * MIB), f"s3://{bucket}/a"))
    (tmp_path / "temp").mkdir()
    engine.manager.set_limits(None, 10 * MIB)
    operation = engine.copy(f"s3://{bucket}/a", tmp_path / "out" / "a", temp_dir=str(tmp_path / "temp"))
    engine.until(lambda: part_files(tmp_path / "temp"))
    assert list((tmp_path / "out").iterdir()) == []
    engine.manager.set_limits(None, None)
    engine.do(operation)
    assert (tmp_path / "out" / "a").read_bytes() == (tmp_path / "a").read_bytes()
    assert part_files(tmp_path) == []


def test_a_copy_on_the_server_sends_nothing_through_here(engine: Engine, bucket: str, tmp_path: Path) -> None:
    engine.do(engine.copy(write(tmp_path / "a", 20 * MIB), f"s3://{bucket}/a"))
    moved = engine.manager.snapshot().totals.bytes_total
    rows = engine.do(engine.copy(f"s3://{bucket}/a", f"s3://{bucket}/copies/b"))
    assert [(row.state, row.target) for row in rows] == [(S.DONE, f"s3://{bucket}/copies/b")]
    assert engine.manager._core.retired_up == moved
    assert engine.manager._core.retired_down == 0
    engine.do(engine.copy(f"s3://{bucket}/copies/b", tmp_path / "b"))
    assert (tmp_path / "b").read_bytes() == (tmp_path / "a").read_bytes()


def test_moving_takes_the_source_away_only_at_the_end(
    engine: Engine, seaweed: Seaweed, bucket: str, tmp_path: Path
) -> None:
    content = write(tmp_path / "a", 20 * MIB).read_bytes()
    engine.do(engine.copy(tmp_path / "a", f"s3://{bucket}/a", move=True))
    assert not (tmp_path / "a").exists()
    engine.do(engine.copy(f"s3://{bucket}/a", f"s3://{bucket}/b", move=True))
    engine.do(engine.copy(f"s3://{bucket}/b", tmp_path / "c", move=True))
    assert (tmp_path / "c").read_bytes() == content
    assert "Contents" not in seaweed.client().list_objects_v2(Bucket=bucket)


def test_deleting_takes_what_is_below_too(
    engine: Engine, seaweed: Seaweed, bucket: str, tmp_path: Path
) -> None:
    for name in ("a/1", "a/2", "b"):
        write(tmp_path / "t" / name, 10)
    (tmp_path / "outside").write_text("stays")
    (tmp_path / "t" / "a" / "link").symlink_to(tmp_path / "outside")
    engine.do(engine.copy(f"{tmp_path}/t/", f"s3://{bucket}/t/"))
    rows = engine.do(engine.delete(f"s3://{bucket}/t/a/"))
    assert [row.outcome for row in rows] == [Outcome.DELETED]
    keys = [entry["Key"] for entry in seaweed.client().list_objects_v2(Bucket=bucket)["Contents"]]
    assert keys == ["t/b"]
    engine.do(engine.delete(f"{tmp_path}/t/a/"))
    assert sorted(os.listdir(tmp_path / "t")) == ["b"]
    assert (tmp_path / "outside").read_text() == "stays"


# -- conflicts -------------------------------------------------------------------------------------


def prepared(engine: Engine, bucket: str, tmp_path: Path) -> Path:
    """A file that is newer than, and differs from, the object of its name."""
    engine.do(engine.copy(write(tmp_path / "old", 100, 1), f"s3://{bucket}/a.txt"))
    return write(tmp_path / "a.txt", 100, 2)


@pytest.mark.parametrize(
    ("policy", "outcome"),
    [
        (ConflictPolicy.OVERWRITE, Outcome.TRANSFERRED),
        (ConflictPolicy.SKIP, Outcome.SKIPPED),
        (ConflictPolicy.DIFFERS, Outcome.TRANSFERRED),
        (ConflictPolicy.RENAME, Outcome.TRANSFERRED),
    ],
)
def test_conflicts_end_as_the_policy_says(
    engine: Engine, seaweed: Seaweed, bucket: str, tmp_path: Path, policy: ConflictPolicy, outcome: Outcome
) -> None:
    source = prepared(engine, bucket, tmp_path)
    rows = engine.do(engine.copy(source, f"s3://{bucket}/a.txt", on_conflict=policy))
    assert [row.outcome for row in rows] == [outcome]
    client = seaweed.client()
    now = client.get_object(Bucket=bucket, Key="a.txt")["Body"].read()
    replaced = policy in (ConflictPolicy.OVERWRITE, ConflictPolicy.DIFFERS)
    assert now == (source if replaced else tmp_path / "old").read_bytes()
    if policy is ConflictPolicy.RENAME:
        assert rows[0].target == f"s3://{bucket}/a (2).txt"
        renamed = client.get_object(Bucket=bucket, Key="a (2).txt")["Body"].read()
        assert renamed == source.read_bytes()


def test_an_older_source_does_not_replace_a_newer_target(engine: Engine, bucket: str, tmp_path: Path) -> None:
    source = prepared(engine, bucket, tmp_path)
    os.utime(source, (1_000_000, 1_000_000))
    old = engine.do(engine.copy(source, f"s3://{bucket}/a.txt", on_conflict=ConflictPolicy.NEWER))
    os.utime(source, (4_000_000_000, 4_000_000_000))
    new = engine.do(engine.copy(source, f"s3://{bucket}/a.txt", on_conflict=ConflictPolicy.NEWER))
    assert [row.outcome for row in (*old, *new)] == [Outcome.SKIPPED, Outcome.TRANSFERRED]


def test_what_is_the_same_is_not_moved_and_says_by_which_proof(
    engine: Engine, bucket: str, tmp_path: Path
) -> None:
    source = write(tmp_path / "a", 20 * MIB)
    engine.do(engine.copy(source, f"s3://{bucket}/a"))
    up = engine.do(engine.copy(source, f"s3://{bucket}/a"))
    down = engine.do(engine.copy(f"s3://{bucket}/a", source))
    assert [(row.outcome, row.verified) for row in (*up, *down)] == [(Outcome.IDENTICAL, Verified.CRC)] * 2


def test_a_conflict_is_asked_with_both_sides_and_blocks_nothing_else(
    engine: Engine, seaweed: Seaweed, bucket: str, tmp_path: Path
) -> None:
    source = prepared(engine, bucket, tmp_path)
    write(tmp_path / "other.txt", 10)
    operation = engine.copy(
        [source, tmp_path / "other.txt"], f"s3://{bucket}/", on_conflict=ConflictPolicy.ASK
    )
    engine.settled(operation)
    asking = engine.row("a.txt")
    assert asking.state is S.ATTENTION
    assert asking.question is not None
    assert asking.question.source is not None
    assert asking.question.target is not None
    assert asking.question.source.size == asking.question.target.size == 100
    assert engine.state("other.txt") is S.DONE
    with pytest.raises(UsageError):
        engine.manager.answer(asking.id, "whatever")
    engine.manager.answer(asking.id, "overwrite")
    engine.settled(operation)
    now = seaweed.client().get_object(Bucket=bucket, Key="a.txt")["Body"].read()
    assert now == source.read_bytes()


def test_an_answer_for_the_operation_holds_for_all_of_it(engine: Engine, bucket: str, tmp_path: Path) -> None:
    for number in range(5):
        write(tmp_path / "s" / str(number), 100, number)
    engine.do(engine.copy(f"{tmp_path}/s/", f"s3://{bucket}/s/"))
    for number in range(5):
        write(tmp_path / "s" / str(number), 100, number + 10)
    operation = engine.copy(f"{tmp_path}/s/", f"s3://{bucket}/s/", on_conflict=ConflictPolicy.ASK)
    engine.settled(operation)
    asking = engine.manager.rows_of(operation, S.ATTENTION)
    assert len(asking) == 5
    engine.manager.answer(asking[0].id, "skip", for_operation=True)
    engine.until(lambda: not engine.manager.rows_of(operation))
    outcomes = [row.outcome for row in engine.manager.snapshot(0, 5).rows]
    assert outcomes == [Outcome.SKIPPED] * 5


def test_a_request_that_makes_no_sense_is_refused_at_once(engine: Engine, tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        engine.copy(tmp_path / "a", tmp_path / "b")
    with pytest.raises(UsageError):
        engine.copy(tmp_path / "a", "s3://b/a", part_size=1)


def test_a_request_that_cannot_be_planned_is_told_with_the_reason(engine: Engine, tmp_path: Path) -> None:
    operation = engine.copy(write(tmp_path / "a", 1), "s3://no-such-bucket-here/a")
    engine.settled(operation)
    progress = engine.manager.operation(operation)
    assert progress is not None
    assert progress.problem is not None
    assert progress.problem.code == "no-such-bucket"
    assert [event.kind for event in engine.events if event.row is None] == ["planned", "refused"]


def test_a_name_that_the_server_keeps_as_another_is_named_as_not_done(
    engine: Engine, seaweed: Seaweed, bucket: str, tmp_path: Path
) -> None:
    for name in ("back\\slash", "plain"):
        write(tmp_path / "s" / name, 10)
    operation = engine.copy(f"{tmp_path}/s/", f"s3://{bucket}/s/")
    engine.settled(operation)
    keys = [entry["Key"] for entry in seaweed.client().list_objects_v2(Bucket=bucket)["Contents"]]
    assert "s/back\\slash" not in keys, "the server learnt to keep backslashes: this test needs another name"
    [failed] = engine.manager.rows_of(operation, S.FAILED)
    assert failed.source.endswith("back\\slash")
    assert failed.problem is not None
    assert failed.problem.code == "key-refused"
    assert engine.state("plain") is S.DONE
