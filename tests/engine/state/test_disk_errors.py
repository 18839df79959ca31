"""A disk that is full or broken costs no record, changes nothing in memory, and is tried again."""

from __future__ import annotations

import errno
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.errors import Condition
from engine.local.fsops import FsOps
from engine.state.journal import JournalStorage, Rhythm, StateDB
from tests.engine.local.faults import WatchedFs, open_descriptors
from tests.engine.state.builders import (
    ALWAYS_COMPACTING,
    BY_HAND,
    FailingFs,
    FullDisk,
    compact,
    rows,
    wals,
)

Put = Callable[[int], int]


def putter(journal: JournalStorage) -> Put:
    return lambda n: journal.commit([("t", str(n), f'{{"n":{n}}}')])


def reopened(folder: Path) -> dict[str, Any]:
    with StateDB(str(folder), rhythm=BY_HAND) as db:
        assert db.journal.loaded.notices == []
        return rows(db.journal)


@pytest.mark.fault(29)
@pytest.mark.parametrize("room", [0, 1, 20, 40])
def test_a_full_disk_changes_nothing_and_is_written_to_when_there_is_room(tmp_path: Path, room: int) -> None:
    fs = FullDisk()
    with StateDB(str(tmp_path), fs=fs, rhythm=BY_HAND) as db:
        journal, put = db.journal, putter(db.journal)
        put(1)
        before, size = rows(journal), wals(tmp_path)[0].stat().st_size
        fs.room = room
        with pytest.raises(Condition) as caught:
            put(2)
        assert caught.value.code == "state-unsaved" and caught.value.scope == ("state", str(tmp_path))
        assert rows(journal) == before and wals(tmp_path)[0].stat().st_size == size
        assert "No space" in journal.problem
        assert reopened_copy(tmp_path) == before
        fs.room = None
        journal.upkeep.work()
        assert journal.problem == ""
        put(2)
        expected = rows(journal)
    assert reopened(tmp_path) == expected and "2" in expected["t"]


def reopened_copy(folder: Path) -> dict[str, Any]:
    """What would be found after a kill right now."""
    copy = folder.parent / f"{folder.name}-copy"
    copy.mkdir(mode=0o700, exist_ok=True)
    for path in folder.iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    with StateDB(str(copy), rhythm=BY_HAND) as db:
        return rows(db.journal)


def test_the_upkeep_thread_tries_a_full_disk_again_by_itself(tmp_path: Path) -> None:
    fs = FullDisk()
    with StateDB(str(tmp_path), fs=fs, rhythm=Rhythm(retry_seconds=0.01)) as db:
        journal, put = db.journal, putter(db.journal)
        fs.room = 0
        with pytest.raises(Condition):
            put(1)
        fs.room = None
        healed = threading.Event()
        for _ in range(1000):
            if not journal.problem:
                break
            healed.wait(0.01)
        assert journal.problem == ""


def test_what_was_torn_and_cannot_be_taken_back_is_not_appended_to(tmp_path: Path) -> None:
    fs = FullDisk()
    with StateDB(str(tmp_path), fs=fs, rhythm=BY_HAND) as db:
        journal, put = db.journal, putter(db.journal)
        put(1)
        fs.room, fs.can_truncate = 20, False
        with pytest.raises(Condition):
            put(2)
        fs.room = None
        with pytest.raises(Condition):
            put(3)
        fs.can_truncate = True
        journal.upkeep.work()
        assert journal.problem == ""
        put(3)
        expected = rows(journal)
    assert reopened(tmp_path) == expected == {"t": {"1": {"n": 1}, "3": {"n": 3}}}


