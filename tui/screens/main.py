"""The main screen: two panes, the queue, the totals, the keys; and the tick that keeps them true.

Four times a second the queue is looked at: one snapshot, compared with what is on the screen; where
nothing changed nothing is drawn. Actions are in the parts this class is made of.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual import events, work
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.reactive import Reactive
from textual.widget import Widget

from engine import Location, TransferState
from tui import commands, keys
from tui.keys import Context
from tui.ports import ManagerPort
from tui.screens.base import ASK
from tui.screens.browse_actions import BrowseActions
from tui.screens.bucket_actions import BucketActions
from tui.screens.compare_actions import CompareActions
from tui.screens.confirm import QuitScreen
from tui.screens.exposure import ExposureActions
from tui.screens.file_actions import FileActions
from tui.screens.find_actions import FindActions
from tui.screens.help import HelpScreen
from tui.screens.item_limit_actions import ItemLimitActions
from tui.screens.layout_actions import LayoutActions
from tui.screens.link_actions import LinkActions
from tui.screens.object_actions import ObjectActions
from tui.screens.place_actions import SAVE_EVERY, PlaceActions
from tui.screens.problems import ProblemActions
from tui.screens.profile_actions import ProfileActions
from tui.screens.property_actions import PropertyActions
from tui.screens.schedule_actions import ScheduleActions
from tui.screens.settings_actions import SettingsActions
from tui.screens.tidings import RELOAD_AFTER
from tui.screens.undo_actions import UndoActions
from tui.screens.upload_actions import UploadActions
from tui.widgets.filter_line import FilterLine
from tui.widgets.line_table import LineTable

S = TransferState
TICK = 0.25
"""Seconds between looks at the queue."""
_ASKING = frozenset(
    [
        "pane_goto",
        "pane_bookmarks",
        "pane_profile",
        "pane_select",
        "pane_unselect",
        "pane_sort",
        "pane_link",
        "pane_preview",
        "pane_properties",
        "pane_versions",
        "pane_copy",
        "pane_move",
        "pane_compare",
        "pane_delete",
        "pane_find",
        "pane_rename",
        "pane_new_folder",
        "queue_answer",
        "queue_cancel",
        "queue_limit",
        "limit_set",
        "settings",
        "theme",
        "help",
        "problems",
    ]
)
"""Actions that ask the user, or wait for an answer to show."""


class MainScreen(
    CompareActions,
    ObjectActions,
    LinkActions,
    PropertyActions,
    BrowseActions,
    BucketActions,
    FileActions,
    FindActions,
    ItemLimitActions,
    ProblemActions,
    ExposureActions,
    PlaceActions,
    LayoutActions,
    ProfileActions,
    ScheduleActions,
    SettingsActions,
    UploadActions,
    UndoActions,
):
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
        left: Location | None = None,
        right: Location | None = None,
        **options: object,
    ) -> None:
        super().__init__(manager, **options)
        self._start = left, right

    def compose(self) -> ComposeResult:
        """The layout of the design."""
        yield self.notice
        with Horizontal(id="panes"):
            yield self.left
            yield self.right
            yield self.whole
        yield self.compare_line
        yield self.elsewhere
        yield self.queue
        yield self.totals
        yield self.key_bar

    def on_mount(self) -> None:
        """Open both places and begin to look."""
        self.enter(self.left)
        self.left.go(self._start[0])
        self.right.go(self._start[1])
        self.set_interval(TICK, self.tick)
        self.set_interval(RELOAD_AFTER, self.reload_stale)
        self.set_interval(SAVE_EVERY, self.save_places)
        self.call_after_refresh(self.tick)

    # -- the tick ----------------------------------------------------------------------------------

    def tick(self) -> None:
        """Look at the queue; draw what changed."""
        self.follow_schedule()
        snapshot = self.queue.tick()
        self.totals.show(snapshot, self.manager.speed_history())
        self.welcome(snapshot)
        self.tell_unsaved(snapshot.health)
        self.take_events()
        self.ask_about_exposure()
        self.note_places()
        self.say_elsewhere()
        self.say_whole()
        self.show_keys()

    # -- focus and keys ----------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """One question at a time, however fast the keys come."""
        if action in _ASKING and any(
            worker.node is self and worker.group == ASK and not worker.is_finished for worker in self.workers
        ):
            return False
        return super().check_action(action, parameters)

    def type_late(self, event: events.Key) -> None:
        """Keys that nothing took and that were typed right after the one that opened a filter belong into it."""
        if self.is_current and isinstance(self.focused, FilterLine):
            self.focused.type_late(event)

    def on_descendant_focus(self) -> None:
        """Remember which pane is meant."""
        for pane in (self.left, self.right):
            if pane.has_focus_within:
                self.choose(pane)
        self.show_keys()

    def on_file_pane_changed(self) -> None:
        """Marks change what the keys mean."""
        self.show_keys()

    def on_line_table_cursor_moved(self, event: LineTable.CursorMoved) -> None:
        """Another item may allow other things."""
        self.say_whole()
        self.show_keys()

    def on_line_table_opened(self, event: LineTable.Opened) -> None:
        """A double click is Enter."""
        if event.table is self.queue.table:
            self.action_queue_details()
        else:
            self.action_pane_open()

    def action_queue_back(self) -> None:
        """Out of what narrows the view, the notice, or the queue."""
        if not self.hide_notice():
            super().action_queue_back()

    def on_screen_suspend(self) -> None:
        """What was told on the main screen does not stand below, or over, what opens now; `!` keeps what went wrong."""
        self.app.clear_notifications()
        for holder in self.query("ToastHolder"):
            holder.remove()

    # -- help and end ------------------------------------------------------------------------------

    @work(group=ASK)
    async def action_help(self) -> None:
        """Every key that works here; choosing one does it."""
        chosen = await self.app.push_screen_wait(HelpScreen(self.context, self.meaning, self.denied))
        if chosen is not None:
            # This worker counts as a question until it has ended, and a question would be refused beside it.
            self.call_later(commands.run_entry, self, chosen)

    @work(exclusive=True, group="quit")
    async def action_quit_program(self) -> None:
        """Leave; ask while something is moving."""
        totals = self.manager.snapshot(0, 0).totals
        running = totals.count(S.RUNNING, S.FINISHING)
        if (
            running
            and await self.app.push_screen_wait(QuitScreen(running, is_passing=self.is_passing)) != "quit"
        ):
            return
        self.notice.say("Saving…")
        self.app.exit(return_code=0)
