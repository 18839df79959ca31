"""Reading the fields of a document that comes from a file: nothing in it is trusted to have its type."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from functools import lru_cache
from sys import intern
from typing import Any, TypeVar

from engine.model import ConnectionId
from engine.state.frames import Doc

E = TypeVar("E", bound=Enum)
Source = Mapping[str, Any]

_MOST = 1 << 80
"""No number on record is larger."""


class Undecodable(ValueError):
    """A document that is not what it should be."""


def text(doc: Source, name: str, default: str = "") -> str:
    """A string."""
    value = doc.get(name, default)
    if type(value) is not str:
        raise Undecodable(f"{name} is no text")
    return value


def maybe_text(doc: Source, name: str) -> str | None:
    """A string, or nothing."""
    value = doc.get(name)
    if value is not None and type(value) is not str:
        raise Undecodable(f"{name} is no text")
    return value


def word(doc: Source, name: str, default: str = "") -> str:
    """A string that many documents have in common: in memory it is there once."""
    return intern(text(doc, name, default))


def maybe_word(doc: Source, name: str) -> str | None:
    """As `word`, or nothing."""
    value = maybe_text(doc, name)
    return None if value is None else intern(value)


def number(doc: Source, name: str, default: int = 0, *, least: int = 0, most: int = _MOST) -> int:
    """A whole number from `least` to `most`."""
    value = doc.get(name, default)
    if type(value) is not int or not least <= value <= most:
        raise Undecodable(f"{name} is no number from {least} on")
    return value


def maybe_number(doc: Source, name: str, *, most: int = _MOST) -> int | None:
    """A whole number from 0 to `most`, or nothing."""
    return None if doc.get(name) is None else number(doc, name, most=most)


def real(doc: Source, name: str, default: float = 0.0) -> float:
    """A finite number."""
    return _finite(doc.get(name, default), name)


def maybe_real(doc: Source, name: str) -> float | None:
    """A finite number, or nothing."""
    value = doc.get(name)
    return None if value is None else _finite(value, name)


def _finite(value: object, name: str) -> float:
    # NaN is not between any two numbers.
    if (type(value) is float or type(value) is int) and -_MOST <= value <= _MOST:
        return float(value)
    raise Undecodable(f"{name} is no number")


def flag(doc: Source, name: str, default: bool = False) -> bool:
    """True or false."""
    value = doc.get(name, default)
    if type(value) is not bool:
        raise Undecodable(f"{name} is no truth value")
    return value


def choice(kind: type[E], value: object) -> E:
    """A member of an enumeration, by its value."""
    member: E | None = _members(kind).get(value) if type(value) is str else None
    if member is None:
        raise Undecodable(f"{value!r:.40} is no {kind.__name__}")
    return member


@lru_cache
def _members(kind: type[Enum]) -> Mapping[str, Any]:
    """By their values: calling the class takes three times as long."""
    return {member.value: member for member in kind}


def maybe_choice(kind: type[E], value: object) -> E | None:
    """A member of an enumeration, or nothing."""
    return None if value is None else choice(kind, value)


def texts(doc: Source, name: str) -> tuple[str, ...]:
    """A list of strings."""
    value = doc.get(name, ())
    if not isinstance(value, list | tuple) or not all(type(item) is str for item in value):
        raise Undecodable(f"{name} is no list of texts")
    return tuple(map(intern, value))


def numbers(doc: Source, name: str) -> tuple[int, ...]:
    """A list of whole numbers from 0 on."""
    value = doc.get(name, ())
    if not isinstance(value, list | tuple) or not all(
        type(item) is int and 0 <= item <= _MOST for item in value
    ):
        raise Undecodable(f"{name} is no list of numbers")
    return tuple(value)


def connection(doc: Source, name: str) -> ConnectionId | None:
    """A connection's name, or nothing."""
    value = maybe_word(doc, name)
    return None if value is None else ConnectionId(value)


def document(value: object, name: str) -> Doc:
    """A document inside another one."""
    if not isinstance(value, dict):
        raise Undecodable(f"{name} is no document")
    return value
