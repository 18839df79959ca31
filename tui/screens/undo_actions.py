"""Taking back a deletion."""

from __future__ import annotations

from tui.safe_text import display
from tui.screens.base import MainBase
from tui.undo import undone_text


class UndoActions(MainBase):
    """See `tui.keys`, context GLOBAL."""

    def action_undo(self) -> None:
        """Take back the newest deletion, or say why not."""
        undone = self.manager.undo_delete()
        self.tell(display(undone_text(undone)), bad=bool(undone.what and not undone.kept))
        self.tick()
