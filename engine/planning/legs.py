"""What planning uploads, downloads and copies have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from engine.errors import Condition, TransferError, UsageError
from engine.lookup import look_at, look_up
from engine.model import Facts, ObjectRef, TransferSpec
from engine.page import Page
from engine.planning.mapping import Leg, Route
from engine.planning.merge import KeyOrder, TargetListing
from engine.planning.patience import Patience

if TYPE_CHECKING:
    from engine.s3.connection import Connection

Known = tuple[bool, Facts | None]
"""Whether a target was looked at, and what stands there."""

NOT_LOOKED_AT: Known = (False, None)


def each_leg(legs: Sequence[Leg], plan: Callable[[Leg], Iterator[TransferSpec]]) -> Iterator[TransferSpec]:
    """Plan one leg after the other; one that cannot be read is told after the others.

    Raises:
        TransferError: Of the first leg that failed; at once if everything waits for the same thing.
    """
    failed: TransferError | None = None
    for leg in legs:
        try:
            yield from plan(leg)
        except Condition:
            raise
        except TransferError as error:
            failed = failed or error
    if failed is not None:
        raise failed


class NamedTargets:
    """What stands at the targets of sources that are single files, asked for all at once.

    Raises:
        UsageError: The one target was named in full without ``/``, and is a prefix only.
        TransferError: What the server says but a denial: to write somewhere need not include to look.
    """

    def __init__(self, route: Route, connection: Connection, patience: Patience) -> None:
        folder = route.folder
        assert isinstance(folder, ObjectRef)
        self._folder = folder
        legs = [leg for leg in route.legs if not leg.source.is_folder and _is_text(leg.names)]
        refs = [self._ref(leg) for leg in legs]
        self._found: dict[ObjectRef, Facts | None] = {}
        try:
            self._found = patience.call(lambda: look_up(connection, refs, patience.token))
            if route.exact and self._found.get(refs[0], Facts(0)) is None:
                _refuse_bare_prefix(refs[0], connection, patience)
        except TransferError as error:
            if error.code != "access-denied":
                raise

    def at(self, leg: Leg) -> Known:
        """What is known of the target of a single file."""
        ref = self._ref(leg)
        return ref in self._found, self._found.get(ref)

    def _ref(self, leg: Leg) -> ObjectRef:
        return ObjectRef(self._folder.bucket, self._folder.key + "/".join(leg.names))


def _refuse_bare_prefix(ref: ObjectRef, connection: Connection, patience: Patience) -> None:
    prefix = ObjectRef(ref.bucket, ref.key + "/")
    if patience.call(lambda: look_at(connection, prefix, patience.token)) is not None:
        raise UsageError(
            f"the target {ref} is not an object, but there are objects below {prefix}: "
            "end it in / to copy into it"
        )


def list_targets(
    connection: Connection,
    bucket: str,
    prefix: str | None,
    patience: Patience,
    *,
    same_server: bool = False,
) -> TargetListing | None:
    """One listing of everything below a target prefix, read beside the sources.

    Args:
        same_server: The sources are a listing of the same endpoint.
    """
    if prefix is None:
        return None
    # AWS promises its order, but for directory buckets; of others it is learnt.
    is_sorted = not connection.profile.endpoint_url and not bucket.endswith("--x-s3")
    pages = patience.pages(connection, bucket, prefix)
    order = KeyOrder.BYTES if is_sorted else KeyOrder.UNKNOWN
    return TargetListing(pages, order=order, same_server=same_server)


def list_sources(connection: Connection, source: ObjectRef, patience: Patience) -> Iterator[Page]:
    """The flat listing of everything below a prefix, or in a whole bucket.

    Raises:
        UsageError: Nothing is below the prefix. A bucket may be empty.
    """
    is_empty = True
    for page in patience.pages(connection, source.bucket, source.key):
        is_empty = is_empty and not len(page)
        yield page
    if is_empty and source.key:
        raise UsageError(f"there is nothing below {source}")


def _is_text(names: Sequence[str]) -> bool:
    """They can be part of a key."""
    try:
        "/".join(names).encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def prefix_of(folder: ObjectRef, names: Sequence[str]) -> str | None:
    """The prefix that takes the contents of a leg; ``None`` where its names cannot be part of a key."""
    if not _is_text(names):
        return None
    return folder.key + "".join(name + "/" for name in names)
