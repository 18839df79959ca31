"""What a request means: walks the sources, names every item, says what stands at its target. Streamed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from engine.errors import TransferError, UsageError
from engine.local.fsops import FsOps
from engine.model import DeleteRequest, ItemKind, Request, TransferRequest, TransferSpec
from engine.pace.cancel import CancelToken
from engine.pace.clock import Clock, SystemClock
from engine.parts import check_part_size
from engine.planning.copy import copies
from engine.planning.delete import deletions
from engine.planning.download import downloads
from engine.planning.mapping import kind_of, resolve
from engine.planning.patience import Patience
from engine.planning.upload import uploads

if TYPE_CHECKING:
    from engine.s3.connection import Connection, Connections

FIRST_BATCH = 100
"""Small, so that work starts while the walk goes on."""

BATCH = 1000


class Planner:
    """Turns requests into items. Holds no state of its own; every method is safe from any thread."""

    def __init__(self, connections: Connections, fs: FsOps | None = None, clock: Clock | None = None) -> None:
        self._connections = connections
        self._fs = fs or FsOps()
        self._clock = clock or SystemClock()

    def plan(self, request: Request, token: CancelToken) -> Iterator[list[TransferSpec]]:
        """The items of a request, in batches of at most 1,000, as they are found.

        What cannot be moved is an item too, with its `refusal`. Memory does not grow with the number
        of items, but for 12 to 24 bytes for each target name where two sources might meet on one.

        Raises:
            UsageError: The request makes no sense; raised before the first batch.
            TransferError: A source or a target cannot be read. Of several sources the others are
                planned first.
            Interrupted: `token` was cancelled; checked between pages.
        """
        patience = Patience(self._clock, token)
        if isinstance(request, DeleteRequest):
            specs = self._delete(request, patience)
        else:
            specs = self._transfer(request, patience)
        yield from _batches(specs)

    def _transfer(self, request: TransferRequest, patience: Patience) -> Iterator[TransferSpec]:
        kind = kind_of(request)
        if request.options.part_size is not None:
            check_part_size(request.options.part_size)
        connection = self._connections.get(request.connection)
        if kind is not ItemKind.DOWNLOAD or request.options.move:
            _check_writable(connection)
        route = resolve(request, connection, self._fs, patience)
        if kind is ItemKind.DOWNLOAD:
            return downloads(request, route, connection, self._fs, patience)
        if kind is ItemKind.UPLOAD:
            return uploads(request, route, connection, self._fs, patience)
        return copies(request, route, connection, patience)

    def _delete(self, request: DeleteRequest, patience: Patience) -> Iterator[TransferSpec]:
        connection = None
        if request.connection is not None:
            connection = self._connections.get(request.connection)
            _check_writable(connection)
        return deletions(request, connection, self._fs, patience)


def _check_writable(connection: Connection) -> None:
    if connection.profile.read_only:
        raise UsageError(f"{connection.profile.name} is read-only: nothing is written or deleted there")


def _batches(specs: Iterator[TransferSpec]) -> Iterator[list[TransferSpec]]:
    batch: list[TransferSpec] = []
    most = FIRST_BATCH
    try:
        for spec in specs:
            batch.append(spec)
            if len(batch) >= most:
                yield batch
                batch, most = [], BATCH
    except TransferError:
        if batch:
            yield batch  # What was found before the error is as good as ever.
        raise
    if batch:
        yield batch
