"""What goes with an object beside its bytes."""

from __future__ import annotations

import math
import mimetypes
import re
from collections.abc import Mapping
from fractions import Fraction
from functools import lru_cache

from engine.model import TransferOptions

MTIME = "mtime"
"""Name of the metadata in which rclone keeps the time of a file too: seconds since the epoch."""

_USUAL_SECONDS = re.compile(r"([0-9]{1,10})(?:\.([0-9]{1,9}))?")
_FAR_OFF = 2**33
"""Seconds from 1970, in the year 2242: beyond are mistakes, and what some file systems wrap around."""
_SECONDS = re.compile(r"-?[0-9]{1,10}(\.[0-9]{1,18})?")


def mtime_text(mtime_ns: int) -> str:
    """As rclone writes it.

    >>> mtime_text(1_523_454_562_123_456_789)
    '1523454562.123456789'
    """
    sign = "-" if mtime_ns < 0 else ""
    seconds, nanoseconds = divmod(abs(mtime_ns), 10**9)
    return f"{sign}{seconds}.{nanoseconds:09d}"


def mtime_of(metadata: Mapping[str, str], last_modified: float) -> float | Fraction | None:
    """The time to give to a downloaded file: exactly the one it once had, else that of the object.

    >>> mtime_of({"mtime": "1523454562.123456789"}, 7.0)
    Fraction(1523454562123456789, 1000000000)
    >>> mtime_of({"mtime": "soon"}, 7.0)
    7.0
    """
    kept = metadata.get(MTIME, "")
    if _SECONDS.fullmatch(kept):
        return Fraction(kept)
    return last_modified if math.isfinite(last_modified) and last_modified > 0 else None


def content_type(path: str) -> str | None:
    """Guessed from the name; ``None`` where it says nothing."""
    name = path.rpartition("/")[2]
    first = name.find(".")
    if first < 0:
        return None
    # Nothing before its first dot counts; a dot that hides it is no such one.
    return _kind_of("/" + name if first == 0 else "/x" + name[first:])


def mtime_ns_of(metadata: Mapping[str, str], last_modified: float) -> int | None:
    """As `mtime_of`, in nanoseconds.

    >>> mtime_ns_of({"mtime": "-1.5"}, 7.0), mtime_ns_of({}, 7.25)
    (-1500000000, 7250000000)
    """
    kept = metadata.get(MTIME, "")
    found = _USUAL_SECONDS.fullmatch(kept)
    if found is not None:
        return int(found[1]) * 10**9 + int((found[2] or "").ljust(9, "0"))
    mtime = mtime_of(metadata, last_modified)
    return round(mtime * 10**9) if mtime is not None and -_FAR_OFF < mtime < _FAR_OFF else None


@lru_cache(maxsize=512)
def _kind_of(path: str) -> str | None:
    kind, encoding = mimetypes.guess_type(path, strict=False)
    if encoding is not None:
        return {"gzip": "application/gzip", "bzip2": "application/x-bzip2", "xz": "application/x-xz"}.get(
            encoding, "application/octet-stream"
        )
    return kind


def put_headers(options: TransferOptions, metadata: Mapping[str, str], kind: str | None) -> dict[str, str]:
    """Headers of a PutObject (lower-case names)."""
    headers = {f"x-amz-meta-{name}": value for name, value in metadata.items()}
    if kind is not None:
        headers["content-type"] = kind
    if options.storage_class:
        headers["x-amz-storage-class"] = options.storage_class
    if options.sse:
        algorithm, _, key_id = options.sse.partition(":")
        if options.sse.startswith("aws:kms"):
            algorithm, key_id = "aws:kms", options.sse.removeprefix("aws:kms").lstrip(":")
        headers["x-amz-server-side-encryption"] = algorithm
        if key_id:
            headers["x-amz-server-side-encryption-aws-kms-key-id"] = key_id
    return headers
