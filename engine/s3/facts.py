"""What S3 tells of objects, parts and uploads, as values; the same for both planes."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

_METADATA = "x-amz-meta-"
_MONTHS = {
    name: number
    for number, name in enumerate(
        ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"), 1
    )
}


@dataclass(frozen=True, slots=True)
class ObjectFacts:
    """What a HEAD (or the headers of a GET) told of one object."""

    size: int
    """Bytes of the whole object."""
    mtime: float
    """Seconds since the epoch, whole ones; 0.0 where the server did not say."""
    etag: str
    """Without quotes."""
    version_id: str | None = None
    storage_class: str | None = None
    """``None`` for the standard one."""
    content_type: str | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    """The user's own, by lower-case name without ``x-amz-meta-``."""
    crc32: int | None = None
    """Of the whole object, or, where `checksum_type` is ``COMPOSITE``, of its parts' checksums."""
    crc64nvme: str | None = None
    """Base64, as sent; always of the whole object."""
    checksum_type: str | None = None
    """``FULL_OBJECT`` or ``COMPOSITE``; ``None`` where there is no checksum or the server does not say."""
    parts_count: int | None = None
    sse: str | None = None
    restore: str | None = None
    """State of a restore from a cold storage class, in the server's words."""


@dataclass(frozen=True, slots=True)
class ObjectVersion:
    """One version of an object, or a delete marker, as ListObjectVersions tells."""

    key: str
    version_id: str
    """``null`` for what was stored while the bucket kept no versions."""
    mtime: float
    """Seconds since the epoch; 0.0 where the server did not say."""
    size: int = -1
    """Bytes; -1 for a delete marker."""
    is_latest: bool = False
    """It is what the key without a version means: the object, or, as a marker, that there is none."""
    is_marker: bool = False
    etag: str = ""
    """Without quotes."""
    storage_class: str = ""


@dataclass(frozen=True, slots=True)
class ServerPart:
    """One part of an unfinished upload, as ListParts tells."""

    number: int
    size: int
    etag: str
    """Without quotes."""
    crc32: int | None = None
    """``None`` where the server keeps or tells none."""


@dataclass(frozen=True, slots=True)
class DonePart:
    """One part as CompleteMultipartUpload wants it."""

    number: int
    etag: str
    """Without quotes."""
    crc: int | None = None
    """CRC32 of its bytes."""


@dataclass(frozen=True, slots=True)
class Completed:
    """What Complete made of the parts."""

    etag: str
    """Without quotes."""
    version_id: str | None = None


@dataclass(frozen=True, slots=True)
class OpenUpload:
    """One unfinished upload, as ListMultipartUploads tells."""

    key: str
    upload_id: str
    initiated: float
    """Seconds since the epoch, by the server's clock; 0.0 where it did not say."""


def object_facts(headers: Mapping[str, str], size: int) -> ObjectFacts:
    """The facts in a reply's headers.

    Args:
        headers: By lower-case name.
        size: Of the whole object: a ranged reply's ``content-length`` is not it.
    """
    get = headers.get
    parts, modified = get("x-amz-mp-parts-count", ""), get("last-modified", "")
    crc, kind = get("x-amz-checksum-crc32", ""), get("x-amz-checksum-type")
    if crc and kind is None and "-" in crc:
        kind = "COMPOSITE"
    return ObjectFacts(
        size,
        http_time(modified) if modified else 0.0,
        plain_etag(get("etag", "")),
        version_id=plain_version(get("x-amz-version-id")),
        storage_class=get("x-amz-storage-class"),
        content_type=get("content-type"),
        metadata={
            name[len(_METADATA) :]: value for name, value in headers.items() if name.startswith(_METADATA)
        },
        crc32=crc32_from_base64(crc),
        crc64nvme=get("x-amz-checksum-crc64nvme"),
        checksum_type=kind,
        parts_count=int(parts) if parts.isdecimal() else None,
        sse=get("x-amz-server-side-encryption") or get("x-amz-server-side-encryption-customer-algorithm"),
        restore=get("x-amz-restore"),
    )


def plain_etag(etag: str | None) -> str:
    """An ETag without its quotes.

    >>> plain_etag('"abc-2"')
    'abc-2'
    """
    return (etag or "").strip().removeprefix("W/").strip('"')


def plain_version(version_id: str | None) -> str | None:
    """A version id; ``None`` for ``null``, which stands for "not versioned"."""
    return version_id if version_id and version_id != "null" else None


def http_time(text: str) -> float:
    """An HTTP date as seconds since the epoch; 0.0 for what is none."""
    try:
        if len(text) == 29 and text[-4:] == " GMT" and (month := _MONTHS.get(text[8:11])):
            # The form that every server sends, in a tenth of the time.
            day, year = int(text[5:7]), int(text[12:16])
            clock = int(text[17:19]), int(text[20:22]), int(text[23:25])
            return datetime(year, month, day, *clock, tzinfo=UTC).timestamp()
        from email.utils import parsedate_to_datetime

        return parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):
        return 0.0


def crc32_to_base64(crc: int) -> str:
    """A CRC32 as checksum headers carry it.

    >>> crc32_to_base64(0xCBF43926)
    'y/Q5Jg=='
    """
    return base64.b64encode(crc.to_bytes(4, "big")).decode("ascii")


def crc32_from_base64(text: str | None) -> int | None:
    """The CRC32 in a checksum header (a composite's ``-N`` is dropped); ``None`` if there is none.

    >>> hex(crc32_from_base64('y/Q5Jg==-3') or 0)
    '0xcbf43926'
    """
    if not text:
        return None
    try:
        raw = base64.b64decode(text.partition("-")[0], validate=True)
    except (binascii.Error, ValueError):
        return None
    return int.from_bytes(raw, "big") if len(raw) == 4 else None
