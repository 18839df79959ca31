"""A transfer in words, for its details and for the command line. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from engine import Outcome, PartSnapshot, Problem, TransferDetail, TransferSnapshot, TransferState, Verified
from tui import format
from tui.keys import key_of
from tui.log import naming_log
from tui.waiting import waiting_text

_VERIFIED = {
    Verified.CRC: "crc: the server's checksum equals ours",
    Verified.ETAG: "etag: the MD5, or the multipart ETag, is equal",
    Verified.SIZE: "size: only the size could be compared",
}

_OUTCOME = {
    Outcome.TRANSFERRED: "transferred",
    Outcome.IDENTICAL: "nothing was moved: both sides were the same",
    Outcome.SKIPPED: "skipped: the target was left as it is",
    Outcome.DELETED: "deleted",
}

_PART_BAR = 10


def transfer_title(row: TransferSnapshot) -> str:
    """What the item does, in two words: ``upload dump.tar``."""
    name = row.source.rstrip("/").rpartition("/")[2] or row.source
    return f"{row.kind.value} {name}"


def transfer_lines(detail: TransferDetail, *, held: bool = False) -> Iterator[tuple[str, str]]:
    """Names and values for a details screen.

    Args:
        held: The queue as a whole is paused.
    """
    row = detail.row
    yield "State", state_words(row, held=held)
    if row.question:
        yield "Question", row.question.text
    yield "Source", row.source
    yield "Target", row.target
    if detail.connection:
        yield "Connection", detail.connection
    yield "Size", format.size_exact(row.size) if row.size >= 0 else "unknown"
    yield from _progress(detail)
    if row.rate_limit is not None:
        yield "Limit", f"{format.limit(row.rate_limit)}, of its own"
    if row.verified:
        yield "Verified", _VERIFIED[row.verified]
    elif not row.state.is_final:
        yield "Verified", "not yet"
    if detail.attempts or row.state is not TransferState.FAILED:
        yield "Failed tries", str(detail.attempts)
    if detail.last_error:
        yield "Last error", problem_words(detail.last_error)
    if detail.notes:
        yield "Notes", "\n".join(detail.notes)
    if detail.upload_id:
        yield "Upload id", detail.upload_id
    if row.parts and not detail.part_size:
        yield "Parts", f"{row.parts:,}"  # finished: more is not kept
    elif row.parts:
        yield "Parts", f"{row.parts_done:,} of {row.parts:,}, {format.size_long(detail.part_size)} each"
        for part in sorted(detail.parts, key=_urgency):
            yield f"  {part.number}", _part(part)
        missing = row.parts - len(detail.parts)
        if missing > 0 and detail.parts:
            yield "", f"and {format.counted(missing, 'more part')}"


def state_words(row: TransferSnapshot, *, held: bool = False) -> str:
    """The state with its reason: ``waiting: retry 2/8 in 12s (503 SlowDown)``."""
    words = row.state.value
    if row.state is TransferState.DONE and row.outcome:
        words = f"done: {_OUTCOME[row.outcome]}"
    elif row.waiting:
        words = f"waiting: {waiting_text(row.waiting)}"
    elif row.state is TransferState.ATTENTION:
        words = "needs an answer"
    elif held and row.state is TransferState.QUEUED:
        words = f"queued: all is paused, {key_of('app.pause-all')} lets it go on"
    return words + (" · saving" if row.saving else "")


def problem_words(problem: Problem) -> str:
    """A problem in full: what, why, what now, and the server's request id last."""
    lines = [f"{problem.what}: {problem.why}" if problem.what else problem.why]
    lines.append(naming_log(problem.what_now))
    if problem.request_id:
        lines.append(f"request {problem.request_id}")
    return "\n".join(line for line in lines if line)


def _progress(detail: TransferDetail) -> Iterator[tuple[str, str]]:
    row = detail.row
    if row.state is TransferState.CANCELLED or row.outcome in (Outcome.SKIPPED, Outcome.DELETED):
        yield "Moved", "nothing"  # What had come of one that was cancelled has been removed.
    elif row.outcome is Outcome.IDENTICAL:
        yield "Moved", "nothing was needed"
    elif row.size > 0:
        done = row.state is TransferState.DONE
        yield "Moved", f"{format.size_long(row.bytes_done)} ({format.percent(row.fraction, done=done)})"
        yield "Confirmed", format.size_exact(row.bytes_confirmed)
    if row.state.is_active:
        now, average = row.bytes_per_second, detail.average_bytes_per_second
        yield "Speed", f"{format.speed_long(now)} now, {format.speed_long(average)} on average"
        yield "Time left", format.duration(row.eta)
    if row.elapsed >= 1:
        took = row.state is TransferState.DONE
        yield "Took" if took else "Running for", format.duration(row.elapsed)
        if took and row.outcome is Outcome.TRANSFERRED and row.size > 0:
            yield "Speed", f"{format.speed_long(row.size / row.elapsed)} on average"


def _urgency(part: PartSnapshot) -> tuple[int, int]:
    order = ("retrying", "checking", "moving", "pending", "done")
    return (order.index(part.state) if part.state in order else 0, part.number)


def _part(part: PartSnapshot) -> str:
    fraction = part.done / part.length if part.length else 1.0
    filled = int(min(fraction, 1.0) * _PART_BAR)
    bar = "#" * filled + "-" * (_PART_BAR - filled)
    tries = f"  {format.counted(part.attempts, 'failure')}" if part.attempts else ""
    return f"[{bar}] {part.state:<8}  {format.size(part.length):>5} at {format.size_long(part.offset)}{tries}"
