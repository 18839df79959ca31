"""Reading a saved state: the snapshot, then the journal's segments, and what to do about damage."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field

from engine.errors import StateDamaged, StateTooNew
from engine.local.fsops import FsOps
from engine.state.frames import FORMAT, Record, Tables, read_snapshot, unpack

SNAPSHOT = "snapshot.json"
PREVIOUS = "snapshot.json.1"
_SEGMENT = re.compile(r"wal-([0-9]{1,18})\.jsonl")
_MOST_BYTES = 4 * 1024**3
"""A larger file is no state of ours."""


@dataclass(slots=True)
class LoadedState:
    """What a folder holds."""

    tables: Tables = field(default_factory=dict)
    seq: int = 0
    snapshot_seq: int = 0
    """Of the snapshot that was used."""
    segments: list[tuple[int, str]] = field(default_factory=list)
    """First sequence number and name, in order."""
    torn: tuple[str, int] | None = None
    """Name of the last segment and how much of it is good, where its tail is torn."""
    damaged: list[str] = field(default_factory=list)
    """Files that must be kept for somebody to look at."""
    notices: list[str] = field(default_factory=list)


def segment_name(first_seq: int) -> str:
    """The name of a segment that begins with this record."""
    return f"wal-{first_seq}.jsonl"


def load(dir_fd: int, path: str, fs: FsOps) -> LoadedState:
    """Read everything; change nothing.

    Raises:
        StateTooNew: A newer program wrote it.
        StateDamaged: There is something, and it cannot be read as a whole queue.
    """
    state = LoadedState()
    names = _names(dir_fd, fs)
    state.segments = sorted((int(m[1]), name) for name in names if (m := _SEGMENT.fullmatch(name)))
    _load_snapshot(state, dir_fd, path, names, fs)
    if state.segments and state.seq == 0 and state.segments[0][0] > 1:
        raise StateDamaged(
            f"the queue in {path} is incomplete: {SNAPSHOT} is missing or damaged, and the journal does not "
            f"reach back to the beginning. Nothing was changed; move the folder away to start afresh."
        )
    for index, (_, name) in enumerate(state.segments):
        _replay(state, dir_fd, name, fs, is_last=index == len(state.segments) - 1)
    return state


def _names(dir_fd: int, fs: FsOps) -> list[str]:
    with fs.scandir(dir_fd) as entries:
        return [entry.name for entry in entries]


def read_file(dir_fd: int, name: str, fs: FsOps) -> bytes:
    """The whole of a file."""
    fd = fs.open(name, os.O_RDONLY | os.O_NOFOLLOW, dir_fd=dir_fd)
    try:
        size = fs.fstat(fd).st_size
        if size > _MOST_BYTES:
            raise StateDamaged(f"{name} is too large to be a saved queue")
        buffer = bytearray(size)
        count = fs.pread_into(fd, memoryview(buffer), 0)
        return bytes(memoryview(buffer)[:count])
    finally:
        fs.close(fd)


def _load_snapshot(state: LoadedState, dir_fd: int, path: str, names: list[str], fs: FsOps) -> None:
    broken: list[str] = []
    for name in (SNAPSHOT, PREVIOUS):
        if name not in names:
            continue
        found = read_snapshot(read_file(dir_fd, name, fs))
        if found is None:
            broken.append(name)
            continue
        number, seq, tables = found
        if seq < 0:
            raise StateTooNew(
                f"the queue in {path} was written by a newer s3tui (format {number}, this one knows {FORMAT}); "
                "nothing was changed"
            )
        state.tables, state.seq, state.snapshot_seq = tables, seq, seq
        if broken:
            state.damaged += broken
            state.notices.append(f"{broken[0]} was damaged: the one before it and the journal were used")
        return
    if broken and not (state.segments and state.segments[0][0] <= 1):
        raise StateDamaged(
            f"the queue in {path} cannot be read: {', '.join(broken)} is damaged. "
            "Nothing was changed; restore the file, or move the folder away to start afresh."
        )
    state.damaged += broken


def _replay(state: LoadedState, dir_fd: int, name: str, fs: FsOps, *, is_last: bool) -> None:
    raw = read_file(dir_fd, name, fs)
    good = 0
    bad: list[int] = []
    """Offsets of damaged lines."""
    later: list[Record] = []
    position = 0
    while position < len(raw):
        end = raw.find(b"\n", position) + 1 or len(raw)
        record = unpack(raw[position:end])
        if record is None:
            bad.append(position)
        elif bad:
            later.append(record)
        else:
            good = end
            apply(state, record)
        position = end
    if not bad:
        return
    if is_last and not later:
        state.torn = name, good
        return
    # Damage in the middle: what comes after it is whole documents, and better than nothing.
    state.damaged.append(name)
    state.notices.append(
        f"{len(bad)} damaged {'entry' if len(bad) == 1 else 'entries'} in {name}: what they said is lost, the rest was used"
    )
    for record in later:
        apply(state, record)


def apply(state: LoadedState, record: Record) -> None:
    """Bring the tables up to date with one transaction."""
    if record.seq <= state.seq:
        return
    if state.seq and record.seq != state.seq + 1 and record.seq > state.snapshot_seq + 1:
        state.notices.append(f"entries {state.seq + 1} to {record.seq - 1} of the journal are missing")
    state.seq = record.seq
    for table, id, doc in record.ops:
        docs = state.tables.setdefault(table, {})
        if doc is None:
            docs.pop(id, None)
        else:
            docs[id] = doc
