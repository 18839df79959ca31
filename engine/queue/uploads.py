"""What the queue has to do with multipart uploads on the server: which are its own, and giving up others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from engine.browser import Browser
from engine.browsing.answers import Token
from engine.browsing.uploads import IncompleteUpload
from engine.model import ConnectionId, ItemKind, ObjectRef, TransferId, TransferState
from engine.queue.requests import Requests
from engine.transfer import Transfer


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

    _browser: Browser

    def own_uploads(self) -> tuple[OwnUpload, ...]:
        """Those of the items that are not finished, whatever they are doing."""
        core = self._core
        with core.lock:
            return tuple(own for item in core.roster if (own := own_upload(item)) is not None)

    def abort_uploads(self, connection: ConnectionId, uploads: Sequence[IncompleteUpload]) -> Token:
        """Give these up, but for those with which an item of the queue goes on. Ask `browser` how far it is.

        Value: `AbortProgress`, growing until done.
        """
        return self._browser.abort_uploads(connection, uploads, self._is_in_use)

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
