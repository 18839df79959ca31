"""The engine's values to documents and back.

What equals its default is left out, and names are short where there are many of them, so that
lines stay short. There is no field for a secret here. Fields that are not known are ignored.
"""

from __future__ import annotations

from dataclasses import MISSING, fields
from enum import Enum
from functools import lru_cache
from sys import intern
from typing import Any

from engine.errors import Problem
from engine.model import (
    NO_CHECKPOINT,
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
from engine.state.fields import (
    Source,
    Undecodable,
    choice,
    connection,
    document,
    flag,
    maybe_choice,
    maybe_number,
    maybe_real,
    maybe_text,
    maybe_word,
    number,
    real,
    text,
    texts,
    word,
)
from engine.state.frames import Doc

MOST_PARTS = 10_000
_MOST_CRC = 0xFFFFFFFF

# -- flat values -----------------------------------------------------------------------------------


@lru_cache
def _defaults(kind: type) -> tuple[tuple[str, Any], ...]:
    return tuple((field.name, field.default) for field in fields(kind))


def to_doc(value: Any) -> Doc:
    """The fields of a flat frozen dataclass that differ from their defaults."""
    doc: Doc = {}
    for name, default in _defaults(value.__class__):
        content = getattr(value, name)
        if default is MISSING or content != default:
            doc[name] = content.value if isinstance(content, Enum) else content
    return doc


def facts_doc(value: Facts) -> Doc:
    """Facts of one side."""
    doc: Doc = {"size": value.size}
    if value.mtime is not None:
        doc["mtime"] = value.mtime
    if value.etag is not None:
        doc["etag"] = value.etag
    if value.version_id is not None:
        doc["version_id"] = value.version_id
    if value.storage_class is not None:
        doc["storage_class"] = value.storage_class
    return doc


def facts(doc: object, expected: int | None = None) -> Facts | None:
    """See `facts_doc`; or nothing.

    Args:
        expected: A size that it may well have, and that is not kept twice then.
    """
    if doc is None:
        return None
    d = document(doc, "facts")
    size = number(d, "size", least=-1)
    return Facts(
        expected if expected is not None and expected == size else size,
        maybe_real(d, "mtime"),
        maybe_text(d, "etag") if "etag" in d else None,
        maybe_text(d, "version_id") if "version_id" in d else None,
        maybe_word(d, "storage_class") if "storage_class" in d else None,
    )


@lru_cache(maxsize=256)
def _shared(value: tuple[str, ...]) -> tuple[str, ...]:
    """The same object for equal values."""
    return value


def options_doc(options: TransferOptions) -> Doc:
    """How items are moved. The items of an operation share the document: it is not to be changed."""
    global _newest_options
    known, doc = _newest_options
    if known is not options:
        doc = to_doc(options)
        _newest_options = options, doc
    return doc


_DEFAULT_OPTIONS = TransferOptions()
_newest_options: tuple[TransferOptions, Doc] = (_DEFAULT_OPTIONS, {})
"""Items come with their operation: most have the options of the one before."""


def options(doc: object) -> TransferOptions:
    """See `options_doc`. Items that came with equal options share one value again."""
    if not doc:
        return _DEFAULT_OPTIONS
    d = document(doc, "options")
    key = repr(d)
    known = _known_options.get(key)
    if known is None:
        if len(_known_options) >= 64:
            _known_options.clear()
        known = _known_options[key] = _decoded_options(d)
    return known


_known_options: dict[str, TransferOptions] = {}
"""By the text of their document. Read and written by anyone: what is lost is only made again."""


def _decoded_options(d: Doc) -> TransferOptions:
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
        include=texts(d, "include"),
        exclude=texts(d, "exclude"),
        rate_limit=maybe_number(d, "rate_limit") or None,
    )


def problem(doc: object) -> Problem | None:
    """A failure in words (written by `to_doc`), or nothing."""
    if doc is None:
        return None
    d = document(doc, "problem")
    return Problem(
        text(d, "what"),
        word(d, "why"),
        word(d, "what_now"),
        flag(d, "retryable"),
        word(d, "code"),
        text(d, "request_id"),
    )


def question_doc(value: Question) -> Doc:
    """What an item wants to know."""
    doc: Doc = {"kind": value.kind, "text": value.text, "answers": list(value.answers)}
    if value.source is not None:
        doc["source"] = facts_doc(value.source)
    if value.target is not None:
        doc["target"] = facts_doc(value.target)
    return doc


def question(doc: object) -> Question | None:
    """See `question_doc`; or nothing."""
    if doc is None:
        return None
    d = document(doc, "question")
    return Question(
        word(d, "kind"),
        word(d, "text"),
        _shared(texts(d, "answers")),
        facts(d.get("source")),
        facts(d.get("target")),
    )


# -- places and items ------------------------------------------------------------------------------


def place_doc(place: Place) -> Any:
    """A path as text; an object as bucket, key and, where there is one, version."""
    if isinstance(place, LocalRef):
        return place.path
    if place.version_id is None:
        return [place.bucket, place.key]
    return [place.bucket, place.key, place.version_id]


