"""How the screen is divided: the lines between its parts, one part alone, one pane where there is no room for two."""

from __future__ import annotations

from textual import events
from textual.widget import Widget

from tui import keys
from tui.layout import ONE_PANE_BELOW, Layout
from tui.safe_text import width
from tui.screens.base import MainBase
from tui.widgets.pane_text import title
from tui.widgets.whole_line import whole_item, whole_name

_FIXED_LINES = 2
"""Totals and keys, where they have a line each."""


class LayoutActions(MainBase):
    """Part of the main screen."""

    _alone = False
    """Only what has the keys is shown."""

    def divide(self) -> None:
        """Give each part its room. Cheap: nothing is laid out anew unless something changed."""
        in_queue = self.queue.has_focus_within
        single = self.one_pane
        self.set_class(self._alone, "-alone")
        self.set_class(in_queue, "-in-queue")
        self.query_one("#panes").set_class(self._alone and in_queue, "-gone")
        self.queue.set_class(self._alone and not in_queue, "-gone")
        for pane in (self.left, self.right):
            pane.set_class(single and pane is not self.pane, "-gone")
        split = self.layout_file.layout.split
        self.left.styles.width, self.right.styles.width = f"{split}fr", f"{100 - split}fr"
        self.queue.styles.height = None if self._alone else self._division.queue_in(self._room)
        self.say_elsewhere()

    @property
    def one_pane(self) -> bool:
        """Only one of the panes is shown, if any."""
        return self._alone or self.size.width < ONE_PANE_BELOW

    @property
    def _division(self) -> Layout:
        return self.layout_file.layout

    @property
    def _room(self) -> int:
        """Lines for panes and queue."""
        others = (self.notice, self.elsewhere, self.compare_line)
        return self.size.height - _FIXED_LINES - sum(w.outer_size.height for w in others if w.display)

    def set_focus(
        self, widget: Widget | None, scroll_visible: bool = True, from_app_focus: bool = False
    ) -> None:
        """Whatever gets the keys is shown."""
        super().set_focus(widget, scroll_visible, from_app_focus)
        if self.is_mounted:
            self.divide()

    def on_resize(self) -> None:
        """Room for two panes, or for one."""
        self.divide()

    def on_click(self, event: events.Click) -> None:
        """A click on a frame is meant for what it surrounds."""
        for pane in (self.left, self.right):
            if event.widget is pane:
                self.enter(pane)
        if event.widget is self.queue:
            self.set_focus(self.queue.table)

    # -- what is not shown -------------------------------------------------------------------------

    def say_elsewhere(self) -> None:
        """Name what is not shown, and the key that shows it."""
        self.elsewhere.say(self._elsewhere() if self.one_pane else [])

    def _elsewhere(self) -> list[str]:
        said = []
        room = self.size.width - 2
        if self._alone:
            said.append(f"{keys.key_of('app.alone')} shows all again")
            room -= width(said[0]) + 3
        if self.queue.has_focus_within and self._alone:
            return [*said, f"{keys.key_of('queue.back')} panes"]
        lead = f"{keys.key_of('pane.other')} other pane: " if not said else f"{keys.key_of('pane.other')}: "
        said.append(lead + self._place_of_other(room - width(lead)))
        return said

    def _place_of_other(self, cells: int) -> str:
        location = self.other.location
        if location is None:
            return "the other pane"
        where, extra = title(location, self.profile_of(location), cells)
        return where + extra

    # -- what a row had no room for ----------------------------------------------------------------

    def say_whole(self) -> None:
        """The name, or the reason, that the row under the cursor cuts."""
        cells, listed = self.size.width, self.pane.list
        if self.queue.has_focus_within:
            self.whole.say(whole_item(self.queue.table), cells)
        else:
            pane, above = self.pane, listed.cursor - listed.top
            below = listed.page - 1 - above - pane.filter_line.is_open
            taken = pane.filter_line.is_open or pane.is_reading or pane.model.marked_count > 0
            self.whole.say(whole_name(listed), cells, rows=(above, below), is_edge_taken=taken)

    # -- keys --------------------------------------------------------------------------------------

    def action_alone(self) -> None:
        """Only what has the keys, or everything again."""
        self._alone = not self._alone
        self.divide()

    def action_split_left(self) -> None:
        """The line between the panes to the left."""
        self._split(-1)

    def action_split_right(self) -> None:
        """The line between the panes to the right."""
        self._split(1)

    def _split(self, by: int) -> None:
        if self.one_pane:
            self.tell("One pane is shown: there is no line between two")
            return
        self.layout_file.layout = self._division.with_split(by)
        self.divide()

    def action_queue_taller(self) -> None:
        """A line more for the queue."""
        self._queue_lines(1)

    def action_queue_shorter(self) -> None:
        """A line less for the queue."""
        self._queue_lines(-1)

    def _queue_lines(self, by: int) -> None:
        if self._alone:
            self.tell(f"{keys.key_of('app.alone')} shows panes and queue first")
            return
        shown = self._division.queue_in(self._room) or self.queue.outer_size.height
        self.layout_file.layout = self._division.with_queue(by, shown, self._room)
        self.divide()

    def action_show_elsewhere(self) -> None:
        """A click on the line that names what is not shown."""
        if self._alone:
            self.action_alone()
        else:
            self.enter(self.other)
