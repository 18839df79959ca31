"""The first rows of what holds rows: CSV, TSV, JSON and JSON lines. Values stay raw until they are drawn."""

from __future__ import annotations

import csv
import itertools
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

MOST_ROWS = 1000
MOST_COLUMNS = 100
_MOST_SNIFFED = 20
_DELIMITERS = (",", "\t", ";", "|")
_CSV = (".csv", ".tsv", ".tab", ".psv")
_JSON = (".json", ".jsonl", ".ndjson", ".geojson", ".jsonld")
_GOES_WRONG = (ValueError, RecursionError)
"""What JSON fails with: bad syntax, a number of too many digits, nesting without end."""


@dataclass(frozen=True, slots=True)
class Table:
    """Some rows under their headings."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Structure:
    """What a text was found to be: a table, or one document, set out over lines."""

    table: Table | None = None
    document: str = ""


def structure_of(name: str, content_type: str, text: str, *, whole: bool) -> Structure | None:
    """The rows or the document in a text, if its name or its type says that there are any.

    Args:
        name: The file's; ``.gz`` at its end does not count.
        whole: The text is all there is; else its last row may be half a row.

    >>> structure_of("a.csv", "", "id,n\\n1,x\\n2,y", whole=False).table.rows
    (('1', 'x'),)
    """
    plain = name.lower().removesuffix(".gz")
    kind = content_type.partition(";")[0].strip().lower()
    if plain.endswith(_CSV) or kind in ("text/csv", "text/tab-separated-values"):
        found = _delimited(text, whole=whole)
        return Structure(found) if found is not None else None
    if plain.endswith(_JSON) or kind.endswith(("json", "jsonlines")):
        return _json(text, whole=whole)
    return None


def _delimited(text: str, *, whole: bool) -> Table | None:
    lines = text.splitlines(keepends=True)
    if not whole and lines:
        lines.pop()
    if not lines:
        return None
    delimiter = _delimiter(lines[:_MOST_SNIFFED])
    try:
        rows = list(itertools.islice(csv.reader(lines, delimiter=delimiter), MOST_ROWS + 1))
    except csv.Error:
        return None
    return _table(rows[0], rows[1:]) if rows else None


def _delimiter(lines: list[str]) -> str:
    """The one that stands equally often in most of the lines, the most often of those."""

    def regular(delimiter: str) -> tuple[int, int]:
        counts = [line.count(delimiter) for line in lines]
        usual = max(set(counts), key=counts.count)
        return (counts.count(usual) if usual else 0, usual)

    return max(_DELIMITERS, key=regular)


def _table(header: Iterable[str], rows: Iterable[Iterable[str]]) -> Table:
    return Table(tuple(header)[:MOST_COLUMNS], tuple(tuple(row)[:MOST_COLUMNS] for row in rows))


def _json(text: str, *, whole: bool) -> Structure | None:
    values = _lines(text, whole=whole)
    if values is None:
        values = list(itertools.islice(_elements(text), MOST_ROWS))
    if values and all(isinstance(value, dict) for value in values):
        header = list(dict.fromkeys(itertools.chain.from_iterable(values)))[:MOST_COLUMNS]
        return Structure(_table(header, ([_cell(value, key) for key in header] for value in values)))
    try:
        if whole:
            return Structure(document=json.dumps(json.loads(text), indent=2, ensure_ascii=False))
    except _GOES_WRONG:
        pass  # It is text like any other.
    return None


def _lines(text: str, *, whole: bool) -> list[Any] | None:
    """The values of JSON lines; ``None`` if it is something else."""
    lines = [line for line in text.split("\n") if line.strip()]
    if not whole and lines:
        lines.pop()
    if len(lines) < 2 or not lines[0].lstrip().startswith("{"):
        return None
    try:
        return [json.loads(line) for line in lines[:MOST_ROWS]]
    except _GOES_WRONG:
        return None


def _elements(text: str) -> Iterator[Any]:
    """The elements of a list, as far as they are whole."""
    decoder = json.JSONDecoder()
    at = _skip(text, 0)
    if not text.startswith("[", at):
        return
    at = _skip(text, at + 1)
    while at < len(text):
        try:
            value, at = decoder.raw_decode(text, at)
        except _GOES_WRONG:
            return
        yield value
        at = _skip(text, at)
        if not text.startswith(",", at):
            return
        at = _skip(text, at + 1)


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in " \t\r\n":
        at += 1
    return at


def _cell(value: dict[str, Any], key: str) -> str:
    if key not in value:
        return ""
    found = value[key]
    try:
        return found if isinstance(found, str) else json.dumps(found, ensure_ascii=False)
    except _GOES_WRONG:
        return "?"
