"""The screen in a real terminal: how soon it is there, what it sends, what it holds."""

from __future__ import annotations

import contextlib
import os
import pty
import re
import select
import signal
import statistics
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from engine.model import (
    NO_CHECKPOINT,
    ConflictPolicy,
    ConnectionId,
    Facts,
    ItemKind,
    LocalRef,
    ObjectRef,
    OperationId,
    TransferId,
    TransferOptions,
    TransferSpec,
    TransferState,
)
from engine.state.store import SavedItem, SavedOperation, Store
from tests.benchmarks.measuring import PEERS, Bar, Bench, random_file
from tests.tui.terminal import Session, on_a_terminal

_CONTROL = re.compile(
    rb"\x1b(?:\[[0-9;?<>=$]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|P[^\x1b]*\x1b\\|.)|[\x00-\x20]"
)
_WORD = 4
"""Characters that are a picture: no program begins with fewer."""
_LAST_DRAWN = b"Quit"
"""In the last line of our screen: with it queue and panes are there, whatever is still read from the server."""
_ROWS, _COLUMNS = 24, 80


def paint(command: Sequence[str], env: Mapping[str, str], text: bytes = b"") -> float:
    """Seconds from the start of a program to the first text on its screen, or to this one."""
    began = time.monotonic()
    pid, fd = pty.fork()
    if pid == 0:
        os.execvpe(command[0], list(command), dict(env))
    written, shown = b"", 0.0
    try:
        while time.monotonic() - began < 30:
            if not select.select([fd], [], [], 1.0)[0]:
                continue
            try:
                written += os.read(fd, 65536)
            except OSError:
                break
            screen = written.partition(b"\x1b[?1049h")[2]
            if text in screen and len(_CONTROL.sub(b"", screen)) >= _WORD:
                shown = time.monotonic() - began
                break
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(fd)
    if not shown:
        raise SystemExit(f"{command} showed nothing: {written[-500:]!r}")
    return shown


def starts(bench: Bench, *, quick: bool) -> tuple[list[str], list[Bar]]:
    """First paint, beside a bare Textual app and s3ranger; and when the queue is open behind it."""
    programs = {
        "s3tui": [sys.executable, "-m", "tui", str(bench.folder / "home")],
        "bare Textual": [sys.executable, "-m", "tests.benchmarks.bare"],
    }
    if (ranger := PEERS / "bin" / "s3ranger").exists():
        programs["s3ranger"] = [str(ranger)]
    found: dict[str, list[float]] = {name: [] for name in (*programs, "s3tui, queue open")}
    for _ in range(1 if quick else 7):
        for name, command in programs.items():
            found[name].append(paint(command, _env(bench, "start")))
        found["s3tui, queue open"].append(paint(programs["s3tui"], _env(bench, "start"), _LAST_DRAWN))
    medians = {name: statistics.median(times) for name, times in found.items()}
    table = [
        f"| first paint | {name} | {medians[name]:.2f} s ({min(times):.2f}–{max(times):.2f}) |"
        for name, times in found.items()
    ]
    bars = [Bar("first paint against a bare Textual app", medians["s3tui"] / medians["bare Textual"], 1.5)]
    if "s3ranger" in medians:
        bars.append(Bar("first paint against s3ranger", medians["s3tui"] / medians["s3ranger"], 0.5))
    return table, bars


def queues(bench: Bench, *, quick: bool) -> tuple[list[str], list[Bar]]:
    """A saved queue: how soon it is on the screen, and what the program holds then."""
    table, bars = [], []
    nothing = statistics.median(_shown_after(bench, 0, "queue") for _ in range(1 if quick else 5))
    for count, most in ((200, 130),) if quick else ((10_000, 130), (100_000, 300)):
        state = bench.folder / f"queue{count}"
        save_queue(
            bench, state, [f"/nowhere/of/usual/length/file-{n:06}.tar" for n in range(count)], held=True
        )
        times = [_shown_after(bench, count, f"{count:,}") for _ in range(1 if quick else 5)]
        with app(bench, state) as session:
            session.until(f"{count:,}")
            session.watch(1.0)
            memory = peak_memory(session.pid)
        later = max(0.0, statistics.median(times) - nothing)
        table.append(
            f"| saved queue of {count:,} | on screen {later:.2f} s later than an empty one | {memory:.0f} MiB |"
        )
        bars.append(Bar(f"peak memory of the app, {count:,} items", memory, most, "MiB"))
        if count <= 10_000:
            bars.append(Bar(f"a saved queue of {count:,} on screen", later, 0.3, "s"))
    return table, bars


