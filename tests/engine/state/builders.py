"""Items, records and file systems for the tests of the saved queue."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

from engine.local.fsops import FsOps
from engine.model import (
    Checkpoint,
    ConfirmedPart,
    ConnectionId,
    Facts,
    ItemKind,
    LocalRef,
    ObjectRef,
    OperationId,
    Outcome,
    TransferId,
    TransferOptions,
    TransferSpec,
    TransferState,
    Verified,
)
from engine.state.journal import JournalStorage, Rhythm
from engine.state.store import FinishedItem, SavedItem
from tests.engine.local.faults import Killed

BY_HAND = Rhythm(starts_thread=False)
"""Nothing happens by itself: tests call `work`."""
ALWAYS_COMPACTING = Rhythm(starts_thread=False, compact_bytes=-1, compact_ratio=0)
"""Every round begins a snapshot, or goes on with it."""
NO_CHECKPOINT = Checkpoint()
CONNECTION = ConnectionId("prod@https://s3.example")


def item(
    id: int,
    *,
    state: TransferState = TransferState.QUEUED,
    checkpoint: Checkpoint = NO_CHECKPOINT,
    rank: int | None = None,
    name: str | None = None,
) -> SavedItem:
    """An upload."""
    name = name or f"dump-{id}.tar"
    spec = TransferSpec(
        ItemKind.UPLOAD,
        LocalRef(f"/data/{name}"),
        ObjectRef("backups", f"2026/dump-{id}.tar"),
        CONNECTION,
        TransferOptions(),
        size=100 + id,
        source_facts=Facts(100 + id, 1_790_000_000.5),
    )
    return SavedItem(TransferId(id), OperationId(1), spec, id if rank is None else rank, state, checkpoint)


def part(number: int, **facts: Any) -> ConfirmedPart:
    """A confirmed part."""
    return ConfirmedPart(number, 8, crc=number, **facts)


def finished(id: int, state: TransferState = TransferState.DONE) -> FinishedItem:
    """The upload `item(id)` at its end."""
    return FinishedItem(
        TransferId(id),
        OperationId(1),
        ItemKind.UPLOAD,
        f"/data/dump-{id}.tar",
        f"s3://backups/2026/dump-{id}.tar",
        CONNECTION,
        100 + id,
        state,
        Outcome.TRANSFERRED if state is TransferState.DONE else None,
        Verified.CRC,
        1_790_000_001.0,
    )


def rows(journal: JournalStorage) -> dict[str, dict[str, Any]]:
    """All tables as plain values, less the counter of ids."""
    tables = {name: {id: dict(doc) for id, doc in docs.items()} for name, docs in journal.read().items()}
    tables.pop("meta", None)
    return tables


def compact(journal: JournalStorage) -> None:
    """Write a snapshot from beginning to end."""
    before = snapshot_inode(journal)
    journal.request_snapshot()
    for _ in range(10_000):
        journal.upkeep.work()
        if snapshot_inode(journal) != before:
            return
    raise AssertionError("no snapshot was written")


def snapshot_inode(journal: JournalStorage) -> int:
    """Which file has the snapshot's name; 0 if none has."""
    try:
        return os.stat(os.path.join(journal.path, "snapshot.json")).st_ino
    except FileNotFoundError:
        return 0


def wals(folder: Path) -> list[Path]:
    """The segments, oldest first."""
    return sorted(folder.glob("wal-*.jsonl"), key=lambda path: int(path.stem[4:]))


class FullDisk(FsOps):
    """A file system with `room` bytes left for writing; a write that needs more is cut short, as the kernel does."""

    def __init__(self, room: int | None = None) -> None:
        self.room = room
        self.can_truncate = True

    def write(self, fd: int, data: Any) -> int:
        if self.room is None:
            return super().write(fd, data)
        if self.room == 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        count = super().write(fd, bytes(data)[: self.room])
        self.room -= count
        return count

    def pwrite(self, fd: int, data: Any, offset: int) -> None:
        if self.room is not None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        super().pwrite(fd, data, offset)

    def ftruncate(self, fd: int, size: int) -> None:
        if not self.can_truncate:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        super().ftruncate(fd, size)


class DyingFs(FsOps):
    """Every change is counted; from number `step` (from 0) on nothing happens any more: the process was killed.

    A write that is the last thing to happen may be done by half.
    """

    CHANGES = frozenset(
        (
            "open",
            "write",
            "pwrite",
            "ftruncate",
            "fsync",
            "fdatasync",
            "rename",
            "link",
            "unlink",
            "mkdir",
            "fchmod",
        )
    )

    def __init__(self, step: int, *, writes_half: bool = False) -> None:
        self.step, self.writes_half = step, writes_half
        self.done = 0
        self.is_dead = False
        self.fds: set[int] = set()

    def bury(self) -> None:
        """What the kernel does with the descriptors of a dead process."""
        for fd in self.fds:
            os.close(fd)
        self.fds.clear()

    def close(self, fd: int) -> None:
        self.fds.discard(fd)
        super().close(fd)

    def __getattribute__(self, name: str) -> Any:
        get = super().__getattribute__
        if name not in DyingFs.CHANGES:
            return get(name)
        operation = get(name)

        def call(*args: Any, **kwargs: Any) -> Any:
            if self.is_dead:
                raise Killed(name)
            if self.done == self.step:
                self.is_dead = True
                if self.writes_half and name == "write":
                    operation(args[0], bytes(args[1])[: len(args[1]) // 2])
                raise Killed(name)
            self.done += 1
            result = operation(*args, **kwargs)
            if name == "open":
                self.fds.add(result)
            return result

        return call


class FailingFs(FsOps):
    """Operations named in `codes` fail with that errno, while there."""

    def __init__(self, **codes: int) -> None:
        self.codes = codes
        self.failed_fds: set[int] = set()

    def __getattribute__(self, name: str) -> Any:
        get = super().__getattribute__
        if name.startswith("_") or name in ("codes", "failed_fds") or name not in self.codes:
            return get(name)
        code = self.codes[name]

        def call(*args: Any, **kwargs: Any) -> Any:
            if args and isinstance(args[0], int):
                self.failed_fds.add(args[0])
            raise OSError(code, os.strerror(code))

        return call
