"""An app that shows one dialog at 80x24 and keeps what it answered."""

from __future__ import annotations

import unicodedata
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

from textual.app import App
from textual.pilot import Pilot
from textual.screen import Screen

from tui.safe_text import display

PENDING = object()


class DialogHost(App[None]):
    """Shows `dialog`; `answer` is PENDING until it is closed."""

    def __init__(self, dialog: Screen[Any]) -> None:
        super().__init__()
        self.dialog, self.answer = dialog, PENDING

    def on_mount(self) -> None:
        def closed(answer: Any) -> None:
            self.answer = answer

        self.push_screen(self.dialog, closed)


@asynccontextmanager
async def shown(dialog: Screen[Any], size: tuple[int, int] = (80, 24)) -> AsyncIterator[Pilot[None]]:
    """Run an app with `dialog` on it."""
    app = DialogHost(dialog)
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        yield pilot


async def answer_to(dialog: Screen[Any], *keys: str) -> Any:
    """What `dialog` answers when these keys are pressed."""
    async with shown(dialog) as pilot:
        await pilot.press(*keys)
        await pilot.pause()
        return given(pilot)


def given(pilot: Pilot[None]) -> Any:
    """What the dialog has answered, or PENDING."""
    assert isinstance(pilot.app, DialogHost)
    return pilot.app.answer


async def acted_on(dialogs: Iterable[Screen[Any]]) -> list[str]:
    """Show one after the other; what of all that was drawn a terminal would act on."""
    found: list[str] = []
    app: App[None] = App()
    async with app.run_test(size=(80, 24)) as pilot:
        for dialog in dialogs:
            await app.push_screen(dialog)
            await pilot.pause()
            seen = text(pilot)
            assert len(seen.strip()) > 20
            bad = [char for char in seen if char != "\n" and display(char) != char]
            found += [char for char in bad if unicodedata.category(char) not in ("Mn", "Me")]
            app.pop_screen()
    return found


def drawn(pilot: Pilot[None]) -> list[str]:
    """The lines on the screen, right-stripped."""
    strips = pilot.app.screen._compositor.render_strips()
    return ["".join(segment.text for segment in strip).rstrip() for strip in strips]


def text(pilot: Pilot[None]) -> str:
    """The whole screen as one text."""
    return "\n".join(drawn(pilot))
