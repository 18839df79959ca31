"""Tables as TinyDB sees them: documents are decoded when they are looked at, and changes are remembered."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, MutableMapping
from typing import Any

from engine.state.frames import Doc, Op, decode_doc, encode
from engine.state.tables import TextTable


class DocsView(Mapping[str, Doc]):
    """A table for reading. Every document handed out is a fresh one: changing it changes nothing else."""

    def __init__(self, table: TextTable, lock: threading.RLock) -> None:
        self.table, self._lock = table, lock

    def __getitem__(self, id: object) -> Doc:
        with self._lock:
            text = self.table.get(str(id))
        if text is None:
            raise KeyError(id)
        return decode_doc(text)

    def __iter__(self) -> Iterator[str]:
        with self._lock:
            ids = self.table.ids()
        return iter(ids)

    def __len__(self) -> int:
        return len(self.table)


def same_docs(docs: Mapping[str, Any], table: TextTable) -> bool:
    """`docs` is the view of `table`, so that there is nothing to compare."""
    return isinstance(docs, DocsView) and docs.table is table


class TableView(MutableMapping[int, Any]):
    """A table for TinyDB's updaters, which change documents in place. Used with the journal's lock held."""

    def __init__(self, table: TextTable) -> None:
        self._table = table
        self._touched: dict[str, Doc] = {}
        self._gone: set[str] = set()

    def __getitem__(self, id: int) -> Any:
        key = str(id)
        if key not in self._touched:
            text = None if key in self._gone else self._table.get(key)
            if text is None:
                raise KeyError(id)
            self._touched[key] = decode_doc(text)
        return self._touched[key]

    def __setitem__(self, id: int, doc: Any) -> None:
        if type(id) is not int or id < 0:
            raise ValueError(f"{id!r} is no id of a document")
        self._gone.discard(str(id))
        self._touched[str(id)] = dict(doc)

    def __delitem__(self, id: int) -> None:
        if id not in self:
            raise KeyError(id)
        self._touched.pop(str(id), None)
        self._gone.add(str(id))

    def __contains__(self, id: object) -> bool:
        key = str(id)
        return key in self._touched or (key not in self._gone and key in self._table)

    def __iter__(self) -> Iterator[int]:
        known = self._table.ids()
        for key in known:
            if key not in self._gone:
                yield int(key)
        yield from [int(key) for key in self._touched if key not in self._table]

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def ops(self, table: str) -> list[Op]:
        """What changed.

        Raises:
            TypeError, ValueError: A document holds what JSON cannot.
        """
        texts = {key: encode(doc) for key, doc in self._touched.items()}
        changed: list[Op] = [(table, key, None) for key in self._gone if key in self._table]
        changed += [(table, key, text) for key, text in texts.items() if self._table.get(key) != text]
        return changed
