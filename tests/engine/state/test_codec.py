"""Values come back from their documents as they were; documents that are not theirs are refused."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import Problem
from engine.model import (
    Checkpoint,
    ConfirmedPart,
    ConflictPolicy,
    ConnectionId,
    DeleteRequest,
    Facts,
    ItemKind,
    LocalRef,
    ObjectRef,
    OperationId,
    Outcome,
    SourceIdentity,
    TransferId,
    TransferOptions,
    TransferRequest,
    TransferSpec,
    TransferState,
    Verified,
)
from engine.snapshot import Question
from engine.state import codec, records
from engine.state.fields import Undecodable
from engine.state.frames import Doc, decode_doc, encode
from engine.state.records import FinishedItem, Owed, SavedItem, SavedOperation

# -- values, every field of which may be anything its type allows --------------------------------------

texts = st.text(st.characters(exclude_categories=()), max_size=30)
"""Lone surrogates included: that is how undecodable bytes stand in paths."""
maybe_texts = st.none() | texts
counts = st.integers(0, 2**63)
sizes = st.integers(-1, 2**50)
times = st.floats(-1e12, 1e12)
crcs = st.none() | st.integers(0, 0xFFFFFFFF)
tuples = st.lists(texts, max_size=3).map(tuple)

facts = st.builds(Facts, sizes, st.none() | times, maybe_texts, maybe_texts, maybe_texts)
options = st.builds(
    TransferOptions,
    on_conflict=st.sampled_from(ConflictPolicy),
    skip_identical=st.booleans(),
    part_size=st.none() | counts,
    move=st.booleans(),
    require_checksum=st.booleans(),
    temp_dir=maybe_texts,
    storage_class=maybe_texts,
    sse=maybe_texts,
    request_payer=st.booleans(),
    include=tuples,
    exclude=tuples,
)
places = st.builds(LocalRef, texts) | st.builds(ObjectRef, texts, texts, maybe_texts)
connections = st.none() | texts.map(ConnectionId)
specs = st.builds(
    TransferSpec,
    st.sampled_from(ItemKind),
    places,
    places,
    connections,
    options,
    sizes,
    st.none() | facts,
    st.none() | facts,
    st.booleans(),
    maybe_texts,
    maybe_texts,
)
integers = st.integers(-(2**63), 2**64)
identities = st.builds(SourceIdentity, integers, integers, integers, integers, integers)
checkpoints = st.builds(
    Checkpoint,
    phase=texts,
    part_size=counts,
    checksum_mode=texts,
    upload_id=maybe_texts,
    intent_at=times,
    identity=st.none() | identities,
    saved_at=times,
    boot_id=texts,
    source_etag=maybe_texts,
    source_version=maybe_texts,
    size=sizes,
    target=maybe_texts,
    part_file=maybe_texts,
    part_file_inode=counts,
    expected_crc=st.none() | counts,
    expected_etag=maybe_texts,
    object_version=maybe_texts,
    verified=st.none() | st.sampled_from(Verified),
    answer=maybe_texts,
    policy=st.none() | st.sampled_from(ConflictPolicy),
    restarts=counts,
)
parts = st.builds(ConfirmedPart, st.integers(1, 10_000), counts, crcs, texts, texts, st.booleans())
problems = st.builds(Problem, texts, texts, texts, st.booleans(), texts, texts)
questions = st.builds(Question, texts, texts, tuples, st.none() | facts, st.none() | facts)
requests = st.builds(
    TransferRequest,
    st.lists(places, max_size=3).map(tuple),
    places,
    texts.map(ConnectionId),
    options,
    connections,
    st.booleans(),
) | st.builds(DeleteRequest, st.lists(places, max_size=3).map(tuple), connections)
ids = st.integers(1, 2**60)
items = st.builds(
    SavedItem,
    ids.map(TransferId),
    counts.map(OperationId),
    specs,
    st.integers(-(2**60), 2**60),
    st.sampled_from(
        [TransferState.QUEUED, TransferState.PAUSED, TransferState.ATTENTION, TransferState.FAILED]
    ),
    checkpoints,
    counts,
    st.none() | problems,
    st.none() | questions,
    times,
)
operations = st.builds(
    SavedOperation, ids.map(OperationId), texts, times, st.none() | requests, st.just(False)
)
finished_items = st.builds(
    FinishedItem,
    ids.map(TransferId),
    counts.map(OperationId),
    st.sampled_from(ItemKind),
    texts,
    texts,
    connections,
    sizes,
    st.sampled_from([TransferState.DONE, TransferState.CANCELLED]),
    st.none() | st.sampled_from(Outcome),
    st.none() | st.sampled_from(Verified),
    times,
    st.none() | counts,
    maybe_texts,
    maybe_texts,
    texts,
    st.booleans(),
)
owed_things = st.builds(Owed, ids, texts, connections, texts, texts)


def on_disk(doc: Doc) -> Doc:
    """As it comes back: through the one line that it is in a file."""
    text = encode(doc)
    assert text.isascii() and "\n" not in text and "\t" not in text
    return decode_doc(text)


@settings(max_examples=150, deadline=None)
@given(items)
def test_items_come_back(item: SavedItem) -> None:
    checkpoint = on_disk(codec.checkpoint_doc(item.checkpoint))
    assert records.item_of(str(item.id), on_disk(records.item_doc(item)), checkpoint) == item


@settings(max_examples=150, deadline=None)
@given(operations, finished_items, owed_things, ids, parts)
def test_everything_else_comes_back(
    operation: SavedOperation, finished: FinishedItem, owed: Owed, id: int, part: ConfirmedPart
) -> None:
    assert records.operation_of(str(operation.id), on_disk(records.operation_doc(operation))) == operation
    assert records.finished_of(str(finished.id), on_disk(records.finished_doc(finished))) == finished
    assert records.owed_of(str(owed.id), on_disk(records.owed_doc(owed))) == owed
    assert codec.part(on_disk(codec.part_doc(id, part))) == (id, part)


FULL_ITEM = SavedItem(
    TransferId(5),
    OperationId(4),
    TransferSpec(
        ItemKind.DOWNLOAD,
        ObjectRef("b", "k", "v"),
        LocalRef("/x"),
        ConnectionId("p@e"),
        TransferOptions(
            ConflictPolicy.SKIP, False, 8, True, True, "/t", "GLACIER", "AES256", True, ("*.a",), ("b",)
        ),
        7,
        Facts(7, 1.5, "e", "v", "s"),
        Facts(8, 2.5, "e", "v", "s"),
        True,
        "/root",
        "unsafe-name",
    ),
    3,
    TransferState.FAILED,
    Checkpoint(
        *(
            "begun",
            8,
            "full",
            "u",
            1.5,
            SourceIdentity(1, 2, 3, 4, 5),
            2.5,
            "boot",
            "e",
            "v",
            7,
            "/t",
            "/p",
            9,
        ),
        *(10, "e", Verified.CRC, "skip", ConflictPolicy.NEWER, 2, "w"),
    ),
    2,
    Problem("a", "b", "c", True, "d", "e"),
    Question("k", "t", ("a",), Facts(1, 1.5, "e", "v", "s"), Facts(2)),
    4.5,
    (OperationId(8), OperationId(9)),
)
FULL_FINISHED = FinishedItem(
    *(TransferId(5), OperationId(4), ItemKind.UPLOAD, "a", "b", ConnectionId("c"), 6, TransferState.DONE),
    *(Outcome.TRANSFERRED, Verified.ETAG, 1.5, 7, "e", "v", "n", True),
    also=(OperationId(8),),
)
FULL_REQUEST = TransferRequest(
    (LocalRef("/a"), ObjectRef("b", "k")),
    ObjectRef("b", "p/"),
    ConnectionId("c"),
    TransferOptions(move=True),
    ConnectionId("d"),
    True,
)

Decode = Callable[[Doc], Any]
DECODERS: dict[str, tuple[Doc, Decode]] = {
    "item": (records.item_doc(FULL_ITEM), lambda doc: records.item_of("5", doc, None)),
    "checkpoint": (codec.checkpoint_doc(FULL_ITEM.checkpoint), codec.checkpoint),
    "part": (codec.part_doc(5, ConfirmedPart(1, 2, 3, "e", "b", True)), codec.part),
    "finished": (records.finished_doc(FULL_FINISHED), lambda doc: records.finished_of("5", doc)),
    "owed": (
        records.owed_doc(Owed(1, "abort", ConnectionId("c"), "s", "d")),
        lambda doc: records.owed_of("1", doc),
    ),
    "operation": (
        records.operation_doc(SavedOperation(OperationId(1), "l", 1.5, FULL_REQUEST, False)),
        lambda doc: records.operation_of("1", doc),
    ),
    "delete": (
        {"request": codec.request_doc(DeleteRequest((ObjectRef("b"),), ConnectionId("c")))},
        lambda doc: records.operation_of("1", doc),
    ),
}


def paths(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where everything in a document is."""
    found = [at] if at else []
    if isinstance(value, dict):
        for name in value:
            found += paths(value[name], (*at, name))
    elif isinstance(value, list):
        for index in range(len(value)):
            found += paths(value[index], (*at, index))
    return found


