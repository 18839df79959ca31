"""How records and snapshots are written down, so that damage is seen when they are read.

A document is kept as JSON text on one line, in memory too: it is small, it cannot be changed in
place by accident, and writing a snapshot is only joining texts.
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from json.encoder import encode_basestring_ascii
from typing import Any, NamedTuple, NoReturn

Doc = dict[str, Any]
Op = tuple[str, str, str | None]
"""Table, id (decimal digits), document as JSON text; ``None`` removes it.

Documents are whole, so that replaying twice does no harm."""
Texts = dict[str, dict[str, str]]
"""Tables by name, documents as text by id."""

FORMAT = 1
"""Of everything in the folder. Raise it when an older program would misread what this one writes."""

_encoder = json.JSONEncoder(separators=(",", ":"), ensure_ascii=True, allow_nan=False, check_circular=False)
_chunks: Any = None
_make = getattr(json.encoder, "c_make_encoder", None)
if _make is not None:
    # What JSONEncoder makes anew for each document, which takes as long as encoding a small one.
    _chunks = _make(None, _encoder.default, encode_basestring_ascii, None, ":", ",", False, False, False)


def encode(value: Any) -> str:
    """A document as text. ASCII only, so that undecodable bytes in paths (lone surrogates) survive.

    Raises:
        TypeError, ValueError, RecursionError: A value is none of JSON's.
    """
    return "".join(_chunks(value, 0)) if _chunks is not None else _encoder.encode(value)


_LONGEST_ID = 20


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


_decoder = json.JSONDecoder(parse_constant=_no_constant)


def decode(text: str) -> Any:
    """The value of a JSON text.

    Raises:
        ValueError: It is none; NaN and infinities are none.
    """
    try:
        value, end = _decoder.raw_decode(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if end != len(text):
        raise ValueError("something follows")
    return value


def decode_doc(text: str) -> Doc:
    """The document of a JSON text.

    Raises:
        ValueError: It is none.
    """
    doc = decode(text)
    if not isinstance(doc, dict):
        raise ValueError("it is no document")
    return doc


# -- the journal -----------------------------------------------------------------------------------


class Header(NamedTuple):
    """The first line of a segment."""

    format: int


class Record(NamedTuple):
    """One transaction."""

    seq: int
    ops: list[Op]


_BODY = 9
"""Where the text begins in a line."""
_ENTRIES_AT_A_TIME = 1000


def _framed(body: str) -> bytes:
    raw = body.encode("ascii")
    return b"%08x %s\n" % (zlib.crc32(raw), raw)


def pack_header() -> bytes:
    """What stands before the first record of a segment."""
    return _framed(encode({"journal": FORMAT}))


def pack(seq: int, ops: Sequence[Op]) -> bytearray:
    """A transaction as one line: CRC32 in hex, a blank, JSON.

    A tab, which is in no compact JSON text, stands before each entry: lines are taken apart without
    parsing the documents.

    >>> bytes(pack(7, [("parts", "3", '{"n":1}'), ("parts", "2", None)])[9:])
    b'{"q":7,"o":[\\t["parts","3",{"n":1}],\\t["parts","2",null]]}\\n'
    """
    # Grows in place: one transaction may be of a hundred thousand items, which are not to be in memory thrice.
    line = bytearray(b'00000000 {"q":%d,"o":[' % seq)
    for at in range(0, len(ops), _ENTRIES_AT_A_TIME):
        entries = [
            f'\t[{encode_basestring_ascii(table)},"{id}",{text or "null"}]'
            for table, id, text in ops[at : at + _ENTRIES_AT_A_TIME]
        ]
        line += f"{',' if at else ''}{','.join(entries)}".encode("ascii")
    line += b"]}"
    with memoryview(line) as view:
        crc = zlib.crc32(view[_BODY:])
    line[: _BODY - 1] = b"%08x" % crc
    line += b"\n"
    return line


def unpack(line: bytes | bytearray | memoryview) -> Record | Header | None:
    """What a line says, or ``None`` if it is damaged."""
    # Neither the line nor what is in it is copied: one transaction may be of a hundred thousand items.
    raw = memoryview(line)
    if len(raw) < 11 or raw[8] != ord(" ") or raw[-1] != ord("\n"):
        return None
    body = raw[9:-1]
    if bytes(raw[:8]) != b"%08x" % zlib.crc32(body):
        return None
    try:
        text = str(body, "ascii")
        if text.startswith('{"journal":'):
            return Header(_whole(decode_doc(text)["journal"]))
        if not text.endswith("]}"):
            return None
        begin, *entries = text[:-2].split("\t")
        if entries:
            entries[-1] += ","
        if not begin.startswith('{"q":') or not begin.endswith(',"o":['):
            return None
        return Record(_whole(int(begin[5:-6])), [_op(entry) for entry in entries])
    except (ValueError, KeyError, TypeError):
        return None


def _whole(value: object) -> int:
    if type(value) is not int or value < 0:
        raise ValueError("that is no number of a record")
    return value


def _op(entry: str) -> Op:
    table, _, rest = entry.partition('","')
    id, _, rest = rest.partition('",')
    if table[:2] != '["' or rest[-2:] != "],":
        raise ValueError("that is no entry")
    name, text = _table_name(table[1:] + '"'), rest[:-2]
    if not is_id(id) or not (text == "null" or (text[:1] == "{" and text[-1] == "}")):
        raise ValueError("that is no document")
    return name, id, None if text == "null" else text


@lru_cache
def _table_name(text: str) -> str:
    return str(decode(text))


def is_id(id: str) -> bool:
    """A document may have this id."""
    return id.isascii() and id.isdecimal() and len(id) <= _LONGEST_ID


# -- the snapshot ----------------------------------------------------------------------------------
# {"_meta":{"1":{"format":1,"seq":17,"crc":"0badcafe"}},
# "transfers":{
# "1":{...},
# "2":{...}
# }
# }
# The CRC is that of the whole file with zeros in its place.

_FORMAT_IN_HEAD = re.compile(rb'\{"_meta":\{"1":\{"format":([0-9]{1,9})')
_WHOLE_HEAD = re.compile(_FORMAT_IN_HEAD.pattern + rb',"seq":([0-9]{1,18}),"crc":"([0-9a-f]{8})"\}\}')
_HEAD = '{"_meta":{"1":{"format":%d,"seq":%d,"crc":"%08x"}}'


class Snapshot(NamedTuple):
    """All tables as they were after record `seq`."""

    format: int
    seq: int
    tables: Texts


def snapshot_head(seq: int, crc: int = 0) -> bytes:
    """The beginning of a snapshot; its length does not depend on the CRC."""
    return (_HEAD % (FORMAT, seq, crc)).encode("ascii")


def table_start(name: str) -> str:
    """What stands before the first document of a table."""
    return f",\n{encode_basestring_ascii(name)}:{{\n"


TABLE_END = "\n}"
SNAPSHOT_END = "\n}\n"


def read_snapshot(raw: bytes | bytearray) -> Snapshot | None:
    """What a snapshot says; ``None`` if it is damaged. Of a newer format, only the number."""
    start = bytes(raw[:200])
    if (begins := _FORMAT_IN_HEAD.match(start)) is None:
        return None
    if int(begins[1]) > FORMAT:
        return Snapshot(int(begins[1]), -1, {})
    if (whole := _WHOLE_HEAD.match(start)) is None:
        return None
    head = (_HEAD % (int(whole[1]), int(whole[2]), 0)).encode("ascii")
    with memoryview(raw) as view:
        if whole[3] != b"%08x" % zlib.crc32(view[len(head) :], zlib.crc32(head)):
            return None
    try:
        tables = _read_tables(_lines(raw, len(head)))
    except (ValueError, IndexError):
        return None
    return Snapshot(int(whole[1]), int(whole[2]), tables)


_PIECE_BYTES = 256 * 1024
"""Made lines at a time: all lines of a long queue at once would be three times its size in memory."""


def _lines(raw: bytes | bytearray, position: int) -> Iterator[str]:
    while position < len(raw):
        end = raw.find(b"\n", position + _PIECE_BYTES)
        if end < 0:
            end = len(raw)
        yield from raw[position:end].decode("ascii").split("\n")
        position = end + 1


def _read_tables(lines: Iterable[str]) -> Texts:
    tables: Texts = {}
    docs: dict[str, str] = {}
    for line in lines:
        if line.endswith(","):
            line = line[:-1]
        if line.endswith(":{"):
            docs = tables[str(decode(line[:-2]))] = {}
        elif line not in ("}", ""):
            key, _, doc = line.partition(":")
            id = key[1:-1]
            if not is_id(id) or doc[:1] != "{" or doc[-1] != "}":
                raise ValueError("that is no document")
            docs[id] = doc
    return tables
