"""What there is to look into: images made by hand, and a text with code in it."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Callable, Sequence
from typing import Any

from tui.looking.apart import Apart

Colour = tuple[int, int, int]
RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)

README = b"""# Nightly dumps

They are **encrypted**; see `keys/`.

```python
import sys

def newest(dumps: list[str], most: int = 7) -> list[str]:
    # The names begin with the date.
    return sorted(dumps)[-most:]

print("\\n".join(newest(sys.argv[1:])))
```

- Restore the newest first.
- Ask *ann* where one is missing.
"""


def png(rows: Sequence[Sequence[Colour]], *, claims: tuple[int, int] | None = None) -> bytes:
    """An image of these points.

    Args:
        claims: Width and height to say that it has, whatever is in it.
    """
    width, height = claims or (len(rows[0]), len(rows))
    lines = b"".join(b"\0" + bytes(part for point in row for part in point) for row in rows)
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(lines, 0 if len(lines) < 60_000 else 1)),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in chunks
    )


def done_here(work: Apart, made: Callable[[Any, bytes], bytes]) -> bytes:
    """What the child would answer, without starting one."""
    asked, _, data = work._input.partition(b"\n")
    try:
        return made(json.loads(asked), data)
    except Exception:  # The child would end by it.
        return b""


def striped(width: int, height: int, colours: Sequence[Colour] = (RED, GREEN, BLUE, WHITE)) -> bytes:
    """Lines across, each of one colour, in turn."""
    return png([[colours[y % len(colours)]] * width for y in range(height)])


def landscape() -> bytes:
    """A view with a sun, of few colours."""

    def point(x: int, y: int) -> Colour:
        if (x - 118) ** 2 + (y - 22) ** 2 < 200:
            return 255, 214, 90
        if y > 62 + abs(x - 60) * 2 // 3 - 30 or y > 50 + abs(x - 110) // 2:
            return (70, 78, 84) if y < 50 else (44, 92, 58)
        return 40 + y // 12 * 18, 80 + y // 12 * 14, 170

    return png([[point(x, y) for x in range(160)] for y in range(100)])
