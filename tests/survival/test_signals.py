"""Told to leave, it is gone within two seconds, whatever hangs, and the next one goes on."""

from __future__ import annotations

import signal
import subprocess
import time
from itertools import cycle
from pathlib import Path

import pytest

from tests.servers.seaweed import Seaweed
from tests.survival.scenes import SCENES, Scene, scene_of
from tests.survival.test_kill import sha256

CODES = {signal.SIGTERM: 143, signal.SIGHUP: 129, signal.SIGINT: 130}
MOST_SECONDS = 5.0
"""The promise is 2; the rest is for a machine that has other things to do."""


def runs(process: subprocess.Popen[str]) -> None:
    """It has not ended."""
    assert process.poll() is None, process.communicate()


def seconds_to_leave(process: subprocess.Popen[str], *numbers: signal.Signals) -> float:
    """From the first of the signals to the end."""
    began = time.monotonic()
    for number in numbers:
        process.send_signal(number)
    process.wait(30)
    return time.monotonic() - began


def goes_on(scene: Scene, tmp_path: Path, seaweed: Seaweed) -> None:
    """What was left is finished by the next process, with every byte in its place."""
    scene.program.module = "tui"
    if scene.is_planned:
        assert [item["state"] for item in scene.program.status()] == ["queued"]
    else:
        assert len(scene.program.to_plan()) == 1
    scene.heal()
    done = scene.program.run("run", "--rate-limit", "500M")
    assert (done.returncode, done.stderr) == (0, "")
    assert not scene.program.status()
    assert not scene.program.to_plan()
    seaweed.client().download_file(scene.bucket, "big", str(tmp_path / "back"))
    assert sha256(tmp_path / "back") == scene.wanted
    assert "Uploads" not in seaweed.client().list_multipart_uploads(Bucket=scene.bucket)


@pytest.mark.fault(39)
@pytest.mark.parametrize(("name", "number"), list(zip(SCENES, cycle(CODES), strict=False)))
def test_a_copy_that_is_told_to_leave_is_gone_in_time_and_goes_on_later(
    seaweed: Seaweed, bucket: str, tmp_path: Path, name: str, number: signal.Signals
) -> None:
    with scene_of(name, seaweed, bucket, tmp_path) as scene:
        process = scene.program.start("cp", *scene.words, scene.source, scene.target)
        try:
            scene.wait(lambda: runs(process))
            took = seconds_to_leave(process, number)
        finally:
            process.kill()
            process.communicate()
        print(f"{name}: gone after {took:.2f} s")
        assert process.returncode == CODES[number]
        assert took < MOST_SECONDS
        goes_on(scene, tmp_path, seaweed)
