"""What a copy would do, before it is asked for: class by class, with a decision for each, then item by item."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from engine import (
    Answer,
    EngineSnapshot,
    LocalRef,
    Location,
    Plan,
    PlanChoice,
    PlanClass,
    PlanTally,
    Token,
    TransferRequest,
)
from tui import format, plan_words
from tui.plan_words import WORDS, Way
from tui.ports import BrowserPort
from tui.safe_text import display, path_tail
from tui.screens.confirm import ConfirmScreen
from tui.screens.dialog import ClosesOnce
from tui.screens.key_sheets import plan_keys
from tui.screens.versioning import look_for_versioning
from tui.undo import promise
from tui.widgets.key_bar import Hint, KeyBar
from tui.widgets.line_table import LineTable
from tui.widgets.plan_classes import PlanClasses
from tui.widgets.plan_rows import PlanRows

C = PlanClass
_POLL = 0.1
"""Seconds between two looks while the plan grows."""
_MOST_CLASS_LINES = 9


class PlanScreen(ClosesOnce[tuple[Plan, PlanChoice]]):
    """Fills while it is looked at. The result is the plan and what was chosen of it; ``None`` after Esc.

    Args:
        asked: Asks the browser for the plan.
        title: What is done, raw: ``Copy 3 items``.
        snapshot: The queue now, for speed and limits.
        sync: Show what is only at the target too, to be deleted where it is ticked.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("question_mark,f1", "help", show=False),
        Binding("escape,q", "close", show=False),
        Binding("backspace,h,left", "classes", show=False),
        Binding("enter", "start", show=False),
        Binding("tab", "across", show=False),
        Binding("right,l", "rows", show=False),
        Binding("space", "turn", show=False),
        Binding("a", "all(True)", show=False),
        Binding("A", "all(False)", show=False),
        *(Binding(key, f"decide('{key}')", show=False) for key in "cdenorsx"),
    ]
    CSS_PATH = "plan.tcss"
    AUTO_FOCUS = ""
    VERTICAL_BREAKPOINTS = [(0, "-short"), (22, "-roomy")]  # noqa: RUF012  as Textual declares it

    def __init__(
        self,
        browser: BrowserPort,
        request: TransferRequest,
        title: str,
        snapshot: Callable[[], EngineSnapshot],
        *,
        sync: bool = False,
        now: Callable[[], float] = time.time,
    ) -> None:
        super().__init__()
        self._browser, self._request, self._what = browser, request, title
        self._snapshot, self._sync = snapshot, sync
        self._move = request.options.move
        self._choice = plan_words.first_choice(request, sync=sync)
        self._groups = PlanClasses(move=self._move, sync=sync)
        self._items = PlanRows(now=now)
        self._facts = Static("", markup=False, id="facts")
        self._sums = Static("", markup=False, id="sums")
        self._keys = KeyBar()
        self._token: Token | None = None
        self._plan: Plan | None = None
        self._answer: Answer | None = None
        self._tally: PlanTally | None = None
        self._versioning = ""
        """Of the bucket that things are deleted from, as `promise` takes it."""

    def compose(self) -> ComposeResult:
        """The classes above, the sums, the items of the class under the cursor below."""
        with Vertical(id="frame") as frame:
            yield self._facts
            yield self._groups
            yield self._sums
        yield self._items
        yield self._keys
        frame.border_title = self._title()

    def _title(self) -> Content:
        target = display(str(self._request.target))
        head = f"{display(self._what)} → "
        return Content.assemble((head, "bold"), (path_tail(target, max(74 - len(head), 12)), "not bold"))

    def on_mount(self) -> None:
        """Begin to look."""
        self._groups.focus()
        self._token = self._browser.plan_ahead(self._request, extras=self._sync)
        if self._sync:
            self._look_for_versions()
        self._poll()

    @work
    async def _look_for_versions(self) -> None:
        asked = self._request
        target = Location(asked.target, asked.target_connection or asked.connection)

        def tell(versioning: str) -> None:
            self._versioning = versioning

        await look_for_versioning(self._browser, target, tell, lambda: not self._is_answered)

    def on_unmount(self) -> None:
        """Whatever is still being looked at is of no use any more."""
        if self._token is not None:
            self._browser.cancel(self._token)

    # -- the plan as it grows ----------------------------------------------------------------------

    def _poll(self) -> None:
        if self._token is None or self._is_answered:
            return
        self._answer = answer = self._browser.answer(self._token)
        if isinstance(answer.value, Plan):
            self._plan = answer.value
        self._show()
        if not answer.done:
            self.set_timer(_POLL, self._poll)

    @property
    def _may_start(self) -> bool:
        """All that would be moved is known, or too much to be known one by one."""
        return self._tally is not None and (self._tally.scanned or self._tally.is_too_long)

    @property
    def _has_work(self) -> bool:
        """Starting would do something."""
        cost = self._plan.cost(self._choice) if self._plan is not None else None
        return cost is not None and bool(cost.items or cost.deletions)

    def _show(self) -> None:
        plan = self._plan
        if plan is not None:
            self._tally = plan.tally()
            if self._groups.show(plan, self._tally, self._choice):
                self._fit()
            self._show_rows(plan)
        self._say()
        self._show_keys()

    def _fit(self) -> None:
        """As many lines as there are classes."""
        self._groups.styles.height = min(len(self._groups.rows) + 1, _MOST_CLASS_LINES)

    def _show_rows(self, plan: Plan) -> None:
        what = self._groups.what
        way = plan_words.chosen_way(what, self._choice, move=self._move)
        self._items.is_chosen_by_class = what in (C.EXTRA, C.REFUSED) or (way is not None and way.key != "s")
        tally = self._tally
        self._items.words = "None"
        if tally is not None and tally.is_too_long:
            self._items.words = "Too many to list: what is decided above goes for all of them."
        elif tally is not None and not tally.scanned:
            self._items.words = "None so far"
        self._items.show(plan, what)
        count = plan.row_count(what)
        words = WORDS[what]
        title = f"{words.glyph} {words.label}: {count:,}"
        self._items.border_title = Content(title)
        newer = " ▴ is the newer side " if what in (C.DIFFERS, C.UNTESTED) and count else ""
        self._items.border_subtitle = Content(newer)

    def _say(self) -> None:
        plan, tally, answer = self._plan, self._tally, self._answer
        problem = answer.problem if answer is not None else None
        if problem is not None:
            self._facts.update(Content(display(str(problem))))
        elif tally is None:
            self._facts.update("Looking… Esc stops")
        else:
            self._facts.update(plan_words.progress(tally))
        self._facts.set_class(problem is not None, "-bad")
        if plan is None or tally is None:
            return
        cost = plan.cost(self._choice)
        parts = [Content(plan_words.sums(cost, self._choice, tally, move=self._move))]
        if self._sync:
            style = "$text-error bold" if cost.deletions else "$text-muted"
            said = plan_words.deletions(cost, display(str(self._request.target)), tally)
            parts.append(Content.assemble((said, style)))
        if took := plan_words.expected(self._request, cost, self._snapshot()):
            parts.append(Content(took))
        if self._move:
            parts.append(Content("A source is deleted only after its copy is verified."))
        self._sums.update(Content("\n").join(parts))

    # -- keys --------------------------------------------------------------------------------------

    @property
    def _in_rows(self) -> bool:
        return self.focused is self._items

    def _ways(self) -> list[Way]:
        names_known = self._tally is None or not self._tally.is_too_long
        return plan_words.ways(self._groups.what, self._choice, move=self._move, names_known=names_known)

    def _show_keys(self) -> None:
        hints = [Hint("Enter", "Start", 1, "screen.start")] if self._may_start and self._has_work else []
        if self._in_rows:
            hints = []
            if self._items.can_tick:
                hints += [Hint("Space", "Tick", 2, "screen.turn"), Hint("a", "All", 3, "screen.all(True)")]
                hints.append(Hint("A", "None", 4, "screen.all(False)"))
        else:
            what = self._groups.what
            if self._tally is not None and self._tally.count(what).items:
                ways = self._ways()
                hints += [
                    Hint(way.key, way.label, 3 + n, f"screen.decide('{way.key}')")
                    for n, way in enumerate(ways if len(ways) > 1 else [])
                ]
                if what is C.EXTRA:
                    hints += [
                        Hint("d", "Delete them", 3, "screen.decide('d')"),
                        Hint("s", "Keep", 4, "screen.decide('s')"),
                    ]
                hints.append(Hint("Tab", "Items", 2, "screen.across"))
        self._keys.show([*hints, Hint("Esc", "Back" if self._in_rows else "Cancel", 21, "screen.close")])

    def on_line_table_cursor_moved(self, event: LineTable.CursorMoved) -> None:
        """The items of another class, other keys."""
        event.stop()
        if event.table is self._groups and self._plan is not None:
            self._show_rows(self._plan)
        self._show_keys()

    def on_line_table_opened(self, event: LineTable.Opened) -> None:
        """A double click looks into a class, or ticks an item."""
        event.stop()
        if event.table is self._groups:
            self.action_rows()
        else:
            self._items.tick()
            self._show()

    def on_descendant_focus(self) -> None:
        """Other keys; where there are few lines, the items get those of the classes."""
        self.set_class(self._in_rows, "-looking")
        self._show_keys()

    def action_help(self) -> None:
        """The keys that work here."""
        self.app.push_screen(plan_keys())

    def action_close(self) -> None:
        """Back from the items, with what was ticked; from the classes, change nothing."""
        if self._in_rows:
            self._groups.focus()
        else:
            self.dismiss(None)

    def action_across(self) -> None:
        """From the classes to the items, and back."""
        (self._groups if self._in_rows else self._items).focus()

    def action_classes(self) -> None:
        """Back to the classes."""
        self._groups.focus()

    def action_rows(self) -> None:
        """Look into the class."""
        self._items.focus()

    def action_turn(self) -> None:
        """Tick the item; of a class, do the next thing that can be done with it."""
        if self._in_rows:
            self._take_only_this()
            self._tick(lambda rows: rows.tick())
            return
        if self._groups.what is C.EXTRA and self._plan is not None:
            count = self._plan.tally().count(C.EXTRA)
            self.action_decide("d" if count.left_out == count.items else "s")
            return
        ways = self._ways()
        if len(ways) > 1:
            now = next((n for n, way in enumerate(ways) if way.choice == self._choice), -1)
            self._choose(ways[(now + 1) % len(ways)].choice)

    def action_all(self, on: bool) -> None:
        """Tick all items of the class, or none."""
        if self._in_rows:
            self._tick(lambda rows: rows.tick_all(on))

    def _take_only_this(self) -> None:
        """Of a class that is skipped, whoever ticks one item means that one, and no other."""
        rows, plan, what = self._items, self._plan, self._items.what
        taking = next((way for way in self._ways() if way.key in ("c", "o")), None)
        is_known = what is not C.UNTESTED or (self._tally is not None and self._tally.compared)
        if (
            plan is not None
            and taking is not None
            and is_known
            and not rows.is_chosen_by_class
            and rows.can_tick
        ):
            plan.tick_all(what, False)
            self._choose(taking.choice)

    def _tick(self, change: Callable[[PlanRows], None]) -> None:
        rows = self._items
        if rows.what is C.UNTESTED and self._tally is not None and not self._tally.compared:
            self.notify("Wait until they are compared: until then the rows change", markup=False)
        elif not rows.is_chosen_by_class:
            self.notify("The whole class is skipped: decide about it first (Tab)", markup=False)
        else:
            change(rows)
            self._show()

    def action_decide(self, key: str) -> None:
        """Decide about the class under the cursor."""
        what = self._groups.what
        if what is C.EXTRA and self._plan is not None and key in ("d", "s"):
            self._plan.tick_all(C.EXTRA, key == "d")
            self._show()
            return
        way = next((way for way in self._ways() if way.key == key), None)
        if way is not None:
            self._choose(way.choice)

    def _choose(self, choice: PlanChoice) -> None:
        self._choice = choice
        self._show()

    def action_start(self) -> None:
        """Start; back to the classes from the items. What deletes asks once more."""
        if self._in_rows:
            self._groups.focus()
            return
        plan = self._plan
        if plan is None or not self._may_start:
            if self._answer is None or not self._answer.done:
                self.notify("Still looking: Enter starts when everything is found", markup=False)
            return
        cost = plan.cost(self._choice)
        if not cost.items and not cost.deletions:
            self.notify("Nothing is left to do. Esc goes back", markup=False)
        elif cost.deletions:
            self._ask_about_deletions(plan)
        else:
            self._finish(plan)

    def _finish(self, plan: Plan) -> None:
        self.dismiss((plan, self._choice))

    def _ask_about_deletions(self, plan: Plan) -> None:
        cost = plan.cost(self._choice)
        count, local = format.counted(cost.deletions, "item"), isinstance(self._request.target, LocalRef)
        lines = [
            f"{count}, {format.size_long(cost.deleted_bytes)}, that are only in",
            str(self._request.target),
            "",
            promise(local=local, versioning=self._versioning),
        ]
        confirm = ConfirmScreen(f"Delete {count} too?", lines, confirm_label=f"Delete {count}", danger=True)

        def answered(yes: bool | None) -> None:
            if yes:  # Not before the question is gone: what is dismissed is the screen on top.
                self.call_later(self._finish, plan)

        self.app.push_screen(confirm, answered)
