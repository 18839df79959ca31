"""A multipart upload as a file is sent by it: begun once, gone on with after any interruption."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

from engine.errors import Permanent, Retryable, TransferError
from engine.jobs.protocol import JobContext, Part, PartAction
from engine.jobs.put import odd_etag
from engine.jobs.source import SourceFile
from engine.local.identity import is_still, same_boot, was_at_rest
from engine.model import Checkpoint, ConfirmedPart, ObjectRef
from engine.parts import plan_parts
from engine.s3.control import Control
from engine.s3.facts import OpenUpload, ServerPart

CLOCK_SLACK = 2.0
"""Seconds by which two clocks may differ without anybody noticing."""

_CRC_MODES = ("full", "composite")

UNDECIDED = "undecided"
"""A checksum mode: somebody else began the upload, and the server does not tell what it declares."""


class MultipartUpload:
    """One item's upload to one key. `send` and `check` may be called from several threads at once.

    `_odd_etags` and `proven_by_md5` hold part numbers; only the worker that has a part in hand adds
    its number, and they are read as wholes when all parts are done.
    """

    def __init__(self, context: JobContext, target: ObjectRef, source: SourceFile) -> None:
        self._ctx, self._target, self._source = context, target, source
        self._payer = context.spec.options.request_payer
        self._odd_etags: set[int] = set()
        self.proven_by_md5: set[int] = set()
        """Parts whose ETag was found to be the MD5 of what was read."""

    # -- beginning ---------------------------------------------------------------------------------

    def start(self, part_size: int, *, metadata: dict[str, str], content_type: str | None) -> list[Part]:
        """Record the intent, begin (or adopt what an earlier run began), record the id."""
        ctx, endpoint, source = self._ctx, self._ctx.connection.endpoint, self._source
        checkpoint = ctx.checkpoint
        adopted = adopt_or_abort(ctx, self._target, is_same=is_still(checkpoint.identity, source.identity))
        if adopted is not None:
            ctx.save(replace(checkpoint, phase="begun", upload_id=adopted), durable=True)
            return [Part(*planned) for planned in plan_parts(source.size, checkpoint.part_size)]
        now = ctx.clock.wall()
        intent = replace(
            checkpoint,
            phase="intent",
            part_size=part_size,
            size=source.size,
            identity=source.identity,
            intent_at=now + (endpoint.clock_offset or 0.0),
            saved_at=now,
            boot_id=ctx.boot_id,
            upload_id=None,
            expected_crc=None,
            expected_etag=None,
        )
        self._create(intent, metadata, content_type)
        return [Part(*planned) for planned in plan_parts(source.size, part_size)]

    def _create(self, intent: Checkpoint, metadata: dict[str, str], content_type: str | None) -> None:
        """In the best checksum mode the server knows. Each is on record before it is asked for."""
        ctx, control, endpoint = self._ctx, self._ctx.connection.control, self._ctx.connection.endpoint
        modes = endpoint.checksum_modes()
        for mode in modes:
            intent = replace(intent, checksum_mode=mode)
            ctx.save(intent, durable=True, drop_parts=True)
            try:
                upload_id = control.create_multipart(
                    self._target,
                    ctx.spec.options,
                    checksum_mode=mode,
                    metadata=metadata,
                    content_type=content_type,
                )
            except Permanent as error:
                if error.code != "not-supported" or mode == modes[-1]:
                    raise
                continue
            ctx.save(replace(intent, phase="begun", upload_id=upload_id), durable=True)
            if mode != modes[0]:
                endpoint.learn_checksum_mode(mode)
            return

    # -- going on ----------------------------------------------------------------------------------

    def resume(self) -> list[Part] | None:
        """The parts, with what the server has; ``None`` if the upload is gone.

        What was confirmed is looked at again in the file, unless it is surely still that file: the
        same identity, at rest when that was recorded, in the boot in which the part was sent.
        """
        ctx, checkpoint, source = self._ctx, self._ctx.checkpoint, self._source
        server = self._on_server()
        if server is None:
            return None
        saved = ctx.saved_parts()
        is_same = checkpoint.identity == source.identity and was_at_rest(source.identity, checkpoint.saved_at)
        parts = []
        for planned in plan_parts(source.size, checkpoint.part_size):
            part = Part(*planned)
            known = saved.get(part.number)
            if known is not None and _agree(known, server.get(part.number), part):
                part.confirmed, part.crc, part.etag = True, known.crc, known.etag
                if not (is_same and same_boot(known.boot_id)):
                    part.action = PartAction.CHECK
            elif known is not None:
                ctx.forget(part.number)
            parts.append(part)
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

    def check(self, part: Part) -> None:
        """The file still holds what was sent of this part; else it is sent again."""
        ctx, source = self._ctx, self._source
        known = ctx.saved_parts().get(part.number)
        crc = source.crc_of(part.offset, part.length, ctx.token)
        source.check()
        if known is not None and part.crc is not None and crc == part.crc:
            if known.boot_id != ctx.boot_id:
                ctx.confirm(replace(known, boot_id=ctx.boot_id))
            part.action = PartAction.MOVE
            return
        part.confirmed, part.action, part.done = False, PartAction.MOVE, 0
        ctx.forget(part.number)

    def send(self, part: Part) -> None:
        """Send one part and record it."""
        ctx, source = self._ctx, self._source
        mode = ctx.checkpoint.checksum_mode
        source.check()
        md5 = None
        if mode in _CRC_MODES:
            crc = source.crc_of(part.offset, part.length, ctx.token)
        else:
            crc, md5 = source.crc_and_md5_of(part.offset, part.length, ctx.token)
        try:
            etag, mode = self._upload_somehow(part, mode, crc, md5)
        except Retryable as error:
            if error.code == "bad-digest":
                source.check()  # It was not the line: the file changed between the two readings.
            raise
        source.check()
        if md5 is not None and mode not in _CRC_MODES:
            self._check_etag(part.number, etag, md5)
        part.crc, part.etag = crc, etag
        ctx.confirm(ConfirmedPart(part.number, part.length, crc, etag, ctx.boot_id))
        part.confirmed = True

    def _upload_somehow(self, part: Part, mode: str, crc: int, md5: bytes | None) -> tuple[str, str]:
        """Send it; the ETag, and the checksum mode. Where nobody knows what the upload declares, find out and remember.

        A server refuses a part without the checksum that was declared, and may refuse one that was not.
        """
        if mode != UNDECIDED:
            return self._upload(part, mode, crc, md5), mode
        try:
            etag, found = self._upload(part, "md5", crc, md5), "md5"
        except Permanent as error:
            if error.code not in ("bad-request", "not-supported"):
                raise
            etag, found = self._upload(part, "composite", crc, None), "composite"
        self._ctx.save(replace(self._ctx.checkpoint, checksum_mode=found))
        return etag, found

    def _upload(self, part: Part, mode: str, crc: int, md5: bytes | None) -> str:
        ctx, source = self._ctx, self._source
        upload_id = ctx.checkpoint.upload_id
        assert upload_id is not None

        def sent(count: int) -> None:
            part.done = count

        def pieces() -> Iterator[memoryview]:
            part.done = 0
            return source.sending(part.offset, part.length, ctx.token, ctx.limiter, sent)

        return ctx.connection.wire.upload_part(
            self._target,
            upload_id,
            part.number,
            pieces,
            part.length,
            crc32=crc if mode in _CRC_MODES else None,
            md5=md5 if mode == "md5" else None,
            token=ctx.token,
            request_payer=self._payer,
        )

    def _check_etag(self, number: int, etag: str, md5: bytes) -> None:
        """Compare with the MD5 where the server checks no CRC. Another one twice is the server's way."""
        endpoint = self._ctx.connection.endpoint
        if etag == md5.hex():
            endpoint.etags_are_md5 = True
            self.proven_by_md5.add(number)
        elif number in self._odd_etags:
            endpoint.etags_are_md5 = endpoint.etags_are_md5 or False
        elif endpoint.etags_are_md5 is not False and not self._ctx.spec.options.sse:
            self._odd_etags.add(number)
            raise odd_etag(f"upload part {number} of", str(self._target))


