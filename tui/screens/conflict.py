"""The question an ATTENTION item asks: both sides side by side, and what may be done."""

from __future__ import annotations

from engine import Facts, Question, TransferSnapshot
from tui.format import date_long, size_exact
from tui.safe_text import display, middle
from tui.screens.dialog import Choice, ChoiceDialog

NEWER_BY = 1.0
"""Seconds by which one side must be later to be called newer: what ``newer`` compares too."""

_CHOICES = {
    # Safe answers first: the first that is offered gets the cursor.
    "skip": Choice("skip", "s", "Skip", "leave the target as it is"),
    "keep": Choice("keep", "k", "Keep", "leave it as it is for now"),
    "overwrite": Choice("overwrite", "o", "Overwrite", "replace the target"),
    "newer": Choice("newer", "n", "If newer", "replace it only if the source is newer"),
    "differs": Choice("differs", "d", "If different", "replace it only if size or checksum differ"),
    "rename": Choice("rename", "r", "Rename", "write beside it, under a free name"),
    "restart": Choice("restart", "r", "Restart", "begin again with what is there now"),
    "restore-bulk": Choice("restore-bulk", "b", "Restore, cheapest", "5 to 48 hours, then it is fetched"),
    "restore-standard": Choice("restore-standard", "s", "Restore", "3 to 12 hours, then it is fetched"),
    "restore-expedited": Choice(
        "restore-expedited", "e", "Restore, fastest", "1 to 5 minutes, dear; not DEEP_ARCHIVE"
    ),
    "cancel": Choice("cancel", "x", "Cancel", "give this item up and remove its traces"),
}

_TITLES = {
    "target-exists": "The target already exists",
    "source-changed": "The source changed",
    "object-changed": "The object changed",
    "needs-profile": "Its profile or endpoint is not at hand",
    "plain-http": "Its endpoint is not encrypted",
    "unclear-result": "The server holds another object",
    "archived": "The object is in an archive",
}


class ConflictScreen(ChoiceDialog[tuple[str, bool]]):
    """Asks what an item wants to know.

    The result is the answer for `TransferManager.answer` and whether it is meant for the whole
    operation (the capital letter), or ``None``: decide later, nothing changes.
    """

    def __init__(self, row: TransferSnapshot) -> None:
        question = row.question
        kind = question.kind if question else ""
        offered = question.answers if question else ()
        super().__init__(
            _TITLES.get(kind, "This item has a question"),
            _lines(row),
            choices_for(question) if question else [_CHOICES["keep"]],
            hint="Capital letter: for the whole operation · Esc: decide later",
        )
        self._asked = bool(offered)

    def answered(self, choice: Choice, *, for_all: bool) -> None:
        self.dismiss((choice.answer, for_all) if self._asked else None)


def choices_for(question: Question) -> list[Choice]:
    """What may be answered, the safest first."""
    offered = question.answers
    found = [choice for answer, choice in _CHOICES.items() if answer in offered] or [_CHOICES["keep"]]
    # What costs is never the answer of a key pressed twice.
    return found[-1:] + found[:-1] if question.kind == "archived" else found


def _lines(row: TransferSnapshot) -> list[str]:
    question = row.question
    lines = []
    if question and question.text and question.text.casefold() != _TITLES.get(question.kind, "").casefold():
        lines += [question.text, ""]
    source, target = (question.source, question.target) if question else (None, None)
    lines += ["Source  " + middle(display(row.source), 64)]
    lines += [_facts(source, newer=_is_newer(source, target))] if source else []
    lines += ["Target  " + middle(display(row.target), 64)]
    lines += [_facts(target, newer=_is_newer(target, source))] if target else []
    if source and target and source.size == target.size >= 0:
        lines += ["        both have the same size"]
    return lines


def _facts(facts: Facts, *, newer: bool) -> str:
    parts = [size_exact(facts.size) if facts.size >= 0 else "size unknown", date_long(facts.mtime)]
    return ("newer   " if newer else " " * 8) + "  ".join(parts)


def _is_newer(one: Facts | None, other: Facts | None) -> bool:
    if one is None or other is None or one.mtime is None or other.mtime is None:
        return False
    return one.mtime > other.mtime + NEWER_BY
