"""Going on with an upload that is not ours: only where every part of it is found to hold the bytes of a file here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.browsing.uploads import patiently
from engine.errors import Permanent
from engine.jobs.multipart import UNDECIDED
from engine.jobs.source import SourceFile
from engine.local.fsops import FsOps
from engine.local.identity import boot_id
from engine.model import DEFAULT_PART_SIZE, Checkpoint, ConfirmedPart, ConnectionId, ObjectRef, SourceIdentity
from engine.pace.clock import Clock
from engine.parts import MAX_PARTS, MIN_PART_SIZE, PlannedPart, plan_parts

if TYPE_CHECKING:
    from engine.browsing.desk import Question
    from engine.s3.connection import Connection
    from engine.s3.facts import ServerPart


@dataclass(frozen=True, slots=True)
class Adoptable:
    """An upload whose every part holds the bytes of a file; for `TransferManager.adopt`."""

    connection: ConnectionId
    ref: ObjectRef
    upload_id: str
    path: str
    """Of the file."""
    identity: SourceIdentity
    """The file when it was compared."""
    compared_at: float
    """Wall time."""
    part_size: int
    checksum_mode: str
    parts: tuple[ConfirmedPart, ...]

    @property
    def size(self) -> int:
        """Of the file."""
        return self.identity.size

    @property
    def parts_in_all(self) -> int:
        """Parts that the whole upload has in the end."""
        return -(-self.size // self.part_size)

    @property
    def bytes_there(self) -> int:
        """What need not be sent."""
        return sum(part.length for part in self.parts)

    @property
    def checkpoint(self) -> Checkpoint:
        """As if an item had sent these parts. That `intent_at` is 0 says that it did not begin the upload."""
        return Checkpoint(
            phase="begun",
            part_size=self.part_size,
            checksum_mode=self.checksum_mode,
            upload_id=self.upload_id,
            identity=self.identity,
            saved_at=self.compared_at,
            boot_id=boot_id(),
            size=self.size,
        )


@dataclass(frozen=True, slots=True)
class MatchProgress:
    """How far the comparison of an upload with a file is."""

    bytes_compared: int
    bytes_in_all: int
    found: Adoptable | None = None
    """At the end, where all of it is equal."""


def match(
    question: Question,
    connection: Connection,
    ref: ObjectRef,
    upload_id: str,
    path: str,
    fs: FsOps,
    clock: Clock,
) -> None:
    """Compare every part that the server has with the file, showing how far that is.

    Raises:
        Permanent: ``upload-differs``, with what does; ``read-only``; what is wrong with the file.
        NeedsAnswer: ``source-changed``: somebody writes to it.
        Retryable: ``upload-gone``.
    """
    if connection.profile.read_only:
        raise Permanent("read-only", operation="go on with the upload of", subject=str(ref))
    token, payer = question.cancel, connection.profile.request_payer
    control = connection.control
    listed = patiently(lambda: control.list_parts(ref, upload_id, request_payer=payer), token)
    declared = patiently(lambda: control.declared_checksum(ref, upload_id, request_payer=payer), token)
    source = SourceFile(path, fs)
    try:
        compared_at = clock.wall()
        mode = mode_of(*declared, subject=path)
        part_size, planned = planned_as(listed, source.size, path)
        in_all, done = sum(part.length for part in planned), 0
        parts = []
        for plan, there in zip(planned, listed, strict=True):
            question.show(MatchProgress(done, in_all))
            crc, md5 = source.crc_and_md5_of(plan.offset, plan.length, token)
            if not _is_equal(there, crc, md5):
                raise differs(path, f"part {plan.number} holds other bytes, or the server's ETags are no MD5")
            parts.append(ConfirmedPart(plan.number, plan.length, crc, there.etag, boot_id()))
            done += plan.length
        source.check()
        source.check_path()
        found = Adoptable(
            connection.id, ref, upload_id, path, source.identity, compared_at, part_size, mode, tuple(parts)
        )
        question.show(MatchProgress(done, in_all, found))
    finally:
        source.close()


def _is_equal(there: ServerPart, crc: int, md5: bytes) -> bool:
    return there.crc32 == crc if there.crc32 is not None else there.etag == md5.hex()


def planned_as(listed: Sequence[ServerPart], size: int, subject: str) -> tuple[int, list[PlannedPart]]:
    """The size of the parts, and where these lie in a file of `size` bytes; all are of one size but the last.

    Raises:
        Permanent: ``upload-differs``.
    """
    if not listed:
        raise differs(subject, "it has no parts, so nothing says that it is of this file")
    if size <= DEFAULT_PART_SIZE:
        raise differs(subject, "the file is so small that it is sent in one request")
    if size < sum(part.size for part in listed):
        raise differs(subject, "the upload has more bytes than the file")
    largest = max(part.size for part in listed)
    candidates = [largest]
    only = listed[0]
    if len(listed) == 1 and only.number > 1 and (size - only.size) % (only.number - 1) == 0:
        candidates.append(
            (size - only.size) // (only.number - 1)
        )  # It may be the last one, which is shorter.
    for part_size in candidates:
        if part_size < MIN_PART_SIZE or -(-size // part_size) > MAX_PARTS:
            continue
        plan = {part.number: part for part in plan_parts(size, part_size)}
        found = [plan[part.number] for part in listed if part.number in plan]
        lengths = [part.length for part in found]
        if len(found) == len(listed) and lengths == [part.size for part in listed]:
            return part_size, found
    raise differs(subject, "its parts are not those of a file of this size")


def mode_of(algorithm: str, kind: str, *, subject: str) -> str:
    """How the other parts have to be sent, by what the upload declares.

    >>> mode_of("CRC32", "FULL_OBJECT", subject=""), mode_of("", "", subject="")
    ('full', 'undecided')

    Raises:
        Permanent: ``upload-differs``: it declares checksums that are not made here.
    """
    if algorithm not in ("", "CRC32"):
        raise differs(subject, f"it was begun with {algorithm} checksums, which are not made here")
    if not algorithm:
        return UNDECIDED
    return "full" if kind == "FULL_OBJECT" else "composite"


def differs(subject: str, detail: str) -> Permanent:
    """The error to raise."""
    return Permanent("upload-differs", operation="go on with the upload with", subject=subject, detail=detail)
