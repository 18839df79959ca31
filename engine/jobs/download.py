"""From an object to a file: ranges into a hidden part file, verified, then put in place in one step."""

from __future__ import annotations

import os
import stat
import threading
import zlib
from dataclasses import replace

from engine.errors import NeedsAnswer, Permanent, TransferError
from engine.jobs.comparing import prove_equal
from engine.jobs.conflict import decide
from engine.jobs.content import verify_content
from engine.jobs.metadata import mtime_of
from engine.jobs.proof import demand, mismatch
from engine.jobs.protocol import Begun, Finished, JobContext, Part, PartAction
from engine.jobs.source import SourceFile
from engine.local.failures import local_error
from engine.local.folders import FolderHandle
from engine.local.identity import same_boot
from engine.local.partfile import PartFile
from engine.local.publish import StagedFile, free_name
from engine.local.safepath import parts_below
from engine.model import (
    DEFAULT_PART_SIZE,
    MIB,
    Checkpoint,
    ConfirmedPart,
    Facts,
    LocalRef,
    ObjectRef,
    Outcome,
    Verified,
)
from engine.parts import choose_part_size, combined_crc, plan_parts
from engine.s3.facts import ObjectFacts
from engine.s3.wire.body import worker_buffer

SYNC_BYTES = 64 * MIB
"""So much may be lost of a large file by a power cut."""


