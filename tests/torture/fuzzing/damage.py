"""What happens to bytes on bad disks and bad lines."""

from __future__ import annotations

import random

_NOISE = (
    b"",
    b"\0",
    b"\n",
    b"\r\n",
    b"\xff",
    b"<",
    b"&",
    b"]]>",
    b'"',
    b"\t",
    b"9" * 40,
    b"\xed\xa0\x80",
    b"\xe2\x80\xae",
)


def damaged(data: bytes, rng: random.Random) -> bytes:
    """Cut, flipped, doubled, swapped, zero-filled or mixed with noise, once or a few times."""
    raw = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 5))):
        at = rng.randrange(len(raw) + 1)
        end = min(len(raw), at + rng.choice((1, 2, 8, 64, 4096)))
        match rng.randrange(8):
            case 0:
                del raw[at:]
            case 1:
                del raw[at:end]
            case 2 if at < len(raw):
                raw[at] ^= 1 << rng.randrange(8)
            case 3:
                raw[at:end] = bytes(end - at)
            case 4:
                raw[at:at] = raw[at:end]
            case 5:
                raw[at:at] = rng.choice(_NOISE) * rng.choice((1, 1, 3, 50))
            case 6:
                raw[at:end] = rng.randbytes(end - at)
            case _:
                raw += rng.choice((bytes(rng.choice((1, 511, 4096))), rng.randbytes(rng.randrange(40))))
    return bytes(raw)
