"""One line of the journal, and the whole of a snapshot: written so that damage is seen."""

from __future__ import annotations

import json
import zlib
from typing import Any, NamedTuple

Doc = dict[str, Any]
Tables = dict[str, dict[str, Doc]]
Op = tuple[str, str, Doc | None]
"""Table, id, document; ``None`` removes it. Documents are whole, so that replaying twice does no harm."""

FORMAT = 1

_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=True, allow_nan=False).encode


class Record(NamedTuple):
    """One transaction."""

    seq: int
    ops: list[Op]


def pack(seq: int, ops: list[Op]) -> bytes:
    """One line: CRC32 in hex, a blank, JSON.

    Raises:
        TypeError, ValueError: A document holds what JSON cannot.
    """
    body = _encode({"q": seq, "o": ops}).encode("ascii")
    return b"%08x %s\n" % (zlib.crc32(body), body)


def unpack(line: bytes) -> Record | None:
    """The record of a line, or ``None`` if it is damaged."""
    if len(line) < 11 or line[8:9] != b" " or line[-1:] != b"\n":
        return None
    body = line[9:-1]
    try:
        if int(line[:8], 16) != zlib.crc32(body):
            return None
        value = json.loads(body)
        ops = [(table, id, doc) for table, id, doc in value["o"]]
        return Record(int(value["q"]), ops)
    except (ValueError, KeyError, TypeError):
        return None


_HEAD = '{"_meta":{"1":{"format":%d,"seq":%d,"crc":"%08x"}}'


def head(seq: int, crc: int) -> bytes:
    """The beginning of a snapshot; the same length whatever the CRC is."""
    return (_HEAD % (FORMAT, seq, crc)).encode("ascii")


def encode_doc(doc: Doc) -> str:
    """A document as JSON."""
    return _encode(doc)


def read_snapshot(raw: bytes) -> tuple[int, int, Tables] | None:
    """Format, sequence number and tables of a snapshot; ``None`` if it is damaged.

    Of a newer format only the number is told, with sequence -1.
    """
    try:
        value = json.loads(raw)
        meta = value.pop("_meta")["1"]
        number, seq = int(meta["format"]), int(meta["seq"])
        if number > FORMAT:
            return number, -1, {}
        start = len(head(seq, 0))
        if zlib.crc32(memoryview(raw)[start:]) != int(meta["crc"], 16):
            return None
        return number, seq, value
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