@pytest.mark.fault(30)
@pytest.mark.parametrize("code", [errno.EIO, errno.ENOSPC])
def test_a_descriptor_whose_sync_failed_is_never_synced_again(tmp_path: Path, code: int) -> None:
    fs = FailingFs()
    with StateDB(str(tmp_path), fs=fs, rhythm=BY_HAND) as db:
        journal, put = db.journal, putter(db.journal)
        put(1)
        journal.upkeep.work()
        durable = put(2) - 1
        assert journal.segment is not None
        suspect = os.fstat(journal.segment.fd).st_ino
        fs.codes = {"fdatasync": code}
        journal.upkeep.work()
        assert journal.durable_seq == durable and journal.problem
        with pytest.raises(Condition):
            put(3)
        synced: list[int] = []
        fs.codes = {}
        watched = WatchedFs(
            lambda name, args: (
                synced.append(os.fstat(args[0]).st_ino) if name in ("fdatasync", "fsync") else None
            )
        )
        journal.fs = journal.upkeep._fs = watched
        journal.upkeep.work()
        assert journal.problem == "" and journal.durable_seq == journal.seq
        assert suspect not in synced and os.stat(tmp_path / "snapshot.json").st_ino in synced
        put(3)
        expected = rows(journal)
    assert reopened(tmp_path) == expected and set(expected["t"]) == {"1", "2", "3"}


def test_flush_returns_true_where_new_descriptors_help(tmp_path: Path) -> None:
    class FailsOnce(FsOps):
        def __init__(self) -> None:
            self.is_broken = False

        def fdatasync(self, fd: int) -> None:
            if self.is_broken:
                self.is_broken = False
                raise OSError(errno.EIO, "Input/output error")
            super().fdatasync(fd)

    fs = FailsOnce()
    with StateDB(str(tmp_path), fs=fs) as db:
        assert db.journal.flush()
        fs.is_broken = True
        started = time.monotonic()
        assert db.journal.flush(putter(db.journal)(1), timeout=30)
        assert time.monotonic() - started < 4, "they are tried at once"
        assert not fs.is_broken and (tmp_path / "snapshot.json").exists()
    assert reopened(tmp_path)["t"] == {"1": {"n": 1}}


def test_flush_returns_false_where_nothing_helps_and_does_not_wait_for_its_timeout(tmp_path: Path) -> None:
    fs = FailingFs()
    with StateDB(str(tmp_path), fs=fs) as db:
        seq = putter(db.journal)(1)
        fs.codes = {"fdatasync": errno.EIO, "fsync": errno.EIO}
        # Already synced before the disk broke? Then there is nothing to wait for.
        seq = putter(db.journal)(2) if db.journal.durable_seq >= seq else seq
        assert not db.journal.flush(seq, timeout=60)
        fs.codes = {}
        assert db.journal.flush(seq, timeout=60), "it heals"


def test_a_queue_on_a_full_disk_can_be_opened_and_looked_at(tmp_path: Path) -> None:
    with StateDB(str(tmp_path), rhythm=BY_HAND) as db:
        putter(db.journal)(1)
        before = rows(db.journal)
    fs = FullDisk(room=0)
    with StateDB(str(tmp_path), fs=fs, rhythm=BY_HAND) as db:
        assert rows(db.journal) == before
        with pytest.raises(Condition):
            putter(db.journal)(2)
        fs.room = None
        db.journal.upkeep.work()
        putter(db.journal)(2)


def test_a_snapshot_that_cannot_be_written_leaves_the_last_one(tmp_path: Path) -> None:
    fs = FailingFs()
    with StateDB(str(tmp_path), fs=fs, rhythm=ALWAYS_COMPACTING) as db:
        put = putter(db.journal)
        put(1)
        compact(db.journal)
        snapshot = (tmp_path / "snapshot.json").read_bytes()
        put(2)
        for name in ("pwrite", "rename", "open"):
            fs.codes = {name: errno.ENOSPC}
            db.journal.upkeep._compact_after = 0.0
            for _ in range(10):
                db.journal.upkeep.work()
            assert (tmp_path / "snapshot.json").read_bytes() == snapshot, name
            assert db.journal.problem == "" and put(3) == db.journal.seq
        fs.codes = {}
        expected = rows(db.journal)
    assert reopened(tmp_path) == expected


