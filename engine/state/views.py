"""A table as TinyDB's updaters see it, which remembers what they changed."""

from __future__ import annotations

import copy
from collections.abc import Iterator, MutableMapping
from typing import Any

from engine.state.frames import Doc, Op


class TableView(MutableMapping[int, Any]):
    """Updaters change documents in place: they get copies, made on first touch."""

    def __init__(self, raw: dict[str, Doc]) -> None:
        self._raw = raw
        self._touched: dict[str, Doc] = {}
        self._gone: set[str] = set()

    def __getitem__(self, id: int) -> Any:
        key = str(id)
        if key in self._gone:
            raise KeyError(id)
        if key not in self._touched:
            self._touched[key] = copy.deepcopy(self._raw[key])
        return self._touched[key]

    def __setitem__(self, id: int, doc: Any) -> None:
        key = str(id)
        self._gone.discard(key)
        self._touched[key] = dict(doc)

    def __delitem__(self, id: int) -> None:
        key = str(id)
        if key not in self._touched and (key in self._gone or key not in self._raw):
            raise KeyError(id)
        self._touched.pop(key, None)
        self._gone.add(key)

    def __contains__(self, id: object) -> bool:
        key = str(id)
        return key not in self._gone and (key in self._touched or key in self._raw)

    def __iter__(self) -> Iterator[int]:
        for key in list(self._raw):
            if key not in self._gone:
                yield int(key)
        for key in list(self._touched):
            if key not in self._raw:
                yield int(key)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def ops(self, table: str) -> list[Op]:
        """What changed."""
        changed: list[Op] = [(table, key, None) for key in self._gone if key in self._raw]
        changed += [(table, key, doc) for key, doc in self._touched.items() if self._raw.get(key) != doc]
        return changed
