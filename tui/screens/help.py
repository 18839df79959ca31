"""Every key that works here, to read, to search, and to run."""

from __future__ import annotations

from collections.abc import Iterator

from tui.keys import Context, KeyAction, groups, show_keys
from tui.safe_text import pad
from tui.screens.chooser import Line, ListScreen

_KEY_CELLS = 16


class HelpScreen(ListScreen[KeyAction]):
    """The keys of one context and those that work everywhere. The result is the entry to run, if any.

    Run it with `tui.commands.run_entry`.
    """

    def __init__(self, context: Context) -> None:
        where = "the queue" if context is Context.QUEUE else "the panes"
        super().__init__(f"Keys in {where}", _lines(context), hint="Type to find · Enter: do it · Esc: back")


def _lines(context: Context) -> Iterator[Line]:
    contexts = dict.fromkeys((context, Context.LIST, Context.GLOBAL))
    for heading, entries in groups(*contexts).items():
        yield Line(None, heading)
        for entry in entries:
            yield Line(entry, f"  {pad(show_keys(entry), _KEY_CELLS)} {entry.help}", also=entry.label)