def changed(doc: Doc, path: tuple[Any, ...], value: Any) -> Doc:
    """A copy with another value in one place."""
    copy: Any = json.loads(json.dumps(doc))
    inner = copy
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    return dict(copy)


HOSTILE: list[Any] = [
    *(
        None,
        True,
        False,
        -(10**30),
        10**30,
        1.5,
        1e300,
        "",
        "x" * 70_000,
        "../../etc/passwd",
        "\udcff\x1b[2J",
    ),
    *([], [[]], [None], {}, {"a": {}}, [1, "x", {}, 2.5, None]),
]


def assert_types(value: Any) -> None:
    """Every field holds what its annotation says, all the way down."""
    for field in dataclasses.fields(value):
        content = getattr(value, field.name)
        allowed = str(field.type)
        name = type(content).__name__
        if dataclasses.is_dataclass(content):
            assert_types(content)
        elif name == "tuple":
            assert "tuple" in allowed
            for inner in content:
                if dataclasses.is_dataclass(inner):
                    assert_types(inner)
                else:
                    assert type(inner) is (int if "OperationId" in allowed else str)
        elif name == "NoneType":
            assert "None" in allowed, f"{field.name} is None"
        elif name in ("str", "int"):
            assert name in allowed or "Id" in allowed, f"{field.name} is {content!r}"
            assert name != "int" or type(content) is int
        else:
            assert name in allowed, f"{field.name} is {content!r}"


