"""What is on record: operations, items, finished items, debts; and how each is written down."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from engine.errors import Problem
from engine.model import (
    Checkpoint,
    ConnectionId,
    ItemKind,
    OperationId,
    Outcome,
    Request,
    TransferId,
    TransferSpec,
    TransferState,
    Verified,
)
from engine.snapshot import Question
from engine.state import codec, fields
from engine.state.frames import Doc, encode

PARTS_PER_ITEM = 1 << 14
"""The id of a part's document is its item's id times this, plus its number."""

_MOST_RANK = 1 << 80
_SAVED_STATES = (TransferState.QUEUED, TransferState.PAUSED, TransferState.ATTENTION, TransferState.FAILED)


@dataclass(frozen=True, slots=True)
class SavedOperation:
    """What the user asked for in one go."""

    id: OperationId
    label: str
    added_at: float
    """Seconds since the epoch."""
    request: Request | None
    """Until it is planned: what to plan."""
    planned: bool
    """All its items are on record."""


@dataclass(frozen=True, slots=True)
class SavedItem:
    """An unfinished item."""

    id: TransferId
    operation: OperationId
    spec: TransferSpec
    rank: int
    """Its place; smaller ones come first."""
    state: TransferState
    """QUEUED, PAUSED, ATTENTION or FAILED."""
    checkpoint: Checkpoint
    attempts: int = 0
    problem: Problem | None = None
    question: Question | None = None
    added_at: float = 0.0
    """Seconds since the epoch."""
    also: tuple[OperationId, ...] = ()
    """Later operations that asked for the same thing."""


@dataclass(frozen=True, slots=True)
class FinishedItem:
    """An item that is DONE or CANCELLED, for history."""

    id: TransferId
    operation: OperationId
    kind: ItemKind
    source: str
    target: str
    connection: ConnectionId | None
    size: int
    """Bytes; -1 where unknown."""
    state: TransferState
    outcome: Outcome | None
    verified: Verified | None
    finished_at: float
    """Seconds since the epoch."""
    crc: int | None = None
    etag: str | None = None
    version_id: str | None = None
    note: str = ""
    move: bool = False
    """The source was deleted."""
    also: tuple[OperationId, ...] = ()
    """See `SavedItem`."""


@dataclass(frozen=True, slots=True)
class Owed:
    """A clean-up that could not be done yet."""

    id: int
    kind: str
    """``abort``, ``begun`` (an upload whose id is not known) or ``unlink``."""
    connection: ConnectionId | None
    subject: str
    """``bucket/key``, or an absolute path."""
    detail: str
    """Upload id; the server's time before which it was not begun; or inode number."""


def part_key(id: TransferId, number: int) -> str:
    """The id of a part's document.

    Raises:
        ValueError: No part has this number.
    """
    if not 0 < number <= codec.MOST_PARTS:
        raise ValueError(f"{number} is no number of a part")
    return str(id * PARTS_PER_ITEM + number)


def operation_doc(operation: SavedOperation) -> Doc:
    """For the table ``operations``."""
    doc: Doc = {"label": operation.label, "added_at": operation.added_at, "planned": operation.planned}
    if operation.request is not None and not operation.planned:
        doc["request"] = codec.request_doc(operation.request)
    return doc


def operation_of(id: str, doc: Doc) -> SavedOperation:
    """See `operation_doc`."""
    return SavedOperation(
        OperationId(int(id)),
        fields.text(doc, "label"),
        fields.real(doc, "added_at"),
        codec.request(doc.get("request")),
        fields.flag(doc, "planned"),
    )


def item_doc(item: SavedItem) -> Doc:
    """For the table ``transfers``; the checkpoint is in a table of its own.

    Raises:
        ValueError: An item in this state is not put on record.
    """
    if item.state not in _SAVED_STATES:
        raise ValueError(f"{item.state.value} is never on record")
    doc: Doc = {"op": item.operation, "spec": codec.spec_doc(item.spec), "rank": item.rank}
    if item.state is not TransferState.QUEUED:
        doc["state"] = item.state.value
    if item.attempts:
        doc["attempts"] = item.attempts
    if item.problem is not None:
        doc["problem"] = codec.to_doc(item.problem)
    if item.question is not None:
        doc["question"] = codec.question_doc(item.question)
    if item.added_at:
        doc["added_at"] = item.added_at
    if item.also:
        doc["also"] = list(item.also)
    return doc


