"""An operation of several items as one line, and its items below it. Pure."""

from __future__ import annotations

from engine import GroupFacts, ItemKind, TransferSnapshot, TransferState
from tui import format
from tui.places import home
from tui.safe_text import display, middle, pad, width
from tui.waiting import waiting_text
from tui.widgets.line_table import Spans
from tui.widgets.transfer_rows import GLYPHS, WORDS, spans

S = TransferState

INDENT = "  "
"""Before an item that stands below its operation."""
_LEAST_NAME = 12
_ROOMY = 110
"""Cells from which on speed and time left are shown too."""
_SHOWN = (S.RUNNING, S.FINISHING, S.WAITING, S.ATTENTION, S.PAUSED, S.FAILED)
"""States that are counted on the line; the others follow from how many are done."""


def row_spans(row: TransferSnapshot, cells: int) -> Spans:
    """Whatever stands in a row of the queue, at most `cells` wide."""
    if row.group is not None:
        return group_spans(row, row.group, cells)
    if row.is_child:
        return [(INDENT, ""), *spans(row, cells - len(INDENT))]
    return spans(row, cells)


def group_spans(row: TransferSnapshot, group: GroupFacts, cells: int) -> Spans:
    """One operation: what moves where, how many are done, bytes, and how many stand how."""
    style = WORDS[row.state][1]
    facts = group_facts(row, group)
    if cells >= _ROOMY and row.bytes_per_second >= 1:
        facts.append((f"{format.speed(row.bytes_per_second)} {format.duration(row.eta)}", ""))
    said: Spans = []
    room = cells - 3 - _LEAST_NAME - 2
    for text, name in facts:
        taken = sum(width(part) for part, _ in said)
        if taken + width(text) + 3 > room:
            break
        said += [(" · ", "dim"), (text, name)] if said else [(text, name)]
    left = cells - 3 - 2 - sum(width(text) for text, _ in said)
    faded = "dim" if row.state.is_final else "strong"
    return [
        ("▾" if group.is_open else "▸", "dim"),
        (f"{GLYPHS[row.kind]} ", style if row.state.is_active else faded),
        (pad(group_name(row, left), left), faded),
        ("  ", ""),
        *said,
    ]


def group_name(row: TransferSnapshot, cells: int) -> str:
    """``logs/ → s3://b/logs/``, or less where there is no room; safe to draw."""
    source = row.source
    head, _, more = source.partition(" and ")
    own = head.rstrip("/").rpartition("/")[2] or head
    own += "/" if head.endswith("/") and own != head else ""
    name = display(f"{own} and {more}" if more else own)
    if row.kind is ItemKind.DELETE or not row.target or cells < width(name) + 12:
        return middle(name, cells)
    target = home(row.target) if row.kind is ItemKind.DOWNLOAD else row.target
    return f"{name} → {middle(display(target), cells - width(name) - 3)}"


def group_facts(row: TransferSnapshot, group: GroupFacts) -> Spans:
    """How far it is, most important first, each with its style; safe to draw."""
    done = group.count(S.DONE)
    more = "+" if group.is_planning else ""
    facts: Spans = [(f"{done:,} of {group.items:,}{more}", "")]
    if row.size > 0 and row.kind is not ItemKind.DELETE:
        facts.append((format.size_of(row.bytes_done, row.size), ""))
        percent = format.percent(row.bytes_done / row.size, done=done == group.items)
        facts.append((percent.strip(), "strong"))
    if row.waiting is not None:
        facts.append((display(waiting_text(row.waiting)), "warn"))
    for state in _SHOWN:
        count = group.count(state)
        if count and not (state is S.WAITING and row.waiting is not None):
            facts.append((f"{WORDS[state][0]} {count:,}", WORDS[state][1]))
    if group.is_planning:
        facts.append(("looking for files…", "dim"))
    elif row.state.is_final:
        cancelled = group.count(S.CANCELLED)
        facts.append((f"CANCEL {cancelled:,}", "dim") if cancelled else ("DONE", "good"))
    if group.has_problem:
        facts.append(("not all of it was found", "bad"))
    return facts
