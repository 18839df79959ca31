"""An object sent in one request, and what proves that it arrived."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from engine.errors import Permanent, Retryable, TransferError
from engine.jobs.metadata import MTIME, content_type, mtime_text, put_headers
from engine.jobs.proof import checksum_says, is_md5_etag, mismatch
from engine.jobs.protocol import JobContext, Part
from engine.jobs.source import SourceFile
from engine.jobs.target import UNSUPPORTED, TargetKey
from engine.model import ObjectRef, Verified
from engine.s3.facts import ObjectFacts
from engine.s3.wire import PutReply

_CRC_MODES = ("full", "composite")
_CLOCK_SLACK = 2.0
"""Seconds by which two clocks may differ without anybody noticing."""


@dataclass(frozen=True, slots=True)
class _Sent:
    """The body as it was read before it was sent."""

    crc: int
    md5: bytes | None
    """Where the server checks by it, or not at all."""


class SinglePut:
    """One item's only request.

    Args:
        source: ``None`` for a folder marker, which is empty.
    """

    def __init__(self, context: JobContext, source: SourceFile | None, path: str) -> None:
        self._ctx, self._source, self._path = context, source, path
        self._began_at: float | None = None
        """Wall time of the first try, by the server's clock as far as it is known."""
        self._sent: _Sent | None = None
        self._reply: PutReply | None = None
        self._found: Verified | None = None
        """An earlier try had arrived, and this proves it."""
        self._had_odd_etag = False
        """One was not the MD5 of what was sent: damage, or a server that makes them otherwise."""

    @property
    def _size(self) -> int:
        return 0 if self._source is None else self._source.size

    @property
    def crc(self) -> int | None:
        """CRC32 of what was sent."""
        return None if self._sent is None else self._sent.crc

    @property
    def etag(self) -> str | None:
        """Of the object, as far as the server told."""
        return None if self._reply is None else self._reply.etag

    @property
    def version_id(self) -> str | None:
        """Of the object, where the bucket keeps versions."""
        return None if self._reply is None else self._reply.version_id

    # -- sending -----------------------------------------------------------------------------------

    def send(self, key: TargetKey, part: Part) -> None:
        """Send it, checked in the best way the server knows. Once more is safe.

        Raises:
            Permanent: ``precondition`` and what else `TargetKey.was_lost` says: it is somebody else's.
        """
        self._reply = None
        if self._began_at is None:
            offset = self._ctx.connection.endpoint.clock_offset
            self._began_at = self._ctx.clock.wall() + (offset or 0.0)
        try:
            self._reply = key.write(
                lambda if_none_match, if_match: self._in_some_mode(key.ref, part, if_none_match, if_match)
            )
        except Permanent as error:
            # What stands in the way may be what an earlier try has put there.
            self._found = self._recognise(key.ref) if key.was_lost(error) else None
            if self._found is None:
                raise
        self._check_etag(key)

    def _in_some_mode(
        self, ref: ObjectRef, part: Part, if_none_match: bool, if_match: str | None
    ) -> PutReply:
        endpoint = self._ctx.connection.endpoint
        modes = endpoint.checksum_modes()
        for mode in modes:
            try:
                reply = self._once(ref, part, mode, if_none_match, if_match)
            except Permanent as error:
                # Where a mode has worked before, it is not the checksum that is refused.
                if error.code not in UNSUPPORTED or endpoint.checksum_mode or mode == modes[-1]:
                    raise
                continue
            if not endpoint.checksum_mode:
                endpoint.learn_checksum_mode(mode)
            return reply
        raise AssertionError("there is always a mode left")

    def _once(
        self, ref: ObjectRef, part: Part, mode: str, if_none_match: bool, if_match: str | None
    ) -> PutReply:
        ctx, source, options = self._ctx, self._source, self._ctx.spec.options
        # What fits into the buffer is read once, and sent from there: it cannot change between.
        held = None if source is None else source.whole()
        sent = self._sent = self._read(mode, held)
        metadata: dict[str, str] = {}
        if source is not None:
            if held is None:
                source.check()
            metadata[MTIME] = mtime_text(source.identity.mtime_ns)

        def moved(count: int) -> None:
            part.done = count

        def pieces() -> Iterator[memoryview]:
            part.done = 0
            if source is None:
                return iter(())
            return source.sending(0, source.size, ctx.token, ctx.limiter, moved, held)

        try:
            reply = ctx.connection.wire.put_object(
                ref,
                pieces,
                self._size,
                body=held if ctx.limiter.rate is None else None,
                crc32=sent.crc if mode in _CRC_MODES else None,
                md5=sent.md5 if mode == "md5" else None,
                headers=put_headers(options, metadata, None if source is None else content_type(self._path)),
                if_none_match=if_none_match,
                if_match=if_match,
                token=ctx.token,
                request_payer=options.request_payer,
            )
        except Retryable as error:
            if error.code == "bad-digest" and source is not None:
                source.check()  # It was not the line: the file changed between the two readings.
            raise
        part.done = self._size
        if source is not None and mode == "none":
            source.check()  # Nobody else has compared the two readings.
        return reply

    def _read(self, mode: str, held: memoryview | None) -> _Sent:
        source = self._source
        if source is None:
            return _Sent(0, hashlib.md5(usedforsecurity=False).digest())
        if held is not None:
            md5 = None if mode in _CRC_MODES else hashlib.md5(held, usedforsecurity=False).digest()
            return _Sent(zlib.crc32(held), md5)
        if mode in _CRC_MODES:
            return _Sent(source.crc_of(0, source.size, self._ctx.token), None)
        return _Sent(*source.crc_and_md5_of(0, source.size, self._ctx.token))

    def _check_etag(self, key: TargetKey) -> None:
        """Compare the ETag with the MD5 where that is all there is. Another one twice is the server's way."""
        reply, sent = self._reply, self._sent
        if reply is None or sent is None or sent.md5 is None or reply.crc32 is not None:
            return
        endpoint = self._ctx.connection.endpoint
        if reply.etag == sent.md5.hex():
            endpoint.etags_are_md5 = True
        elif self._had_odd_etag:
            endpoint.etags_are_md5 = endpoint.etags_are_md5 or False
        elif endpoint.etags_are_md5 is not False and not self._ctx.spec.options.sse:
            self._had_odd_etag = True
            if key.if_none_match or key.if_match:
                key.if_none_match, key.if_match = False, reply.etag
            raise odd_etag("upload", str(key.ref))

    # -- proof -------------------------------------------------------------------------------------

    def verify(self, ref: ObjectRef) -> Verified:
        """What proves that the object holds what was sent.

        Raises:
            Permanent: ``checksum-mismatch``.
        """
        if self._found is not None:
            return self._found
        reply, sent = self._reply, self._sent
        assert reply is not None
        assert sent is not None
        if reply.crc32 is not None:
            if reply.crc32 != sent.crc:
                raise mismatch("upload", str(ref), "the server's checksum differs")
            return Verified.CRC
        if sent.md5 is not None and reply.etag == sent.md5.hex():
            return Verified.ETAG
        return self._verify_by_looking(replace_version(ref, reply.version_id), reply, sent)

    def _verify_by_looking(self, ref: ObjectRef, reply: PutReply, sent: _Sent) -> Verified:
        try:
            facts = self._look(ref)
        except Permanent as error:
            if error.code == "access-denied":
                return Verified.SIZE  # To write need not include to look; the server took every byte.
            raise
        if facts.etag != reply.etag:
            detail = "another object has taken its place since"
            raise Permanent("precondition", operation="verify", subject=str(ref), detail=detail)
        if facts.size != self._size:
            raise mismatch("verify", str(ref), f"{facts.size} bytes instead of {self._size}")
        says = checksum_says(facts, sent.crc)
        if says is None:
            # Here checksums are taken and not kept: from now on the MD5 is made while reading.
            if sent.md5 is None:
                self._ctx.connection.endpoint.learn_checksum_mode("md5")
            return self._by_md5(facts, sent)
        if not says:
            raise mismatch("verify", str(ref), "the server's checksum differs")
        return Verified.CRC

    def _by_md5(self, facts: ObjectFacts, sent: _Sent) -> Verified:
        """By the ETag, if it is an MD5. That it is another one proves nothing: ETags need not be."""
        if not is_md5_etag(facts):
            return Verified.SIZE
        md5 = sent.md5
        if md5 is None and self._source is not None:
            crc, md5 = self._source.crc_and_md5_of(0, self._size, self._ctx.token)
            if crc != sent.crc:
                return Verified.SIZE  # The file has changed since.
        return Verified.ETAG if md5 is not None and md5.hex() == facts.etag else Verified.SIZE

    def _look(self, ref: ObjectRef) -> ObjectFacts:
        ctx = self._ctx
        return ctx.connection.wire.head_object(
            ref, token=ctx.token, request_payer=ctx.spec.options.request_payer
        )

    def _recognise(self, ref: ObjectRef) -> Verified | None:
        """What proves that the object there is the one of an earlier try, whose answer was lost."""
        sent, source = self._sent, self._source
        if sent is None or self._began_at is None:
            return None
        try:
            facts = self._look(ref)
        except TransferError as error:
            if error.code in ("no-such-key", "access-denied"):
                return None
            raise
        if facts.size != self._size:
            return None
        says = checksum_says(facts, sent.crc)
        if says is not None:
            return Verified.CRC if says else None
        if self._by_md5(facts, sent) is Verified.ETAG:
            return Verified.ETAG
        is_new = facts.mtime >= self._began_at - _CLOCK_SLACK
        has_our_time = source is not None and facts.metadata.get(MTIME) == mtime_text(
            source.identity.mtime_ns
        )
        return Verified.SIZE if is_new and has_our_time else None


def odd_etag(operation: str, subject: str) -> Retryable:
    """The error where an ETag is not the MD5 of what was sent."""
    return Retryable(
        "bad-digest", operation=operation, subject=subject, detail="the ETag is not the MD5 of what was sent"
    )


def replace_version(ref: ObjectRef, version_id: str | None) -> ObjectRef:
    """The very version that was written, where there are versions."""
    return ref if version_id is None else ObjectRef(ref.bucket, ref.key, version_id)
