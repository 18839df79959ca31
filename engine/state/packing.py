"""Documents that nobody looks at, in a tenth of the memory: compressed, some together.

The documents of a queue are alike, and between their loading and their end they are read once, by who
writes a snapshot. Packing and unpacking cost a microsecond each for a document.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from itertools import islice

TOGETHER = 64
"""Documents in one pack: who looks at one unpacks them all, in some 30 microseconds."""
_LEVEL = 1


class Packed:
    """Some documents with their ids. Never changed; whose place was taken by a newer one is simply not asked for."""

    __slots__ = ("_data",)

    def __init__(self, docs: Mapping[str, str]) -> None:
        # No id and no JSON text on one line holds a line feed.
        text = "\n".join([part for entry in docs.items() for part in entry])
        self._data = zlib.compress(text.encode("ascii"), _LEVEL)

    def docs(self) -> dict[str, str]:
        """What is in it."""
        parts = zlib.decompress(self._data).decode("ascii").split("\n")
        return dict(zip(parts[::2], parts[1::2], strict=True))


Stored = str | Packed
"""A document by itself, or the pack that it is in."""


def pack(docs: dict[str, Stored]) -> None:
    """Pack what is not packed yet, but for a rest of fewer than `TOGETHER`."""
    loose = iter([id for id, stored in docs.items() if isinstance(stored, str)])
    while len(ids := list(islice(loose, TOGETHER))) == TOGETHER:
        packed = Packed({id: stored for id in ids if isinstance(stored := docs[id], str)})
        for id in ids:
            docs[id] = packed


def unpacked(docs: Mapping[str, Stored]) -> Iterator[tuple[str, str]]:
    """Ids and documents, in their order. Neighbours are mostly in the same pack, which is opened once for them."""
    opened: Packed | None = None
    texts: dict[str, str] = {}
    for id, stored in docs.items():
        if isinstance(stored, str):
            yield id, stored
        else:
            if stored is not opened:
                opened, texts = stored, stored.docs()
            yield id, texts[id]
