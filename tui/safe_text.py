"""Text from outside, made harmless and measured in terminal cells.

File names, keys, bucket names, ETags, metadata and server messages may hold escape sequences,
direction overrides, lone surrogates or five hundred accents on one letter. Textual passes all of
them to the terminal. So every such string goes through `display` before it is shown, and is cut
and padded by cells here, because a CJK character takes two.

All functions are pure. None of them touches markup: what they return must be drawn as plain text
(`rich.text.Text`, `textual.content.Content`, `markup=False`, or line segments).
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from rich.cells import cell_len, get_character_cell_size

ELLIPSIS = "…"

MAX_MARKS = 4
"""Combining marks kept on one character; honest text needs three or so."""

_HIDDEN = frozenset(("Cc", "Cf", "Cs", "Cn", "Zl", "Zp"))
_BLANK = frozenset(map(chr, (0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x3164, 0xFFA0)))
"""Letters and marks by category for which nothing is drawn: fillers, joiners, inherent vowels."""
_NEEDS_WORK = re.compile(r"[^\x20-\x7e\u00a0-\u00ac\u00ae-\u02ff]")
"""Anything outside plain Latin is looked at character by character."""


def _visible(char: str) -> str:
    """The visible form of one character that must not reach the terminal.

    >>> _visible("\\x1b"), _visible("\\x9b"), _visible("\\u202e"), _visible("\\udcff")
    ('␛', '\\\\x9b', '⟨U+202E⟩', '\\\\xff')
    """
    code = ord(char)
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "␡"
    if code < 0xA0:
        return f"\\x{code:02x}"
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    return f"⟨U+{code:04X}⟩"


def _is_selector(code: int) -> bool:
    """Variation selectors change a glyph's width on some terminals and not on others."""
    return 0xFE00 <= code <= 0xFE0F or 0xE0100 <= code <= 0xE01EF


@lru_cache(maxsize=4096)
def display(text: str) -> str:
    """Return `text` with everything a terminal could act on turned into something to look at.

    Control, format, surrogate, unassigned and line-separator characters become a visible form;
    runs of combining marks are capped and never lean on what stands before the text. Ordinary
    text of any script comes back unchanged, so that what is shown is what is there.

    >>> display("plain name.txt")
    'plain name.txt'
    >>> display("\\x1b[2Jx")
    '␛[2Jx'
    """
    if not _NEEDS_WORK.search(text):
        return text
    out: list[str] = []
    marks = dropped = 0
    for char in text:
        category = unicodedata.category(char)
        hidden = category in _HIDDEN or char in _BLANK or _is_selector(ord(char))
        if category in ("Mn", "Me") and not hidden:
            if not out:
                out.append("◌")
            marks += 1
            if marks <= MAX_MARKS:
                out.append(char)
            else:
                dropped += 1
            continue
        if dropped:
            out.append(f"⟨+{dropped}⟩")
        marks = dropped = 0
        out.append(_visible(char) if hidden else char)
    if dropped:
        out.append(f"⟨+{dropped}⟩")
    return "".join(out)


def width(text: str) -> int:
    """How many cells `text` takes (of text that has passed `display`)."""
    return len(text) if text.isascii() else cell_len(text)


def _head(text: str, cells: int) -> str:
    """The longest beginning of `text` that fits into `cells`."""
    if text.isascii():
        return text[: max(cells, 0)]
    used = 0
    for index, char in enumerate(text):
        used += get_character_cell_size(char)
        if used > cells:
            return text[:index]
    return text


def _tail(text: str, cells: int) -> str:
    """The longest end of `text` that fits into `cells`, never beginning with a combining mark."""
    if text.isascii():
        return text[max(len(text) - cells, 0) :] if cells > 0 else ""
    used, start = 0, len(text)
    for index in range(len(text) - 1, -1, -1):
        used += get_character_cell_size(text[index])
        if used > cells:
            break
        start = index
    while start < len(text) and unicodedata.category(text[start]) in ("Mn", "Me"):
        start += 1
    return text[start:]


def cut(text: str, cells: int) -> str:
    """Shorten `text` to at most `cells`, with an ellipsis at the end where something is missing.

    >>> cut("backup-2026.tar", 8)
    'backup-…'
    """
    if width(text) <= cells:
        return text
    return _head(text, cells - 1) + ELLIPSIS if cells > 0 else ""


def middle(text: str, cells: int, *, tail: int = 0) -> str:
    """Shorten `text` to at most `cells` by taking out its middle: both ends tell things apart.

    Args:
        tail: Cells to keep at the end; by default a good third.

    >>> middle("database-dump-2026-11-20.tar.gz", 16)
    'database-d…ar.gz'
    """
    if width(text) <= cells:
        return text
    if cells < 4:
        return cut(text, cells)
    end = _tail(text, min(tail or cells // 3, cells - 2))
    return _head(text, cells - 1 - width(end)) + ELLIPSIS + end


def path_tail(text: str, cells: int) -> str:
    """Shorten a path to at most `cells` from its beginning: where one is, is at the end.

    >>> path_tail("s3://backups/2026/november/db", 14)
    '…/november/db'
    """
    if width(text) <= cells:
        return text
    if cells <= 0:
        return ""
    end = _tail(text, cells - 1)
    slash = end.find("/")
    if 0 <= slash < len(end) - 1 and slash <= width(end) // 2:
        end = end[slash:]
    return ELLIPSIS + end


def pad(text: str, cells: int, *, right: bool = False) -> str:
    """Cut or fill `text` to exactly `cells`; `right` aligns it to the right edge.

    >>> pad("ab", 4), pad("ab", 4, right=True)
    ('ab  ', '  ab')
    """
    text = cut(text, cells)
    space = " " * (cells - width(text))
    return space + text if right else text + space


def wrap(text: str, cells: int) -> list[str]:
    """Break `text` into lines of at most `cells`, at blanks where there are any.

    >>> wrap("access is denied", 10)
    ['access is', 'denied']
    """
    lines: list[str] = []
    line = ""
    for word in text.split():
        while width(word) > cells > 0:
            room = cells - width(line) - 1 if line else cells
            piece = _head(word, room) if room > cells // 3 else ""
            if piece:
                line, word = f"{line} {piece}".strip(), word[len(piece) :]
            elif not line:
                word = cut(word, cells)  # Its first character is wider than a line.
                break
            lines.append(line)
            line = ""
        if not line:
            line = word
        elif width(line) + 1 + width(word) <= cells:
            line = f"{line} {word}"
        else:
            lines.append(line)
            line = word
    return [*lines, line] if line else lines
