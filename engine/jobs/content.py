"""Comparing a complete part file with the object it was fetched from."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass, replace

from engine.errors import Retryable, TransferError
from engine.jobs.proof import checksum_says, demand, is_md5_etag, mismatch, multipart_count
from engine.jobs.protocol import JobContext
from engine.local.partfile import PartFile
from engine.model import ObjectRef, Verified
from engine.parts import combined_crc, multipart_etag, plan_parts
from engine.s3.facts import ObjectFacts
from engine.s3.wire.body import worker_buffer


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found out."""

    verified: Verified | None
    """What proves that the file holds the object; ``None`` if something says that it does not."""
    bad: tuple[tuple[int, int], ...] = ()
    """Offset and length of the ranges that differ, where that is known."""
    by_etag: bool = False
    """Only the ETag speaks against it, which need not be an MD5."""


def prove_content(
    context: JobContext, source: ObjectRef, file: PartFile, facts: ObjectFacts, target: str
) -> tuple[Verified, int]:
    """What proves that the file, all parts of which are confirmed, holds the object; and its CRC32.

    Raises:
        Retryable: ``checksum-mismatch``: it does not, which may be the line's doing; what is wrong is not believed
            any more.
        Permanent: ``checksum-mismatch``: nor did it when it was fetched once more. ``no-checksum``.
    """
    saved = context.saved_parts()
    crc = combined_crc((saved[number].crc or 0, saved[number].length) for number in sorted(saved))
    verdict = verify_content(context, source, file, facts, crc)
    verified = verdict.verified
    if verified is None and verdict.by_etag and context.checkpoint.expected_crc == crc:
        # Fetched twice, and the same both times: here the ETag is no MD5.
        context.note("its ETag is not its MD5; it was fetched twice, equally")
        verified = Verified.SIZE
    if verified is None:
        _forget(context, verdict)
        restarts = context.checkpoint.restarts
        crc_before = crc if verdict.by_etag else None
        context.save(replace(context.checkpoint, expected_crc=crc_before, restarts=restarts + 1))
        error = mismatch("verify", target, "the file is not what the object's checksum says")
        if restarts == 0:  # The line may have done it: once it is fetched again without asking.
            raise Retryable(error.code, operation=error.operation, subject=error.subject, detail=error.detail)
        raise error
    return demand(context.spec.options, verified, "verify", str(source)), crc


def _forget(context: JobContext, verdict: Verdict) -> None:
    """What is wrong is fetched again by the next run; all, where it is not known what that is."""
    offset, saved = 0, context.saved_parts()
    for number in sorted(saved):
        end = offset + saved[number].length
        if not verdict.bad or any(first < end and offset < first + size for first, size in verdict.bad):
            context.forget(number)
        offset = end


def verify_content(
    context: JobContext, source: ObjectRef, file: PartFile, facts: ObjectFacts, crc: int
) -> Verdict:
    """Compare by the best means there is.

    Args:
        facts: Of the object, its checksums asked for.
        crc: CRC32 of the whole file, as it was written.
    """
    says = checksum_says(facts, crc)
    if says is None and facts.crc32 is not None:
        bad = _bad_parts(context, source, file, facts)
        if bad is not None:
            return Verdict(None if bad else Verified.CRC, bad)
    if says is None and facts.crc64nvme is not None:
        found = _crc64nvme(context, file, facts.size)
        says = None if found is None else found == facts.crc64nvme
    if says is not None:
        return Verdict(Verified.CRC if says else None)
    if is_md5_etag(facts):
        md5 = file.md5_of(0, facts.size, worker_buffer(), context.token)
        is_equal = md5.hex() == facts.etag
        return Verdict(Verified.ETAG if is_equal else None, by_etag=True)
    is_equal = _has_multipart_etag(context, source, file, facts)
    return Verdict(Verified.ETAG if is_equal else Verified.SIZE)


def _bad_parts(
    context: JobContext, source: ObjectRef, file: PartFile, facts: ObjectFacts
) -> tuple[tuple[int, int], ...] | None:
    """The stored parts that differ, on their own boundaries; ``None`` if those are not told."""
    payer = context.spec.options.request_payer
    parts = context.connection.control.part_checksums(source, request_payer=payer)
    if parts is None or sum(size for size, _ in parts) != facts.size:
        return None
    bad, offset = [], 0
    for size, crc in parts:
        if file.crc_of(offset, size, worker_buffer(), context.token) != crc:
            bad.append((offset, size))
        offset += size
    return tuple(bad)


def _crc64nvme(context: JobContext, file: PartFile, size: int) -> str | None:
    """CRC64NVME of the file as servers write it; ``None`` without the library that is fast enough."""
    try:
        from awscrt.checksums import crc64nvme
    except ImportError:
        return None
    add_to: Callable[[memoryview, int], int] = crc64nvme
    crc = 0

    def add(piece: memoryview) -> None:
        nonlocal crc
        crc = add_to(piece, crc)

    if not file.read_through(0, size, worker_buffer(), context.token, add):
        return ""
    return base64.b64encode(crc.to_bytes(8, "big")).decode("ascii")


def _has_multipart_etag(context: JobContext, source: ObjectRef, file: PartFile, facts: ObjectFacts) -> bool:
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
