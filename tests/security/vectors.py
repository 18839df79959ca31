"""Keys that have led programs astray, as standing fixtures. Names that act on terminals are in `tests.tui.nasty`."""

from __future__ import annotations

PATH_KEYS = (
    "../evil",
    "..",
    ".",
    "a/../b",
    "a/..",
    "a/./b",
    "/etc/passwd",
    "//x",
    "a//b",
    "a/",
    "a/b/",
    "",
    "a\\..\\b",
    "..\\evil",
    "C:\\x",
    "a\x00b",
    "%2e%2e/evil",
    "%2e%2e%2fevil",
    "..%c0%af",
    "\uff0e\uff0e/evil",
    "\u2025/evil",
    "~/.ssh/authorized_keys",
    "$HOME/x",
    "-rf",
    "--help",
    "x" * 1000,
    "é" * 500,
    "é" * 127,
    "é" * 128,
    "x" * 255,
    "x" * 256,
    "x" * 300 + "/y",
    "a/" * 490 + "b",
    " lead",
    "trail ",
    "a.",
    "con",
    "NUL",
    "a:b",
    "a*?<>|",
    "a\nb",
    "a\r",
    "a\tb",
    "\u2028",
    "\U0001f600",
    ".lock",
    "soap",
)
"""Each by itself; the longest leave room for a prefix below S3's 1,024 bytes."""

TOGETHER = (
    ("f", "f/g"),
    ("A", "a"),
    ("caf\u00e9", "cafe\u0301"),
    ("a//b", "a/b"),
    ("d/", "d"),
)
"""Keys that may want the same place."""

IMPOSSIBLE = frozenset(
    key
    for key in PATH_KEYS
    if any(
        part in ("", ".", "..") or "\0" in part or len(part.encode()) > 255
        for part in key.removesuffix("/").split("/")
    )
    and key
)
"""Those that cannot be a path below a folder as they stand."""
