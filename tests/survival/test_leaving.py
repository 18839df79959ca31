"""Leaving at odd moments: while starting, while leaving, without a terminal, on one that takes nothing."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.servers.proxy import FaultProxy
from tests.servers.seaweed import Seaweed
from tests.survival.program import MIB, Program
from tests.survival.test_kill import big_file, sha256
from tests.survival.test_signals import CODES, MOST_SECONDS
from tests.survival.test_signals_screen import begin_copy, left_as_it_was
from tests.tui.terminal import Session, on_a_terminal

IGNORING_HANGUPS = ("sh", "-c", 'trap "" HUP; exec "$@"', "sh")
"""As ``nohup`` starts a program."""


@pytest.fixture
def files(tmp_path: Path) -> Path:
    folder = tmp_path / "files"
    folder.mkdir()
    big_file(folder / "big", 24 * MIB)
    return folder


def ended(pid: int, seconds: float) -> tuple[int, float]:
    """Exit code and CPU seconds of a child that is to end by itself."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found, status, used = os.wait4(pid, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status), used.ru_utime + used.ru_stime
        threading.Event().wait(0.01)
    raise AssertionError("it does not end")


def cpu_seconds(pid: int) -> float:
    """What a running process has used so far (Linux only)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.fault(39)
@pytest.mark.parametrize("prefix", [(), IGNORING_HANGUPS], ids=["hangup", "nohup"])
def test_the_screen_ends_with_its_terminal_and_does_not_spin(
    seaweed: Seaweed, bucket: str, tmp_path: Path, files: Path, prefix: tuple[str, ...]
) -> None:
    program = Program(seaweed, tmp_path / "home", seaweed.url)
    words = ("--rate-limit", "1M", ".", f"s3://{bucket}/")
    with on_a_terminal(words, program.env, files, prefix=prefix) as screen:
        begin_copy(screen)
        screen.until("running 1")
        before = cpu_seconds(screen.pid)
        began = time.monotonic()
        screen.hang_up()
        code, used = ended(screen.pid, 10)
        took = time.monotonic() - began
        screen.has_ended(code)
    print(f"{prefix[:1]}: gone after {took:.2f} s, {used - before:.2f} s of CPU")
    assert code == 129
    assert took < MOST_SECONDS
    assert used - before < 1.0
    assert [item["state"] for item in program.status()] == ["queued"]


@pytest.mark.fault(39)
def test_a_copy_ends_with_its_terminal(seaweed: Seaweed, bucket: str, tmp_path: Path, files: Path) -> None:
    program = Program(seaweed, tmp_path / "home", seaweed.url)
    words = ("cp", "--rate-limit", "1M", "big", f"s3://{bucket}/")
    with on_a_terminal(words, program.env, files) as screen:
        screen.until("total 0/1")
        screen.hang_up()
        code, _ = ended(screen.pid, 10)
        screen.has_ended(code)
    assert code == 129
    assert [item["state"] for item in program.status()] == ["queued"]


@pytest.mark.fault(39)
def test_a_copy_that_ignores_hangups_goes_on_without_a_terminal_and_does_not_spin(
    seaweed: Seaweed, bucket: str, tmp_path: Path, files: Path
) -> None:
    program = Program(seaweed, tmp_path / "home", seaweed.url)
    words = ("cp", "--rate-limit", "16M", "big", f"s3://{bucket}/")
    with on_a_terminal(words, program.env, files, prefix=IGNORING_HANGUPS) as screen:
        screen.until("total 0/1")
        before = cpu_seconds(screen.pid)
        screen.hang_up()
        code, used = ended(screen.pid, 30)
        screen.has_ended(code)
    assert code == 0
    assert used - before < 2.0
    seaweed.client().download_file(bucket, "big", str(tmp_path / "back"))
    assert sha256(tmp_path / "back") == sha256(files / "big")


@pytest.mark.fault(39)
def test_a_terminal_that_takes_nothing_does_not_keep_the_program(
    seaweed: Seaweed, bucket: str, tmp_path: Path, files: Path
) -> None:
    program = Program(seaweed, tmp_path / "home", seaweed.url)
    with on_a_terminal(("--rate-limit", "1M", ".", f"s3://{bucket}/"), program.env, files) as screen:
        begin_copy(screen)
        screen.until("running 1")
        # From here on nobody reads. It draws until the terminal is full, and then waits for it.
        before = -1.0
        while (used := cpu_seconds(screen.pid)) > before:
            before = used
            for _ in range(100):
                with contextlib.suppress(BlockingIOError):
                    screen.press("?\x1b[27u")
            threading.Event().wait(0.5)
            if before > 20:
                break
        began = time.monotonic()
        screen.send(signal.SIGTERM)
        code, _ = ended(screen.pid, 10)
        took = time.monotonic() - began
        screen.has_ended(code)
    print(f"full terminal: gone after {took:.2f} s")
    assert code == 143
    assert took < MOST_SECONDS
    assert [item["state"] for item in program.status()] == ["queued"]


@pytest.mark.fault(39)
@pytest.mark.parametrize("number", CODES)
def test_an_impatient_second_signal_changes_nothing(
    seaweed: Seaweed, bucket: str, tmp_path: Path, files: Path, number: signal.Signals
) -> None:
    with FaultProxy(seaweed.url) as proxy:
        program = Program(seaweed, tmp_path / "home", proxy.url)
        with on_a_terminal(("--rate-limit", "4M", ".", f"s3://{bucket}/"), program.env, files) as screen:
            begin_copy(screen)
            screen.until("running 1")
            proxy.freeze()
            screen.send(number)
            screen.until_written(b"\x1b[?1049l")
            with contextlib.suppress(ProcessLookupError):
                for _ in range(3):
                    screen.send(signal.SIGINT)
            assert screen.end() == CODES[number]
            left_as_it_was(screen)
            assert b"Traceback" not in screen.written
        process = program.start("cp", "--rate-limit", "4M", str(files / "big"), f"s3://{bucket}/")
        threading.Event().wait(0.7)
        for _ in range(3):
            process.send_signal(number)
        _, said = process.communicate(timeout=30)
        assert process.returncode in (CODES[number], -number)
        assert "Traceback" not in said
        assert [item["state"] for item in program.status()] == ["queued"]


def at_once(screen: Session) -> None:
    """The interpreter has hardly begun."""


def after_a_moment(screen: Session) -> None:
    """Modules are loaded, the queue is opened."""
    threading.Event().wait(0.3)


def with_the_screen(screen: Session) -> None:
    """The terminal was taken, and nothing was drawn yet."""
    screen.until_written(b"\x1b[?1049h")


def while_quitting(screen: Session) -> None:
    """It is leaving already."""
    screen.until("items")
    screen.press("q")
    screen.until_written(b"\x1b[?1049l")


@pytest.mark.fault(39)
@pytest.mark.parametrize("moment", [at_once, after_a_moment, with_the_screen, while_quitting])
def test_a_signal_at_an_odd_moment_leaves_the_terminal_as_it_was(
    seaweed: Seaweed, bucket: str, tmp_path: Path, files: Path, moment: Callable[[Session], None]
) -> None:
    program = Program(seaweed, tmp_path / "home", seaweed.url)
    with on_a_terminal((".", f"s3://{bucket}/"), program.env, files) as screen:
        moment(screen)
        screen.send(signal.SIGTERM)
        code = screen.end(timeout=10)
        assert code in (143, -signal.SIGTERM, *((0,) if moment is while_quitting else ()))
        if b"\x1b[?1049h" in screen.written:
            left_as_it_was(screen)
        assert b"Traceback" not in screen.written
    assert program.run("cp", str(files / "big"), f"s3://{bucket}/").returncode == 0


if sys.platform != "linux":
    pytest.skip("looks into /proc", allow_module_level=True)
