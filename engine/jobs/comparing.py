"""Is what a file holds just what an object holds?"""

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
    found = compare_content(connection, ref, file, token, part_size=part_size, request_payer=request_payer)
    return None if found is Verified.SIZE else found


def compare_content(
    connection: Connection,
    ref: ObjectRef,
    file: SourceFile,
    token: CancelToken,
    *,
    part_size: int | None = None,
    request_payer: bool = False,
) -> Verified | None:
    """What shows that both hold the same bytes; ``None`` if something proves that they do not.

    `Verified.SIZE` says that the sizes are equal and the server offers nothing else to compare by.

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
) -> Verified:
    """Try the part sizes that give the object's number of parts: ours, and those other tools use.

    Another ETag proves nothing: the parts may have been of any size.
    """
    count = multipart_count(facts.etag)
    if count is None:
        return Verified.SIZE
    for size in dict.fromkeys((part_size, DEFAULT_PART_SIZE, MIN_PART_SIZE, 2 * DEFAULT_PART_SIZE)):
        if size is None or -(-file.size // size) != count:
            continue
        md5s = [
            file.crc_and_md5_of(part.offset, part.length, token)[1] for part in plan_parts(file.size, size)
        ]
        if multipart_etag(md5s) == facts.etag:
            return Verified.ETAG
    return Verified.SIZE
