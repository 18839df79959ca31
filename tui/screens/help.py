"""What works here, with its key: to read, to search, and to run."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from tui import synonyms
from tui.keys import Context, KeyAction, action, for_context, groups, key_of, show_keys
from tui.safe_text import pad
from tui.screens.chooser import Line, ListScreen

_KEY_CELLS = 16


class HelpScreen(ListScreen[KeyAction]):
    """The actions of one context and those that work everywhere, by group. The result is the entry to run, if any.

    What is typed is looked for in the other context too: choosing one of those goes there.

    Run it with `tui.commands.run_entry`.

    Args:
        means: The label an action has now, or ``None`` where it means nothing: its line says so.
        denied: Why the action with this id cannot be done here, or nothing.
    """

    def __init__(
        self,
        context: Context,
        means: Callable[[KeyAction], str | None] | None = None,
        denied: Callable[[str], str] = lambda _: "",
    ) -> None:
        where = "the queue" if context is Context.QUEUE else "the panes"
        super().__init__(
            f"What works in {where}",
            _lines(context, means, denied),
            hint="Type to find · Enter: do it · Esc: back",
        )

    def about(self, value: object) -> str:
        """All of it, where the line has no room; and the id, for a key of one's own."""
        return f"{value.help}. ({value.id})" if isinstance(value, KeyAction) else ""


def _lines(
    context: Context, means: Callable[[KeyAction], str | None] | None, denied: Callable[[str], str]
) -> Iterator[Line]:
    # Moving the cursor comes last: it is what everybody tries first.
    shown = {**groups(context), **groups(Context.GLOBAL), **groups(Context.LIST)}
    for heading, entries in shown.items():
        yield Line(None, heading)
        for entry in entries:
            idle = means is not None and means(entry) is None
            why = denied(entry.id) or ("not now" if idle else "")
            words = f"({why}) {entry.help}" if why else entry.help
            yield Line(
                entry,
                f"  {pad(show_keys(entry), _KEY_CELLS)} {words}",
                also=f"{entry.label} {entry.id} {synonyms.of(entry.id)}",
                indent=_KEY_CELLS + 3,
            )
    yield from _elsewhere(Context.PANES if context is Context.QUEUE else Context.QUEUE)


def _elsewhere(context: Context) -> Iterator[Line]:
    """What works in the other context: found, but not there to be read through."""
    place = "queue" if context is Context.QUEUE else "panes"
    yield Line(None, f"In the {place}: {key_of('app.queue')} goes there", when_typed=True)
    for entry in for_context(context):
        yield Line(
            action("app.queue"),
            f"  {pad(show_keys(entry), _KEY_CELLS)} {entry.help}",
            also=f"{entry.label} {entry.id} {synonyms.of(entry.id)}",
            indent=_KEY_CELLS + 3,
            when_typed=True,
        )