def item_of(id: str, doc: Doc, checkpoint: Doc | None) -> SavedItem:
    """See `item_doc`."""
    state = fields.choice(TransferState, doc.get("state", "queued"))
    if state not in _SAVED_STATES:
        raise fields.Undecodable(f"{state.value} is never on record")
    return SavedItem(
        TransferId(int(id)),
        _operation(fields.number(doc, "op")),
        codec.spec(doc.get("spec")),
        fields.number(doc, "rank", least=-_MOST_RANK, most=_MOST_RANK),
        state,
        codec.checkpoint(checkpoint or {}),
        fields.number(doc, "attempts"),
        codec.problem(doc.get("problem")),
        codec.question(doc.get("question")),
        _time(fields.real(doc, "added_at")),
        tuple(map(OperationId, fields.numbers(doc, "also"))) if "also" in doc else (),
    )


@lru_cache
def _operation(id: int) -> OperationId:
    """The same number for all items of an operation, which may be a hundred thousand."""
    return OperationId(id)


@lru_cache
def _time(seconds: float) -> float:
    """The same for all that was added in one go."""
    return seconds


def without_trust(doc: Doc) -> Doc:
    """A part, or a checkpoint, as from another boot: what it claims is checked before it is used."""
    return {name: value for name, value in doc.items() if name not in ("b", "s", "boot_id")}


def finished_doc(item: FinishedItem) -> Doc:
    """For the table ``history``.

    Raises:
        ValueError: The item is not over.
    """
    if not item.state.is_final:
        raise ValueError(f"{item.state.value} is not the end of an item")
    outcome, verified = item.outcome, item.verified
    doc: Doc = {
        "operation": item.operation,
        "kind": item.kind.word,
        "source": item.source,
        "target": item.target,
        "connection": item.connection,
        "size": item.size,
        "state": item.state.word,
        "outcome": None if outcome is None else outcome.word,
        "verified": None if verified is None else verified.word,
        "finished_at": item.finished_at,
    }
    if item.crc is not None:
        doc["crc"] = item.crc
    if item.etag is not None:
        doc["etag"] = item.etag
    if item.version_id is not None:
        doc["version_id"] = item.version_id
    if item.note:
        doc["note"] = item.note
    if item.move:
        doc["move"] = True
    if item.also:
        doc["also"] = list(item.also)
    return doc


def finished_text(item: FinishedItem) -> str:
    """The document of `finished_doc` as it is written down."""
    return encode(finished_doc(item))


def finished_of(id: str, doc: Doc) -> FinishedItem:
    """See `finished_doc`."""
    return FinishedItem(
        TransferId(int(id)),
        OperationId(fields.number(doc, "operation")),
        fields.choice(ItemKind, doc.get("kind")),
        fields.text(doc, "source"),
        fields.text(doc, "target"),
        fields.connection(doc, "connection"),
        fields.number(doc, "size", -1, least=-1),
        fields.choice(TransferState, doc.get("state")),
        fields.maybe_choice(Outcome, doc.get("outcome")),
        fields.maybe_choice(Verified, doc.get("verified")),
        fields.real(doc, "finished_at"),
        fields.maybe_number(doc, "crc"),
        fields.maybe_text(doc, "etag"),
        fields.maybe_text(doc, "version_id"),
        fields.text(doc, "note"),
        fields.flag(doc, "move"),
        tuple(map(OperationId, fields.numbers(doc, "also"))),
    )


def owed_doc(owed: Owed) -> Doc:
    """For the table ``cleanup``."""
    doc: Doc = {"kind": owed.kind, "subject": owed.subject, "detail": owed.detail}
    if owed.connection is not None:
        doc["connection"] = owed.connection
    return doc


def owed_of(id: str, doc: Doc) -> Owed:
    """See `owed_doc`."""
    return Owed(
        int(id),
        fields.text(doc, "kind"),
        fields.connection(doc, "connection"),
        fields.text(doc, "subject"),
        fields.text(doc, "detail"),
    )