def left_behind(context: JobContext, target: ObjectRef) -> str | None:
    """The upload that an earlier run began and could not write down: surely ours, or none.

    It must be the only one of that key, empty, and begun after our intent.
    """
    control, checkpoint = context.connection.control, context.checkpoint
    payer = context.spec.options.request_payer
    try:
        found = uploads_of(control, target)
        ours = begun_since(control, target, found, checkpoint.intent_at, request_payer=payer)
    except (Permanent, Retryable):
        return None  # Not allowed to look, or not now: another upload does no harm.
    if found and ours is None:
        context.note("an unfinished upload of this key, perhaps another's, was left as it is")
    return ours


def uploads_of(control: Control, target: ObjectRef) -> list[OpenUpload]:
    """Those of just this key."""
    return [each for each in control.list_uploads(target.bucket, target.key) if each.key == target.key]


def begun_since(
    control: Control,
    target: ObjectRef,
    found: list[OpenUpload],
    intent_at: float,
    *,
    until: float = math.inf,
    request_payer: bool = False,
) -> str | None:
    """The only upload there is, if it is empty and was begun after an intent to do so; both in the server's time."""
    if len(found) != 1 or not intent_at - CLOCK_SLACK <= found[0].initiated <= until:
        return None
    if control.list_parts(target, found[0].upload_id, request_payer=request_payer):
        return None
    return found[0].upload_id


def adopt_or_abort(context: JobContext, target: ObjectRef, *, is_same: bool) -> str | None:
    """What `left_behind` finds, to be gone on with; where the source is not the same any more it is aborted.

    Raises:
        Retryable, Condition: The server cannot be asked now.
    """
    left = left_behind(context, target) if context.checkpoint.phase == "intent" else None
    if left is not None and not is_same:
        _abort(context, target, left)
        return None
    return left


def abandon(context: JobContext, target: ObjectRef) -> None:
    """Give up the upload under way, if there is one, and forget its parts; the answers stay.

    Raises:
        Retryable, Condition: The server cannot be asked now.
    """
    upload_id = context.checkpoint.upload_id
    if upload_id is None:
        return
    _abort(context, target, upload_id)
    forget_upload(context)


def _abort(context: JobContext, target: ObjectRef, upload_id: str) -> None:
    """Now, or on record for later where the server refuses."""
    payer = context.spec.options.request_payer
    try:
        context.connection.control.abort_multipart(target, upload_id, request_payer=payer)
    except Permanent:
        context.owe("abort", f"{target.bucket}/{target.key}", upload_id)


def forget_upload(context: JobContext, *, is_restart: bool = False) -> None:
    """Begin anew; the answers stay.

    Args:
        is_restart: It is not what the user asked for, and counted.
    """
    old = context.checkpoint
    fresh = Checkpoint(
        target=old.target, answer=old.answer, policy=old.policy, restarts=old.restarts + is_restart
    )
    context.save(fresh, durable=True, drop_parts=True)


def _agree(known: ConfirmedPart, listed: ServerPart | None, part: Part) -> bool:
    """Record and server tell the same of a part."""
    if listed is None or known.length != part.length or not known.etag:
        return False
    if listed.etag != known.etag or listed.size not in (-1, part.length):
        return False
    return listed.crc32 is None or known.crc is None or listed.crc32 == known.crc
