"""One owner for a state folder: a private folder, and a lock that the kernel frees however its holder ends."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import re
import socket
import stat
import threading

from engine.errors import StateLocked, StateUnsafe
from engine.local.fsops import FsOps

LOCK_NAME = "lock"
_OURS = re.compile(r"lock|snapshot\..*|wal-[0-9]+\.jsonl.*|s3tui\.log(\.[0-9]+)?")
"""The log is not the engine's, but lies here unless the user wants it elsewhere."""
_TRIES, _PAUSE = 40, 0.005
"""How long a lock is waited for that only readers hold: they ask who owns it, for microseconds."""


def open_state_dir(path: str, fs: FsOps) -> int:
    """A descriptor of the folder, made if it does not exist.

    A folder of ours that others may enter is closed to them if nobody can have planted anything in it:
    it is empty, or holds a saved queue and others could not write.

    Raises:
        StateUnsafe: It is a link, belongs to somebody else, or is open to others.
    """
    try:
        _make(path, fs)
        if stat.S_ISLNK(fs.lstat(path).st_mode):
            raise StateUnsafe(f"the state folder {path} is a link: name the folder it leads to")
        fd = fs.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError as error:
        raise StateUnsafe(f"the state folder {path} cannot be used: {error.strerror}") from error
    try:
        _check(path, fd, fs)
    except OSError as error:
        fs.close(fd)
        raise StateUnsafe(f"the state folder {path} cannot be used: {error.strerror}") from error
    except BaseException:
        fs.close(fd)
        raise
    return fd


def prepare_state_dir(path: str) -> None:
    """Make the folder if need be, and see that it is private, before anything is written into it.

    Raises:
        StateUnsafe: As `open_state_dir`.
    """
    fs = FsOps()
    fs.close(open_state_dir(os.path.abspath(path), fs))


def _make(path: str, fs: FsOps) -> None:
    try:
        fs.mkdir(path, 0o700)
    except FileExistsError:
        return
    except FileNotFoundError:
        parent = os.path.dirname(path)
        if parent == path:
            raise
        _make(parent, fs)
        with contextlib.suppress(FileExistsError):
            fs.mkdir(path, 0o700)


def _check(path: str, fd: int, fs: FsOps) -> None:
    facts = fs.fstat(fd)
    if facts.st_uid != os.geteuid():
        raise StateUnsafe(f"the state folder {path} belongs to somebody else (user {facts.st_uid})")
    if not facts.st_mode & 0o077:
        return
    with fs.scandir(fd) as entries:
        names = [entry.name for entry in entries]
    is_ours = all(_OURS.fullmatch(name) for name in names) and not facts.st_mode & 0o022
    if names and not is_ours:
        mode = stat.S_IMODE(facts.st_mode)
        raise StateUnsafe(f"the state folder {path} is open to others (mode {mode:04o}): chmod 700 it")
    fs.fchmod(fd, 0o700)


class StateLock:
    """Held from `take` to `release`. Used by one thread."""

    def __init__(self, state_dir: str, dir_fd: int, fs: FsOps) -> None:
        self._state_dir, self._dir_fd, self._fs = state_dir, dir_fd, fs
        self._fd = -1

    def take(self) -> None:
        """Become the owner.

        Raises:
            StateLocked: Another process is, named.
            StateUnsafe: The folder cannot be written or locked.
        """
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK
        try:
            self._fd = self._fs.open(LOCK_NAME, flags, 0o600, dir_fd=self._dir_fd)
            is_taken = self._lock()
        except OSError as error:
            self.release()
            raise StateUnsafe(
                f"the state folder {self._state_dir} cannot be locked: {error.strerror}"
            ) from error
        if not is_taken:
            host, pid = owner_of(self._fd, self._fs) or ("this machine", 0)
            self.release()
            raise StateLocked(self._state_dir, host, pid)
        note = json.dumps({"host": socket.gethostname(), "pid": os.getpid()}).encode("ascii")
        with contextlib.suppress(OSError):  # a full disk must not keep the queue from being opened
            self._fs.ftruncate(self._fd, 0)
            self._fs.pwrite(self._fd, note, 0)

    def _lock(self) -> bool:
        for _ in range(_TRIES):
            if _try_lock(self._fd, fcntl.LOCK_EX):
                return True
            if not _try_lock(self._fd, fcntl.LOCK_SH):
                return False  # an owner has it: readers alone would let another reader in
            fcntl.flock(self._fd, fcntl.LOCK_UN)
            threading.Event().wait(_PAUSE)
        return False

    def release(self) -> None:
        """Somebody else may have it. Idempotent."""
        if self._fd >= 0:
            fd, self._fd = self._fd, -1
            self._fs.close(fd)


def _try_lock(fd: int, kind: int) -> bool:
    try:
        fcntl.flock(fd, kind | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
            return False
        raise
    return True


def owner_of(fd: int, fs: FsOps) -> tuple[str, int] | None:
    """Host and process as noted in the lock file; only for messages."""
    try:
        buffer = bytearray(512)
        count = fs.pread_into(fd, memoryview(buffer), 0)
        note = json.loads(bytes(buffer[:count]))
        return str(note["host"])[:64], int(note["pid"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def current_owner(dir_fd: int, fs: FsOps) -> tuple[str, int] | None:
    """Who holds the lock now; ``None`` if nobody does."""
    try:
        fd = fs.open(LOCK_NAME, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=dir_fd)
    except OSError:
        return None
    try:
        if _try_lock(fd, fcntl.LOCK_SH):
            return None
        return owner_of(fd, fs) or ("this machine", 0)
    except OSError:
        return None
    finally:
        fs.close(fd)
