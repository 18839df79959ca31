"""One table of keys, without a key that means two things or cannot arrive."""

from __future__ import annotations

import pytest
from textual.binding import Binding

from tui import keymap, keys

COLLIDING = {
    "ctrl+h",
    "ctrl+i",
    "ctrl+m",
    "ctrl+j",
    "ctrl+left_square_bracket",
    "ctrl+enter",
    "shift+enter",
    "f11",
}
EATEN = ("ctrl+a", "ctrl+b", "ctrl+s", "ctrl+q", "ctrl+z", "insert", "delete")


def test_no_key_stands_for_two_actions_in_one_place() -> None:
    assert keymap.duplicates() == []


@pytest.mark.parametrize("entry", keys.ACTIONS, ids=lambda entry: entry.id)
def test_every_action_has_a_key_that_arrives_everywhere(entry: keys.KeyAction) -> None:
    first = entry.keys[0]
    assert not COLLIDING & set(entry.keys)
    assert first not in EATEN
    assert not (first.startswith("f") and first[1:].isdigit())
    assert not first.startswith("alt+")


def test_ids_are_unique_and_every_action_says_what_it_does() -> None:
    assert len({entry.id for entry in keys.ACTIONS}) == len(keys.ACTIONS)
    assert all(entry.help and entry.label and entry.group for entry in keys.ACTIONS)


def test_bindings_carry_ids_so_that_a_key_map_can_move_them() -> None:
    bindings = [made for made in keys.bindings(*keys.Context) if isinstance(made, Binding)]
    made = {binding.id: binding for binding in bindings}
    assert made["pane.copy"].key == "c,f5"
    assert set(made) == {entry.id for entry in keys.ACTIONS}


def test_the_readme_table_names_every_action() -> None:
    table = keys.markdown_table()
    assert all(entry.help in table for entry in keys.ACTIONS)
