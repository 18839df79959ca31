"""What is to be deleted: one item for each place that was named, with all that is below it."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from typing import TYPE_CHECKING

from engine.errors import NeedsAnswer, UsageError
from engine.local.failures import local_error
from engine.local.fsops import FsOps
from engine.lookup import look_up
from engine.model import (
    ConnectionId,
    DeleteRequest,
    Facts,
    ItemKind,
    LocalRef,
    ObjectRef,
    Place,
    TransferOptions,
    TransferSpec,
)
from engine.planning.patience import Patience

if TYPE_CHECKING:
    from engine.s3.connection import Connection


def deletions(
    request: DeleteRequest, connection: Connection | None, fs: FsOps, patience: Patience
) -> Iterator[TransferSpec]:
    """One item for each place; what is gone already is left out.

    A symlink is deleted itself, never what it leads to.

    Raises:
        UsageError: None of the places exists, or one may not be deleted.
        NeedsAnswer: ``needs-profile``: objects are named, and no connection.
    """
    places = tuple(dict.fromkeys(request.targets))
    for place in places:
        _check(place)
    refs = [place for place in places if isinstance(place, ObjectRef)]
    known: dict[ObjectRef, Facts | None] = {}
    if refs:
        if connection is None:
            raise NeedsAnswer("needs-profile", operation="delete", subject=str(refs[0]))
        reach = connection
        known = patience.call(lambda: look_up(reach, refs, patience.token))
    found = False
    for place in places:
        if isinstance(place, LocalRef):
            spec = _local(place, fs)
        else:
            spec = _object(place, known[place], request.connection)
        if spec is not None:
            found = True
            yield spec
    if not found:
        raise UsageError(f"{places[0]} does not exist" if places else "nothing to delete was named")


def _check(place: Place) -> None:
    if isinstance(place, ObjectRef):
        if not place.bucket:
            raise UsageError("the list of buckets cannot be deleted")
    elif not place.path.startswith("/"):
        raise UsageError(f"{place.path} is not an absolute path")
    elif not place.path.strip("/"):
        raise UsageError("the whole disk is not deleted from here")


def _object(ref: ObjectRef, facts: Facts | None, connection: ConnectionId | None) -> TransferSpec | None:
    if facts is None:
        return None
    return _spec(ref, facts, connection)


def _local(ref: LocalRef, fs: FsOps) -> TransferSpec | None:
    plain = ref.path.rstrip("/")
    try:
        facts = fs.lstat(plain)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise local_error(error, "delete", ref.path) from error
    if stat.S_ISDIR(facts.st_mode):
        return _spec(LocalRef(plain + "/"), Facts(-1, facts.st_mtime), None)
    size = facts.st_size if stat.S_ISREG(facts.st_mode) else 0
    return _spec(LocalRef(plain), Facts(size, facts.st_mtime), None)


def _spec(place: Place, facts: Facts, connection: ConnectionId | None) -> TransferSpec:
    return TransferSpec(
        ItemKind.DELETE, place, place, connection, TransferOptions(), facts.size, source_facts=facts
    )
