"""A file system that counts, fails, dies or is interfered with at a chosen step."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from typing import Any

from engine.local.fsops import FsOps

CHANGES = frozenset(
    (
        *("open", "pwrite", "ftruncate", "fsync", "fdatasync", "rename", "link", "unlink", "mkdir"),
        *("utime", "fchmod", "rename_exclusive"),
    )
)


class Killed(BaseException):
    """The process ended here, as by ``kill -9``: nothing after this step happened."""


class WatchedFs(FsOps):
    """Calls `before` ahead of every operation and counts it.

    The operations themselves are the real ones, but for those in `instead`.
    """

    def __init__(self, before: Callable[[str, tuple[Any, ...]], None] | None = None) -> None:
        self.counts: Counter[str] = Counter()
        self.before = before
        self.instead: dict[str, Callable[..., Any]] = {}

    def __getattribute__(self, name: str) -> Any:
        get = super().__getattribute__
        if name.startswith("_") or not hasattr(FsOps, name):
            return get(name)
        operation = get("instead").get(name) or get(name)

        def call(*args: Any, **kwargs: Any) -> Any:
            get("counts")[name] += 1
            before = get("before")
            if before is not None:
                before(name, args)
            return operation(*args, **kwargs)

        return call


def failing(operation: str, code: int, *, times: int = 10**9, after: int = 0) -> WatchedFs:
    """A file system on which calls of `operation` fail with errno `code`."""
    seen = 0

    def before(name: str, args: tuple[Any, ...]) -> None:
        nonlocal seen
        if name == operation:
            seen += 1
            if after < seen <= after + times:
                raise OSError(code, os.strerror(code))

    return WatchedFs(before)


def dying(step: int) -> WatchedFs:
    """A file system on which the process is killed just ahead of change number `step` (from 0)."""
    seen = -1

    def before(name: str, args: tuple[Any, ...]) -> None:
        nonlocal seen
        if name in CHANGES:
            seen += 1
            if seen >= step:
                raise Killed(name)

    return WatchedFs(before)


def open_descriptors() -> int:
    """How many this process has."""
    return len(os.listdir("/dev/fd"))
