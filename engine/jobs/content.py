"""Comparing a complete part file with the object it was fetched from."""

from __future__ import annotations

from engine.errors import TransferError
from engine.jobs.proof import is_md5_etag, multipart_count
from engine.jobs.protocol import JobContext
from engine.local.partfile import PartFile
from engine.model import ObjectRef, Verified
from engine.parts import multipart_etag, plan_parts
from engine.s3.facts import ObjectFacts
from engine.s3.wire.body import worker_buffer


def verify_content(
    context: JobContext, source: ObjectRef, file: PartFile, facts: ObjectFacts, crc: int
) -> Verified | None:
    """What proves that the file holds the object; ``None`` if something proves that it does not.

    Args:
        facts: Of the object, its checksums asked for.
        crc: CRC32 of the whole file, as it was written.
    """
    if facts.crc32 is not None and facts.checksum_type != "COMPOSITE":
        return Verified.CRC if facts.crc32 == crc else None
    if facts.crc32 is not None:
        verdict = _by_part_checksums(context, source, file, facts)
        if verdict is not None:
            return Verified.CRC if verdict else None
    if is_md5_etag(facts):
        md5 = file.md5_of(0, facts.size, worker_buffer(), context.token)
        return Verified.ETAG if md5.hex() == facts.etag else _md5_differs(facts)
    if _by_multipart_etag(context, source, file, facts):
        return Verified.ETAG
    return Verified.SIZE


def _md5_differs(facts: ObjectFacts) -> Verified | None:
    """AWS's ETags are MD5s where they look like it; other servers' need not be."""
    return None if facts.sse is None else Verified.SIZE


def _by_part_checksums(
    context: JobContext, source: ObjectRef, file: PartFile, facts: ObjectFacts
) -> bool | None:
    """Compare part by part, on the boundaries of the stored parts; ``None`` if they are not told."""
    payer = context.spec.options.request_payer
    parts = context.connection.control.part_checksums(source, request_payer=payer)
    if parts is None or sum(size for size, _ in parts) != facts.size:
        return None
    offset = 0
    for size, crc in parts:
        if file.crc_of(offset, size, worker_buffer(), context.token) != crc:
            return False
        offset += size
    return True


def _by_multipart_etag(context: JobContext, source: ObjectRef, file: PartFile, facts: ObjectFacts) -> bool:
    """The recomputed multipart ETag is equal. That it is not proves nothing: servers differ in making it."""
    count = multipart_count(facts.etag)
    if count is None:
        return False
    payer = context.spec.options.request_payer
    try:
        first = context.connection.control.head(source, checksum=False, part_number=1, request_payer=payer)
    except TransferError:
        return False
    part_size = first.size
    if part_size <= 0 or first.parts_count not in (None, count) or -(-facts.size // part_size) != count:
        return False
    md5s = [
        file.md5_of(part.offset, part.length, worker_buffer(), context.token)
        for part in plan_parts(facts.size, part_size)
    ]
    return multipart_etag(md5s) == facts.etag
