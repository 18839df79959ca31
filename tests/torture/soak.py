"""Network chaos: trees go up and come back for as long as asked, over a line on which everything goes wrong."""

from __future__ import annotations

import os
import random
import shutil
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from engine import OperationId, TransferSnapshot, TransferState
from engine.state.reading import read_state
from tests.engine.queue.real import Engine, running
from tests.servers.faults import (
    FlipBit,
    Latency,
    NoReply,
    RequestHead,
    Reset,
    Rule,
    Stall,
    Truncate,
    s3_error,
)
from tests.servers.proxy import FaultProxy
from tests.servers.seaweed import Seaweed
from tests.torture.world import MIB, PART_SIZE, Content, is_part_file

SIDE_BY_SIDE = 6
"""Trees under way at a time: while one waits for a stalled part, the others move."""
RATES = {
    "latency": 0.20,
    "reset": 0.10,
    "stall": 0.03,
    "truncate": 0.05,
    "busy": 0.05,
    "flip": 0.02,
    "lost": 0.02,
}
"""Of the requests, each by itself."""
OUTAGE_EVERY, OUTAGE = 60.0, 9.0
"""Seconds from one total outage to the next, and how long it takes."""
_AFTER = 240.0
"""Seconds within which what is under way at the end must be done: the line is good by then."""
_LOOK = 0.25


@dataclass(slots=True)
class SoakResult:
    """How it went. Bytes and seconds."""

    seed: int
    seconds: float = 0.0
    trees: int = 0
    files: int = 0
    moved: int = 0
    again: int = 0
    faults: dict[str, int] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    """What was not as it should be."""
    memory_growth: int = 0
    """Resident bytes, from the end of the first tree to the end of the last."""


@dataclass(slots=True)
class _Tree:
    """One tree on its way: first up, then down, then compared."""

    number: int
    folder: Path
    files: dict[str, Content]
    operation: OperationId
    is_down: bool = False

    @property
    def total(self) -> int:
        return sum(content.size for content in self.files.values())


def chaos() -> dict[str, Rule]:
    """Bad weather for bodies of objects; listings and control requests are only slow, cut or refused.

    A flipped bit in XML is not tried: S3 has no checksum for it, and over TLS there are none.
    """

    def is_object(head: RequestHead) -> bool:
        return head.method in ("GET", "PUT") and "list-type" not in head.query and "uploads" not in head.query

    def up(head: RequestHead) -> bool:
        return is_object(head) and head.method == "PUT"

    def down(head: RequestHead) -> bool:
        return is_object(head) and head.method == "GET"

    def at(rng: random.Random) -> int:
        return rng.randrange(rng.choice((1000, PART_SIZE)))

    half = {name: rate / 2 for name, rate in RATES.items()}
    return {
        "latency": Rule(lambda rng: Latency(rng.uniform(0.05, 0.8)), chance=RATES["latency"]),
        "reset up": Rule(lambda rng: Reset(at(rng), "up"), when=up, chance=half["reset"]),
        "reset down": Rule(lambda rng: Reset(at(rng), "down"), when=down, chance=half["reset"]),
        "stall up": Rule(lambda rng: Stall(at(rng), "up"), when=up, chance=half["stall"]),
        "stall down": Rule(lambda rng: Stall(at(rng), "down"), when=down, chance=half["stall"]),
        "truncate": Rule(lambda rng: Truncate(at(rng)), when=down, chance=RATES["truncate"]),
        "busy": Rule(s3_error("SlowDown", 503), chance=RATES["busy"]),
        "flip up": Rule(lambda rng: FlipBit(at(rng), "up", rng.randrange(8)), when=up, chance=half["flip"]),
        "flip down": Rule(
            lambda rng: FlipBit(at(rng), "down", rng.randrange(8)), when=down, chance=half["flip"]
        ),
        "lost answer": Rule(NoReply(), method="POST", chance=RATES["lost"]),
        "lost part": Rule(NoReply(), when=up, chance=RATES["lost"]),
    }


