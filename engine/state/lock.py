"""One owner for a state folder: a lock that the kernel frees however its holder ends."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import socket
import stat

from engine.errors import StateLocked, StateUnsafe
from engine.local.fsops import FsOps

LOCK_NAME = "lock"


def open_state_dir(path: str, fs: FsOps) -> int:
    """A descriptor of the folder, made if it does not exist.

    Raises:
        StateUnsafe: It is a link, is not ours, or others may write or read it.
    """
    try:
        os.makedirs(path, mode=0o700, exist_ok=True)
        fd = fs.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError as error:
        raise StateUnsafe(f"the state folder {path} cannot be used: {error.strerror}") from error
    facts = fs.fstat(fd)
    if facts.st_uid != os.geteuid():
        fs.close(fd)
        raise StateUnsafe(f"the state folder {path} belongs to somebody else (user {facts.st_uid})")
    if facts.st_mode & 0o077:
        mode = stat.S_IMODE(facts.st_mode)
        fs.close(fd)
        raise StateUnsafe(f"the state folder {path} is open to others (mode {mode:04o}): chmod 700 it")
    return fd


class StateLock:
    """Held from `take` to `release`."""

    def __init__(self, state_dir: str, dir_fd: int, fs: FsOps) -> None:
        self._state_dir, self._dir_fd, self._fs = state_dir, dir_fd, fs
        self._fd = -1

    def take(self) -> None:
        """Become the owner.

        Raises:
            StateLocked: Another process is, named.
        """
        fs = self._fs
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW
        self._fd = fs.open(LOCK_NAME, flags, 0o600, dir_fd=self._dir_fd)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            host, pid = owner_of(self._fd, fs) or ("this machine", 0)
            fs.close(self._fd)
            self._fd = -1
            if error.errno not in (errno.EWOULDBLOCK, errno.EACCES):
                raise StateUnsafe(
                    f"the state folder {self._state_dir} cannot be locked: {error.strerror}"
                ) from error
            raise StateLocked(self._state_dir, host, pid) from None
        note = json.dumps({"host": socket.gethostname(), "pid": os.getpid()}).encode("ascii")
        fs.ftruncate(self._fd, 0)
        fs.pwrite(self._fd, note, 0)

    def release(self) -> None:
        """Somebody else may have it. Idempotent."""
        if self._fd >= 0:
            self._fs.close(self._fd)
            self._fd = -1


def owner_of(fd: int, fs: FsOps) -> tuple[str, int] | None:
    """Host and process as noted in the lock file; only for messages."""
    try:
        buffer = bytearray(256)
        count = fs.pread_into(fd, memoryview(buffer), 0)
        note = json.loads(bytes(buffer[:count]))
        return str(note["host"])[:64], int(note["pid"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def current_owner(state_dir: str, fs: FsOps) -> tuple[str, int] | None:
    """Who holds the lock now; ``None`` if nobody does. Takes nothing."""
    try:
        fd = fs.open(os.path.join(state_dir, LOCK_NAME), os.O_RDONLY | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return owner_of(fd, fs) or ("this machine", 0)
    else:
        return None
    finally:
        fs.close(fd)
