"""The program itself when its saved queue cannot be written, is damaged, too new, or somebody else's."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine import TransferState
from engine.state.journal import StateDB
from tests.engine.state.builders import BY_HAND, compact
from tests.servers.seaweed import Seaweed
from tests.survival.program import Program
from tests.tui.terminal import on_a_terminal
from tests.tui.test_cli_real import save

FILES = 120


@pytest.fixture
def program(seaweed: Seaweed, tmp_path: Path) -> Program:
    return Program(seaweed, tmp_path / "home", seaweed.url)


def queued(
    program: Program, bucket: str, folder: Path, state: TransferState, count: int = 3, *, held: bool = False
) -> list[Path]:
    """Files that an earlier run was to upload."""
    folder.mkdir()
    files = []
    for number in range(count):
        path = folder / f"file-{number:03}"
        path.write_bytes(b"%03d" % number * 2000)
        files.append(path)
    endpoint = f"default@{program.env['AWS_ENDPOINT_URL']}"
    save(program.state_dir, endpoint, *((path, f"{bucket}/{path.name}", state) for path in files), held=held)
    return files


def arrived(seaweed: Seaweed, bucket: str, files: list[Path]) -> bool:
    client = seaweed.client()
    return all(
        client.get_object(Bucket=bucket, Key=path.name)["Body"].read() == path.read_bytes() for path in files
    )


# -- it cannot be written --------------------------------------------------------------------------


@pytest.fixture
def small_disk(program: Program) -> Iterator[Path]:
    """The state folder on a file system of its own, of 1 MiB."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount a file system")
    folder = program.home / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    done = subprocess.run(mount, capture_output=True, check=False)
    if done.returncode:
        pytest.skip(f"no file system can be mounted here: {done.stderr.decode(errors='replace').strip()}")
    program.state_dir = folder / "state"
    program.env["S3TUI_STATE_DIR"] = str(program.state_dir)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.fault(29)
def test_a_full_disk_under_the_saved_queue_is_told_on_the_screen_and_heals_by_itself(
    seaweed: Seaweed, bucket: str, program: Program, small_disk: Path, tmp_path: Path
) -> None:
    files = queued(program, bucket, tmp_path / "files", TransferState.QUEUED, FILES, held=True)
    with on_a_terminal((str(tmp_path / "files"), f"s3://{bucket}/"), program.env, tmp_path) as screen:
        screen.until(f"queue {FILES}")
        screen.until("file-000")
        filler = small_disk / "filler"
        with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while file.write(bytes(4096)):
                pass
        screen.press("P")  # let the queue go on
        screen.until("PROGRESS IS NOT SAVED: No space left on device")
        filler.unlink()
        screen.until(f"done {FILES}")
        assert "PROGRESS IS NOT SAVED" not in screen.shown
        screen.press("q")
        assert screen.end() == 0
    assert arrived(seaweed, bucket, files)
    assert program.status() == []


# -- it is not what was written --------------------------------------------------------------------


def journals(program: Program) -> list[Path]:
    return sorted(program.state_dir.glob("wal-*"))


@pytest.mark.fault(42)
@pytest.mark.parametrize("damage", ["torn", "zeros", "middle"])
def test_a_damaged_journal_is_told_in_one_notice_and_its_items_come_back(
    seaweed: Seaweed, bucket: str, program: Program, tmp_path: Path, damage: str
) -> None:
    files = queued(program, bucket, tmp_path / "files", TransferState.QUEUED)
    *_, last = journals(program)
    data = last.read_bytes()
    if damage == "torn":
        last.write_bytes(data + data.splitlines(keepends=True)[-1][:-5])
    elif damage == "zeros":
        last.write_bytes(data + bytes(4096))
    else:
        lines = data.splitlines(keepends=True)
        held = next(i for i, line in enumerate(lines) if b'"held"' in line)
        lines[held] = b"00000000 " + lines[held][9:]  # Not what its checksum says; of no item.
        last.write_bytes(b"".join(lines))
    ran = program.run("run")
    assert ran.returncode == 0, ran.stderr
    notice, *kept = ran.stderr.splitlines()
    assert notice.startswith("s3tui: ")
    assert len(kept) == (damage == "middle"), "where the damaged file is kept, if something was in it"
    assert program.run("run").stderr == "", "it is told once"
    assert arrived(seaweed, bucket, files)


