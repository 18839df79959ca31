"""Looking into objects, and what is kept with them: the actions on the one under the cursor."""

from __future__ import annotations

from engine import EntryKind, Location
from tui.screens.base import MainBase
from tui.screens.preview import PreviewScreen


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
