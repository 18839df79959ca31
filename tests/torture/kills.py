"""Kills at random moments: of ``cp``, of the engine while commands are given, of the screen; then the oracle."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.servers.proxy import FaultProxy
from tests.servers.seaweed import Seaweed
from tests.survival.program import Program
from tests.torture import oracle
from tests.torture.world import OLD, RATE, World, make_world
from tests.tui.terminal import Session, on_a_terminal

KINDS = ("cp", "engine", "screen")
PATIENCE = 90.0
"""Seconds within which what is left must be done."""
_AGAIN = 0.3
"""Of the recoveries are killed too."""
_MOST_KILLS = 4
_SAID = ("the queue is paused as a whole", "were cut off: the program was stopped while it wrote them")
"""After a kill, rightly: a hold outlives it, and so may the torn end of a record that nobody was told of."""


@dataclass(frozen=True, slots=True)
class Killed:
    """What became of one round."""

    kind: str
    seed: int
    kills: int = 0
    moved: int = 0
    """Bytes that had to be moved."""
    again: int = 0
    """Bytes that were sent or fetched again."""
    failure: str = ""


@dataclass(slots=True)
class Round:
    """One round under way."""

    kind: str
    seed: int
    world: World
    program: Program
    proxy: FaultProxy
    rng: random.Random
    kills: int = 0
    wanted: dict[str, str] = field(default_factory=dict)
    """By source, what the last acknowledged command asked for."""
    queued: bool = False
    """It was acknowledged that the work is queued."""
    stops: int = 0
    """Commands that may have stopped parts on their way, which are moved again when their item goes on."""
    synced: bool = False
    """An acknowledgement counts only where what it is about was synced: the machine dies, and not the program alone."""

    def run(self) -> None:
        """Raises AssertionError where a promise is not kept."""
        with watched(self.world):
            self._first()
            self._after_kill()
            while self.kills < _MOST_KILLS and self.rng.random() < _AGAIN:
                self._kill(self._recovery(), self.rng.uniform(0.1, 1.2))
                self._after_kill()
            self._drain()
        cancelled = [self._name(source) for source, state in self.wanted.items() if state == "cancelled"]
        oracle.check_end(self.world, self.program.state_dir, cancelled=cancelled)
        oracle.check_traffic(
            self.world, self.proxy, self.kills + self.stops, unsynced=RATE if self.synced else 0
        )
        oracle.check_secrets(self.program.home)

    def _name(self, source: str) -> str:
        return source.removeprefix(self.world.source)

    # -- first the work, and its end ---------------------------------------------------------------

    def _first(self) -> None:
        if self.kind == "screen":
            self._screen()
            return
        self._kill(self._work(), None)

    def _work(self) -> subprocess.Popen[str]:
        world = self.world
        if self.kind == "engine":
            return self._user(str(self.seed), world.source, world.target, str(world.move))
        return self.program.start(*self._cp())

    def _cp(self) -> tuple[str, ...]:
        move = ("--move",) if self.world.move else ()
        options = ("--workers", "8", "--part-size", "5M", "--rate-limit", str(RATE), "--quiet")
        return ("cp", *options, *move, self.world.source, self.world.target)

    def _user(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "tests.torture.commanded", str(self.program.state_dir), *words],
            env=self.program.env,
            cwd=self.program.home,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def _kill(self, process: subprocess.Popen[str], seconds: float | None) -> None:
        """After so many seconds; ``None``: at a random moment, most likely of the time in which it works."""
        try:
            if seconds is None:
                seconds = self.rng.uniform(0.0, 1.5)
                if self.rng.random() < 0.8:
                    requests = self.rng.randint(1, 6)
                    self._wait_requests(process, requests)
                    seconds = self.rng.uniform(0.0, 0.9)
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.end(process)
        out, err = process.communicate()
        self.kills += 1
        self._hear(out)
        oracle.check_secrets(self.program.home, out, err)

    def end(self, process: subprocess.Popen[str]) -> None:
        """As the worst day has it."""
        process.kill()

    def _wait_requests(self, process: subprocess.Popen[str], count: int) -> None:
        self.proxy.wait_until(
            lambda: len(self.proxy.requests()) >= count or process.poll() is not None, PATIENCE
        )

    def _hear(self, out: str) -> None:
        """What was acknowledged, and what was asked for and not acknowledged: of that either may be so."""
        for line in out.splitlines():
            word, _, rest = line.partition(" ")
            command, _, source = rest.partition(" ")
            self.queued = self.queued or line == ("ack planned" if self.synced else "ack submit")
            self.stops += word == "ask" and command in ("pause", "hold", "cancel")
            if word == "ask" and command in ("pause", "resume", "cancel"):
                if self.wanted.get(source) != "cancelled":
                    self.wanted.pop(source, None)
                    if command == "cancel":
                        self.wanted[source] = "perhaps"
            elif word == "ack" and command in ("pause", "cancel"):
                if self.wanted.get(source) != "cancelled":
                    self.wanted[source] = "paused" if command == "pause" else "cancelled"
        if "end" in out.splitlines():  # at the end everything is let go on
            self.wanted = {source: state for source, state in self.wanted.items() if state != "paused"}

    # -- the screen --------------------------------------------------------------------------------

    def _screen(self) -> None:
        """Copy all, pause the first item, cancel the second (or neither), and die."""
        places = (
            (self.world.source, self.world.target)
            if self.world.upward
            else (self.world.target, self.world.source)
        )
        words = ("--rate-limit", "30M", "--part-size", "5M", "--workers", "8", *places)
        with on_a_terminal(words, self.program.env, self.program.home) as screen:
            screen.until("f01")
            screen.until("items")
            screen.press("ac" if self.world.upward else "\tac")
            self._until_it_moves(screen, self.rng.randint(3, 8))
            if self.rng.random() < 0.6:
                screen.press("w ")
            screen.watch(self.rng.uniform(0.0, 1.5))
            os.kill(screen.pid, signal.SIGKILL)
            self.kills += 1
            written = bytes(screen.written)
        for source, state in oracle.history(self.program.state_dir).items():
            if state == "paused":
                self.wanted[source] = state
        oracle.check_secrets(self.program.home, written)

    def _until_it_moves(self, screen: Session, requests: int) -> None:
        """So many requests were made; where the copy shows its plan first, that is begun."""
        end, is_begun = time.monotonic() + PATIENCE, False
        while len(self.proxy.requests()) < requests:
            assert time.monotonic() < end, f"nothing moves:\n{screen.shown}"
            screen.watch(0.05)
            if "Enter Start" in screen.shown and not is_begun:
                screen.press("\r")
                is_begun = True

    # -- after a kill ------------------------------------------------------------------------------

    def _after_kill(self) -> None:
        oracle.check_published(self.world)
        oracle.check_known(self.world, self.program.state_dir, queued=self.queued)
        wanted = {source: state for source, state in self.wanted.items() if state != "perhaps"}
        oracle.check_acknowledged(self.program.state_dir, wanted)

    def _recovery(self) -> subprocess.Popen[str]:
        return self.program.start("run", "--workers", "8", "--rate-limit", str(RATE), "--quiet")

    def _drain(self) -> None:
        """To the end: first what goes on by itself, then what was paused, then what was never queued."""
        done = self._recovery()
        out, err = done.communicate(timeout=PATIENCE)
        assert done.returncode == 0 and not _unexpected(err), f"run: {done.returncode} {err}"
        wanted = {source: state for source, state in self.wanted.items() if state != "perhaps"}
        oracle.check_acknowledged(self.program.state_dir, wanted)
        user = self._user("finish")
        out, err = user.communicate(timeout=PATIENCE)
        assert user.returncode == 0 and "end" in out.splitlines() and "left " not in out, (
            f"finish: {out} {err}"
        )
        assert "left-over" in out.splitlines(), f"threads or descriptors are left: {out}"
        self._learn_cancelled()
        if not self._was_queued():
            words = self._cp()
            process = self.program.start(*words)
            out, err = process.communicate(timeout=PATIENCE)
            assert process.returncode == 0 and not _unexpected(err), f"cp: {process.returncode} {err}"

    def _learn_cancelled(self) -> None:
        """A cancel that nobody acknowledged may have come to pass, and counts from then on."""
        rows = oracle.history(self.program.state_dir)
        for source, state in list(self.wanted.items()):
            if state == "perhaps" and rows.get(source) == "cancelled":
                self.wanted[source] = "cancelled"

    def _was_queued(self) -> bool:
        return bool(oracle.history(self.program.state_dir))


def _unexpected(err: str) -> list[str]:
    """Lines of its stderr that a recovery should not print."""
    return [line for line in err.splitlines() if line and not any(said in line for said in _SAID)]


@contextmanager
def watched(world: World) -> Iterator[None]:
    """Looks at the final names the whole time: absent, old or complete, by their size."""
    wrong: list[str] = []
    ended = threading.Event()
    allowed = {name: {content.size} for name, content in world.files.items()}
    for name in world.stood:
        allowed[name].add(len(OLD))

    def look() -> None:
        while not ended.wait(0.003):
            for name, sizes in allowed.items():
                try:
                    size = (world.disk / name).stat().st_size
                except OSError:
                    continue
                if size not in sizes:
                    wrong.append(f"{name}: {size} bytes were seen")

    thread = threading.Thread(target=look, daemon=True)
    if not world.upward:
        thread.start()
    try:
        yield
    finally:
        ended.set()
        if not world.upward:
            thread.join()
    assert not wrong, wrong[:3]


def one_round(seaweed_url: str, kind: str, seed: int, folder: str) -> Killed:
    """A round in a bucket and a folder of its own, both removed afterwards."""
    from tests.servers.seaweed import ACCESS_KEY, SECRET_KEY
    from tui.seaweed import s3_client

    rng = random.Random(f"{kind}/{seed}")
    client = s3_client(seaweed_url, ACCESS_KEY, SECRET_KEY)
    seaweed = Seaweed(seaweed_url, client)
    bucket = f"{kind}-{seed}"
    client.create_bucket(Bucket=bucket)
    place = Path(folder) / bucket
    place.mkdir()
    world = make_world(place, seaweed, bucket, rng, asks=kind == "screen")
    with FaultProxy(seaweed_url) as proxy:
        ended = outcome(Round(kind, seed, world, Program(seaweed, place / "home", proxy.url), proxy, rng))
    if not ended.failure:
        shutil.rmtree(place)
        empty(seaweed, bucket)
    client.close()
    return ended


def outcome(one: Round) -> Killed:
    """Run it; what it raises becomes words."""
    failure = ""
    try:
        one.run()
    except Exception as error:  # Whatever it is, the other rounds go on.
        failure = str(error) or repr(error)
    again = max(0, oracle.traffic(one.world, one.proxy) - one.world.total)
    return Killed(one.kind, one.seed, one.kills, one.world.total, again, failure)


def empty(seaweed: Seaweed, bucket: str) -> None:
    client = seaweed.client()
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        keys = [{"Key": entry["Key"]} for entry in page.get("Contents", ())]
        if keys:
            client.delete_objects(Bucket=bucket, Delete={"Objects": keys})
    client.delete_bucket(Bucket=bucket)


def kill_rounds(
    seaweed: Seaweed, folder: Path, rounds: list[tuple[str, int]], at_once: int = 2
) -> Iterator[Killed]:
    """The rounds, some `at_once`, as they end; a kind that begins with ``power/`` is a power cut."""
    with ProcessPoolExecutor(at_once) as pool:
        waiting = [pool.submit(_any_round, seaweed.url, kind, seed, str(folder)) for kind, seed in rounds]
        for done in as_completed(waiting):
            yield done.result()


def _any_round(url: str, kind: str, seed: int, folder: str) -> Killed:
    from tests.torture.power import in_a_namespace

    if kind.startswith("power/"):
        return in_a_namespace(url, kind.removeprefix("power/"), seed, folder)
    return one_round(url, kind, seed, folder)