def place(value: object) -> Place:
    """See `place_doc`."""
    if type(value) is str:
        return LocalRef(value)
    if type(value) is list and len(value) in (2, 3):
        bucket, key = value[0], value[1]
        version = value[2] if len(value) == 3 else ""
        if type(bucket) is str and type(key) is str and type(version) is str:
            return ObjectRef(intern(bucket), key, version if len(value) == 3 else None)
    raise Undecodable("that is no place")


def spec_doc(spec: TransferSpec) -> Doc:
    """An item as planned."""
    doc: Doc = {"k": spec.kind.word, "s": place_doc(spec.source), "z": spec.size}
    if spec.target != spec.source:
        doc["t"] = place_doc(spec.target)
    if spec.connection is not None:
        doc["c"] = spec.connection
    if spec.options is not _DEFAULT_OPTIONS and (options := options_doc(spec.options)):
        doc["o"] = options
    if spec.source_facts is not None:
        doc["f"] = facts_doc(spec.source_facts)
    if spec.target_facts is not None:
        doc["g"] = facts_doc(spec.target_facts)
    if spec.target_was_listed:
        doc["l"] = True
    if spec.root is not None:
        doc["r"] = spec.root
    if spec.refusal is not None:
        doc["x"] = spec.refusal
    return doc


def spec(doc: object) -> TransferSpec:
    """See `spec_doc`."""
    d = document(doc, "spec")
    source, size = place(d.get("s")), number(d, "z", -1, least=-1)
    return TransferSpec(
        kind=choice(ItemKind, d.get("k")),
        source=source,
        target=place(d["t"]) if "t" in d else source,
        connection=connection(d, "c"),
        options=options(d.get("o", {})),
        size=size,
        source_facts=facts(d.get("f"), size),
        target_facts=facts(d.get("g"), size),
        target_was_listed=flag(d, "l") if "l" in d else False,
        root=maybe_word(d, "r") if "r" in d else None,
        refusal=maybe_word(d, "x") if "x" in d else None,
    )


def checkpoint_doc(value: Checkpoint) -> Doc:
    """All that a later run needs, beside the parts."""
    if value is _NO_CHECKPOINT:
        return {}
    doc = to_doc(value)
    if value.identity is not None:
        i = value.identity
        doc["identity"] = [i.dev, i.inode, i.size, i.mtime_ns, i.ctime_ns]
    return doc


_NO_CHECKPOINT = NO_CHECKPOINT


def checkpoint(doc: object) -> Checkpoint:
    """See `checkpoint_doc`."""
    if not doc:
        return _NO_CHECKPOINT
    d = document(doc, "checkpoint")
    return Checkpoint(
        phase=word(d, "phase"),
        part_size=number(d, "part_size"),
        checksum_mode=word(d, "checksum_mode"),
        upload_id=maybe_text(d, "upload_id"),
        intent_at=real(d, "intent_at"),
        identity=_identity(d.get("identity")),
        saved_at=real(d, "saved_at"),
        boot_id=word(d, "boot_id"),
        source_etag=maybe_text(d, "source_etag"),
        source_version=maybe_text(d, "source_version"),
        size=number(d, "size", -1, least=-1),
        target=maybe_text(d, "target"),
        part_file=maybe_text(d, "part_file"),
        part_file_inode=number(d, "part_file_inode"),
        expected_crc=maybe_number(d, "expected_crc"),
        expected_etag=maybe_text(d, "expected_etag"),
        object_version=maybe_text(d, "object_version"),
        verified=maybe_choice(Verified, d.get("verified")),
        answer=maybe_text(d, "answer"),
        policy=None if d.get("policy") is None else choice(ConflictPolicy, d["policy"]),
        restarts=number(d, "restarts"),
    )


def _identity(value: object) -> SourceIdentity | None:
    if value is None:
        return None
    if type(value) is not list or len(value) != 5 or not all(type(item) is int for item in value):
        raise Undecodable("identity is no list of five numbers")
    return SourceIdentity(*value)


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


def part(d: Source) -> tuple[int, ConfirmedPart]:
    """Item and part."""
    return number(d, "i", least=1), ConfirmedPart(
        number(d, "n", least=1, most=MOST_PARTS),
        number(d, "l"),
        maybe_number(d, "c", most=_MOST_CRC),
        text(d, "e"),
        word(d, "b"),
        flag(d, "s"),
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
        "o": options_doc(request.options),
    }
    if request.target_connection is not None:
        doc["d"] = request.target_connection
    if request.under_base_name:
        doc["u"] = True
    return doc


def request(doc: object) -> Request | None:
    """See `request_doc`; or nothing."""
    if doc is None:
        return None
    d = document(doc, "request")
    if "delete" in d:
        return DeleteRequest(_places(d, "delete"), connection(d, "c"))
    return TransferRequest(
        sources=_places(d, "from"),
        target=place(d.get("to")),
        connection=ConnectionId(text(d, "c")),
        options=options(d.get("o", {})),
        target_connection=connection(d, "d"),
        under_base_name=flag(d, "u"),
    )


def _places(doc: Doc, name: str) -> tuple[Place, ...]:
    value = doc.get(name)
    if not isinstance(value, list):
        raise Undecodable(f"{name} is no list of places")
    return tuple(place(item) for item in value)
