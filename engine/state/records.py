"""What is on record: operations, items, finished items, debts; and how each is written down."""

from __future__ import annotations

from dataclasses import dataclass

from engine.errors import Problem
from engine.model import (
    Checkpoint,
    ConfirmedPart,
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
from engine.state import codec
from engine.state.frames import Doc

PARTS_PER_ITEM = 1 << 14
"""The id of a part's document is its item's id times this, plus its number."""

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


@dataclass(frozen=True, slots=True)
class Owed:
    """A clean-up that could not be done yet."""

    id: int
    kind: str
    """``abort`` or ``unlink``."""
    connection: ConnectionId | None
    subject: str
    """``bucket/key``, or an absolute path."""
    detail: str
    """Upload id, or inode number."""


def part_key(id: TransferId, number: int) -> str:
    """The id of a part's document."""
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
        codec.text(doc, "label"),
        codec.real(doc, "added_at"),
        codec.request(doc.get("request")),
        codec.flag(doc, "planned"),
    )


def item_doc(item: SavedItem) -> Doc:
    """For the table ``transfers``; the checkpoint is in a table of its own."""
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
    return doc


def item_of(id: str, doc: Doc, checkpoint: Doc | None) -> SavedItem:
    """See `item_doc`."""
    state = codec.choice(TransferState, doc.get("state", "queued"))
    if state not in _SAVED_STATES:
        raise codec.Undecodable(f"{state.value} is never on record")
    return SavedItem(
        TransferId(int(id)),
        OperationId(codec.number(doc, "op")),
        codec.spec(doc.get("spec")),
        codec.number(doc, "rank"),
        state,
        codec.checkpoint(checkpoint or {}),
        codec.number(doc, "attempts"),
        codec.problem(doc.get("problem")),
        codec.question(doc.get("question")),
        codec.real(doc, "added_at"),
    )


def part_of(doc: Doc) -> tuple[TransferId, ConfirmedPart]:
    """Item and part."""
    item, part = codec.part(doc)
    return TransferId(item), part


def finished_doc(item: FinishedItem) -> Doc:
    """For the table ``history``."""
    doc = codec.to_doc(item)
    del doc["id"]
    return doc


def finished_of(id: str, doc: Doc) -> FinishedItem:
    """See `finished_doc`."""
    outcome, verified = doc.get("outcome"), doc.get("verified")
    return FinishedItem(
        TransferId(int(id)),
        OperationId(codec.number(doc, "operation")),
        codec.choice(ItemKind, doc.get("kind")),
        codec.text(doc, "source"),
        codec.text(doc, "target"),
        codec.connection(doc, "connection"),
        codec.number(doc, "size", -1),
        codec.choice(TransferState, doc.get("state")),
        None if outcome is None else codec.choice(Outcome, outcome),
        None if verified is None else codec.choice(Verified, verified),
        codec.real(doc, "finished_at"),
        codec.maybe_number(doc, "crc"),
        codec.maybe_text(doc, "etag"),
        codec.maybe_text(doc, "version_id"),
        codec.text(doc, "note"),
        codec.flag(doc, "move"),
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
        codec.text(doc, "kind"),
        codec.connection(doc, "connection"),
        codec.text(doc, "subject"),
        codec.text(doc, "detail"),
    )
