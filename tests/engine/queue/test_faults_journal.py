"""A disk under the saved queue that fails: what is under way goes on, nothing new begins, and nothing is lost."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine import TransferState
from engine.errors import Condition
from engine.local.fsops import Data, FsOps
from engine.queue import blockade
from engine.state import store
from engine.state.storage import Rhythm
from tests.engine.queue.real import MIB, running_at, write
from tests.servers.scripted import ScriptedS3

S = TransferState


@pytest.fixture
def s3() -> Iterator[ScriptedS3]:
    with ScriptedS3("b") as server:
        yield server


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is looked soon whether the folder can be written again."""
    monkeypatch.setattr(store, "Rhythm", lambda: Rhythm(retry_seconds=0.1))
    monkeypatch.setitem(blockade._DELAYS, "state-unsaved", (0.05, 0.1))


class StateDisk(FsOps):
    """What is done to files of the state folder fails while `code` is set; `synced_again` must stay empty."""

    def __init__(self, folder: Path, *steps: str) -> None:
        self._folder, self._steps = str(folder), steps
        self.code = 0
        self.failed: set[int] = set()
        """Inodes whose sync failed."""
        self.synced_again: list[str] = []

    def _step(self, name: str, fd: int) -> None:
        path = os.readlink(f"/proc/self/fd/{fd}")
        if not path.startswith(self._folder):
            return
        is_sync = name in ("fdatasync", "fsync")
        inode = os.fstat(fd).st_ino
        if is_sync and inode in self.failed and not os.path.isdir(path):
            self.synced_again.append(path)
        if self.code and name in self._steps:
            if is_sync:
                self.failed.add(inode)
            raise OSError(self.code, os.strerror(self.code))

    def open(self, path: str | bytes, flags: int, mode: int = 0o600, *, dir_fd: int | None = None) -> int:
        fd = super().open(path, flags, mode, dir_fd=dir_fd)
        if os.fstat(fd).st_size == 0:
            self.failed.discard(os.fstat(fd).st_ino)  # A new file, or one that is written anew.
        return fd

    def write(self, fd: int, data: Data) -> int:
        self._step("write", fd)
        return super().write(fd, data)

    def fdatasync(self, fd: int) -> None:
        self._step("fdatasync", fd)
        super().fdatasync(fd)

    def fsync(self, fd: int) -> None:
        self._step("fsync", fd)
        super().fsync(fd)


@pytest.mark.fault(29, 30)
@pytest.mark.parametrize(
    ("steps", "code", "said"),
    [
        (("write",), errno.ENOSPC, "No space left on device"),
        (("fdatasync", "fsync"), errno.EIO, "Input/output error"),
    ],
)
def test_what_is_under_way_arrives_and_what_is_new_waits_until_progress_can_be_saved_again(
    s3: ScriptedS3, tmp_path: Path, steps: tuple[str, ...], code: int, said: str
) -> None:
    state = tmp_path / "state"
    disk = StateDisk(state, *steps)
    large = write(tmp_path / "large", 40 * MIB)
    later = [write(tmp_path / f"later{number}", MIB, number) for number in range(3)]
    with running_at(s3.url, state, fs=disk, workers=2, active_items=1, upload_limit=20 * MIB) as engine:
        operation = engine.copy([large, *later], "s3://b/")
        engine.until(lambda: engine.row("/large").parts_done)
        engine.until(lambda: engine.manager.snapshot().total == 4)
        disk.code = code
        engine.until(lambda: said in engine.manager.snapshot().health.state_problem)
        with pytest.raises(Condition) as refused:
            engine.copy(large, "s3://b/more")
        assert refused.value.code == "state-unsaved"
        moved = engine.row("/large").bytes_done
        engine.until(
            lambda: engine.row("/large").bytes_done > moved or engine.state("/large") is not S.RUNNING
        )
        disk.code = 0
        engine.manager.set_limits(None, None)
        engine.settled(operation)
        assert engine.manager.snapshot().health.state_problem == ""
        assert [engine.state(f"/{path.name}") for path in (large, *later)] == [S.DONE] * 4
        engine.settled(engine.copy(large, "s3://b/more"))
    for path in (large, *later):
        assert s3.data("b", path.name) == path.read_bytes()
    assert s3.data("b", "more") == large.read_bytes()
    assert disk.synced_again == []
    assert s3.uploads() == []
    with running_at(s3.url, state) as engine:
        assert engine.manager.notices == ()
        assert engine.manager.snapshot().total == 0


@pytest.mark.fault(29, 30)
@pytest.mark.parametrize(("steps", "code"), [(("write",), errno.ENOSPC), (("fdatasync", "fsync"), errno.EIO)])
def test_an_end_while_nothing_can_be_saved_costs_progress_and_no_item(
    s3: ScriptedS3, tmp_path: Path, steps: tuple[str, ...], code: int
) -> None:
    state = tmp_path / "state"
    disk = StateDisk(state, *steps)
    large, small = write(tmp_path / "large", 40 * MIB), write(tmp_path / "small", 10)
    with running_at(s3.url, state, fs=disk, workers=2, upload_limit=20 * MIB) as engine:
        engine.copy(large, "s3://b/large")
        engine.until(lambda: engine.row("/large").parts_done)
        engine.copy(small, "s3://b/small")
        engine.until(lambda: engine.manager.snapshot().total == 2)
        engine.manager.pause_all()
        disk.code = code
    disk.code = 0
    assert disk.synced_again == []
    with running_at(s3.url, state) as engine:
        engine.manager.resume_all()
        engine.until(lambda: engine.manager.is_settled)
    assert s3.data("b", "large") == large.read_bytes()
    assert s3.data("b", "small") == small.read_bytes()
    assert s3.uploads() == []
