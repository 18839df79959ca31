"""A disk that fills: what does not fit waits and says how much is needed, what fits goes on, and nothing is lost."""

from __future__ import annotations

import contextlib
import errno
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from engine import TransferState
from engine.errors import Condition
from engine.local.failures import disk_full
from engine.local.fsops import Data, FsOps
from engine.queue import blockade
from engine.scheduler import MOST_ALONE
from tests.engine.queue.items import download
from tests.engine.queue.quiet import quiet_at, states
from tests.engine.queue.real import MIB, Engine, part_files, running_at
from tests.servers.scripted import ScriptedS3
from tui.waiting import waiting_text

S = TransferState


@pytest.fixture
def s3() -> Iterator[ScriptedS3]:
    with ScriptedS3("b") as server:
        yield server


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is looked soon whether there is room again."""
    monkeypatch.setitem(blockade._DELAYS, "disk-full", (0.1, 0.3))


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Callable[[int], Path]]:
    """Makes a file system of so many bytes of its own."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount a file system")
    mounted: list[Path] = []

    def make(size: int) -> Path:
        path = tmp_path / f"disk{len(mounted)}"
        path.mkdir()
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", path], capture_output=True, check=False
        )
        if done.returncode:
            pytest.skip(f"no file system can be mounted here: {done.stderr.decode(errors='replace').strip()}")
        mounted.append(path)
        return path

    try:
        yield make
    finally:
        for path in mounted:
            subprocess.run(["umount", "-l", path], check=True)


