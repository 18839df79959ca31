"""The screen itself in a terminal: used by keys, killed, started again."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.servers.proxy import FaultProxy
from tests.servers.seaweed import SECRET_KEY, Seaweed
from tests.survival.program import MIB, Program
from tests.survival.test_kill import big_file, sha256
from tests.survival.test_signals_screen import NOTHING_THERE
from tests.tui.terminal import on_a_terminal


@pytest.fixture
def files(tmp_path: Path) -> Path:
    folder = tmp_path / "files"
    folder.mkdir()
    return folder


def states(program: Program) -> dict[str, str]:
    return {Path(item["source"]).name: item["state"] for item in program.status()}


def test_after_kill_9_of_the_screen_paused_is_paused_and_what_was_running_goes_on_by_itself(
    seaweed: Seaweed, bucket: str, tmp_path: Path, files: Path
) -> None:
    wanted = {name: big_file(files / name, 48 * MIB) for name in ("a-paused", "b-running", "c-queued")}
    with FaultProxy(seaweed.url) as proxy:
        program = Program(seaweed, tmp_path / "home", proxy.url)
        words = ("--rate-limit", "12M", ".", f"s3://{bucket}/")
        with on_a_terminal(words, program.env, files) as screen:
            screen.until("c-queued")
            screen.until(NOTHING_THERE)  # The bucket's listing is whole: nothing has to be planned first.
            screen.press("ac")  # mark all, copy to the other pane
            screen.until("running 3")
            screen.press("w\r")  # to the queue; open what was asked for
            screen.until("▾▲ a-paused and 2 more")
            screen.press("j ")  # pause its first item
            screen.until("PAUSED")
            proxy.wait_until(lambda: any(e.part_number and e.status == 200 for e in proxy.requests()))
            os.kill(screen.pid, signal.SIGKILL)
        assert states(program) == {"a-paused": "paused", "b-running": "queued", "c-queued": "queued"}
        before = {e.query["uploadId"] for e in proxy.requests() if e.part_number}
        with on_a_terminal((".", f"s3://{bucket}/"), program.env, files) as screen:
            screen.until("2 transfers resumed (")
            screen.until("done 2")
            assert states(program)["a-paused"] == "paused"
            screen.press("w")
            screen.until("PAUSED")
            screen.press(" ")
            screen.until("done 3")
            screen.press("q")
            assert screen.end() == 0
            assert SECRET_KEY.encode() not in screen.written
        assert {e.query["uploadId"] for e in proxy.requests() if e.part_number} >= before
        begun = [e for e in proxy.requests() if e.method == "POST" and "uploads" in e.query]
        assert len(begun) == 3, "an upload was begun twice"
    for name, digest in wanted.items():
        seaweed.client().download_file(bucket, name, str(tmp_path / "back"))
        assert sha256(tmp_path / "back") == digest


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_checkpoints_restores_the_terminal_and_ends_the_screen(
    seaweed: Seaweed, bucket: str, tmp_path: Path, files: Path, number: signal.Signals, code: int
) -> None:
    big_file(files / "big", 32 * MIB)
    program = Program(seaweed, tmp_path / "home", seaweed.url)
    with on_a_terminal(("--rate-limit", "2M", ".", f"s3://{bucket}/"), program.env, files) as screen:
        screen.until("big")
        screen.until(NOTHING_THERE)
        screen.press("ac")
        screen.until("running 1")
        screen.send(number)
        assert screen.end(timeout=10) == code
        assert b"\x1b[?1049l" in screen.written, "the alternate screen was not left"
    assert states(program) == {"big": "queued"}


def test_the_first_start_without_anything_configured_says_what_was_looked_for(
    seaweed: Seaweed, tmp_path: Path, files: Path
) -> None:
    (files / "here.txt").write_text("x")
    program = Program(seaweed, tmp_path / "home", seaweed.url)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL"):
        del program.env[name]
    with on_a_terminal((), program.env, files) as screen:
        screen.until("here.txt")
        screen.until("AWS_")
        screen.press("q")
        assert screen.end() == 0


def test_names_with_escape_codes_reach_the_terminal_only_in_a_harmless_form(
    seaweed: Seaweed, bucket: str, tmp_path: Path, files: Path
) -> None:
    (files / "evil\x1b]52;c;ZXZpbA==\x07name").write_text("x")
    seaweed.client().put_object(Bucket=bucket, Key="key\x1b[2Jname", Body=b"x")
    program = Program(seaweed, tmp_path / "home", seaweed.url)
    with on_a_terminal((".", f"s3://{bucket}/"), program.env, files) as screen:
        screen.until("evil")
        screen.until("key")
        screen.until_gone("reading")
        screen.press("ac")
        screen.until("done 1")
        screen.press("q")
        screen.end()
        assert b"\x1b]52" not in screen.written
        assert b"key\x1b[2J" not in screen.written
