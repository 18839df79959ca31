"""Does a server keep a key as it was given? Not every one does, and some say nothing."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from engine.errors import Permanent
from engine.model import ObjectRef
from engine.pace.cancel import CancelToken

if TYPE_CHECKING:
    from engine.s3.connection import Connection

_DOUBTFUL = re.compile(r"[\x00-\x1f\\]|//|^/")


def is_doubtful(key: str) -> bool:
    """Servers that keep objects as files turn such keys into others: SeaweedFS drops backslashes, others slashes."""
    return _DOUBTFUL.search(key) is not None


def check_kept(connection: Connection, ref: ObjectRef, token: CancelToken) -> None:
    """Look whether an object that was stored just now is listed under its own name.

    Raises:
        Permanent: ``key-refused``: it is not, though the server answered as if all were well.
    """
    if not is_doubtful(ref.key):
        return
    from engine.s3.listing import list_pages

    try:
        for page in list_pages(connection, ref.bucket, ref.key, delimiter=None, token=token):
            if "" in page.names:
                return
            break
    except Permanent as error:
        if error.code == "access-denied":
            return  # To write need not include to list.
        raise
    raise Permanent(
        "key-refused",
        operation="upload",
        subject=str(ref),
        detail="the server keeps it under another name",
    )
