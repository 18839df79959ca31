"""``cp`` and ``run``: the same engine without a screen."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from engine import (
    CancelToken,
    ConflictPolicy,
    OperationId,
    TransferManager,
    TransferRequest,
    TransferSnapshot,
    TransferState,
    explain,
)
from tui import format
from tui.log import set_up
from tui.progress import Progress
from tui.safe_text import display
from tui.setup import Setup, place_of

S = TransferState

_SIGNALS = {signal.SIGHUP: 129, signal.SIGINT: 130, signal.SIGTERM: 143}
_LOOK_EVERY = 0.25
_CLOSE_SECONDS = 1.8
_NAMED = 100
"""Items that are not done are named up to so many."""


class Stop:
    """Set by a signal."""

    def __init__(self) -> None:
        self.code: int | None = None
        """Exit code of the signal that came."""


@contextmanager
def signals() -> Iterator[Stop]:
    """While it lasts, a polite signal only asks to stop."""
    stop = Stop()

    def note(number: int, frame: FrameType | None) -> None:
        stop.code = stop.code or _SIGNALS[signal.Signals(number)]

    before = {number: signal.signal(number, note) for number in _SIGNALS}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


# -- cp --------------------------------------------------------------------------------------------


def request_of(setup: Setup) -> TransferRequest:
    """What a ``cp`` line asks for.

    Raises:
        UsageError: It makes no sense.
    """
    args = setup.args
    sources = tuple(place_of(text) for text in args.sources)
    target = place_of(args.target)
    return TransferRequest(
        sources, target, setup.profile.connection_id, setup.options(ConflictPolicy.OVERWRITE)
    )


def copy(setup: Setup) -> int:
    """Queue what is asked for and move it; see `options`."""
    request = request_of(setup)
    if setup.args.dry_run:
        return _dry_run(setup, request)
    set_up(setup.log_file)
    with signals() as stop:
        manager = TransferManager(setup.config(), setup.connections(), only_new=True)
        try:
            _tell_notices(manager)
            operation = manager.submit(request)
            manager.start()
            following = _Following(setup, manager, operation, stop)
            code = following.until(lambda: following.is_over(operation))
            problem = getattr(manager.operation(operation), "problem", None)
            rows = manager.rows_of(operation)
        finally:
            manager.close(_CLOSE_SECONDS)
    if problem is not None:
        _complain(str(problem))
        if problem.code == "usage" and not following.finished and not rows:
            return 2
    return _verdict(code, rows, following, again="run the same command again to go on") or (
        1 if problem is not None else 0
    )


def _dry_run(setup: Setup, request: TransferRequest) -> int:
    """Say what would be done."""
    from engine import Planner

    count = total = refused = 0
    for specs in Planner(setup.connections()).plan(request, CancelToken()):
        for spec in specs:
            count += 1
            total += max(spec.size, 0)
            there = "" if spec.target_facts is None else "  (exists)"
            if spec.refusal is not None:
                refused += 1
                there = f"  REFUSED: {explain_refusal(spec.refusal)}"
            if not setup.args.quiet:
                size = format.size(spec.size) if spec.size >= 0 else "?"
                print(
                    f"would {spec.kind.value:8} {size:>7}  {display(str(spec.source))} -> "
                    f"{display(str(spec.target))}{there}"
                )
    print(f"{format.counted(count, 'item')}, {format.size_long(total)}; nothing was moved")
    return 1 if refused else 0


def explain_refusal(code: str) -> str:
    """Why an item cannot be moved."""
    from engine.errors import refusal

    return explain(refusal(code, "")).why


# -- run -------------------------------------------------------------------------------------------


def finish_queue(setup: Setup) -> int:
    """Move everything of the saved queue that may run."""
    set_up(setup.log_file)
    with signals() as stop:
        manager = TransferManager(setup.config(), setup.connections())
        try:
            _tell_notices(manager)
            if setup.args.retry_failed:
                manager.retry_failed()
            is_held = manager.snapshot(0, 0).held
            manager.start()
            following = _Following(setup, manager, None, stop)
            code = 0 if is_held else following.until(lambda: manager.is_settled)
            left = manager.snapshot(0, 1_000_000).rows
        finally:
            manager.close(_CLOSE_SECONDS)
    if is_held:
        _complain("the queue is paused as a whole: resume it on the screen (P)")
    rows = tuple(row for row in left if not row.state.is_final)
    for row in rows:
        if row.state is S.PAUSED and not setup.args.quiet:
            print(f"paused  {display(row.source)} -> {display(row.target)}")
    rows = tuple(row for row in rows if row.state is not S.PAUSED)
    return _verdict(code, rows, following, again="s3tui run goes on")


# -- following -------------------------------------------------------------------------------------


class _Following:
    """Waits for the engine, and says how far it is."""

    def __init__(
        self, setup: Setup, manager: TransferManager, operation: OperationId | None, stop: Stop
    ) -> None:
        self._manager, self._operation, self._stop = manager, operation, stop
        self._wait_for: float = setup.args.wait_for
        self._progress = Progress(quiet=setup.args.quiet)
        self.finished = 0
        self.cancelled = 0
        self._stuck_since: float | None = None

    def until(self, over: Callable[[], bool]) -> int:
        """Follow until it is over: 0; until a signal: its code; until nothing heals: 1."""
        manager = self._manager
        code = 0
        try:
            while not over():
                if self._stop.code is not None:
                    code = self._stop.code
                    break
                if self._has_waited_enough():
                    code = 1
                    break
                manager.wait(_LOOK_EVERY)
                self._tell()
        finally:
            self._tell()
            self._progress.end()
        return code

    def is_over(self, operation: OperationId) -> bool:
        """Nothing of the operation moves by itself any more."""
        progress = self._manager.operation(operation)
        return progress is None or not (progress.planning or progress.unfinished)

    def _has_waited_enough(self) -> bool:
        if not self._manager.waits_only:
            self._stuck_since = None
            return False
        self._stuck_since = self._stuck_since or time.monotonic()
        return time.monotonic() - self._stuck_since > self._wait_for

    def _tell(self) -> None:
        manager = self._manager
        while events := manager.drain_events(1000):
            for event in events:
                if event.row is None:
                    continue
                if event.kind == "finished":
                    self.finished += 1
                    self._progress.finished(event.row)
                elif event.kind == "cancelled":
                    self.cancelled += 1
        if not self._progress.is_live:
            return
        snapshot = manager.snapshot(0, 0)
        totals = snapshot.totals
        if self._operation is not None:
            progress = manager.operation(self._operation)
            if progress is not None:
                totals = progress.totals
        self._progress.show(manager.active_rows(self._progress.room), totals)


def _verdict(code: int, rows: tuple[TransferSnapshot, ...], following: _Following, *, again: str) -> int:
    """Name what is not done; the exit code."""
    if code in _SIGNALS.values():
        _complain(f"interrupted; {format.counted(len(rows), 'item')} left, nothing is lost: {again}")
        return code
    for row in rows[:_NAMED]:
        _complain(not_done(row))
    if len(rows) > _NAMED:
        _complain(f"and {len(rows) - _NAMED:,} more: s3tui status")
    return 1 if rows or following.cancelled or code else 0


def not_done(row: TransferSnapshot) -> str:
    """What an item is that did not get done, and what to do about it."""
    what = f"not done ({row.state.value}): {row.source} -> {row.target}"
    if row.problem is not None:
        return f"{what}: {row.problem.why}. {row.problem.what_now}".rstrip()
    if row.question is not None:
        return f"{what}: {row.question.text}. Answers: {', '.join(row.question.answers)} (on the screen, or --on-conflict)"
    if row.waiting is not None:
        return f"{what}: {row.waiting.reason} ({row.waiting.text})"
    return what


def _tell_notices(manager: TransferManager) -> None:
    for notice in manager.notices:
        _complain(notice)


def _complain(text: str) -> None:
    print(f"s3tui: {display(text)}", file=sys.stderr)
