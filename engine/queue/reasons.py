"""Why something is tried again, in a few words; and what is worth waiting for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.errors import Condition, Permanent, TransferError
from engine.transfer import Transfer

if TYPE_CHECKING:
    from engine.s3.connection import Connections

_BRIEF = {
    "stalled": "stalled",
    "slow-down": "server busy",
    "server-error": "the server failed",
    "truncated": "cut short",
    "bad-digest": "damaged on the way",
    "bad-reply": "not a reply of S3",
    "part-changed": "a part differs",
    "upload-gone": "partial upload dropped",
    "short-of-resources": "short of resources",
    "not-s3": "not a reply of S3",
    "redirected": "redirected",
    "tls": "certificate not trusted",
}
"""In a few words, where the cause alone does not tell what is going on."""


def brief(error: TransferError) -> str:
    """The reason for one line of a list: ``stalled: no byte for 30 s``."""
    return ": ".join(text for text in (_BRIEF.get(error.code), error.detail) if text) or error.code


_IN_THE_WAY = ("not-s3", "redirected", "tls", "unknown-host")


def in_the_way(error: BaseException, transfer: Transfer, connections: Connections) -> Condition | None:
    """What has come between here and an endpoint that has answered before: a login page, a VPN that is off.

    It is no fault of the item, and goes away: the whole queue would fail one by one for nothing.
    """
    id, checkpoint = transfer.spec.connection, transfer.checkpoint
    if id is None or not isinstance(error, Permanent) or error.code not in _IN_THE_WAY:
        return None
    has_begun = checkpoint.upload_id is not None or checkpoint.part_file is not None
    if not (has_begun or connections.get(id).endpoint.has_answered):
        return None
    return Condition(
        "offline",
        ("endpoint", id),
        operation=error.operation,
        subject=error.subject,
        detail=brief(error),
        request_id=error.request_id,
    )
