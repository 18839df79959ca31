"""The pictures in `screenshots/`: the real program on the example scene, the same bytes every time.

python -m tests.tui.pictures screenshots
"""

from __future__ import annotations

import asyncio
import os
import re
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from textual.widgets import Input

from engine import Location, ObjectRef
from tests.tui import example, looked_at
from tests.tui.drive import press, running, settled
from tests.tui.fake_engine import FakeManager
from tests.tui.fake_plan import with_copies
from tui import themes
from tui.widgets.preview_view import PreviewView

PROD = example.PROD.connection_id
ROOMY = (132, 36)


def _fresh() -> FakeManager:
    return FakeManager(example.example_browser(), ())


def _answering(kind: str, value: object) -> Callable[[], FakeManager]:
    def make() -> FakeManager:
        manager = example.example_manager()
        manager.browser.values[kind] = value
        return manager

    return make


def _looking(place: str, data: bytes) -> Callable[[], FakeManager]:
    def make() -> FakeManager:
        manager = example.example_manager()
        manager.browser.contents[place] = data
        return manager

    return make


def _planning() -> FakeManager:
    return with_copies(example.example_manager())


@dataclass(frozen=True)
class Picture:
    """One state of the program, and how to get there."""

    name: str
    """Of the file, without its ending; with the folder where it has one."""
    keys: tuple[str, ...] = ()
    size: tuple[int, int] = (80, 24)
    manager: Callable[[], FakeManager] = field(default=example.example_manager)
    right: Location | None = example.THERE
    theme: str | None = None


_MARKING = ("j", "j", "j", "j", "j", "space", "space", "space")
_PLAN = ("j", "space", *("j" * 4), "space", "space", "c")
"""Logs, a database dump and the big archive, copied to the bucket."""

_ONCE = (
    Picture("main", _MARKING, ROOMY),
    *(
        Picture(f"{size}-{theme}", _MARKING, cells, theme=theme)
        for theme in (themes.DARK, themes.LIGHT, themes.NO_COLOUR)
        for size, cells in (("80x24", (80, 24)), ("120x40", (120, 40)))
    ),
    Picture("80x24-high-contrast", _MARKING, theme=themes.HIGH_CONTRAST),
    Picture("filter", ("slash", *"dump")),
    Picture("find", ("f", *"app-1", "enter", "j", "space", "space")),
    Picture("queue", ("w", "j", "j")),
    Picture("groups", ("w", "j"), manager=example.grouped_manager),
    Picture("problems", ("exclamation_mark",), manager=example.troubled_manager),
    Picture("conflict", ("w", "j", "j", "j", "enter")),
    Picture("details", ("w", "enter")),
    Picture("delete", (*("j" * 7), "space", "space", "d")),
    Picture("goto", ("colon", *"s3://b")),
    Picture("help", ("question_mark",)),
    Picture("settings", ("comma", "down", "down")),
    Picture("profiles", ("e",)),
    Picture("plan", (*_PLAN, "j"), manager=_planning),
    Picture("plan-rows", (*_PLAN, "j", "tab", "space"), ROOMY, manager=_planning),
    Picture("compare", ("equals_sign", "j"), manager=_planning),
    Picture("sync", ("equals_sign", "equals_sign", "r", "G", "space"), manager=_planning),
    Picture("denied", right=Location(ObjectRef("archive"), PROD)),
    Picture(
        "versions",
        ("tab", *("j" * 5), "V", "j"),
        manager=_answering("versions", example.versions_of("2026/manifest.json")),
    ),
    Picture(
        "properties",
        ("tab", *("j" * 5), "E", "enter", "down", "enter", "j", "x"),
        manager=_answering("properties", example.PROPERTIES),
    ),
    Picture("code", (*("j" * 4), "p"), manager=_looking("/home/ann/data/README.md", looked_at.README)),
    Picture(
        "image",
        ("tab", *("j" * 5), "p"),
        manager=_looking("s3://backups/2026/manifest.json", looked_at.landscape()),
    ),
    Picture("object", ("tab", *("j" * 5), "i"), manager=_answering("details", example.OBJECT)),
    Picture("first-start", manager=_fresh, right=None),
    Picture("uploads", ("tab", "U", "j", "j", "space", "space")),
    Picture("answer", ("w", "j", "j", "j", "a")),
    Picture("resumed", ("W",), manager=example.resumed_manager),
    Picture("quit", ("q",)),
    Picture("terminal-colours", ("j", "j", "space", "j"), theme="ansi-dark"),
)

_SIZES = {"80x24": (80, 24), "120x40": (120, 40)}
_MAIN_SCREENS = (
    *("filter", "find", "compare", "plan", "sync", "queue", "groups", "answer", "problems", "details"),
    *(
        "object",
        "versions",
        "properties",
        "uploads",
        "resumed",
        "profiles",
        "settings",
        "help",
        "first-start",
    ),
)
"""Those that are shown in every size and in three sets of colours."""


def _everywhere(picture: Picture) -> Iterator[Picture]:
    """In a folder for each size and theme, but for the one that it is drawn in already."""
    for size, cells in _SIZES.items():
        for theme in (themes.DARK, themes.LIGHT, themes.NO_COLOUR):
            if (cells, theme) != (picture.size, themes.DARK):
                yield replace(picture, name=f"{size}-{theme}/{picture.name}", size=cells, theme=theme)


PICTURES = (
    *_ONCE,
    *(wide for picture in _ONCE if picture.name in _MAIN_SCREENS for wide in _everywhere(picture)),
)


async def draw(picture: Picture) -> str:
    """The picture as SVG."""
    async with running(
        picture.manager(),
        size=picture.size,
        right=picture.right,
        theme=picture.theme,
        configuration=example.example_configuration(),
    ) as pilot:
        await press(pilot, *picture.keys)
        await pilot.pause(0.15)
        for view in pilot.app.screen.query(PreviewView):  # What is found out by another process.
            await pilot.app.workers.wait_for_complete([w for w in pilot.app.workers if w.node is view])
        for line in pilot.app.screen.query(Input):
            line.cursor_blink = False  # a slow machine would show it now and not then
        await settled(pilot)
        svg = pilot.app.export_screenshot(title="s3tui")
    # The ids are made from a sum over the text; a plain name keeps the differences between two
    # versions of a picture to what can be seen.
    return re.sub(r"terminal-\d+", f"s3tui-{picture.name.rpartition('/')[2]}", svg).rstrip() + "\n"


def main(folder: Path) -> None:
    """Draw them all."""
    folder.mkdir(parents=True, exist_ok=True)
    for picture in PICTURES:
        path = folder / f"{picture.name}.svg"
        path.parent.mkdir(exist_ok=True)
        path.write_text(asyncio.run(draw(picture)), encoding="utf-8")
        print(path)


if __name__ == "__main__":
    os.environ.update(HOME="/home/ann", TZ="UTC", TEXTUAL_ANIMATIONS="none", COLORTERM="truecolor")
    os.environ.pop("NO_COLOR", None)
    time.tzset()
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "screenshots"))
