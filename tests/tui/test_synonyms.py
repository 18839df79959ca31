"""Actions are found by the words that people have for them, in the palette and in the help."""

from __future__ import annotations

import pytest

from tests.tui.dialog_host import answer_to, shown, text
from tui import keys, synonyms
from tui.commands import rank
from tui.keys import Context
from tui.screens.help import HelpScreen


def found(query: str) -> list[str]:
    ranked = sorted(((rank(entry, query), entry.id) for entry in keys.ACTIONS), key=lambda pair: -pair[0])
    return [id for score, id in ranked if score > 0]


@pytest.mark.parametrize(
    ("typed", "id"),
    [
        ("theme", "app.theme"),
        ("undo", "app.undo"),
        ("colours", "app.theme"),
        ("upload", "pane.uploads"),
        ("download", "pane.copy"),
        ("search", "pane.find"),
        ("size", "pane.size"),
        ("bigger", "app.alone"),
        ("sync", "pane.compare"),
        ("copy", "pane.copy"),
    ],
)
def test_the_palette_shows_first_what_is_meant(typed: str, id: str) -> None:
    assert found(typed)[0] == id or (found(typed).index(id) < 4 and "delete" not in found(typed)[0])


@pytest.mark.parametrize("typed", ["theme", "undo", "colours", "download"])
def test_nothing_that_destroys_is_found_by_scattered_letters(typed: str) -> None:
    ids = found(typed)
    assert ids and not {"pane.delete", "queue.cancel", "queue.cancel-all"} & set(ids)


def test_synonyms_name_actions_that_exist() -> None:
    assert synonyms.WORDS.keys() <= {entry.id for entry in keys.ACTIONS}


@pytest.mark.parametrize(("typed", "id"), [("colours", "app.theme"), ("mkdir", "pane.new-folder")])
async def test_help_finds_by_other_words_too(typed: str, id: str) -> None:
    assert await answer_to(HelpScreen(Context.PANES), *typed, "enter") is keys.action(id)


async def test_help_wraps_what_is_longer_than_its_line() -> None:
    async with shown(HelpScreen(Context.PANES)) as pilot:
        await pilot.press(*"pane.uploads")
        await pilot.pause()
        lines = [line.strip("│ ").strip() for line in text(pilot).splitlines()]
        at = next(n for n, line in enumerate(lines) if line.startswith("U  "))
        assert "…" not in lines[at]
        words = " ".join([lines[at][1:].strip(), *lines[at + 1 : at + 3]])
        assert keys.action("pane.uploads").help in words