class _Soak:
    """One run, by one thread; the outages have another, which touches the proxy alone."""

    def __init__(
        self, engine: Engine, proxy: FaultProxy, seaweed: Seaweed, bucket: str, folder: Path, seed: int
    ) -> None:
        self.engine, self.proxy, self.seaweed = engine, proxy, seaweed
        self.bucket, self.folder = bucket, folder
        self.rng = random.Random(seed)
        self.result = SoakResult(seed)
        self._trees: list[_Tree] = []
        self._memory = 0

    def run(self, seconds: float) -> None:
        began = time.monotonic()
        ended = threading.Event()
        outages = threading.Thread(target=self._outages, args=(ended,), daemon=True)
        outages.start()
        rules = chaos()
        self.proxy.add(*rules.values())
        until = began + seconds
        while time.monotonic() < until:
            while len(self._trees) < SIDE_BY_SIDE:
                self._trees.append(self._begin(self.result.trees + len(self._trees)))
            self._turn()
        ended.set()
        outages.join()
        self.proxy.remove_all()
        until = time.monotonic() + _AFTER
        while self._trees and time.monotonic() < until:
            self._turn()
        self.result.wrong += [f"tree {tree.number} is not done: {self._rows(tree)}" for tree in self._trees]
        self.result.seconds = time.monotonic() - began
        self.result.faults = {name: rule.fired for name, rule in rules.items()}

    def _outages(self, ended: threading.Event) -> None:
        while not ended.wait(OUTAGE_EVERY - OUTAGE):
            self.proxy.go_down()
            ended.wait(OUTAGE)
            self.proxy.come_back()

    def _begin(self, number: int) -> _Tree:
        folder = self.folder / f"tree{number}"
        files: dict[str, Content] = {}
        for count, size in enumerate(self._sizes()):
            name = f"d{count % 3}/f{count}"
            files[name] = Content(self.rng.randrange(8 * MIB), size)
            path = folder / "up" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(files[name].data)
        self.result.files += len(files)
        operation = self.engine.copy(
            f"{folder}/up/", f"s3://{self.bucket}/tree{number}/", part_size=PART_SIZE
        )
        return _Tree(number, folder, files, operation)

    def _sizes(self) -> list[int]:
        small = [self.rng.choice((0, 1, 4_000, 60_000, 900_000)) for _ in range(20)]
        return small + [self.rng.randrange(PART_SIZE, 3 * PART_SIZE) for _ in range(2)]

    def _turn(self) -> None:
        """Look after what is under way, and wait for news."""
        self.engine.events.clear()
        self.engine.manager.drain_events(10_000)
        for tree in list(self._trees):
            progress = self.engine.manager.operation(tree.operation)
            assert progress is not None
            failed = [row.problem for row in self._rows(tree) if row.state is TransferState.FAILED]
            if progress.problem is not None or failed:
                # A person would press "retry", and so does this one; what fails for good never ends.
                self._retry(tree, progress.problem is not None)
            elif not progress.planning and not progress.unfinished:
                self._advance(tree)
        self.engine.manager.wait(_LOOK)

    def _retry(self, tree: _Tree, is_refused: bool) -> None:
        self.result.faults["retried by hand"] = self.result.faults.get("retried by hand", 0) + 1
        if is_refused:
            tree.operation = self._ask(tree)
        self.engine.manager.retry_failed()

    def _ask(self, tree: _Tree) -> OperationId:
        """Up, or down once it is up."""
        there = f"s3://{self.bucket}/tree{tree.number}/"
        places = (there, f"{tree.folder}/down/") if tree.is_down else (f"{tree.folder}/up/", there)
        return self.engine.copy(*places, part_size=PART_SIZE)

    def _rows(self, tree: _Tree) -> list[TransferSnapshot]:
        return [row for row in self.engine.manager.rows_of(tree.operation) if not row.state.is_final]

    def _advance(self, tree: _Tree) -> None:
        if not tree.is_down:
            tree.is_down = True
            self.result.moved += tree.total
            shutil.rmtree(tree.folder / "up")
            tree.operation = self.engine.copy(
                f"s3://{self.bucket}/tree{tree.number}/", f"{tree.folder}/down/", part_size=PART_SIZE
            )
            return
        self.result.moved += tree.total
        self._compare(tree)
        self._trees.remove(tree)
        self.result.trees += 1
        shutil.rmtree(tree.folder)
        now = _resident()
        self._memory = self._memory or now
        self.result.memory_growth = now - self._memory
        if not self._trees:
            return
        seen = self.proxy.bytes_up + self.proxy.bytes_down
        self.result.again += seen
        self.proxy.forget()

    def _compare(self, tree: _Tree) -> None:
        down = tree.folder / "down"
        found = {str(path.relative_to(down)): path for path in down.rglob("*") if path.is_file()}
        if set(found) != set(tree.files):
            self.result.wrong.append(f"tree {tree.number}: {sorted(set(found) ^ set(tree.files))[:3]}")
        for name, path in found.items():
            if name in tree.files and path.read_bytes() != tree.files[name].data:
                self.result.wrong.append(f"tree {tree.number}: {name} differs")


def _resident() -> int:
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def run_soak(seaweed: Seaweed, bucket: str, folder: Path, *, seconds: float, seed: int) -> SoakResult:
    """Chaos for so long, then good weather until all is done; `SoakResult.wrong` is empty where promises are kept."""
    before = threading.active_count()
    state = folder / "state"
    with FaultProxy(seaweed.url, seed=seed) as proxy:
        with running(seaweed, state, url=proxy.url) as engine:
            soak = _Soak(engine, proxy, seaweed, bucket, folder, seed)
            soak.run(seconds)
        soak.result.again += proxy.bytes_up + proxy.bytes_down - soak.result.moved
    result = soak.result
    names = [thread.name for thread in threading.enumerate()]
    if len(names) > before:
        result.wrong.append(f"threads are left: {names}")
    loaded = read_state(str(state)).loaded
    if loaded.items or loaded.owed:
        result.wrong.append(f"left in the queue: {len(loaded.items)} items, {loaded.owed}")
    uploads = seaweed.client().list_multipart_uploads(Bucket=bucket).get("Uploads", [])
    if uploads:
        result.wrong.append(f"multipart uploads are left: {[upload['Key'] for upload in uploads]}")
    parts = [path.name for path in folder.rglob("*") if is_part_file(path)]
    if parts:
        result.wrong.append(f"part files are left: {parts}")
    return result
