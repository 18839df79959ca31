"""The parts of a screen do not take each other's names: a part that another one hides by accident never works."""

from __future__ import annotations

from itertools import pairwise

import pytest
from textual.screen import Screen

from tui.screens.main import MainScreen
from tui.screens.recovered import RecoveredScreen


def hidden(screen: type[Screen[None]]) -> list[tuple[str, str, str]]:
    """Methods and values of a part that one not built on it has too: name, which one counts, which one is hidden."""
    parts = [part for part in screen.__mro__ if part.__module__.startswith("tui.")]
    framework = {name for part in screen.__mro__ if part not in parts for name in vars(part)}
    found = []
    for name in {name for part in parts for name in vars(part)} - framework:
        having = [part for part in parts if name in vars(part)]
        found += [
            (name, one.__name__, other.__name__)
            for one, other in pairwise(having)
            if not issubclass(one, other)
        ]
    return found


@pytest.mark.parametrize("screen", [MainScreen, RecoveredScreen])
def test_no_part_of_a_screen_hides_what_another_part_does(screen: type[Screen[None]]) -> None:
    assert hidden(screen) == []
