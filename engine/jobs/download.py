"""From an object to a file: ranges into a hidden part file, verified, then put in place in one step."""

from __future__ import annotations

import os
import stat
from dataclasses import replace

from engine.errors import Condition, NeedsAnswer, Permanent, TransferError
from engine.jobs.comparing import prove_equal
from engine.jobs.conflict import Decision, decide, policy_of
from engine.jobs.content import prove_content
from engine.jobs.metadata import mtime_ns_of
from engine.jobs.protocol import Begun, Finished, JobContext, Part, PartAction
from engine.jobs.ranges import Pinned, Ranges
from engine.jobs.restoring import await_restored
from engine.jobs.source import SourceFile
from engine.local.failures import local_error
from engine.local.folders import FolderHandle
from engine.local.leftover import remove_left
from engine.local.partfile import PartFile
from engine.local.publish import StagedFile, free_name
from engine.local.safepath import parts_below
from engine.model import (
    DEFAULT_PART_SIZE,
    ConflictPolicy,
    Facts,
    LocalRef,
    ObjectRef,
    Outcome,
    Verified,
)
from engine.parts import choose_part_size
from engine.s3.facts import ObjectFacts


class DownloadJob:
    """See `jobs.protocol.Job`."""

    def __init__(self, context: JobContext) -> None:
        self._ctx = context
        assert isinstance(context.spec.source, ObjectRef)
        assert isinstance(context.spec.target, LocalRef)
        self._source = context.spec.source
        self._planned = context.spec.target.path
        self._root = context.spec.root or os.path.dirname(self._planned.rstrip("/")) or "/"
        self._options = context.spec.options
        self._part_file: PartFile | None = None
        self._is_in_vain = False
        """What was asked for cannot be had, or only after an answer."""
        self._ranges: Ranges | None = None
        self._facts: ObjectFacts | None = None
        """From a HEAD at the beginning, checksums and all; of small objects they come with the bytes."""
        self._replaces = False
        self._crc: int | None = None
        """Of all bytes, once they are verified."""
        self._seen: Facts | None = None
        """What stood at the target when that was decided."""

    @property
    def _target(self) -> str:
        """Where the file goes: as planned, or under a free name beside that."""
        chosen = self._ctx.checkpoint.target
        is_beside = chosen is not None and os.path.dirname(chosen) == os.path.dirname(self._planned)
        return chosen if chosen is not None and is_beside else self._planned

    # -- begin -------------------------------------------------------------------------------------

    def begin(self) -> Begun | Finished:
        """See `Job.begin`."""
        if self._ctx.checkpoint.phase == "placed":
            return self._ended(self._ctx.checkpoint.verified)
        if self._planned.endswith("/"):
            return self._make_folder()
        known = self._object()
        decision = self._decide(known)
        if decision.outcome is not None:
            return self._not_fetched(decision, known)
        await_restored(self._ctx, self._source, lambda: self._facts or self._head(None))
        return self._open(known)

    def _object(self) -> Facts:
        """What is to be fetched: small objects as listed, others as they are now.

        Raises:
            NeedsAnswer: ``object-changed``: not what the parts that are there belong to.
        """
        ctx, listed = self._ctx, self._ctx.spec.source_facts
        checkpoint = ctx.checkpoint
        if checkpoint.phase == "" and listed is not None and listed.etag and self._is_small(listed.size):
            return listed
        is_begun = checkpoint.part_file is not None and checkpoint.answer != "restart"
        version = checkpoint.source_version if is_begun else None
        try:
            self._facts = facts = self._head(version)
        except Permanent as error:
            if error.code != "no-such-key" or version is None or self._source.version_id is not None:
                raise
            raise self._changed(None) from error
        known = Facts(facts.size, facts.mtime, facts.etag, facts.version_id, facts.storage_class)
        if is_begun and facts.etag != checkpoint.source_etag and ctx.saved_parts():
            raise self._changed(known)
        return known

    def _is_small(self, size: int) -> bool:
        return 0 <= size <= (self._ctx.part_size or DEFAULT_PART_SIZE)

    def _head(self, version: str | None) -> ObjectFacts:
        ctx = self._ctx
        ref = self._source if version is None else replace(self._source, version_id=version)
        return ctx.connection.wire.head_object(
            ref, token=ctx.token, request_payer=self._options.request_payer
        )

    def _changed(self, now: Facts | None) -> NeedsAnswer:
        return NeedsAnswer("object-changed", source=now, operation="download", subject=str(self._source))

    def _make_folder(self) -> Finished:
        path = self._planned.rstrip("/")
        parts = () if path == self._root.rstrip("/") else parts_below(self._root, path)
        with FolderHandle.open_below(self._root, parts, self._ctx.fs) as folder:
            folder.sync()
        return Finished(Outcome.TRANSFERRED, Verified.SIZE, remove_source=self._options.move)

    # -- conflicts ---------------------------------------------------------------------------------

    def _decide(self, known: Facts) -> Decision:
        self._seen = existing = self._existing()
        is_under_way = self._ctx.checkpoint.part_file is not None
        decision = decide(
            self._options,
            policy_of(self._ctx),
            known,
            existing,
            (lambda: None) if is_under_way else (lambda: self._same_as(known)),
            operation="download",
            subject=str(self._source),
        )
        self._replaces = decision.replaces
        if decision.renames:
            self._take_free_name()
        return decision

    def _existing(self) -> Facts | None:
        target = self._target
        try:
            facts = self._ctx.fs.lstat(target)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise local_error(error, "look at", target, writing=True) from error
        if stat.S_ISDIR(facts.st_mode):
            detail = "a folder has that name"
            raise Permanent("target-folder", operation="download to", subject=target, detail=detail)
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
        parts = parts_below(self._root, self._planned)
        with FolderHandle.open_below(self._root, parts[:-1], ctx.fs) as folder:
            name = free_name(folder, parts[-1])
        self._seen = None
        ctx.save(replace(ctx.checkpoint, target=os.path.join(os.path.dirname(self._planned), name)))

    def _not_fetched(self, decision: Decision, known: Facts) -> Finished:
        assert decision.outcome is not None
        self._discard_part_file()
        is_there = decision.outcome is Outcome.IDENTICAL
        if is_there:
            self._ctx.save(replace(self._ctx.checkpoint, source_etag=known.etag))
        return Finished(decision.outcome, decision.verified, remove_source=self._options.move and is_there)

    # -- the part file -------------------------------------------------------------------------------

    def _open(self, known: Facts) -> Begun:
        """Go on with the part file there is, or make one."""
        ctx, checkpoint = self._ctx, self._ctx.checkpoint
        is_same = checkpoint.source_etag == known.etag and checkpoint.size == known.size
        if checkpoint.part_file is None or not is_same:
            self._discard_part_file()
            return self._start(known)
        self._part_file = PartFile.reopen(
            self._root,
            self._planned,
            ctx.id,
            ctx.fs,
            inode=checkpoint.part_file_inode,
            size=known.size,
            temp_dir=self._options.temp_dir,
        )
        if self._part_file is None:
            if ctx.saved_parts():
                ctx.note("its unfinished file was gone: it started again")
            return self._start(known)
        parts = self._fetcher(known, checkpoint.part_size).parts(ctx.saved_parts())
        done = [part.length for part in parts if part.confirmed]
        self._check_space(self._part_file, known.size - sum(done))
        note = f"goes on from {len(done)} of {len(parts)} parts" if done else ""
        return Begun(parts, known.size, note)

    def _start(self, known: Facts) -> Begun:
        ctx = self._ctx
        part_size = choose_part_size(known.size, ctx.part_size)
        self._part_file = part_file = PartFile.create(
            self._root, self._planned, ctx.id, ctx.fs, temp_dir=self._options.temp_dir
        )
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
            ),
            drop_parts=True,
        )
        self._check_space(part_file, known.size)
        ranges = self._fetcher(known, part_size)
        if not ranges.is_whole:
            part_file.set_size(known.size)
        return Begun(ranges.parts({}), known.size)

    def _check_space(self, part_file: PartFile, needed: int) -> None:
        most = self._ctx.claim(part_file.device)
        part_file.check_space(needed, most, lambda: self._ctx.claimed(part_file.device))

    def _fetcher(self, known: Facts, part_size: int) -> Ranges:
        assert self._part_file is not None
        ref = self._source
        if known.version_id is not None and ref.version_id is None:
            ref = replace(ref, version_id=known.version_id)
        pinned = Pinned(ref, known.size, known.etag or "")
        self._ranges = Ranges(
            self._ctx, pinned, self._part_file, None if self._is_small(known.size) else part_size
        )
        return self._ranges

    # -- move --------------------------------------------------------------------------------------

    def move(self, part: Part) -> None:
        """See `Job.move`."""
        assert self._ranges is not None
        if part.action is PartAction.CHECK:
            self._ranges.check(part)
            return
        try:
            self._ranges.fetch(part)
        except (Permanent, NeedsAnswer):
            self._is_in_vain = True
            raise
        except Condition as error:
            if error.code != "disk-full" or self._part_file is None:
                raise
            done = sum(each.length for each in self._ctx.saved_parts().values())
            raise self._part_file.full(error, self._ctx.checkpoint.size - done) from error

    # -- finish ------------------------------------------------------------------------------------

    def finish(self) -> Finished:
        """See `Job.finish`."""
        ctx, part_file, ranges = self._ctx, self._part_file, self._ranges
        assert part_file is not None
        assert ranges is not None
        facts = ranges.facts or self._facts or self._head(ctx.checkpoint.source_version)
        if ctx.checkpoint.source_etag and facts.etag != ctx.checkpoint.source_etag:
            raise self._changed(Facts(facts.size, facts.mtime, facts.etag))
        verified = self._verify(part_file, facts)
        known = Facts(facts.size, facts.mtime, facts.etag, facts.version_id)
        if policy_of(ctx) is not ConflictPolicy.OVERWRITE and self._existing() != self._seen:
            decision = self._decide(known)
            if decision.outcome is not None:
                return self._not_fetched(decision, known)
        staged = StagedFile(
            part_file,
            name=os.path.basename(self._target),
            mtime_ns=mtime_ns_of(facts.metadata, facts.mtime),
            replace=self._replaces,
            source=known,
        )
        if not ranges.is_whole:
            self._sync(staged)
        finished = self._ended(verified)
        finished.staged, finished.crc = staged, self._crc
        finished.etag, finished.version_id = facts.etag, facts.version_id
        return finished

    def _verify(self, part_file: PartFile, facts: ObjectFacts) -> Verified:
        ctx = self._ctx
        verified, self._crc = prove_content(ctx, self._source, part_file, facts, self._target)
        if self._options.move or (self._ranges is not None and not self._ranges.is_whole):
            ctx.save(
                replace(
                    ctx.checkpoint,
                    expected_crc=self._crc,
                    expected_etag=facts.etag,
                    verified=verified,
                    object_version=facts.version_id,
                )
            )
        return verified

    def _sync(self, staged: StagedFile) -> None:
        """On disk, before anybody waits for it; of what could not be written nothing is believed."""
        try:
            staged.sync()
        except TransferError:
            for number in self._ctx.saved_parts():
                self._ctx.forget(number)
            raise

    def _ended(self, verified: Verified | None) -> Finished:
        return Finished(
            Outcome.TRANSFERRED, verified, self._ctx.checkpoint.target, remove_source=self._options.move
        )

    # -- after the end -----------------------------------------------------------------------------

    def remove_source(self) -> None:
        """See `Job.remove_source`."""
        ctx = self._ctx
        try:
            facts = self._head(None)
        except Permanent as error:
            if error.code == "no-such-key":
                return
            raise
        is_marker = self._planned.endswith("/") and facts.size == 0
        if not is_marker and (not facts.etag or facts.etag != ctx.checkpoint.source_etag):
            ctx.note("the object changed after it was fetched, and was kept")
            return
        ctx.connection.control.delete_object(self._source)

    def discard(self) -> None:
        """See `Job.discard`."""
        checkpoint = self._ctx.checkpoint
        try:
            self._discard_part_file()
        except TransferError:
            if checkpoint.part_file is not None:
                self._ctx.owe("unlink", checkpoint.part_file, str(checkpoint.part_file_inode))
            raise

    def _discard_part_file(self) -> None:
        """Remove the part file of this or an earlier run, if it is still there and ours. Makes no folders."""
        if self._part_file is not None:
            self._part_file.remove()
            self._part_file = None
            return
        checkpoint = self._ctx.checkpoint
        # A small item may have been put in place, and killed before its part file lost its own name.
        inode = checkpoint.part_file_inode if checkpoint.part_file is not None else None
        if inode is not None or not checkpoint.phase:
            remove_left(
                self._root,
                self._planned,
                self._ctx.id,
                self._ctx.fs,
                inode=inode,
                temp_dir=self._options.temp_dir,
            )

    def close(self) -> None:
        """See `Job.close`. A file that nothing came into and, as it is, nothing will is not left lying about."""
        if self._is_in_vain and not self._ctx.saved_parts():
            self._discard_part_file()
        if self._part_file is not None:
            self._part_file.close()