class DownloadJob:
    """See `jobs.protocol.Job`.

    `_lock` guards `_unsynced`. `_partial` holds, by part number, how far a part had come when its
    connection broke, and the CRC32 up to there; only the worker that has the part touches its entry.
    """

    def __init__(self, context: JobContext) -> None:
        self._ctx = context
        assert isinstance(context.spec.source, ObjectRef)
        assert isinstance(context.spec.target, LocalRef)
        self._source = context.spec.source
        self._target = context.spec.target.path
        self._root = context.spec.root or os.path.dirname(self._target.rstrip("/")) or "/"
        self._options = context.spec.options
        self._part_file: PartFile | None = None
        self._facts: ObjectFacts | None = None
        """Of the one GET of a small object: its checksums came with it."""
        self._replaces = False
        self._is_whole = False
        """One request fetches it."""
        self._lock = threading.Lock()
        self._unsynced: list[ConfirmedPart] = []
        self._partial: dict[int, tuple[int, int]] = {}

    # -- begin -------------------------------------------------------------------------------------

    def begin(self) -> Begun | Finished:
        """See `Job.begin`."""
        checkpoint = self._ctx.checkpoint
        if checkpoint.target is not None:
            self._target = checkpoint.target
        if checkpoint.phase == "placed":
            return self._moved(checkpoint.verified)
        if self._target.endswith("/"):
            return self._make_folder()
        known = self._object(checkpoint)
        decision = decide(
            self._options,
            checkpoint.answer,
            known,
            self._existing(),
            lambda: self._same_as(known),
            operation="download",
            subject=str(self._source),
        )
        if decision.outcome is not None:
            self._discard_part_file()
            return Finished(
                decision.outcome,
                decision.verified,
                remove_source=self._options.move and decision.outcome is Outcome.IDENTICAL,
            )
        self._replaces = decision.replaces
        if decision.renames and checkpoint.target is None:
            self._take_free_name()
        return self._open(known)

    def _object(self, checkpoint: Checkpoint) -> Facts:
        """What is to be fetched: as it was when it was begun, as listed, or as it is now."""
        if checkpoint.part_file is not None and checkpoint.answer != "restart" and checkpoint.source_etag:
            mtime = self._ctx.spec.source_facts.mtime if self._ctx.spec.source_facts else None
            return Facts(checkpoint.size, mtime, checkpoint.source_etag, checkpoint.source_version)
        listed = self._ctx.spec.source_facts
        if listed is not None and listed.size >= 0 and listed.etag and checkpoint.answer != "restart":
            return listed
        facts = self._head()
        return Facts(facts.size, facts.mtime, facts.etag, facts.version_id, facts.storage_class)

    def _head(self) -> ObjectFacts:
        ctx = self._ctx
        return ctx.connection.wire.head_object(
            self._source, token=ctx.token, request_payer=self._options.request_payer
        )

    def _existing(self) -> Facts | None:
        try:
            facts = self._ctx.fs.lstat(self._target)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise local_error(error, "look at", self._target, writing=True) from error
        if stat.S_ISDIR(facts.st_mode):
            detail = "a folder has that name"
            raise Permanent("target-folder", operation="download to", subject=self._target, detail=detail)
        return Facts(facts.st_size, facts.st_mtime)

    def _same_as(self, known: Facts) -> Verified | None:
        """What proves that the file holds just what the object holds."""
        ctx = self._ctx
        try:
            file = SourceFile(self._target, ctx.fs)
        except TransferError:
            return None
        try:
            if file.size != known.size:
                return None
            return prove_equal(
                ctx.connection,
                self._source,
                file,
                ctx.token,
                part_size=ctx.part_size,
                request_payer=self._options.request_payer,
            )
        finally:
            file.close()

    def _take_free_name(self) -> None:
        ctx = self._ctx
        parts = parts_below(self._root, self._target)
        with FolderHandle.open_below(self._root, parts[:-1], ctx.fs) as folder:
            name = free_name(folder, parts[-1])
        self._target = os.path.join(os.path.dirname(self._target), name)
        ctx.save(replace(ctx.checkpoint, target=self._target))

    def _make_folder(self) -> Finished:
        parts = parts_below(self._root, self._target.rstrip("/"))
        with FolderHandle.open_below(self._root, parts, self._ctx.fs) as folder:
            folder.sync()
        return Finished(Outcome.TRANSFERRED, Verified.SIZE)

    # -- the part file -------------------------------------------------------------------------------

    def _open(self, known: Facts) -> Begun:
        """Go on with the part file there is, or make one."""
        ctx, checkpoint = self._ctx, self._ctx.checkpoint
        is_same = checkpoint.source_etag == known.etag and checkpoint.size == known.size
        if checkpoint.part_file is not None and is_same and checkpoint.answer != "restart":
            self._part_file = PartFile.reopen(
                self._root,
                self._target,
                ctx.id,
                ctx.fs,
                inode=checkpoint.part_file_inode,
                size=known.size,
                temp_dir=self._options.temp_dir,
            )
            if self._part_file is not None:
                return self._resume(known, checkpoint)
            ctx.note("its unfinished file was gone: it starts again")
        elif checkpoint.part_file is not None:
            self._discard_part_file()
        return self._start(known)

    def _start(self, known: Facts) -> Begun:
        ctx = self._ctx
        part_size = choose_part_size(known.size, ctx.part_size)
        self._part_file = part_file = PartFile.create(
            self._root, self._target, ctx.id, ctx.fs, temp_dir=self._options.temp_dir
        )
        part_file.check_space(known.size)
        self._is_whole = known.size <= max(part_size, DEFAULT_PART_SIZE if ctx.part_size is None else 0)
        if not self._is_whole:
            part_file.set_size(known.size)
        ctx.save(
            replace(
                ctx.checkpoint,
                phase="begun",
                part_size=part_size,
                size=known.size,
                source_etag=known.etag,
                source_version=known.version_id,
                part_file=part_file.path,
                part_file_inode=part_file.inode,
                boot_id=ctx.boot_id,
                answer=None if ctx.checkpoint.answer == "restart" else ctx.checkpoint.answer,
            ),
            drop_parts=True,
        )
        if self._is_whole:
            return Begun([Part(1, 0, known.size)], known.size)
        return Begun([Part(*planned) for planned in plan_parts(known.size, part_size)], known.size)

    def _resume(self, known: Facts, checkpoint: Checkpoint) -> Begun:
        """What is on record is looked at again in the file; after another boot only what was synced."""
        ctx, saved = self._ctx, self._ctx.saved_parts()
        part_size = checkpoint.part_size
        self._is_whole = known.size <= max(part_size, DEFAULT_PART_SIZE if ctx.part_size is None else 0)
        if self._is_whole:
            return Begun([Part(1, 0, known.size)], known.size)
        parts = []
        for planned in plan_parts(known.size, part_size):
            part = Part(*planned)
            record = saved.get(part.number)
            if record is not None:
                is_there = same_boot(record.boot_id) or record.synced
                if is_there and record.length == part.length and record.crc is not None:
                    part.confirmed, part.action, part.crc = True, PartAction.CHECK, record.crc
                else:
                    ctx.forget(part.number)
            parts.append(part)
        done = sum(1 for part in parts if part.confirmed)
        return Begun(parts, known.size, f"goes on from {done} of {len(parts)} parts")

    # -- move --------------------------------------------------------------------------------------

    def move(self, part: Part) -> None:
        """See `Job.move`."""
        if part.action is PartAction.CHECK:
            self._check(part)
        else:
            self._fetch(part)

    def _check(self, part: Part) -> None:
        assert self._part_file is not None
        crc = self._part_file.crc_of(part.offset, part.length, worker_buffer(), self._ctx.token)
        if crc != part.crc:
            part.confirmed, part.action, part.done = False, PartAction.MOVE, 0
            self._ctx.forget(part.number)

    def _fetch(self, part: Part) -> None:
        """Fetch what is still missing of a part, and record it."""
        ctx, part_file, checkpoint = self._ctx, self._part_file, self._ctx.checkpoint
        assert part_file is not None
        done, crc = self._partial.pop(part.number, (0, 0))
        part.done = done
        is_whole = self._is_whole and done == 0
        length = None if is_whole else part.length - done
        source = replace(self._source, version_id=self._source.version_id or checkpoint.source_version)
        if part.length == 0:
            length = None
        try:
            with ctx.connection.wire.get_object(
                source,
                offset=0 if length is None else part.offset + done,
                length=length,
                if_match=checkpoint.source_etag or None,
                checksum=is_whole,
                token=ctx.token,
                request_payer=self._options.request_payer,
            ) as reply:
                if reply.facts.size != checkpoint.size:
                    raise NeedsAnswer("object-changed", operation="download", subject=str(self._source))
                if is_whole:
                    self._facts = reply.facts
                while True:
                    buffer = worker_buffer()
                    count = reply.readinto(buffer[: ctx.limiter.piece(len(buffer))])
                    if count == 0:
                        break
                    piece = buffer[:count]
                    part_file.pwrite(piece, part.offset + done)
                    crc = zlib.crc32(piece, crc)
                    done += count
                    part.done = done
                    ctx.limiter.take(count, ctx.token)
        except TransferError:
            self._partial[part.number] = done, crc
            raise
        part.crc = crc
        self._confirm(part, crc)

    def _confirm(self, part: Part, crc: int) -> None:
        ctx, part_file = self._ctx, self._part_file
        assert part_file is not None
        record = ConfirmedPart(part.number, part.length, crc, "", ctx.boot_id)
        ctx.confirm(record)
        part.confirmed = True
        if self._is_whole:
            return
        with self._lock:
            self._unsynced.append(record)
            if sum(one.length for one in self._unsynced) < SYNC_BYTES:
                return
            due, self._unsynced = self._unsynced, []
        part_file.sync()
        for one in due:
            ctx.confirm(replace(one, synced=True))

    # -- finish ------------------------------------------------------------------------------------

    def finish(self) -> Finished:
        """See `Job.finish`."""
        ctx, part_file, checkpoint = self._ctx, self._part_file, self._ctx.checkpoint
        assert part_file is not None
        saved = ctx.saved_parts()
        records = [saved[number] for number in sorted(saved)]
        crc = combined_crc((record.crc or 0, record.length) for record in records)
        facts = self._facts if self._facts is not None else self._head()
        if checkpoint.source_etag and facts.etag != checkpoint.source_etag:
            raise NeedsAnswer("object-changed", operation="download", subject=str(self._source))
        proof = verify_content(ctx, self._source, part_file, facts, crc)
        if proof is None:
            for number in saved:
                ctx.forget(number)
            raise mismatch("verify", self._target, "the object's checksum differs from the file's")
        verified = demand(self._options, proof, "verify", str(self._source))
        ctx.save(replace(ctx.checkpoint, expected_crc=crc, expected_etag=facts.etag, verified=verified))
        staged = StagedFile(
            part_file,
            mtime=mtime_of(facts.metadata, facts.mtime),
            replace=self._replaces,
            source=Facts(facts.size, facts.mtime, facts.etag),
        )
        return Finished(
            Outcome.TRANSFERRED,
            verified,
            checkpoint.target,
            staged=staged,
            remove_source=self._options.move,
        )

    def _moved(self, verified: Verified | None) -> Finished:
        return Finished(
            Outcome.TRANSFERRED, verified, self._ctx.checkpoint.target, remove_source=self._options.move
        )

    # -- after the end -----------------------------------------------------------------------------

    def remove_source(self) -> None:
        """See `Job.remove_source`."""
        ctx, etag = self._ctx, self._ctx.checkpoint.source_etag
        try:
            facts = self._head()
        except Permanent as error:
            if error.code == "no-such-key":
                return
            raise
        expected = etag or (ctx.spec.source_facts.etag if ctx.spec.source_facts else None)
        if expected and facts.etag != expected:
            ctx.note("the object changed after it was fetched, and was kept")
            return
        ctx.connection.control.delete_object(replace(self._source, version_id=None))

    def discard(self) -> None:
        """See `Job.discard`."""
        checkpoint = self._ctx.checkpoint
        if checkpoint.target is not None:
            self._target = checkpoint.target
        try:
            self._discard_part_file()
        except TransferError:
            if checkpoint.part_file is not None:
                self._ctx.owe("unlink", checkpoint.part_file, str(checkpoint.part_file_inode))
            raise

    def _discard_part_file(self) -> None:
        """Remove the part file of an earlier run, if it is still there and ours."""
        checkpoint = self._ctx.checkpoint
        if checkpoint.part_file is None:
            return
        part_file = self._part_file or PartFile.reopen(
            self._root,
            self._target,
            self._ctx.id,
            self._ctx.fs,
            inode=checkpoint.part_file_inode,
            size=max(checkpoint.size, 0),
            temp_dir=self._options.temp_dir,
        )
        if part_file is not None:
            part_file.remove()
            self._part_file = None

    def close(self) -> None:
        """See `Job.close`."""
        if self._part_file is not None:
            self._part_file.close()
