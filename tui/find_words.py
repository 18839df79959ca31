"""What is typed to find things: a name or pattern, sizes and ages. Pure."""

from __future__ import annotations

import re
from dataclasses import replace

from engine import Wanted
from tui.sizes import parse_seconds, parse_size

_AGE = re.compile(r"([0-9]+(?:\.[0-9]+)?)(h|d|w|y)", re.IGNORECASE)
_UNITS = {"h": ("h", 1), "d": ("d", 1), "w": ("d", 7), "y": ("d", 365)}
EXAMPLE = "*.log  >100M  <7d"


def parse_find(text: str, now: float) -> Wanted:
    """Words that begin with ``>`` or ``<`` are sizes or ages, all else is the name.

    >>> parse_find("*.log >100M <1G", 0.0)
    Wanted(name='*.log', least=104857600, most=1073741824, since=None, until=None)
    >>> parse_find("<7d", 700_000.0).since, parse_find(">1d report 2026", 86_400.0)
    (95200.0, Wanted(name='report 2026', least=None, most=None, since=None, until=0.0))

    Raises:
        ValueError: With what is expected, in words.
    """
    wanted, names = Wanted(), []
    for word in text.split():
        if word[0] not in "<>":
            names.append(word)
            continue
        limit = word[1:].lstrip("=")
        found = _AGE.fullmatch(limit)
        if found is not None:
            unit, times = _UNITS[found[2].lower()]
            when = now - times * parse_seconds(found[1] + unit)
            wanted = replace(wanted, since=when) if word[0] == "<" else replace(wanted, until=when)
        else:
            size = parse_size(limit)
            wanted = replace(wanted, least=size) if word[0] == ">" else replace(wanted, most=size)
    wanted = replace(wanted, name=" ".join(names))
    if wanted == Wanted():
        raise ValueError(f"a name, a size or an age: {EXAMPLE}")
    return wanted


def problem_of(text: str) -> str:
    """What is wrong with a line that was typed, or nothing."""
    try:
        parse_find(text, 1e9)
    except ValueError as error:
        return str(error)
    return ""


def server_head(filter: str) -> str:
    """What every name begins with that such a filter lets through, whatever its case; empty if that is nothing.

    >>> [server_head(text) for text in ("2026-*", "logs-*", "Logs-*", "*.gz", "2026", "20?6*")]
    ['2026-', '', 'Logs-', '', '', '20']
    """
    literal = re.split(r"[*?]", filter)[0]
    # Lower-case letters in a filter mean both cases, of which the server knows nothing.
    is_exact = filter != filter.lower() or literal.upper() == literal
    return literal if literal != filter and is_exact else ""
