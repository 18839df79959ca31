"""From files and folders to objects."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from engine.errors import REFUSALS, Permanent, TransferError
from engine.local.fsops import FsOps
from engine.local.keywalk import walk_in_key_order
from engine.local.listing import WalkedFile
from engine.local.safepath import path_to_key
from engine.model import Facts, ItemKind, LocalRef, ObjectRef, TransferRequest, TransferSpec
from engine.page import EntryKind
from engine.parts import MAX_OBJECT_SIZE
from engine.planning.collisions import NameSet
from engine.planning.globs import Globs
from engine.planning.legs import NOT_LOOKED_AT, Known, NamedTargets, each_leg, list_targets, prefix_of
from engine.planning.mapping import Leg, Route
from engine.planning.merge import TargetListing
from engine.planning.patience import Patience

if TYPE_CHECKING:
    from engine.s3.connection import Connection


def uploads(
    request: TransferRequest, route: Route, connection: Connection, fs: FsOps, patience: Patience
) -> Iterator[TransferSpec]:
    """The items of an upload; see `Planner.plan`."""
    planning = _Uploads(request, route, connection, fs, patience)
    return each_leg(route.legs, planning.leg)


class _Uploads:
    """One upload request being planned, by one thread."""

    def __init__(
        self, request: TransferRequest, route: Route, connection: Connection, fs: FsOps, patience: Patience
    ) -> None:
        assert isinstance(route.folder, ObjectRef)
        self._request, self._folder = request, route.folder
        self._connection, self._fs, self._patience = connection, fs, patience
        self._globs = Globs(request.options.include, request.options.exclude)
        self._named = NamedTargets(route, connection, patience)
        # Within one folder no two files have one key.
        self._keys = NameSet() if len(route.legs) > 1 else None

    def leg(self, leg: Leg) -> Iterator[TransferSpec]:
        source = leg.source
        assert isinstance(source.place, LocalRef)
        if source.is_folder:
            yield from self._tree(leg, source.place)
        elif self._globs.takes((source.base,)):
            target, refusal = self._target(leg.names, source.facts, source.refusal)
            known = self._named.at(leg) if refusal is None else NOT_LOOKED_AT
            yield self._spec(source.place, target, source.facts, known, refusal)

    def _tree(self, leg: Leg, root: LocalRef) -> Iterator[TransferSpec]:
        plain = root.path.rstrip("/") or "/"
        prefix = prefix_of(self._folder, leg.names)
        listing = list_targets(self._connection, self._folder.bucket, prefix, self._patience)
        skips = None if self._globs.takes_all else self._globs.skips
        try:
            patience = self._patience
            for found in walk_in_key_order(plain, self._fs, patience.token, skips, patience.call):
                # The empty content of a folder, into a whole bucket: there is nothing to make.
                if self._globs.takes(found.parts) and (found.parts or prefix != ""):
                    yield self._walked(leg, found, prefix, listing)
        except TransferError as error:
            if error.subject != plain or error.code not in REFUSALS:
                raise
            target = ObjectRef(self._folder.bucket, prefix or self._folder.key)
            yield self._spec(root, target, None, NOT_LOOKED_AT, error.code)

    def _walked(
        self, leg: Leg, found: WalkedFile, prefix: str | None, listing: TargetListing | None
    ) -> TransferSpec:
        is_folder = found.kind is EntryKind.FOLDER
        place = LocalRef(found.path.rstrip("/") + "/" if is_folder else found.path)
        facts = Facts(0) if is_folder else None
        if found.stat is not None and not is_folder:
            facts = Facts(found.stat.st_size, found.stat.st_mtime)
        names = (*leg.names, *found.parts)
        target, refusal = self._target(names, facts, found.refusal, is_folder=is_folder)
        known = NOT_LOOKED_AT
        if refusal is None and listing is not None and prefix is not None:
            known = listing.find(target.key[len(prefix) :])
        return self._spec(place, target, facts, known, refusal)

    def _target(
        self, names: tuple[str, ...], facts: Facts | None, refusal: str | None, *, is_folder: bool = False
    ) -> tuple[ObjectRef, str | None]:
        """Where it goes, and why it cannot."""
        try:
            key = path_to_key(names, self._folder.key, folder=is_folder)
        except Permanent as error:
            # The key that cannot be still names what was meant.
            return ObjectRef(self._folder.bucket, self._folder.key + "/".join(names)), refusal or error.code
        target = ObjectRef(self._folder.bucket, key)
        if refusal is None and facts is not None and facts.size > MAX_OBJECT_SIZE:
            refusal = "too-large"
        if refusal is None and self._keys is not None and not self._keys.add(key):
            refusal = "name-collision"
        return target, refusal

    def _spec(
        self, place: LocalRef, target: ObjectRef, facts: Facts | None, known: Known, refusal: str | None
    ) -> TransferSpec:
        return TransferSpec(
            ItemKind.UPLOAD,
            place,
            target,
            self._request.connection,
            self._request.options,
            facts.size if facts is not None else -1,
            source_facts=facts,
            target_facts=known[1],
            target_was_listed=known[0],
            refusal=refusal,
        )
