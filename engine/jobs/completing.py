"""Making the parts of an upload one object, proving what it holds, and knowing it again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from engine.errors import Permanent, Retryable, TransferError
from engine.jobs.metadata import MTIME, mtime_text
from engine.jobs.multipart import CLOCK_SLACK, MultipartUpload
from engine.jobs.proof import checksum_says, demand, mismatch, multipart_count
from engine.jobs.protocol import JobContext
from engine.jobs.put import replace_version
from engine.jobs.source import SourceFile
from engine.jobs.target import UNSUPPORTED, TargetKey
from engine.model import ConfirmedPart, Verified
from engine.parts import combined_crc, multipart_etag
from engine.s3.facts import Completed, DonePart, ObjectFacts


class Completion:
    """The end of one item's upload. Used by one thread, when all parts are confirmed."""

    def __init__(
        self, context: JobContext, key: TargetKey, source: SourceFile, upload: MultipartUpload | None
    ) -> None:
        self._ctx, self._key, self._source, self._upload = context, key, source, upload
        self._payer = context.spec.options.request_payer

    # -- completing --------------------------------------------------------------------------------

    def complete(self) -> Verified:
        """Make the object, and prove what it holds.

        Raises:
            Permanent: ``precondition`` and what else `TargetKey.was_lost` says; ``checksum-mismatch``.
            Retryable: ``part-changed``, ``upload-gone``, or the answer was lost: begin again.
        """
        ctx = self._ctx
        parts = self._confirmed()
        crc = _whole_crc(parts)
        self._key.check()
        ctx.token.check()
        ctx.save(
            replace(ctx.checkpoint, phase="completing", expected_crc=crc, identity=self._source.identity),
            durable=True,
        )
        try:
            done = self._key.write(
                lambda if_none_match, if_match: self._ask(parts, crc, if_none_match, if_match)
            )
        except TransferError as error:
            if error.code != "upload-gone" and not self._key.was_lost(error):
                raise
            # It may have been our own: an earlier Complete whose answer was lost.
            found = self.find_ours()
            if found is None:
                raise
            return found
        ctx.save(replace(ctx.checkpoint, expected_etag=done.etag, object_version=done.version_id))
        return demand(ctx.spec.options, self._verify(parts, done), "verify", str(self._key.ref))

    def _confirmed(self) -> list[ConfirmedPart]:
        """All parts in order, and nothing missing."""
        parts = self._saved()
        numbers = [part.number for part in parts]
        if sum(part.length for part in parts) != self._source.size or numbers != list(
            range(1, len(parts) + 1)
        ):
            raise Retryable("part-changed", operation="complete", subject=str(self._key.ref))
        return parts

    def _saved(self) -> list[ConfirmedPart]:
        saved = self._ctx.saved_parts()
        return [saved[number] for number in sorted(saved)]

    def _ask(
        self, parts: Sequence[ConfirmedPart], crc: int | None, if_none_match: bool, if_match: str | None
    ) -> Completed:
        """Complete; of a server that does not take the checksums here, without them: it has every part's."""
        endpoint, mode = self._ctx.connection.endpoint, self._ctx.checkpoint.checksum_mode
        try:
            done = self._ask_in(mode, parts, crc, if_none_match, if_match)
        except Permanent as error:
            if error.code not in UNSUPPORTED or mode not in ("full", "composite"):
                raise
            done = self._ask_in("none", parts, crc, if_none_match, if_match)
            endpoint.learn_checksum_mode("md5")
        if not endpoint.checksum_mode and self._ctx.checkpoint.intent_at:
            endpoint.learn_checksum_mode(mode)  # Not where somebody else chose it.
        return done

    def _ask_in(
        self,
        mode: str,
        parts: Sequence[ConfirmedPart],
        crc: int | None,
        if_none_match: bool,
        if_match: str | None,
    ) -> Completed:
        ctx = self._ctx
        upload_id = ctx.checkpoint.upload_id
        assert upload_id is not None
        return ctx.connection.control.complete_multipart(
            self._key.ref,
            upload_id,
            [DonePart(part.number, part.etag, part.crc) for part in parts],
            checksum_mode=mode,
            whole_crc=crc,
            size=self._source.size,
            if_none_match=if_none_match,
            if_match=if_match,
            request_payer=self._payer,
        )

    # -- proof -------------------------------------------------------------------------------------

    def _verify(self, parts: Sequence[ConfirmedPart], done: Completed) -> Verified:
        ref = self._key.ref
        try:
            facts = self._look(done.version_id)
        except Permanent as error:
            if error.code == "access-denied":
                return Verified.SIZE  # To write need not include to look; every part was taken as sent.
            raise
        verified = self._prove(facts, parts)
        if verified in (None, Verified.SIZE) and facts.etag != done.etag:
            detail = "another object has taken its place since"
            raise Permanent("precondition", operation="verify", subject=str(ref), detail=detail)
        if verified is None:
            raise mismatch("verify", str(ref), "the object is not what was sent")
        return verified

    def _look(self, version_id: str | None) -> ObjectFacts:
        ctx = self._ctx
        ref = replace_version(self._key.ref, version_id)
        return ctx.connection.wire.head_object(ref, token=ctx.token, request_payer=self._payer)

    def _prove(self, facts: ObjectFacts, parts: Sequence[ConfirmedPart]) -> Verified | None:
        """What proves that an object holds the file; ``None`` if it is proven that it does not."""
        if facts.size != self._ctx.checkpoint.size:
            return None
        crcs = [part.crc for part in parts if part.crc is not None]
        says = checksum_says(facts, _whole_crc(parts), crcs)
        if says is not None:
            return Verified.CRC if says else None
        endpoint = self._ctx.connection.endpoint
        if self._ctx.checkpoint.checksum_mode in ("full", "composite"):
            # Here checksums are taken and not kept: from now on the MD5s are made while reading.
            endpoint.learn_checksum_mode("md5")
        if multipart_count(facts.etag) == len(parts) and self._multipart_etag(parts) == facts.etag:
            return Verified.ETAG
        return Verified.SIZE

    def _multipart_etag(self, parts: Sequence[ConfirmedPart]) -> str | None:
        """Of the bytes of the file, which is read again as far as no MD5 was compared while sending.

        The parts' ETags alone would only prove that the server has what it said it got.
        """
        source, token = self._source, self._ctx.token
        proven = self._upload.proven_by_md5 if self._upload is not None else set()
        md5s, offset = [], 0
        for part in parts:
            if part.number in proven:
                md5s.append(bytes.fromhex(part.etag))
            else:
                crc, md5 = source.crc_and_md5_of(offset, part.length, token)
                if crc != part.crc:
                    return None  # The file has changed since.
                md5s.append(md5)
            offset += part.length
        return multipart_etag(md5s)

    # -- knowing it again --------------------------------------------------------------------------

    def find_ours(self) -> Verified | None:
        """What proves that the object that stands there has come of this upload; ``None`` if it has not.

        Where neither checksum nor ETag tells: size, the time in its metadata, and that it was not
        there before the upload began (S3 dates an object by the beginning of its upload).
        """
        ctx, checkpoint = self._ctx, self._ctx.checkpoint
        parts = self._saved()
        try:
            facts = self._look(None)
        except Permanent as error:
            if error.code in ("no-such-key", "access-denied"):
                return None
            raise
        if not parts:
            return None
        verified = self._prove(facts, parts)
        if verified is Verified.SIZE and facts.etag != checkpoint.expected_etag:
            identity = checkpoint.identity
            ours = None if identity is None else mtime_text(identity.mtime_ns)
            is_new = facts.mtime >= checkpoint.intent_at - CLOCK_SLACK
            if not is_new or facts.metadata.get(MTIME) != ours:
                return None
        if verified is None:
            return None
        return demand(ctx.spec.options, verified, "verify", str(self._key.ref))


def _whole_crc(parts: Sequence[ConfirmedPart]) -> int | None:
    """CRC32 of the whole, if every part has one."""
    pairs = [(part.crc, part.length) for part in parts if part.crc is not None]
    return combined_crc(pairs) if len(pairs) == len(parts) else None
