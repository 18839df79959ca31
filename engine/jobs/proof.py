"""What proves that an object holds certain bytes. Pure."""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence

from engine.errors import Permanent
from engine.model import TransferOptions, Verified
from engine.parts import multipart_etag
from engine.s3.facts import ObjectFacts

_MD5 = re.compile(r"[0-9a-f]{32}")
_MULTIPART = re.compile(r"([0-9a-f]{32})-([0-9]{1,5})")


def is_md5_etag(facts: ObjectFacts) -> bool:
    """The ETag may be the MD5 of the content: it has the form, and no key of the server's was used."""
    encrypted = (facts.sse or "").startswith(("aws:kms", "SSE-C", "AES256-C"))
    return _MD5.fullmatch(facts.etag) is not None and not encrypted


def multipart_count(etag: str) -> int | None:
    """How many parts an ETag of the multipart form tells of."""
    found = _MULTIPART.fullmatch(etag)
    return int(found[2]) if found else None


def composite_crc(crcs: Sequence[int]) -> int:
    """The checksum of the parts' checksums, as S3 makes it for COMPOSITE objects."""
    return zlib.crc32(b"".join(crc.to_bytes(4, "big") for crc in crcs))


def predicted_etag(part_etags: Sequence[str]) -> str | None:
    """The ETag of an object of these parts where the server follows AWS; ``None`` if theirs are no MD5s."""
    if not part_etags or not all(_MD5.fullmatch(etag) for etag in part_etags):
        return None
    return multipart_etag(bytes.fromhex(etag) for etag in part_etags)


def proof_of_parts(
    facts: ObjectFacts, size: int, crc: int | None, crcs: Sequence[int], etags: Sequence[str]
) -> Verified | None:
    """What proves that an object is made of these parts; ``None`` if it is another.

    Args:
        crc: CRC32 of the whole, if every part has one.
        crcs: Of the parts in order, if every part has one.
        etags: Of the parts in order, as the server gave them.
    """
    if facts.size != size:
        return None
    if facts.crc32 is not None and crc is not None:
        if facts.checksum_type == "COMPOSITE":
            return Verified.CRC if facts.crc32 == composite_crc(crcs) else None
        return Verified.CRC if facts.crc32 == crc else None
    predicted = predicted_etag(etags)
    if predicted is not None and predicted == facts.etag:
        return Verified.ETAG
    return Verified.SIZE


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
