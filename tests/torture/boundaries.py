"""The program is killed, or refused what it asks for, at each of its operations in turn; then it goes on.

    result = run_boundaries(seaweed, folder, wanted=lambda scene, boundary: is_storage(boundary.operation))
    assert not result.failures

First each scene runs undisturbed, which tells its operations. Of the pieces of a long body some are taken.
"""

from __future__ import annotations

import random
import shutil
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from engine.state.reading import ReadState, read_state
from tests.servers.proxy import FaultProxy
from tests.servers.seaweed import Seaweed
from tests.torture.child import HUNG, Order, Ran, Zygote
from tests.torture.scenes import PART, SCENES, WORKERS, Local, Remote, Scene, Side, Stage
from tests.torture.seam import HALF, KILLS, Boundary, ways

Wanted = Callable[[Scene, Boundary], bool]

HOW_MANY = ("--workers", str(WORKERS))
BAD_NEWS = ("internal error", "closing a group", "keeping house", "planning operation", "s3tui- ended")
"""What the program writes into its log where it was taken by surprise."""
SLACK = 64 * 1024
"""Bytes of requests and answers that carry no content."""
RUNS_PER_BUCKET = 25
"""Then it goes, with its data."""
FIRST, EVERY = 12, 25
"""Of operations of one name the first few are taken, and of the rest every so many, and the last."""


@dataclass(slots=True)
class BoundaryResult:
    """What came of it. Written by the lanes, under the lock of `_Work`."""

    seed: int
    found: int = 0
    """Boundaries that are wanted; more than `runs` where only some were taken."""
    runs: int = 0
    passed_by: int = 0
    """Runs that ended before their boundary, which other timing had brought about."""
    kinds: Counter[str] = field(default_factory=Counter)
    """Runs by what went wrong."""
    operations: Counter[str] = field(default_factory=Counter)
    """Operations of the undisturbed scenes."""
    failures: list[str] = field(default_factory=list)
    seconds: float = 0.0


def run_boundaries(
    seaweed: Seaweed,
    folder: Path,
    *,
    scenes: Sequence[Scene] = SCENES,
    wanted: Wanted = lambda scene, boundary: True,
    seed: int = 0,
    most: int | None = None,
    lanes: int = 2,
    tell: Callable[[str], None] = lambda text: None,
) -> BoundaryResult:
    """Disturb each scene at each boundary that is wanted.

    Args:
        wanted: False for what is left out.
        seed: Of the order, and of which are taken if they are more than `most`.
        tell: Told each failure, and how far it is.
    """
    began = time.monotonic()
    result = BoundaryResult(seed)
    with ExitStack() as stack:
        open_lanes = [stack.enter_context(Lane(seaweed, folder / f"lane{number}")) for number in range(lanes)]
        found: list[tuple[Scene, Boundary]] = []
        for scene in scenes:
            counts = open_lanes[0].record(scene)
            result.operations += counts
            found += [(scene, boundary) for boundary in boundaries(counts) if wanted(scene, boundary)]
        result.found = len(found)
        random.Random(seed).shuffle(found)
        work = _Work(deque(found[:most]), result, tell)
        threads = [threading.Thread(target=lane.work, args=(work,), daemon=True) for lane in open_lanes]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    result.seconds = time.monotonic() - began
    return result


def boundaries(counts: Counter[str]) -> Iterator[Boundary]:
    """All that can go wrong where these operations are done."""
    for operation, count in sorted(counts.items()):
        for nth in range(1, count + 1):
            if nth <= FIRST or nth == count or nth % EVERY == 0:
                for how in ways(operation):
                    yield Boundary(how, operation, nth)


class _Work:
    """What is left to do, and the result. `lock` guards both."""

    def __init__(
        self, left: deque[tuple[Scene, Boundary]], result: BoundaryResult, tell: Callable[[str], None]
    ) -> None:
        self.lock = threading.Lock()
        self._left, self._result, self._tell = left, result, tell

    def take(self) -> tuple[Scene, Boundary] | None:
        """The next one."""
        with self.lock:
            return self._left.popleft() if self._left else None

    def done(self, scene: Scene, boundary: Boundary, ran: Ran | None, wrong: list[str]) -> None:
        """What came of one."""
        with self.lock:
            result = self._result
            result.runs += 1
            result.kinds[boundary.how] += 1
            result.passed_by += ran is not None and not ran.was_hit
            if wrong:
                result.failures.append(f"{scene.name}: {boundary}: {'; '.join(wrong)}")
                self._tell(f"FAILED {result.failures[-1]}")
            if result.runs % 100 == 0:
                self._tell(f"{result.runs} done, {len(self._left)} left, {len(result.failures)} failed")