def terminal_bytes(bench: Bench, *, quick: bool) -> tuple[list[str], list[Bar]]:
    """What is sent to the terminal while nothing happens, and while one transfer runs."""
    seconds = 2.0 if quick else 20.0
    with app(bench, bench.folder / "idle") as session:
        session.until("queue")
        session.watch(3.0)
        idle = _sent(session, seconds) / seconds * 60
    file = random_file(bench.folder / "slow.bin", 64 * 1024 * 1024)
    state = bench.folder / "one"
    save_queue(bench, state, [file])
    with app(bench, state, "--rate-limit", "1M") as session:
        session.until("RUN")
        session.watch(3.0)
        running = _sent(session, seconds) / seconds / 1024
    table = [f"| sent to an 80×24 terminal | idle {idle:.0f} B/min | one transfer {running:.2f} KiB/s |"]
    return table, [Bar("idle", idle, 0, "B/min"), Bar("one running transfer", running, 1.5, "KiB/s")]


# -- the program and its queue ---------------------------------------------------------------------


def save_queue(bench: Bench, state: Path, paths: Sequence[str], *, held: bool = False) -> None:
    """Uploads of these files, as an earlier run would have left them."""
    store = Store.open(str(state))
    connection = ConnectionId(f"default@{bench.url}")
    operation = OperationId(store.new_ids(1)[0])
    store.add(SavedOperation(operation, "upload", 1.0, None, True), [])
    options = TransferOptions(on_conflict=ConflictPolicy.OVERWRITE)
    ids = store.new_ids(len(paths))
    for first in range(0, len(paths), 1000):
        store.add(
            None,
            [
                SavedItem(
                    TransferId(id),
                    operation,
                    TransferSpec(
                        ItemKind.UPLOAD,
                        LocalRef(path),
                        ObjectRef("bench", f"screen/{state.name}/{os.path.basename(path)}"),
                        connection,
                        options,
                        size := os.path.getsize(path) if os.path.exists(path) else 8192,
                        Facts(size, 1_790_000_000.0),
                    ),
                    (first + number) << 20,
                    TransferState.QUEUED,
                    NO_CHECKPOINT,
                    added_at=1_790_000_000.0,
                )
                for number, (id, path) in enumerate(
                    zip(ids[first : first + 1000], paths[first : first + 1000], strict=True)
                )
            ],
        )
    if held:
        store.set_held(True)
    store.close()


def _env(bench: Bench, state: str) -> dict[str, str]:
    return bench.env | {"S3TUI_STATE_DIR": str(bench.folder / state), "TERM": "xterm-256color"}


def app(bench: Bench, state: Path, *words: str) -> contextlib.AbstractContextManager[Session]:
    """The program in a terminal of 80×24, with this folder of state."""
    env = _env(bench, state.name)
    return on_a_terminal(words, env, bench.folder / "home", columns=_COLUMNS, rows=_ROWS)


def _shown_after(bench: Bench, count: int, text: str) -> float:
    began = time.monotonic()
    with app(bench, bench.folder / (f"queue{count}" if count else "none")) as session:
        session.until(text)
        return time.monotonic() - began


def _sent(session: Session, seconds: float) -> int:
    before = len(session.written)
    session.watch(seconds)
    return len(session.written) - before


def peak_memory(pid: int) -> float:
    """MiB, the most so far."""
    for line in _status(pid):
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0


def _status(pid: int) -> Iterator[str]:
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        yield from file
