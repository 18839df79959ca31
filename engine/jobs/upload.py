"""From a local file to an object: one PUT, or a multipart upload that any later run can go on with."""

from __future__ import annotations

from dataclasses import replace

from engine.errors import NeedsAnswer, Permanent, Retryable, TransferError
from engine.jobs.comparing import prove_equal
from engine.jobs.completing import Completion
from engine.jobs.conflict import Decision
from engine.jobs.keycheck import check_kept
from engine.jobs.metadata import MTIME, content_type, mtime_text
from engine.jobs.multipart import MultipartUpload, abandon, forget_upload, left_behind
from engine.jobs.proof import demand
from engine.jobs.protocol import Begun, Finished, JobContext, Part, PartAction
from engine.jobs.put import SinglePut
from engine.jobs.source import SourceFile
from engine.jobs.target import TargetKey
from engine.local.failures import local_error
from engine.local.identity import identity_of, is_still
from engine.model import (
    DEFAULT_PART_SIZE,
    ConflictPolicy,
    LocalRef,
    Outcome,
    Verified,
)
from engine.parts import choose_part_size

_MOST_RACES = 3
"""How often somebody else may be faster before the user is asked."""


class UploadJob:
    """See `jobs.protocol.Job`."""

    def __init__(self, context: JobContext) -> None:
        self._ctx = context
        assert isinstance(context.spec.source, LocalRef)
        self._path = context.spec.source.path
        self._options = context.spec.options
        self._key = TargetKey(context, "upload")
        self._source: SourceFile | None = None
        self._upload: MultipartUpload | None = None
        self._put: SinglePut | None = None
        self._ended_otherwise: Decision | None = None
        """While it was being sent something took the key, and the policy leaves that alone."""

    @property
    def _is_marker(self) -> bool:
        return self._path.endswith("/")

    # -- begin -------------------------------------------------------------------------------------

    def begin(self) -> Begun | Finished:
        """See `Job.begin`."""
        ctx = self._ctx
        if ctx.checkpoint.phase == "placed":
            return self._ended(ctx.checkpoint.verified)
        if self._is_marker:
            return self._begin_marker()
        self._source = source = SourceFile(self._path, ctx.fs)
        if ctx.checkpoint.phase == "completing":
            found = self._made_before(source)
            if found is not None:
                return found
        self._heed_changes(source)
        decision = self._decide(source)
        if decision.outcome is not None:
            abandon(ctx, self._key.ref)
            return self._not_sent(decision)
        if ctx.checkpoint.upload_id is None and self._is_small(source):
            self._put = SinglePut(ctx, source, self._path)
            return Begun([Part(1, 0, source.size)], source.size)
        return self._begin_multipart(source)

    def _begin_marker(self) -> Begun | Finished:
        if self._key.first_look() is not None:
            return Finished(Outcome.IDENTICAL, Verified.SIZE)
        self._put = SinglePut(self._ctx, None, self._path)
        return Begun([Part(1, 0, 0)], 0)

    def _is_small(self, source: SourceFile) -> bool:
        return source.size <= (self._ctx.part_size or DEFAULT_PART_SIZE)

    def _begin_multipart(self, source: SourceFile) -> Begun:
        ctx = self._ctx
        self._upload = upload = MultipartUpload(ctx, self._key.ref, source)
        if ctx.checkpoint.upload_id is not None:
            parts = upload.resume()
            if parts is not None:
                done = sum(1 for part in parts if part.confirmed)
                note = f"goes on from {done} of {len(parts)} parts" if done else ""
                return Begun(parts, source.size, note)
            self._count_restart()
        parts = upload.start(
            choose_part_size(source.size, ctx.part_size),
            metadata={MTIME: mtime_text(source.identity.mtime_ns)},
            content_type=content_type(self._path),
        )
        return Begun(parts, source.size)

    def _count_restart(self) -> None:
        """The server dropped the upload. Once that may happen; a server that does it again does it always.

        Raises:
            Permanent: ``upload-gone``.
        """
        ctx = self._ctx
        had_enough = ctx.checkpoint.restarts >= 1
        forget_upload(ctx, is_restart=not had_enough)
        if had_enough:
            ctx.save(replace(ctx.checkpoint, restarts=0), durable=True)
            raise Permanent("upload-gone", operation="upload", subject=self._path, detail="twice")
        ctx.note("the server dropped the partial upload: it started again from the first part")

    # -- what may have changed ---------------------------------------------------------------------

    def _heed_changes(self, source: SourceFile) -> None:
        """The file need not be the one whose parts were sent.

        With the same size its parts are compared one by one, unless the user has said to restart.

        Raises:
            NeedsAnswer: ``source-changed``: it has another size.
        """
        checkpoint = self._ctx.checkpoint
        if checkpoint.upload_id is None or checkpoint.identity == source.identity:
            return
        if checkpoint.answer == "restart":
            abandon(self._ctx, self._key.ref)
        elif checkpoint.size != source.size:
            raise source.changed(f"{checkpoint.size} bytes when it began, {source.size} now")

    def _made_before(self, source: SourceFile) -> Finished | None:
        """Complete was sent, and its answer was lost: see what has come of it.

        Raises:
            NeedsAnswer: ``unclear-result``: something stands there, and not provably ours.
        """
        ctx, checkpoint = self._ctx, self._ctx.checkpoint
        upload = MultipartUpload(ctx, self._key.ref, source)
        verified = Completion(ctx, self._key, source, None).find_ours()
        if verified is not None:
            return self._sent(verified)
        if checkpoint.upload_id is None or not upload.is_gone():
            return None
        if checkpoint.answer == "keep":
            return Finished(Outcome.SKIPPED)
        if checkpoint.answer == "restart":
            # The question says what that means.
            ctx.save(replace(checkpoint, policy=ConflictPolicy.OVERWRITE))
            forget_upload(ctx)
        elif self._key.look() is not None:
            raise NeedsAnswer(
                "unclear-result",
                source=source.facts,
                target=self._key.look(),
                operation="complete",
                subject=str(self._key.ref),
            )
        else:
            self._count_restart()
        return None

    # -- conflicts ---------------------------------------------------------------------------------

    def _decide(self, source: SourceFile, *, again: bool = False) -> Decision:
        ctx = self._ctx
        is_under_way = ctx.checkpoint.upload_id is not None
        decision = self._key.decide(
            source.facts,
            lambda: self._same_as(source),
            subject=self._path,
            is_under_way=is_under_way,
            again=again,
        )
        if decision.renames:
            if is_under_way:
                abandon(ctx, self._key.ref)  # An upload cannot change its key.
            self._key.take_free_key()
        return decision

    def _same_as(self, source: SourceFile) -> Verified | None:
        """What proves that the object holds just what the file holds."""
        ctx = self._ctx
        return prove_equal(
            ctx.connection,
            self._key.ref,
            source,
            ctx.token,
            part_size=choose_part_size(source.size, ctx.part_size),
            request_payer=self._options.request_payer,
        )

    def _not_sent(self, decision: Decision) -> Finished:
        assert decision.outcome is not None
        is_there = decision.outcome is Outcome.IDENTICAL
        if is_there:
            self._keep_identity()
        return Finished(
            decision.outcome,
            decision.verified,
            self._ctx.checkpoint.target,
            remove_source=self._options.move and is_there,
        )

    # -- move --------------------------------------------------------------------------------------

    def move(self, part: Part) -> None:
        """See `Job.move`."""
        if self._upload is None:
            self._send_whole(part)
            part.confirmed = True
        elif part.action is PartAction.CHECK:
            self._upload.check(part)
        else:
            self._upload.send(part)

    def _send_whole(self, part: Part) -> None:
        """One PUT; where somebody else was faster, look again what that means."""
        assert self._put is not None
        source = self._source
        for _ in range(_MOST_RACES):
            try:
                self._put.send(self._key, part)
                return
            except Permanent as error:
                if not self._key.was_lost(error) or source is None:
                    raise
            decision = self._decide(source, again=True)
            if decision.outcome is not None:
                self._ended_otherwise = decision
                return
        raise self._key.taken(None if source is None else source.facts, self._path)

    # -- finish ------------------------------------------------------------------------------------

    def finish(self) -> Finished:
        """See `Job.finish`."""
        if self._ended_otherwise is not None:
            return self._not_sent(self._ended_otherwise)
        if self._put is not None:
            put = self._put
            verified = demand(self._options, put.verify(self._key.ref), "verify", str(self._key.ref))
            if self._options.move:
                self._keep_identity(put)
            finished = self._sent(verified)
            if put.etag is not None:
                finished.crc, finished.etag, finished.version_id = put.crc, put.etag, put.version_id
            return finished
        return self._complete()

    def _complete(self) -> Finished:
        source = self._source
        assert source is not None
        completion = Completion(self._ctx, self._key, source, self._upload)
        for _ in range(_MOST_RACES):
            source.check()
            source.check_path()
            try:
                return self._sent(completion.complete())
            except Permanent as error:
                if not self._key.was_lost(error):
                    raise
            decision = self._decide(source, again=True)
            if decision.outcome is not None:
                abandon(self._ctx, self._key.ref)
                return self._not_sent(decision)
            if decision.renames:
                raise Retryable(
                    "upload-gone", operation="upload", subject=self._path, detail="its name was taken"
                )
        raise self._key.taken(source.facts, self._path)

    def _keep_identity(self, put: SinglePut | None = None) -> None:
        """For a move, which may only remove the very file that was sent; and what history wants to know."""
        if self._source is None:
            return
        checkpoint = replace(self._ctx.checkpoint, identity=self._source.identity)
        if put is not None and put.etag is not None:
            checkpoint = replace(
                checkpoint, expected_crc=put.crc, expected_etag=put.etag, object_version=put.version_id
            )
        self._ctx.save(checkpoint)

    def _sent(self, verified: Verified) -> Finished:
        check_kept(self._ctx.connection, self._key.ref, self._ctx.token)
        return self._ended(verified)

    def _ended(self, verified: Verified | None) -> Finished:
        return Finished(
            Outcome.TRANSFERRED,
            verified,
            self._ctx.checkpoint.target,
            remove_source=self._options.move and not self._is_marker,
        )

    # -- after the end -----------------------------------------------------------------------------

    def remove_source(self) -> None:
        """See `Job.remove_source`. Of a link its own name goes, not what it leads to."""
        ctx, sent = self._ctx, self._ctx.checkpoint.identity
        try:
            if not is_still(sent, identity_of(ctx.fs.stat(self._path))):
                ctx.note("the source changed after it was sent, and was kept")
                return
            ctx.fs.unlink(self._path)
        except FileNotFoundError:
            return
        except OSError as error:
            raise local_error(error, "remove the source", self._path) from error

    def discard(self) -> None:
        """See `Job.discard`."""
        ctx, checkpoint, ref = self._ctx, self._ctx.checkpoint, self._key.ref
        upload_id = checkpoint.upload_id
        if upload_id is None and checkpoint.phase == "intent":
            upload_id = left_behind(ctx, ref)
        if upload_id is None:
            return
        try:
            ctx.connection.control.abort_multipart(ref, upload_id, request_payer=self._options.request_payer)
        except TransferError:
            ctx.owe("abort", f"{ref.bucket}/{ref.key}", upload_id)
            raise

    def close(self) -> None:
        """See `Job.close`."""
        if self._source is not None:
            self._source.close()
