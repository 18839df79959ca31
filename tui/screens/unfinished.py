"""Incomplete uploads of a bucket or prefix: to look at, to go on with, to give up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType

from engine import Location, TransferOptions
from tui.ports import ManagerPort
from tui.screens.aborting import AbortingActions
from tui.screens.adopting import AdoptingActions
from tui.screens.key_sheets import upload_keys


class UnfinishedScreen(AbortingActions, AdoptingActions):
    """Those of the queue are named, and cannot be aborted here.

    Args:
        folder: Where the file of an upload is looked for first, ending in ``/``.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,U,W", "close", show=False),
        Binding("space,insert", "mark", show=False),
        Binding("a", "mark_all", show=False),
        Binding("A", "mark_none", show=False),
        Binding("x,d,delete", "abort", show=False),
        Binding("c,f5", "adopt", show=False),
        Binding("enter,i", "details", show=False),
        Binding("s", "sort", show=False),
        Binding("R,r,ctrl+r", "read_again", show=False),
        Binding("question_mark,f1", "help", show=False),
    ]
    HINTS = "Space mark · a all · x abort · c go on with a file · s sort · Esc back"

    def __init__(
        self,
        manager: ManagerPort,
        locations: Sequence[Location],
        title: str,
        now: Callable[[], float],
        *,
        folder: str = "",
        options: TransferOptions | None = None,
    ) -> None:
        super().__init__(manager, locations, title, now)
        self.folder, self.options = folder, options or TransferOptions()

    def action_help(self) -> None:
        """The keys that work here."""
        self.app.push_screen(upload_keys())
