"""Status line and headers of a reply, read by hand: microseconds where `http.client` takes ten times that. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from engine.errors import Retryable

MAX_HEAD = 64 * 1024
"""Bytes of status line and headers, and of any line of a chunked body."""

_HEX = re.compile(r"[0-9A-Fa-f]{1,15}")


@dataclass(slots=True)
class Head:
    """Status and headers of a reply."""

    status: int
    headers: dict[str, str]
    """Lower-case names; of repeated ones all values, joined by a comma."""
    is_old: bool = False
    """HTTP/1.0: one reply per connection."""
    length: int | None = None
    """Of the body, if it was told."""
    is_chunked: bool = False
    """The body comes in chunks; what `length` says does not count."""

    @property
    def keeps_alive(self) -> bool:
        """The server lets the connection be used again."""
        return not self.is_old and "close" not in self.headers.get("connection", "").lower()


def parse_head(text: str) -> Head:
    """Status line and headers.

    Raises:
        Retryable: ``bad-reply``: that is not HTTP, or it says contrary things.
    """
    lines = text.split("\r\n")
    version, _, rest = lines[0].partition(" ")
    status = rest[:3]
    if not version.startswith("HTTP/1.") or not (len(status) == 3 and status.isascii() and status.isdigit()):
        raise Retryable("bad-reply", detail="that is not HTTP")
    headers: dict[str, str] = {}
    del lines[0]
    for line in lines:
        raw, colon, value = line.partition(":")
        name = _names.get(raw) or _plain_name(raw)
        if not colon or not name:
            raise Retryable("bad-reply", detail="a header that is none")
        value = value.strip()
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    length = None
    if (said := headers.get("content-length")) is not None:
        if not (said.isascii() and said.isdigit() and len(said) < 19):
            raise Retryable("bad-reply", detail="a length that is no number")
        length = int(said)
    coding = headers.get("transfer-encoding", "").lower()
    if coding not in ("", "identity", "chunked"):
        raise Retryable("bad-reply", detail="a transfer encoding that was not asked for")
    return Head(int(status), headers, version == "HTTP/1.0", length, coding == "chunked")


_names: dict[str, str] = {}
"""Names of headers as servers write them, and in lower case. Read and written by anyone: what is lost is made again."""
_MOST_NAMES = 200


def _plain_name(raw: str) -> str:
    """A header's name in lower case; empty if it is none."""
    if raw[:1] in ("", " ", "\t"):
        return ""
    name = raw.rstrip().lower()
    if len(_names) < _MOST_NAMES and len(raw) < 64:
        _names[raw] = name
    return name


def chunk_size(line: str) -> int:
    """Bytes in a chunk that begins with this line.

    >>> chunk_size("1A;name=value")
    26

    Raises:
        Retryable: ``bad-reply``.
    """
    found = _HEX.fullmatch(line.partition(";")[0].strip())
    if found is None:
        raise Retryable("bad-reply", detail="a chunk without a size")
    return int(found[0], 16)


_CONTENT_RANGE = re.compile(r"bytes ([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18})")


def content_range(text: str) -> tuple[int, int, int] | None:
    """First byte, last byte and total of a Content-Range header; ``None`` if it is none.

    >>> content_range("bytes 0-9/25")
    (0, 9, 25)
    """
    found = _CONTENT_RANGE.fullmatch(text.strip())
    return (int(found[1]), int(found[2]), int(found[3])) if found else None


def retry_after(text: str | None) -> float | None:
    """Seconds that the server asked to wait; dates, which S3 never sends, do not count."""
    return float(text) if text and text.isascii() and text.isdigit() and len(text) < 10 else None
