"""Power cuts: queue and files on a file system in an image, which is copied in mid-run and gone on with.

What the program wrote and did not sync is not in the copy. Needs root, loop devices and a mount namespace of its own.

    unshare -m python -m tests.torture.power URL KIND SEED FOLDER
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import uuid
from dataclasses import asdict
from pathlib import Path

from tests.servers.proxy import FaultProxy
from tests.servers.seaweed import ACCESS_KEY, SECRET_KEY, Seaweed
from tests.survival.program import Program
from tests.torture.kills import Killed, Round, empty, outcome
from tests.torture.world import make_world
from tui.seaweed import s3_client

IMAGE_MIB = 160
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_OPTIONS = "commit=300"
"""ext4 by itself syncs what it knows only every five minutes: what is not synced by the program is lost."""


def is_possible() -> str:
    """Empty, or why there can be no power cuts here."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "needs root on Linux"
    missing = [
        name
        for name in ("unshare", "mount", "losetup", "mkfs.ext4")
        if shutil.which(name, path=_PATH) is None
    ]
    if missing:
        return f"needs {', '.join(missing)}"
    probe = subprocess.run(["unshare", "-m", "true"], capture_output=True, env={"PATH": _PATH})
    if probe.returncode:
        return "needs mount namespaces"
    return "" if Path("/dev/loop-control").exists() else "needs loop devices"


_PATH = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"))


class Disk:
    """A file system whose power can be cut. Owned by the one thread of its process."""

    def __init__(self, folder: Path) -> None:
        self.mount = folder / "disk"
        self._folder = folder
        self._number = 0
        self.mount.mkdir()
        with open(self._image, "wb") as file:
            file.truncate(IMAGE_MIB << 20)
        _run("mkfs.ext4", "-q", "-F", str(self._image))
        _run("mount", "-o", f"loop,{_OPTIONS}", str(self._image), str(self.mount))

    @property
    def _image(self) -> Path:
        return self._folder / f"disk{self._number}.img"

    def freeze(self) -> None:
        """Keep a copy of what would be there if the power went now."""
        _run("cp", "--sparse=always", str(self._image), str(self._folder / f"disk{self._number + 1}.img"))

    def back_on(self) -> None:
        """What was kept is the disk from now on, under another device number, as may be after a start."""
        before = self._image
        self._number += 1
        device = _run("losetup", "--find", "--show", str(self._image))
        _run("umount", str(self.mount))
        before.unlink()
        _run("mount", "-o", _OPTIONS, device, str(self.mount))
        _run("losetup", "--detach", device)  # As soon as it is unmounted.
        boot = self._folder / "boot_id"
        boot.write_text(f"{uuid.uuid4()}\n")
        if self._number > 1:
            _run("umount", str(_BOOT_ID))
        _run("mount", "--bind", str(boot), str(_BOOT_ID))

    def close(self) -> None:
        _run("umount", str(self.mount))
        self._image.unlink()


def _run(*words: str) -> str:
    ran = subprocess.run(words, check=True, capture_output=True, text=True, env={"PATH": _PATH})
    return ran.stdout.strip()


class PowerCut(Round):
    """A round in which the machine dies, and not the program alone."""

    disk: Disk

    def end(self, process: subprocess.Popen[str]) -> None:
        process.send_signal(signal.SIGSTOP)
        self.disk.freeze()
        process.kill()
        process.wait()
        self.disk.back_on()


def one_cut(url: str, kind: str, seed: int, folder: Path) -> Killed:
    """One round, in this process's mount namespace."""
    rng = random.Random(f"power/{kind}/{seed}")
    client = s3_client(url, ACCESS_KEY, SECRET_KEY)
    seaweed, bucket = Seaweed(url, client), f"power-{kind}-{seed}"
    client.create_bucket(Bucket=bucket)
    disk = Disk(folder)
    try:
        world = make_world(disk.mount, seaweed, bucket, rng)
        with FaultProxy(url) as proxy:
            program = Program(seaweed, disk.mount / "home", proxy.url)
            os.sync()
            one = PowerCut(kind, seed, world, program, proxy, rng, synced=True)
            one.disk = disk
            ended = outcome(one)
        if not ended.failure:
            empty(seaweed, bucket)
    finally:
        disk.close()
        client.close()
    return ended


def in_a_namespace(url: str, kind: str, seed: int, folder: str) -> Killed:
    """One round in a process that has mounts of its own, which end with it."""
    place = Path(folder) / f"power-{kind}-{seed}"
    place.mkdir()
    words = ["unshare", "-m", "--propagation", "private", sys.executable, "-m", "tests.torture.power"]
    ran = subprocess.run(
        [*words, url, kind, str(seed), str(place)],
        capture_output=True,
        text=True,
        env={**os.environ, "PATH": _PATH},
    )
    shutil.rmtree(place, ignore_errors=True)
    if ran.returncode:
        return Killed(f"power/{kind}", seed, failure=ran.stderr[-2000:])
    return Killed(**json.loads(ran.stdout))


if __name__ == "__main__":
    _, its_url, its_kind, its_seed, its_folder = sys.argv
    print(json.dumps(asdict(one_cut(its_url, its_kind, int(its_seed), Path(its_folder)))))
