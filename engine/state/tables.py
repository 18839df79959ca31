"""The tables in memory: documents as text, and a picture of them all that costs nothing to take."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice

from engine.state.frames import Texts
from engine.state.packing import Packed, Stored, pack, unpacked


class TextTable:
    """Documents as JSON text by id, in the order in which their ids first came.

    While frozen, changes are kept beside what was there, so that the thread that writes a snapshot
    can read it without a lock. Everything but reading what is frozen needs the journal's lock.
    """

    __slots__ = ("_count", "_docs", "_is_frozen", "_newer", "_opened")

    def __init__(self, docs: Mapping[str, str] | None = None) -> None:
        self._docs: dict[str, Stored] = {**docs} if docs else {}
        self._opened: tuple[Packed | None, dict[str, str]] = None, {}
        """The pack that was looked into last, and what is in it."""
        self._newer: dict[str, str | None] = {}
        self._is_frozen = False
        self._count = len(self._docs)

    def get(self, id: str) -> str | None:
        """The document, or ``None``."""
        if id in self._newer:
            return self._newer[id]
        stored = self._docs.get(id)
        if stored is None or isinstance(stored, str):
            return stored
        if stored is not self._opened[0]:
            self._opened = stored, stored.docs()
        return self._opened[1][id]

    def __contains__(self, id: str) -> bool:
        return self._newer[id] is not None if id in self._newer else id in self._docs

    def __len__(self) -> int:
        return self._count

    def put(self, id: str, text: str | None) -> None:
        """Set a document; ``None`` removes it."""
        self._count += (text is not None) - (id in self)
        if self._is_frozen or self._newer:
            self._newer[id] = text
        elif text is None:
            self._docs.pop(id, None)
        else:
            self._docs[id] = text

    def items(self) -> Iterator[tuple[str, str]]:
        """Ids and documents."""
        newer = self._newer
        for id, text in unpacked(self._docs):
            now = newer.get(id, text) if newer else text
            if now is not None:
                yield id, now
        for id, now in newer.items():
            if now is not None and id not in self._docs:
                yield id, now

    def __iter__(self) -> Iterator[str]:
        newer = self._newer
        yield from (id for id in self._docs if newer.get(id, "") is not None)
        yield from (id for id, text in newer.items() if text is not None and id not in self._docs)

    def ids(self) -> list[str]:
        """All ids."""
        return list(self)

    def pack(self) -> None:
        """Hold what is there in less memory. Not while frozen."""
        pack(self._docs)

    def freeze(self) -> Mapping[str, Stored]:
        """The documents as they are now; what is returned does not change until `thaw`."""
        while not self.merge(1000):
            pass
        self._is_frozen = True
        return self._docs

    def thaw(self) -> None:
        """The picture is not needed any more; what changed meanwhile is taken over by `merge`."""
        self._is_frozen = False

    def merge(self, most: int) -> bool:
        """Take over so many of the changes kept aside; true when none is left."""
        if self._is_frozen:
            return True
        for id in list(islice(self._newer, most)):
            text = self._newer.pop(id)
            if text is None:
                self._docs.pop(id, None)
            else:
                self._docs[id] = text
        return not self._newer


class Tables:
    """All tables by name. Under the journal's lock, but for what `freeze` returned."""

    def __init__(self, texts: Texts) -> None:
        self._tables = {name: TextTable(docs) for name, docs in texts.items()}

    def pack(self) -> None:
        """See `TextTable.pack`."""
        for table in self._tables.values():
            table.pack()

    def names(self) -> list[str]:
        """Of all tables, empty ones included."""
        return list(self._tables)

    def table(self, name: str) -> TextTable:
        """The table, made if it does not exist."""
        table = self._tables.get(name)
        if table is None:
            table = self._tables[name] = TextTable()
        return table

    def put(self, name: str, id: str, text: str | None) -> None:
        """Set or remove a document."""
        self.table(name).put(id, text)

    def freeze(self) -> dict[str, Mapping[str, Stored]]:
        """A picture of all tables that has documents; cheap, whatever their size."""
        return {name: docs for name, table in self._tables.items() if (docs := table.freeze())}

    def thaw(self) -> None:
        """See `TextTable.thaw`."""
        for table in self._tables.values():
            table.thaw()

    def merge(self, most: int = 500) -> bool:
        """A slice of what changed while frozen; true when nothing is left."""
        return all(table.merge(most) for table in self._tables.values())
