"""Values of options as people type them: sizes, times, counts. Pure."""

from __future__ import annotations

import re

_SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([kmgt]?)(?:i?b)?", re.IGNORECASE)
_TIME = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(s|m|min|h|d)?", re.IGNORECASE)
_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}
MOST_DIGITS = 100
"""A number of more characters is none that anybody means; some do not fit into a float."""
_SECONDS = {"": 1, "s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400}


def parse_size(text: str) -> int:
    """Bytes; units are binary.

    >>> parse_size("8MiB"), parse_size("8M"), parse_size("8388608")
    (8388608, 8388608, 8388608)

    Raises:
        ValueError: With what is expected, in words.
    """
    found = _SIZE.fullmatch(text.strip())
    if found is None or len(text) > MOST_DIGITS:
        raise ValueError(f"{text!r:.40} is not a size: 8M, 512K, 1.5GiB or a number of bytes")
    return int(float(found[1]) * 1024 ** _POWERS[found[2].lower()])


def parse_seconds(text: str) -> float:
    """A duration.

    >>> parse_seconds("15m"), parse_seconds("90"), parse_seconds("1.5h")
    (900.0, 90.0, 5400.0)

    Raises:
        ValueError: With what is expected, in words.
    """
    found = _TIME.fullmatch(text.strip())
    if found is None or len(text) > MOST_DIGITS:
        raise ValueError(f"{text!r:.40} is not a time: 30s, 15m, 2h or a number of seconds")
    return float(found[1]) * _SECONDS[(found[2] or "").lower()]


def parse_count(text: str, least: int, most: int) -> int:
    """A whole number in a range.

    >>> parse_count("16", 1, 64)
    16

    Raises:
        ValueError: With what is expected, in words.
    """
    if (
        not (text.isascii() and text.isdecimal() and len(text) <= MOST_DIGITS)
        or not least <= int(text) <= most
    ):
        raise ValueError(f"{text!r:.40} is not a number from {least} to {most}")
    return int(text)


def parse_sse(text: str) -> str:
    """A server-side encryption.

    >>> parse_sse("aws:kms:alias/backup")
    'aws:kms:alias/backup'

    Raises:
        ValueError: With what is expected, in words.
    """
    if text not in ("AES256", "aws:kms") and not text.startswith("aws:kms:"):
        raise ValueError(f"{text!r} is none of AES256, aws:kms, aws:kms:KEY")
    return text
