"""Answering what an item of the queue asks, in place or with both sides in view."""

from __future__ import annotations

from textual import work

from engine import TransferSnapshot, UsageError
from tui.safe_text import display
from tui.screens.base import ASK, MainBase
from tui.screens.conflict import ConflictScreen, choices_for
from tui.widgets.answer_bar import AnswerBar


class AnswerActions(MainBase):
    """Part of the main screen."""

    @property
    def item(self) -> TransferSnapshot | None:
        """The item under the cursor."""
        return self.queue.table.current

    def action_queue_answer(self) -> None:
        """Offer the answers in a line below the queue."""
        item = self.item
        if item is None or item.question is None:
            self.tell("This item asks nothing")
            return
        self.queue.answers.ask(item, [(each.key, each.answer) for each in choices_for(item.question)])
        self.set_focus(self.queue.answers)

    def on_answer_bar_answered(self, event: AnswerBar.Answered) -> None:
        """Give the answer, or show both sides first."""
        event.stop()
        self.queue.answers.close()
        self.set_focus(self.queue.table)
        item = self.item
        if event.wants_more and item is not None and item.id == event.id:
            self.ask_with_both_sides(item)
        elif event.answer is not None:
            try:
                self.manager.answer(event.id, event.answer, for_operation=event.for_all)
            except UsageError as error:  # It asks something else by now.
                self.tell(display(str(error)), bad=True)
            self.tick()

    @work(group=ASK)
    async def ask_with_both_sides(self, item: TransferSnapshot) -> None:
        """Ask with sizes and dates of source and target."""
        answered = await self.app.push_screen_wait(ConflictScreen(item))
        if answered is not None:
            answer, for_all = answered
            self.manager.answer(item.id, answer, for_operation=for_all)
            self.tick()
