"""Why something is tried again, in a few words. Pure."""

from __future__ import annotations

from engine.errors import TransferError

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
}
"""In a few words, where the cause alone does not tell what is going on."""


def brief(error: TransferError) -> str:
    """The reason for one line of a list: ``stalled: no byte for 30 s``."""
    return ": ".join(text for text in (_BRIEF.get(error.code), error.detail) if text) or error.code
