"""Every file operation and every word to a server, counted and named, and one of them gone wrong.

Operations are told apart by name ("rename part file", "send head of PUT part"), because the threads of the
program do them in another order each time: the third rename of a part file stays the third.
"""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

from botocore.client import BaseClient
from botocore.exceptions import ConnectionClosedError, ReadTimeoutError

from engine.local.fsops import FsOps
from engine.s3.wire import dial
from engine.s3.wire.http import Broken, HttpConnection

READS = ("read", "pread_into", "stat", "lstat", "scandir", "fstat", "statvfs", "fstatvfs")
CHANGES = (
    *("write", "pwrite_some", "ftruncate", "fsync", "fdatasync", "rename", "rename_exclusive", "link"),
    *("unlink", "mkdir", "rmdir", "utime", "fchmod"),
)
WRITES = ("write", "pwrite_some")
"""Of which a kill may leave the first half."""

KILLS = ("kill before", "kill after")
HALF = "kill halfway through"
DISK = {
    "ENOSPC at": errno.ENOSPC,
    "EIO at": errno.EIO,
    "ENOSPC from": errno.ENOSPC,
    "EIO from": errno.EIO,
}
"""Once, or there and at every change from there on."""
LINE = ("reset at", "timeout at", "lost answer to")


@dataclass(frozen=True, slots=True)
class Boundary:
    """Where what goes wrong."""

    how: str
    operation: str
    nth: int
    """From 1, among the operations of that name in one run."""

    def __str__(self) -> str:
        return f"{self.how} {self.operation} #{self.nth}"


def ways(operation: str) -> tuple[str, ...]:
    """What can go wrong at an operation of this name.

    Between two changes nothing differs on the disk or on the server, so that the program is killed on either side
    of a change only; it is refused every one.

    >>> ways("stat source")
    ('EIO at',)
    """
    verb = operation.partition(" ")[0]
    if verb in READS or verb == "open":
        return ("EIO at",)
    if verb in WRITES:
        return (*KILLS, HALF, *DISK)
    if verb in CHANGES or verb == "create":
        return (*KILLS, *DISK)
    if verb == "receive":
        return ("kill after", "reset at", "timeout at")
    if verb == "ask":
        return (*KILLS, *LINE)
    return (*KILLS, "reset at", "timeout at")


def is_storage(operation: str) -> bool:
    """It touches a file."""
    return operation.partition(" ")[0] in (*READS, *CHANGES, "open", "create")


