"""From one object to another of the same endpoint: the server moves the bytes."""

from __future__ import annotations

from dataclasses import replace

from engine.errors import NeedsAnswer, Permanent, Retryable, TransferError
from engine.jobs.conflict import Decision
from engine.jobs.multipart import CLOCK_SLACK, abandon, adopt_or_abort, forget_upload
from engine.jobs.proof import demand, mismatch
from engine.jobs.protocol import Begun, Finished, JobContext, Part
from engine.jobs.target import TargetKey
from engine.model import (
    GIB,
    MIB,
    ConfirmedPart,
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
_MOST_RACES = 3
"""How often somebody else may be faster before the user is asked."""


class CopyJob:
    """See `jobs.protocol.Job`."""

    def __init__(self, context: JobContext) -> None:
        self._ctx = context
        assert isinstance(context.spec.source, ObjectRef)
        self._source = context.spec.source
        self._options = context.spec.options
        self._key = TargetKey(context, "copy")
        self._facts: ObjectFacts | None = None
        """Of the source, at the beginning of this run."""
        self._ended_otherwise: Decision | None = None

    # -- begin -------------------------------------------------------------------------------------

    def begin(self) -> Begun | Finished:
        """See `Job.begin`."""
        ctx = self._ctx
        if ctx.checkpoint.phase == "placed":
            return self._ended(ctx.checkpoint.verified)
        self._facts = facts = self._head(self._source)
        if ctx.checkpoint.phase == "completing":
            found = self._made_before(facts)
            if found is not None:
                return found
        if ctx.checkpoint.upload_id is not None and ctx.checkpoint.source_etag != facts.etag:
            abandon(ctx, self._key.ref)
        decision = self._decide()
        if decision.outcome is not None:
            abandon(ctx, self._key.ref)
            return self._not_copied(decision)
        if facts.size <= MOST_AT_ONCE:
            ctx.save(replace(ctx.checkpoint, source_etag=facts.etag, size=facts.size))
            return Begun([Part(1, 0, facts.size)], facts.size)
        return Begun(self._resume() or self._start(), facts.size)

    def _head(self, ref: ObjectRef) -> ObjectFacts:
        ctx = self._ctx
        return ctx.connection.wire.head_object(
            ref, token=ctx.token, request_payer=self._options.request_payer
        )

    def _decide(self, *, again: bool = False) -> Decision:
        ctx, facts = self._ctx, self._facts
        assert facts is not None
        is_under_way = ctx.checkpoint.upload_id is not None
        decision = self._key.decide(
            Facts(facts.size, facts.mtime, facts.etag, facts.version_id),
            self._same,
            subject=str(self._source),
            is_under_way=is_under_way,
            again=again,
        )
        if decision.renames:
            abandon(ctx, self._key.ref)  # An upload cannot change its key.
            self._key.take_free_key()
        return decision

    def _same(self) -> Verified | None:
        """What proves that both objects hold the same."""
        assert self._facts is not None
        proof = compare(self._facts, self._head(self._key.ref))
        return proof if proof in (Verified.CRC, Verified.ETAG) else None

    def _not_copied(self, decision: Decision) -> Finished:
        assert decision.outcome is not None
        assert self._facts is not None
        is_there = decision.outcome is Outcome.IDENTICAL
        if is_there:
            self._ctx.save(replace(self._ctx.checkpoint, source_etag=self._facts.etag))
        return Finished(
            decision.outcome,
            decision.verified,
            self._ctx.checkpoint.target,
            remove_source=self._options.move and is_there,
        )

    # -- in parts ----------------------------------------------------------------------------------

    def _resume(self) -> list[Part] | None:
        """The parts of the upload under way, with what the server has; ``None`` if there is none."""
        ctx, checkpoint = self._ctx, self._ctx.checkpoint
        if checkpoint.upload_id is None:
            return None
        saved = ctx.saved_parts()
        try:
            listed = {
                part.number: part.etag
                for part in ctx.connection.control.list_parts(
                    self._key.ref, checkpoint.upload_id, request_payer=self._options.request_payer
                )
            }
        except TransferError as error:
            if error.code == "upload-gone":
                ctx.note("the server dropped the partial copy: it started again from the first part")
                forget_upload(ctx)
                return None
            if error.code not in ("access-denied", "not-supported"):
                raise
            listed = {number: part.etag for number, part in saved.items()}
        parts = [Part(*planned) for planned in plan_parts(checkpoint.size, checkpoint.part_size)]
        for part in parts:
            known = saved.get(part.number)
            if known is not None and known.etag and known.etag == listed.get(part.number):
                part.confirmed, part.etag = True, known.etag
            elif known is not None:
                ctx.forget(part.number)
        return parts

    def _start(self) -> list[Part]:
        ctx, facts = self._ctx, self._facts
        assert facts is not None
        endpoint = ctx.connection.endpoint
        part_size = choose_part_size(facts.size, max(ctx.part_size or 0, PART_SIZE))
        intent = replace(
            ctx.checkpoint,
            phase="intent",
            part_size=part_size,
            checksum_mode="none",
            size=facts.size,
            source_etag=facts.etag,
            source_version=facts.version_id,
            intent_at=ctx.clock.wall() + (endpoint.clock_offset or 0.0),
            upload_id=None,
        )
        is_same = ctx.checkpoint.source_etag == facts.etag
        upload_id = adopt_or_abort(ctx, self._key.ref, is_same=is_same)
        if upload_id is None:
            ctx.save(intent, durable=True, drop_parts=True)
            upload_id = ctx.connection.control.create_multipart(
                self._key.ref,
                self._options,
                checksum_mode="none",
                metadata=facts.metadata,
                content_type=facts.content_type,
            )
        ctx.save(replace(intent, phase="begun", upload_id=upload_id), durable=True)
        return [Part(*planned) for planned in plan_parts(facts.size, part_size)]

    # -- move --------------------------------------------------------------------------------------

    def move(self, part: Part) -> None:
        """See `Job.move`."""
        try:
            self._move(part)
        except NeedsAnswer as error:
            if error.code != "object-changed":
                raise
            # Nothing of it has passed through here: to begin anew costs nobody anything.
            raise Retryable("object-changed", operation="copy", subject=str(self._source)) from error
        part.done = part.length
        part.confirmed = True

    def _move(self, part: Part) -> None:
        ctx, checkpoint, facts = self._ctx, self._ctx.checkpoint, self._facts
        assert facts is not None
        ctx.token.check()
        control = ctx.connection.control
        if checkpoint.upload_id is not None:
            part.etag = control.upload_part_copy(
                self._pinned,
                self._key.ref,
                checkpoint.upload_id,
                part.number,
                part.offset,
                part.offset + part.length - 1,
                if_match=facts.etag,
                request_payer=self._options.request_payer,
            )
            ctx.confirm(ConfirmedPart(part.number, part.length, None, part.etag))
        elif facts.size == 0 and self._source.key.endswith("/"):
            # Not every server has an object where it shows a marker: what counts is that there is one.
            control.put_marker(self._key.ref.bucket, self._key.ref.key)
        else:
            self._copy_whole(facts)

    @property
    def _pinned(self) -> ObjectRef:
        """The very version that was looked at, where there are versions."""
        assert self._facts is not None
        return replace(self._source, version_id=self._source.version_id or self._facts.version_id)

    def _copy_whole(self, facts: ObjectFacts) -> None:
        """One CopyObject; where somebody else was faster, look again what that means."""
        for _ in range(_MOST_RACES):
            try:
                if self._key.if_match is None:
                    self._key.write(lambda if_none_match, _: self._copy_once(facts, if_none_match))
                else:
                    self._key.check()  # CopyObject has no such condition for its target.
                    self._copy_once(facts, False)
                return
            except Permanent as error:
                if not self._key.was_lost(error):
                    raise
            decision = self._decide(again=True)
            if decision.outcome is not None:
                self._ended_otherwise = decision
                return
        raise self._key.taken(Facts(facts.size, facts.mtime, facts.etag), str(self._source))

    def _copy_once(self, facts: ObjectFacts, if_none_match: bool) -> None:
        self._ctx.connection.control.copy_object(
            self._pinned,
            self._key.ref,
            if_match=facts.etag,
            options=self._options,
            if_none_match=if_none_match,
        )

    # -- finish ------------------------------------------------------------------------------------

    def finish(self) -> Finished:
        """See `Job.finish`."""
        assert self._facts is not None
        if self._ended_otherwise is not None:
            return self._not_copied(self._ended_otherwise)
        if self._ctx.checkpoint.upload_id is not None:
            decision = self._complete(self._facts)
            if decision is not None:
                return self._not_copied(decision)
        return self._ended(self._verify(self._facts))

    def _complete(self, facts: ObjectFacts) -> Decision | None:
        """Make the parts one object; or what was decided because somebody else was faster."""
        ctx = self._ctx
        for _ in range(_MOST_RACES):
            try:
                self._key.check()
                ctx.token.check()
                ctx.save(replace(ctx.checkpoint, phase="completing"), durable=True)
                self._key.write(self._complete_once)
                return None
            except TransferError as error:
                if error.code != "upload-gone" and not self._key.was_lost(error):
                    raise
                if self._made_before(facts) is not None:
                    return None  # It was our own: an earlier Complete whose answer was lost.
                if error.code == "upload-gone":
                    raise
            decision = self._decide(again=True)
            if decision.outcome is not None:
                abandon(ctx, self._key.ref)
                return decision
            if decision.renames:
                raise Retryable(
                    "upload-gone", operation="copy", subject=str(self._source), detail="its name was taken"
                )
        raise self._key.taken(Facts(facts.size, facts.mtime, facts.etag), str(self._source))

    def _complete_once(self, if_none_match: bool, if_match: str | None) -> None:
        ctx, checkpoint = self._ctx, self._ctx.checkpoint
        saved = ctx.saved_parts()
        assert checkpoint.upload_id is not None
        if sum(part.length for part in saved.values()) != checkpoint.size:
            raise Retryable("part-changed", operation="copy", subject=str(self._source))
        ctx.connection.control.complete_multipart(
            self._key.ref,
            checkpoint.upload_id,
            [DonePart(number, saved[number].etag, None) for number in sorted(saved)],
            checksum_mode="none",
            whole_crc=None,
            size=checkpoint.size,
            if_none_match=if_none_match,
            if_match=if_match,
            request_payer=self._options.request_payer,
        )

    def _made_before(self, facts: ObjectFacts) -> Finished | None:
        """The object of an earlier Complete whose answer was lost, if it is surely that."""
        checkpoint = self._ctx.checkpoint
        try:
            made = self._head(self._key.ref)
        except Permanent as error:
            if error.code in ("no-such-key", "access-denied"):
                return None
            raise
        if checkpoint.source_etag != facts.etag or made.mtime < checkpoint.intent_at - CLOCK_SLACK:
            return None
        proof = compare(facts, made)
        if proof is None or (proof is Verified.SIZE and made.metadata != facts.metadata):
            return None
        return self._ended(demand(self._options, proof, "verify", str(self._key.ref)))

    def _verify(self, facts: ObjectFacts) -> Verified:
        ctx, subject = self._ctx, str(self._key.ref)
        made = self._head(self._key.ref)
        proof = compare(facts, made)
        if proof is None:
            raise mismatch("verify", subject, "the copy differs from the object")
        verified = demand(self._options, proof, "verify", subject)
        ctx.save(
            replace(
                ctx.checkpoint,
                expected_etag=made.etag,
                expected_crc=None if made.checksum_type == "COMPOSITE" else made.crc32,
                object_version=made.version_id,
                verified=verified,
            )
        )
        return verified

    def _ended(self, verified: Verified | None) -> Finished:
        return Finished(
            Outcome.TRANSFERRED, verified, self._ctx.checkpoint.target, remove_source=self._options.move
        )

    # -- after the end -----------------------------------------------------------------------------

    def remove_source(self) -> None:
        """See `Job.remove_source`."""
        ctx = self._ctx
        try:
            facts = self._head(self._source)
        except Permanent as error:
            if error.code == "no-such-key":
                return
            raise
        if not facts.etag or facts.etag != ctx.checkpoint.source_etag:
            ctx.note("the object changed after it was copied, and was kept")
            return
        ctx.connection.control.delete_object(self._source)

    def discard(self) -> None:
        """See `Job.discard`."""
        ctx, checkpoint, ref = self._ctx, self._ctx.checkpoint, self._key.ref
        if checkpoint.upload_id is None:
            return
        try:
            ctx.connection.control.abort_multipart(
                ref, checkpoint.upload_id, request_payer=self._options.request_payer
            )
        except TransferError:
            ctx.owe("abort", f"{ref.bucket}/{ref.key}", checkpoint.upload_id)
            raise

    def close(self) -> None:
        """See `Job.close`."""


def compare(one: ObjectFacts, other: ObjectFacts) -> Verified | None:
    """What proves that two objects hold the same; ``None`` if something proves that they do not.

    Another ETag proves nothing: it depends on how an object was stored.
    """
    if one.size != other.size:
        return None
    are_whole = one.checksum_type == other.checksum_type != "COMPOSITE"
    if are_whole and one.crc32 is not None and other.crc32 is not None:
        return Verified.CRC if one.crc32 == other.crc32 else None
    if one.crc64nvme is not None and other.crc64nvme is not None:
        return Verified.CRC if one.crc64nvme == other.crc64nvme else None
    return Verified.ETAG if one.etag and one.etag == other.etag else Verified.SIZE
