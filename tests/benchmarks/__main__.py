"""``make bench``: whole processes on a server of their own, measured from outside.

python -m tests.benchmarks [--quick] [--large] [--no-screen]

Programs take turns (A B C A B C …); what was moved is compared. Medians with minimum and maximum, CPU, peak memory,
ratios, and whether each bar is met are written to RESULTS.md. The peers are installed into an environment of
their own, the first time. About 15 minutes on two cores that nobody else uses.
"""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
import time
from pathlib import Path

from tests.benchmarks import checkpoints, load, million, moving, screen
from tests.benchmarks.measuring import PEERS, Bar, Bench, bench, install_peers, versions

RESULTS = Path(__file__).with_name("RESULTS.md")


def run(bench: Bench, *, quick: bool, large: bool, with_screen: bool) -> str:
    """All of it, as Markdown."""
    moved, bars = moving.big(bench, quick=quick)
    for part in (moving.small, moving.listing):
        rows, found = part(bench, quick=quick)
        moved, bars = moved + rows, bars + found
    most, found = moving.memory(bench, quick=quick, large=large)
    bars += found
    shown: list[str] = []
    if with_screen:
        steps = (screen.starts, screen.queues, screen.terminal_bytes, load.keys, load.cost_of_the_screen)
        for step in steps:
            rows, found = step(bench, quick=quick)
            shown, bars = shown + rows, bars + found
    rows, found = million.listing(quick=quick)
    shown, bars = shown + rows, bars + found
    bars.append(checkpointing(quick=quick))
    return text_of(moved, most, shown, bars)


def checkpointing(*, quick: bool) -> Bar:
    """Its share of the processor time that sending 8 MiB takes (15 ms at the very least)."""
    with tempfile.TemporaryDirectory(prefix="s3tui-bench-") as folder:
        cost = checkpoints.measure(Path(folder) / "state", 1000, 100 if quick else 2000)
    return Bar("checkpointing of a large transfer, share of CPU", cost.confirm / 0.015 * 100, 1, "%")


def text_of(moved: list[str], most: list[str], shown: list[str], bars: list[Bar]) -> str:
    """The page."""
    passed = sum(bar.is_passed for bar in bars)
    return "\n".join(
        [
            "# Benchmarks",
            "",
            f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()} {platform.release()}, Python "
            f"{platform.python_version()}; {versions()}; SeaweedFS on loopback. Whole processes, start-up included. "
            "s3tui syncs what it downloads to the disk, the others do not.",
            "",
            f"## Bars: {passed} of {len(bars)} met",
            "",
            "| what | measured | bar | |",
            "| --- | --- | --- | --- |",
            *[bar.line() for bar in bars],
            "",
            "## Moving and listing",
            "",
            "Medians; ratios are s3tui over the program in the row.",
            "",
            "| work | program | wall s (min–max) | CPU s | peak MiB | wall ratio | CPU ratio |",
            "| --- | --- | --- | --- | --- | --- | --- |",
            *moved,
            "",
            "| size | peak MiB of `cp` up | down |",
            "| --- | --- | --- |",
            *most,
            "",
            "## The screen",
            "",
            "| what | measured | |",
            "| --- | --- | --- |",
            *shown,
            "",
        ]
    )


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks")
    parser.add_argument("--quick", action="store_true", help="only see that it works; nothing is written")
    parser.add_argument("--large", action="store_true", help="also 8 GiB")
    parser.add_argument("--no-screen", action="store_true", help="nothing that needs a terminal")
    args = parser.parse_args()
    if not args.quick and not PEERS.exists():
        install_peers()
    began = time.monotonic()
    with bench() as running:
        text = run(running, quick=args.quick, large=args.large, with_screen=not args.no_screen)
    print(text)
    print(f"{time.monotonic() - began:.0f} s")
    if not args.quick:
        RESULTS.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
