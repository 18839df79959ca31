"""What failed is tried again: a bounded number of times, and without a bound where the server is only too busy."""

from __future__ import annotations

from engine.errors import Retryable
from engine.jobs.protocol import Part
from engine.model import ConnectionId, TransferState
from engine.queue.ceilings import RETRY_AFTER_MOST
from engine.queue.core import Core
from engine.queue.reasons import brief
from engine.scheduler import KEPT_WAITING
from engine.transfer import RESTORING, Hold, Run, Transfer

S = TransferState

_FIRST_LOOK, _LOOK_EVERY = 60.0, 1800.0
"""Seconds until it is first looked whether an object is out of its archive, and between looks at most."""

_FROM_ITS_BEGINNING = ("upload-gone", "object-changed")
"""After these not one part is tried again, but the item looked at anew."""


def try_again(core: Core, transfer: Transfer, run: Run, part: Part | None, error: Retryable) -> bool:
    """Let the item, or this part of it, come again later; false if this try was its last. With the lock held."""
    now, connection = core.clock.monotonic(), transfer.spec.connection
    core.scheduler.gave_up(transfer)
    if error.code in _FROM_ITS_BEGINNING:
        part = None
    if error.code == "slow-down" and connection is not None:
        _wait_till_it_has_time(core, connection, transfer, run, part, error, now)
        return True
    if error.code == "short-of-resources" and connection is not None:
        core.scheduler.ceilings.is_short(connection, now)
    if part is not None:
        # A run that could not be kept has counted too.
        attempt = part.attempts = max(part.attempts, transfer.attempts) + 1
    else:
        transfer.attempts += 1
        attempt = transfer.attempts
    if core.retries.exhausted(attempt):
        transfer.attempts = 0
        return False
    delay = core.retries.delay(attempt, error.retry_after)
    hold = Hold("retry", brief(error), now + delay, attempt + 1, core.retries.attempts)
    if not _wait(core, transfer, run, part, hold):
        transfer.attempts = max(transfer.attempts, attempt)
    return True


def _wait_till_it_has_time(
    core: Core,
    connection: ConnectionId,
    transfer: Transfer,
    run: Run,
    part: Part | None,
    error: Retryable,
    now: float,
) -> None:
    """The server is busy: nothing is wrong with the item, and no try of it is counted."""
    asked = min(error.retry_after or 0.0, RETRY_AFTER_MOST)
    until = core.scheduler.ceilings.is_busy(connection, now, asked)
    # One item that is always refused, where others are not, comes less and less often.
    if part is not None:
        refusals = part.refusals = max(part.refusals, transfer.refusals) + 1
    else:
        refusals = transfer.refusals = transfer.refusals + 1
    until = max(until, now + core.retries.delay(refusals, asked))
    if not _wait(core, transfer, run, part, Hold("throttled", error.detail, until)):
        transfer.refusals = max(transfer.refusals, refusals)
    if core.scheduler.ceilings.refuses(connection):
        _hold_up_others(core, connection, error.detail)


def wait_to_be_restored(core: Core, transfer: Transfer) -> None:
    """Its object comes out of an archive, in minutes or days: look again, less and less often. With the lock held."""
    delay = min(_FIRST_LOOK * 2.0 ** min(transfer.looks, 10), _LOOK_EVERY)
    transfer.looks += 1
    core.scheduler.gave_up(transfer)
    core.go(transfer, S.WAITING)
    transfer.hold = Hold(RESTORING, "", core.clock.monotonic() + delay)
    core.stop_run(transfer, RESTORING)


def _wait(core: Core, transfer: Transfer, run: Run, part: Part | None, hold: Hold) -> bool:
    """Nothing of it is done before `hold` is over, or only this part; false if its run could not be kept for it."""
    if part is not None:
        run.delay(part, hold.until)
        core.wake()
        goes_on = run.pending and not core.scheduler.ceilings.refuses(transfer.spec.connection)
        if run.in_hand or goes_on:
            return True
        kept = sum(1 for item in core.scheduler.active if item.state is S.WAITING)
        if kept < KEPT_WAITING:
            core.go(transfer, S.WAITING)
            transfer.hold = hold
            return True
    core.go(transfer, S.WAITING)
    transfer.hold = hold
    core.stop_run(transfer, "retry")
    return False


def _hold_up_others(core: Core, connection: ConnectionId, text: str) -> None:
    """Not one request gets through: what is under way there and has none on its way waits, and says so."""
    until = core.scheduler.ceilings.left_alone_until(connection)
    for other in core.scheduler.active:
        run = other.run
        if other.state is not S.RUNNING or other.spec.connection != connection or run is None:
            continue
        if run.parts and not (run.in_hand or run.finishing or run.stopping):
            core.go(other, S.WAITING)
            other.hold = Hold("throttled", text, until)
