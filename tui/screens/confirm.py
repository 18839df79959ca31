"""Questions with two answers: go ahead, or not; leave, or stay."""

from __future__ import annotations

from collections.abc import Iterable

from tui.format import counted
from tui.screens.dialog import Choice, ChoiceDialog


class ConfirmScreen(ChoiceDialog[bool]):
    """Asks before something that cannot be undone, or costs; the cursor is on the safe answer.

    Args:
        body_lines: What will happen, to what and how much, raw.
        confirm_label: The dangerous answer as a verb: ``Delete 12 objects``.
        danger: Draw it as something that destroys.
        keep_label: The safe answer.
    """

    def __init__(
        self,
        title: str,
        body_lines: Iterable[str],
        *,
        confirm_label: str = "Yes",
        danger: bool = False,
        keep_label: str = "No, change nothing",
    ) -> None:
        choices = (Choice("no", "n", keep_label), Choice("yes", "y", confirm_label))
        super().__init__(title, body_lines, choices, hint="Esc: change nothing", danger=danger)

    def answered(self, choice: Choice, *, for_all: bool) -> None:
        self.dismiss(choice.answer == "yes")

    def nothing(self) -> bool:
        return False


_KEPT = (
    "What is confirmed so far is saved. The rest goes on at the next start, or without a screen by: s3tui run"
)
_REMOVED = (
    "This is a demo: its server, its files and its queue are removed when you leave, and nothing goes on later. "
    "With storage of your own, what is confirmed is saved and the rest goes on at the next start."
)


class QuitScreen(ChoiceDialog[str]):
    """Asks whether to leave while work is under way. Answers ``quit`` or ``stay``; Esc is ``None``.

    Args:
        running: Transfers that are.
        is_passing: Nothing is kept: this is a demo.
    """

    def __init__(self, running: int, *, is_passing: bool = False) -> None:
        verb = "is" if running == 1 else "are"
        lines = [
            f"{counted(running, 'transfer')} {verb} running.",
            _KEPT if not is_passing else _REMOVED,
        ]
        choices = (
            Choice("stay", "s", "Stay", "let it run"),
            Choice(
                "quit",
                "q",
                "Quit",
                "leave, and remove all of it" if is_passing else "save and leave; it goes on next time",
            ),
        )
        super().__init__("Leave s3tui?", lines, choices, hint="Esc: stay")

    def answered(self, choice: Choice, *, for_all: bool) -> None:
        self.dismiss(choice.answer)
