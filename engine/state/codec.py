"""Values to documents and back. Documents come from a file: nothing in them is trusted to have its type.

What equals its default is left out, so that lines stay short. There is no field for a secret here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields
from enum import Enum
from typing import Any, TypeVar, cast

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
    Place,
    Request,
    SourceIdentity,
    TransferOptions,
    TransferRequest,
    TransferSpec,
    Verified,
)
from engine.snapshot import Question
from engine.state.frames import Doc

E = TypeVar("E", bound=Enum)
V = TypeVar("V")


class Undecodable(ValueError):
    """A document that is not what it should be."""


# -- checked reading -------------------------------------------------------------------------------


def text(doc: Mapping[str, Any], name: str, default: str = "") -> str:
    """A string."""
    return cast(str, _typed(doc, name, str, default))


def maybe_text(doc: Mapping[str, Any], name: str) -> str | None:
    """A string, or nothing."""
    return None if doc.get(name) is None else text(doc, name)


def number(doc: Mapping[str, Any], name: str, default: int = 0) -> int:
    """A whole number."""
    return cast(int, _typed(doc, name, int, default))


def maybe_number(doc: Mapping[str, Any], name: str) -> int | None:
    """A whole number, or nothing."""
    return None if doc.get(name) is None else number(doc, name)


def real(doc: Mapping[str, Any], name: str, default: float = 0.0) -> float:
    """A number."""
    return float(_typed(doc, name, (int, float), default))


def flag(doc: Mapping[str, Any], name: str, default: bool = False) -> bool:
    """True or false."""
    value = doc.get(name, default)
    if not isinstance(value, bool):
        raise Undecodable(f"{name} is no truth value")
    return value


def choice(kind: type[E], value: object) -> E:
    """A member of an enumeration, by its value."""
    try:
        return kind(value)
    except ValueError as error:
        raise Undecodable(str(error)) from None


def _typed(doc: Mapping[str, Any], name: str, kind: type | tuple[type, ...], default: Any) -> Any:
    value = doc.get(name, default)
    if not isinstance(value, kind) or isinstance(value, bool):
        raise Undecodable(f"{name} has the wrong type")
    return value


def _doc(value: object, name: str) -> Doc:
    if not isinstance(value, dict):
        raise Undecodable(f"{name} is no document")
    return value


# -- flat values -----------------------------------------------------------------------------------


def to_doc(value: Any) -> Doc:
    """The fields of a flat frozen dataclass that differ from their defaults."""
    doc: Doc = {}
    for field in fields(value):
        content = getattr(value, field.name)
        if field.default is not MISSING and content == field.default:
            continue
        doc[field.name] = content.value if isinstance(content, Enum) else content
    return doc


def facts(doc: object) -> Facts | None:
    """Facts of one side."""
    if doc is None:
        return None
    d = _doc(doc, "facts")
    mtime = None if d.get("mtime") is None else real(d, "mtime")
    return Facts(
        number(d, "size"),
        mtime,
        maybe_text(d, "etag"),
        maybe_text(d, "version_id"),
        maybe_text(d, "storage_class"),
    )


def options(doc: object) -> TransferOptions:
    """How items are moved."""
    d = _doc(doc, "options")
    return TransferOptions(
        on_conflict=choice(ConflictPolicy, d.get("on_conflict", "ask")),
        skip_identical=flag(d, "skip_identical", True),
        part_size=maybe_number(d, "part_size"),
        move=flag(d, "move"),
        require_checksum=flag(d, "require_checksum"),
        temp_dir=maybe_text(d, "temp_dir"),
        storage_class=maybe_text(d, "storage_class"),
        sse=maybe_text(d, "sse"),
        request_payer=flag(d, "request_payer"),
        include=_texts(d, "include"),
        exclude=_texts(d, "exclude"),
    )


def _texts(doc: Doc, name: str) -> tuple[str, ...]:
    value = doc.get(name, [])
    if not isinstance(value, list | tuple) or not all(isinstance(item, str) for item in value):
        raise Undecodable(f"{name} is no list of texts")
    return tuple(value)


def problem(doc: object) -> Problem | None:
    """A failure in words."""
    if doc is None:
        return None
    d = _doc(doc, "problem")
    return Problem(
        text(d, "what"),
        text(d, "why"),
        text(d, "what_now"),
        flag(d, "retryable"),
        text(d, "code"),
        text(d, "request_id"),
    )


def question_doc(value: Question) -> Doc:
    """A question."""
    doc: Doc = {"kind": value.kind, "text": value.text, "answers": list(value.answers)}
    if value.source is not None:
        doc["source"] = to_doc(value.source)
    if value.target is not None:
        doc["target"] = to_doc(value.target)
    return doc


def question(doc: object) -> Question | None:
    """A question."""
    if doc is None:
        return None
    d = _doc(doc, "question")
    return Question(
        text(d, "kind"), text(d, "text"), _texts(d, "answers"), facts(d.get("source")), facts(d.get("target"))
    )


# -- places and items ------------------------------------------------------------------------------


def place_doc(place: Place) -> Any:
    """A path as text; an object as bucket, key and, where there is one, version."""
    if isinstance(place, LocalRef):
        return place.path
    return [place.bucket, place.key] + ([place.version_id] if place.version_id is not None else [])


def place(value: object) -> Place:
    """See `place_doc`."""
    if isinstance(value, str):
        return LocalRef(value)
    if isinstance(value, list) and len(value) in (2, 3) and all(isinstance(item, str) for item in value):
        return ObjectRef(*value)
    raise Undecodable("that is no place")


def spec_doc(spec: TransferSpec) -> Doc:
    """An item as planned."""
    doc: Doc = {"k": spec.kind.value, "s": place_doc(spec.source), "z": spec.size}
    if spec.target != spec.source:
        doc["t"] = place_doc(spec.target)
    if spec.connection is not None:
        doc["c"] = spec.connection
    if chosen := to_doc(spec.options):
        doc["o"] = chosen
    if spec.source_facts is not None:
        doc["f"] = to_doc(spec.source_facts)
    if spec.target_facts is not None:
        doc["g"] = to_doc(spec.target_facts)
    if spec.target_was_listed:
        doc["l"] = True
    if spec.root is not None:
        doc["r"] = spec.root
    if spec.refusal is not None:
        doc["x"] = spec.refusal
    return doc


def spec(doc: object) -> TransferSpec:
    """See `spec_doc`."""
    d = _doc(doc, "spec")
    source = place(d.get("s"))
    return TransferSpec(
        kind=choice(ItemKind, d.get("k")),
        source=source,
        target=place(d["t"]) if "t" in d else source,
        connection=connection(d, "c"),
        options=options(d.get("o", {})),
        size=number(d, "z", -1),
        source_facts=facts(d.get("f")),
        target_facts=facts(d.get("g")),
        target_was_listed=flag(d, "l"),
        root=maybe_text(d, "r"),
        refusal=maybe_text(d, "x"),
    )


def connection(doc: Mapping[str, Any], name: str) -> ConnectionId | None:
    """A connection's name."""
    value = maybe_text(doc, name)
    return None if value is None else ConnectionId(value)


