"""Storage class, headers, metadata and tags of one object or several, as a list in which each line can be changed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from engine import ObjectProperties, PropertyChange
from tui.property_form import CLASSES, Field, Kind, PropertyForm, shown, value_problem
from tui.safe_text import display, middle, pad
from tui.screens.chooser import ChooserScreen
from tui.screens.dialog import Dialog, plain
from tui.screens.prompt import PromptScreen

_LABEL_CELLS = 20
_TYPED = "typed"
_WORDS = {Kind.METADATA: "metadata", Kind.TAG: "a tag"}


class PropertyList(OptionList):
    """The lines of the form; the one with the cursor has a glyph too, for terminals without colours."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "cursor_down", show=False),
        Binding("k", "cursor_up", show=False),
        Binding("g", "first", show=False),
        Binding("G", "last", show=False),
    ]

    _texts: tuple[str, ...] = ()

    def show(self, texts: Sequence[str]) -> None:
        """Other lines, raw."""
        self._texts = tuple(texts)
        self.set_options(Option(Content(f"  {display(text)}")) for text in texts)

    def watch_highlighted(self, highlighted: int | None) -> None:
        """Move the glyph along with the colour."""
        # While other lines are being set there are fewer of them than texts.
        for index, text in enumerate(self._texts[: self.option_count]):
            line = Content(("▸ " if index == highlighted else "  ") + display(text))
            self.replace_option_prompt_at_index(index, line)
        super().watch_highlighted(highlighted)


class PropertiesScreen(Dialog[PropertyChange]):
    """The result is what is to be changed, or ``None``: nothing.

    Args:
        what: Of what, raw: a name, or how many.
        found: What the one object has; ``None`` for several.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s,ctrl+s", "save", show=False),
        Binding("x,delete,d", "take_away", show=False),
        Binding("u", "undo", show=False),
    ]

    DEFAULT_CSS = """
    PropertiesScreen {
        & PropertyList { height: auto; max-height: 16; background: $surface; }
        & .remark { height: auto; color: $text-muted; }
    }
    """

    def __init__(self, what: str, found: ObjectProperties | None) -> None:
        super().__init__(
            f"Properties of {what}", hint="Enter: change · x: take away · u: undo · s: save · Esc: leave"
        )
        self.form = PropertyForm(found)

    def compose_inside(self) -> ComposeResult:
        remark = ""
        if self.form.is_for_several:
            remark = "Only what you change here is changed, in each of them."
        elif self.form.found is not None and self.form.found.tags_problem is not None:
            remark = f"Its tags are not known: {self.form.found.tags_problem.why}"
        yield PropertyList(markup=False, compact=True)
        yield Static(plain(remark), classes="remark", id="remark")

    def on_mount(self) -> None:
        """Draw the lines."""
        self.query_one("#remark").display = bool(self.query_one("#remark", Static).content)
        self._draw(0)

    def _draw(self, cursor: int) -> None:
        listed = self.query_one(PropertyList)
        cells = min(self.app.size.width * 94 // 100, 90) - 6
        listed.show([self._line(field, cells) for field in self.form.fields])
        listed.highlighted = min(cursor, len(self.form.fields) - 1)
        listed.focus()

    def _line(self, field: Field, cells: int) -> str:
        mark = "*" if field.is_changed else " "
        label = pad(middle(display(field.label), _LABEL_CELLS), _LABEL_CELLS)
        value = display(shown(field, self.form.is_for_several))
        return f"{mark} {label}  {middle(value, max(cells - _LABEL_CELLS - 6, 8))}"

    @property
    def _cursor(self) -> int:
        return self.query_one(PropertyList).highlighted or 0

    # -- changing a line ---------------------------------------------------------------------------

    @on(OptionList.OptionSelected)
    def _chosen(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self._edit(event.option_index)

    @work
    async def _edit(self, index: int) -> None:
        field = self.form.fields[index]
        if field.kind is Kind.STORAGE:
            await self._edit_class(index)
        elif field.adds:
            kind = field.kind
            typed = await self.app.push_screen_wait(
                PromptScreen(
                    f"Add {_WORDS[kind]}",
                    placeholder="name=value; -name takes it away",
                    check=lambda text: self.form.check(kind, text),
                )
            )
            if typed and typed.strip():
                self.form.add(kind, typed)
        else:
            await self._edit_value(index, field)
        self._draw(index)

    async def _edit_class(self, index: int) -> None:
        options = [(name, f"{name:<20} {words}") for name, words in CLASSES]
        options.append((_TYPED, "another, which you type"))
        chosen = await self.app.push_screen_wait(ChooserScreen("Storage class", options)) or ""
        if chosen == _TYPED:
            typed = await self.app.push_screen_wait(PromptScreen("Storage class", check=value_problem))
            chosen = (typed or "").strip().upper()
        if chosen:
            self.form.set(index, chosen)

    async def _edit_value(self, index: int, field: Field) -> None:
        check = None if field.kind is Kind.TAG else value_problem
        typed = await self.app.push_screen_wait(
            PromptScreen(field.label, value=field.new or "", placeholder="empty: none", check=check)
        )
        if typed is not None:
            is_header = field.kind is Kind.HEADER
            self.form.set(index, None if is_header and not typed.strip() else typed)

    def action_take_away(self) -> None:
        """Without this header, metadata or tag."""
        field = self.form.fields[self._cursor]
        if field.kind is not Kind.STORAGE:
            self.form.set(self._cursor, None)
            self._draw(self._cursor)

    def action_undo(self) -> None:
        """This line as it was."""
        cursor = self._cursor
        self.form.reset(cursor)
        self._draw(cursor)

    def action_save(self) -> None:
        """Done; what is to be changed is asked about by whoever opened this."""
        self.dismiss(self.form.change())