@pytest.mark.parametrize("kind", DECODERS)
def test_a_document_with_hostile_values_is_refused_or_read_with_the_right_types(kind: str) -> None:
    doc, decode = DECODERS[kind]
    doc = json.loads(json.dumps(doc))
    before = decode(doc)
    refused = 0
    for path in paths(doc):
        for value in HOSTILE:
            try:
                got = decode(changed(doc, path, value))
            except Undecodable:
                refused += 1
                continue
            if isinstance(got, tuple):
                assert type(got[0]) is int
                got = got[1]
            assert_types(got)
    assert refused > 2 * len(paths(doc))
    assert decode(doc) == before, "what was read before is not changed by it"


@pytest.mark.parametrize("kind", DECODERS)
def test_fields_that_are_not_known_are_ignored(kind: str) -> None:
    doc, decode = DECODERS[kind]
    doc = json.loads(json.dumps(doc))
    for path in [(), *paths(doc)]:
        inner = doc
        for step in path:
            inner = inner[step]
        if isinstance(inner, dict):
            more = changed(doc, (*path, "from_the_future"), {"x": [1]})
            assert decode(more) == decode(doc)


@pytest.mark.parametrize("kind", DECODERS)
def test_a_field_that_is_missing_has_its_default_or_the_document_is_refused(kind: str) -> None:
    doc, decode = DECODERS[kind]
    read = 0
    for name in doc:
        fewer = {key: value for key, value in json.loads(json.dumps(doc)).items() if key != name}
        try:
            decode(fewer)
            read += 1
        except Undecodable:
            assert name in ("spec", "kind", "state", "i", "n", "request", "from", "to", "delete"), name
    assert read > 0 or kind == "delete"


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | texts,
        lambda inner: st.lists(inner) | st.dictionaries(texts, inner),
    )
)
def test_no_document_at_all_raises_anything_but_undecodable(value: Any) -> None:
    for decode in (
        codec.spec,
        codec.checkpoint,
        codec.request,
        codec.facts,
        codec.problem,
        codec.question,
        codec.place,
        codec.options,
    ):
        try:
            decode(value)
        except Undecodable:
            pass