@pytest.mark.fault(43)
@pytest.mark.parametrize("words", [("status",), ("run",), ("cp", "x", "s3://b/"), ()])
def test_a_queue_of_a_newer_version_is_refused_with_the_reason_and_not_touched(
    program: Program, tmp_path: Path, words: tuple[str, ...]
) -> None:
    program.state_dir.mkdir(mode=0o700)
    newer = b'{"_meta":{"1":{"format":99,"seq":3,"new":true}},"transfers":{}}'
    (program.state_dir / "snapshot.json").write_bytes(newer)
    (program.home / "x").write_text("x")
    if words:
        ran = program.run(*words)
        assert (ran.returncode, ran.stdout) == (1, "")
        assert ran.stderr.count("\n") == 1
        assert "newer" in ran.stderr
        assert str(program.state_dir) in ran.stderr
    else:
        with on_a_terminal((), program.env, tmp_path) as screen:
            screen.until("newer")
            assert screen.end() == 1
    left = {path.name for path in program.state_dir.iterdir()} - {"lock", "s3tui.log"}
    assert left == {"snapshot.json"}
    assert (program.state_dir / "snapshot.json").read_bytes() == newer


@pytest.mark.fault(43)
@pytest.mark.parametrize("damage", ["damaged", "missing"])
def test_a_snapshot_that_is_damaged_or_missing_costs_nothing_while_the_one_before_it_is_there(
    seaweed: Seaweed, bucket: str, program: Program, tmp_path: Path, damage: str
) -> None:
    files = queued(program, bucket, tmp_path / "files", TransferState.QUEUED)
    with StateDB(str(program.state_dir), rhythm=BY_HAND) as db:
        compact(db.journal)
        compact(db.journal)
    snapshot = program.state_dir / "snapshot.json"
    if damage == "missing":
        snapshot.unlink()
    else:
        snapshot.write_bytes(snapshot.read_bytes()[:-20] + b"x" * 20)
    assert len(program.status()) == len(files)
    ran = program.run("run")
    assert ran.returncode == 0, ran.stderr
    assert arrived(seaweed, bucket, files)


@pytest.mark.fault(43)
def test_a_queue_of_which_nothing_can_be_read_is_refused_by_the_screen_too(
    program: Program, tmp_path: Path
) -> None:
    program.state_dir.mkdir(mode=0o700)
    (program.state_dir / "snapshot.json").write_bytes(b"garbage")
    with on_a_terminal((), program.env, tmp_path) as screen:
        screen.until("damaged")
        assert screen.end() == 1
    assert (program.state_dir / "snapshot.json").read_bytes() == b"garbage"


@pytest.mark.fault(44)
def test_a_second_screen_names_the_process_that_has_the_queue_and_changes_nothing(
    bucket: str, program: Program, tmp_path: Path
) -> None:
    queued(program, bucket, tmp_path / "files", TransferState.PAUSED)
    words = (str(tmp_path / "files"), f"s3://{bucket}/")
    with on_a_terminal(words, program.env, tmp_path) as first:
        first.until("paused 3")
        with on_a_terminal(words, program.env, tmp_path) as second:
            second.until(f"in use by process {first.pid} on ")
            assert second.end() == 3
        run = program.run("run")
        assert run.returncode == 3
        assert f"in use by process {first.pid} on " in run.stderr
        seen = json.loads(program.run("status", "--json").stdout)["transfers"]
        assert [item["state"] for item in seen] == ["paused"] * 3
        first.press("q")
        assert first.end() == 0
