"""Walking, marking and looking: the actions of the panes that change nothing but the view."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from textual import work

from engine import ConnectionId, Location
from tui import format, places
from tui.safe_text import display
from tui.screens.base import ASK, MainBase
from tui.screens.chooser import ChooserScreen
from tui.screens.copied import CopiedScreen
from tui.screens.object_details import ObjectDetailsScreen
from tui.screens.prompt import PromptScreen
from tui.widgets.pane_order import SortKey

_ORDERS = (
    ("name", "Name", SortKey.NAME, False),
    ("name-down", "Name, Z to A", SortKey.NAME, True),
    ("size-down", "Size, largest first", SortKey.SIZE, True),
    ("size", "Size, smallest first", SortKey.SIZE, False),
    ("date-down", "Date, newest first", SortKey.DATE, True),
    ("date", "Date, oldest first", SortKey.DATE, False),
)


class BrowseActions(MainBase):
    """See `tui.keys`, context PANES."""

    # -- places ------------------------------------------------------------------------------------

    def action_pane_open(self) -> None:
        """Open the folder; look into a file."""
        if not self.pane.open_current():
            self.look_inside()

    def action_pane_parent(self) -> None:
        """Up."""
        self.pane.go_up()

    def action_pane_other(self) -> None:
        """Across."""
        self.enter(self.other)

    @work(group=ASK)
    async def action_pane_goto(self) -> None:
        """Type where to go."""
        pane, connection = self.pane, self.connection_at_hand()
        here = places.address(pane.location) if pane.location else ""
        if here and not here.endswith("/"):
            here += "/"
        typed = await self.app.push_screen_wait(
            PromptScreen(
                "Go to a path or s3:// address",
                value=here,
                placeholder="~/data or s3://bucket/prefix",
                completer=lambda text: self._complete(text, connection, pane.location),
                check=lambda text: self._not_a_place(text, pane.location, connection),
            )
        )
        if typed is None:
            return
        location = places.parse(typed, pane.location, connection)
        if location is not None:
            pane.go(location)

    def _not_a_place(self, text: str, here: Location | None, connection: ConnectionId | None) -> str:
        """What is wrong with an address that was typed, or nothing."""
        if not text.strip() or places.parse(text, here, connection) is not None:
            return ""
        if connection is None and text.strip().lower().startswith(places.SCHEME):
            return "No profile reaches s3:// yet: start with --profile or --endpoint-url"
        return "Write /a/path, ~/a/path or s3://bucket/prefix"

    def _complete(
        self, text: str, connection: ConnectionId | None, here: Location | None
    ) -> Callable[[], Sequence[str] | None]:
        """Begin to look how a typed place may go on; what is returned is polled."""
        browser = self.manager.browser
        if text.lower().startswith(places.SCHEME) and connection is None:
            return lambda: ()
        token = browser.complete(text, connection, here)

        def poll() -> Sequence[str] | None:
            answer = browser.answer(token)
            if not answer.done:
                return None
            return answer.value if isinstance(answer.value, tuple) else ()

        return poll

    def action_pane_same(self) -> None:
        """The other pane shows this place too."""
        if self.pane.location is not None:
            self.other.go(self.pane.location)

    def action_pane_swap(self) -> None:
        """Each pane shows the other's place."""
        mine, theirs = self.pane.location, self.other.location
        self.pane.go(theirs)
        self.other.go(mine)

    def action_pane_refresh(self) -> None:
        """Read it again."""
        self.pane.reload()

    def action_pane_hidden(self) -> None:
        """Names with a dot in front."""
        self.pane.show_hidden = not self.pane.show_hidden
        self.pane.reload()
        self.tell("Hidden names are shown" if self.pane.show_hidden else "Hidden names are not shown")

    def action_pane_back(self) -> None:
        """One step back from whatever narrows or waits."""
        if not self.give_up() and not self.hide_notice():
            self.pane.escape()

    def hide_notice(self) -> bool:
        """Esc hides the notice line; false if there was none."""
        shown = bool(self.notice.display)
        if shown:
            self.notice.say("")
        return shown

    # -- marks -------------------------------------------------------------------------------------

    def action_pane_mark(self) -> None:
        """Mark and go down."""
        self.pane.toggle_mark()

    def action_pane_range(self) -> None:
        """Begin or end a range."""
        self.pane.toggle_range()

    def action_pane_mark_all(self) -> None:
        """All that is shown."""
        self.pane.model.mark_all()
        self.pane.marks_changed()

    def action_pane_mark_none(self) -> None:
        """None at all."""
        self.pane.model.mark_none()
        self.pane.marks_changed()

    def action_pane_invert(self) -> None:
        """The other way round."""
        self.pane.model.invert()
        self.pane.marks_changed()

    def action_pane_select(self) -> None:
        """By pattern."""
        self._by_pattern(on=True)

    def action_pane_unselect(self) -> None:
        """By pattern."""
        self._by_pattern(on=False)

    @work(group=ASK)
    async def _by_pattern(self, *, on: bool) -> None:
        pane = self.pane
        title = "Mark names like" if on else "Take the mark off names like"
        typed = await self.app.push_screen_wait(PromptScreen(title, value="*", placeholder="*.tar"))
        if typed:
            found = pane.model.mark_pattern(typed, on)
            pane.marks_changed()
            if not found:
                self.tell(f"No name is like {display(typed)}")

    # -- view --------------------------------------------------------------------------------------

    def action_pane_filter(self) -> None:
        """Type a filter."""
        self.pane.filter_line.open()

    @work(group=ASK)
    async def action_pane_sort(self) -> None:
        """Choose an order."""
        pane = self.pane
        options = [(key, label) for key, label, _, _ in _ORDERS]
        chosen = await self.app.push_screen_wait(ChooserScreen("Sort by", options))
        for key, _, sort, descending in _ORDERS:
            if key == chosen:
                pane.set_sort(sort, descending=descending)

    def action_pane_info(self) -> None:
        """All that is known of one row; on ``..`` of the place that is shown."""
        pane = self.pane
        row = pane.list.current
        if pane.location is None:
            return
        place = pane.place_of(row) if row is not None else pane.location.place
        if places.is_bucket_list(place):
            self.tell("Put the cursor on a bucket: the list of buckets has no details")
            return
        name = row.name if row is not None else places.base_name(place)
        pairs = [("Name", name), ("Address", str(place))]
        if row is None or row.is_folder:
            pairs.append(("Kind", "bucket" if places.is_bucket(place) else "folder"))
        else:
            pairs.append(("Size", format.size_exact(row.size) if row.size >= 0 else format.UNKNOWN))
        if row is not None and row.mtime:
            pairs.append(("Made" if places.is_bucket(place) else "Changed", format.date_long(row.mtime)))
        location = Location(place, pane.location.connection)
        self.app.push_screen(ObjectDetailsScreen(self.manager.browser, location, name, pairs))

    def action_pane_yank(self) -> None:
        """The address to the clipboard of the terminal (OSC 52), made safe."""
        pane = self.pane
        row = pane.list.current
        if pane.location is None:
            return
        place = pane.place_of(row) if row is not None else pane.location.place
        self.app.push_screen(CopiedScreen(display(str(place)), "The address, as text:"))
