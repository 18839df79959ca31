"""What an error of the operating system means for an item."""

from __future__ import annotations

import errno
import os

from engine.errors import Condition, Permanent, Retryable, TransferError
from engine.local.fsops import FsOps

_PERMANENT = {
    errno.EDQUOT: "quota",
    errno.EFBIG: "file-too-big",
    errno.EACCES: "local-denied",
    errno.EPERM: "local-denied",
    errno.ETXTBSY: "local-denied",
    errno.EROFS: "read-only-disk",
    errno.ENAMETOOLONG: "name-too-long",
}

_WITHOUT_PATH = (
    errno.ENOENT,
    errno.ENOTDIR,
    errno.ELOOP,
    errno.EISDIR,
    errno.EEXIST,
    errno.ENOTEMPTY,
    errno.EXDEV,
)
_SHORT_OF = (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN)


def local_error(
    error: OSError,
    operation: str,
    path: str,
    *,
    writing: bool = False,
    device: int | None = None,
    fs: FsOps | None = None,
) -> TransferError:
    """The error to raise (``from error``) for a system error on this machine.

    Args:
        operation: What was being done, as a verb phrase: ``write``.
        path: To what, raw.
        writing: On the target side; decides whose fault a missing path is.
        device: ``st_dev`` of the file system, where it is known; else it is looked up.
        fs: Looks it up.
    """
    detail = error.strerror or type(error).__name__
    code = error.errno or 0
    if code == errno.ENOSPC:
        if device is None:
            device = _device_of(path, fs or FsOps())
        return disk_full(operation, path, device, detail)
    if code in _SHORT_OF:
        return Retryable("short-of-resources", operation=operation, subject=path, detail=detail)
    if code in _PERMANENT:
        name = _PERMANENT[code]
    elif code in _WITHOUT_PATH:
        name = "target-folder" if writing else "source-missing"
    else:
        name = "disk-error"
    return Permanent(name, operation=operation, subject=path, detail=detail)


def shortage(error: BaseException) -> Retryable | None:
    """The error that an exception from anywhere stands for if this machine has run short of something."""
    if isinstance(error, OSError) and error.errno in _SHORT_OF:
        return Retryable("short-of-resources", detail=error.strerror or "")
    return Retryable("short-of-resources", detail="out of memory") if isinstance(error, MemoryError) else None


def disk_full(operation: str, path: str, device: int, detail: str, *, alone: bool = False) -> Condition:
    """The condition in which everything that writes to this disk waits; `alone` see `Condition`."""
    scope = ("disk", str(device))
    return Condition("disk-full", scope, alone=alone, operation=operation, subject=path, detail=detail)


def binary(size: int) -> str:
    """Bytes as people read them.

    >>> binary(0), binary(1536), binary(3 * 1024**3)
    ('0 B', '1.5 KiB', '3.0 GiB')
    """
    value = float(size)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if value < 1024:
            return f"{value:.0f} B" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} TiB"


def _device_of(path: str, fs: FsOps) -> int:
    """``st_dev`` of the nearest part of `path` that exists; 0 if the system does not even tell that."""
    while True:
        try:
            return fs.stat(path or ".").st_dev
        except OSError:
            parent = os.path.dirname(path.rstrip("/"))
            if parent in ("", path):
                return 0
            path = parent
