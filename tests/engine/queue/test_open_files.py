"""No more workers than may have their files and connections open at a time."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.queue.open_files import files_for, shortage, workers_for
from tests.engine.queue.quiet import quiet_at
from tests.engine.queue.real import write
from tests.servers.scripted import ScriptedS3
from tests.servers.seaweed import clean_environment
from tests.tui.drive import running, told
from tests.tui.example import example_manager

PROGRAM = """
import os, resource, runpy, sys
files, hard, *words = sys.argv[1:]
resource.setrlimit(resource.RLIMIT_NOFILE, (int(files), int(hard)))
sys.argv[:] = ["s3tui", *words]
leave = os._exit

def tell(code):
    print("limit", resource.getrlimit(resource.RLIMIT_NOFILE)[0], flush=True)
    leave(code)

os._exit = tell
runpy.run_module("tui", run_name="__main__")
"""


@pytest.fixture
def s3() -> Iterator[ScriptedS3]:
    with ScriptedS3("b") as server:
        yield server


def copied(s3: ScriptedS3, tmp_path: Path, files: int, hard: int) -> subprocess.CompletedProcess[str]:
    """``s3tui cp`` of a folder with this limit to the number of open files."""
    for number in range(40):
        write(tmp_path / "from" / f"{number}", 1000, number)
    words = ("cp", "from/", "s3://b/", "--endpoint-url", s3.url, "--quiet")
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, str(files), str(hard), *words],
        env={
            **clean_environment(tmp_path / "home"),
            "AWS_ACCESS_KEY_ID": "AK",
            "AWS_SECRET_ACCESS_KEY": "SK",
            "S3TUI_STATE_DIR": str(tmp_path / "state"),
            "PYTHONPATH": str(Path(__file__).parents[3]),
        },
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )


def arrived(s3: ScriptedS3, tmp_path: Path) -> bool:
    return all(s3.data("b", path.name) == path.read_bytes() for path in (tmp_path / "from").iterdir())


@pytest.mark.fault(32)
def test_too_few_open_files_mean_fewer_workers_and_are_told(s3: ScriptedS3, tmp_path: Path) -> None:
    ran = copied(s3, tmp_path, 100, 100)
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr == (
        "s3tui: 3 of 16 workers: this process may have 100 files open, and 16 workers need 240. "
        "Raise the limit (ulimit -n)\n"
    )
    assert arrived(s3, tmp_path)


@pytest.mark.fault(32)
def test_a_low_limit_is_raised_where_the_system_allows_it(s3: ScriptedS3, tmp_path: Path) -> None:
    ran = copied(s3, tmp_path, 100, 5000)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.splitlines()[-1] == "limit 4096"
    assert arrived(s3, tmp_path)


@pytest.mark.parametrize("workers", range(1, 65))
def test_the_files_that_workers_need_are_enough_for_them(workers: int) -> None:
    assert workers_for(files_for(workers)) == workers
    assert shortage(workers, files_for(workers)) == ""
    assert workers == 1 or f"{workers - 1} of {workers} workers" in shortage(workers, files_for(workers) - 1)


def test_workers_are_not_raised_over_what_the_open_files_allow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.queue.open_files.raise_limit", lambda: files_for(5))
    with quiet_at(tmp_path / "state") as queue:
        assert queue.manager.snapshot().workers == 5
        assert len(queue.manager.notices) == 1
        queue.manager.set_workers(40)
        assert queue.manager.snapshot().workers == 5


async def test_the_screen_tells_at_its_start_what_is_amiss() -> None:
    manager = example_manager()
    manager.notices = ("3 of 16 workers", "a [/] name \x1b[2J")
    async with running(manager) as pilot:
        assert told(pilot) == ["3 of 16 workers", "a [/] name ␛[2J"]
