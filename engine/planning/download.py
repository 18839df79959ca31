"""From objects to files and folders; nothing a server says lands outside the chosen folder."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from typing import TYPE_CHECKING

from engine.errors import Permanent
from engine.local.fsops import FsOps
from engine.local.safepath import check_name, is_folder_marker, key_to_parts
from engine.lookup import row_facts
from engine.model import Facts, ItemKind, LocalRef, ObjectRef, TransferRequest, TransferSpec
from engine.planning.collisions import Claims, folds_names
from engine.planning.globs import Globs
from engine.planning.legs import NOT_LOOKED_AT, Known, each_leg, list_sources
from engine.planning.mapping import Leg, Route
from engine.planning.patience import Patience

if TYPE_CHECKING:
    from engine.s3.connection import Connection


def downloads(
    request: TransferRequest, route: Route, connection: Connection, fs: FsOps, patience: Patience
) -> Iterator[TransferSpec]:
    """The items of a download; see `Planner.plan`."""
    planning = _Downloads(request, route, connection, fs, patience)
    return each_leg(route.legs, planning.leg)


class _Downloads:
    """One download request being planned, by one thread."""

    def __init__(
        self, request: TransferRequest, route: Route, connection: Connection, fs: FsOps, patience: Patience
    ) -> None:
        assert isinstance(route.folder, LocalRef)
        self._request, self._connection, self._patience = request, connection, patience
        self._folder = route.folder.path
        self._root = self._folder.rstrip("/") or "/"
        self._globs = Globs(request.options.include, request.options.exclude)
        self._claims = Claims(folding=folds_names(self._root, fs))
        self._disk = _Disk(fs)

    def leg(self, leg: Leg) -> Iterator[TransferSpec]:
        source = leg.source
        assert isinstance(source.place, ObjectRef)
        if source.is_folder:
            yield from self._below(leg, source.place)
        elif self._globs.takes((source.base,)):
            yield self._one(source.place, source.facts or Facts(-1), leg.names, None)

    def _below(self, leg: Leg, source: ObjectRef) -> Iterator[TransferSpec]:
        for page in list_sources(self._connection, source, self._patience):
            for row, name in enumerate(page.names):
                if self._globs.takes(tuple(name.removesuffix("/").split("/")) if name else ()):
                    place = ObjectRef(source.bucket, source.key + name)
                    yield self._one(place, row_facts(page, row), leg.names, source.key)

    def _one(
        self, source: ObjectRef, facts: Facts, names: tuple[str, ...], prefix: str | None
    ) -> TransferSpec:
        """One object.

        Args:
            names: Where it goes below the chosen folder; with a `prefix`, where what is below that goes.
        """
        try:
            for name in names:
                check_name(name, source.key, utf8=False)
            parts = names if prefix is None else (*names, *key_to_parts(source.key, prefix))
        except Permanent as error:
            return self._spec(source, facts, self._folder, NOT_LOOKED_AT, error.code)
        path = self._folder + "/".join(parts)
        if prefix is not None and is_folder_marker(source.key):
            return self._marker(source, facts, parts, path.rstrip("/") + "/")
        if not self._claims.file(parts):
            return self._spec(source, facts, path, NOT_LOOKED_AT, "name-collision")
        return self._spec(source, facts, path, self._disk.at(path), None)

    def _marker(self, source: ObjectRef, facts: Facts, parts: tuple[str, ...], path: str) -> TransferSpec:
        refusal = None
        if facts.size > 0:
            refusal = "unsafe-name"  # It holds bytes, and no file can have its name.
        elif not self._claims.folder(parts):
            refusal = "name-collision"
        return self._spec(source, facts, path, NOT_LOOKED_AT, refusal)

    def _spec(
        self, source: ObjectRef, facts: Facts, path: str, known: Known, refusal: str | None
    ) -> TransferSpec:
        return TransferSpec(
            ItemKind.DOWNLOAD,
            source,
            LocalRef(path),
            self._request.connection,
            self._request.options,
            facts.size,
            source_facts=facts,
            target_facts=known[1],
            target_was_listed=known[0],
            root=self._root,
            refusal=refusal,
        )


class _Disk:
    """What stands at local targets. Remembers one folder that does not exist, for all that goes there."""

    def __init__(self, fs: FsOps) -> None:
        self._fs = fs
        self._missing = ""

    def at(self, path: str) -> Known:
        if self._missing and path.startswith(self._missing):
            return True, None
        try:
            facts = self._fs.lstat(path)
        except FileNotFoundError:
            self._remember(path)
            return True, None
        except OSError:
            return NOT_LOOKED_AT  # The item will say what is wrong with it.
        if stat.S_ISDIR(facts.st_mode):
            return NOT_LOOKED_AT
        return True, Facts(facts.st_size, facts.st_mtime)

    def _remember(self, path: str) -> None:
        """Find the topmost folder of `path` that is missing."""
        missing = ""
        folder = os.path.dirname(path)
        while folder not in ("/", ""):
            try:
                self._fs.lstat(folder)
                break
            except FileNotFoundError:
                missing = folder + "/"
            except OSError:
                return
            folder = os.path.dirname(folder)
        if missing:
            self._missing = missing
