"""Seven days on a virtual clock: ten thousand items, bad weather, a restless user, and fifty restarts.

``run_week(seed)`` takes part of a minute. The same seed gives the same week.
"""

from __future__ import annotations

import random
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from engine.errors import Condition
from engine.model import (
    ConnectionId,
    ItemKind,
    LocalRef,
    ObjectRef,
    TransferOptions,
    TransferRequest,
    TransferSpec,
)
from engine.pace.cancel import CancelToken
from tests.torture.ledger import Ledger, spec_name
from tests.torture.picture import picture
from tests.torture.process import WORKERS, Process, in_this_world
from tests.torture.turns import Turns, VirtualClock
from tests.torture.user import User
from tests.torture.weather import DAY, HOUR, Spell, Weather

SLEEP = 8 * HOUR
OPERATIONS = 42
_PART = 8 * 1024 * 1024
_ID = ConnectionId("week@https://s3.week.test")


@dataclass(frozen=True, slots=True)
class WeekResult:
    """How a week went. Durations are virtual seconds but for `real_seconds`."""

    seed: int
    items: int
    done: int
    cancelled: int
    restarts: int
    crashes: int
    outages: int
    requests: int
    transitions: int
    illegal_transitions: int
    lost: int
    duplicates: int
    unpaused: int
    """Items that left PAUSED though nobody said so."""
    revived: int
    """Cancelled or finished items that came back."""
    failed: int
    """Times that an item ended FAILED; the user then tried again."""
    longest_backoff: float
    oldest_signature: float
    max_wait: float
    """Of an item that was ready, less the time in which nothing could move at all."""
    longest_idle: float
    """In which something was ready, nothing stood in its way, and nothing was done."""
    uploads_left: int
    real_seconds: float
    broken: tuple[str, ...] = field(default=())
    """Promises that were not kept, in words; empty if all is well."""

    @property
    def is_good(self) -> bool:
        return not self.broken


def spells(rng: random.Random) -> list[Spell]:
    """The bad weather of a week."""

    def one(kind: str, day: int, length: float) -> Spell:
        begin = (day + rng.uniform(0.1, 0.8)) * DAY
        return Spell(kind, begin, begin + length)

    return [
        one("dns", 1, 2 * HOUR),
        one("busy", 2, HOUR / 2),
        one("hole", 0, 0.3 * HOUR),
        one("hole", 5, 0.1 * HOUR),
        one("no-keys", 3, 1.7 * HOUR),
        one("full", 4, 1.5 * HOUR),
        one("full", 6, 0.2 * HOUR),
        one("busy", 5, 120.0),
    ]


