"""The same kills from outside: strace ends the real program at its Nth system call, with one worker.

    reason = why_not()
    results = run_straced(seaweed, folder, calls_of(seed=0, most=20))

What the seam of `seam.py` does not see, this does: calls that go past `FsOps`, and those inside libraries.
"""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.servers.seaweed import ROOT, Seaweed
from tests.torture.boundaries import Lane
from tests.torture.child import Order, Ran
from tests.torture.scenes import SCENES
from tests.torture.seam import Boundary

CALLS = {
    "write": 12,
    "pwrite64": 4,
    "fdatasync": 5,
    "fsync": 4,
    "ftruncate": 3,
    "rename,renameat,renameat2": 3,
    "unlink,unlinkat": 2,
    "sendto": 5,
    "mkdir,mkdirat": 2,
}
"""System calls that change something, and up to which one of a thread it is killed there."""
PATIENCE = 60.0
_PLAYED = ("small up and away", "small down and away")


@dataclass(frozen=True, slots=True)
class Straced:
    """One kill."""

    scene: str
    boundary: Boundary
    was_hit: bool
    wrong: list[str]


def why_not() -> str:
    """Why strace cannot be used here; empty if it can."""
    if sys.platform != "linux" or shutil.which("strace") is None:
        return "there is no strace"
    tried = subprocess.run(
        ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "inject=getpid:retval=1:when=1", "true"],
        capture_output=True,
        timeout=PATIENCE,
        check=False,
    )
    return "" if tried.returncode == 0 else "strace may not trace here: " + tried.stderr.decode().strip()


def calls_of(*, seed: int, most: int) -> list[tuple[str, Boundary]]:
    """Scenes, and where they are killed."""
    found = [
        (scene, Boundary("kill before", calls, nth))
        for scene in _PLAYED
        for calls, last in CALLS.items()
        for nth in range(1, last + 1)
    ]
    random.Random(seed).shuffle(found)
    return found[:most]


def run_straced(seaweed: Seaweed, folder: Path, kills: list[tuple[str, Boundary]]) -> list[Straced]:
    """Kill it there, go on, and look."""
    results = []
    scenes = {scene.name: scene for scene in SCENES}
    with Lane(seaweed, folder, _Interpreter()) as lane:
        for name, boundary in kills:
            ran, wrong = lane.play(scenes[name], boundary)
            results.append(Straced(name, boundary, ran.was_hit, wrong))
    return results


class _Interpreter:
    """Starts the program as a user does; traced where it is to be killed."""

    def run(self, order: Order) -> Ran:
        words = [sys.executable, "-m", "tui", *order.words, "--workers", "1"]
        if order.boundary is not None:
            _, calls, nth = order.boundary
            inject = f"inject={calls}:signal=SIGKILL:when={nth}"
            words = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={calls}", "-e", inject, *words]
        ended = subprocess.run(
            words,
            cwd=order.folder,
            env={**order.env, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        Path(order.folder, "out").write_text(ended.stdout, encoding="utf-8")
        return Ran(ended.returncode, ended.stdout, was_hit=ended.returncode == -9)
