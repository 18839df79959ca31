"""From a local file to an object: one PUT, or a multipart upload that any later run can go on with."""

from __future__ import annotations

import hashlib
from dataclasses import replace

from engine.errors import NeedsAnswer, Permanent, Retryable, TransferError
from engine.jobs.comparing import prove_equal
from engine.jobs.conflict import Decision, decide, policy_of
from engine.jobs.keycheck import check_kept
from engine.jobs.metadata import MTIME, content_type, mtime_text, put_headers
from engine.jobs.multipart import MultipartUpload
from engine.jobs.proof import demand, is_md5_etag, mismatch
from engine.jobs.protocol import Begun, Finished, JobContext, Part, PartAction
from engine.jobs.source import SourceFile
from engine.local.failures import local_error
from engine.local.identity import identity_of
from engine.local.publish import numbered
from engine.lookup import look_at
from engine.model import (
    DEFAULT_PART_SIZE,
    Checkpoint,
    ConflictPolicy,
    Facts,
    LocalRef,
    ObjectRef,
    Outcome,
    Verified,
)
from engine.parts import choose_part_size, plan_parts
from engine.s3.wire import PutReply

_MOST_NAMES = 1000


class UploadJob:
    """See `jobs.protocol.Job`."""

    def __init__(self, context: JobContext) -> None:
        self._ctx = context
        assert isinstance(context.spec.source, LocalRef)
        assert isinstance(context.spec.target, ObjectRef)
        self._path = context.spec.source.path
        self._target = context.spec.target
        self._options = context.spec.options
        self._source: SourceFile | None = None
        self._upload: MultipartUpload | None = None
        self._if_none_match = False
        self._if_match: str | None = None
        self._put: tuple[PutReply, int, bytes | None] | None = None
        """The reply to the one PUT, CRC32 and, where it was needed, MD5 of what was sent."""

    @property
    def _is_marker(self) -> bool:
        return self._path.endswith("/")

    # -- begin -------------------------------------------------------------------------------------

    def begin(self) -> Begun | Finished:
        """See `Job.begin`."""
        ctx, checkpoint = self._ctx, self._ctx.checkpoint
        if checkpoint.target is not None:
            self._target = replace(self._target, key=checkpoint.target)
        if checkpoint.phase == "placed":
            return self._ended(checkpoint.verified)
        if self._is_marker:
            if self._existing() is not None:
                return Finished(Outcome.IDENTICAL, Verified.SIZE)
            return Begun([Part(1, 0, 0)], 0)
        self._source = source = SourceFile(self._path, ctx.fs)
        if checkpoint.phase == "completing":
            found = self._made_before()
            if found is not None:
                return found
        decision = self._decide(source)
        if decision.outcome is not None:
            self._abandon_upload()
            return Finished(
                decision.outcome,
                decision.verified,
                remove_source=self._options.move and decision.outcome is Outcome.IDENTICAL,
            )
        part_size = checkpoint.part_size or choose_part_size(source.size, ctx.part_size)
        if source.size <= max(part_size, DEFAULT_PART_SIZE if ctx.part_size is None else 0):
            return Begun([Part(1, 0, source.size)], source.size)
        return self._begin_multipart(source, part_size)

    def _begin_multipart(self, source: SourceFile, part_size: int) -> Begun:
        ctx, checkpoint = self._ctx, self._ctx.checkpoint
        self._upload = upload = MultipartUpload(ctx, self._target)
        if checkpoint.upload_id is not None and self._may_go_on(source, checkpoint):
            parts = upload.resume(source)
            if parts is not None:
                done = sum(1 for part in parts if part.confirmed)
                return Begun(parts, source.size, f"goes on from {done} of {len(parts)} parts")
            ctx.note("the server dropped the partial upload: it starts again")
        parts_planned = plan_parts(source.size, part_size)
        upload.start(
            source,
            part_size,
            metadata={MTIME: mtime_text(source.identity.mtime_ns)},
            content_type=content_type(self._path),
        )
        return Begun([Part(*planned) for planned in parts_planned], source.size)

    def _may_go_on(self, source: SourceFile, checkpoint: Checkpoint) -> bool:
        """The file is still the one whose parts were sent, as far as its size tells.

        Raises:
            NeedsAnswer: ``source-changed``, unless that was answered with ``restart``.
        """
        if checkpoint.size == source.size:
            return True
        if checkpoint.answer == "restart":
            self._abandon_upload()
            return False
        raise source.changed(f"{checkpoint.size} bytes when it began, {source.size} now")

    def _abandon_upload(self) -> None:
        """Nothing of an upload under way is wanted any more."""
        checkpoint = self._ctx.checkpoint
        if checkpoint.upload_id is not None:
            MultipartUpload(self._ctx, self._target).abort(checkpoint.upload_id)
            fresh = Checkpoint(target=checkpoint.target, answer=None)
            self._ctx.save(fresh, durable=True, drop_parts=True)

    # -- conflicts ---------------------------------------------------------------------------------

    def _existing(self) -> Facts | None:
        spec = self._ctx.spec
        if spec.target_was_listed and self._ctx.checkpoint == Checkpoint():
            return spec.target_facts
        try:
            return look_at(self._ctx.connection, self._target, self._ctx.token)
        except Permanent as error:
            if error.code != "access-denied":
                raise
            # To write need not include to look. If-None-Match guards what may be there, and if the
            # credentials are no good, the answer to the upload says why: that to a HEAD cannot.
            return None

    def _decide(self, source: SourceFile) -> Decision:
        checkpoint = self._ctx.checkpoint
        policy = policy_of(self._options, checkpoint.answer)
        if policy is ConflictPolicy.OVERWRITE and (checkpoint.upload_id or not self._options.skip_identical):
            return Decision(replaces=True)
        existing = self._existing()
        decision = decide(
            self._options,
            checkpoint.answer,
            source.facts,
            existing,
            lambda: self._same_as(source),
            operation="upload",
            subject=self._path,
        )
        if decision.renames and checkpoint.target is None:
            self._take_free_name()
            return replace(decision, renames=False)
        self._if_none_match = existing is None and not decision.replaces
        if existing is not None and policy is not ConflictPolicy.OVERWRITE:
            self._if_match = existing.etag
        return decision

    def _take_free_name(self) -> None:
        ctx = self._ctx
        above, _, name = self._target.key.rpartition("/")
        for number in range(2, _MOST_NAMES):
            key = f"{above}/{numbered(name, number)}" if above else numbered(name, number)
            ref = replace(self._target, key=key)
            if look_at(ctx.connection, ref, ctx.token) is None:
                self._target, self._if_none_match = ref, True
                ctx.save(replace(ctx.checkpoint, target=key))
                return
        raise Permanent("name-collision", operation="upload", subject=self._path)

    def _same_as(self, source: SourceFile) -> Verified | None:
        """What proves that the object holds just what the file holds."""
        ctx = self._ctx
        part_size = choose_part_size(source.size, ctx.part_size)
        return prove_equal(
            ctx.connection,
            self._target,
            source,
            ctx.token,
            part_size=part_size,
            request_payer=self._options.request_payer,
        )

    # -- move --------------------------------------------------------------------------------------

    def move(self, part: Part) -> None:
        """See `Job.move`."""
        if self._upload is not None:
            assert self._source is not None
            if part.action is PartAction.CHECK:
                self._upload.check(self._source, part)
            else:
                self._upload.send(self._source, part)
            return
        self._put_whole(part)
        part.confirmed = True

    def _put_whole(self, part: Part) -> None:
        """One PUT, checked in the best way the server knows."""
        endpoint = self._ctx.connection.endpoint
        modes = endpoint.checksum_modes()
        for number, mode in enumerate(modes):
            try:
                self._put_once(part, mode)
            except Permanent as error:
                is_last = number == len(modes) - 1
                if error.code not in ("bad-request", "not-supported") or is_last:
                    raise
                continue
            if not endpoint.checksum_mode or number:
                endpoint.learn_checksum_mode(mode)
            return

    def _put_once(self, part: Part, mode: str) -> None:
        ctx, source = self._ctx, self._source
        crc, md5 = 0, None
        metadata: dict[str, str] = {}
        if source is not None:
            metadata[MTIME] = mtime_text(source.identity.mtime_ns)
            if mode in ("full", "composite"):
                crc = source.crc_of(0, part.length, ctx.token)
            else:
                crc, md5 = source.crc_and_md5_of(0, part.length, ctx.token)
            source.check()
        elif mode not in ("full", "composite"):
            md5 = hashlib.md5(usedforsecurity=False).digest()
        kind = None if source is None else content_type(self._path)

        def sent(count: int) -> None:
            part.done = count

        def pieces():  # type: ignore[no-untyped-def]
            part.done = 0
            if source is None:
                return iter(())
            return source.sending(0, part.length, ctx.token, ctx.limiter, sent)

        try:
            reply = ctx.connection.wire.put_object(
                self._target,
                pieces,
                part.length,
                crc32=crc if mode in ("full", "composite") else None,
                md5=md5 if mode == "md5" else None,
                headers=put_headers(self._options, metadata, kind),
                if_none_match=self._if_none_match,
                if_match=self._if_match,
                token=ctx.token,
                request_payer=self._options.request_payer,
            )
        except Retryable as error:
            if error.code == "bad-digest" and source is not None:
                source.check()  # it was not the line: the file changed between the two readings
            raise
        except Permanent as error:
            if error.code == "precondition":
                raise self._lost_the_race(source) from error
            raise
        self._put = reply, crc, md5

    def _lost_the_race(self, source: SourceFile | None) -> NeedsAnswer:
        """Something has taken the key, or changed it, since it was looked at."""
        target = look_at(self._ctx.connection, self._target, self._ctx.token)
        return NeedsAnswer(
            "target-exists",
            source=None if source is None else source.facts,
            target=target,
            operation="upload",
            subject=self._path,
        )

    # -- finish ------------------------------------------------------------------------------------

    def finish(self) -> Finished:
        """See `Job.finish`."""
        if self._upload is not None:
            assert self._source is not None
            self._source.check()
            self._source.check_path()
            try:
                verified = self._upload.complete(self._source.size, self._if_none_match, self._if_match)
            except Permanent as error:
                if error.code != "precondition":
                    raise
                found = self._upload.find_ours()
                if found is None:
                    raise self._lost_the_race(self._source) from error
                verified = found
            check_kept(self._ctx.connection, self._target, self._ctx.token)
            return self._ended(verified)
        verified = self._verify_put()
        check_kept(self._ctx.connection, self._target, self._ctx.token)
        return self._ended(verified)

    def _verify_put(self) -> Verified:
        assert self._put is not None
        reply, crc, md5 = self._put
        subject = str(self._target)
        size = 0 if self._source is None else self._source.size
        if reply.crc32 is not None:
            if reply.crc32 != crc:
                raise mismatch("upload", subject, "the server's checksum differs")
            verified = Verified.CRC
        elif md5 is not None and reply.etag == md5.hex():
            verified = Verified.ETAG
        else:
            verified = self._verify_by_looking(size, crc)
        ctx = self._ctx
        ctx.save(replace(ctx.checkpoint, expected_crc=crc, expected_etag=reply.etag))
        return demand(self._options, verified, "verify", subject)

    def _verify_by_looking(self, size: int, crc: int) -> Verified:
        ctx, subject = self._ctx, str(self._target)
        payer = self._options.request_payer
        try:
            facts = ctx.connection.wire.head_object(self._target, token=ctx.token, request_payer=payer)
        except Permanent as error:
            if error.code == "access-denied":
                return Verified.SIZE  # To write need not include to look; the server took every byte.
            raise
        if facts.size != size:
            raise mismatch("verify", subject, f"{facts.size} bytes instead of {size}")
        if facts.crc32 is not None and facts.checksum_type != "COMPOSITE":
            if facts.crc32 != crc:
                raise mismatch("verify", subject, "the server's checksum differs")
            return Verified.CRC
        if is_md5_etag(facts):
            if self._source is None:
                md5 = hashlib.md5(usedforsecurity=False).digest()
            else:
                _, md5 = self._source.crc_and_md5_of(0, size, ctx.token)
            if md5.hex() == facts.etag:
                return Verified.ETAG
        return Verified.SIZE

    def _made_before(self) -> Finished | None:
        """Complete was sent, and its answer was lost: see what has come of it.

        Raises:
            NeedsAnswer: ``unclear-result``: something stands there, and not provably ours.
        """
        upload = MultipartUpload(self._ctx, self._target)
        verified = upload.find_ours()
        if verified is not None:
            return self._ended(verified)
        checkpoint = self._ctx.checkpoint
        if checkpoint.upload_id is None or not upload.is_gone():
            return None
        if checkpoint.answer == "keep":
            return Finished(Outcome.SKIPPED)
        if checkpoint.answer != "restart" and self._existing() is not None:
            raise NeedsAnswer("unclear-result", operation="complete", subject=str(self._target))
        self._ctx.save(Checkpoint(target=checkpoint.target), durable=True, drop_parts=True)
        return None

    def _ended(self, verified: Verified | None) -> Finished:
        return Finished(
            Outcome.TRANSFERRED,
            verified,
            self._ctx.checkpoint.target,
            remove_source=self._options.move and not self._is_marker,
        )

    # -- after the end -----------------------------------------------------------------------------

    def remove_source(self) -> None:
        """See `Job.remove_source`."""
        ctx, checkpoint = self._ctx, self._ctx.checkpoint
        try:
            facts = ctx.fs.lstat(self._path)
            known = checkpoint.identity or (self._source.identity if self._source is not None else None)
            if known is not None and identity_of(facts) != known:
                ctx.note("the source changed after it was sent, and was kept")
                return
            if known is None and facts.st_size != ctx.spec.size:
                ctx.note("the source may have changed after it was sent, and was kept")
                return
            ctx.fs.unlink(self._path)
        except FileNotFoundError:
            return
        except OSError as error:
            raise local_error(error, "remove the source", self._path) from error

    def discard(self) -> None:
        """See `Job.discard`."""
        checkpoint = self._ctx.checkpoint
        if checkpoint.upload_id is None:
            return
        if checkpoint.target is not None:
            self._target = replace(self._target, key=checkpoint.target)
        try:
            MultipartUpload(self._ctx, self._target).abort(checkpoint.upload_id)
        except TransferError:
            self._ctx.owe("abort", f"{self._target.bucket}/{self._target.key}", checkpoint.upload_id)
            raise

    def close(self) -> None:
        """See `Job.close`."""
        if self._source is not None:
            self._source.close()
