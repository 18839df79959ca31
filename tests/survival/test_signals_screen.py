"""The screen is told to leave, or its terminal goes away: everything is given back, in time."""

from __future__ import annotations

import signal
import time
from itertools import cycle
from pathlib import Path

import pytest

from tests.servers.seaweed import Seaweed
from tests.survival.scenes import scene_of
from tests.survival.test_signals import CODES, MOST_SECONDS, goes_on
from tests.tui.terminal import Session, on_a_terminal

RESTORED = {
    "the alternate screen": (b"\x1b[?1049h", b"\x1b[?1049l"),
    "the cursor": (b"\x1b[?25l", b"\x1b[?25h"),
    "the mouse": (b"\x1b[?1003h", b"\x1b[?1003l"),
    "bracketed paste": (b"\x1b[?2004h", b"\x1b[?2004l"),
    "line wrap": (b"\x1b[?7l", b"\x1b[?7h"),
}
"""What a program switches and how it is given back."""
ON_THE_SCREEN = (
    "sockets hang",
    "a listing hangs",
    "a file hangs",
    "a rate limit",
    "a write hangs",
)


NOTHING_THERE = " 0 items ─╯"
"""Below a pane that has been read to its end."""


def left_as_it_was(screen: Session) -> None:
    """Each mode that was set is unset at the end."""
    for name, (on, off) in RESTORED.items():
        assert screen.written.rfind(off) > screen.written.rfind(on), f"{name} was not given back"


def seconds_to_leave(screen: Session, *numbers: signal.Signals) -> float:
    began = time.monotonic()
    for number in numbers:
        screen.send(number)
    screen.end()
    return time.monotonic() - began


def begin_copy(screen: Session) -> None:
    """All of the left pane to the right one, once both are read: a copy without a conflict asks nothing then."""
    screen.until("big")
    screen.until(NOTHING_THERE)
    screen.press("ac")


@pytest.mark.fault(39)
@pytest.mark.parametrize(("name", "number"), list(zip(ON_THE_SCREEN, cycle(CODES), strict=False)))
def test_the_screen_gives_the_terminal_back_in_time_and_what_was_left_goes_on_later(
    seaweed: Seaweed, bucket: str, tmp_path: Path, name: str, number: signal.Signals
) -> None:
    with scene_of(name, seaweed, bucket, tmp_path) as scene:
        words = (*scene.words, ".", scene.target)
        with on_a_terminal(words, scene.program.env, scene.files, module=scene.program.module) as screen:
            if name != "a listing hangs":
                begin_copy(screen)
            scene.wait(screen.look)
            took = seconds_to_leave(screen, number)
            print(f"{name}: gone after {took:.2f} s")
            assert screen.reap() == CODES[number]
            assert took < MOST_SECONDS
            left_as_it_was(screen)
        if name == "a listing hangs":
            scene.heal()
        else:
            goes_on(scene, tmp_path, seaweed)
