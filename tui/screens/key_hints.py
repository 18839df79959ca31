"""What the keys mean right now, in the last line of the screen."""

from __future__ import annotations

from engine import TransferState
from tui.keys import Context, KeyAction
from tui.screens.queue_actions import QueueActions
from tui.widgets.answer_bar import AnswerBar
from tui.widgets.filter_line import FilterLine
from tui.widgets.key_bar import Hint

S = TransferState

_FILTER_HINTS = (
    Hint("Enter", "Keep the filter", 1),
    Hint("Esc", "Show all", 2),
    Hint("↑ ↓", "Move", 3),
    Hint("*.tar", "Pattern", 4),
)

_ANSWER_HINTS = (
    Hint("letter", "Answer", 1),
    Hint("CAPITAL", "For all of it", 2),
    Hint("Enter", "Both sides", 3),
    Hint("Esc", "Later", 4),
)


class KeyHints(QueueActions):
    """Part of the main screen."""

    @property
    def context(self) -> Context:
        """Where keys go now."""
        return Context.QUEUE if self.queue.has_focus_within else Context.PANES

    def show_keys(self) -> None:
        """Make the last line true."""
        if isinstance(self.focused, FilterLine):
            self.key_bar.show(_FILTER_HINTS)
        elif isinstance(self.focused, AnswerBar):
            self.key_bar.show(_ANSWER_HINTS)
        else:
            self.key_bar.show_context(self.context, self._hint, self.denied)

    def _hint(self, entry: KeyAction) -> str | None:
        """As `meaning`, but in the last line of the queue one key for the panes is enough."""
        is_said = entry.id == "app.queue" and self.context is Context.QUEUE
        return None if is_said else self.meaning(entry)

    def meaning(self, entry: KeyAction) -> str | None:
        """What a key means right now; ``None`` if nothing."""
        if entry.context is Context.QUEUE:
            return self._queue_label(entry)
        if entry.id in ("pane.copy", "pane.move"):
            arrow = "→" if self.pane is self.left else "←"
            count = self.pane.model.marked_count
            return f"{entry.label} {count:,} {arrow}" if count else f"{entry.label} {arrow}"
        return entry.label

    def _queue_label(self, entry: KeyAction) -> str | None:
        item = self.item
        snapshot = self.queue.table.snapshot
        counts = snapshot.totals.counts if snapshot is not None else {}
        match entry.id:
            case "queue.pause":
                if item is None or not (item.state.can_pause or item.state is S.PAUSED):
                    return None
                return "Resume" if item.state is S.PAUSED else "Pause"
            case "queue.details":
                return None if item is None else "Answer" if item.state is S.ATTENTION else entry.label
            case "queue.retry":
                if item is None or item.state is S.ATTENTION:
                    return None
                return entry.label if item.state.can_retry else None
            case "queue.answer":
                return entry.label if item is not None and item.question is not None else None
            case "queue.cancel" | "queue.limit":
                return None if item is None or item.state.is_final else entry.label
            case "queue.reveal":
                return entry.label if item is not None else None
            case "queue.top" | "queue.up" | "queue.down":
                return entry.label if item is not None and not item.state.is_final else None
            case "queue.retry-failed":
                return entry.label if counts.get(S.FAILED) else None
            case "queue.clear":
                return entry.label if counts.get(S.DONE) or counts.get(S.CANCELLED) else None
        return entry.label
