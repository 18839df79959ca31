"""Changing one value in a TOML text and nothing else: comments, order and spacing stay.

The text is cut into statements by asking the standard parser where one ends, and what comes out is parsed and compared
with what was meant. What cannot be changed that way (an inline table, say) is refused and stays as it is: a settings
file with a mistake in it would keep the program from starting.
"""

from __future__ import annotations

import copy
import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Value = str | bool | int | list[str]

_BARE = re.compile(r"[A-Za-z0-9_-]+")


class CannotEdit(ValueError):
    """The text is such that the change has to be made by hand."""


@dataclass(frozen=True, slots=True)
class _Statement:
    """Lines ``first`` to before ``end``; a key and its value, or the head of a table."""

    first: int
    end: int
    path: tuple[str, ...]
    """The table it heads; of a value the names that lead to it in its table."""
    is_head: bool


def with_value(text: str, table: tuple[str, ...], key: str, value: Value | None) -> str:
    """The text with one value set, or (``None``) taken out.

    >>> with_value('workers = 8  # of 16\\n', (), "workers", 4)
    'workers = 4  # of 16\\n'

    Args:
        table: Names of the tables it is in, outermost first; empty for the top. It is made where there is none.

    Raises:
        CannotEdit: The text is no TOML, or the change cannot be made without touching anything else.
    """
    before = _parsed(text)
    lines = text.splitlines(keepends=True)
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n"
    statements = list(_statements(lines))
    section = _section(statements, table)
    found = next((s for s in section if not s.is_head and s.path == (key,)), None)
    if found is not None:
        new = [] if value is None else [_replaced("".join(lines[found.first : found.end]), value)]
        lines[found.first : found.end] = new
    elif value is not None:
        _insert(lines, section, statements, table, f"{_key(key)} = {_written(value)}\n")
    return _checked("".join(lines), _expected(before, table, key, value))


def without_table(text: str, table: tuple[str, ...]) -> str:
    """The text without a table and all that is in it.

    Raises:
        CannotEdit: As `with_value`.
    """
    before = _parsed(text)
    lines = text.splitlines(keepends=True)
    statements = list(_statements(lines))
    section = _section(statements, table)
    expected = copy.deepcopy(before)
    inner: Any = expected
    for name in table[:-1]:
        inner = inner.get(name, {})
    inner.pop(table[-1], None)
    if section:
        lines[section[0].first : section[-1].end] = []
    after = _parsed("".join(lines))
    for each in (after, expected):
        # An empty table above the one that went is as good as none.
        if len(table) > 1 and not each.get(table[0], True):
            del each[table[0]]
    if after != expected:
        raise CannotEdit(f"[{'.'.join(table)}] cannot be taken out by itself: edit the file")
    return "".join(lines)


# -- reading ---------------------------------------------------------------------------------------


def _parsed(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise CannotEdit(f"it is not TOML: {error}") from error


def _statements(lines: list[str]) -> Iterator[_Statement]:
    """Every value and head of a table; blank lines and comments are none."""
    at = 0
    while at < len(lines):
        if not lines[at].strip() or lines[at].lstrip().startswith("#"):
            at += 1
            continue
        end = at + 1
        while (parsed := _try("".join(lines[at:end]))) is None and end < len(lines):
            end += 1
        if parsed is None:
            raise CannotEdit("it is not TOML that can be changed by itself: edit the file")
        is_head = lines[at].lstrip().startswith("[")
        yield _Statement(at, end, _path(parsed, is_head), is_head)
        at = end


def _try(text: str) -> dict[str, Any] | None:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return None


def _path(parsed: Mapping[str, Any], is_head: bool) -> tuple[str, ...]:
    path: list[str] = []
    inner: Any = parsed
    while isinstance(inner, dict) and len(inner) == 1:
        name, inner = next(iter(inner.items()))
        path.append(name)
    return (*path, "[]") if is_head and isinstance(inner, list) else tuple(path)


def _section(statements: list[_Statement], table: tuple[str, ...]) -> list[_Statement]:
    """The head of a table and its values; for the top, those before the first head."""
    found: list[_Statement] = []
    inside = not table
    for statement in statements:
        if statement.is_head:
            inside = statement.path == table
        if inside:
            found.append(statement)
    return found


# -- writing ---------------------------------------------------------------------------------------


def _insert(
    lines: list[str],
    section: list[_Statement],
    statements: list[_Statement],
    table: tuple[str, ...],
    line: str,
) -> None:
    if section:
        at = section[-1].end
        lines[at:at] = [line]
    elif table:
        gap = ["\n"] if lines and lines[-1].strip() else []
        lines += [*gap, f"[{'.'.join(_key(name) for name in table)}]\n", line]
    else:
        first = next((s.first for s in statements), len(lines))
        # What stands right above the head of a table belongs to it.
        while first and lines[first - 1].lstrip().startswith("#"):
            first -= 1
        lines[first:first] = [line, "\n"] if first < len(lines) else [line]


def _replaced(statement: str, value: Value) -> str:
    """The statement with another value; what is said after it stays, in its column if there is room."""
    head = statement[: statement.index("=")]
    comment = _comment(statement)
    new = f"{head}= {_written(value)}"
    if not comment:
        return new + "\n"
    column = len(statement.rstrip("\n")) - len(comment)
    return f"{new.ljust(column - 1)} {comment}\n" if len(new) < column else f"{new}  {comment}\n"


def _comment(statement: str) -> str:
    """The comment at the end of a statement of one line, if there is one."""
    line = statement.rstrip("\n")
    if "\n" in line:
        return ""
    whole = tomllib.loads(line)
    for at, char in enumerate(line):
        if char == "#" and _try(line[:at]) == whole:
            return line[at:]
    return ""


def _written(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, list):
        return f"[{', '.join(_written(each) for each in value)}]"
    # JSON escapes what TOML does, but for this one character.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else _written(name)


def _expected(
    before: Mapping[str, Any], table: tuple[str, ...], key: str, value: Value | None
) -> dict[str, Any]:
    expected: dict[str, Any] = copy.deepcopy(dict(before))
    inner: Any = expected
    for name in table:
        if value is None and name not in inner:
            return expected
        inner = inner.setdefault(name, {})
        if not isinstance(inner, dict):
            raise CannotEdit(f"{name} is no table")
    if value is None:
        inner.pop(key, None)
    else:
        inner[key] = value
    return expected


def _checked(text: str, expected: Mapping[str, Any]) -> str:
    if _try(text) != expected:
        raise CannotEdit("the change cannot be made by itself: edit the file")
    return text
