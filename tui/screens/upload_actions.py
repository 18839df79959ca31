"""The ways into the view of what is unfinished on the server."""

from __future__ import annotations

from engine import LocalRef, Location, ObjectRef
from tui import places
from tui.screens.base import MainBase
from tui.screens.recovered import RecoveredScreen
from tui.screens.unfinished import UnfinishedScreen


class UploadActions(MainBase):
    """See `tui.keys`."""

    def action_pane_uploads(self) -> None:
        """The incomplete uploads of the bucket or prefix that is shown, or of the bucket under the cursor."""
        location = self._bucket_meant()
        if location is None:
            self.tell("Only buckets have incomplete uploads: open one in a pane")
            return
        title = f"Incomplete uploads to {places.address(location)}"
        screen = UnfinishedScreen(
            self.manager, [location], title, self.now, folder=self._local_folder(), options=self.options
        )
        self.app.push_screen(screen)

    def action_resumed(self) -> None:
        """What came back at the start, to pause or to discard."""
        self.notice.say("")
        screen = RecoveredScreen(self.manager, self.now, folder=self._local_folder(), options=self.options)
        self.app.push_screen(screen)

    def _local_folder(self) -> str:
        """What a pane shows of this machine, the other one first."""
        for pane in (self.other, self.pane):
            if pane.location is not None and isinstance(pane.location.place, LocalRef):
                return pane.location.place.path
        return ""

    def _bucket_meant(self) -> Location | None:
        """Of this pane, else of the other one."""
        for pane in (self.pane, self.other):
            location = pane.location
            if location is None or not isinstance(location.place, ObjectRef):
                continue
            if location.place.bucket:
                return location
            row = pane.list.current
            if row is not None:
                return Location(ObjectRef(row.name), location.connection)
        return None
