"""What is known of objects that were named one by one, without asking for each where that can be helped."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import TYPE_CHECKING

from engine.errors import Permanent, TransferError
from engine.model import Facts, ObjectRef
from engine.pace.cancel import CancelToken
from engine.page import EntryKind, Page

if TYPE_CHECKING:
    from engine.s3.connection import Connection
    from engine.s3.facts import ObjectFacts

_FEW = 8
"""Up to so many names in one place are asked for one by one."""


def look_up(
    connection: Connection, refs: Iterable[ObjectRef], token: CancelToken
) -> dict[ObjectRef, Facts | None]:
    """Facts of each object; of a prefix only that something is there (size -1); ``None`` where nothing is.

    Many names in one place are found in one listing of it, which is given up when it has cost as
    many requests as asking one by one.

    Raises:
        TransferError: What the server says but "there is no such key".
        Interrupted: `token` was cancelled.
    """
    found: dict[ObjectRef, Facts | None] = {}
    places: defaultdict[tuple[str, str], dict[str, ObjectRef]] = defaultdict(dict)
    for ref in refs:
        if ref.version_id is not None or not ref.key:
            found[ref] = look_at(connection, ref, token)
            continue
        above = ref.key.removesuffix("/").rpartition("/")[0]
        prefix = above + "/" if "/" in ref.key.removesuffix("/") else ""
        places[ref.bucket, prefix][ref.key[len(prefix) :]] = ref
    for (bucket, prefix), wanted in places.items():
        if len(wanted) > _FEW:
            _find(connection, bucket, prefix, wanted, found, token)
        for ref in wanted.values():
            if ref not in found:
                found[ref] = look_at(connection, ref, token)
    return found


def look_at(connection: Connection, ref: ObjectRef, token: CancelToken) -> Facts | None:
    """Facts of one object (one HEAD), or of a prefix (one page of a listing); ``None`` if nothing is there.

    Raises:
        TransferError: What the server says but "there is no such key".
    """
    from engine.s3.listing import list_pages

    token.check()
    if not ref.key or ref.key.endswith("/"):
        for page in list_pages(connection, ref.bucket, ref.key, delimiter=None, token=token):
            if len(page):
                return Facts(-1)
        return None
    try:
        facts = _head(connection, ref, token)
    except TransferError as error:
        if error.code == "no-such-key":
            return None
        raise
    if not facts.etag:
        raise Permanent("not-s3", operation="look at", subject=str(ref), detail="no ETag came")
    return Facts(facts.size, facts.mtime, facts.etag, facts.version_id, facts.storage_class)


def _head(connection: Connection, ref: ObjectRef, token: CancelToken) -> ObjectFacts:
    try:
        return connection.wire.head_object(ref, checksum=False, token=token)
    except TransferError as error:
        if error.status not in (400, 403):
            raise
    # The answer to a HEAD has no body that says why; the other plane asks for that, also whether it is there at all.
    return connection.control.head(ref, checksum=False)


def _find(
    connection: Connection,
    bucket: str,
    prefix: str,
    wanted: dict[str, ObjectRef],
    found: dict[ObjectRef, Facts | None],
    token: CancelToken,
) -> None:
    from engine.s3.listing import list_pages

    missing = dict(wanted)
    pages = list_pages(connection, bucket, prefix, delimiter="/", token=token)
    for number, page in enumerate(pages, 1):
        for row, name in enumerate(page.names):
            key = name + "/" if page.kinds[row] == EntryKind.FOLDER else name
            ref = missing.pop(key, None)
            if ref is not None:
                found[ref] = Facts(-1) if ref.key.endswith("/") else row_facts(page, row)
        if not missing:
            return
        if number >= len(wanted):
            return
    for ref in missing.values():
        found[ref] = None


def row_facts(page: Page, row: int) -> Facts:
    """What a listing tells of one object."""
    return Facts(
        page.sizes[row],
        page.mtimes[row] or None,
        (page.etags[row] if page.etags else "") or None,
        None,
        (page.storage_classes[row] if page.storage_classes else "") or None,
    )
