"""What stands at the targets of a whole batch, from one listing read beside the sources."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum

from engine.errors import TransferError
from engine.lookup import row_facts
from engine.model import Facts
from engine.page import Page


class KeyOrder(Enum):
    """In which order a server lists keys, as far as it has shown."""

    UNKNOWN = "unknown"
    """Nothing so far told the two apart."""
    BYTES = "bytes"
    """By the bytes of the whole key, as S3 promises: ``a-b`` before ``a/x``."""
    TREE = "tree"
    """Folder by folder, as servers on top of a file system do: ``a/x`` before ``a-b``."""
    NONE = "none"
    """Neither, as S3's directory buckets."""


class TargetListing:
    """Finds names in a sorted listing that is read as far as needed and held one page at a time.

    Names are asked for in order: by bytes, or, with `same_server`, as that server lists. Where the two
    orders of `KeyOrder` disagree and the server's is not known, the answer is "not looked at" rather
    than a guess: whoever moves the item then asks for it alone.

    Args:
        pages: The flat listing of the target prefix, names relative to it.
        order: What is known of the server beforehand.
        same_server: The sources are listed by the same server, hence in the same order.
    """

    def __init__(
        self, pages: Iterator[Page], *, order: KeyOrder = KeyOrder.UNKNOWN, same_server: bool = False
    ) -> None:
        self._pages = pages
        self._order = order
        self._same_server = same_server
        self._page: Page | None = None
        self._row = 0
        self._last_name = ""
        """The newest of the listing, for judging its order across pages."""
        self._asked = ""
        self._ended = False

    @property
    def order(self) -> KeyOrder:
        """As learnt so far."""
        return self._order

    def find(self, name: str) -> tuple[bool, Facts | None]:
        """Whether the answer is sure, and what stands under that name.

        Raises:
            TransferError: The target cannot be listed, for another reason than a denial (to put
                something there need not include the right to list).
        """
        in_order = not self._asked or _compare(self._asked, name, KeyOrder.UNKNOWN) <= 0
        self._asked = name
        while (head := self._head()) is not None:
            if head == name:
                assert self._page is not None
                facts = row_facts(self._page, self._row)
                self._row += 1
                return True, facts
            relation = _compare(head, name, self._trusted())
            if relation == 0:
                return False, None
            if relation > 0:
                return in_order, None
            self._row += 1
        return in_order and self._order is not KeyOrder.NONE, None

    def _trusted(self) -> KeyOrder:
        """The order in which both streams are known to be."""
        if self._same_server or self._order is KeyOrder.BYTES:
            return self._order
        return KeyOrder.UNKNOWN

    def _head(self) -> str | None:
        """The next name of the listing; ``None`` at its end, or once it is of no use."""
        while self._order is not KeyOrder.NONE:
            page = self._page
            if page is not None and self._row < len(page):
                return page.names[self._row]
            if self._ended:
                return None
            self._page, self._row = None, 0
            try:
                self._page = next(self._pages, None)
            except TransferError as error:
                if error.code != "access-denied":
                    raise
                self._order = KeyOrder.NONE
            if self._page is None:
                self._ended = True
            else:
                self._learn(self._page)
        return None

    def _learn(self, page: Page) -> None:
        """Judge the order of the listing by its neighbours."""
        before = self._last_name
        for name in page.names:
            by_bytes, by_tree = before <= name, _tree_key(before) <= _tree_key(name)
            if by_bytes != by_tree:
                shown = KeyOrder.BYTES if by_bytes else KeyOrder.TREE
                self._order = shown if self._order in (KeyOrder.UNKNOWN, shown) else KeyOrder.NONE
            elif not by_bytes:
                self._order = KeyOrder.NONE
            before = name
        self._last_name = before


def _compare(one: str, other: str, order: KeyOrder) -> int:
    """-1, 0 or 1 as `one` comes before, cannot be told from, or comes after `other`.

    In an unknown order, what both orders agree on holds.
    """
    by_bytes = (one > other) - (one < other)
    if order is KeyOrder.BYTES:
        return by_bytes
    tree_one, tree_other = _tree_key(one), _tree_key(other)
    by_tree = (tree_one > tree_other) - (tree_one < tree_other)
    if order is KeyOrder.TREE:
        return by_tree
    return by_bytes if by_bytes == by_tree else 0


def _tree_key(name: str) -> str:
    """What sorts names folder by folder: nothing comes before the end of a name but its ``/``."""
    return name.replace("/", "\0")
