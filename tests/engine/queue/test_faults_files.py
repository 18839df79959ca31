"""What happens to the files of a download while it is under way, and to files that cannot be read or written."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine import ConflictPolicy, TransferState
from tests.engine.local.faults import WatchedFs
from tests.engine.queue.limited import Orders, told_of
from tests.engine.queue.real import MIB, Engine, part_files, running_at, write
from tests.servers.scripted import ScriptedS3

S = TransferState


@pytest.fixture
def s3() -> Iterator[ScriptedS3]:
    with ScriptedS3("b") as server:
        yield server


def why(engine: Engine, name: str) -> str:
    """What is said of an item that failed."""
    row = engine.row(name)
    assert row.state is S.FAILED
    assert row.problem is not None
    return str(row.problem)


def content(size: int, seed: int = 1) -> bytes:
    return (bytes([seed]) + bytes(range(250))) * (size // 251) + bytes(size % 251)


def refusing(operation: str, code: int, ending: str) -> WatchedFs:
    """Calls of `operation` fail on what ends so: a path, or an open file."""

    def before(name: str, args: tuple[object, ...]) -> None:
        if name != operation:
            return
        on = args[0]
        path = os.readlink(f"/proc/self/fd/{on}") if isinstance(on, int) else str(on)
        if path.endswith(ending):
            raise OSError(code, os.strerror(code))

    return WatchedFs(before)


# -- sources ---------------------------------------------------------------------------------------


@pytest.mark.fault(25)
@pytest.mark.parametrize(
    ("operation", "code", "said"),
    [
        ("open", errno.ENOENT, "open {}: the source does not exist (any more) (No such file or directory)"),
        ("open", errno.EACCES, "open {}: the system denies access (Permission denied)"),
        ("pread_into", errno.EIO, "read {}: the disk reported an error (Input/output error)"),
        ("pread_into", errno.ESTALE, "read {}: the disk reported an error (Stale file handle)"),
    ],
)
def test_a_source_that_cannot_be_read_is_named_and_the_others_arrive(
    s3: ScriptedS3, tmp_path: Path, operation: str, code: int, said: str
) -> None:
    for name, size in {"bad": 20 * MIB, "good": 20 * MIB, "small": 10}.items():
        write(tmp_path / "up" / name, size)
    fs = refusing(operation, code, "/bad")
    with running_at(s3.url, tmp_path / "state", fs=fs) as engine:
        operation_id = engine.copy(f"{tmp_path}/up/", "s3://b/")
        engine.settled(operation_id)
        assert why(engine, "/bad").startswith(said.format(tmp_path / "up" / "bad"))
        assert engine.state("/good") is S.DONE
        assert engine.state("/small") is S.DONE
        assert s3.object("b", "bad") is None
        fs.before = None
        engine.manager.retry(engine.row("/bad").id)
        engine.until(lambda: engine.state("/bad") is S.DONE)
    assert s3.data("b", "bad") == (tmp_path / "up" / "bad").read_bytes()
    assert s3.uploads() == []


@pytest.mark.fault(25)
def test_a_source_that_goes_in_the_middle_is_named_and_its_upload_is_kept_until_it_is_cancelled(
    s3: ScriptedS3, tmp_path: Path
) -> None:
    write(tmp_path / "a", 40 * MIB)
    with running_at(s3.url, tmp_path / "state", upload_limit=30 * MIB, workers=2) as engine:
        engine.copy(tmp_path / "a", "s3://b/a")
        engine.until(lambda: engine.row("/a").parts_done)
        engine.manager.pause(engine.row("/a").id)
        engine.until(lambda: engine.manager._core.roster.items[engine.row("/a").id].run is None)
        (tmp_path / "a").unlink()
        engine.manager.resume(engine.row("/a").id)
        engine.until(lambda: engine.state("/a") is S.FAILED)
        assert why(engine, "/a").startswith(f"open {tmp_path}/a: the source does not exist (any more)")
        assert len(s3.uploads()) == 1
        engine.manager.cancel(engine.row("/a").id)
        engine.until(lambda: s3.uploads() == [])
    assert s3.object("b", "a") is None


@pytest.mark.fault(26)
def test_what_is_no_file_is_named_and_nothing_hangs(s3: ScriptedS3, tmp_path: Path) -> None:
    up = tmp_path / "up"
    write(up / "good", 10)
    os.mkfifo(up / "pipe")
    with running_at(s3.url, tmp_path / "state") as engine:
        engine.settled(engine.copy(f"{up}/", "s3://b/"))
        assert "it is not a regular file. Pipes, sockets and devices are not moved." in why(engine, "/pipe")
        assert str(up / "pipe") in why(engine, "/pipe")
        assert engine.state("/good") is S.DONE
        operation = engine.copy(up / "pipe", "s3://b/pipe")
        engine.settled(operation)
    assert s3.data("b", "good") == (up / "good").read_bytes()
    assert s3.object("b", "pipe") is None


@pytest.mark.fault(26)
def test_a_sparse_file_of_a_tebibyte_begins_at_once_and_can_be_cancelled(
    s3: ScriptedS3, tmp_path: Path
) -> None:
    with (tmp_path / "huge").open("wb") as file:
        file.truncate(1024**4)
    with running_at(s3.url, tmp_path / "state", workers=2, upload_limit=MIB) as engine:
        engine.copy(tmp_path / "huge", "s3://b/huge")
        engine.until(lambda: s3.uploads())
        row = engine.row("/huge")
        assert row.size == 1024**4
        assert 9_000 < row.parts <= 10_000
        engine.manager.cancel(row.id)
        assert engine.state("/huge") is S.CANCELLED
        engine.until(lambda: s3.uploads() == [])


# -- targets that cannot be written ----------------------------------------------------------------


@pytest.mark.fault(28)
@pytest.mark.parametrize(
    ("code", "said"),
    [
        (errno.EDQUOT, "the disk quota is used up (Disk quota exceeded). Free some space, then retry."),
        (errno.EFBIG, "the file system cannot hold a file of this size (File too large)"),
    ],
)
def test_a_quota_or_a_limit_of_the_file_system_is_named_with_its_path(
    s3: ScriptedS3, tmp_path: Path, code: int, said: str
) -> None:
    s3.put("b", "a", content(20 * MIB))
    s3.put("b", "c", b"small")
    fs = refusing("pwrite", code, ".part")
    fs.instead["pwrite"] = lambda fd, data, offset: os.pwrite(fd, data, offset)
    with running_at(s3.url, tmp_path / "state", fs=fs) as engine:
        engine.settled(engine.copy("s3://b/a", f"{tmp_path}/back/"))
        assert said in why(engine, "/a")
        assert f"write {tmp_path}/back/.a." in why(engine, "/a")
        assert not (tmp_path / "back" / "a").exists()
        fs.before = None
        engine.settled(engine.copy("s3://b/c", f"{tmp_path}/back/"))
        engine.manager.retry(engine.row("/a").id)
        engine.until(lambda: engine.state("/a") is S.DONE)
    assert (tmp_path / "back" / "a").read_bytes() == content(20 * MIB)
    assert (tmp_path / "back" / "c").read_bytes() == b"small"
    assert part_files(tmp_path) == []


@pytest.mark.fault(28)
def test_a_file_larger_than_the_process_may_write_is_named_before_the_first_byte(
    s3: ScriptedS3, tmp_path: Path
) -> None:
    s3.put("b", "large", content(20 * MIB))
    s3.put("b", "small", content(10))
    orders = Orders(
        s3.url,
        str(tmp_path / "state"),
        [(["s3://b/large", "s3://b/small"], f"{tmp_path}/back/")],
        file_size=16 * MIB,
    )
    told = told_of(orders)
    assert told.states == {"s3://b/large": "failed", "s3://b/small": "done"}
    [problem] = told.problems.values()
    assert (
        "the file system cannot hold a file of this size (File too large). Choose another target." in problem
    )
    assert str(tmp_path / "back") in problem
    assert s3.count("GetObject") == 1
    assert (tmp_path / "back" / "small").read_bytes() == content(10)
    assert not (tmp_path / "back" / "large").exists()


@pytest.mark.fault(31)
def test_short_writes_are_gone_on_with_and_an_io_error_is_named_and_believed(
    s3: ScriptedS3, tmp_path: Path
) -> None:
    s3.put("b", "a", content(20 * MIB))
    calls = 0

    def short(fd: int, data: memoryview, offset: int) -> int:
        nonlocal calls
        calls += 1
        if calls == 15:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return os.pwrite(fd, data[: max(1, len(data) // 2)], offset)

    fs = WatchedFs()
    fs.instead["pwrite_some"] = short
    with running_at(s3.url, tmp_path / "state", fs=fs, workers=1) as engine:
        engine.settled(engine.copy("s3://b/a", tmp_path / "back"))
        problem = why(engine, "/a")
        assert problem.startswith(f"write {tmp_path}/.back.")
        assert problem.endswith(
            "the disk reported an error (Input/output error). Check the disk, then retry."
        )
        assert not (tmp_path / "back").exists()
        engine.manager.retry(engine.row("/a").id)
        engine.until(lambda: engine.state("/a") is S.DONE)
    assert (tmp_path / "back").read_bytes() == content(20 * MIB)


@pytest.mark.fault(34)
@pytest.mark.parametrize(
    ("code", "said"),
    [
        (errno.EROFS, "the file system is read-only (Read-only file system). Choose another target."),
        (errno.EACCES, "the system denies access (Permission denied). Check the permissions, then retry."),
    ],
)
def test_a_target_that_may_not_be_written_is_named_before_the_first_byte(
    s3: ScriptedS3, tmp_path: Path, code: int, said: str
) -> None:
    s3.put("b", "a", content(20 * MIB))
    s3.put("b", "small", content(10))
    with running_at(s3.url, tmp_path / "state", fs=refusing("open", code, ".part")) as engine:
        engine.settled(engine.copy(["s3://b/a", "s3://b/small"], f"{tmp_path}/back/"))
        for name in ("/a", "/small"):
            assert why(engine, name).startswith(f"create {tmp_path}/back/.{name[1:]}.")
            assert said in why(engine, name)
    assert s3.count("GetObject") == 0


@pytest.mark.fault(34)
def test_a_file_system_that_is_mounted_read_only_is_named_before_the_first_byte(
    s3: ScriptedS3, tmp_path: Path
) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root may mount a file system")
    target = tmp_path / "target"
    target.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "ro,size=1m", "tmpfs", str(target)]
    done = subprocess.run(mount, capture_output=True, check=False)
    if done.returncode:
        pytest.skip(f"no file system can be mounted here: {done.stderr.decode(errors='replace').strip()}")
    try:
        s3.put("b", "a", content(20 * MIB))
        with running_at(s3.url, tmp_path / "state") as engine:
            engine.settled(engine.copy(["s3://b/a"], f"{target}/"))
            assert "the file system is read-only (Read-only file system)" in why(engine, "/a")
        assert s3.count("GetObject") == 0
    finally:
        subprocess.run(["umount", "-l", target], check=True)


# -- what others do meanwhile ----------------------------------------------------------------------


@pytest.mark.fault(35)
@pytest.mark.parametrize("size", [64 * MIB, 4 * MIB])
def test_a_target_folder_that_is_removed_is_named_and_not_made_again_by_itself(
    s3: ScriptedS3, tmp_path: Path, size: int
) -> None:
    s3.put("b", "deep/a", content(size))
    target = tmp_path / "back" / "deep"
    with running_at(s3.url, tmp_path / "state", workers=2, download_limit=8 * MIB) as engine:
        operation = engine.copy(["s3://b/deep/a"], f"{target}/")
        engine.until(lambda: engine.row("/a").bytes_done > MIB)
        shutil.rmtree(tmp_path / "back")
        engine.manager.set_limits(None, None)
        engine.settled(operation)
        assert "its unfinished file was moved or removed" in why(engine, "/a")
        assert str(target) in why(engine, "/a")
        assert not (tmp_path / "back").exists()
        assert s3.count("GetObject") <= 4, "what would be fetched for nothing is not fetched"
        engine.manager.retry(engine.row("/a").id)
        engine.until(lambda: engine.state("/a") is S.DONE)
    assert (target / "a").read_bytes() == content(size)
    assert part_files(tmp_path) == []


@pytest.mark.fault(36)
@pytest.mark.parametrize("change", ["removed", "cut", "altered"])
def test_of_a_part_file_that_was_changed_while_paused_only_what_is_wrong_is_fetched_again(
    s3: ScriptedS3, tmp_path: Path, change: str
) -> None:
    s3.put("b", "a", content(64 * MIB))
    with running_at(s3.url, tmp_path / "state", workers=2, download_limit=60 * MIB) as engine:
        engine.copy("s3://b/a", tmp_path / "back")
        engine.until(lambda: engine.row("/a").parts_done >= 3)
        id = engine.row("/a").id
        engine.manager.pause(id)
        engine.until(lambda: engine.manager._core.roster.items[id].run is None)
        engine.manager.set_limits(None, None)
        done = sorted(engine.manager._core.roster.items[id].parts)
        [part] = part_files(tmp_path)
        wrong = 1
        if change == "removed":
            part.unlink()
            wrong = len(done)
        elif change == "cut":
            last = done[-1]
            os.truncate(part, last * 8 * MIB - 1)
        else:
            with part.open("r+b") as file:
                file.seek((done[1] - 1) * 8 * MIB + 5)
                file.write(b"damage")
        before = s3.count("GetObject")
        engine.manager.resume(id)
        engine.until(lambda: engine.state("/a") is S.DONE)
        assert s3.count("GetObject") - before == 8 - len(done) + wrong
    assert (tmp_path / "back").read_bytes() == content(64 * MIB)
    assert part_files(tmp_path) == []


@pytest.mark.fault(37)
@pytest.mark.parametrize(
    ("answer", "kept"),
    [
        ("overwrite", {"back": "object"}),
        ("skip", {"back": "theirs"}),
        ("rename", {"back": "theirs", "back (2)": "object"}),
    ],
)
def test_a_file_that_appears_under_the_final_name_is_asked_about(
    s3: ScriptedS3, tmp_path: Path, answer: str, kept: dict[str, str]
) -> None:
    s3.put("b", "a", content(20 * MIB))
    folder = tmp_path / "folder"
    with running_at(s3.url, tmp_path / "state", workers=2, download_limit=20 * MIB) as engine:
        engine.copy("s3://b/a", folder / "back", on_conflict=ConflictPolicy.ASK)
        engine.until(lambda: engine.row("/a").bytes_done > MIB)
        (folder / "back").write_text("theirs")
        engine.manager.set_limits(None, None)
        engine.until(lambda: engine.state("/a") is S.ATTENTION)
        row = engine.row("/a")
        assert row.question is not None
        assert row.question.text.startswith("the target already exists")
        assert {"overwrite", "rename", "skip"} <= set(row.question.answers)
        assert (folder / "back").read_text() == "theirs"
        before = s3.count("GetObject")
        engine.manager.answer(row.id, answer)
        engine.until(lambda: engine.state("/a") is S.DONE)
        assert s3.count("GetObject") == before, "what was fetched is used"
    found = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert found == {
        name: content(20 * MIB) if what == "object" else b"theirs" for name, what in kept.items()
    }
