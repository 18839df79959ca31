"""What is said to be done is so after a power cut too, and what was begun then is not forgotten."""

from __future__ import annotations

import os
import shutil
import threading
from pathlib import Path

from engine import TransferState
from engine.local.fsops import FsOps
from engine.state.reading import read_state
from tests.engine.queue.real import PATIENCE, running, write
from tests.servers.seaweed import Seaweed


class SyncingDisk(FsOps):
    """Remembers, of one folder: the names in it each time it was synced, and whether history said so already."""

    def __init__(self, folder: Path, state: Path) -> None:
        self._folder, self._state = folder, state
        self.seen: list[tuple[list[str], int]] = []

    def fsync(self, fd: int) -> None:
        if os.path.samestat(os.fstat(fd), os.stat(self._folder)):
            self.seen.append((sorted(os.listdir(self._folder)), len(read_state(str(self._state)).history)))
        super().fsync(fd)


def test_moved_and_deleted_files_are_gone_for_good_before_they_are_done(
    seaweed: Seaweed, bucket: str, tmp_path: Path
) -> None:
    folder, state = tmp_path / "source", tmp_path / "state"
    for name in ("deleted", "moved", "stays"):
        write(folder / name, 10)
    disk = SyncingDisk(folder, state)
    with running(seaweed, state, fs=disk) as engine:
        engine.do(engine.copy(folder / "moved", f"s3://{bucket}/moved", move=True))
        assert disk.seen == [(["deleted", "stays"], 0)]
        engine.do(engine.delete(folder / "deleted"))
        assert disk.seen[1:] == [(["stays"], 1)]


class SlowDisk(FsOps):
    """A part file is made only when the test allows it."""

    def __init__(self) -> None:
        self.asked, self.allowed = threading.Event(), threading.Event()

    def open(self, path: str | bytes, flags: int, mode: int = 0o666, *, dir_fd: int | None = None) -> int:
        if os.fsdecode(path).endswith(".part") and flags & os.O_CREAT:
            self.asked.set()
            assert self.allowed.wait(PATIENCE)
        return super().open(path, flags, mode, dir_fd=dir_fd)


def test_a_part_file_that_was_being_made_when_its_item_was_cancelled_is_removed_after_a_kill(
    seaweed: Seaweed, bucket: str, tmp_path: Path
) -> None:
    seaweed.client().put_object(Bucket=bucket, Key="small", Body=b"x")
    target, disk = tmp_path / "down" / "small", SlowDisk()
    with running(seaweed, tmp_path / "state", fs=disk) as engine:
        engine.copy(f"s3://{bucket}/small", target)
        assert disk.asked.wait(PATIENCE)
        id = engine.row("small").id
        engine.manager.cancel(id)
        engine.until(
            lambda: engine.state("small") is TransferState.CANCELLED and not engine.row("small").saving
        )
        shutil.copytree(tmp_path / "state", tmp_path / "killed")
        disk.allowed.set()
        engine.until(lambda: engine.manager.is_tidy)
        assert list(target.parent.iterdir()) == []
    left = target.parent / f".small.{id}.part"
    left.write_bytes(b"")
    with running(seaweed, tmp_path / "killed") as engine:
        engine.until(lambda: engine.manager.is_tidy)
    assert not left.exists()


class ToldDisk(FsOps):
    """Remembers in which order an item is written down, that is synced, and its part file made.

    Syncing takes half a second: time enough for who does not wait for it.
    """

    def __init__(self) -> None:
        self.told: list[str] = []
        self._begun = threading.Event()

    def write(self, fd: int, data: bytes | bytearray | memoryview) -> int:
        if b'["transfers","' in bytes(data):
            self.told.append("written")
        return super().write(fd, data)

    def fdatasync(self, fd: int) -> None:
        if "written" in self.told:
            self._begun.wait(0.5)
        super().fdatasync(fd)
        self.told.append("synced")

    def open(self, path: str | bytes, flags: int, mode: int = 0o666, *, dir_fd: int | None = None) -> int:
        if os.fsdecode(path).endswith(".part") and flags & os.O_CREAT:
            self.told.append("begun")
            self._begun.set()
        return super().open(path, flags, mode, dir_fd=dir_fd)


def test_nothing_is_begun_for_an_item_that_a_power_cut_would_make_forgotten(
    seaweed: Seaweed, bucket: str, tmp_path: Path
) -> None:
    seaweed.client().put_object(Bucket=bucket, Key="small", Body=b"x")
    disk = ToldDisk()
    with running(seaweed, tmp_path / "state", fs=disk) as engine:
        engine.do(engine.copy(f"s3://{bucket}/small", tmp_path / "down" / "small"))
    told = disk.told[disk.told.index("written") :]
    assert told.index("synced") < told.index("begun")
