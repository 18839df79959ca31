"""TinyDB on a journal: a change costs one appended line, whatever the size of the whole.

Stock TinyDB storage rewrites the whole file in place at every change, and a torn file may parse
and be wrong. Here a transaction is one line with a checksum, written with one system call; a
thread syncs lines in groups, and now and then replaces them by a snapshot that stock TinyDB opens.

In the folder: ``lock``; ``snapshot.json`` and the one before it, ``snapshot.json.1``; and
``wal-<number of its first record>.jsonl``, so many that either snapshot can be brought up to date.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from tinydb import TinyDB
from tinydb.table import Table

from engine.state.storage import JournalStorage, Rhythm
from engine.state.views import DocsView, TableView

__all__ = ["JournalStorage", "JournalTable", "Rhythm", "StateDB"]


class JournalTable(Table):
    """A TinyDB table whose changes become journal records. Safe from any thread."""

    default_query_cache_capacity = 0
    """None: records are also written past the table, and a cache would not see them."""
    _storage: JournalStorage

    def __init__(self, storage: JournalStorage, name: str, **options: Any) -> None:
        super().__init__(storage, name, **{**options, "cache_size": 0})

    def _read_table(self) -> dict[str, Mapping[str, Any]]:
        storage = self._storage
        with storage.lock:
            return DocsView(storage.tables.table(self.name), storage.lock)  # type: ignore[return-value]

    def _update_table(self, updater: Callable[[dict[int, Mapping[str, Any]]], None]) -> None:
        storage = self._storage
        with storage.lock:
            view = TableView(storage.tables.table(self.name))
            updater(view)  # type: ignore[arg-type]
            storage.commit(view.ops(self.name))

    def _get_next_id(self) -> int:
        """From the counter of the whole store: never used before, whatever was removed since."""
        return self._storage.new_ids(1)[0]


class StateDB(TinyDB):
    """TinyDB on a journal.

    >>> import tempfile
    >>> with StateDB(tempfile.mkdtemp()) as db:
    ...     with db.transaction():
    ...         id = db.table("transfers").insert({"rank": 1})
    ...     db.table("transfers").get(doc_id=id)
    {'rank': 1}
    """

    table_class = JournalTable  # type: ignore[assignment]
    default_storage_class = JournalStorage  # type: ignore[assignment]

    @property
    def journal(self) -> JournalStorage:
        """The storage itself: records over several tables, ids, syncing."""
        storage = self.storage
        assert isinstance(storage, JournalStorage)
        return storage

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """What is changed inside, in any tables, becomes one record; after an exception, nothing of it."""
        with self.journal.transaction():
            yield