def content(name: str, size: int) -> bytes:
    return (name.encode() * (size // len(name) + 1))[:size]


def put(s3: ScriptedS3, **sizes: int) -> None:
    for name, size in sizes.items():
        s3.put("b", name, content(name, size))


def words(engine: Engine, name: str) -> str:
    """What its row says about its waiting."""
    row = engine.row(name)
    return waiting_text(row.waiting) if row.state is S.WAITING and row.waiting is not None else ""


def fill(path: Path) -> Path:
    """Somebody else takes all the room there is."""
    filler = path / "filler"
    with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(bytes(MIB)):
            pass
    return filler


# -- before the first byte -------------------------------------------------------------------------


@pytest.mark.fault(27)
def test_what_does_not_fit_waits_with_both_numbers_while_the_rest_goes_on(
    s3: ScriptedS3, tmp_path: Path, disk: Callable[[int], Path]
) -> None:
    target = disk(48 * MIB)
    put(s3, first=24 * MIB, toobig=40 * MIB, small=1 * MIB, third=10 * MIB)
    with running_at(s3.url, tmp_path / "state", download_limit=16 * MIB) as engine:
        engine.copy("s3://b/first", f"{target}/")
        engine.until(lambda: engine.row("first").bytes_done)
        engine.copy([f"s3://b/{name}" for name in ("toobig", "small", "third")], f"{target}/")
        engine.until(lambda: words(engine, "toobig"))
        said = words(engine, "toobig")
        assert said.startswith("disk full, retry ")
        assert "40.0 MiB needed beside " in said
        assert said.endswith(" free)")
        engine.manager.set_limits(None, None)
        engine.until(lambda: all(engine.state(name) is S.DONE for name in ("first", "small", "third")))
        engine.until(lambda: "(40.0 MiB needed, 13.0 MiB free)" in words(engine, "toobig"))
        assert not (target / "toobig").exists()
        (target / "first").unlink()
        (target / "third").unlink()
        engine.until(lambda: engine.state("toobig") is S.DONE, "it goes on by itself")
    assert (target / "toobig").read_bytes() == content("toobig", 40 * MIB)
    assert (target / "small").read_bytes() == content("small", MIB)
    assert part_files(target) == []


@pytest.mark.fault(27)
def test_items_under_way_count_as_room_that_is_taken(
    s3: ScriptedS3, tmp_path: Path, disk: Callable[[int], Path]
) -> None:
    target = disk(30 * MIB)
    put(s3, first=20 * MIB, second=20 * MIB)
    with running_at(s3.url, tmp_path / "state", download_limit=20 * MIB) as engine:
        engine.copy(["s3://b/first", "s3://b/second"], f"{target}/")
        engine.until(lambda: words(engine, "second") or words(engine, "first"))
        engine.manager.set_limits(None, None)
        engine.until(lambda: engine.state("first") is S.DONE or engine.state("second") is S.DONE)
        written = sum(path.stat().st_blocks * 512 for path in part_files(target))
        assert written == 0, "the one that does not fit has not begun to take room from the other"


# -- in the middle ---------------------------------------------------------------------------------


@pytest.mark.fault(27)
def test_all_that_is_written_to_a_full_disk_waits_together_and_goes_on_when_there_is_room(
    s3: ScriptedS3, tmp_path: Path, disk: Callable[[int], Path]
) -> None:
    target, elsewhere = disk(160 * MIB), tmp_path / "elsewhere"
    names, size = ["one", "two", "three"], 48 * MIB
    put(s3, **dict.fromkeys(names, size), other=MIB)
    with running_at(s3.url, tmp_path / "state", workers=3, download_limit=40 * MIB) as engine:
        operation = engine.copy([f"s3://b/{name}" for name in names], f"{target}/")
        engine.until(lambda: all(engine.row(name).parts_done for name in names))
        filler = fill(target)
        engine.manager.set_limits(None, None)
        engine.until(lambda: all(engine.state(name) is S.WAITING for name in names))
        for name in names:
            said = words(engine, name)
            assert said.startswith("disk full, retry ")
            assert "needed" in said
            assert said.endswith(" free)")
        assert engine.manager.waits_only
        assert {path.name for path in target.iterdir()} == {"filler", *(p.name for p in part_files(target))}
        other = engine.copy("s3://b/other", elsewhere)
        engine.settled(other)
        assert elsewhere.read_bytes() == content("other", MIB)
        assert [engine.state(name) for name in names] == [S.WAITING] * 3
        kept = {name: engine.row(name).bytes_confirmed for name in names}
        before = s3.count("GetObject")
        filler.unlink()
        engine.settled(operation)
        assert [engine.state(name) for name in names] == [S.DONE] * 3
    for name in names:
        assert (target / name).read_bytes() == content(name, size)
    assert part_files(target) == []
    missing = sum(size - done for done in kept.values()) // (8 * MIB)
    assert s3.count("GetObject") - before <= missing + len(names), "what was there was not fetched again"


class Disk(FsOps):
    """Writing into part files fails with `code` while that is set."""

    code = 0

    def pwrite(self, fd: int, data: Data, offset: int) -> None:
        self._check()
        super().pwrite(fd, data, offset)

    def ftruncate(self, fd: int, size: int) -> None:
        if os.readlink(f"/proc/self/fd/{fd}").endswith(".part"):
            self._check()
        super().ftruncate(fd, size)

    def _check(self) -> None:
        if self.code:
            raise OSError(self.code, os.strerror(self.code))


@pytest.mark.fault(27)
def test_a_disk_that_was_full_at_the_end_of_the_process_is_tried_again_by_the_next(
    s3: ScriptedS3, tmp_path: Path
) -> None:
    put(s3, a=20 * MIB)
    disk = Disk()
    with running_at(s3.url, tmp_path / "state", fs=disk) as engine:
        disk.code = errno.ENOSPC
        engine.copy("s3://b/a", tmp_path / "back")
        engine.until(lambda: words(engine, "/a"))
        assert "20.0 MiB needed, " in words(engine, "/a") or "No space left" in words(engine, "/a")
    with running_at(s3.url, tmp_path / "state") as engine:
        engine.until(lambda: engine.state("/a") is S.DONE)
    assert (tmp_path / "back").read_bytes() == content("a", 20 * MIB)


# -- many that do not fit --------------------------------------------------------------------------


def no_room(device: int = 7) -> Condition:
    return disk_full("write", "/disk/x", device, "9.0 GiB needed, 1.0 GiB free", alone=True)


@pytest.mark.fault(27)
def test_however_many_do_not_fit_only_some_are_tried_and_all_go_on_in_the_end(tmp_path: Path) -> None:
    with quiet_at(tmp_path / "state", active_items=4) as queue:
        names = [f"item{number}" for number in range(40)]
        queue.job.steps["begin"] = [no_room() for _ in range(200)]
        items = queue.add(*(download(name, 100 * MIB) for name in names))
        queue.do_all()
        assert 200 - len(queue.job.steps["begin"]) == MOST_ALONE + 1
        assert states(items) == [S.WAITING] * (MOST_ALONE + 1) + [S.QUEUED] * (39 - MOST_ALONE)
        assert not queue.core.scheduler.active
        queue.job.steps.clear()
        queue.do_all(1000.0)
        assert states(items) == [S.DONE] * 40
        assert not queue.core.scheduler.blockades


@pytest.mark.fault(27)
def test_one_that_does_not_fit_stops_nothing_that_is_under_way(tmp_path: Path) -> None:
    with quiet_at(tmp_path / "state") as queue:
        queue.job.parts = 4
        first, second, third = queue.add(*(download(name, 100 * MIB) for name in "abc"))
        follows = queue.step(queue.take())
        queue.job.steps["begin"] = [no_room()]
        queue.step(queue.take())
        assert states([first, second, third]) == [S.RUNNING, S.WAITING, S.QUEUED]
        [row] = [row for row in queue.manager.snapshot().rows if row.id == second.id]
        assert row.waiting is not None
        assert waiting_text(row.waiting).endswith("(9.0 GiB needed, 1.0 GiB free)")
        queue.manager.pause(second.id)
        while follows is not None:
            follows = queue.step(follows)
        queue.do_all()
        assert states([first, second, third]) == [S.DONE, S.PAUSED, S.DONE]
        queue.manager.resume(second.id)
        queue.do_all(1000.0)
        assert second.state is S.DONE