class Runner(Protocol):
    """Starts the program; `Zygote` does it fastest."""

    def run(self, order: Order) -> Ran: ...


class Lane:
    """Plays scenes one after the other, in a folder and a bucket of its own. Used by one thread."""

    def __init__(self, seaweed: Seaweed, folder: Path, runner: Runner | None = None) -> None:
        folder.mkdir(parents=True)
        self._given = runner
        self._seaweed, self._folder = seaweed, folder
        self._runs = 0
        self._bucket = ""
        self._stack = ExitStack()

    def __enter__(self) -> Lane:
        self._proxy = self._stack.enter_context(FaultProxy(self._seaweed.url))
        self._runner = self._given or self._stack.enter_context(Zygote(self._folder))
        return self

    def __exit__(self, *error: object) -> None:
        self._drop_bucket()
        self._stack.close()

    def work(self, work: _Work) -> None:
        """Until nothing is left."""
        while (job := work.take()) is not None:
            ran, wrong = None, ["it was not played to its end"]
            try:
                ran, wrong = self.play(*job)
            except Exception as error:
                wrong = [f"{type(error).__name__}: {error}"]
            work.done(*job, ran, wrong)

    def record(self, scene: Scene) -> Counter[str]:
        """The operations of a scene that nothing disturbs."""
        run = self._begin(scene)
        ran = run.play(None)
        wrong = [*run.wrong_at_end(is_acknowledged=True)]
        assert ran.code == 0 and not wrong, f"undisturbed, {scene.name} fails: {ran.code} {ran.out} {wrong}"
        run.clear()
        return ran.counts

    def play(self, scene: Scene, boundary: Boundary) -> tuple[Ran, list[str]]:
        """Disturb it there, go on, and say what is wrong afterwards."""
        run = self._begin(scene)
        ran = run.play(boundary)
        wrong = run.wrong_after(ran, boundary)
        if not wrong:
            wrong = run.go_on(ran)
        if not wrong:
            wrong = [*run.wrong_at_end(is_acknowledged=ran.was_acknowledged), *run.too_much(boundary)]
        if not wrong:
            run.clear()
        return ran, wrong

    def _begin(self, scene: Scene) -> _Run:
        if self._runs % RUNS_PER_BUCKET == 0:
            self._drop_bucket()
            self._bucket = self._seaweed.bucket("bounds")
        self._runs += 1
        folder = self._folder / str(self._runs)
        folder.mkdir()
        return _Run(self._seaweed, self._proxy, self._runner, scene, folder, self._bucket)

    def _drop_bucket(self) -> None:
        """The server gives back the space of a bucket that is gone, not that of an object."""
        if not self._bucket:
            return
        client = self._seaweed.client()
        while names := client.list_objects_v2(Bucket=self._bucket).get("Contents"):
            keys = [{"Key": entry["Key"]} for entry in names]
            client.delete_objects(Bucket=self._bucket, Delete={"Objects": keys})
        client.delete_bucket(Bucket=self._bucket)
        self._bucket = ""


