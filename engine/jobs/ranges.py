"""Fetching an object into its part file, range by range, and looking at what an earlier run has fetched."""

from __future__ import annotations

import threading
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from engine.errors import NeedsAnswer, Permanent, Retryable, TransferError
from engine.jobs.protocol import JobContext, Part, PartAction
from engine.jobs.restoring import ask_about
from engine.local.identity import same_boot
from engine.local.partfile import PartFile
from engine.model import MIB, ConfirmedPart, ObjectRef
from engine.parts import plan_parts
from engine.s3.facts import ObjectFacts
from engine.s3.wire import GetReply
from engine.s3.wire.body import worker_buffer

SYNC_BYTES = 64 * MIB
"""So much may be lost of a large file by a power cut."""


@dataclass(frozen=True, slots=True)
class Pinned:
    """The one content of an object that is fetched, and no other."""

    ref: ObjectRef
    size: int
    etag: str
    """Empty where the server gives none: then nothing guards but the size."""


class Ranges:
    """The ranges of one object. `fetch` and `check` may be called from several threads at once.

    `_lock` guards `_unsynced`. `_partial` holds, by part number, how far a part had come when its
    connection broke, and the CRC32 up to there; only the worker that has the part touches its entry.

    Args:
        part_size: ``None``: one request fetches it.
    """

    def __init__(self, context: JobContext, pinned: Pinned, file: PartFile, part_size: int | None) -> None:
        self._ctx, self._pinned, self._file, self._part_size = context, pinned, file, part_size
        self.facts: ObjectFacts | None = None
        """Of the one GET of a small object: its checksums came with it."""
        self._lock = threading.Lock()
        self._unsynced: list[ConfirmedPart] = []
        self._partial: dict[int, tuple[int, int]] = {}

    @property
    def is_whole(self) -> bool:
        """One request fetches it; a later run does that again."""
        return self._part_size is None

    def parts(self, saved: Mapping[int, ConfirmedPart]) -> list[Part]:
        """All parts. What is on record is looked at again; of another boot only what was synced."""
        if self._part_size is None:
            return [Part(1, 0, self._pinned.size)]
        parts = []
        for planned in plan_parts(self._pinned.size, self._part_size):
            part = Part(*planned)
            record = saved.get(part.number)
            if record is not None:
                is_there = same_boot(record.boot_id) or record.synced
                if is_there and record.length == part.length and record.crc is not None:
                    part.confirmed, part.action, part.crc = True, PartAction.CHECK, record.crc
                else:
                    self._ctx.forget(part.number)
            parts.append(part)
        return parts

    def check(self, part: Part) -> None:
        """The file still holds what was fetched of this part; else it is fetched again."""
        crc = self._file.crc_of(part.offset, part.length, worker_buffer(), self._ctx.token)
        part.action = PartAction.MOVE
        if crc != part.crc:
            part.confirmed, part.done = False, 0
            self._ctx.forget(part.number)

    # -- fetching ----------------------------------------------------------------------------------

    def fetch(self, part: Part) -> None:
        """Fetch what is still missing of a part, and record it.

        Raises:
            NeedsAnswer: ``object-changed``. Retryable, if there is nothing yet that would be mixed.
        """
        ctx, pinned = self._ctx, self._pinned
        done, crc = self._partial.pop(part.number, (0, 0))
        is_first = self.is_whole and done == 0
        part.done = done
        try:
            with ctx.connection.wire.get_object(
                pinned.ref,
                offset=0 if is_first else part.offset + done,
                length=None if is_first or part.length == 0 else part.length - done,
                if_match=pinned.etag or None,
                checksum=is_first,
                token=ctx.token,
                request_payer=ctx.spec.options.request_payer,
            ) as reply:
                if reply.facts.size != pinned.size:
                    raise NeedsAnswer("object-changed", operation="download", subject=str(pinned.ref))
                if is_first:
                    self.facts = reply.facts
                for piece in self._pieces(reply):
                    self._file.pwrite(piece, part.offset + done)
                    crc = zlib.crc32(piece, crc)
                    done += len(piece)
                    part.done = done
        except NeedsAnswer as error:
            if is_first and done == 0 and error.code == "object-changed":
                raise Retryable("object-changed", operation="download", subject=str(pinned.ref)) from error
            raise
        except TransferError as error:
            if pinned.etag:
                self._partial[part.number] = done, crc
            if error.code == "archived":
                raise ask_about(error, pinned.ref, ctx) from error
            raise
        part.crc = crc
        if not self.is_whole:
            self._demand_place()
        self._confirm(part, crc)

    def _demand_place(self) -> None:
        """Go on only where there is something to publish in the end: it may have gone with its folder."""
        file = self._file
        if not file.is_in_place():
            with file.using():  # Or it was only closed.
                detail = f"{file.path} is gone or replaced"
                raise Permanent("part-file-gone", operation="write", subject=file.target_path, detail=detail)

    def _pieces(self, reply: GetReply) -> Iterator[memoryview]:
        """The body as it comes, as fast as the limiter lets it."""
        limiter, token = self._ctx.limiter, self._ctx.token
        while True:
            buffer = worker_buffer()
            count = reply.readinto(buffer[: limiter.piece(len(buffer))])
            if count == 0:
                return
            limiter.take(count, token)
            yield buffer[:count]

    def _confirm(self, part: Part, crc: int) -> None:
        ctx = self._ctx
        record = ConfirmedPart(part.number, part.length, crc, "", ctx.boot_id)
        ctx.confirm(record)
        part.confirmed = True
        if self.is_whole:
            return
        with self._lock:
            self._unsynced.append(record)
            if sum(one.length for one in self._unsynced) < SYNC_BYTES:
                return
            due, self._unsynced = self._unsynced, []
        try:
            self._file.sync()
        except TransferError:
            # What the kernel could not write it has forgotten, and shows it as written.
            with self._lock:
                lost, self._unsynced = due + self._unsynced, []
            for one in lost:
                ctx.forget(one.number)
            raise
        for one in due:
            ctx.confirm(replace(one, synced=True))
