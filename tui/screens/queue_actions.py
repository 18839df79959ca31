"""What can be done to the queue and its items, and to the speed of the whole."""

from __future__ import annotations

from textual import work

from engine import LocalRef, Location, ObjectRef, TransferSnapshot, TransferState, View
from tui import format, places
from tui.keys import key_of
from tui.limits import parse_limits, step
from tui.safe_text import display, middle
from tui.screens.answer_actions import AnswerActions
from tui.screens.base import ASK
from tui.screens.confirm import ConfirmScreen
from tui.screens.details import TransferDetailsScreen
from tui.screens.prompt import PromptScreen
from tui.widgets.speed_panel import limit_words
from tui.widgets.transfer_rows import name_of

S = TransferState
_WORTH_ASKING = 64 * 1024 * 1024
"""Bytes that cancelling throws away without much regret."""


class QueueActions(AnswerActions):
    """See `tui.keys`, contexts QUEUE and GLOBAL."""

    _last_limit: tuple[int | None, int | None] = (10 * 1024 * 1024, 10 * 1024 * 1024)

    # -- one item ----------------------------------------------------------------------------------

    def action_queue_pause(self) -> None:
        """Pause, or let go on; then go down."""
        item = self.item
        if item is None:
            return
        if item.state is S.PAUSED:
            self.manager.resume(item.id)
        elif item.state.can_pause:
            self.manager.pause(item.id)
        elif item.state is S.FAILED:
            self.tell(f"It failed: {key_of('queue.retry')} tries it again")
            return
        elif item.state is S.ATTENTION:
            self.tell(f"It asks something: {key_of('queue.answer')} answers it")
            return
        self.tick()

    def action_queue_details(self) -> None:
        """Details; of an item that asks, the question."""
        item = self.item
        if item is None:
            return
        if item.state is S.ATTENTION and item.question is not None:
            self.ask_with_both_sides(item)
        else:
            self.app.push_screen(TransferDetailsScreen(self.manager, item.id, self._is_held))

    def _is_held(self) -> bool:
        return self.manager.snapshot(0, 0).held

    @work(group=ASK)
    async def action_queue_cancel(self) -> None:
        """Cancel after asking, where there is something to lose."""
        item = self.item
        if item is None:
            return
        if item.state.is_final:
            self.tell(f"It is over: {key_of('queue.clear')} takes all that is finished off the list")
            return
        name = middle(display(name_of(item)), 40)
        lines = []
        if item.bytes_confirmed:
            lines.append(
                f"{format.size_long(item.bytes_confirmed)} of {format.size_long(item.size)} are done."
            )
        pause = f"; {key_of('queue.pause')} would only pause it" if item.state.can_pause else ""
        lines.append(f"What was moved of it is removed. Esc changes nothing{pause}.")
        confirm = ConfirmScreen(f"Cancel {name}?", lines, confirm_label="Cancel it", danger=True)
        if (item.bytes_done < _WORTH_ASKING and item.state is S.QUEUED) or await self.app.push_screen_wait(
            confirm
        ):
            self.manager.cancel(item.id)
            self.tick()

    def action_queue_retry(self) -> None:
        """Try again now."""
        item = self.item
        if item is None:
            self.tell("Nothing is chosen here")
            return
        if item.state.can_retry and item.state is not S.ATTENTION:
            self.manager.retry(item.id)
            self.tick()
        else:
            self.tell(why_not_retried(item))

    def action_queue_reveal(self) -> None:
        """Show the target in the pane that can."""
        item = self.item
        if item is None:
            return
        remote = item.target.startswith(places.SCHEME)
        if remote:
            bucket, _, key = item.target[len(places.SCHEME) :].partition("/")
            place: LocalRef | ObjectRef = ObjectRef(bucket, key)
        else:
            place = LocalRef(item.target)
        folder = places.parent(place)
        detail = self.manager.detail(item.id)
        connection = next(
            (
                p.connection_id
                for p in self.manager.profiles()
                if detail and p.connection_id == detail.connection
            ),
            self.connection_at_hand(),
        )
        if folder is not None:
            pane = self.right if remote else self.left
            pane.go(Location(folder, connection if remote else None), focus=places.base_name(place))
            self.enter(pane)

    # -- order -------------------------------------------------------------------------------------

    def _move(self, by: int) -> None:
        item = self.item
        if item is not None:
            self.manager.move(item.id, by)
            self.queue.table.put_cursor_on(item.id, self.queue.table.cursor + by)
            self.tick()

    def action_queue_down(self) -> None:
        """One place down."""
        self._move(1)

    def action_queue_up(self) -> None:
        """One place up."""
        self._move(-1)

    def action_queue_top(self) -> None:
        """To the first place."""
        item = self.item
        if item is not None:
            self.manager.move_to_top(item.id)
            self.queue.table.put_cursor_on(item.id, 0)
            self.tick()

    # -- the queue ---------------------------------------------------------------------------------

    def action_queue_retry_failed(self) -> None:
        """All that failed."""
        count = self.manager.retry_failed()
        self.tell(f"{format.counted(count, 'item')} tried again" if count else "Nothing failed")
        self.tick()

    def action_queue_clear(self) -> None:
        """Finished items leave the list; history keeps them."""
        self.manager.clear_finished()
        self.tick()

    @work(group=ASK)
    async def action_queue_cancel_all(self) -> None:
        """Cancel whatever is not finished, after asking."""
        everything = self.manager.snapshot(0, 1_000_000)
        unfinished = [row.id for row in everything.rows if not row.state.is_final]
        if not unfinished:
            self.tell("Nothing is unfinished")
            return
        left = format.size_long(everything.totals.bytes_left)
        lines = [f"{left} are still to be moved.", "What was moved of them is removed; what is done stays."]
        title = f"Cancel {format.counted(len(unfinished), 'unfinished item')}?"
        if await self.app.push_screen_wait(
            ConfirmScreen(title, lines, confirm_label="Cancel them all", danger=True)
        ):
            for id in unfinished:
                self.manager.cancel(id)
            self.tick()

    def action_queue_find(self) -> None:
        """Type a part of a name."""
        self.queue.find_line.open()

    def action_queue_view_all(self) -> None:
        """Tab 1."""
        self.queue.show(View.ALL)

    def action_queue_view_active(self) -> None:
        """Tab 2."""
        self.queue.show(View.ACTIVE)

    def action_queue_view_waiting(self) -> None:
        """Tab 3."""
        self.queue.show(View.WAITING)

    def action_queue_view_asking(self) -> None:
        """Tab 4."""
        self.queue.show(View.ASKING)

    def action_queue_view_failed(self) -> None:
        """Tab 5."""
        self.queue.show(View.FAILED)

    def action_queue_view_done(self) -> None:
        """Tab 6."""
        self.queue.show(View.DONE)

    def action_queue_back(self) -> None:
        """To the panes, or out of what narrows the view."""
        if not self.queue.escape():
            self.enter(self.pane)

    def action_toggle_queue(self) -> None:
        """To the queue and back."""
        if self.queue.has_focus_within:
            self.enter(self.pane)
        else:
            self.set_focus(self.queue.table)

    def action_pause_all(self) -> None:
        """Hold the queue, or end the hold."""
        if self.manager.snapshot(0, 0).held:
            self.manager.resume_all()
        else:
            self.manager.pause_all()
        self.tick()

    # -- speed -------------------------------------------------------------------------------------

    def _limits(self) -> tuple[int | None, int | None]:
        snapshot = self.manager.snapshot(0, 0)
        return snapshot.upload_limit, snapshot.download_limit

    def _set_limits(self, upload: int | None, download: int | None) -> None:
        before = self._limits()
        if before != (None, None):
            self._last_limit = before
        self.manager.set_limits(upload, download)
        self.pace_file.set_limits(upload, download)
        self.tick()

    def action_limit_down(self) -> None:
        """One step slower."""
        upload, download = self._limits()
        self._set_limits(step(upload, -1), step(download, -1))

    def action_limit_up(self) -> None:
        """One step faster; beyond the last step there is no limit."""
        upload, download = self._limits()
        self._set_limits(step(upload, 1), step(download, 1))

    def action_limit_toggle(self) -> None:
        """Off, or as it last was."""
        self._set_limits(*((None, None) if self._limits() != (None, None) else self._last_limit))

    @work(group=ASK)
    async def action_limit_set(self) -> None:
        """Type it."""
        title = f"Rate limit, now {limit_words(*self._limits())}"
        typed = await self.app.push_screen_wait(
            PromptScreen(title, placeholder="10M, up:down as 5M:20M, or off", check=_not_a_limit)
        )
        if typed is not None:
            self._set_limits(*parse_limits(typed))

    def action_workers_down(self) -> None:
        """Fewer parts at a time."""
        self._set_workers(-1)

    def action_workers_up(self) -> None:
        """More parts at a time."""
        self._set_workers(1)

    def _set_workers(self, by: int) -> None:
        count = self.manager.snapshot(0, 0).workers
        self.manager.set_workers(count + by * (1 if min(count, count + by) < 16 else 4))
        self.pace_file.set_workers(self.manager.snapshot(0, 0).workers)
        self.tick()


def _not_a_limit(text: str) -> str:
    """What is wrong with a limit that was typed, or nothing."""
    try:
        parse_limits(text)
    except ValueError as error:
        return str(error)
    return ""


def why_not_retried(item: TransferSnapshot) -> str:
    """What to say to who wants to try again what cannot be, and what to do instead."""
    match item.state:
        case S.ATTENTION:
            return f"It asks something: {key_of('queue.answer')} answers it"
        case S.PAUSED:
            return f"It is paused: {key_of('queue.pause')} lets it go on"
        case S.CANCELLED:
            return f"It was cancelled, and is over: queue it again from a pane ({key_of('pane.copy')})"
        case S.DONE:
            return "It is done"
        case S.QUEUED:
            return "It waits for its turn, and begins by itself"
    return "It is under way"
