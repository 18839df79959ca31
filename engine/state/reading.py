"""From tables to values: at the start of the owner, and for somebody who only looks."""

from __future__ import annotations

import contextlib
import gc
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

from engine.errors import StateDamaged, StateUnsafe
from engine.local.fsops import FsOps
from engine.model import ConfirmedPart, TransferId
from engine.state import codec, fields
from engine.state.frames import Doc, decode_doc
from engine.state.loading import LoadedState, list_names, load
from engine.state.lock import current_owner
from engine.state.records import (
    FinishedItem,
    Owed,
    SavedItem,
    SavedOperation,
    finished_of,
    item_of,
    operation_of,
    owed_of,
)
from engine.state.tables import Tables

HISTORY_ITEMS = 10_000
"""So many finished items are kept, the newest ones."""
_TRIES = 20
_MOST_NOTICES = 20

V = TypeVar("V")


@dataclass(slots=True)
class Loaded:
    """What is on record."""

    items: list[SavedItem] = field(default_factory=list)
    """By rank."""
    parts: dict[TransferId, dict[int, ConfirmedPart]] = field(default_factory=dict)
    operations: list[SavedOperation] = field(default_factory=list)
    held: bool = False
    owed: list[Owed] = field(default_factory=list)
    notices: tuple[str, ...] = ()
    """What was damaged and what became of it, in words."""


@dataclass(slots=True)
class ReadState:
    """The saved queue as somebody else sees it."""

    loaded: Loaded
    history: list[FinishedItem]
    """Newest first."""
    owner: tuple[str, int] | None
    """Host and process that own it now."""


@contextlib.contextmanager
def without_gc() -> Iterator[None]:
    """A queue is a million small values, none of them garbage: looking for some triples the time it takes."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def decode_queue(tables: Tables, damage: Iterable[str] = ()) -> Loaded:
    """The tables as values. What cannot be decoded stays on disk, and is named in the notices."""
    notices: list[str] = []
    loaded = Loaded(held=flag_of(tables.table("meta").get("1"), "held"))
    checkpoints = tables.table("checkpoints")

    def item(id: str, doc: Doc) -> SavedItem:
        checkpoint = checkpoints.get(id)
        return item_of(id, doc, None if checkpoint is None else decode_doc(checkpoint))

    loaded.items = _each("item", tables.table("transfers").items(), item, notices)
    loaded.items.sort(key=lambda item: (item.rank, item.id))
    loaded.operations = _each("operation", tables.table("operations").items(), operation_of, notices)
    loaded.owed = decode_owed(tables.table("cleanup").items(), notices)
    for id, part in _each("part", tables.table("parts").items(), lambda _, doc: codec.part(doc), notices):
        loaded.parts.setdefault(TransferId(id), {})[part.number] = part
    if len(notices) > _MOST_NOTICES:
        notices[_MOST_NOTICES:] = [f"and {len(notices) - _MOST_NOTICES} more cannot be read"]
    loaded.notices = (*damage, *notices)
    return loaded


def flag_of(text: str | None, name: str) -> bool:
    """A truth value in a document that may be missing or damaged."""
    try:
        return fields.flag(decode_doc(text or "{}"), name)
    except ValueError:
        return False


def decode_owed(docs: Iterable[tuple[str, str]], notices: list[str]) -> list[Owed]:
    """The debts."""
    return _each("clean-up", docs, owed_of, notices)


def decode_history(docs: list[tuple[str, str]], limit: int, notices: list[str]) -> list[FinishedItem]:
    """Newest first."""
    newest = docs[-limit:] if limit > 0 else []
    return _each("finished item", newest[::-1], finished_of, notices)


def _each(
    what: str, docs: Iterable[tuple[str, str]], decoded: Callable[[str, Doc], V], notices: list[str]
) -> list[V]:
    values = []
    for id, text in docs:
        try:
            values.append(decoded(id, decode_doc(text)))
        except ValueError as error:
            notices.append(f"{what} {id} of the saved queue cannot be read and is left alone: {error}")
    return values


def read_state(state_dir: str, fs: FsOps | None = None) -> ReadState:
    """Look at a saved queue without owning it; changes nothing, also while another process writes.

    Raises:
        StateDamaged, StateTooNew, StateUnsafe: It cannot be read.
    """
    fs, path = fs or FsOps(), os.path.abspath(state_dir)
    try:
        dir_fd = fs.open(path, os.O_RDONLY | os.O_DIRECTORY)
    except FileNotFoundError:
        return ReadState(Loaded(), [], None)
    except OSError as error:
        raise StateUnsafe(f"the state folder {path} cannot be read: {error.strerror}") from error
    try:
        with without_gc():
            owner = current_owner(dir_fd, fs)
            state = _load_settled(dir_fd, path, fs)
            # While its owner writes, the end of the journal may be half a line.
            tables = Tables(state.tables)
            loaded = decode_queue(tables, () if owner and not state.has_holes else state.notices)
            history = decode_history(list(tables.table("history").items()), HISTORY_ITEMS, [])
            return ReadState(loaded, history, owner)
    finally:
        fs.close(dir_fd)


def _load_settled(dir_fd: int, path: str, fs: FsOps) -> LoadedState:
    """Load until nothing was replaced meanwhile, so that what was read belongs together."""
    for is_last in [False] * _TRIES + [True]:
        before = _fingerprint(dir_fd, fs)
        try:
            state = load(dir_fd, path, fs)
        except (FileNotFoundError, StateDamaged):
            if is_last or before == _fingerprint(dir_fd, fs):
                raise
            continue
        if is_last or before == _fingerprint(dir_fd, fs):
            break
    return state


def _fingerprint(dir_fd: int, fs: FsOps) -> frozenset[tuple[str, int]]:
    """Names and inodes of the folder's files."""
    found = set()
    for name in list_names(dir_fd, fs):
        with contextlib.suppress(FileNotFoundError):
            found.add((name, fs.stat(name, dir_fd=dir_fd, follow_symlinks=False).st_ino))
    return frozenset(found)
