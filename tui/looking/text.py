"""Bytes as text, if they are any, and text as lines for a screen. Nothing of it acts on a terminal."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rich.cells import get_character_cell_size

from tui.safe_text import display, width

_PIECE = 512
"""Characters made safe at a time; `display` remembers what it was given."""
_TAB = 8
_BREAKS = re.compile(r"\r\n|\r|\n")
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_ODD = re.compile("[\x00-\x07\x0e-\x1a\x1c-\x1f\x7f\udc80-\udcff]")
"""What text does not hold, or hardly ever."""
_ODD_PART = 20
"""One odd character in so many, and it is no text."""


def decoded(data: bytes, *, at_start: bool = True, at_end: bool = True) -> str | None:
    """The text that these bytes are, or ``None`` where they are none.

    Bytes that are not UTF-8 stay as lone surrogates, which `display` shows as ``\\xff``.

    Args:
        at_start: Nothing stands before them; else a character may have been cut in two.
        at_end: The same at their end.

    >>> decoded("aé".encode()), decoded(b"\\x7fELF\\0\\0"), decoded("é".encode()[:1], at_end=False)
    ('aé', None, '')
    """
    if at_start and data.startswith(_UTF16):
        return data.decode("utf-16", "replace")
    if b"\0" in data:
        return None
    if not at_start:
        data = data[_cut_head(data) :]
    if not at_end:
        data = data[: len(data) - _cut_tail(data)]
    text = data.decode("utf-8", "surrogateescape").removeprefix("\ufeff")
    odd = sum(1 for _ in _ODD.finditer(text))
    return None if odd * _ODD_PART > len(text) else text


def _cut_head(data: bytes) -> int:
    """Bytes at the beginning that belong to a character before."""
    count = 0
    while count < min(3, len(data)) and data[count] & 0xC0 == 0x80:
        count += 1
    return count


def _cut_tail(data: bytes) -> int:
    """Bytes at the end that begin a character which is not whole."""
    for back in range(1, min(3, len(data)) + 1):
        byte = data[-back]
        if byte & 0xC0 == 0xC0:
            needed = 4 if byte >= 0xF0 else 3 if byte >= 0xE0 else 2
            return back if needed > back else 0
        if byte < 0x80:
            return 0
    return 0


def lines_in(text: str) -> list[str]:
    """The lines as they are: not for a screen."""
    raw = _BREAKS.split(text)
    if raw and not raw[-1]:
        raw.pop()
    return raw


def lines_of(text: str, cells: int) -> list[str]:
    """The text as safe lines of at most `cells`; long lines go on in the next one.

    >>> lines_of("a\\tb\\r\\nlonger\\x1b", 5)
    ['a    ', '   b', 'longe', 'r␛']
    """
    return [piece for piece, _ in marked_lines(lines_in(text), None, cells)]


def marked_lines(lines: Sequence[str], roles: Sequence[str] | None, cells: int) -> list[tuple[str, str]]:
    """Safe lines of at most `cells`, each with its roles: a letter for each character, or none at all.

    A line of which something had to be made safe has no roles: it shows what is in it, and nothing else.

    Args:
        roles: For each line the letters of its characters.

    >>> marked_lines(["\\tif x", "x\\x1b"], ["  kk  ", "kk"], 10)
    [('        if', '        kk'), (' x', '  '), ('x␛', '')]
    """
    found = []
    for number, line in enumerate(lines):
        whole = line.expandtabs(_TAB)
        safe = _safe(whole)
        letters = _expanded(line, roles[number]) if roles is not None and safe == whole else ""
        at = 0
        for piece in _wrapped(safe, max(cells, 1)):
            found.append((piece, letters[at : at + len(piece)]))
            at += len(piece)
    return found


def _expanded(line: str, letters: str) -> str:
    """The letters of a line whose tabs are expanded."""
    if "\t" not in line:
        return letters
    out: list[str] = []
    column = 0
    for char, letter in zip(line, letters, strict=False):
        cells = _TAB - column % _TAB if char == "\t" else 1
        out.append(letter * cells)
        column += cells
    return "".join(out)


def _safe(line: str) -> str:
    if len(line) <= _PIECE:
        return display(line)
    return "".join(display(line[at : at + _PIECE]) for at in range(0, len(line), _PIECE))


def _wrapped(line: str, cells: int) -> list[str]:
    if line.isascii():
        return [line[at : at + cells] for at in range(0, len(line), cells)] or [""]
    if len(line) <= cells and width(line) <= cells:
        return [line]
    found, begin, used = [], 0, 0
    for at, char in enumerate(line):
        size = get_character_cell_size(char)
        if used + size > cells and at > begin:
            found.append(line[begin:at])
            begin, used = at, 0
        used += size
    return [*found, line[begin:]]
