"""Keys, names and what is shown of them."""

from __future__ import annotations

import os
import random
import unicodedata

from rich.cells import cell_len

from engine.errors import Permanent
from engine.local.safepath import MAX_KEY_BYTES, MAX_NAME_BYTES, key_to_parts, parts_below, path_to_key
from tui.safe_text import cut, display, middle, pad, path_tail, width, wrap

_PIECES = (
    *(
        "..",
        ".",
        "",
        "/",
        "//",
        "a",
        "b.txt",
        "\0",
        "\n",
        "\r",
        "\x1b[2J",
        "\x9b31m",
        "\x7f",
        "\\",
        "..\\",
        "~",
    ),
    *(
        "\u202e",
        "\u2066",
        "\u200b",
        "\u200d",
        "\ufeff",
        "\u2028",
        "\u0301",
        "\u0301" * 40,
        "\ufe0f",
        "\U000e0041",
    ),
    *(
        "漢",
        "é",
        "e\u0301",
        "😀",
        "\U0001f468\u200d\U0001f469",
        "\udcff",
        "\ud800",
        "\uffff",
        "\U0010ffff",
        "\u0378",
    ),
    *(
        "%2e%2e%2f",
        "%00",
        "\uff0e\uff0e\uff0f",
        "\u2215",
        "con",
        "C:",
        "x" * 254,
        "x" * 255,
        "x" * 256,
        "é" * 128,
    ),
    *(
        "\u115f",
        "\u3164",
        "\u2800",
        "\u00ad",
        "\u180e",
        "\u061c",
        "\u1160",
        "\uffa0",
        "\ufffc",
        "\u034f",
        "\u17b4",
    ),
)
_HIDDEN = {"Cc", "Cf", "Cs", "Cn", "Zl", "Zp"}


def any_text(rng: random.Random) -> str:
    """A text of nasty pieces and of any characters at all."""
    out = []
    for _ in range(rng.randrange(12)):
        if rng.random() < 0.7:
            out.append(rng.choice(_PIECES))
        else:
            out.append(
                chr(rng.choice((rng.randrange(0x300), rng.randrange(0x3000), rng.randrange(0x110000))))
            )
        if rng.random() < 0.3:
            out.append("/")
    return "".join(out)


def key_to_path(rng: random.Random) -> None:
    """A key is refused, or leads to names that stay below the folder and lead back to the key."""
    key, prefix = any_text(rng), rng.choice(("", "", "p/", "p", any_text(rng)))
    if rng.random() < 0.5:
        key = prefix + key
    try:
        parts = key_to_parts(key, prefix)
    except Permanent as error:
        assert error.code in ("unsafe-name", "name-too-long", "name-not-utf8"), error.code
        return
    root = "/root/below"
    path = os.path.join(root, *parts)
    assert os.path.normpath(path) == path or not parts, path
    assert path == root or path.startswith(root + "/")
    for part in parts:
        assert part not in ("", ".", "..") and "/" not in part and "\0" not in part
        assert len(part.encode("utf-8")) <= MAX_NAME_BYTES
    if parts:
        assert parts_below(root, path) == parts
    assert prefix + "/".join(parts) == key.removesuffix("/") or key == prefix


def path_to_key_and_back(rng: random.Random) -> None:
    """A path is refused, or its key leads to the same path."""
    names = [name for name in any_text(rng).split("/") if name not in ("", ".", "..") and "\0" not in name]
    prefix = rng.choice(("", "p/", "a/b/"))
    if not names or any(len(os.fsencode(name)) > MAX_NAME_BYTES for name in names if _is_path(name)):
        return
    names = [name for name in names if _is_path(name)]
    if not names:
        return
    try:
        key = path_to_key(names, prefix)
    except Permanent as error:
        assert error.code in ("name-not-utf8", "key-too-long"), error.code
        return
    assert len(key.encode("utf-8")) <= MAX_KEY_BYTES
    assert key_to_parts(key, prefix) == tuple(names)


def _is_path(name: str) -> bool:
    try:
        os.fsencode(name)
    except UnicodeEncodeError:
        return False
    return True


def shown_text(rng: random.Random) -> None:
    """Nothing a terminal acts on is shown, and what is shown has the width it is said to have."""
    text = any_text(rng)
    shown = display(text)
    bad = [char for char in shown if unicodedata.category(char) in _HIDDEN or _is_invisible(char)]
    assert not bad, [hex(ord(char)) for char in bad]
    assert (shown.encode("utf-8") and len(shown) <= 12 * len(text) + 1) or not text
    assert display(shown) == shown or "⟨" in shown, "it is shown as it is shown"
    cells = rng.randrange(30)
    assert width(shown) == cell_len(shown)
    for shortened in (cut(shown, cells), middle(shown, cells), path_tail(shown, cells), *wrap(shown, cells)):
        assert cell_len(shortened) <= max(cells, 0) or cells == 0, (shortened, cells)
    assert cell_len(pad(shown, cells)) == cells


def _is_invisible(char: str) -> bool:
    """Default-ignorable characters outside of the hidden categories: nothing is drawn for them."""
    code = ord(char)
    return code in (0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x3164, 0xFFA0) or 0xFE00 <= code <= 0xFE0F
