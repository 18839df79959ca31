"""Keys to local names and back; nothing a server says ever reaches outside the chosen folder."""

from __future__ import annotations

import os
from collections.abc import Sequence

from engine.errors import Permanent
from engine.local.failures import local_error
from engine.local.folders import FolderHandle

__all__ = [
    "MAX_KEY_BYTES",
    "MAX_NAME_BYTES",
    "FolderHandle",
    "check_name",
    "is_folder_marker",
    "key_to_parts",
    "local_error",
    "parts_below",
    "path_to_key",
]

MAX_NAME_BYTES = 255
"""Of one name on every file system in use on Linux and macOS; bytes, not characters."""

MAX_KEY_BYTES = 1024
"""S3's limit on a key in UTF-8."""


def is_folder_marker(key: str) -> bool:
    """The key stands for a folder: it ends in ``/``."""
    return key.endswith("/")


def key_to_parts(key: str, prefix: str = "") -> tuple[str, ...]:
    """The names below the target folder to which `key`, listed under `prefix`, is downloaded.

    Nothing is decoded, cleaned or shortened: a key either is a path as it stands, or is refused.
    A ``/`` at the end (a folder marker) is left out; the marker of `prefix` itself is ``()``.

    Raises:
        Permanent: ``unsafe-name``, ``name-too-long`` or ``name-not-utf8``.

    >>> key_to_parts("backups/2026/db.tar", "backups/")
    ('2026', 'db.tar')
    >>> key_to_parts("backups/../../x", "backups/")
    Traceback (most recent call last):
    engine.errors.Permanent: place backups/../../x: '..' is not a name
    """
    if not key or not key.startswith(prefix):
        raise _unsafe(key, f"it is not below {prefix!r}" if key else "it is empty")
    rest = key[len(prefix) :]
    if not rest and is_folder_marker(prefix):
        return ()
    parts = tuple(rest.removesuffix("/").split("/"))
    for part in parts:
        check_name(part, key)
    return parts


def path_to_key(parts: Sequence[str], prefix: str = "", *, folder: bool = False) -> str:
    """The key under which the file at these names is uploaded below `prefix`.

    Args:
        folder: It is an empty folder: the key ends in ``/``.

    Raises:
        Permanent: ``name-not-utf8`` or ``key-too-long``.

    >>> path_to_key(("2026", "db.tar"), "backups/")
    'backups/2026/db.tar'
    """
    key = prefix + "/".join(parts)
    if folder and not key.endswith("/"):
        key += "/"
    try:
        length = len(key.encode("utf-8"))
    except UnicodeEncodeError as error:
        raise Permanent("name-not-utf8", operation="name", subject=key) from error
    if length > MAX_KEY_BYTES:
        raise Permanent("key-too-long", operation="name", subject=key, detail=f"{length} bytes")
    return key


def parts_below(root: str, path: str) -> tuple[str, ...]:
    """The names that lead from `root` to `path`, as text; what is on disk is not looked at.

    For paths out of the saved state, which is untrusted.

    Raises:
        Permanent: `path` is not below `root`, or not written plainly.
    """
    base = root.rstrip("/") + "/"
    if not root.startswith("/") or not path.startswith(base):
        raise _unsafe(path, f"it is not below {root!r}")
    parts = tuple(path[len(base) :].removesuffix("/").split("/"))
    for part in parts:
        check_name(part, path, utf8=False)
    return parts


def check_name(name: str, subject: str, *, utf8: bool = True) -> None:
    """Refuse what is not one file name.

    Args:
        subject: What to call it in the error: the key or path it is part of.
        utf8: Also refuse names that are not text; those come from a disk, never from a key.

    Raises:
        Permanent: ``unsafe-name``, ``name-too-long`` or ``name-not-utf8``.
    """
    if name in ("", ".", ".."):
        raise _unsafe(subject, f"{name!r} is not a name")
    if "\0" in name or "/" in name:
        raise _unsafe(subject, "it holds a NUL byte" if "\0" in name else "it holds a slash")
    try:
        length = len(name.encode("utf-8") if utf8 else os.fsencode(name))
    except UnicodeEncodeError as error:
        raise Permanent("name-not-utf8", operation="place", subject=subject) from error
    if length > MAX_NAME_BYTES:
        raise Permanent(
            "name-too-long",
            operation="place",
            subject=subject,
            detail=f"{length} bytes, at most {MAX_NAME_BYTES}",
        )


def _unsafe(subject: str, detail: str) -> Permanent:
    return Permanent("unsafe-name", operation="place", subject=subject, detail=detail)
