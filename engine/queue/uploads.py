"""What the queue has to do with multipart uploads on the server: which are its own, and giving up others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from engine.errors import UsageError
from engine.model import (
    ConnectionId,
    Facts,
    ItemKind,
    LocalRef,
    ObjectRef,
    OperationId,
    TransferId,
    TransferOptions,
    TransferSpec,
    TransferState,
)
from engine.queue.core import Operation, saved
from engine.queue.intake import record_of
from engine.queue.requests import Requests
from engine.queue.roster import RANK_STEP, Sums
from engine.transfer import Transfer

if TYPE_CHECKING:
    from engine.browser import Browser
    from engine.browsing.adopting import Adoptable
    from engine.browsing.answers import Token
    from engine.browsing.uploads import IncompleteUpload


@dataclass(frozen=True, slots=True)
class OwnUpload:
    """An upload with which an item of the queue goes on."""

    item: TransferId
    ref: ObjectRef
    upload_id: str | None
    """``None``: it is being begun; any of that key may be it."""
    state: TransferState
    """Of the item."""

    def is_it(self, ref: ObjectRef, upload_id: str) -> bool:
        """Whether this upload is, or may be, that one."""
        same_key = (self.ref.bucket, self.ref.key) == (ref.bucket, ref.key)
        return same_key and self.upload_id in (None, upload_id)


class UploadCommands(Requests):
    """Every method may be called from any thread and waits for nothing."""

    @property
    def browser(self) -> Browser:
        """What panes ask."""
        raise NotImplementedError

    def own_uploads(self) -> tuple[OwnUpload, ...]:
        """Those of the items that are not finished, whatever they are doing."""
        core = self._core
        with core.lock:
            return tuple(own for item in core.roster if (own := own_upload(item)) is not None)

    def abort_uploads(self, connection: ConnectionId, uploads: Sequence[IncompleteUpload]) -> Token:
        """Give these up, but for those with which an item of the queue goes on. Ask `browser` how far it is.

        Value: `AbortProgress`, growing until done.
        """
        return self.browser.abort_uploads(connection, uploads, self._is_in_use)

    def adopt(self, found: Adoptable, options: TransferOptions) -> TransferId:
        """Queue the upload of a file that goes on with what somebody has sent of it.

        Raises:
            UsageError: An item goes on with it already, or sends that file there.
            Condition: ``state-unsaved``.
        """
        core, source = self._core, LocalRef(found.path)
        options = replace(options, move=False, part_size=None)
        facts = Facts(found.size, found.identity.mtime_ns / 1e9)
        spec = TransferSpec(
            ItemKind.UPLOAD, source, found.ref, found.connection, options, found.size, source_facts=facts
        )
        with core.lock:
            if self._is_in_use(found.ref, found.upload_id):
                raise UsageError("an item of the queue goes on with this upload already")
            if core.roster.find(spec) is not None:
                raise UsageError(f"{source} to {found.ref} is in the queue already, as another upload")
            numbers = core.store.new_ids(2)
            now = core.clock.wall()
            operation = Operation(OperationId(numbers[0]), None, f"upload {source} to {found.ref}", now)
            item = Transfer(TransferId(numbers[1]), operation.id, spec, core.roster.last_rank + RANK_STEP)
            item.checkpoint, item.added_at = found.checkpoint, now
            item.parts = {part.number: part for part in found.parts}
            core.store.add(record_of(operation), [saved(item)])
            item.saved_seq = core.store.confirm_many(item.id, found.parts)
            core.store.request_sync()
            core.operations[operation.id] = operation
            core.roster.operations.setdefault(operation.id, Sums())
            core.roster.add([item])
            core.scheduler.ready(item)
            core.touch()
            core.wake()
            return item.id

    def _is_in_use(self, ref: ObjectRef, upload_id: str) -> bool:
        return any(own.is_it(ref, upload_id) for own in self.own_uploads())


def own_upload(item: Transfer) -> OwnUpload | None:
    """The upload of one item, if it has one on the server, or is about to. With the lock held."""
    checkpoint, target = item.checkpoint, item.spec.target
    if item.spec.kind not in (ItemKind.UPLOAD, ItemKind.COPY) or not isinstance(target, ObjectRef):
        return None
    if checkpoint.upload_id is None and checkpoint.phase != "intent":
        return None
    ref = ObjectRef(target.bucket, checkpoint.target or target.key)
    return OwnUpload(item.id, ref, checkpoint.upload_id, item.state)
