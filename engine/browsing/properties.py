"""What can be changed of an object without its bytes: storage class, headers, metadata, tags."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.browsing.changes import MOST_COPIED_AT_ONCE
from engine.browsing.questions import connection_of
from engine.browsing.versions import ChangeProgress
from engine.errors import NeedsAnswer, Permanent, Problem, TransferError, UsageError, explain
from engine.model import ConnectionId, Location, ObjectRef
from engine.pace.cancel import CancelToken

if TYPE_CHECKING:
    from engine.s3.connection import Connections
    from engine.s3.control import Control

EDITABLE = ("content-type", "cache-control", "content-disposition", "content-encoding", "content-language")
"""The headers that can be changed, by lower-case name."""

STANDARD = "STANDARD"

_OF_ALL = ("read-only", "no-such-bucket", "wrong-key", "wrong-secret", "credentials", "offline")
"""Problems that the next object would meet too."""

Pairs = tuple[tuple[str, str], ...]
Deltas = tuple[tuple[str, str | None], ...]
"""Names and their new values; ``None`` takes the name away."""


@dataclass(frozen=True, slots=True)
class ObjectProperties:
    """What an object has now."""

    size: int
    etag: str
    storage_class: str
    headers: Pairs
    """Those of `EDITABLE` that it has."""
    metadata: Pairs
    tags: Pairs
    tags_problem: Problem | None = None
    """Why its tags are not known; they can be set all the same."""


@dataclass(frozen=True, slots=True)
class PropertyChange:
    """What is to be another; all else stays."""

    storage_class: str | None = None
    headers: Deltas = ()
    metadata: Deltas = ()
    tags: Deltas = ()

    @property
    def copies(self) -> bool:
        """It takes a copy of the object onto itself."""
        return self.storage_class is not None or bool(self.headers or self.metadata)

    @property
    def is_nothing(self) -> bool:
        """Nothing changes."""
        return not (self.copies or self.tags)


def look(location: Location, connections: Connections) -> ObjectProperties:
    """What an object has now.

    Raises:
        TransferError: What the server says.
    """
    control, ref = connection_of(location, connections).control, _object(location.place)
    facts, told = control.described(ref, checksum=False)
    problem, tags = None, {}
    try:
        tags = control.tags(ref)
    except TransferError as error:
        problem = explain(error)
    return ObjectProperties(
        facts.size,
        facts.etag,
        facts.storage_class or STANDARD,
        tuple((name, told[name]) for name in EDITABLE if told.get(name)),
        tuple(sorted(facts.metadata.items())),
        tuple(tags.items()),
        problem,
    )


def change(
    connection: ConnectionId,
    targets: Sequence[tuple[ObjectRef, str]],
    wanted: PropertyChange,
    connections: Connections,
    token: CancelToken,
) -> Iterator[ChangeProgress]:
    """Change objects one by one.

    Args:
        targets: Each with the ETag of the content that is meant; empty for whatever it is now.

    Raises:
        TransferError: What every further object would meet too.
        Interrupted: Nobody waits for it any more; what was changed stays so.
    """
    here = connections.get(connection)
    if here.profile.read_only:
        raise Permanent("read-only", operation="change", subject=str(targets[0][0]) if targets else "")
    progress = ChangeProgress(len(targets))
    yield progress
    for ref, etag in targets:
        token.check()
        failed: tuple[tuple[ObjectRef, Problem], ...] = ()
        try:
            _change(here.control, _object(ref), etag, wanted)
        except TransferError as error:
            if error.code in _OF_ALL:
                raise
            failed = ((ref, explain(error)),)
        progress = ChangeProgress(progress.total, progress.done + (not failed), (*progress.failed, *failed))
        yield progress


def _change(control: Control, ref: ObjectRef, etag: str, wanted: PropertyChange) -> None:
    if wanted.copies:
        facts, told = control.described(ref, checksum=False)
        if etag not in ("", facts.etag):
            raise NeedsAnswer("object-changed", operation="change", subject=str(ref))
        if facts.size > MOST_COPIED_AT_ONCE:
            # Copied in parts, it would lose its tags and the headers that no upload has.
            detail = "above 5 GiB; only tags can be changed of such objects"
            raise Permanent("not-supported", operation="change", subject=str(ref), detail=detail)
        from engine.s3.rewriting import HEADERS

        control.rewrite(
            ref,
            told,
            storage_class=wanted.storage_class or facts.storage_class or STANDARD,
            headers=_changed({name: told[name] for name in HEADERS if told.get(name)}, wanted.headers),
            metadata=_changed(facts.metadata, wanted.metadata),
        )
    if wanted.tags:
        control.put_tags(ref, _changed(control.tags(ref), wanted.tags))


def _changed(now: Mapping[str, str], deltas: Deltas) -> dict[str, str]:
    changed = dict(now)
    for name, value in deltas:
        if value is None:
            changed.pop(name, None)
        else:
            changed[name] = value
    return changed


def _object(place: object) -> ObjectRef:
    if not isinstance(place, ObjectRef) or not place.key:
        raise UsageError("only objects have a storage class, metadata and tags")
    return place
