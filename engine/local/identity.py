"""Is this still the file that was read, and is this still the boot in which it was?"""

from __future__ import annotations

import ctypes
import os
import sys
from dataclasses import replace
from functools import cache

from engine.model import SourceIdentity

REST_SECONDS = 2.0
"""A file is at rest when it was last touched at least this long ago: the coarsest time stamp in
use (FAT's two seconds) then cannot hide a later write."""

_BOOT_ID = "/proc/sys/kernel/random/boot_id"


def identity_of(stat: os.stat_result) -> SourceIdentity:
    """What tells this file, in this content, from any other."""
    return SourceIdentity(stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)


def is_still(recorded: SourceIdentity | None, now: SourceIdentity) -> bool:
    """The very file that was recorded. Its device may have another number since the machine was started anew."""
    return recorded is not None and replace(recorded, dev=now.dev) == now


def is_identity_of(identity: SourceIdentity, stat: os.stat_result) -> bool:
    """It is still that file, in that content."""
    return (
        stat.st_mtime_ns == identity.mtime_ns
        and stat.st_ctime_ns == identity.ctime_ns
        and stat.st_size == identity.size
        and stat.st_ino == identity.inode
        and stat.st_dev == identity.dev
    )


def was_at_rest(identity: SourceIdentity, wall: float) -> bool:
    """The file had not been touched for `REST_SECONDS` at the time `wall` (seconds since the epoch).

    Only then does an equal identity prove equal content. A time stamp in the future proves nothing.
    """
    return max(identity.mtime_ns, identity.ctime_ns) <= int((wall - REST_SECONDS) * 1e9)


@cache
def boot_id() -> str:
    """Names the running boot of this machine; ``""`` where the system does not tell.

    An empty answer must be compared as different from everything, itself included.
    """
    try:
        with open(_BOOT_ID, encoding="ascii") as file:
            return file.read().strip()
    except (OSError, UnicodeDecodeError):
        return _mac_boot_id() if sys.platform == "darwin" else ""


def same_boot(recorded: str) -> bool:
    """The record was made during the boot that is running now."""
    return bool(recorded) and recorded == boot_id()


def _mac_boot_id() -> str:
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        buffer = ctypes.create_string_buffer(64)
        length = ctypes.c_size_t(len(buffer))
        failed = libc.sysctlbyname(b"kern.bootsessionuuid", buffer, ctypes.byref(length), None, 0)
    except (OSError, AttributeError):
        return ""
    return "" if failed else buffer.value.decode("ascii", "replace")
