"""The main screen: two panes, the queue, the totals, the keys; and the tick that keeps them true.

Four times a second the queue is looked at: one snapshot, compared with what is on the screen; where
nothing changed nothing is drawn. Actions are in the parts this class is made of.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import ClassVar

from textual import events, work
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.reactive import Reactive
from textual.widget import Widget

from engine import (
    Event,
    Health,
    LocalRef,
    Location,
    ObjectRef,
    TransferSnapshot,
    TransferState,
)
from tui import commands, format, keys, places
from tui.keys import Context, KeyAction
from tui.ports import ManagerPort
from tui.safe_text import display
from tui.screens.base import ASK
from tui.screens.browse_actions import BrowseActions
from tui.screens.confirm import QuitScreen
from tui.screens.exposure import ExposureActions
from tui.screens.file_actions import FileActions
from tui.screens.help import HelpScreen
from tui.screens.object_actions import ObjectActions
from tui.screens.place_actions import SAVE_EVERY, PlaceActions
from tui.screens.queue_actions import QueueActions
from tui.widgets.file_pane import FilePane
from tui.widgets.filter_line import FilterLine
from tui.widgets.key_bar import Hint
from tui.widgets.line_table import LineTable
from tui.widgets.transfer_rows import name_of

S = TransferState
TICK = 0.25
"""Seconds between looks at the queue."""
_RELOAD_AFTER = 0.5
_RELOAD_EVERY = 2.0
"""Seconds between two readings of a pane by itself; five times that where it has several pages."""
_HEALS = frozenset(("offline", "connection-lost", "request-timeout", "stalled", "slow-down", "credentials"))
_HEAL_EVERY = 5.0
"""Seconds between two tries of a pane that could not be read for a reason that may go away."""
_RELOAD_UP_TO = 20_000
"""Rows up to which a pane is read again by itself when something arrived in it."""
_EVENTS_AT_ONCE = 100
_ASKING = frozenset(
    [
        "pane_goto",
        "pane_bookmarks",
        "pane_profile",
        "pane_select",
        "pane_unselect",
        "pane_sort",
        "pane_info",
        "pane_link",
        "pane_preview",
        "pane_move",
        "pane_delete",
        "pane_rename",
        "pane_new_folder",
        "queue_answer",
        "queue_cancel",
        "limit_set",
        "help",
    ]
)
"""Actions that ask the user, or wait for an answer to show."""

_FILTER_HINTS = (
    Hint("Enter", "Keep the filter", 1),
    Hint("Esc", "Show all", 2),
    Hint("↑ ↓", "Move", 3),
    Hint("*.tar", "Pattern", 4),
)


class MainScreen(ObjectActions, BrowseActions, FileActions, QueueActions, ExposureActions, PlaceActions):
    """See the module."""

    CSS_PATH = "main.tcss"
    BINDINGS = keys.bindings(Context.GLOBAL)
    COMMANDS: ClassVar[set[Callable[[], type]]] = {  # type: ignore[assignment]
        lambda: commands.ActionCommands,
        lambda: commands.PlaceCommands,
    }
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (110, "-wide")]  # noqa: RUF012  as Textual declares it
    VERTICAL_BREAKPOINTS = [(0, "-tiny"), (18, "-short"), (34, "-tall")]  # noqa: RUF012  as Textual declares it
    AUTO_FOCUS = ""
    ALLOW_SELECT = False
    focused = Reactive[Widget | None](None, repaint=False)
    """As Textual has it, but a change draws the two lists concerned and not the whole screen."""

    def __init__(
        self,
        manager: ManagerPort,
        left: Location | None,
        right: Location | None,
        **options: object,
    ) -> None:
        super().__init__(manager, **options)  # type: ignore[arg-type]
        self._start = left, right
        self._stale: set[FilePane] = set()
        self._reload_from: dict[FilePane, float] = {}
        """Monotonic time before which a pane is not read again by itself."""
        self._welcomed = False

    def compose(self) -> ComposeResult:
        """The layout of the design."""
        yield self.notice
        with Horizontal(id="panes"):
            yield self.left
            yield self.right
        yield self.queue
        yield self.totals
        yield self.key_bar

    def on_mount(self) -> None:
        """Open both places and begin to look."""
        self.enter(self.left)
        self.left.go(self._start[0])
        self.right.go(self._start[1])
        self.set_interval(TICK, self.tick)
        self.set_interval(_RELOAD_AFTER, self._reload_stale)
        self.set_interval(SAVE_EVERY, self.save_places)
        self.call_after_refresh(self.tick)

    # -- the tick ----------------------------------------------------------------------------------

    def tick(self) -> None:
        """Look at the queue; draw what changed."""
        snapshot = self.queue.tick()
        self.totals.show(snapshot, self.manager.speed_history())
        if not self._welcomed:
            self._welcomed = True
            self._welcome(snapshot.health)
        self._take_events()
        self.ask_about_exposure()
        self.note_places()
        self._show_keys()

    def _welcome(self, health: Health) -> None:
        if health.recovered:
            items = format.counted(health.recovered, "unfinished item")
            left = f" ({format.size_long(health.recovered_bytes)} left)" if health.recovered_bytes else ""
            verb = "goes" if health.recovered == 1 else "go"
            self.notice.say(
                f"{items} came back{left} and {verb} on · P pauses all · w shows them, X there cancels all · Esc hides this"
            )

    def _take_events(self) -> None:
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
            self._mark_stale(row)
        here = self.context is Context.QUEUE
        if failed:
            how = "r tries again" if here else "w shows it; r tries again"
            self._tell_about(failed, "failed", how, bad=True)
        if asking:
            how = "Enter answers it" if here else "w, then Enter answers it"
            self._tell_about(asking, "has a question", how, bad=False)

    def _refused(self, event: Event) -> None:
        self.tell(display(event.text or "The request was refused"), bad=True)

    def _tell_about(self, rows: list[TransferSnapshot], what: str, how: str, *, bad: bool) -> None:
        name = display(name_of(rows[0]))
        others = f" and {len(rows) - 1:,} more" if len(rows) > 1 else ""
        problem = rows[0].problem
        why = f": {display(problem.why)}" if problem is not None else ""
        self.tell(f"{name}{others} {what}{why}. {how}", bad=bad)

    def _mark_stale(self, row: TransferSnapshot) -> None:
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

    def _reload_stale(self) -> None:
        """Read again what has new entries, now and then, and never under the user's hands."""
        now = time.monotonic()
        for pane in list(self._stale):
            busy = pane.is_reading or pane.filter_line.is_focused_now or pane.list.range_start is not None
            if busy or now < self._reload_from.get(pane, 0.0):
                continue
            self._stale.discard(pane)
            self._reload_from[pane] = now + (_RELOAD_EVERY if pane.model.total <= 1000 else 5 * _RELOAD_EVERY)
            pane.reload()
        for pane in (self.left, self.right):
            pane.refresh_facts()
            if pane.problem is not None and pane.problem.code in _HEALS and pane not in self._stale:
                self._stale.add(pane)
                self._reload_from[pane] = now + _HEAL_EVERY

    # -- focus and keys ----------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """One question at a time, however fast the keys come."""
        if action in _ASKING and any(
            worker.node is self and worker.group == ASK and not worker.is_finished for worker in self.workers
        ):
            return False
        return super().check_action(action, parameters)

    def on_key(self, event: events.Key) -> None:
        """Characters typed right after the key that opened a filter belong into it."""
        if isinstance(self.focused, FilterLine):
            self.focused.type_late(event)

    def on_descendant_focus(self) -> None:
        """Remember which pane is meant."""
        for pane in (self.left, self.right):
            if pane.has_focus_within:
                self.choose(pane)
        self._show_keys()

    def on_file_pane_changed(self) -> None:
        """Marks change what the keys mean."""
        self._show_keys()

    def on_line_table_cursor_moved(self, event: LineTable.CursorMoved) -> None:
        """Another item may allow other things."""
        self._show_keys()

    def on_line_table_opened(self, event: LineTable.Opened) -> None:
        """A double click is Enter."""
        if event.table is self.queue.table:
            self.action_queue_details()
        else:
            self.action_pane_open()

    @property
    def context(self) -> Context:
        """Where keys go now."""
        return Context.QUEUE if self.queue.has_focus_within else Context.PANES

    def _show_keys(self) -> None:
        if isinstance(self.focused, FilterLine):
            self.key_bar.show(_FILTER_HINTS)
        else:
            self.key_bar.show_context(self.context, self._label)

    def _label(self, entry: KeyAction) -> str | None:
        """What a key means right now; ``None`` if nothing."""
        if entry.context is Context.QUEUE:
            return self._queue_label(entry)
        if entry.id in ("pane.copy", "pane.move"):
            arrow = "→" if self.pane is self.left else "←"
            count = self.pane.model.marked_count
            return f"{entry.label} {count:,} {arrow}" if count else f"{entry.label} {arrow}"
        if entry.id == "app.queue" and self.context is Context.QUEUE:
            return None
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
                return entry.label if item is not None and item.state.can_retry else None
            case "queue.cancel":
                return None if item is None or item.state.is_final else entry.label
            case "queue.top":
                return entry.label if item is not None and not item.state.is_final else None
            case "queue.retry-failed":
                return entry.label if counts.get(S.FAILED) else None
            case "queue.clear":
                return entry.label if counts.get(S.DONE) or counts.get(S.CANCELLED) else None
        return entry.label

    def action_queue_back(self) -> None:
        """Out of what narrows the view, the notice, or the queue."""
        if not self.hide_notice():
            super().action_queue_back()

    # -- help and end ------------------------------------------------------------------------------

    @work(group=ASK)
    async def action_help(self) -> None:
        """Every key that works here; choosing one does it."""
        chosen = await self.app.push_screen_wait(HelpScreen(self.context))
        if chosen is not None:
            await commands.run_entry(self, chosen)

    @work(exclusive=True, group="quit")
    async def action_quit_program(self) -> None:
        """Leave; ask while something is moving."""
        totals = self.manager.snapshot(0, 0).totals
        running = totals.count(S.RUNNING, S.FINISHING)
        if running and await self.app.push_screen_wait(QuitScreen(running)) != "quit":
            return
        self.notice.say("Saving…")
        self.app.exit(return_code=0)

    def known_places(self) -> list[tuple[str, Callable[[], object]]]:
        """For the palette: the profiles, what the panes show, and home."""
        found: list[tuple[str, Callable[[], object]]] = []

        def going(location: Location) -> Callable[[], object]:
            return lambda: self.pane.go(location)

        for profile in self.manager.profiles():
            found.append((f"profile {profile.name}", going(Location(ObjectRef(""), profile.connection_id))))
            for pane in (self.left, self.right):
                if pane.location is None or not places.is_bucket_list(pane.location.place):
                    continue
                for name in pane.model.names[:200]:
                    found.append(
                        (f"bucket {name}", going(Location(ObjectRef(name), pane.location.connection)))
                    )
        for location in (*self.book.bookmarks, *self.book.recent):
            if self.reaches(location):
                found.append((places.address(location), going(location)))
        home = places.parse("~", None, None)
        if home is not None:
            found.append(("home folder", going(home)))
        found.append(("root folder", going(Location(LocalRef("/")))))
        return found
