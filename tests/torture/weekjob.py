"""Jobs that move nothing but ask the server of the week for all that the real ones ask for."""

from __future__ import annotations

from dataclasses import replace

from engine.errors import Condition, NeedsAnswer, Permanent
from engine.jobs.protocol import Begun, Finished, JobContext, Part
from engine.model import Checkpoint, ConfirmedPart, ItemKind, Outcome, Place, Verified
from engine.pace.cancel import CancelToken
from engine.s3.wire.exchange import Request
from tests.torture.weather import WeekConnection


def name_of(source: Place, target: Place) -> str:
    """The item's name on the server of the week: its key."""
    return str(getattr(target, "key", "") or getattr(source, "key", ""))


def ask(
    connection: WeekConnection, name: str, op: str, token: CancelToken, **more: str | int
) -> dict[str, str]:
    """One signed request; the headers of the answer."""
    query = (("op", op), *((key, str(value)) for key, value in more.items()))
    request = Request("PUT", "week", name, query, operation=op, subject=name)
    with connection.exchange.ask(request, token, good=(200, 204)) as answer:
        return answer.head.headers


class WeekJob:
    """See `jobs.protocol.Job`."""

    def __init__(self, ctx: JobContext) -> None:
        self.ctx = ctx
        self._name = name_of(ctx.spec.source, ctx.spec.target)
        part_size = ctx.spec.options.part_size or 1
        self._is_small = ctx.spec.size <= part_size
        self._count = 1 if self._is_small else -(-ctx.spec.size // part_size)

    def _ask(self, op: str, **more: str | int) -> dict[str, str]:
        connection = self.ctx.connection
        assert isinstance(connection, WeekConnection)
        return ask(connection, self._name, op, self.ctx.token, **more)

    def _save(self, **changes: object) -> Checkpoint:
        checkpoint = replace(self.ctx.checkpoint, **changes)  # type: ignore[arg-type]
        self.ctx.save(checkpoint, durable=True, drop_parts="upload_id" in changes)
        return checkpoint

    def begin(self) -> Begun | Finished:
        checkpoint = self.ctx.checkpoint
        if "asks" in self._name:
            if checkpoint.answer is None:
                raise NeedsAnswer("target-exists", operation="write", subject=self._name)
            if checkpoint.answer == "skip":
                return Finished(Outcome.SKIPPED)
        if self._is_there():
            return Finished(Outcome.IDENTICAL, Verified.CRC)
        confirmed: set[int] = set()
        if not self._is_small:
            upload = checkpoint.upload_id
            if upload is None and checkpoint.phase == "intent":
                upload = self._ask("find")["x-upload"] or None
                if upload is not None:
                    self._save(phase="begun", upload_id=upload)
            if upload is None:
                self._save(phase="intent")
                self._save(phase="begun", upload_id=self._ask("create")["x-upload"])
            else:
                listed = self._ask("list", upload=upload)["x-parts"]
                confirmed = {int(number) for number in listed.split(",") if number}
                for number in set(self.ctx.saved_parts()) - confirmed:
                    self.ctx.forget(number)
        parts = []
        for number in range(1, self._count + 1):
            part = Part(number, number - 1, 1)
            part.confirmed = number in confirmed and number in self.ctx.saved_parts()
            parts.append(part)
        return Begun(parts, self.ctx.spec.size)

    def _is_there(self) -> bool:
        try:
            self._ask("look")
        except Permanent as error:
            if error.code == "no-such-key":
                return False
            raise
        return True

    def move(self, part: Part) -> None:
        connection = self.ctx.connection
        assert isinstance(connection, WeekConnection)
        if self.ctx.spec.kind is ItemKind.DOWNLOAD and connection.weather.is_on("full"):
            raise Condition("disk-full", ("disk", "7"), operation="write", subject=self._name)
        if self._is_small:
            self._ask("put")
        else:
            self._ask("part", upload=self.ctx.checkpoint.upload_id or "", number=part.number)
        self.ctx.confirm(ConfirmedPart(part.number, part.length, 0, etag="e"))
        part.confirmed = True

    def finish(self) -> Finished:
        if not self._is_small:
            self._save(phase="completing")
            upload = self.ctx.checkpoint.upload_id or ""
            self._ask("complete", upload=upload, parts=self._count)
        return Finished(Outcome.TRANSFERRED, Verified.CRC)

    def remove_source(self) -> None:
        raise AssertionError("nothing is moved away")

    def discard(self) -> None:
        upload = self.ctx.checkpoint.upload_id
        if upload:
            self._ask("abort", upload=upload)

    def close(self) -> None:
        pass