class Seam:
    """Counts the operations of this process, and does one thing to one of them.

    `_lock` guards `counts`; it is a leaf. `_is_broken` only ever becomes true.

    Args:
        say: Told when the boundary is reached, before anything happens there.
    """

    def __init__(self, boundary: Boundary | None, names: dict[str, str], say: Callable[[str], None]) -> None:
        self.counts: Counter[str] = Counter()
        self._boundary, self._say = boundary, say
        self._folders = sorted(names.items(), key=lambda pair: -len(pair[0]))
        self._lock = threading.Lock()
        self._inside = threading.local()
        self._is_broken = False

    @contextmanager
    def at(self, operation: str, half: Callable[[], None] | None = None) -> Iterator[str]:
        """Around an operation; gives the fault that the caller has to bring about, or an empty text.

        Raises:
            OSError: The fault is one of the disk.
        """
        with self._lock:
            self.counts[operation] += 1
            is_here = self._boundary == Boundary(
                self._boundary.how if self._boundary else "", operation, self.counts[operation]
            )
        how = self._boundary.how if self._boundary is not None and is_here else ""
        if how:
            self._say("hit")
            if how == "kill before":
                self.kill()
            if how == HALF and half is not None:
                half()
                self.kill()
            self._is_broken = how.endswith(" from")
        verb = operation.partition(" ")[0]
        if self._boundary is not None and (how in DISK or (self._is_broken and verb in (*CHANGES, "create"))):
            code = DISK[self._boundary.how]
            raise OSError(code, os.strerror(code))
        try:
            yield how
        finally:
            if how == "kill after":
                self.kill()

    def kill(self) -> None:
        """As the worst day has it."""
        os.kill(os.getpid(), signal.SIGKILL)

    def install(self) -> None:
        """In this process, for good."""
        for verb in (*READS, *CHANGES, "open"):
            self._watch_files(verb)
        self._watch_wire()
        self._watch_control()

    # -- files -------------------------------------------------------------------------------------

    def _watch_files(self, verb: str) -> None:
        seam, real = self, getattr(FsOps, verb)

        def watched(fs: FsOps, first: Any, *args: Any, **kwargs: Any) -> Any:
            if getattr(seam._inside, "yes", False):
                return real(fs, first, *args, **kwargs)
            seam._inside.yes = True
            try:
                shown = "create" if verb == "open" and args[0] & os.O_CREAT else verb
                folder = kwargs.get("dir_fd", kwargs.get("src_dir_fd"))

                def half() -> None:
                    data = memoryview(args[0])
                    real(fs, first, data[: len(data) // 2], *args[1:])

                with seam.at(f"{shown} {seam.name_of(first, folder)}", half):
                    return real(fs, first, *args, **kwargs)
            finally:
                seam._inside.yes = False

        setattr(FsOps, verb, watched)

    def name_of(self, file: Any, folder: int | None) -> str:
        """What a path or descriptor is to the program."""
        path = path_of(file) if isinstance(file, int) else os.fsdecode(file)
        if folder is not None and not os.path.isabs(path):
            path = os.path.join(path_of(folder), path)
        base = os.path.basename(path)
        if base.endswith(".part"):
            return "part file"
        for root, name in self._folders:
            if path == root:
                return f"{name} folder"
            if path.startswith(root + "/"):
                if name != "state":
                    return name
                return "journal" if base.startswith("wal-") else base.partition(".")[0]
        return "elsewhere"

    # -- the wire ----------------------------------------------------------------------------------

    def _watch_wire(self) -> None:
        seam, connect, begin = self, dial.connect, HttpConnection.__init__

        def watched(*args: Any, **kwargs: Any) -> Any:
            with seam.at("connect") as how:
                if how in LINE:
                    error: OSError = ConnectionResetError() if how == "reset at" else TimeoutError()
                    raise Broken(error) from error
                return connect(*args, **kwargs)

        def begun(connection: HttpConnection, sock: Any) -> None:
            begin(connection, cast(socket.socket, _Socket(sock, seam)))

        vars(dial)["connect"] = watched
        type.__setattr__(HttpConnection, "__init__", begun)

    # -- the control plane -------------------------------------------------------------------------

    def _watch_control(self) -> None:
        seam, call = self, vars(BaseClient)["_make_api_call"]

        def watched(client: Any, name: str, params: Any) -> Any:
            url = str(client.meta.endpoint_url)
            with seam.at(f"ask {name}") as how:
                if how == "reset at":
                    raise ConnectionClosedError(endpoint_url=url, error=ConnectionResetError())
                answer = call(client, name, params)
                if how == "lost answer to":
                    raise ConnectionClosedError(endpoint_url=url, error=ConnectionResetError())
                if how == "timeout at":
                    raise ReadTimeoutError(endpoint_url=url, error=TimeoutError())
                return answer

        type.__setattr__(BaseClient, "_make_api_call", watched)


class _Socket:
    """A socket that tells what it is about to do. Used by one thread at a time."""

    def __init__(self, sock: Any, seam: Seam) -> None:
        self._sock, self._seam, self._request = sock, seam, "nothing"

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)

    def send(self, data: Any) -> int:
        request = _request_of(bytes(data[:1024]))
        if request:
            self._request = request
        what = "head" if request else "body"
        with self._seam.at(f"send {what} of {self._request}") as how:
            self._fail(how)
            return int(self._sock.send(data))

    def recv(self, count: int, flags: int = 0) -> bytes:
        with self._seam.at(f"receive from {self._request}") as how:
            self._fail(how)
            return bytes(self._sock.recv(count, flags))

    def recv_into(self, view: memoryview, count: int = 0, flags: int = 0) -> int:
        with self._seam.at(f"receive from {self._request}") as how:
            self._fail(how)
            return int(self._sock.recv_into(view, count, flags))

    def _fail(self, how: str) -> None:
        if how == "reset at":
            self._sock.close()
            raise ConnectionResetError(errno.ECONNRESET, os.strerror(errno.ECONNRESET))
        if how == "timeout at":
            raise TimeoutError


def _request_of(data: bytes) -> str:
    """The kind of request that begins here; empty: none does."""
    line = data.partition(b"\r\n")[0].decode("latin-1").split(" ")
    if len(line) != 3 or not line[2].startswith("HTTP/1."):
        return ""
    kind = "part" if "partNumber=" in line[1] else "list" if "list-type=" in line[1] else "object"
    return f"{line[0]} {kind}"


def path_of(fd: int) -> str:
    """Where an open file is, or was."""
    if hasattr(fcntl, "F_GETPATH"):
        return os.fsdecode(fcntl.fcntl(fd, fcntl.F_GETPATH, bytes(1024)).rstrip(b"\0"))
    return os.readlink(f"/proc/self/fd/{fd}").removesuffix(" (deleted)")