def checkpoint_doc(value: Checkpoint) -> Doc:
    """All that a later run needs."""
    doc = to_doc(value)
    if value.identity is not None:
        i = value.identity
        doc["identity"] = [i.dev, i.inode, i.size, i.mtime_ns, i.ctime_ns]
    return doc


def checkpoint(doc: object) -> Checkpoint:
    """See `checkpoint_doc`."""
    d = _doc(doc, "checkpoint")
    identity = d.get("identity")
    if identity is not None:
        if not isinstance(identity, list) or len(identity) != 5 or not all(type(n) is int for n in identity):
            raise Undecodable("identity is no list of five numbers")
        identity = SourceIdentity(*identity)
    return Checkpoint(
        phase=text(d, "phase"),
        part_size=number(d, "part_size"),
        checksum_mode=text(d, "checksum_mode"),
        upload_id=maybe_text(d, "upload_id"),
        intent_at=real(d, "intent_at"),
        identity=identity,
        saved_at=real(d, "saved_at"),
        boot_id=text(d, "boot_id"),
        source_etag=maybe_text(d, "source_etag"),
        source_version=maybe_text(d, "source_version"),
        size=number(d, "size", -1),
        target=maybe_text(d, "target"),
        part_file=maybe_text(d, "part_file"),
        part_file_inode=number(d, "part_file_inode"),
        expected_crc=maybe_number(d, "expected_crc"),
        expected_etag=maybe_text(d, "expected_etag"),
        verified=None if d.get("verified") is None else choice(Verified, d["verified"]),
        answer=maybe_text(d, "answer"),
    )


def part_doc(item: int, part: ConfirmedPart) -> Doc:
    """A confirmed part of an item."""
    doc: Doc = {"i": item, "n": part.number, "l": part.length}
    if part.crc is not None:
        doc["c"] = part.crc
    if part.etag:
        doc["e"] = part.etag
    if part.boot_id:
        doc["b"] = part.boot_id
    if part.synced:
        doc["s"] = True
    return doc


def part(doc: object) -> tuple[int, ConfirmedPart]:
    """Item and part."""
    d = _doc(doc, "part")
    return number(d, "i"), ConfirmedPart(
        number(d, "n"), number(d, "l"), maybe_number(d, "c"), text(d, "e"), text(d, "b"), flag(d, "s")
    )


# -- requests --------------------------------------------------------------------------------------


def request_doc(request: Request) -> Doc:
    """What was asked for."""
    if isinstance(request, DeleteRequest):
        doc: Doc = {"delete": [place_doc(target) for target in request.targets]}
        if request.connection is not None:
            doc["c"] = request.connection
        return doc
    doc = {
        "from": [place_doc(source) for source in request.sources],
        "to": place_doc(request.target),
        "c": request.connection,
        "o": to_doc(request.options),
    }
    if request.target_connection is not None:
        doc["d"] = request.target_connection
    if request.under_base_name:
        doc["u"] = True
    return doc


def request(doc: object) -> Request | None:
    """See `request_doc`."""
    if doc is None:
        return None
    d = _doc(doc, "request")
    if "delete" in d:
        return DeleteRequest(_places(d, "delete"), connection(d, "c"))
    return TransferRequest(
        _places(d, "from"),
        place(d.get("to")),
        ConnectionId(text(d, "c")),
        options(d.get("o", {})),
        connection(d, "d"),
        flag(d, "u"),
    )


def _places(doc: Doc, name: str) -> tuple[Place, ...]:
    value = doc.get(name)
    if not isinstance(value, list):
        raise Undecodable(f"{name} is no list of places")
    return tuple(place(item) for item in value)
