"""The last problems: when, what, why, what to do, and the request id."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from textual import work

from engine import Trouble
from tui import format
from tui.safe_text import cut, display, pad
from tui.screens.base import ASK
from tui.screens.chooser import Line, ListScreen
from tui.screens.details import DetailsScreen, Pair
from tui.screens.tidings import Tidings

_NAME_CELLS = 22


class ProblemsScreen(ListScreen[Trouble]):
    """Problems, newest first; typing finds them by any of their words. The result is the one to read in full."""

    def __init__(self, troubles: Sequence[Trouble], now: float) -> None:
        super().__init__(
            "The last problems", _lines(troubles, now), hint="Type to find · Enter: all of it · Esc: back"
        )

    def about(self, value: object) -> str:
        """What to do, which has no room in its line."""
        if not isinstance(value, Trouble):
            return ""
        problem = value.problem
        request = f"request {problem.request_id}" if problem.request_id else ""
        return " · ".join(text for text in (problem.why, problem.what_now, request) if text)


def _lines(troubles: Sequence[Trouble], now: float) -> Iterator[Line]:
    if not troubles:
        yield Line(None, "Nothing went wrong since the start")
    for trouble in troubles:
        problem = trouble.problem
        name = _name_of(trouble)
        times = f" ({trouble.count:,} times)" if trouble.count > 1 else ""
        text = f"{pad(_when(trouble.at, now), 8)}  {pad(cut(display(name), _NAME_CELLS), _NAME_CELLS)}  "
        yield Line(
            trouble,
            f"{text}{problem.why}{times}",
            also=" ".join((trouble.source, problem.what, problem.what_now, problem.code, problem.request_id)),
        )


def _name_of(trouble: Trouble) -> str:
    """The item's own name; without an item, what was being done."""
    if not trouble.source:
        return trouble.problem.what
    return trouble.source.rstrip("/").rpartition("/")[2] or trouble.source


def _when(at: float, now: float) -> str:
    """The time of day, or the day where that was another one."""
    if not at:
        return "earlier"
    if now - at < 86_400:
        return time.strftime("%H:%M:%S", time.localtime(at))
    return format.date(at, now)


def full(trouble: Trouble) -> list[Pair]:
    """All of it."""
    problem = trouble.problem
    pairs = [
        ("Time", format.date_long(trouble.at) if trouble.at else "before this start"),
        ("Item", trouble.source),
        ("What", problem.what),
        ("Why", problem.why),
        ("What to do", problem.what_now),
        ("Code", problem.code),
        ("Request id", problem.request_id or "the server gave none"),
        ("Times", f"{trouble.count:,}" if trouble.count > 1 else ""),
    ]
    return [(name, value) for name, value in pairs if value]


class ProblemActions(Tidings):
    """See `tui.keys`, context GLOBAL."""

    @work(group=ASK)
    async def action_problems(self) -> None:
        """Show the list, one of them in full, and the list again."""
        while True:
            troubles = self.problems.with_those(self.manager.troubles())
            chosen = await self.app.push_screen_wait(ProblemsScreen(troubles, self.now()))
            if chosen is None:
                return
            await self.app.push_screen_wait(DetailsScreen(_name_of(chosen), full(chosen)))
