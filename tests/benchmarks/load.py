"""The screen while bytes move as fast as they can: how soon it answers a key, and what it costs them."""

from __future__ import annotations

import statistics
import time
from pathlib import Path

from tests.benchmarks.measuring import MIB, Bar, Bench, measure, random_file
from tests.benchmarks.screen import app, save_queue
from tests.tui.terminal import Session

_GIVEN_UP = 2.0
"""Seconds after which a key counts as not answered."""
_DOWN, _END, _HOME = "\x1b[B", "\x1b[F", "\x1b[H"


def keys(bench: Bench, *, quick: bool) -> tuple[list[str], list[Bar]]:
    """From a key to a pane that has changed, while files are sent at full speed."""
    items, rows, presses = (50, 500, 20) if quick else (10_000, 100_000, 200)
    folder, many = bench.folder / "sent", bench.folder / "rows"
    for place, names, size in ((folder, items, 8192), (many, rows, 1)):
        place.mkdir()
        for number in range(names):
            (place / f"f{number:06}").write_bytes(b"x" * size)
    state = bench.folder / "busy"
    save_queue(bench, state, [str(folder / f"f{number:06}") for number in range(items)])
    waits = []
    with app(bench, state, str(many)) as session:
        session.until("f00000")
        for number in range(presses):
            key = _DOWN if number % 20 < 18 else _END if number % 20 == 18 else _HOME
            before, began = _left_pane(session), time.monotonic()
            session.press(key)
            while _left_pane(session) == before and time.monotonic() - began < _GIVEN_UP:
                session.watch(0.001)
            waits.append((time.monotonic() - began) * 1000)
            session.watch(0.02)
    waits.sort()
    half, late = waits[len(waits) // 2], waits[int(len(waits) * 0.99) - 1]
    what = f"{rows:,} rows, {items:,} items"
    bars = [Bar("key to change under load, p50", half, 20, "ms")]
    bars.append(Bar("key to change under load, p99", late, 80, "ms"))
    return [f"| key to change ({what}) | p50 {half:.0f} ms, p99 {late:.0f} ms | {presses} keys |"], bars


def cost_of_the_screen(bench: Bench, *, quick: bool) -> tuple[list[str], list[Bar]]:
    """How long the same bytes take with ``cp`` and on the screen, each without its start."""
    size = (32 if quick else 1024) * MIB
    file, tiny = random_file(bench.folder / "cost.bin", size), random_file(bench.folder / "tiny.bin", 1)
    with_cp, with_app = [], []
    for number in range(1 if quick else 5):
        walls = [
            measure(bench.copying(source, f"s3://bench/{bench.place()}.bin")["s3tui"], bench.env).wall
            for source in (file, tiny)
        ]
        with_cp.append(walls[0] - walls[1])
        with_app.append(_moved_by_the_app(bench, bench.folder / f"cost{number}", file))
    cp, screen = statistics.median(with_cp), statistics.median(with_app)
    line = f"| upload {size // MIB} MiB | `cp` {cp:.2f} s, the app {screen:.2f} s | start of both left out |"
    return [line], [Bar("time of the app against cp", screen / cp, 1 / 0.9)]


def _moved_by_the_app(bench: Bench, state: Path, file: str) -> float:
    """Seconds from the first sign of work to the end."""
    save_queue(bench, state, [file])
    with app(bench, state) as session:
        session.until("running 1")
        began = time.monotonic()
        session.until("done 1")
        return time.monotonic() - began


def _left_pane(session: Session) -> list[object]:
    """As it is drawn, colours and all."""
    session.look()
    buffer = session.screen.buffer
    return [buffer[row][column] for row in range(1, 14) for column in range(0, 40, 3)]
