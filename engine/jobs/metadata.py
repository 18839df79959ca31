"""What goes with an object beside its bytes."""

from __future__ import annotations

import math
import mimetypes
from collections.abc import Mapping

from engine.model import TransferOptions

MTIME = "mtime"
"""Name of the metadata in which rclone keeps the time of a file too: seconds since the epoch."""


def mtime_text(mtime_ns: int) -> str:
    """As rclone writes it.

    >>> mtime_text(1_523_454_562_123_456_789)
    '1523454562.123456789'
    """
    sign = "-" if mtime_ns < 0 else ""
    seconds, nanoseconds = divmod(abs(mtime_ns), 10**9)
    return f"{sign}{seconds}.{nanoseconds:09d}"


def mtime_of(metadata: Mapping[str, str], last_modified: float) -> float | None:
    """The time to give to a downloaded file: the one it once had, else that of the object."""
    try:
        mtime = float(metadata[MTIME])
    except (KeyError, ValueError):
        mtime = last_modified
    return mtime if math.isfinite(mtime) and mtime > 0 else None


def content_type(path: str) -> str | None:
    """Guessed from the name; ``None`` where it says nothing."""
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