class Week:
    """Everything of one run."""

    def __init__(
        self, rng: random.Random, weather: Weather, ledger: Ledger, items: int, restarts: int, folder: Path
    ) -> None:
        self.rng, self.weather, self.ledger = rng, weather, ledger
        self.turns, self.clock = weather.turns, weather.clock
        self._folder, self._lives = folder, 0
        self._specs = self._make_specs(items)
        self.restarts = self.crashes = 0
        self._agenda = self._make_agenda(restarts)
        self.process = self._start(folder / "life-0")
        self.user = User(self.rng, self.ledger)

    # -- what is to be done ------------------------------------------------------------------------

    def _make_specs(self, items: int) -> dict[str, list[TransferSpec]]:
        batches: dict[str, list[TransferSpec]] = {f"batch-{n}": [] for n in range(OPERATIONS)}
        for number, batch in zip(range(items), self._round(batches), strict=False):
            is_large = self.rng.random() < 0.12
            size = _PART * self.rng.randint(2, 9) if is_large else self.rng.randint(0, _PART)
            asks = "asks-" if self.rng.random() < 0.01 else ""
            name = f"{batch}/{asks}{number}"
            at, file = ObjectRef("week", name), LocalRef(f"/disk/{name}")
            options = TransferOptions(part_size=_PART)
            up = self.rng.random() < 0.7
            batches[batch].append(
                TransferSpec(ItemKind.UPLOAD, file, at, _ID, options, size)
                if up
                else TransferSpec(ItemKind.DOWNLOAD, at, file, _ID, options, size, root="/disk")
            )
        return batches

    @staticmethod
    def _round(batches: dict[str, Any]) -> Iterator[str]:
        while True:
            yield from batches

    def plan(self, request: TransferRequest, token: CancelToken) -> Iterator[list[TransferSpec]]:
        """In place of the planner: the items of a batch, some at a time."""
        specs = self._specs[str(request.sources[0]).rsplit("/", 1)[-1]]
        for first in range(0, len(specs), 60):
            token.check()
            yield specs[first : first + 60]
            self.turns.sleep(self.rng.uniform(0.1, 40.0), token)

    def _make_agenda(self, restarts: int) -> list[tuple[float, Callable[[], None]]]:
        """What happens when, in true seconds of the week, the latest first."""
        rng = self.rng
        agenda: list[tuple[float, Callable[[], None]]] = []
        for number in range(OPERATIONS):
            at = number * 7 * DAY / OPERATIONS + rng.uniform(0, HOUR)
            agenda.append((at, partial(self._submit, f"batch-{number}")))
        for _ in range(restarts):
            # Mostly soon after something was asked for: then there is something to interrupt.
            at = rng.randrange(OPERATIONS) * 7 * DAY / OPERATIONS + rng.uniform(0, 1.5 * HOUR)
            agenda.append((at, self._restart))
        for _ in range(400):
            agenda.append((rng.uniform(0, 7 * DAY), self._user_acts))
        for seconds in (7200.0, -7200.0, 86400.0, -90000.0, 1200.0, -600.0, 5.0):
            at = rng.uniform(0.2, 6.8) * DAY
            agenda.append((at, partial(self._jump, seconds)))
        agenda.append((rng.uniform(2.2, 5.0) * DAY, self._suspend))
        return sorted(agenda, key=lambda entry: -entry[0])

    # -- what happens ------------------------------------------------------------------------------

    def _submit(self, name: str) -> None:
        request = TransferRequest((LocalRef(f"/disk/{name}"),), ObjectRef("week", ""), _ID)
        try:
            self.process.manager.submit(request)
        except Condition:
            # The disk is full, and the user is told so; the user tries again.
            self._agenda.append((self.weather.week() + 600.0, partial(self._submit, name)))
            self._agenda.sort(key=lambda entry: -entry[0])
            return
        self.ledger.asked_for.update(spec_name(spec) for spec in self._specs[name])

    def _user_acts(self) -> None:
        if not self.process.core.store.problem:
            self.user.act(self.process)

    def _jump(self, by: float) -> None:
        self.clock.error += by

    def _suspend(self) -> None:
        self.clock.slept += SLEEP
        self.weather.wakes += 1

    def _restart(self) -> None:
        self.restarts += 1
        self._lives += 1
        process, ledger = self.process, self.ledger
        folder = self._folder / f"life-{self._lives}"
        ledger.leave(process)
        if self.restarts % 2:
            self.crashes += 1
            process.on_news()
            before = picture(process.core)
            shutil.copytree(process.folder, folder)
            self._tear(folder)
            with ledger.looking_away():
                process.vanish()
        else:
            process.close()
            before = picture(process.core)
            process.folder.rename(folder)
        shutil.rmtree(process.folder, ignore_errors=True)
        self.clock.now += self.rng.choice((0.5, 5.0, 300.0))
        self.process = self._start(folder)
        ledger.compare(before, picture(self.process.core), self.process.core.store.history())

    def _tear(self, folder: Path) -> None:
        """Now and then the process was killed while it wrote a record that nobody has been told of."""
        if self.rng.random() < 0.4:
            last = max(folder.glob("wal-*.jsonl"), key=lambda path: int(path.stem[4:]))
            with last.open("ab") as file:
                if file.tell() == 0:
                    return  # Its first line is written before any record.
                file.write(b'0badcafe {"q":99999999,"o":[\t["transfers","1'[: self.rng.randint(1, 40)])

    def _start(self, folder: Path) -> Process:
        process = Process(folder, self.weather, self.plan, self.rng.getrandbits(32))
        process.on_news = lambda: self.ledger.read_news(process)
        self.ledger.watch(process)
        return process

    # -- the week ----------------------------------------------------------------------------------

    def live(self) -> None:
        """From its beginning to its end, and until all is done."""
        while self._agenda:
            at, happen = self._agenda.pop()
            self.process.run(self.clock.now + at - self.weather.week())
            happen()
        for _ in range(48):
            self.process.run(self.clock.now + HOUR / 2)
            is_over = self.process.manager.is_settled or self.process.core.scheduler.held
            if is_over and not self.user.finish(self.process):
                break
        self.process.run(self.clock.now + 300.0)  # Debts are paid once a minute.
        self.process.tidy()
        self.ledger.leave(self.process)


