"""The question before a deletion: what is destroyed, as far as it was counted, and whether anything brings it back."""

from __future__ import annotations

from collections.abc import Sequence

from engine import CountProgress, Location
from tui import format
from tui.screens.confirm import ConfirmScreen
from tui.undo import promise


class DeleteScreen(ConfirmScreen):
    """Its words follow what comes to be known while it is asked.

    Args:
        names: Of what is deleted, raw, a line each.
        here: Where it is.
        counted: What is below it; ``None`` while that is being counted.
    """

    def __init__(
        self, title: str, names: Sequence[str], here: Location, counted: CountProgress | None
    ) -> None:
        self._names, self._here = names, here
        self._counted, self._is_counting, self._failed = counted, False, ""
        self._versioning = ""
        super().__init__(title, self._words(), confirm_label="Delete", danger=True)

    def tell_count(self, counted: CountProgress | None, *, done: bool, failed: str) -> None:
        """What was counted so far, or why no more is."""
        self._counted, self._is_counting, self._failed = counted, not done, failed
        self.show_lines(self._words())

    def tell_versioning(self, versioning: str) -> None:
        """Whether the bucket keeps versions, as `tui.undo.promise` takes it."""
        self._versioning = versioning
        self.show_lines(self._words())

    def _words(self) -> list[str]:
        end = promise(local=self._here.connection is None, versioning=self._versioning)
        return [*self._names, f"in {self._here.place}", "", self._total(), end]

    def _total(self) -> str:
        counted, local = self._counted, self._here.connection is None
        if self._failed:
            return f"Counting failed: {self._failed}."
        if counted is None:
            return "Counting what is below…"
        total = format.counted(counted.objects, "file" if local else "object")
        total += f", {format.size_long(counted.bytes)}"
        total += " so far, counting…" if self._is_counting else " in all"
        if not self._is_counting and not counted.objects and not counted.unreadable:
            total = "There is nothing in it." if local else "There is no object below it any more."
        if counted.unreadable:
            total += f"; {format.counted(counted.unreadable, 'folder')} could not be looked into"
        return total
