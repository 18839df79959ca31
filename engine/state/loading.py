"""Reading a saved state: the snapshot, then the journal's segments, and what is to be thought of damage.

Nothing is changed here, so a reader that does not own the folder may use it as well.
"""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass, field

from engine.errors import StateDamaged, StateTooNew
from engine.local.fsops import FsOps
from engine.state.frames import FORMAT, Record, Texts, pack_header, read_snapshot, unpack

SNAPSHOT = "snapshot.json"
PREVIOUS = "snapshot.json.1"
_SEGMENT = re.compile(r"wal-([0-9]{1,18})\.jsonl")
_MOST_BYTES = 4 * 1024**3
"""A larger file is no state of ours."""


@dataclass(slots=True)
class LoadedState:
    """What a folder holds."""

    tables: Texts = field(default_factory=dict)
    format: int = FORMAT
    """Of the oldest file that was read."""
    seq: int = 0
    """Of the last transaction."""
    snapshot_seq: int = 0
    """Of the snapshot that was used; 0 if there is none."""
    snapshot_bytes: int = 0
    replayed_bytes: int = 0
    """Size of the segments that were read."""
    segments: list[tuple[int, str]] = field(default_factory=list)
    """First sequence number and name of each, in order."""
    tail: tuple[str, int] | None = None
    """The last segment, and how much of it is good, where its end is not."""
    damaged: list[str] = field(default_factory=list)
    """Files that must be kept for somebody to look at."""
    lost: bool = False
    """Something that was on record is lost: what depends on it must be checked again."""
    is_snapshot_bad: bool = False
    """The newest snapshot is damaged; the one before it was used."""
    needs_rewrite: bool = False
    """What was read is not what is to be on disk: it came from an older format."""
    notices: list[str] = field(default_factory=list)
    """What is wrong, in words."""

    @property
    def has_holes(self) -> bool:
        """It must be written anew before anything else can go wrong."""
        return self.lost or self.is_snapshot_bad


def segment_name(first_seq: int) -> str:
    """The name of the segment that begins with this record."""
    return f"wal-{first_seq}.jsonl"


def load(dir_fd: int, path: str, fs: FsOps) -> LoadedState:
    """Read everything.

    Raises:
        StateTooNew: A newer program wrote it.
        StateDamaged: There is something, and it cannot be read as a queue.
        FileNotFoundError: A file went away meanwhile: somebody else owns the folder; read again.
    """
    state = LoadedState()
    try:
        names = list_names(dir_fd, fs)
        state.segments = sorted(
            (int(match[1]), name) for name in names if (match := _SEGMENT.fullmatch(name))
        )
        _load_snapshot(state, dir_fd, path, names, fs)
        _Replay(state, dir_fd, path, fs).run()
    except OSError as error:
        if isinstance(error, FileNotFoundError):
            raise
        raise StateDamaged(
            f"the queue in {path} cannot be read: {error.strerror}. Nothing was changed."
        ) from error
    return state


def list_names(dir_fd: int, fs: FsOps) -> list[str]:
    """All names in the folder."""
    with fs.scandir(dir_fd) as entries:
        return [entry.name for entry in entries]


def read_file(dir_fd: int, name: str, fs: FsOps) -> bytearray:
    """The whole of a file."""
    fd = fs.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=dir_fd)
    try:
        facts = fs.fstat(fd)
        if not stat.S_ISREG(facts.st_mode) or facts.st_size > _MOST_BYTES:
            raise StateDamaged(f"{name} in the state folder is no file of a saved queue")
        buffer = bytearray(facts.st_size)
        with memoryview(buffer) as view:
            count = fs.pread_into(fd, view, 0)
        del buffer[count:]
        return buffer
    finally:
        fs.close(fd)


def _too_new(path: str, number: int) -> StateTooNew:
    return StateTooNew(
        f"the queue in {path} was written by a newer s3tui (format {number}, this one knows {FORMAT}); "
        "nothing was changed"
    )


