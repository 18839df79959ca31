"""From one object to another of the same endpoint: the server moves the bytes."""

from __future__ import annotations

from dataclasses import replace

from engine.errors import NeedsAnswer, Permanent, TransferError
from engine.jobs.conflict import decide, policy_of
from engine.jobs.proof import demand, is_md5_etag, mismatch
from engine.jobs.protocol import Begun, Finished, JobContext, Part
from engine.local.publish import numbered
from engine.lookup import look_at
from engine.model import (
    GIB,
    MIB,
    Checkpoint,
    ConfirmedPart,
    ConflictPolicy,
    Facts,
    ObjectRef,
    Outcome,
    Verified,
)
from engine.parts import choose_part_size, plan_parts
from engine.s3.facts import DonePart, ObjectFacts

MOST_AT_ONCE = 5 * GIB
"""Larger objects are copied in parts; S3's limit."""
PART_SIZE = 256 * MIB
_MOST_NAMES = 1000


class CopyJob:
    """See `jobs.protocol.Job`."""

    def __init__(self, context: JobContext) -> None:
        self._ctx = context
        assert isinstance(context.spec.source, ObjectRef)
        assert isinstance(context.spec.target, ObjectRef)
        self._source, self._target = context.spec.source, context.spec.target
        self._options = context.spec.options
        self._facts: ObjectFacts | None = None
        self._if_none_match = False

    # -- begin -------------------------------------------------------------------------------------

    def begin(self) -> Begun | Finished:
        """See `Job.begin`."""
        ctx, checkpoint = self._ctx, self._ctx.checkpoint
        if checkpoint.target is not None:
            self._target = replace(self._target, key=checkpoint.target)
        if checkpoint.phase == "placed":
            return self._ended(checkpoint.verified)
        payer = self._options.request_payer
        self._facts = facts = ctx.connection.wire.head_object(
            self._source, token=ctx.token, request_payer=payer
        )
        known = Facts(facts.size, facts.mtime, facts.etag, facts.version_id)
        existing = self._existing()
        decision = decide(
            self._options,
            checkpoint.answer,
            known,
            existing,
            lambda: self._same(),
            operation="copy",
            subject=str(self._source),
        )
        if decision.outcome is not None:
            return Finished(
                decision.outcome,
                decision.verified,
                remove_source=self._options.move and decision.outcome is Outcome.IDENTICAL,
            )
        if decision.renames and checkpoint.target is None:
            self._take_free_name()
        policy = policy_of(self._options, checkpoint.answer)
        self._if_none_match = existing is None and policy is not ConflictPolicy.OVERWRITE
        if facts.size <= MOST_AT_ONCE:
            ctx.save(replace(ctx.checkpoint, source_etag=facts.etag, size=facts.size))
            return Begun([Part(1, 0, facts.size)], facts.size)
        return self._begin_multipart(facts)

    def _existing(self) -> Facts | None:
        spec = self._ctx.spec
        if spec.target_was_listed and self._ctx.checkpoint == Checkpoint():
            return spec.target_facts
        return look_at(self._ctx.connection, self._target, self._ctx.token)

    def _take_free_name(self) -> None:
        ctx = self._ctx
        above, slash, name = self._target.key.rpartition("/")
        for number in range(2, _MOST_NAMES):
            ref = replace(self._target, key=above + slash + numbered(name, number))
            if look_at(ctx.connection, ref, ctx.token) is None:
                self._target = ref
                ctx.save(replace(ctx.checkpoint, target=ref.key))
                return
        raise Permanent("name-collision", operation="copy", subject=str(self._source))

    def _begin_multipart(self, facts: ObjectFacts) -> Begun:
        ctx, checkpoint = self._ctx, self._ctx.checkpoint
        control = ctx.connection.control
        if checkpoint.upload_id is not None and checkpoint.source_etag == facts.etag:
            try:
                listed = {
                    part.number: part for part in control.list_parts(self._target, checkpoint.upload_id)
                }
                saved = ctx.saved_parts()
                parts = [Part(*planned) for planned in plan_parts(facts.size, checkpoint.part_size)]
                for part in parts:
                    known, there = saved.get(part.number), listed.get(part.number)
                    if known is not None and there is not None and known.etag == there.etag:
                        part.confirmed, part.etag = True, known.etag
                return Begun(parts, facts.size)
            except TransferError as error:
                if error.code != "upload-gone":
                    raise
        elif checkpoint.upload_id is not None:
            control.abort_multipart(self._target, checkpoint.upload_id)
        part_size = choose_part_size(facts.size, max(ctx.part_size or 0, PART_SIZE))
        intent = replace(
            checkpoint,
            phase="intent",
            part_size=part_size,
            size=facts.size,
            source_etag=facts.etag,
            source_version=facts.version_id,
            intent_at=ctx.clock.wall(),
            upload_id=None,
        )
        ctx.save(intent, durable=True, drop_parts=True)
        upload_id = control.create_multipart(
            self._target,
            self._options,
            checksum_mode="none",
            metadata=facts.metadata,
            content_type=facts.content_type,
        )
        ctx.save(replace(intent, phase="begun", upload_id=upload_id), durable=True)
        return Begun([Part(*planned) for planned in plan_parts(facts.size, part_size)], facts.size)

    def _same(self) -> Verified | None:
        """What proves that both objects hold the same."""
        assert self._facts is not None
        ctx = self._ctx
        facts = ctx.connection.wire.head_object(
            self._target, token=ctx.token, request_payer=self._options.request_payer
        )
        proof = compare(self._facts, facts)
        return proof if proof in (Verified.CRC, Verified.ETAG) else None

    # -- move --------------------------------------------------------------------------------------

    def move(self, part: Part) -> None:
        """See `Job.move`."""
        ctx, checkpoint, facts = self._ctx, self._ctx.checkpoint, self._facts
        assert facts is not None
        ctx.token.check()
        control = ctx.connection.control
        try:
            if facts.size == 0 and self._source.key.endswith("/"):
                # Not every server has an object where it shows a marker: what counts is that there is one.
                control.put_marker(self._target.bucket, self._target.key)
            elif checkpoint.upload_id is None:
                control.copy_object(
                    self._source,
                    self._target,
                    if_match=facts.etag,
                    options=self._options,
                    if_none_match=self._if_none_match,
                )
            else:
                part.etag = control.upload_part_copy(
                    self._source,
                    self._target,
                    checkpoint.upload_id,
                    part.number,
                    part.offset,
                    part.offset + part.length - 1,
                    if_match=facts.etag,
                    request_payer=self._options.request_payer,
                )
                ctx.confirm(ConfirmedPart(part.number, part.length, None, part.etag))
        except Permanent as error:
            if error.code == "precondition":
                raise self._changed() from error
            raise
        part.done = part.length
        part.confirmed = True

    def _changed(self) -> NeedsAnswer:
        """Which of the two sides is not as it was."""
        target = look_at(self._ctx.connection, self._target, self._ctx.token)
        if self._if_none_match and target is not None:
            return NeedsAnswer("target-exists", target=target, operation="copy", subject=str(self._source))
        return NeedsAnswer("object-changed", operation="copy", subject=str(self._source))

    # -- finish ------------------------------------------------------------------------------------

    def finish(self) -> Finished:
        """See `Job.finish`."""
        ctx, checkpoint, facts = self._ctx, self._ctx.checkpoint, self._facts
        assert facts is not None
        if checkpoint.upload_id is not None:
            ctx.save(replace(checkpoint, phase="completing"), durable=True)
            saved = ctx.saved_parts()
            ctx.connection.control.complete_multipart(
                self._target,
                checkpoint.upload_id,
                [DonePart(number, saved[number].etag, None) for number in sorted(saved)],
                checksum_mode="none",
                whole_crc=None,
                size=facts.size,
                if_none_match=self._if_none_match,
                request_payer=self._options.request_payer,
            )
        made = ctx.connection.wire.head_object(
            self._target, token=ctx.token, request_payer=self._options.request_payer
        )
        proof = compare(facts, made)
        if proof is None:
            raise mismatch("verify", str(self._target), "the copy differs from the object")
        verified = demand(self._options, proof, "verify", str(self._target))
        ctx.save(replace(ctx.checkpoint, expected_etag=made.etag, expected_crc=made.crc32, verified=verified))
        return self._ended(verified)

    def _ended(self, verified: Verified | None) -> Finished:
        checkpoint = self._ctx.checkpoint
        return Finished(Outcome.TRANSFERRED, verified, checkpoint.target, remove_source=self._options.move)

    # -- after the end -----------------------------------------------------------------------------

    def remove_source(self) -> None:
        """See `Job.remove_source`."""
        ctx = self._ctx
        try:
            facts = ctx.connection.wire.head_object(
                self._source, token=ctx.token, request_payer=self._options.request_payer
            )
        except Permanent as error:
            if error.code == "no-such-key":
                return
            raise
        expected = ctx.checkpoint.source_etag or (self._facts.etag if self._facts is not None else None)
        if expected is not None and facts.etag != expected:
            ctx.note("the object changed after it was copied, and was kept")
            return
        ctx.connection.control.delete_object(replace(self._source, version_id=None))

    def discard(self) -> None:
        """See `Job.discard`."""
        checkpoint = self._ctx.checkpoint
        if checkpoint.upload_id is None:
            return
        if checkpoint.target is not None:
            self._target = replace(self._target, key=checkpoint.target)
        try:
            self._ctx.connection.control.abort_multipart(self._target, checkpoint.upload_id)
        except TransferError:
            self._ctx.owe("abort", f"{self._target.bucket}/{self._target.key}", checkpoint.upload_id)
            raise

    def close(self) -> None:
        """See `Job.close`."""


def compare(one: ObjectFacts, other: ObjectFacts) -> Verified | None:
    """What proves that two objects hold the same; ``None`` if something proves that they do not."""
    if one.size != other.size:
        return None
    of_one_kind = one.checksum_type == other.checksum_type != "COMPOSITE"
    if one.crc32 is not None and other.crc32 is not None and of_one_kind:
        return Verified.CRC if one.crc32 == other.crc32 else None
    if one.etag == other.etag and one.etag:
        return Verified.ETAG
    if is_md5_etag(one) and is_md5_etag(other) and not (one.sse or other.sse):
        return None
    return Verified.SIZE
