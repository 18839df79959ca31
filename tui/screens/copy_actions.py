"""Copy and move to the other pane: a plan is shown first, but for a few small files that are in nobody's way."""

from __future__ import annotations

from dataclasses import replace

from textual import work

from engine import (
    EntryKind,
    LocalRef,
    Location,
    Plan,
    PlanChoice,
    TransferRequest,
)
from tui import format, places
from tui.safe_text import display
from tui.screens.base import ASK, MainBase
from tui.screens.confirm import ConfirmScreen
from tui.screens.file_actions import named, what
from tui.screens.plan import PlanScreen
from tui.undo import UNDO_SECONDS, undo_hint
from tui.widgets.file_pane import FilePane

_WHOLE_PLACE_FROM = 1000
"""Marks from which on "everything here" is asked for as the place, not name by name."""
SMALL_FILES = 20
SMALL_BYTES = 1024**3
"""Up to both, files that stand in nobody's way are copied without a plan."""


class CopyActions(MainBase):
    """See `tui.keys`, context PANES."""

    def action_pane_copy(self) -> None:
        """Copy to the other pane."""
        self._send(move=False)

    def action_pane_move(self) -> None:
        """Move to the other pane, never without asking: the sources go away."""
        self._send(move=True)

    def _send(self, *, move: bool) -> None:
        if self.refuses("pane.move" if move else "pane.copy"):
            return
        """What was chosen when the key came is what is meant, whatever keys come while it is asked about."""
        pane, target, refused = self.pane, self.other.location, self._why_not()
        if refused or target is None:
            self.tell(refused, bad=True)
            return
        request = self._request(pane, target, move=move)
        if not self._is_plain(pane, self.other):
            self._ask_by_plan(pane, request, f"{'Move' if move else 'Copy'} {what(pane)}")
        elif move:
            self._ask_to_move(pane, request, what(pane), named(pane))
        else:
            self._submit(pane, request, what(pane))

    def _submit(self, pane: FilePane, request: TransferRequest, chosen: str) -> None:
        if self.submit(request):
            self.tell(f"Queued {display(chosen)} → {display(str(request.target))}")
            _unmark(pane)

    @work(group=ASK)
    async def _ask_by_plan(self, pane: FilePane, request: TransferRequest, title: str) -> None:
        if await self.plan_and_start(request, title):
            _unmark(pane)

    @work(group=ASK)
    async def _ask_to_move(
        self, pane: FilePane, request: TransferRequest, chosen: str, names: list[str]
    ) -> None:
        lines = [
            *names,
            f"to {request.target}",
            "",
            "A source is deleted only after its copy is verified.",
        ]
        if await self.app.push_screen_wait(ConfirmScreen(f"Move {chosen}?", lines, confirm_label="Move")):
            self._submit(pane, request, chosen)

    def _why_not(self) -> str:
        """Why what is chosen cannot go to the other pane, or nothing."""
        here, there = self.pane.location, self.other.location
        if not self.pane.chosen_count:
            return "Nothing is marked, and the cursor is on no file"
        if here is None or there is None:
            return "The other pane shows no place yet: Tab, then : or e"
        if places.is_bucket_list(there.place):
            return "Open a bucket in the other pane first"
        if isinstance(here.place, LocalRef) and isinstance(there.place, LocalRef):
            return "Both panes are on this disk; s3tui copies between disk and S3, and within S3"
        if here == there:
            return "Both panes show the same place"
        return ""

    def _is_plain(self, pane: FilePane, other: FilePane) -> bool:
        """A few small files, and as far as the other pane shows nothing of their names is there."""
        if pane.chosen_count > SMALL_FILES or other.is_reading or other.problem is not None:
            return False
        rows = pane.selection()
        if any(row.kind is not EntryKind.FILE or row.size < 0 for row in rows):
            return False
        if sum(row.size for row in rows) > SMALL_BYTES or not other.model.complete:
            return False
        hides = not other.show_hidden
        return not any(
            (hides and row.name.startswith(".")) or other.model.find(row.name) is not None for row in rows
        )

    def _request(self, pane: FilePane, target: Location, *, move: bool) -> TransferRequest:
        here = pane.location
        assert here is not None
        connection = here.connection or target.connection
        assert connection is not None
        model = pane.model
        everything = model.marked_count >= _WHOLE_PLACE_FROM and model.marked_count == model.total
        everything = everything and model.complete and pane.show_hidden and pane.problem is None
        everything = everything and not (pane.is_finding or places.is_bucket_list(here.place))
        return TransferRequest(
            (here.place,) if everything else tuple(pane.place_of(row) for row in pane.selection()),
            target.place,
            connection,
            replace(self.options, move=move),
            target.connection if target.connection not in (None, connection) else None,
            under_base_name=not everything,
        )

    # -- plans -------------------------------------------------------------------------------------

    async def plan_and_start(self, request: TransferRequest, title: str, *, sync: bool = False) -> bool:
        """Show what it would do, and do what is chosen of that; false if nothing was.

        Args:
            sync: Offer to delete what is only at the target too.
        """
        screen = PlanScreen(
            self.manager.browser,
            request,
            title,
            lambda: self.manager.snapshot(0, 0),
            sync=sync,
            now=self.now,
        )
        chosen = await self.app.push_screen_wait(screen)
        return chosen is not None and self._begin(*chosen)

    def _begin(self, plan: Plan, choice: PlanChoice) -> bool:
        cost, deletions = plan.cost(choice), plan.deletions()
        target = display(str(plan.request.target))
        if cost.items and not self.attempt(lambda: self.manager.submit_plan(plan, choice)):
            return False
        if deletions is not None and not self.submit(deletions):
            return False
        said = [f"Queued {format.counted(cost.items, 'item')} → {target}"] if cost.items else []
        if deletions is not None:
            said.append(
                f"{format.counted(cost.deletions, 'deletion')} in {format.duration(UNDO_SECONDS)}, {undo_hint()}"
            )
        self.tell("; ".join(said))
        return True


def _unmark(pane: FilePane) -> None:
    pane.model.mark_none()
    pane.marks_changed()
