"""One queue item as one line, for any width. Pure.

Every state is a word; colour only repeats it. What the tail of a line says depends on the state: a
moving item shows its speed, a waiting one the reason and a countdown, a failed one why.
"""

from __future__ import annotations

from engine import ItemKind, Outcome, TransferSnapshot, TransferState
from tui import format
from tui.bars import bar
from tui.keys import key_of
from tui.places import home
from tui.safe_text import cut, display, middle, pad, width
from tui.waiting import waiting_text
from tui.widgets.line_table import Spans

S = TransferState

GLYPHS = {ItemKind.UPLOAD: "▲", ItemKind.DOWNLOAD: "▼", ItemKind.COPY: "▶", ItemKind.DELETE: "✕"}

WORDS: dict[TransferState, tuple[str, str]] = {
    S.QUEUED: ("QUEUED", "dim"),
    S.RUNNING: ("RUN", "busy"),
    S.FINISHING: ("FINISH", "busy"),
    S.WAITING: ("WAIT", "warn"),
    S.PAUSED: ("PAUSED", "warn"),
    S.ATTENTION: ("ASKS", "warn"),
    S.FAILED: ("FAILED", "bad"),
    S.DONE: ("DONE", "good"),
    S.CANCELLED: ("CANCEL", "dim"),
}
"""State word and style."""

_SKIPPED = "SKIP", "dim"

_STATE, _PERCENT, _SPEED, _ETA = 6, 4, 7, 6
_LIMIT = 8
_ROOMY = 110
"""Cells from which on a moving item also shows its bytes."""


def name_of(row: TransferSnapshot) -> str:
    """The item's own name, raw: the last part of its source."""
    return row.source.rstrip("/").rpartition("/")[2] or row.source


def state_words(row: TransferSnapshot) -> str:
    """What there is to say about an item that is not moving."""
    if row.state is S.WAITING and row.waiting is not None:
        return display(waiting_text(row.waiting))
    if row.state is S.ATTENTION and row.question is not None:
        return f"{display(row.question.text)} ({key_of('queue.answer')} answers)"
    if row.state is S.FAILED and row.problem is not None:
        return display(row.problem.why)
    if row.state is S.FINISHING:
        return "completing…"
    if row.state is S.DONE:
        return _done_words(row)
    if row.state is S.CANCELLED or row.size < 0:
        return ""  # what its last try said is no longer true
    limit = f", at most {format.size(row.rate_limit)}/s" if row.rate_limit is not None else ""
    if row.bytes_done > 0:
        return f"{format.size(row.bytes_done)} of {format.size(row.size)}{limit}"
    return format.size(row.size) + limit


def _done_words(row: TransferSnapshot) -> str:
    if row.outcome is Outcome.DELETED or row.kind is ItemKind.DELETE:
        return display(row.note) if row.note.startswith("deleted") else "deleted"
    if row.outcome is Outcome.SKIPPED:
        return "skipped, the target stays as it was"
    proof = f"verified {row.verified.value}" if row.verified else ""
    if row.outcome is Outcome.IDENTICAL:
        return f"identical, {proof}" if proof else "identical"
    return " ".join(text for text in (format.size(row.size), proof) if text)


def spans(row: TransferSnapshot, cells: int) -> Spans:
    """The line, at most `cells` wide."""
    word, style = _SKIPPED if row.outcome is Outcome.SKIPPED else WORDS[row.state]
    finished = row.state.is_final
    tail_style = {S.FAILED: "bad", S.WAITING: "warn", S.ATTENTION: "warn"}.get(row.state, "dim")
    name_cells = _name_cells(cells)
    faded = "dim" if finished or row.state is S.QUEUED else ""
    out: Spans = [
        (f" {GLYPHS[row.kind]} ", style if row.state.is_active else faded),
        (pad(middle(display(name_of(row)), name_cells), name_cells), faded),
        ("  ", ""),
        (pad(word, _STATE), style),
    ]
    out.append((pad(_percent(row), _PERCENT + 1, right=True), "dim" if finished else ""))
    bar_cells = _bar_cells(cells)
    if bar_cells:
        out += _bar_spans(row, bar_cells)
    out.append(("  ", ""))
    left = cells - sum(width(text) for text, _ in out)
    if row.state is S.RUNNING:
        moving = pad(format.speed(row.bytes_per_second), _SPEED, right=True)
        moving += pad(format.duration(row.eta), _ETA + 1, right=True)
        if cells >= _ROOMY:
            moving += pad(f"{format.size(row.bytes_done)} of {format.size(row.size)}", 16, right=True)
        if row.rate_limit is not None and left - width(moving) >= _LIMIT:
            moving += pad(f"≤{format.size(row.rate_limit)}", _LIMIT, right=True)
        out.append((moving, ""))
        left -= width(moving)
        out.append((_target(row, left - 2, "  "), "dim"))
        return out
    said = state_words(row)
    if row.saving:
        said = f"{said} · saving" if said else "saving"
    wide = _SPEED + _ETA + 1 + (16 if cells >= _ROOMY else 0)
    if row.state in (S.FAILED, S.WAITING, S.ATTENTION):
        out.append((cut(said, left), tail_style))
        return out
    said = pad(said, max(wide, width(said)))
    out.append((cut(said, left), "" if row.state is S.FINISHING else "dim"))
    out.append((_target(row, left - width(said) - 2, "  "), "dim"))
    return out


def _name_cells(cells: int) -> int:
    """Room for the name: about a quarter of the line."""
    return max(8, min(cells - 24, 8 + (cells - 40) // 3, 44))


def _bar_cells(cells: int) -> int:
    return 0 if cells < 96 else min(10 + (cells - 96) // 8, 24)


def _bar_spans(row: TransferSnapshot, cells: int) -> Spans:
    idle = not row.state.is_active and not row.bytes_done
    if row.kind is ItemKind.DELETE or row.state.is_final or idle:
        return [(" " * (cells + 2), "")]
    done, rest = bar(row.fraction, cells)
    return [("  ", ""), (done, "bar"), (rest, "bar-back")]


def _percent(row: TransferSnapshot) -> str:
    if row.kind is ItemKind.DELETE or row.state is S.CANCELLED or row.outcome is Outcome.SKIPPED:
        return ""
    if row.state is S.DONE:
        return format.percent(1.0, done=True)
    if row.size < 0 or (not row.state.is_active and not row.bytes_done):
        return ""
    return format.percent(row.fraction)


def _target(row: TransferSnapshot, cells: int, lead: str) -> str:
    if row.kind is ItemKind.DELETE or cells < 12:
        return ""
    target = home(row.target) if row.kind is ItemKind.DOWNLOAD else row.target
    return f"{lead}→ {middle(display(target), cells - 2, tail=(cells - 2) // 2)}"