def test_every_field_of_every_value_is_on_record() -> None:
    """A field that is added to a value, and forgotten here or in the codec, is lost at the next start."""
    part = ConfirmedPart(1, 2, 3, "e", "b", True)
    operation = SavedOperation(OperationId(1), "l", 1.5, FULL_REQUEST, False)

    def unused(value: Any) -> list[str]:
        names = []
        for field in dataclasses.fields(value):
            content = getattr(value, field.name)
            if field.default is not dataclasses.MISSING and content == field.default:
                names.append(f"{type(value).__name__}.{field.name}")
            if dataclasses.is_dataclass(content):
                names += unused(content)
        return names

    left = [name for value in (FULL_ITEM, FULL_FINISHED, FULL_REQUEST, part) for name in unused(value)]
    # One side of the question, the options of the request and its target are filled elsewhere.
    assert [
        name for name in left if name.split(".")[0] not in ("Facts", "TransferOptions", "ObjectRef")
    ] == []
    doc, checkpoint = (
        on_disk(records.item_doc(FULL_ITEM)),
        on_disk(codec.checkpoint_doc(FULL_ITEM.checkpoint)),
    )
    assert records.item_of("5", doc, checkpoint) == FULL_ITEM
    assert records.finished_of("5", on_disk(records.finished_doc(FULL_FINISHED))) == FULL_FINISHED
    assert records.operation_of("1", on_disk(records.operation_doc(operation))) == operation
    assert codec.part(on_disk(codec.part_doc(5, part))) == (5, part)


def test_lines_are_short() -> None:
    """An item planned with defaults costs little more than its names."""
    plain = dataclasses.replace(
        FULL_ITEM,
        spec=TransferSpec(
            ItemKind.UPLOAD,
            LocalRef("/a" * 20),
            ObjectRef("b", "a" * 40),
            ConnectionId("p@e"),
            TransferOptions(),
            7,
        ),
        state=TransferState.QUEUED,
        checkpoint=Checkpoint(),
        attempts=0,
        problem=None,
        question=None,
    )
    assert len(encode(records.item_doc(plain))) < 200
    assert encode(codec.checkpoint_doc(Checkpoint())) == "{}"
    assert len(encode(codec.part_doc(10**6, ConfirmedPart(10_000, 2**23, 2**32 - 1, "e" * 32)))) < 100


def test_equal_options_of_many_items_are_one_value_in_memory() -> None:
    doc = records.item_doc(FULL_ITEM)
    first, second = (records.item_of("5", decode_doc(encode(doc)), None) for _ in range(2))
    assert first.spec.options is second.spec.options
    assert first.spec.connection is second.spec.connection and first.spec.root is second.spec.root
