"""Answers that say "this was never set", which S3 gives as errors, and every server as another one."""

from __future__ import annotations

from botocore.exceptions import ClientError

from engine.errors import TransferError
from engine.s3.calls import code_of

_NOT_SET = frozenset(
    (
        "NoSuchTagSet",
        "NoSuchLifecycleConfiguration",
        "NoSuchObjectLockConfiguration",
        "NoSuchObjectLegalHold",
        "ObjectLockConfigurationNotFoundError",
        "ServerSideEncryptionConfigurationNotFoundError",
    )
)
_NO_LOCK = "object lock configuration"
"""AWS, of the retention of an object in a bucket without lock: InvalidRequest, "Bucket is missing …"."""


def is_not_set(error: TransferError) -> bool:
    """The server knows what was asked for, and that there is none."""
    cause = error.__cause__
    if not isinstance(cause, ClientError):
        return False
    code = code_of(cause)
    message = str(cause.response.get("Error", {}).get("Message", "")).lower()
    return code in _NOT_SET or (code == "InvalidRequest" and _NO_LOCK in message)
