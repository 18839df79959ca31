"""Finding one's way: bookmarks, recent places, back and forward, and where each profile was left."""

from __future__ import annotations

import threading
from collections.abc import Callable

from textual import work

from engine import LocalRef, Location, ObjectRef
from tui import places
from tui.safe_text import display
from tui.screens.base import ASK, MainBase
from tui.screens.bookmarks import BookmarksScreen

SAVE_EVERY = 3.0
"""Seconds between looks at what is to be saved; the last saving is made when the program ends."""


class PlaceActions(MainBase):
    """Part of the main screen."""

    _noted: tuple[Location | None, Location | None] = (None, None)
    """What the panes showed when it was looked at last."""
    _saver: threading.Thread | None = None
    _said_problem = ""

    def note_places(self) -> None:
        """Remember where the panes are, if they are elsewhere than at the last look."""
        shown = self.left.location, self.right.location
        for before, now in zip(self._noted, shown, strict=True):
            if now is not None and now != before:
                self.book.visited(now, self.connection_at_hand())
        self._noted = shown
        if self.book.problem != self._said_problem:
            self._said_problem = self.book.problem
            self.tell(f"Places are not remembered: {display(self._said_problem)}", bad=True)

    def save_places(self) -> None:
        """Write down what changed, on a thread: the disk may be a slow one. Called now and then."""
        is_changed = self.book.is_changed or self.layout_file.is_changed or self.pace_file.is_changed
        if is_changed and (self._saver is None or not self._saver.is_alive()):
            self._saver = threading.Thread(target=self.save_now, name="s3tui-places", daemon=True)
            self._saver.start()

    def save_now(self) -> None:
        """Write down what changed, here and now."""
        self.book.save()
        self.layout_file.save()
        self.pace_file.save()

    def reaches(self, location: Location) -> bool:
        """There is a profile for it."""
        return isinstance(location.place, LocalRef) or self.profile_of(location) is not None

    @work(group=ASK)
    async def action_pane_bookmarks(self) -> None:
        """Choose a bookmark or a recent place, and go there."""
        pane = self.pane
        chosen = await self.app.push_screen_wait(
            BookmarksScreen(self.book, pane.location, self._profile_name)
        )
        if chosen is None:
            return
        if self.reaches(chosen):
            pane.go(chosen)
        else:
            self.tell(f"No profile here reaches it: it was {display(str(chosen.connection))}", bad=True)

    def _profile_name(self, location: Location) -> str:
        if isinstance(location.place, LocalRef):
            return ""
        profile = self.profile_of(location)
        return profile.name if profile is not None else f"{location.connection}: not at hand"

    def action_pane_bookmark(self) -> None:
        """Bookmark the place, or take the bookmark off."""
        location = self.pane.location
        if location is None:
            return
        what = "Bookmarked" if self.book.toggle(location) else "No bookmark any more:"
        self.tell(f"{what} {display(places.address(location))}")

    def action_pane_history_back(self) -> None:
        """To the place that was shown before."""
        self._step(-1, "There is no place before this one")

    def action_pane_history_forward(self) -> None:
        """To the place one came back from."""
        self._step(1, "There is no place after this one")

    def _step(self, by: int, nothing: str) -> None:
        location = self.pane.trail.step(by)
        if location is None:
            self.tell(nothing)
        else:
            self.pane.go(location)

    def known_places(self) -> list[tuple[str, Callable[[], object]]]:
        """For the palette: the profiles, what the panes show, and home."""
        found: list[tuple[str, Callable[[], object]]] = []

        def going(location: Location) -> Callable[[], object]:
            return lambda: self.pane.go(location)

        for profile in self.manager.profiles():
            found.append((f"profile {profile.name}", going(Location(ObjectRef(""), profile.connection_id))))
            for pane in (self.left, self.right):
                if pane.location is None or not places.is_bucket_list(pane.location.place):
                    continue
                for name in pane.model.names[:200]:
                    found.append(
                        (f"bucket {name}", going(Location(ObjectRef(name), pane.location.connection)))
                    )
        for location in (*self.book.bookmarks, *self.book.recent):
            if self.reaches(location):
                found.append((places.address(location), going(location)))
        home = places.parse("~", None, None)
        if home is not None:
            found.append(("home folder", going(home)))
        found.append(("root folder", going(Location(LocalRef("/")))))
        return found
