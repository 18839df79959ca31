"""Every setting, its value, and where that comes from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.widgets import OptionList

from tui.configuration import Shown
from tui.safe_text import middle, pad
from tui.screens.chooser import Line, ListScreen

_NAME_CELLS, _VALUE_CELLS, _FEW_CELLS = 17, 22, 13


class SettingsScreen(ListScreen[tuple[str, bool]]):
    """The result is a setting and whether to change it (true) or to take it out of the file (false).

    Args:
        where: The file, as it is named in the title.
        at: The setting to have the cursor on.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("delete,ctrl+d", "reset", show=False, priority=True),
    ]

    def __init__(self, rows: Iterable[Shown], where: str, at: str = "") -> None:
        self._rows = {row.setting.name: row for row in rows}
        self._at = at
        super().__init__(
            f"Settings · {where}",
            (),
            hint="Type to find · Enter: change · Ctrl+D: as if not set · Esc: back",
        )

    def _make_lines(self, value_cells: int) -> Iterator[Line]:
        for name, row in self._rows.items():
            value = pad(middle(row.value, value_cells), value_cells)
            yield Line((name, True), f"{pad(name, _NAME_CELLS)} {value} {row.origin}", also=row.setting.about)

    def on_mount(self) -> None:
        """The cursor stays where something was changed."""
        self._lines = tuple(self._make_lines(_VALUE_CELLS if self.app.size.width >= 70 else _FEW_CELLS))
        self._narrow("")
        listed = self.query_one(OptionList)
        names = list(self._rows)
        if self._at in names:
            self.call_after_refresh(setattr, listed, "highlighted", names.index(self._at))

    def about(self, value: object) -> str:
        """What it is for, and what is not said in its line."""
        if not isinstance(value, tuple):
            return ""
        row = self._rows[value[0]]
        by = f"By {row.origin}" if row.origin != "default" else "Not set"
        if row.in_file is not None and row.in_file != row.value:
            by += f", while the file says {row.in_file}"
        when = "at once" if row.setting.at_once else "from the next start"
        return f"{row.setting.about}. {by}; default: {row.setting.default}. Counts {when}."

    def action_reset(self) -> None:
        """Take the setting under the cursor out of the file."""
        chosen = self.chosen
        if isinstance(chosen, tuple) and self._rows[chosen[0]].in_file is not None:
            self.dismiss((chosen[0], False))
