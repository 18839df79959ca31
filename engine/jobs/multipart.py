"""A multipart upload as a file is sent by it: begun once, gone on with after any interruption."""

from __future__ import annotations

from dataclasses import replace

from engine.errors import Permanent, Retryable, TransferError
from engine.jobs.proof import demand, mismatch, proof_of_parts
from engine.jobs.protocol import JobContext, Part, PartAction
from engine.jobs.source import SourceFile
from engine.local.identity import same_boot, was_at_rest
from engine.model import ConfirmedPart, ObjectRef, Verified
from engine.parts import combined_crc, plan_parts
from engine.s3.facts import DonePart, ServerPart

_CLOCK_SLACK = 2.0
"""Seconds by which two clocks may differ without anybody noticing."""


class MultipartUpload:
    """One item's upload. `send` and `check` may be called from several threads at once."""

    def __init__(self, context: JobContext, target: ObjectRef) -> None:
        self._ctx, self._target = context, target
        self._payer = context.spec.options.request_payer

    # -- beginning ---------------------------------------------------------------------------------

    def start(
        self, source: SourceFile, part_size: int, *, metadata: dict[str, str], content_type: str | None
    ) -> None:
        """Record the intent, begin (or adopt what an earlier run began), record the id."""
        ctx, connection = self._ctx, self._ctx.connection
        endpoint, checkpoint = connection.endpoint, ctx.checkpoint
        adopted = self._left_behind()
        now = ctx.clock.wall() + (endpoint.clock_offset or 0.0)
        intent = replace(
            checkpoint,
            phase="intent",
            part_size=part_size,
            size=source.size,
            identity=source.identity,
            intent_at=now,
            boot_id=ctx.boot_id,
            upload_id=None,
        )
        if adopted is None:
            ctx.save(intent, durable=True, drop_parts=True)
            upload_id, mode = self._create(metadata, content_type)
        else:
            upload_id, mode = adopted, checkpoint.checksum_mode or endpoint.checksum_modes()[0]
        ctx.save(replace(intent, phase="begun", upload_id=upload_id, checksum_mode=mode), durable=True)

    def _create(self, metadata: dict[str, str], content_type: str | None) -> tuple[str, str]:
        ctx, control, endpoint = self._ctx, self._ctx.connection.control, self._ctx.connection.endpoint
        modes = endpoint.checksum_modes()
        for number, mode in enumerate(modes):
            try:
                upload_id = control.create_multipart(
                    self._target,
                    ctx.spec.options,
                    checksum_mode=mode,
                    metadata=metadata,
                    content_type=content_type,
                )
            except Permanent as error:
                if error.code != "not-supported" or number == len(modes) - 1:
                    raise
                continue
            if number:
                endpoint.learn_checksum_mode(mode)
            return upload_id, mode
        raise AssertionError("there is always a mode left")

    def _left_behind(self) -> str | None:
        """An upload that an earlier run began and could not write down: surely ours, or none."""
        checkpoint = self._ctx.checkpoint
        if checkpoint.phase != "intent" or not checkpoint.intent_at:
            return None
        control = self._ctx.connection.control
        try:
            since = checkpoint.intent_at - _CLOCK_SLACK
            found = [
                upload
                for upload in control.list_uploads(self._target.bucket, self._target.key)
                if upload.key == self._target.key and upload.initiated >= since
            ]
            if len(found) != 1 or control.list_parts(self._target, found[0].upload_id):
                return None
        except TransferError:
            return None  # Not allowed to look, or not now: another upload does no harm.
        return found[0].upload_id

    # -- going on ----------------------------------------------------------------------------------

    def resume(self, source: SourceFile) -> list[Part] | None:
        """The parts, with what the server has; ``None`` if the upload is gone."""
        ctx, checkpoint = self._ctx, self._ctx.checkpoint
        server = self._on_server()
        if server is None:
            return None
        saved = ctx.saved_parts()
        trusted = (
            checkpoint.identity == source.identity
            and same_boot(checkpoint.boot_id)
            and was_at_rest(source.identity, checkpoint.intent_at)
        )
        parts = []
        for planned in plan_parts(source.size, checkpoint.part_size):
            part = Part(*planned)
            known = saved.get(part.number)
            if known is not None and _agree(known, server.get(part.number), part):
                part.confirmed, part.crc, part.etag = True, known.crc, known.etag
                if not trusted:
                    part.action = PartAction.CHECK
            elif known is not None:
                ctx.forget(part.number)
            parts.append(part)
        if checkpoint.identity != source.identity or checkpoint.phase != "begun":
            ctx.save(replace(checkpoint, phase="begun", identity=source.identity, boot_id=ctx.boot_id))
        return parts

    def _on_server(self) -> dict[int, ServerPart] | None:
        """What the server has; of a server that does not tell, what is on record. ``None``: it is gone."""
        ctx = self._ctx
        upload_id = ctx.checkpoint.upload_id
        assert upload_id is not None
        try:
            listed = ctx.connection.control.list_parts(self._target, upload_id, request_payer=self._payer)
        except TransferError as error:
            if error.code == "upload-gone":
                return None
            if error.code in ("access-denied", "not-supported"):
                saved = ctx.saved_parts().values()
                return {p.number: ServerPart(p.number, p.length, p.etag, p.crc) for p in saved}
            raise
        return {part.number: part for part in listed}

    def is_gone(self) -> bool:
        """The server knows nothing of it any more."""
        return self._on_server() is None

    # -- parts -------------------------------------------------------------------------------------

    def check(self, source: SourceFile, part: Part) -> None:
        """The file still holds what was sent of this part; else it is sent again."""
        if part.crc is None or source.crc_of(part.offset, part.length, self._ctx.token) != part.crc:
            part.confirmed, part.action, part.done = False, PartAction.MOVE, 0
            self._ctx.forget(part.number)

    def send(self, source: SourceFile, part: Part) -> None:
        """Send one part and record it."""
        ctx, checkpoint = self._ctx, self._ctx.checkpoint
        upload_id, mode = checkpoint.upload_id, checkpoint.checksum_mode
        assert upload_id is not None
        source.check()
        md5 = None
        if mode == "md5":
            crc, md5 = source.crc_and_md5_of(part.offset, part.length, ctx.token)
        else:
            crc = source.crc_of(part.offset, part.length, ctx.token)

        def sent(count: int) -> None:
            part.done = count

        def pieces():  # type: ignore[no-untyped-def]
            part.done = 0
            return source.sending(part.offset, part.length, ctx.token, ctx.limiter, sent)

        try:
            etag = ctx.connection.wire.upload_part(
                self._target,
                upload_id,
                part.number,
                pieces,
                part.length,
                crc32=crc if mode in ("full", "composite") else None,
                md5=md5,
                token=ctx.token,
                request_payer=self._payer,
            )
        except Retryable as error:
            if error.code == "bad-digest":
                source.check()  # it was not the line: the file changed between the two readings
            raise
        source.check()
        part.crc, part.etag = crc, etag
        ctx.confirm(ConfirmedPart(part.number, part.length, crc, etag, ctx.boot_id))
        part.confirmed = True

    # -- the end -----------------------------------------------------------------------------------

    def complete(self, size: int, if_none_match: bool, if_match: str | None) -> Verified:
        """Make the object, and prove what it holds."""
        ctx, checkpoint = self._ctx, self._ctx.checkpoint
        upload_id = checkpoint.upload_id
        assert upload_id is not None
        parts = self._confirmed(size)
        crc = _whole_crc(parts)
        ctx.save(replace(checkpoint, phase="completing", expected_crc=crc), durable=True)
        try:
            done = ctx.connection.control.complete_multipart(
                self._target,
                upload_id,
                [DonePart(part.number, part.etag, part.crc) for part in parts],
                checksum_mode=checkpoint.checksum_mode,
                whole_crc=crc,
                size=size,
                if_none_match=if_none_match,
                if_match=if_match,
                request_payer=self._payer,
            )
        except Retryable as error:
            if error.code != "upload-gone":
                raise
            found = self.find_ours()
            if found is None:
                raise
            return found
        endpoint = ctx.connection.endpoint
        if not endpoint.checksum_mode:
            endpoint.learn_checksum_mode(checkpoint.checksum_mode)
        ctx.save(replace(ctx.checkpoint, expected_etag=done.etag))
        verified = self._look(parts, size)
        if verified is None:
            raise mismatch("verify", str(self._target), "the object is not what was sent")
        return demand(ctx.spec.options, verified, "verify", str(self._target))

    def _confirmed(self, size: int) -> list[ConfirmedPart]:
        """All parts in order, and nothing missing."""
        saved = self._ctx.saved_parts()
        parts = [saved[number] for number in sorted(saved)]
        if sum(part.length for part in parts) != size or [p.number for p in parts] != list(
            range(1, len(parts) + 1)
        ):
            raise Retryable("part-changed", operation="complete", subject=str(self._target))
        return parts

    def _look(self, parts: list[ConfirmedPart], size: int) -> Verified | None:
        """What proves that the object is ours; ``None`` if it is another."""
        ctx = self._ctx
        try:
            facts = ctx.connection.wire.head_object(self._target, token=ctx.token, request_payer=self._payer)
        except Permanent as error:
            if error.code == "access-denied":
                return Verified.SIZE  # To write need not include to look; every part was taken as sent.
            raise
        crcs = [part.crc for part in parts if part.crc is not None]
        return proof_of_parts(facts, size, _whole_crc(parts), crcs, [part.etag for part in parts])

    def find_ours(self) -> Verified | None:
        """What proves that the object that stands there has come of this upload; ``None`` if it has not."""
        ctx, checkpoint = self._ctx, self._ctx.checkpoint
        saved = ctx.saved_parts()
        parts = [saved[number] for number in sorted(saved)]
        try:
            facts = ctx.connection.wire.head_object(self._target, token=ctx.token, request_payer=self._payer)
        except Permanent as error:
            if error.code in ("no-such-key", "access-denied"):
                return None
            raise
        crcs = [part.crc for part in parts if part.crc is not None]
        verified = proof_of_parts(
            facts, checkpoint.size, _whole_crc(parts), crcs, [part.etag for part in parts]
        )
        if verified is Verified.SIZE and facts.mtime < checkpoint.intent_at - _CLOCK_SLACK:
            return None
        return verified

    def abort(self, upload_id: str) -> None:
        """Drop it on the server."""
        self._ctx.connection.control.abort_multipart(self._target, upload_id, request_payer=self._payer)


def _agree(known: ConfirmedPart, listed: ServerPart | None, part: Part) -> bool:
    """Record and server tell the same of a part."""
    if listed is None or known.length != part.length or not known.etag:
        return False
    if listed.etag != known.etag or listed.size not in (-1, part.length):
        return False
    return listed.crc32 is None or known.crc is None or listed.crc32 == known.crc


def _whole_crc(parts: list[ConfirmedPart]) -> int | None:
    """CRC32 of the whole, if every part has one."""
    pairs = [(part.crc, part.length) for part in parts]
    return (
        combined_crc((crc, length) for crc, length in pairs if crc is not None)
        if all(crc is not None for crc, _ in pairs)
        else None
    )
