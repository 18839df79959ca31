"""Keys of the user's own: the table ``[keys]`` of ``config.toml``, read and checked.

    [keys]
    "pane.copy" = ["c", "F5"]     # these keys, and only these, copy
    "app.queue" = "t"

Keys are written as the help shows them (``Ctrl+R``, ``PgUp``, ``[``) or as Textual names them (``pageup``).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import replace

from engine import UsageError
from tui.keys import ACTIONS, NAMES, Context, KeyAction, show_key
from tui.safe_text import display

_SAME_BYTE = {"ctrl+h": "Backspace", "ctrl+i": "Tab", "ctrl+m": "Enter", "ctrl+j": "Enter"}
_RESERVED = {
    "ctrl+c": "it always leaves the program",
    "ctrl+q": "it always leaves the program",
    "ctrl+z": "it belongs to the shell",
}
_BY_NAME = {shown.casefold(): name for name, shown in NAMES.items()} | {name: name for name in NAMES}
_CHARACTERS = {
    "solidus": "slash",
    "reverse_solidus": "backslash",
    "commercial_at": "at",
    "hyphen_minus": "minus",
    "plus_sign": "plus",
    "low_line": "underscore",
}
"""Where Textual's name of a character is not that of Unicode."""
_MODIFIERS = ("ctrl", "alt", "shift")


def read(own: Mapping[str, Iterable[str]], where: str) -> dict[str, tuple[str, ...]]:
    """Actions and their keys, as Textual names them.

    Args:
        own: Ids of actions, each with its keys as they were written.
        where: The file, for what is said about it.

    Raises:
        UsageError: An action or a key that does not exist, a key that never arrives, or one key for two actions that
            work in the same place.
    """
    table = {entry.id: entry for entry in ACTIONS}
    keymap: dict[str, tuple[str, ...]] = {}
    for id, written in own.items():
        if id not in table:
            near = [known for known in table if id.rpartition(".")[2] in known]
            hint = f" (is it {', '.join(near)}?)" if 0 < len(near) < 6 else "; the README lists them"
            raise UsageError(f"{where}: [keys] there is no action {id!r}{hint}")
        try:
            keymap[id] = tuple(dict.fromkeys(parse_key(each) for each in written))
        except ValueError as error:
            raise UsageError(f"{where}: [keys] {id} ({table[id].label}): {error}") from None
        if not keymap[id]:
            raise UsageError(f"{where}: [keys] {id} ({table[id].label}) needs a key")
    clashes = duplicates(replace(entry, keys=keymap.get(entry.id, entry.keys)) for entry in ACTIONS)
    if clashes:
        more = f" (and {len(clashes) - 1} more)" if len(clashes) > 1 else ""
        raise UsageError(f"{where}: [keys] {clashes[0]}{more}: give one of them another key")
    return keymap


def duplicates(entries: Iterable[KeyAction] = ACTIONS) -> list[str]:
    """Keys that stand for two actions in one place, as sentences; empty when all is well."""
    taken: dict[tuple[Context, str], KeyAction] = {}
    found = []
    for entry in entries:
        places = (entry.context,) if entry.context in (Context.PANES, Context.QUEUE) else tuple(Context)
        for place in places:
            for key in entry.keys:
                other = taken.setdefault((place, key), entry)
                if other.id != entry.id:
                    found.append(
                        f"{show_key(key)} stands for both {other.id} ({other.label}) and {entry.id} ({entry.label})"
                    )
    return list(dict.fromkeys(found))


def parse_key(text: str) -> str:
    """Textual's name for a key that a person wrote.

    >>> [parse_key(key) for key in ("c", "F5", "Ctrl+R", "[", "PgUp", "shift+g", "Alt+←", "+")]
    ['c', 'f5', 'ctrl+r', 'left_square_bracket', 'pageup', 'G', 'alt+left', 'plus']

    Raises:
        ValueError: There is no such key, or no terminal sends it.
    """
    *modifiers, last = [text] if len(text) == 1 else text.split("+")
    held = sorted({modifier.strip().casefold() for modifier in modifiers})
    unknown = [modifier for modifier in held if modifier not in _MODIFIERS]
    name = _name(last if len(last) == 1 else last.strip())
    if unknown or not name:
        raise ValueError(f"there is no key {text!r} (write c, G, F5, Ctrl+R, Alt+Left, Space, PgUp, /)")
    if held == ["shift"] and len(name) == 1 and name.isalpha():
        return name.upper()
    if held and len(name) == 1:
        name = name.lower()
    key = "+".join([*held, name])
    if key in _SAME_BYTE:
        raise ValueError(f"{text} cannot be bound: a terminal sends the same for it as for {_SAME_BYTE[key]}")
    if key in _RESERVED:
        raise ValueError(f"{text} cannot be bound: {_RESERVED[key]}")
    if (len(held) > 1 or (held == ["shift"] and len(name) == 1)) or (
        held and name in ("enter", "escape", "space", "backspace", "left_square_bracket")
    ):
        raise ValueError(f"{text} cannot be bound: most terminals do not send it")
    return key


def _name(text: str) -> str:
    """Textual's name for a key without modifiers; empty where there is none."""
    word = text.casefold()
    if len(text) == 1 and text.isalnum():
        return text if display(text) == text else ""  # Fillers are letters of which nothing is drawn.
    if word in _BY_NAME:
        return _BY_NAME[word]
    if len(text) == 1 and text.isprintable():
        name = unicodedata.name(text, "").lower().replace("-", "_").replace(" ", "_")
        return _CHARACTERS.get(name, name)
    if word[:1] == "f" and word[1:].isdigit() and 1 <= int(word[1:]) <= 24:
        return word
    return {"esc": "escape", "del": "delete", "ins": "insert"}.get(word, "")
