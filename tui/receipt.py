"""``receipt``: a manifest of what was moved, for people who must be able to show it later."""

from __future__ import annotations

import argparse
import csv
import json
import os
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import TextIO

from engine import FinishedItem, ItemKind, Outcome, read_history
from tui.safe_text import display
from tui.settings import load, state_dir_of

FIELDS = (
    "time",
    "kind",
    "path",
    "key",
    "size",
    "checksum",
    "etag",
    "version_id",
    "verified",
    "outcome",
    "moved",
    "operation",
    "id",
)
"""In this order. ``path`` is the local file (of a copy: the object it was made of), ``key`` the object as ``s3://bucket/key``,
``size`` bytes, ``checksum`` the CRC32 of all bytes as ``crc32:`` and eight hexadecimal digits, ``time`` UTC. What is not
known is null, in CSV empty."""

_THERE = (Outcome.TRANSFERRED, Outcome.IDENTICAL)
"""Ends after which the target holds what the source held."""


def receipt(args: argparse.Namespace, environ: Mapping[str, str] = os.environ) -> int:
    """Print it; changes nothing and asks no server."""
    lines = entries(read_history(state_dir_of(args, load(environ), environ)), args.operation)
    if args.csv:
        write_csv(lines, sys.stdout)
    else:
        for line in lines:
            sys.stdout.write(json.dumps(line) + "\n")
    return 0


def entries(
    items: list[FinishedItem], operation: int | None = None
) -> Iterator[dict[str, str | int | bool | None]]:
    """One for each item whose target holds what its source held, by `FIELDS`."""
    for item in items:
        if item.outcome not in _THERE or (operation is not None and item.operation != operation):
            continue
        down = item.kind is ItemKind.DOWNLOAD
        when = datetime.fromtimestamp(item.finished_at, UTC)
        yield {
            "time": when.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "kind": item.kind.value,
            "path": item.target if down else item.source,
            "key": item.source if down else item.target,
            "size": item.size if item.size >= 0 else None,
            "checksum": None if item.crc is None else f"crc32:{item.crc:08x}",
            "etag": item.etag,
            "version_id": item.version_id,
            "verified": item.verified.value if item.verified else None,
            "outcome": item.outcome.value if item.outcome else None,
            "moved": item.move,
            "operation": item.operation,
            "id": item.id,
        }


def write_csv(lines: Iterator[dict[str, str | int | bool | None]], out: TextIO) -> None:
    """A table with a header. On a terminal names are shown harmless; in a file they are as they are."""
    safe = display if out.isatty() else str
    table = csv.writer(out, lineterminator="\n")
    table.writerow(FIELDS)
    for line in lines:
        table.writerow("" if value is None else safe(str(value)) for value in line.values())
