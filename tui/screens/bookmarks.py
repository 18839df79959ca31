"""Bookmarks and recent places, to search and to go to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.widgets import Input, OptionList

from engine import Location
from tui.place_book import PlaceBook
from tui.places import address
from tui.screens.chooser import Line, ListScreen


class BookmarksScreen(ListScreen[Location]):
    """The result is the place to go to.

    Args:
        here: Can be bookmarked by the first line; ``None`` where nothing is shown.
        profile_of: The name of the profile that reaches a place, or what to say where none does.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("delete,ctrl+d", "mark", show=False, priority=True),
        Binding("insert,ctrl+t", "mark_here", show=False, priority=True),
    ]

    def __init__(self, book: PlaceBook, here: Location | None, profile_of: Callable[[Location], str]) -> None:
        self._book, self._here, self._profile_of = book, here, profile_of
        hint = "Enter: go · Ctrl+D: take off, put on · Ctrl+T: this place · Esc: back"
        super().__init__("Bookmarks and recent places", self._make_lines(), hint=hint)

    def _make_lines(self) -> Iterator[Line]:
        marks = self._book.bookmarks
        yield Line(None, "Bookmarks" if marks else "Bookmarks: none yet (Ctrl+T bookmarks this place)")
        for location in marks:
            yield self._line("★", location)
        recent = [each for each in self._book.recent if each not in marks and each != self._here]
        if recent:
            yield Line(None, "Recent places")
        for location in recent:
            yield self._line(" ", location)

    def _line(self, glyph: str, location: Location) -> Line:
        profile = self._profile_of(location)
        return Line(location, f"  {glyph} {address(location)}" + (f" · {profile}" if profile else ""))

    def action_mark(self) -> None:
        """Take the bookmark under the cursor off, or make the recent place one."""
        location = self.chosen
        if isinstance(location, Location):
            self._toggle(location)

    def action_mark_here(self) -> None:
        """The place that is shown."""
        if self._here is not None:
            self._toggle(self._here)

    def _toggle(self, location: Location) -> None:
        listed = self.query_one(OptionList)
        index = listed.highlighted or 0
        self._book.toggle(location)
        self._lines = tuple(self._make_lines())
        self._narrow(self.query_one(Input).value)
        if listed.option_count:
            listed.highlighted = min(index, listed.option_count - 1)