class _Run:
    """One playing of a scene: disturbed, gone on with, looked at."""

    def __init__(
        self,
        seaweed: Seaweed,
        proxy: FaultProxy,
        runner: Runner,
        scene: Scene,
        folder: Path,
        bucket: str,
    ) -> None:
        self._proxy, self._runner, self._folder = proxy, runner, folder
        self._secret = seaweed.secret_key.encode()
        self._state_dir = folder / "state"
        self._env = {**seaweed.env(folder, endpoint=proxy.url), "S3TUI_STATE_DIR": str(self._state_dir)}
        sides: list[Side] = []
        for name, kind in (("source", scene.source), ("target", scene.target)):
            prefix = f"{folder.name}/{name}/"
            sides.append(
                Local(folder / name) if kind == "local" else Remote(seaweed.client(), bucket, prefix)
            )
        self._stage = Stage(scene, *sides)
        self._target_is_local = scene.target == "local"
        proxy.forget()

    def play(self, boundary: Boundary | None) -> Ran:
        """The command, disturbed there or watched only."""
        names = {
            str(self._state_dir): "state",
            str(self._folder / "source"): "source",
            str(self._folder / "target"): "target",
        }
        at = None if boundary is None else (boundary.how, boundary.operation, boundary.nth)
        return self._runner.run(Order(self._stage.words, self._env, str(self._folder), at, names))

    def wrong_after(self, ran: Ran, boundary: Boundary) -> list[str]:
        """What is wrong now, before anything goes on."""
        wrong = self._stage.wrong_now()
        if ran.code == HUNG:
            wrong.append(f"it hung{_threads(ran.out)}")
        elif boundary.how in (*KILLS, HALF):
            if ran.code != (-9 if ran.was_hit else 0):
                wrong.append(f"it ended with {ran.code}: {ran.out}")
        else:
            if ran.code not in (0, 1):
                wrong.append(f"it ended with {ran.code}: {ran.out}")
            if ran.code and "s3tui: " not in ran.out:
                wrong.append(f"it failed without a word: {ran.out}")
            if ran.code and self._stage.source.place in ran.out and "not done" not in ran.out:
                ran.was_acknowledged = False  # It was refused after all, as a whole, and by its name.
        if "Traceback" in ran.out or "internal error" in ran.out:
            wrong.append(ran.out)
        if ran.was_acknowledged:
            wrong += self._lost(self._queue())
        return wrong

    def go_on(self, ran: Ran) -> list[str]:
        """Start again what was disturbed; what is wrong with how that ends."""
        wrong = self._ends_well(ran, "run", "--retry-failed", "--wait-for", "5", *HOW_MANY, "--quiet")
        if not wrong and not ran.was_acknowledged and self._stage.wrong_at_end():
            wrong = self._ends_well(ran, *self._stage.words)
        return wrong

    def _ends_well(self, ran: Ran, *words: str) -> list[str]:
        ended = self._runner.run(Order(words, self._env, str(self._folder)))
        if ended.code == 0:
            return []
        said = _threads(ended.out) if ended.code == HUNG else ended.out
        return [f"{words[0]} ended with {ended.code}: {said} (before: {ran.code} {ran.out})"]

    def wrong_at_end(self, *, is_acknowledged: bool) -> Iterator[str]:
        """Whatever is not as it should be when everything is done."""
        yield from self._stage.wrong_at_end()
        queue = self._queue()
        yield from (f"still queued: {item.spec.source}" for item in queue.loaded.items)
        yield from (f"still to be planned: {operation.label}" for operation in queue.loaded.operations)
        yield from (f"still owed: {debt.kind} {debt.subject}" for debt in queue.loaded.owed)
        done = [one.source for one in queue.history if one.state.value == "done"]
        for name in self._stage.new:
            count = sum(_means(text, self._stage.source.address(name)) for text in done)
            if count == 0 or (is_acknowledged and count > 1):
                yield f"{name} is {count} times in the history"
        for path in (*self._state_dir.rglob("*"), self._folder / "out"):
            data = path.read_bytes() if path.is_file() else b""
            if self._secret in data:
                yield f"{path.name} holds the secret key"
            yield from (f"the log tells of {bad!r}" for bad in BAD_NEWS if bad.encode() in data)

    def too_much(self, boundary: Boundary) -> list[str]:
        """Bytes that were moved again, beyond what was in the air."""
        if boundary.how not in (*KILLS, HALF):
            return []
        moved = self._proxy.bytes_down if self._target_is_local else self._proxy.bytes_up
        # Small files that have arrived wait up to a tenth of a second for others, to be synced with them.
        in_a_group = sum(size for size in self._stage.scene.files.values() if size <= PART)
        most = self._stage.size + WORKERS * PART + in_a_group + SLACK
        return [f"{moved} bytes were moved, {most} at most were to be expected"] if moved > most else []

    def clear(self) -> None:
        """The disk is needed."""
        shutil.rmtree(self._folder)

    def _queue(self) -> ReadState:
        return read_state(str(self._state_dir))

    def _lost(self, queue: ReadState) -> Iterator[str]:
        """What was acknowledged, and is neither planned nor still to be planned nor finished."""
        if any(
            operation.request is not None and not operation.planned for operation in queue.loaded.operations
        ):
            return
        known = {str(item.spec.source) for item in queue.loaded.items} | {one.source for one in queue.history}
        for name in self._stage.new:
            if not any(_means(text, self._stage.source.address(name)) for text in known):
                yield f"{name} was acknowledged, and is not in the queue"


def _means(source: str, address: str) -> bool:
    """A source of the queue is this file or object, or a folder to be deleted in which it is."""
    return source == address or address.startswith(source.rstrip("/") + "/")


def _threads(trace: str) -> str:
    """Where the threads of the program are, of those that are inside it, innermost call first."""
    places = []
    for thread in trace.split("\nThread ")[1:]:
        lines = [line.split("/engine/")[1] for line in thread.splitlines() if "/engine/" in line]
        places.append(" < ".join(line.replace('", line ', ":").replace(" in ", " ") for line in lines[:2]))
    return " in " + " | ".join(place for place in places if place)
