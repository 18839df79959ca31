"""What the queue tells: notices about what finished, failed or asks, and panes that are out of date by it."""

from __future__ import annotations

import time

from engine import EngineSnapshot, Event, Health, Problem, TransferSnapshot
from tui import format
from tui.keys import Context, actions, key_of
from tui.log import log_path, naming_log
from tui.ports import ManagerPort
from tui.safe_text import display
from tui.screens.key_hints import KeyHints
from tui.widgets.file_pane import FilePane
from tui.widgets.transfer_rows import name_of

RELOAD_AFTER = 0.5
"""Seconds between looks at which panes are out of date."""
_RELOAD_EVERY = 2.0
"""Seconds between two readings of a pane by itself; five times that where it has several pages."""
_HEALS = frozenset(("offline", "connection-lost", "request-timeout", "stalled", "slow-down", "credentials"))
_HEAL_EVERY = 5.0
"""Seconds between two tries of a pane that could not be read for a reason that may go away."""
_RELOAD_UP_TO = 20_000
"""Rows up to which a pane is read again by itself when something arrived in it."""
_EVENTS_AT_ONCE = 100
_LOOKING = frozenset(("pane.other", "app.queue", "app.help", "app.palette"))
"""Actions that only look around, beside those of every list, which move the cursor."""


def _doings() -> set[str]:
    """What is run by keys that do something."""
    return {
        entry.action for entry in actions() if entry.context is not Context.LIST and entry.id not in _LOOKING
    }


class Tidings(KeyHints):
    """Part of the main screen."""

    def __init__(self, manager: ManagerPort, **options: object) -> None:
        super().__init__(manager, **options)  # type: ignore[arg-type]
        self._welcomed = self._is_unsaved = False
        self._greeting = ""
        """What the notice line said at the start; it goes with the first thing that is done."""
        self._stale: set[FilePane] = set()
        self._logged: dict[FilePane, Problem] = {}
        """The last problem of each pane that the log has."""
        self._reload_from: dict[FilePane, float] = {}
        """Monotonic time before which a pane is not read again by itself."""

    def welcome(self, snapshot: EngineSnapshot) -> None:
        """Once: what came back from before, and what is amiss from the start."""
        if not self._welcomed:
            for notice in self.manager.notices:
                self.tell(display(notice), bad=True)
        health = snapshot.health
        if health.recovered and not self._welcomed:
            items = format.counted(health.recovered, "transfer")
            left = f" ({format.size_long(health.recovered_bytes)} left)" if health.recovered_bytes else ""
            said = f"{items} resumed{left}"
            if snapshot.held:
                said = f"{items} came back{left}, held: {key_of('app.pause-all')} lets go on"
            ways = f"{key_of('app.resumed')}: pause or discard · {key_of('pane.back')} hides this"
            self._greeting = f"{said} · {ways}"
            self.notice.say(self._greeting)
        self._welcomed = True

    def acted(self, action: str) -> None:
        """Something was done: who goes on to other things has read what was said at the start."""
        if self._greeting and action in _doings():
            if self.notice.text == self._greeting:
                self.notice.say("")
            self._greeting = ""

    def tell_unsaved(self, health: Health) -> None:
        """As soon as it is so: that progress is not saved, and where more is told. The last line keeps saying it."""
        if health.state_problem and not self._is_unsaved:
            said = f"Progress is not being saved: {health.state_problem}. Nothing new starts until it can be"
            self.tell(
                display(naming_log(f"{said}; the log file says more" if log_path() else said)), bad=True
            )
        self._is_unsaved = bool(health.state_problem)

    def take_events(self) -> None:
        """Rare facts: notices, and panes that are out of date."""
        finished: list[TransferSnapshot] = []
        failed: list[TransferSnapshot] = []
        asking: list[TransferSnapshot] = []
        kinds = {"finished": finished, "failed": failed, "attention": asking}
        for event in self.manager.drain_events(_EVENTS_AT_ONCE):
            if event.row is not None and event.kind in kinds:
                kinds[event.kind].append(event.row)
            elif event.kind == "refused":
                self._refused(event)
        for row in finished:
            self.mark_stale(row)
        here = self.context is Context.QUEUE
        if failed:
            how = f"{key_of('queue.retry')} tries again"
            how = how if here else f"{key_of('app.queue')}, then {how}"
            self._tell_about(failed, "failed", how, bad=True)
        if asking:
            how = f"{key_of('queue.answer')} answers it"
            how = how if here else f"{key_of('app.queue')}, then {how}"
            self._tell_about(asking, "has a question", how, bad=False)

    def _refused(self, event: Event) -> None:
        self.tell(display(naming_log(event.text) or "The request was refused"), bad=True)

    def _tell_about(self, rows: list[TransferSnapshot], what: str, how: str, *, bad: bool) -> None:
        name = display(name_of(rows[0]))
        others = f" and {len(rows) - 1:,} more" if len(rows) > 1 else ""
        problem = rows[0].problem
        why = f": {display(problem.why)}" if problem is not None else ""
        self.tell(f"{name}{others} {what}{why}. {how}", bad=bad)

    def mark_stale(self, row: TransferSnapshot) -> None:
        """A finished item changed what these panes show."""
        for pane in (self.left, self.right):
            if pane.location is None or pane.model.total > _RELOAD_UP_TO:
                continue
            here = str(pane.location.place)
            for there in (row.target, row.source):
                above, _, name = there.rstrip("/").rpartition("/")
                if (
                    above + "/" == here
                    or (here.startswith(above + "/") and not name)
                    or (there.startswith(here) and pane.model.total <= 200)
                ):
                    self._stale.add(pane)

    def reload_stale(self) -> None:
        """Read again what has new entries, now and then, and never under the user's hands."""
        now = time.monotonic()
        for pane in list(self._stale):
            busy = (
                pane.is_finding
                or pane.is_reading
                or pane.filter_line.is_focused_now
                or pane.list.range_start is not None
            )
            if busy or now < self._reload_from.get(pane, 0.0):
                continue
            self._stale.discard(pane)
            self._reload_from[pane] = now + (_RELOAD_EVERY if pane.model.total <= 1000 else 5 * _RELOAD_EVERY)
            pane.reload()
        for pane in (self.left, self.right):
            pane.refresh_facts()
            if pane.problem is not None and pane.problem.code and pane.problem is not self._logged.get(pane):
                self._logged[pane] = pane.problem
                self.problems.add(pane.problem)
            if pane.problem is not None and pane.problem.code in _HEALS and pane not in self._stale:
                self._stale.add(pane)
                self._reload_from[pane] = now + _HEAL_EVERY
