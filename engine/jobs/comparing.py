"""Is what a file holds just what an object holds? Proven by content, or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.jobs.proof import is_md5_etag, multipart_count
from engine.jobs.source import SourceFile
from engine.model import DEFAULT_PART_SIZE, ObjectRef, Verified
from engine.pace.cancel import CancelToken
from engine.parts import MIN_PART_SIZE, multipart_etag, plan_parts
from engine.s3.facts import ObjectFacts

if TYPE_CHECKING:
    from engine.s3.connection import Connection


def prove_equal(
    connection: Connection,
    ref: ObjectRef,
    file: SourceFile,
    token: CancelToken,
    *,
    part_size: int | None = None,
    request_payer: bool = False,
) -> Verified | None:
    """What proves that both hold the same bytes; ``None`` if they differ, or if nothing proves it.

    Args:
        part_size: With which the object may have been uploaded, where that is known.
    """
    facts = connection.wire.head_object(ref, token=token, request_payer=request_payer)
    if facts.size != file.size:
        return None
    if facts.crc32 is not None and facts.checksum_type != "COMPOSITE":
        return Verified.CRC if file.crc_of(0, file.size, token) == facts.crc32 else None
    if facts.crc32 is not None:
        parts = connection.control.part_checksums(ref, request_payer=request_payer)
        if parts is not None and sum(size for size, _ in parts) == file.size:
            return Verified.CRC if _parts_equal(file, parts, token) else None
    if is_md5_etag(facts):
        _, md5 = file.crc_and_md5_of(0, file.size, token)
        return Verified.ETAG if md5.hex() == facts.etag else None
    return _by_multipart_etag(file, facts, token, part_size)


def _parts_equal(file: SourceFile, parts: list[tuple[int, int]], token: CancelToken) -> bool:
    offset = 0
    for size, crc in parts:
        if file.crc_of(offset, size, token) != crc:
            return False
        offset += size
    return True


def _by_multipart_etag(
    file: SourceFile, facts: ObjectFacts, token: CancelToken, part_size: int | None
) -> Verified | None:
    """Try the part sizes that give the object's number of parts: ours, and those other tools use."""
    count = multipart_count(facts.etag)
    if count is None:
        return None
    for size in dict.fromkeys((part_size, DEFAULT_PART_SIZE, MIN_PART_SIZE, 2 * DEFAULT_PART_SIZE)):
        if size is None or -(-file.size // size) != count:
            continue
        md5s = [
            file.crc_and_md5_of(part.offset, part.length, token)[1] for part in plan_parts(file.size, size)
        ]
        if multipart_etag(md5s) == facts.etag:
            return Verified.ETAG
    return None
