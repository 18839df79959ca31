"""``cp`` and ``run``: the same engine without a screen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from engine import (
    ConflictPolicy,
    OperationId,
    Problem,
    TransferManager,
    TransferRequest,
    TransferSnapshot,
    TransferState,
)
from tui import format
from tui.following import CONDITIONS, Following
from tui.leaving import SIGNALS, Stop, signals
from tui.log import log_path, naming_log
from tui.progress import Progress
from tui.safe_text import display
from tui.setup import Setup, place_of
from tui.streams import complain, through_a_hangup
from tui.waiting import reason_words

S = TransferState

_CLOSE_SECONDS = 1.2
"""With the look every quarter of a second and what is said at the end, within `LEAVE_SECONDS`."""
_LATE_CLOSE_SECONDS = 0.6
"""Where this thread does not come to it."""
_NAMED = 100
"""Items that are not done are named up to so many."""
_ALL_ROWS = 10_000_000


def request_of(setup: Setup) -> TransferRequest:
    """What a ``cp`` line asks for.

    Raises:
        UsageError: It makes no sense.
    """
    args = setup.args
    sources = tuple(place_of(text) for text in args.sources)
    target = place_of(args.target)
    setup.check_access(*sources, target)
    return TransferRequest(
        sources, target, setup.profile.connection_id, setup.options(ConflictPolicy.OVERWRITE)
    )


@contextmanager
def open_manager(setup: Setup, stop: Stop, *, only_new: bool) -> Iterator[TransferManager]:
    """The queue, not yet started; checkpointed and closed afterwards, whatever happens."""
    setup.start_log()
    manager = TransferManager(setup.config(), setup.connections(), only_new=only_new)
    stop.checkpoint = lambda: manager.close(_LATE_CLOSE_SECONDS)
    try:
        for notice in manager.notices:
            complain(notice)
        yield manager
    finally:
        manager.close(_CLOSE_SECONDS)


# -- cp --------------------------------------------------------------------------------------------


def copy(setup: Setup) -> int:
    """Queue what is asked for, move it, and say what became of it; returns the exit code."""
    request = request_of(setup)
    if setup.args.dry_run:
        from tui.dry_run import dry_run

        return dry_run(setup, request)
    with signals() as stop, open_manager(setup, stop, only_new=True) as manager:
        operation = manager.submit(request)
        manager.start()
        progress = Progress(quiet=setup.args.quiet)
        following = Following(
            manager, progress, stop, wait_for=setup.wait_for, operations=(operation,), schedule=setup.schedule
        )
        while True:
            code = following.until(following.is_over)
            problem = _problem_of(manager, following.operations[-1])
            if code or problem is None or not following.may_plan_again(problem):
                break
            following.operations.append(manager.submit(request))
        following.tidy()
        code = code or stop.code or 0
        rows = _rows_of(manager, following.operations)
        _name_what_is_unsaved(code, following)
    if problem is not None and code not in SIGNALS.values():
        complain(_sentences(f"{problem.what}: {problem.why}", advice(problem)))
        if problem.code == "usage" and not following.finished and not rows:
            return 2
    return _verdict(code, rows, following, again="run the same command again to go on") or (
        1 if problem is not None else 0
    )


def _problem_of(manager: TransferManager, operation: OperationId) -> Problem | None:
    progress = manager.operation(operation)
    return None if progress is None else progress.problem


def _rows_of(manager: TransferManager, operations: Sequence[OperationId]) -> tuple[TransferSnapshot, ...]:
    rows = {row.id: row for operation in operations for row in manager.rows_of(operation)}
    return tuple(rows.values())


# -- run -------------------------------------------------------------------------------------------


def finish_queue(setup: Setup) -> int:
    """Move everything of the saved queue that may run; returns the exit code."""
    with signals() as stop, open_manager(setup, stop, only_new=False) as manager:
        if setup.args.retry_failed:
            manager.retry_failed()
            manager.drain_events(_ALL_ROWS)  # A folder that is looked into again makes way for its content.
        is_held = manager.snapshot(0, 0).held
        manager.start()
        progress = Progress(quiet=setup.args.quiet)
        following = Following(manager, progress, stop, wait_for=setup.wait_for, schedule=setup.schedule)
        code = 0 if is_held else following.until(lambda: manager.is_settled)
        while following.refused and not code and following.may_plan_again(*following.refused.values()):
            following.refused.clear()
            manager.plan_again()
            code = following.until(lambda: manager.is_settled)
        following.tidy()
        code = code or stop.code or 0
        rows = manager.snapshot(0, _ALL_ROWS).rows
        _name_what_is_unsaved(code, following)
    left = tuple(row for row in rows if not row.state.is_final)
    if code in SIGNALS.values():
        return _verdict(code, left, following, again="s3tui run goes on")
    paused = tuple(row for row in left if row.state is S.PAUSED or (is_held and row.state is S.QUEUED))
    if is_held:
        complain("the queue is paused as a whole: let it go on from the screen (P)")
    for row in paused:
        if not setup.args.quiet:
            with through_a_hangup():
                print(f"paused  {display(row.source)} -> {display(row.target)}")
    for problem in following.refused.values():
        complain(_sentences(f"{problem.what}: {problem.why}", advice(problem)))
    others = tuple(row for row in left if row not in paused)
    return _verdict(code, others, following, again="") or (1 if following.refused else 0)


# -- what is said at the end -----------------------------------------------------------------------


def _verdict(code: int, rows: tuple[TransferSnapshot, ...], following: Following, *, again: str) -> int:
    """Name what is not done; the exit code."""
    if code in SIGNALS.values():
        left = f"{format.counted(len(rows), 'item')} left" if rows else "what is left was not counted yet"
        complain(f"interrupted; {left}, nothing is lost: {again}")
        return code
    for row in rows[:_NAMED]:
        complain(not_done(row))
    if len(rows) > _NAMED:
        complain(f"and {len(rows) - _NAMED:,} more: s3tui status")
    return 1 if rows or following.cancelled or code else 0


def _name_what_is_unsaved(code: int, following: Following) -> None:
    """It was given up, perhaps before there was any item to name."""
    unsaved = following.why_unsaved()
    if code and code not in SIGNALS.values() and unsaved:
        more = f"; the log file {log_path()} says more" if log_path() else ""
        complain(f"{unsaved}. What is left goes on when the same command is run again{more}")


def not_done(row: TransferSnapshot) -> str:
    """What an item is that did not get done, why, and what to do about it."""
    what = f"not done ({row.state.value}): {row.source} -> {row.target}"
    if row.problem is not None:
        return _sentences(f"{what}: {row.problem.why}", advice(row.problem))
    if row.question is not None:
        answers = ", ".join(row.question.answers)
        return f"{what}: {row.question.text}. Answer on the screen ({answers}), or give --on-conflict"
    if row.waiting is not None:
        return f"{what}: {reason_words(row.waiting)} ({row.waiting.text}). s3tui run goes on"
    return what


def _sentences(*texts: str) -> str:
    return ". ".join(text for text in texts if text)


def advice(problem: Problem) -> str:
    """What to do now, where there is no screen with keys to press."""
    if problem.code in CONDITIONS:
        return "Run the same command again when that is over."
    if "press" in problem.what_now:
        return "Run the same command again, or s3tui run --retry-failed."
    return naming_log(problem.what_now)
