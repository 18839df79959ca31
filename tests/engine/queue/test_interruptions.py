"""Pause, cancel, hold, close and start again: nothing is lost, and nothing is moved twice without need."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from engine import Outcome, TransferState, Verified
from tests.engine.local.faults import open_descriptors
from tests.engine.queue.real import MIB, Engine, part_files, running, write
from tests.servers.seaweed import Seaweed

S = TransferState


def uploads_of(seaweed: Seaweed, bucket: str) -> list[str]:
    """Ids of the unfinished uploads in a bucket."""
    found = seaweed.client().list_multipart_uploads(Bucket=bucket)
    return [upload["UploadId"] for upload in found.get("Uploads", [])]


def half_way(engine: Engine, name: str) -> None:
    """Wait until some parts of an item are confirmed."""
    engine.until(lambda: engine.row(name).parts_done >= 2, "two confirmed parts")


def test_paused_upload_keeps_its_confirmed_parts_and_its_upload_id(
    engine: Engine, seaweed: Seaweed, bucket: str, tmp_path: Path
) -> None:
    engine.manager.set_limits(40 * MIB, None)
    operation = engine.copy(write(tmp_path / "a", 64 * MIB), f"s3://{bucket}/a")
    half_way(engine, "/a")
    id = engine.row("/a").id
    engine.manager.pause(id)
    assert engine.state("/a") is S.PAUSED
    engine.until(lambda: engine.manager._core.roster.items[id].run is None)
    confirmed = engine.row("/a").bytes_confirmed
    before = uploads_of(seaweed, bucket)
    assert confirmed >= 16 * MIB
    assert len(before) == 1
    engine.manager.set_limits(None, None)
    engine.manager.resume(id)
    engine.settled(operation)
    assert engine.row("/a").verified is Verified.CRC
    assert uploads_of(seaweed, bucket) == []
    detail = engine.manager._core.retired_up
    assert detail <= 64 * MIB + 16 * 8 * MIB


def test_cancelled_upload_is_aborted_on_the_server(
    engine: Engine, seaweed: Seaweed, bucket: str, tmp_path: Path
) -> None:
    engine.manager.set_limits(20 * MIB, None)
    engine.copy(write(tmp_path / "a", 64 * MIB), f"s3://{bucket}/a")
    half_way(engine, "/a")
    engine.manager.cancel(engine.row("/a").id)
    assert engine.state("/a") is S.CANCELLED
    engine.until(lambda: not uploads_of(seaweed, bucket), "the upload to be gone")
    engine.until(lambda: not engine.manager._store.owed(), "the debt to be paid")
    assert (tmp_path / "a").exists()


def test_paused_download_keeps_its_part_file_and_cancelled_one_does_not(
    engine: Engine, bucket: str, tmp_path: Path
) -> None:
    engine.do(engine.copy(write(tmp_path / "a", 64 * MIB), f"s3://{bucket}/a"))
    engine.manager.clear_finished()
    engine.manager.set_limits(None, 40 * MIB)
    engine.copy(f"s3://{bucket}/a", tmp_path / "out" / "b")
    half_way(engine, "/a")
    id = engine.row("/a").id
    engine.manager.pause(id)
    engine.until(lambda: engine.manager._core.roster.items[id].run is None)
    assert len(part_files(tmp_path)) == 1
    assert not (tmp_path / "out" / "b").exists()
    engine.manager.cancel(id)
    engine.until(lambda: not part_files(tmp_path), "the part file to be gone")


def test_a_pause_is_obeyed_within_a_second_in_the_middle_of_a_part(
    engine: Engine, bucket: str, tmp_path: Path
) -> None:
    engine.manager.set_limits(200_000, None)
    engine.copy(write(tmp_path / "a", 30 * MIB), f"s3://{bucket}/a")
    engine.until(lambda: engine.row("/a").bytes_done > 0)
    id = engine.row("/a").id
    clock = engine.manager._core.clock
    engine.manager.pause(id)
    began = clock.monotonic()
    engine.until(lambda: engine.manager._core.roster.items[id].run is None)
    assert clock.monotonic() - began < 1.0
    assert engine.row("/a").state is S.PAUSED


def test_a_held_queue_takes_items_and_moves_none_until_it_is_let_go(
    engine: Engine, bucket: str, tmp_path: Path
) -> None:
    engine.manager.pause_all()
    paused_too = engine.copy(write(tmp_path / "one", 10), f"s3://{bucket}/one")
    engine.copy(write(tmp_path / "two", 10), f"s3://{bucket}/two")
    engine.until(lambda: engine.manager.snapshot().total == 2)
    engine.manager.pause(engine.row("one").id)
    assert {row.state for row in engine.manager.snapshot().rows} == {S.QUEUED, S.PAUSED}
    engine.manager.resume_all()
    engine.until(lambda: engine.state("two") is S.DONE)
    assert engine.state("one") is S.PAUSED
    engine.manager.resume(engine.row("one").id)
    engine.settled(paused_too)
    assert engine.state("one") is S.DONE


def test_after_a_restart_paused_is_paused_and_the_rest_goes_on_with_the_same_upload(
    seaweed: Seaweed, bucket: str, tmp_path: Path
) -> None:
    state = tmp_path / "state"
    with running(seaweed, state) as engine:
        engine.manager.set_limits(40 * MIB, None)
        engine.copy(write(tmp_path / "goes-on", 64 * MIB), f"s3://{bucket}/goes-on")
        half_way(engine, "goes-on")
        engine.manager.pause_all()
        engine.copy(write(tmp_path / "paused", 10), f"s3://{bucket}/paused")
        engine.until(lambda: engine.manager.snapshot().total == 2)
        engine.manager.pause(engine.row("paused").id)
        engine.manager.resume_all()
        before = uploads_of(seaweed, bucket)
        confirmed = engine.row("goes-on").bytes_confirmed
    assert len(before) == 1
    with running(seaweed, state, start=False) as engine:
        assert {row.source.rpartition("/")[2]: row.state for row in engine.manager.snapshot().rows} == {
            "goes-on": S.QUEUED,
            "paused": S.PAUSED,
        }
        health = engine.manager.snapshot().health
        assert (health.recovered, health.recovered_bytes) == (
            1,
            64 * MIB - engine.row("goes-on").bytes_confirmed,
        )
        assert engine.row("goes-on").bytes_confirmed >= confirmed
        engine.manager.start()
        engine.until(lambda: engine.state("goes-on") is S.DONE)
        assert engine.row("goes-on").verified is Verified.CRC
        assert engine.manager._core.retired_up <= 64 * MIB - confirmed
        assert engine.state("paused") is S.PAUSED
    assert uploads_of(seaweed, bucket) == []


def test_a_source_that_changed_between_two_runs_is_never_mixed(
    seaweed: Seaweed, bucket: str, tmp_path: Path
) -> None:
    state, source = tmp_path / "state", write(tmp_path / "a", 40 * MIB, 1)
    with running(seaweed, state) as engine:
        engine.manager.set_limits(30 * MIB, None)
        engine.copy(source, f"s3://{bucket}/a")
        half_way(engine, "/a")
    stat = source.stat()
    write(source, 40 * MIB, 2)
    os.utime(source, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    with running(seaweed, state) as engine:
        engine.until(lambda: engine.state("/a") is S.DONE)
    now = seaweed.client().get_object(Bucket=bucket, Key="a")["Body"].read()
    assert now == source.read_bytes()


def test_a_source_that_changed_its_size_asks_and_restarts_on_demand(
    seaweed: Seaweed, bucket: str, tmp_path: Path
) -> None:
    state, source = tmp_path / "state", write(tmp_path / "a", 40 * MIB, 1)
    with running(seaweed, state) as engine:
        engine.manager.set_limits(30 * MIB, None)
        engine.copy(source, f"s3://{bucket}/a")
        half_way(engine, "/a")
    write(source, 30 * MIB, 2)
    with running(seaweed, state) as engine:
        engine.until(lambda: engine.state("/a") is S.ATTENTION)
        row = engine.row("/a")
        assert row.question is not None
        assert row.question.kind == "source-changed"
        engine.manager.answer(row.id, "restart")
        engine.until(lambda: engine.state("/a") is S.DONE)
    now = seaweed.client().get_object(Bucket=bucket, Key="a")["Body"].read()
    assert now == source.read_bytes()
    assert uploads_of(seaweed, bucket) == []


@pytest.mark.fault(21)
def test_an_object_that_changed_between_two_runs_is_never_mixed(
    seaweed: Seaweed, bucket: str, tmp_path: Path
) -> None:
    state = tmp_path / "state"
    with running(seaweed, state) as engine:
        engine.do(engine.copy(write(tmp_path / "a", 40 * MIB, 1), f"s3://{bucket}/a"))
        engine.manager.clear_finished()
        engine.manager.set_limits(None, 30 * MIB)
        engine.copy(f"s3://{bucket}/a", tmp_path / "back")
        half_way(engine, "/a")
    write(tmp_path / "a", 40 * MIB, 2)
    seaweed.client().upload_file(str(tmp_path / "a"), bucket, "a")
    with running(seaweed, state) as engine:
        engine.until(lambda: engine.state("/a") is S.ATTENTION)
        row = engine.row("/a")
        assert row.question is not None
        assert row.question.kind == "object-changed"
        assert not (tmp_path / "back").exists()
        engine.manager.answer(row.id, "restart")
        engine.until(lambda: engine.state("/a") is S.DONE)
    assert (tmp_path / "back").read_bytes() == (tmp_path / "a").read_bytes()


@pytest.mark.fault(36)
def test_a_part_file_that_was_altered_is_mended(seaweed: Seaweed, bucket: str, tmp_path: Path) -> None:
    state = tmp_path / "state"
    with running(seaweed, state) as engine:
        engine.do(engine.copy(write(tmp_path / "a", 40 * MIB, 1), f"s3://{bucket}/a"))
        engine.manager.clear_finished()
        engine.manager.set_limits(None, 30 * MIB)
        engine.copy(f"s3://{bucket}/a", tmp_path / "back")
        half_way(engine, "/a")
    [part_file] = part_files(tmp_path)
    with open(part_file, "r+b") as file:
        for offset in range(0, 40 * MIB, MIB):
            file.seek(offset)
            file.write(b"damage")
    with running(seaweed, state) as engine:
        engine.until(lambda: engine.state("/a") is S.DONE)
    assert (tmp_path / "back").read_bytes() == (tmp_path / "a").read_bytes()


def test_an_item_whose_profile_is_not_at_hand_says_which_and_the_others_go_on(
    seaweed: Seaweed, bucket: str, tmp_path: Path
) -> None:
    state = tmp_path / "state"
    with running(seaweed, state) as engine:
        engine.manager.pause_all()
        engine.copy(write(tmp_path / "a", 10), f"s3://{bucket}/a")
        engine.until(lambda: engine.manager.snapshot().total == 1)
        engine.manager.resume_all()
        engine.manager.pause_all()
    with running(seaweed, state, url="http://127.0.0.1:9") as engine:
        engine.manager.resume_all()
        engine.until(lambda: engine.state("/a") in (S.ATTENTION, S.DONE))
        row = engine.row("/a")
        if row.state is S.DONE:
            return  # it got through before the queue was held
        assert row.question is not None
        assert seaweed.url in row.question.text


def test_closing_takes_no_longer_than_two_seconds_however_slow_the_line(
    seaweed: Seaweed, bucket: str, tmp_path: Path
) -> None:
    with running(seaweed, tmp_path / "state") as engine:
        engine.manager.set_limits(50_000, None)
        engine.copy(write(tmp_path / "a", 40 * MIB), f"s3://{bucket}/a")
        engine.until(lambda: engine.row("/a").bytes_done > 0)
        clock = engine.manager._core.clock
        began = clock.monotonic()
        engine.manager.close()
        assert clock.monotonic() - began < 2.0
    names = [thread.name for thread in threading.enumerate() if thread.name.startswith("s3tui-worker")]
    assert names == []


def test_finished_items_are_history_and_not_in_the_queue_again(
    seaweed: Seaweed, bucket: str, tmp_path: Path
) -> None:
    state = tmp_path / "state"
    with running(seaweed, state) as engine:
        engine.do(engine.copy(write(tmp_path / "a", 10), f"s3://{bucket}/a"))
    with running(seaweed, state) as engine:
        assert engine.manager.snapshot().total == 0
        [item] = engine.manager._store.history()
        assert (item.target, item.outcome) == (f"s3://{bucket}/a", Outcome.TRANSFERRED)


def test_a_command_of_its_own_leaves_the_saved_queue_alone(
    seaweed: Seaweed, bucket: str, tmp_path: Path
) -> None:
    state = tmp_path / "state"
    with running(seaweed, state) as engine:
        engine.manager.pause_all()
        engine.copy(write(tmp_path / "saved", 10), f"s3://{bucket}/saved")
        engine.until(lambda: engine.manager.snapshot().total == 1)
    with running(seaweed, state, only_new=True) as engine:
        engine.do(engine.copy(write(tmp_path / "own", 10), f"s3://{bucket}/own"))
        assert engine.state("own") is S.DONE
        assert engine.state("saved") is S.QUEUED
        again = engine.copy(tmp_path / "saved", f"s3://{bucket}/saved")
        engine.settled(again)
        assert engine.state("saved") is S.DONE


def test_the_order_of_the_queue_is_kept_over_a_restart(seaweed: Seaweed, bucket: str, tmp_path: Path) -> None:
    state = tmp_path / "state"
    names = ["a", "b", "c", "d"]
    with running(seaweed, state) as engine:
        engine.manager.pause_all()
        for name in names:
            engine.copy(write(tmp_path / name, 10), f"s3://{bucket}/{name}")
            engine.until(lambda: not engine.manager.snapshot().health.planning)
        engine.manager.move_to_top(engine.row("/d").id)
        engine.manager.move(engine.row("/a").id, 2)
        order = [row.source[-1] for row in engine.manager.snapshot().rows]
        assert order == ["d", "b", "c", "a"]
    with running(seaweed, state, start=False) as engine:
        assert [row.source[-1] for row in engine.manager.snapshot().rows] == order


def test_a_closed_engine_holds_no_file_and_no_thread(seaweed: Seaweed, bucket: str, tmp_path: Path) -> None:
    write(tmp_path / "warm", 1)
    write(tmp_path / "big", 12 * MIB)
    with running(seaweed, tmp_path / "state0") as engine:
        engine.do(engine.copy(tmp_path / "warm", f"s3://{bucket}/warm"))
    threads, descriptors = threading.active_count(), open_descriptors()
    with running(seaweed, tmp_path / "state", upload_limit=MIB) as engine:
        engine.copy(f"s3://{bucket}/warm", tmp_path / "down" / "warm")
        engine.copy(tmp_path / "big", f"s3://{bucket}/big")
        engine.until(lambda: engine.row("big").bytes_done)
    assert threading.active_count() == threads
    assert open_descriptors() == descriptors
