"""What is written down by hand, field by field, leaves none out."""

from __future__ import annotations

from dataclasses import fields

from engine.model import (
    ConnectionId,
    Facts,
    ItemKind,
    OperationId,
    Outcome,
    TransferId,
    TransferState,
    Verified,
)
from engine.state import codec
from engine.state.records import FinishedItem, finished_doc, finished_of

FACTS = Facts(7, 1.5, "etag", "version", "GLACIER")
FINISHED = FinishedItem(
    TransferId(5),
    OperationId(3),
    ItemKind.DOWNLOAD,
    "s3://b/k",
    "/tmp/k",
    ConnectionId("p@aws"),
    11,
    TransferState.DONE,
    Outcome.TRANSFERRED,
    Verified.CRC,
    1_790_000_000.5,
    0x12345678,
    "etag",
    "version",
    "a note",
    True,
    (OperationId(8), OperationId(9)),
)


def test_every_field_of_a_finished_item_comes_back() -> None:
    assert all(getattr(FINISHED, field.name) != field.default for field in fields(FINISHED))
    assert finished_of("5", finished_doc(FINISHED)) == FINISHED


def test_a_finished_item_without_what_it_need_not_have_comes_back() -> None:
    bare = FinishedItem(*[getattr(FINISHED, field.name) for field in fields(FINISHED)[:11]])
    assert bare.also == () and finished_of("5", finished_doc(bare)) == bare


def test_every_fact_of_a_side_comes_back() -> None:
    assert all(getattr(FACTS, field.name) != field.default for field in fields(FACTS))
    assert codec.facts(codec.facts_doc(FACTS)) == FACTS
    assert codec.facts(codec.facts_doc(Facts(0))) == Facts(0)
