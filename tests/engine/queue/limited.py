"""A process of its own that moves things under a tight limit, and tells what became of them.

Run as ``python -m tests.engine.queue.limited``, with what to do as JSON on standard input. It prints
one JSON object: the states of the items by source, the reasons that were shown while they waited, and the log.
"""

from __future__ import annotations

import json
import logging
import os
import resource
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from engine import TransferState
from tests.engine.queue.real import MIB, Engine, running_at

ROOT = Path(__file__).parents[3]
STACK = 256 * MIB
"""Address space of each thread: so large that a limit to the whole is one to the number of threads."""


@dataclass
class Orders:
    """What the process is to do."""

    url: str
    state: str
    copies: list[tuple[list[str], str]]
    """Sources and target of each request."""
    files: int = 0
    """Open files at most; 0 for no limit."""
    threads: int = -1
    """Threads at most beside those that the queue needs to begin; -1 for no limit."""
    file_size: int = 0
    """Bytes of any file at most."""
    config: dict[str, int] = field(default_factory=dict)


@dataclass
class Told:
    """What became of it."""

    states: dict[str, str] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)
    waited: list[str] = field(default_factory=list)
    """Reasons that rows gave."""
    log: list[str] = field(default_factory=list)
    is_settled: bool = False


def told_of(orders: Orders, timeout: float = 60.0) -> Told:
    """Run the process."""
    run = subprocess.run(
        [sys.executable, "-m", "tests.engine.queue.limited"],
        input=json.dumps(asdict(orders)),
        capture_output=True,
        text=True,
        timeout=timeout,
        env={**os.environ, "MALLOC_ARENA_MAX": "1"},  # Else each thread sets aside more than its stack.
        cwd=ROOT,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return Told(**json.loads(run.stdout))


class Keeping(logging.Handler):
    """Keeps what is logged."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__(logging.INFO)
        self.lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        self.lines.append(
            f"{record.getMessage()} {error!r} {traceback.format_tb(error.__traceback__)[-2:]}"
            if error
            else record.getMessage()
        )


def limit(what: int, soft: int) -> None:
    """The hard limit stays."""
    resource.setrlimit(what, (soft, resource.getrlimit(what)[1]))


def address_space() -> int:
    """Bytes, as it counts for the limit."""
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


def obey(orders: Orders) -> Told:
    """In the process."""
    told = Told()
    logging.getLogger().addHandler(Keeping(told.log))
    threading.stack_size(STACK)
    with running_at(orders.url, Path(orders.state), **orders.config) as engine:
        if orders.threads >= 0:
            limit(resource.RLIMIT_AS, address_space() + orders.threads * STACK + STACK // 4 * 3)
        if orders.file_size:
            limit(resource.RLIMIT_FSIZE, orders.file_size)
        if orders.files:
            limit(resource.RLIMIT_NOFILE, orders.files)
        operations = [engine.copy(sources, target) for sources, target in orders.copies]
        engine.until(watching(engine, told), "the end")
        for operation in operations:
            progress = engine.manager.operation(operation)
            if progress is not None and progress.problem is not None:
                told.problems[str(operation)] = str(progress.problem)
        for row in engine.manager.snapshot(0, 100_000).rows:
            told.states[row.source] = row.state.value
            if row.problem is not None:
                told.problems[row.source] = str(row.problem)
        told.is_settled = engine.manager.is_settled
    return told


def watching(engine: Engine, told: Told) -> Callable[[], bool]:
    """Is it over? On the way, note what rows say."""

    def look() -> bool:
        for row in engine.manager.snapshot(0, 1000).rows:
            if row.state is TransferState.WAITING and row.waiting is not None:
                text = f"{row.waiting.reason}: {row.waiting.text}"
                if text not in told.waited:
                    told.waited.append(text)
        return engine.manager.is_settled

    return look


if __name__ == "__main__":
    json.dump(asdict(obey(Orders(**json.load(sys.stdin)))), sys.stdout)
