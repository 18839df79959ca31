"""Bytes as numbers, sixteen a line, beside the characters they may be."""

from __future__ import annotations

PER_LINE = 16
_PRINTABLE = "".join(chr(code) if 0x20 <= code < 0x7F else "·" for code in range(256))


def line_count(data: bytes) -> int:
    """Lines that these bytes take."""
    return (len(data) + PER_LINE - 1) // PER_LINE


def hex_line(data: bytes, line: int, offset: int = 0) -> tuple[str, str, str]:
    """One line: where it is, the numbers, the characters.

    Args:
        offset: Of the first of the bytes, in the whole.

    >>> hex_line(b"PK\\x03\\x04", 0, 256)
    ('00000100', '50 4b 03 04                                     ', 'PK··')
    """
    piece = data[line * PER_LINE : (line + 1) * PER_LINE]
    halves = piece[: PER_LINE // 2].hex(" "), piece[PER_LINE // 2 :].hex(" ")
    numbers = "  ".join(half for half in halves if half).ljust(PER_LINE * 3)
    where = f"{offset + line * PER_LINE:08x}"
    return where, numbers, "".join(_PRINTABLE[byte] for byte in piece)
