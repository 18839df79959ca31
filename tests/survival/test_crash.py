"""A fault of ours in the screen costs nothing but the screen."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.servers.faults import Rule, Stall
from tests.servers.proxy import FaultProxy
from tests.servers.seaweed import SECRET_KEY, Seaweed
from tests.survival.crashing import CANARY
from tests.survival.program import MIB, Program
from tests.survival.test_kill import big_file, sha256
from tests.survival.test_signals_screen import begin_copy, left_as_it_was
from tests.tui.terminal import Session, on_a_terminal

SIZE = 24 * MIB


class Crash:
    """A program that is going to fail, with one upload under way."""

    def __init__(self, seaweed: Seaweed, bucket: str, folder: Path, proxy: FaultProxy, kind: str) -> None:
        self.seaweed, self.bucket, self.folder, self.proxy = seaweed, bucket, folder, proxy
        self.files = folder / "files"
        self.files.mkdir()
        self.wanted = big_file(self.files / "big", SIZE)
        self.program = Program(seaweed, folder / "home", proxy.url)
        self.when = folder / "when"
        # The last part hangs, so that there is something left whenever it crashes.
        proxy.add(Rule(Stall(at=MIB, direction="up"), query={"partNumber": "3"}, nth=1))
        self.env = {**self.program.env, "CRASH": kind, "CRASH_WHEN": str(self.when)}

    def run(self, *, at_start: bool = False, press: str = "") -> Session:
        """Run it to its end."""
        if at_start:
            self.when.touch()
        words = (".", f"s3://{self.bucket}/")
        with on_a_terminal(words, self.env, self.files, module="tests.survival.crashing") as screen:
            if not at_start:
                begin_copy(screen)
                while not any(one.part_number and one.status == 200 for one in self.proxy.requests()):
                    screen.look()
                self.when.touch()
                screen.press(press)
            screen.end(timeout=20)
        return screen

    def goes_on(self) -> None:
        """The next one finishes what is left, without sending again what was confirmed."""
        [item] = self.program.status()
        assert item["state"] == "queued"
        assert 0 < item["bytes_done"] < SIZE
        done = self.program.run("run")
        assert (done.returncode, done.stderr) == (0, "")
        assert len(self.proxy.requests(method="POST", query="uploads")) == 1
        self.seaweed.client().download_file(self.bucket, "big", str(self.folder / "back"))
        assert sha256(self.folder / "back") == self.wanted


@pytest.mark.fault(39)
@pytest.mark.parametrize(("kind", "press"), [("render", "j"), ("timer", ""), ("handler", "?")])
def test_a_crash_of_the_screen_gives_the_terminal_back_tells_no_secret_and_loses_nothing(
    seaweed: Seaweed, bucket: str, tmp_path: Path, kind: str, press: str
) -> None:
    with FaultProxy(seaweed.url) as proxy:
        crash = Crash(seaweed, bucket, tmp_path, proxy, kind)
        screen = crash.run(press=press)
        assert screen.reap() == 1
        left_as_it_was(screen)
        says_where_the_log_is(screen, crash.program)
        crash.goes_on()


def test_a_crash_before_anything_is_shown_gives_the_terminal_back_and_tells_no_secret(
    seaweed: Seaweed, bucket: str, tmp_path: Path
) -> None:
    with FaultProxy(seaweed.url) as proxy:
        crash = Crash(seaweed, bucket, tmp_path, proxy, "compose")
        screen = crash.run(at_start=True)
    assert screen.reap() == 1
    left_as_it_was(screen)
    says_where_the_log_is(screen, crash.program)


def says_where_the_log_is(screen: Session, program: Program) -> None:
    """And what is in it, and on the terminal, is no secret."""
    path = program.state_dir / "s3tui.log"
    text = path.read_text()
    assert str(path).encode() in screen.written
    assert "RuntimeError" in text
    assert "Traceback" in text
    assert b"Traceback" not in screen.written
    for secret in (CANARY, SECRET_KEY):
        assert secret.encode() not in screen.written
        assert secret not in text
    assert b"\x1b]0;broken" not in screen.written


@pytest.mark.fault(38)
def test_what_dies_in_the_middle_of_a_native_call_goes_on_at_the_next_start(
    seaweed: Seaweed, bucket: str, tmp_path: Path
) -> None:
    with FaultProxy(seaweed.url) as proxy:
        crash = Crash(seaweed, bucket, tmp_path, proxy, "abort")
        assert crash.run().reap() == -signal.SIGABRT
        crash.goes_on()