def _load_snapshot(state: LoadedState, dir_fd: int, path: str, names: list[str], fs: FsOps) -> None:
    broken = []
    for name in (SNAPSHOT, PREVIOUS):
        if name not in names:
            continue
        raw = read_file(dir_fd, name, fs)
        found = read_snapshot(raw)
        if found is None:
            broken.append(name)
            continue
        if found.format > FORMAT:
            raise _too_new(path, found.format)
        state.tables, state.format = found.tables, found.format
        state.seq = state.snapshot_seq = found.seq
        state.snapshot_bytes = len(raw)
        break
    reaches_back = bool(state.segments) and state.segments[0][0] <= 1
    if state.snapshot_seq == 0 and not reaches_back and (broken or state.segments):
        what = f"{broken[0]} is damaged" if broken else f"{SNAPSHOT} is missing"
        raise StateDamaged(
            f"the queue in {path} cannot be read: {what}, and the journal does not reach back to the "
            "beginning. Nothing was changed; restore the file, or move the folder away to start afresh."
        )
    if broken:
        state.damaged += broken
        state.is_snapshot_bad = SNAPSHOT in broken
        state.notices.append(f"{broken[0]} was damaged: what it said was taken from older files")


class _Replay:
    """Brings `state` up to date with the segments."""

    def __init__(self, state: LoadedState, dir_fd: int, path: str, fs: FsOps) -> None:
        self._state, self._dir_fd, self._path, self._fs = state, dir_fd, path, fs
        self._lines = 0
        """That were readable."""
        self._bad: list[str] = []
        """Segments with unreadable lines since the last good one."""

    def run(self) -> None:
        """Read every segment that is not wholly in the snapshot."""
        segments = self._state.segments
        tail = b""
        for index, (_, name) in enumerate(segments):
            if index + 1 < len(segments) and segments[index + 1][0] <= self._state.snapshot_seq + 1:
                continue
            raw = read_file(self._dir_fd, name, self._fs)
            self._state.replayed_bytes += len(raw)
            good = self._read(name, raw)
            tail = bytes(raw[good:])
            if tail and index == len(segments) - 1:
                self._state.tail = name, good
        if self._state.tail is not None:
            self._judge_tail(self._state.tail[0], tail)
        if self._state.lost:
            # Numbers that unreadable lines may have had are not used again.
            self._state.seq = max(self._state.seq, segments[-1][0]) + tail.count(b"\n") + 1

    def _read(self, name: str, raw: bytearray) -> int:
        """Apply the lines of a segment; returns where the last good one ends."""
        position = good = 0
        with memoryview(raw) as view:
            while position < len(raw):
                end = raw.find(b"\n", position) + 1 or len(raw)
                line = unpack(view[position:end])
                if line is None:
                    self._bad.append(name)
                else:
                    good = end
                    self._lines += 1
                    if isinstance(line, Record):
                        self._apply(name, line)
                    elif line.format > FORMAT:
                        raise _too_new(self._path, line.format)
                    else:
                        self._state.format = min(self._state.format, line.format)
                position = end
        return good

    def _apply(self, name: str, record: Record) -> None:
        state = self._state
        if record.seq <= state.seq:
            return
        if record.seq != state.seq + 1:
            count = record.seq - state.seq - 1
            self._keep(*self._bad or [name])
            state.notices.append(
                f"{count} {'entry' if count == 1 else 'entries'} of the journal before {name} number {record.seq} "
                "cannot be read: what they said is lost, the rest was used"
            )
        self._bad.clear()
        state.seq = record.seq
        for table, id, text in record.ops:
            docs = state.tables.setdefault(table, {})
            if text is None:
                docs.pop(id, None)
            else:
                docs[id] = text

    def _keep(self, *names: str) -> None:
        self._state.lost = True
        self._state.damaged += [name for name in dict.fromkeys(names) if name not in self._state.damaged]

    def _judge_tail(self, name: str, tail: bytes) -> None:
        """The end of the journal is unreadable: torn while it was written, or damaged later?"""
        state = self._state
        is_torn = b"\n" not in tail
        if self._lines == 0 and state.snapshot_seq == 0 and not pack_header().startswith(tail):
            raise StateDamaged(
                f"the queue in {self._path} cannot be read: {name} is damaged from its beginning. "
                "Nothing was changed; restore the file, or move the folder away to start afresh."
            )
        if not is_torn:
            self._keep(name)
        state.notices.append(
            f"the last {len(tail)} bytes of {name} cannot be read and were cut off: "
            + ("the program was stopped while it wrote them" if is_torn else "what they said is lost")
        )