def test_old_segments_go_only_when_both_snapshots_hold_them(tmp_path: Path) -> None:
    with StateDB(str(tmp_path), rhythm=ALWAYS_COMPACTING) as db:
        put = putter(db.journal)
        put(1)
        compact(db.journal)
        first = wals(tmp_path)[0]
        assert first.name == "wal-1.jsonl", "the previous snapshot, there is none yet, would need it"
        put(2)
        compact(db.journal)
        assert not first.exists()
        put(3)
        compact(db.journal)
        assert len(wals(tmp_path)) <= 2


@pytest.mark.parametrize(
    "step", ["open", "fdatasync", "fsync", "rename", "unlink", "write", "ftruncate", "pwrite"]
)
def test_no_failing_step_loses_a_record_or_a_descriptor(tmp_path: Path, step: str) -> None:
    """Every operation fails in turn, once; whatever was acknowledged is there in the end."""
    for at in range(60):
        folder = tmp_path / str(at)
        seen = 0

        def before(name: str, args: tuple[Any, ...], at: int = at) -> None:
            nonlocal seen
            if name == step:
                seen += 1
                if seen == at + 1:
                    raise OSError(errno.EIO, "Input/output error")

        descriptors = open_descriptors()
        acknowledged: list[int] = []
        try:
            db = StateDB(str(folder), fs=WatchedFs(before), rhythm=ALWAYS_COMPACTING)
        except Exception:
            assert open_descriptors() == descriptors
            continue
        for n in range(12):
            try:
                putter(db.journal)(n)
                acknowledged.append(n)
            except Condition:
                pass
            db.journal.upkeep.work()
        db.journal.upkeep._compact_after = 0.0
        db.journal.upkeep.work()
        assert db.journal.problem == "" and len(acknowledged) >= 11
        assert {int(id) for id in rows(db.journal)["t"]} == set(acknowledged)
        db.close()
        assert open_descriptors() == descriptors, f"{step} {at}"
        assert {int(id) for id in reopened(folder)["t"]} == set(acknowledged)
        if seen < at + 1:
            assert at > 0 or step == "ftruncate", "the fault was never reached"
            break


def test_after_a_failed_sync_the_previous_snapshot_becomes_whole_again(tmp_path: Path) -> None:
    """Lines whose sync failed may be missing on disk, so the older snapshot cannot be brought up to date."""
    fs = FailingFs()
    with StateDB(str(tmp_path), fs=fs, rhythm=BY_HAND) as db:
        journal, put = db.journal, putter(db.journal)
        put(1)
        compact(journal)
        put(2)
        fs.codes = {"fdatasync": errno.EIO}
        journal.upkeep.work()
        lost = wals(tmp_path)[-1]
        fs.codes = {}
        for _ in range(10):
            journal.upkeep.work()
        put(3)
        expected = rows(journal)
    if lost.exists():
        lost.write_bytes(b"")  # what the failed sync left
    (tmp_path / "snapshot.json").write_bytes(b"rotten")
    with StateDB(str(tmp_path), rhythm=BY_HAND) as db:
        assert rows(db.journal) == expected and set(expected["t"]) == {"1", "2", "3"}


def test_snapshots_are_kept_where_there_are_no_hard_links(tmp_path: Path) -> None:
    fs = FailingFs(link=errno.EPERM)
    with StateDB(str(tmp_path), fs=fs, rhythm=BY_HAND) as db:
        for n in range(3):
            putter(db.journal)(n)
            compact(db.journal)
        expected = rows(db.journal)
    (tmp_path / "snapshot.json").write_bytes(b"rotten")
    with StateDB(str(tmp_path), fs=fs, rhythm=BY_HAND) as db:
        assert rows(db.journal) == expected
    assert [path.read_bytes() for path in tmp_path.glob("*.corrupt-*")] == [b"rotten"]
