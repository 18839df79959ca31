"""The form of what can be changed of objects: what it shows, what was typed into it, what is to be changed. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import Enum

from engine import ObjectProperties, PropertyChange

CLASSES = (
    ("STANDARD", "at once, no least time"),
    ("STANDARD_IA", "at once, for what is seldom read"),
    ("ONEZONE_IA", "at once, in one zone only"),
    ("INTELLIGENT_TIERING", "moves by itself to what is cheaper"),
    ("GLACIER_IR", "at once, for what is read once a quarter"),
    ("GLACIER", "archived: must be restored before it can be read"),
    ("DEEP_ARCHIVE", "archived: restoring takes half a day or more"),
)
"""Storage classes and how they are read."""
ARCHIVED = frozenset(("GLACIER", "DEEP_ARCHIVE"))

HEADERS = (
    ("content-type", "Content type"),
    ("cache-control", "Cache control"),
    ("content-disposition", "Disposition"),
    ("content-encoding", "Content encoding"),
    ("content-language", "Language"),
)
AS_IT_IS = "(as it is)"
NONE = "(none)"

_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,256}")
"""What may be the end of a header's name."""
MOST_TAGS = 10


class Kind(Enum):
    """What a line of the form is about."""

    STORAGE = "storage class"
    HEADER = "header"
    METADATA = "metadata"
    TAG = "tag"


@dataclass(frozen=True, slots=True)
class Field:
    """One line of the form."""

    kind: Kind
    name: str
    """Of the header, metadata or tag, raw; empty for the line that adds one."""
    label: str
    old: str | None
    """What it is; ``None`` for nothing, or for not known (several objects)."""
    new: str | None
    """What it shall be; ``None`` for nothing."""
    is_touched: bool = False
    """The user has said what it shall be."""

    @property
    def adds(self) -> bool:
        """It is the line with which metadata or tags are added."""
        return not self.name and self.kind in (Kind.METADATA, Kind.TAG)

    @property
    def is_changed(self) -> bool:
        """It is to be another."""
        return self.is_touched and (self.new != self.old or self.old is None)


class PropertyForm:
    """The lines of a form, for one object, or for several whose present values are not asked for."""

    def __init__(self, found: ObjectProperties | None) -> None:
        self.found = found
        self.fields: list[Field] = list(_fields(found))

    @property
    def is_for_several(self) -> bool:
        """What the objects have is not known; only what is said is changed."""
        return self.found is None

    def set(self, index: int, value: str | None) -> None:
        """A line shall be so; ``None`` takes it away."""
        field = self.fields[index]
        if field.adds:
            return
        self.fields[index] = replace(field, new=value, is_touched=True)

    def reset(self, index: int) -> None:
        """A line is as it was; one that was added is gone."""
        field = self.fields[index]
        if field.is_touched and field.old is None and field.kind in (Kind.METADATA, Kind.TAG):
            del self.fields[index]
        else:
            self.fields[index] = replace(field, new=field.old, is_touched=False)

    def add(self, kind: Kind, text: str) -> None:
        """One more, from ``name=value``; ``-name`` takes one away. The last word on a name counts."""
        name, value = parsed(kind, text)
        for index, field in enumerate(self.fields):
            if field.kind is kind and field.name == name:
                self.set(index, value)
                return
        at = next(i for i, field in enumerate(self.fields) if field.kind is kind and field.adds)
        label = ("Metadata " if kind is Kind.METADATA else "Tag ") + name
        self.fields.insert(at, Field(kind, name, label, None, value, True))

    def change(self) -> PropertyChange:
        """What is to be another."""

        def deltas(kind: Kind) -> tuple[tuple[str, str | None], ...]:
            return tuple((f.name, f.new) for f in self.fields if f.kind is kind and f.is_changed)

        storage = next((f.new for f in self.fields if f.kind is Kind.STORAGE and f.is_changed), None)
        return PropertyChange(storage, deltas(Kind.HEADER), deltas(Kind.METADATA), deltas(Kind.TAG))

    def check(self, kind: Kind, text: str) -> str:
        """What is wrong with what was typed to add one, or nothing."""
        if not text.strip():
            return ""
        if not text.startswith("-") and "=" not in text:
            return "Write name=value; -name takes it away"
        name, value = parsed(kind, text)
        if kind is Kind.METADATA:
            if not _NAME.fullmatch(name):
                return "Names of metadata have letters, digits, dots, dashes and underscores only"
            return value_problem(value or "")
        if not 0 < len(name) <= 128 or len(value or "") > 256:
            return "A tag has a name of 1 to 128 characters and a value of up to 256"
        count = sum(f.kind is Kind.TAG and not f.adds and f.new is not None for f in self.fields)
        known = any(f.kind is Kind.TAG and f.name == name for f in self.fields)
        return f"An object has at most {MOST_TAGS} tags" if count >= MOST_TAGS and not known else ""


def parsed(kind: Kind, text: str) -> tuple[str, str | None]:
    """Name and value of what was typed.

    >>> parsed(Kind.TAG, "team = ops"), parsed(Kind.METADATA, "-Author")
    (('team', 'ops'), ('author', None))
    """
    if text.startswith("-") and "=" not in text:
        name, value = text[1:].strip(), None
    else:
        name, _, raw = text.partition("=")
        name, value = name.strip(), raw.strip()
    return (name.lower() if kind is Kind.METADATA else name), value


def value_problem(value: str) -> str:
    """What is wrong with the value of a header, or nothing."""
    if not value.isascii() or not value.isprintable():
        return "Headers and metadata hold plain ASCII only"
    return ""


def shown(field: Field, several: bool) -> str:
    """The value in a line, raw: what it is, and what it shall be."""
    if field.adds:
        return ""
    old = field.old if field.old is not None else AS_IT_IS if several else NONE
    if not field.is_changed:
        return old
    new = field.new if field.new is not None else NONE
    return f"{old} → {new}" if field.old is not None else new


def _fields(found: ObjectProperties | None) -> Iterator[Field]:
    storage = found.storage_class if found is not None else None
    yield Field(Kind.STORAGE, "", "Storage class", storage, storage)
    headers = dict(found.headers) if found is not None else {}
    for name, label in HEADERS:
        yield Field(Kind.HEADER, name, label, headers.get(name), headers.get(name))
    for name, value in found.metadata if found is not None else ():
        yield Field(Kind.METADATA, name, f"Metadata {name}", value, value)
    yield Field(Kind.METADATA, "", "+ metadata", None, None)
    for name, value in found.tags if found is not None else ():
        yield Field(Kind.TAG, name, f"Tag {name}", value, value)
    yield Field(Kind.TAG, "", "+ tag", None, None)
