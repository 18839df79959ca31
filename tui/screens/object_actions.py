"""Looking into objects, and what is kept with them: the actions on the one under the cursor."""

from __future__ import annotations

from textual import work

from engine import EntryKind, LocalRef, Location
from tui import places
from tui.screens.base import ASK, MainBase
from tui.screens.preview import PreviewScreen
from tui.screens.versions import VersionsScreen


class ObjectActions(MainBase):
    """See `tui.keys`, context PANES."""

    def action_pane_preview(self) -> None:
        """Look into the file or object under the cursor."""
        self.look_inside()

    def look_inside(self) -> None:
        """Show what is in the current file or object; of a folder, say that there is nothing to see."""
        pane, row = self.pane, self.pane.list.current
        if row is None or pane.location is None:
            return
        if row.is_folder or row.kind is EntryKind.SPECIAL:
            self.tell("Only files and objects can be looked into")
            return
        location = Location(pane.place_of(row), pane.location.connection)
        self.app.push_screen(PreviewScreen(self.manager.browser, location, str(location.place)))

    @work(group=ASK)
    async def action_pane_versions(self) -> None:
        """Show the versions of what the cursor is on; on ``..`` those of all that is shown here."""
        pane, row, here = self.pane, self.pane.list.current, self.pane.location
        if here is None or isinstance(here.place, LocalRef):
            self.tell("Versions are kept of objects only: go to a bucket")
            return
        place = here.place if row is None else pane.place_of(row)
        if places.is_bucket_list(place):
            self.tell("Versions are kept of objects only: go to a bucket")
            return
        screen = VersionsScreen(
            self.manager.browser,
            Location(place, here.connection),
            self.other.location,
            self.options,
            self.submit,
            self.why_read_only(here),
        )
        if await self.app.push_screen_wait(screen):
            pane.reload()
