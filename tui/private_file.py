"""Small files for the user's eyes only, written whole or not at all."""

from __future__ import annotations

import contextlib
import os


def write_private(path: str, data: bytes, *, mode: int = 0o600) -> None:
    """Put `data` in the place of whatever the file held; makes its folder.

    Args:
        mode: Who may read and write it, where others may too.

    Raises:
        OSError: The disk says no; the old file stands.
    """
    folder, name = os.path.split(path)
    os.makedirs(folder, mode=0o700, exist_ok=True)
    fresh = os.path.join(folder, f".{name}.{os.getpid()}")
    with contextlib.suppress(FileNotFoundError):
        os.unlink(fresh)
    try:
        fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with open(fd, "wb") as file:
            if mode != 0o600:
                os.fchmod(fd, mode)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(fresh, path)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(fresh)
        raise