def run_week(seed: int = 0, *, items: int = 10_000, restarts: int = 50) -> WeekResult:
    """Simulate a week; what was promised and not kept is in `WeekResult.broken`."""
    began = time.monotonic()
    rng = random.Random(seed)
    turns = Turns(VirtualClock(), WORKERS + 1)
    weather = Weather(turns, rng, spells(rng))
    ledger = Ledger(weather)
    try:
        with tempfile.TemporaryDirectory(prefix="s3tui-week-") as folder:
            with in_this_world(weather), ledger.looking():
                week = Week(rng, weather, ledger, items, restarts, Path(folder))
                week.live()
                return _result(week, seed, time.monotonic() - began)
    finally:
        turns.end()


def _result(week: Week, seed: int, real_seconds: float) -> WeekResult:
    ledger, weather = week.ledger, week.weather
    week.process.close()
    uploads_left = [name for name, _ in weather.server.uploads.values() if name not in ledger.cancelled_names]
    lost = ledger.lost + ledger.unfinished()
    duplicates = ledger.duplicates + ledger.finished_twice()
    promises = {
        "items were lost or changed": not lost,
        "items were finished more than once": not duplicates,
        "illegal transitions": not ledger.illegal,
        "paused items went on by themselves": not ledger.unpaused,
        "finished items came back": not ledger.revived,
        "errors of the program itself": not ledger.errors,
        "a backoff of more than 60 s": ledger.longest_backoff <= 60.0,
        "a signature older than 15 min": weather.oldest_signature <= 900.0,
        "an item waited for more than 2 h": ledger.max_wait <= 2 * HOUR,
        "ready items and idle workers": ledger.longest_idle <= 60.0,
        "uploads left open": not uploads_left,
    }
    broken = [what for what, is_kept in promises.items() if not is_kept]
    return WeekResult(
        seed=seed,
        items=len(ledger.asked_for),
        done=len(ledger.done_names),
        cancelled=len(ledger.cancelled_names),
        restarts=week.restarts,
        crashes=week.crashes,
        outages=len(weather.spells),
        requests=weather.requests,
        transitions=ledger.transitions,
        illegal_transitions=ledger.illegal,
        lost=len(lost),
        duplicates=len(duplicates),
        unpaused=ledger.unpaused,
        revived=len(ledger.revived),
        failed=ledger.failed,
        longest_backoff=ledger.longest_backoff,
        oldest_signature=weather.oldest_signature,
        max_wait=ledger.max_wait,
        longest_idle=ledger.longest_idle,
        uploads_left=len(uploads_left),
        real_seconds=real_seconds,
        broken=(
            *broken,
            *(
                f"{text}"
                for text in [*lost, *duplicates, *ledger.revived, *ledger.errors, *uploads_left][:20]
            ),
        ),
    )
