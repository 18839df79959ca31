"""One connection that speaks HTTP/1.1: as little as S3 needs, and nothing twice.

Every wait is cut into slices of a second, between which the cancel token and the stall guard are
asked. What a server says is bounded: header size, number of interim replies, chunk size lines.
"""

from __future__ import annotations

import select
import socket
import ssl
from dataclasses import dataclass

from engine.errors import Retryable
from engine.pace.cancel import CancelToken
from engine.pace.watchdog import StallGuard

SLICE_SECONDS = 1.0
MAX_HEAD = 64 * 1024
_READ_AHEAD = 64 * 1024
_MOST_INTERIM = 20


@dataclass(slots=True)
class Head:
    """Status and headers of a reply."""

    status: int
    headers: dict[str, str]
    """Lower-case names; of repeated ones all values, joined by a comma."""

    @property
    def length(self) -> int | None:
        """Of the body, if it was told."""
        text = self.headers.get("content-length", "")
        return int(text) if text.isascii() and text.isdigit() else None

    @property
    def is_chunked(self) -> bool:
        """The body comes in chunks."""
        return "chunked" in self.headers.get("transfer-encoding", "").lower()


class HttpConnection:
    """A socket, used by one thread at a time; only `abort` may be called by others."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        sock.settimeout(SLICE_SECONDS)
        self._buffer = bytearray()
        """Read from the socket, not yet given out."""
        self._left: int | None = 0
        """Bytes of the current body (or chunk) still to come; ``None``: until the server closes."""
        self._is_chunked = False
        self.keeps_alive = True
        """It may be used for another request when the body is read to its end."""
        self.was_used = False
        self.idle_since = 0.0
        self.token = CancelToken()
        self.guard: StallGuard | None = None

    # -- sending -----------------------------------------------------------------------------------

    def send(self, data: bytes | memoryview) -> None:
        """All of it.

        Raises:
            OSError: The connection broke.
            Retryable: ``stalled``.
            Interrupted: The token was cancelled.
        """
        sock = self._sock
        view = memoryview(data)
        while view:
            try:
                count = sock.send(view)
            except (TimeoutError, ssl.SSLWantWriteError, ssl.SSLWantReadError):
                self._waited()
                continue
            if self.guard is not None:
                self.guard.moved(count)
                self.guard.check()
            view = view[count:]

    def _waited(self) -> None:
        self.token.check()
        if self.guard is not None:
            self.guard.check()

    # -- receiving ---------------------------------------------------------------------------------

    def _receive(self, most: int = _READ_AHEAD) -> int:
        """Read something into the buffer; 0 at the end of the stream."""
        while True:
            try:
                data = self._sock.recv(most)
            except (TimeoutError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                self._waited()
                continue
            self._buffer += data
            if data and self.guard is not None:
                self.guard.moved(len(data))
            return len(data)

    def read_head(self, method: str) -> Head:
        """The head of the next reply; interim ones (100 Continue) are passed over.

        Raises:
            ConnectionResetError: The server closed without a reply.
            Retryable: ``bad-reply``, ``stalled``.
        """
        for _ in range(_MOST_INTERIM):
            head = self._read_one_head()
            if not 100 <= head.status < 200:
                self._prepare_body(head, method)
                return head
        raise Retryable("bad-reply", detail="too many interim replies")

    def _read_one_head(self) -> Head:
        buffer = self._buffer
        searched = 0
        while (end := buffer.find(b"\r\n\r\n", searched)) < 0:
            searched = max(0, len(buffer) - 3)
            if len(buffer) > MAX_HEAD:
                raise Retryable("bad-reply", detail="the reply's headers are too long")
            if not self._receive():
                if buffer:
                    raise Retryable("truncated", detail="the reply's headers ended too early")
                raise ConnectionResetError("closed without a reply")
        text = bytes(buffer[:end]).decode("latin-1")
        del buffer[: end + 4]
        return parse_head(text)

    def _prepare_body(self, head: Head, method: str) -> None:
        version_and_rest = head.headers.pop(":version", "")
        closes = "close" in head.headers.get("connection", "").lower() or version_and_rest == "HTTP/1.0"
        self.keeps_alive = not closes
        self._is_chunked = False
        if method == "HEAD" or head.status in (204, 304):
            self._left = 0
        elif head.is_chunked:
            self._is_chunked = True
            self._left = 0
            self._next_chunk(first=True)
        else:
            self._left = head.length
            if self._left is None:
                self.keeps_alive = False

    def read_into(self, view: memoryview) -> int:
        """Some of the body; 0 at its end, or where the stream ends too early (see `is_at_end`)."""
        if self._left == 0:
            return 0
        most = len(view) if self._left is None else min(len(view), self._left)
        if self._buffer:
            count = min(most, len(self._buffer))
            view[:count] = self._buffer[:count]
            del self._buffer[:count]
        else:
            count = self._receive_into(view[:most])
            if count == 0:
                self.keeps_alive = False
                if self._left is None:
                    self._left = 0
                return 0
        if self._left is not None:
            self._left -= count
            if self._left == 0 and self._is_chunked:
                self._next_chunk()
        return count

    def _receive_into(self, view: memoryview) -> int:
        while True:
            try:
                count = self._sock.recv_into(view)
            except (TimeoutError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                self._waited()
                continue
            if self.guard is not None:
                self.guard.moved(count)
                self.guard.check()
            return count

    @property
    def is_at_end(self) -> bool:
        """The whole body was read."""
        return self._left == 0

    def _next_chunk(self, *, first: bool = False) -> None:
        if not first:
            self._line()
        size_text = self._line().partition(";")[0].strip()
        try:
            size = int(size_text, 16)
        except ValueError:
            raise Retryable("bad-reply", detail="a chunk without a size") from None
        if size < 0:
            raise Retryable("bad-reply", detail="a chunk of negative size")
        if size == 0:
            while self._line():
                pass
            self._is_chunked = False
        self._left = size

    def _line(self) -> str:
        buffer = self._buffer
        while (end := buffer.find(b"\r\n")) < 0:
            if len(buffer) > MAX_HEAD:
                raise Retryable("bad-reply", detail="a line of a chunk is too long")
            if not self._receive():
                raise Retryable("truncated", detail="the reply ended in the middle of a chunk")
        line = bytes(buffer[:end]).decode("latin-1")
        del buffer[: end + 2]
        return line

    def read_all(self, most: int) -> bytes:
        """The body, up to `most` bytes; what is beyond is not read, and the connection not used again."""
        parts = bytearray()
        view = memoryview(bytearray(_READ_AHEAD))
        while len(parts) <= most:
            count = self.read_into(view)
            if count == 0:
                break
            parts += view[:count]
        if not self.is_at_end:
            self.keeps_alive = False
        return bytes(parts[:most])

    # -- the socket --------------------------------------------------------------------------------

    def is_stale(self) -> bool:
        """While idle, something came: the server has closed it, or it makes no sense."""
        try:
            if isinstance(self._sock, ssl.SSLSocket) and self._sock.pending():
                return True
            poller = select.poll()
            poller.register(self._sock, select.POLLIN)
            return bool(poller.poll(0))
        except (OSError, ValueError):
            return True

    def abort(self) -> None:
        """From any thread: whoever is inside gets an error at once."""
        try:
            # Not SSLSocket.shutdown, which forgets the TLS state under the reader's hands.
            socket.socket.shutdown(self._sock, socket.SHUT_RDWR)
        except OSError:
            pass  # It is closed already.

    def close(self) -> None:
        """Idempotent."""
        self._sock.close()


def parse_head(text: str) -> Head:
    """Status line and headers.

    Raises:
        Retryable: ``bad-reply``.
    """
    lines = text.split("\r\n")
    version, _, rest = lines[0].partition(" ")
    status_text = rest[:3]
    if not version.startswith("HTTP/1.") or not (status_text.isascii() and status_text.isdigit()):
        raise Retryable("bad-reply", detail="that is not HTTP")
    headers: dict[str, str] = {":version": version}
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        if not colon:
            raise Retryable("bad-reply", detail="a header without a colon")
        name = name.strip().lower()
        value = value.strip()
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return Head(int(status_text), headers)
