"""The palette (Ctrl+P): every action of the key table by name, and every place that is known."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Protocol, runtime_checkable

from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.content import Content
from textual.markup import escape
from textual.screen import Screen

from tui import synonyms
from tui.keys import KeyAction, actions
from tui.safe_text import cut, display

_NAME_CELLS = 60


async def run_entry(screen: Screen[Any], entry: KeyAction) -> None:
    """Do what `entry` says, as if its key had been pressed on `screen`."""
    await screen.app.run_action(entry.action, default_namespace=screen.focused or screen)


@runtime_checkable
class KnowsPlaces(Protocol):
    """A screen that can go somewhere by name."""

    def known_places(self) -> list[tuple[str, Callable[[], Any]]]:
        """Labels (``bucket backups``, ``profile prod``), raw, each with what goes there."""
        ...


class ActionCommands(Provider):
    """The actions of `tui.keys`."""

    async def discover(self) -> Hits:
        """All of them, before anything is typed."""
        for entry in _actions():
            name = _name(entry)
            yield DiscoveryHit(Content(name), self._runner(entry), text=name, help=_help(entry))

    async def search(self, query: str) -> Hits:
        """Those that have every typed word: in the name, among other words for it, or in the help."""
        for entry in _actions():
            name, score = _name(entry), rank(entry, query)
            if score > 0:
                yield Hit(score, Content(name), self._runner(entry), text=name, help=_help(entry))

    def _runner(self, entry: KeyAction) -> Callable[[], Any]:
        async def run() -> None:
            await run_entry(self.screen, entry)

        return run


class PlaceCommands(Provider):
    """Buckets and profiles of a screen that `KnowsPlaces`."""

    async def search(self, query: str) -> Hits:
        """Those whose name matches."""
        if not isinstance(self.screen, KnowsPlaces):
            return
        matcher = self.matcher(query)
        for label, go in self.screen.known_places():
            name = "Go to " + cut(display(label), _NAME_CELLS)
            score = matcher.match(name)
            if score > 0:
                yield Hit(score, Content(name), go, text=name)


def rank(entry: KeyAction, query: str) -> float:
    """How well an action is meant by what was typed, 0 to 1; 0 is not at all.

    Letters that only lie scattered over a name mean nothing: "theme" is not "delete the marked".
    """
    words = query.casefold().split()
    return min((_rank_of(entry, word) for word in words), default=0.0)


def _rank_of(entry: KeyAction, word: str) -> float:
    label = entry.label.casefold()
    texts = (
        (label, 0.9),
        (synonyms.of(entry.id), 0.7),
        (f"{entry.help} {entry.context.value}".casefold(), 0.5),
    )
    if label == word:
        return 1.0
    for text, score in texts:
        if any(part.startswith(word) for part in text.replace("(", " ").split()):
            return score
    return next((score / 3 for text, score in texts if len(word) > 2 and word in text), 0.0)


def _actions() -> Iterator[KeyAction]:
    return (entry for entry in actions() if entry.palette and entry.id != "app.palette")


def _name(entry: KeyAction) -> str:
    return f"{entry.label} ({entry.context.value})" if entry.context.value != "global" else entry.label


def _help(entry: KeyAction) -> str:
    # The palette reads this as markup, and `[` is a key.
    return escape(f"{entry.help} · {entry.shown_key}")
