"""What proves that an object holds certain bytes. Pure."""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence

from engine.errors import Permanent
from engine.model import TransferOptions, Verified
from engine.s3.facts import ObjectFacts

_MD5 = re.compile(r"[0-9a-f]{32}")
_MULTIPART = re.compile(r"([0-9a-f]{32})-([0-9]{1,5})")


def is_md5(etag: str) -> bool:
    """The ETag has the form of an MD5."""
    return _MD5.fullmatch(etag) is not None


def is_md5_etag(facts: ObjectFacts) -> bool:
    """The ETag may be the MD5 of the content: it has the form, and no key of the server's was used."""
    encrypted = (facts.sse or "").startswith(("aws:kms", "aws:fsx", "SSE-C", "AES256-C"))
    return is_md5(facts.etag) and not encrypted


def multipart_count(etag: str) -> int | None:
    """How many parts an ETag of the multipart form tells of."""
    found = _MULTIPART.fullmatch(etag)
    return int(found[2]) if found else None


def composite_crc(crcs: Sequence[int]) -> int:
    """The checksum of the parts' checksums, as S3 makes it for COMPOSITE objects."""
    return zlib.crc32(b"".join(crc.to_bytes(4, "big") for crc in crcs))


def checksum_says(facts: ObjectFacts, whole: int | None, parts: Sequence[int] = ()) -> bool | None:
    """Whether the server's CRC32 is that of our bytes; ``None`` if it says nothing of them.

    Args:
        whole: CRC32 of all bytes.
        parts: Of each part, if the object was made of just these.
    """
    if facts.crc32 is None or whole is None:
        return None
    if facts.checksum_type == "COMPOSITE":
        return facts.crc32 == composite_crc(parts) if parts else None
    return facts.crc32 == whole


def demand(options: TransferOptions, verified: Verified, operation: str, subject: str) -> Verified:
    """Accept a proof.

    Raises:
        Permanent: ``no-checksum``: only the sizes could be compared, and that is not enough.
    """
    if verified is Verified.SIZE and options.require_checksum:
        raise Permanent("no-checksum", operation=operation, subject=subject)
    return verified


def mismatch(operation: str, subject: str, detail: str) -> Permanent:
    """The bytes are not what they should be."""
    return Permanent("checksum-mismatch", operation=operation, subject=subject, detail=detail)
