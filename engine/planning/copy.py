"""From objects to objects of the same endpoint."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from engine.errors import UsageError
from engine.local.safepath import MAX_KEY_BYTES
from engine.lookup import row_facts
from engine.model import Facts, ItemKind, ObjectRef, TransferRequest, TransferSpec
from engine.planning.collisions import NameSet
from engine.planning.globs import Globs
from engine.planning.legs import (
    NOT_LOOKED_AT,
    Known,
    NamedTargets,
    each_leg,
    list_sources,
    list_targets,
    prefix_of,
)
from engine.planning.mapping import Leg, Route
from engine.planning.patience import Patience

if TYPE_CHECKING:
    from engine.s3.connection import Connection


def copies(
    request: TransferRequest, route: Route, connection: Connection, patience: Patience
) -> Iterator[TransferSpec]:
    """The items of a server-side copy; see `Planner.plan`."""
    planning = _Copies(request, route, connection, patience)
    return each_leg(route.legs, planning.leg)


class _Copies:
    """One copy request being planned, by one thread."""

    def __init__(
        self, request: TransferRequest, route: Route, connection: Connection, patience: Patience
    ) -> None:
        assert isinstance(route.folder, ObjectRef)
        self._request, self._folder = request, route.folder
        self._connection, self._patience = connection, patience
        self._globs = Globs(request.options.include, request.options.exclude)
        for leg in route.legs:
            self._check_apart(leg)
        self._named = NamedTargets(route, connection, patience)
        self._keys = NameSet() if len(route.legs) > 1 else None

    def leg(self, leg: Leg) -> Iterator[TransferSpec]:
        source = leg.source
        assert isinstance(source.place, ObjectRef)
        if source.is_folder:
            yield from self._below(leg, source.place)
        elif self._globs.takes((source.base,)):
            key = self._folder.key + "/".join(leg.names)
            yield self._spec(source.place, key, source.facts or Facts(-1), self._named.at(leg))

    def _below(self, leg: Leg, source: ObjectRef) -> Iterator[TransferSpec]:
        prefix = prefix_of(self._folder, leg.names) or ""
        bucket = self._folder.bucket
        listing = list_targets(self._connection, bucket, prefix, self._patience, same_server=True)
        assert listing is not None
        for page in list_sources(self._connection, source, self._patience):
            for row, name in enumerate(page.names):
                if not self._globs.takes(tuple(name.removesuffix("/").split("/")) if name else ()):
                    continue
                if not prefix and not name:
                    continue  # The marker of the source itself has no place in a whole bucket.
                place = ObjectRef(source.bucket, source.key + name)
                yield self._spec(place, prefix + name, row_facts(page, row), listing.find(name))

    def _spec(self, source: ObjectRef, key: str, facts: Facts, known: Known) -> TransferSpec:
        refusal = None
        if len(key.encode("utf-8", "surrogatepass")) > MAX_KEY_BYTES:
            refusal = "key-too-long"
        elif self._keys is not None and not self._keys.add(key):
            refusal = "name-collision"
        looked_at, target_facts = known if refusal is None else NOT_LOOKED_AT
        return TransferSpec(
            ItemKind.COPY,
            source,
            ObjectRef(self._folder.bucket, key),
            self._request.connection,
            self._request.options,
            facts.size,
            source_facts=facts,
            target_facts=target_facts,
            target_was_listed=looked_at,
            refusal=refusal,
        )

    def _check_apart(self, leg: Leg) -> None:
        """A copy onto itself does nothing, and one into itself would never end."""
        source = leg.source.place
        assert isinstance(source, ObjectRef)
        if source.bucket != self._folder.bucket:
            return
        if leg.source.is_folder:
            target = prefix_of(self._folder, leg.names) or ""
            if target == source.key:
                raise UsageError(f"source and target are both {source}")
            if target.startswith(source.key):
                inside = ObjectRef(source.bucket, target)
                raise UsageError(f"the target {inside} is inside the source {source}")
        elif source.version_id is None and source.key == self._folder.key + "/".join(leg.names):
            raise UsageError(f"source and target are both {source}")
