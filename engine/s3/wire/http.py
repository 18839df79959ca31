"""One connection that speaks HTTP/1.1: as little as S3 needs, and nothing twice.

Every wait is cut into slices of a second, between which the cancel token and the stall guard are
asked. What a server says is bounded: header size, number of interim replies, chunk size lines.
"""

from __future__ import annotations

import select
import socket
import ssl
import struct
import time

from engine.errors import Retryable
from engine.pace.cancel import CancelToken
from engine.pace.watchdog import StallGuard
from engine.s3.wire.head import MAX_HEAD, Head, chunk_size, parse_head
from engine.s3.wire.unsent import unsent_bytes

SLICE_SECONDS = 1.0
_READ_AHEAD = 64 * 1024
_MOST_INTERIM = 20
_MOST_TRAILERS = 100
_LOOK_SECONDS = 0.25
"""While a body is sent, the server may already say no: so often it is looked for."""

_ALL = socket.MSG_WAITALL
_JUST_NOW = 0.1
"""Seconds for which a connection that was laid down is not looked at again before it is used."""

_NOT_NOW = (TimeoutError, BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)
_NOBODY = CancelToken()
"""Never cancelled: nobody uses the connection."""


class Broken(Exception):
    """The connection failed; `error` is what the system said.

    Not an OSError, so that a failure of the network is never taken for one of the disk from which
    a body is read, or the other way round.
    """

    def __init__(self, error: OSError) -> None:
        super().__init__(str(error))
        self.error = error


class EarlyReply(Exception):
    """The server answers, or closes, before the body is sent: go and read the reply."""


class HttpConnection:
    """A socket, used by one thread at a time; only `abort` may be called by others."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._is_plain = not isinstance(sock, ssl.SSLSocket)
        if self._is_plain:
            # The system ends each wait: Python would ask it before each call whether there is something to wait for.
            slice_time = struct.pack("@ll", int(SLICE_SECONDS), int(SLICE_SECONDS % 1 * 1e6))
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, slice_time)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, slice_time)
            sock.settimeout(None)
        else:
            sock.settimeout(SLICE_SECONDS)
        self._poller = select.poll()
        self._poller.register(sock, select.POLLIN)
        self._buffer = bytearray()
        """Read from the socket, not yet given out."""
        self._left: int | None = 0
        """Bytes of the current body (or chunk) still to come; ``None``: until the server closes."""
        self._is_chunked = False
        self._unsent = 0
        self._looked_at = time.monotonic()
        self.keeps_alive = True
        """It may be used for another request when the body is read to its end."""
        self.was_used = False
        self.idle_since = 0.0
        self.token = _NOBODY
        self.guard: StallGuard | None = None

    # -- sending -----------------------------------------------------------------------------------

    def send(self, data: bytes | memoryview) -> None:
        """All of it.

        Raises:
            Broken: The connection.
            EarlyReply: There is an answer already; what was not sent is not wanted.
            Retryable: ``stalled``.
            Interrupted: The token was cancelled.
        """
        view = memoryview(data)
        while True:
            if time.monotonic() - self._looked_at > _LOOK_SECONDS:
                self._look_for_reply()
            try:
                count = self._sock.send(view)
            except _NOT_NOW:
                self._waited()
                continue
            except OSError as error:
                raise Broken(error) from error
            if self.guard is not None:
                self.guard.moved(count)
                self.guard.check()
            if count == len(view):
                return
            view = view[count:]

    def _look_for_reply(self) -> None:
        self._looked_at = time.monotonic()
        if not self._is_readable():
            return
        try:
            if self._is_plain:
                data = self._sock.recv(_READ_AHEAD, socket.MSG_DONTWAIT)
            else:
                self._sock.settimeout(0)
                data = self._sock.recv(_READ_AHEAD)
        except _NOT_NOW:
            return  # something of TLS itself
        except OSError as error:
            raise Broken(error) from error
        finally:
            if not self._is_plain:
                self._sock.settimeout(SLICE_SECONDS)
        self._buffer += data
        if not data or not self._drop_interim():
            raise EarlyReply

    def _drop_interim(self) -> bool:
        """What came is only "100 Continue" or the like; what is whole of it is dropped."""
        while self._buffer:
            if len(self._buffer) > MAX_HEAD or not b"HTTP/1.1 1".startswith(bytes(self._buffer[:10])):
                return False
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                break
            del self._buffer[: end + 4]
        return True

    def _waited(self) -> None:
        """A slice is over and nothing has moved, as far as one can see from here."""
        self.token.check()
        if self.guard is None:
            return
        # What was handed to the system may take it a while: that moves too.
        unsent = unsent_bytes(self._sock)
        self.guard.moved(self._unsent - unsent)
        self._unsent = unsent
        self.guard.check()

    # -- receiving ---------------------------------------------------------------------------------

    def _receive(self) -> int:
        """Read something into the buffer; 0 at the end of the stream."""
        while True:
            try:
                data = self._sock.recv(_READ_AHEAD)
            except _NOT_NOW:
                self._waited()
                continue
            except OSError as error:
                raise Broken(error) from error
            self._buffer += data
            self._moved(len(data))
            return len(data)

    def _receive_into(self, view: memoryview) -> int:
        while True:
            try:
                # Full buffers, if that takes no longer than a slice: each call may cost a turn of all other threads.
                count = self._sock.recv_into(view, 0, _ALL if self._is_plain else 0)
            except _NOT_NOW:
                self._waited()
                continue
            except OSError as error:
                raise Broken(error) from error
            self._moved(count)
            return count

    def _moved(self, count: int) -> None:
        if count and self.guard is not None:
            self.guard.moved(count)
            self.guard.check()

    def read_head(self, method: str) -> Head:
        """The head of the next reply; interim ones (100 Continue) are passed over.

        Raises:
            Broken: The connection; also where the server closed without a reply.
            Retryable: ``bad-reply``, ``truncated``, ``stalled``.
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
                raise Broken(ConnectionResetError("closed without a reply"))
        text = bytes(buffer[:end]).decode("latin-1")
        del buffer[: end + 4]
        return parse_head(text)

    def _prepare_body(self, head: Head, method: str) -> None:
        self.keeps_alive = head.keeps_alive
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

    @property
    def is_at_end(self) -> bool:
        """The whole body was read."""
        return self._left == 0

    def _next_chunk(self, *, first: bool = False) -> None:
        if not first and self._line():
            raise Retryable("bad-reply", detail="a chunk is longer than it said")
        size = chunk_size(self._line())
        if size == 0:
            for _ in range(_MOST_TRAILERS):
                if not self._line():
                    break
            else:
                raise Retryable("bad-reply", detail="the trailers do not end")
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
        """The body, up to `most` bytes; if there is more, the connection is not used again."""
        if self._left == 0:
            return b""
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

    def _is_readable(self) -> bool:
        if isinstance(self._sock, ssl.SSLSocket) and self._sock.pending():
            return True
        return bool(self._poller.poll(0))

    def is_stale(self) -> bool:
        """While idle, something came: the server has closed it, or it makes no sense.

        One that was used just now is believed: where it has been closed since, its next request is sent again.
        """
        self._looked_at = now = time.monotonic()
        try:
            return bool(self._buffer) or (now - self.idle_since > _JUST_NOW and self._is_readable())
        except (OSError, ValueError):
            return True

    def lay_down(self) -> None:
        """Nobody uses it for now."""
        self.was_used = True
        self.idle_since = time.monotonic()
        self.token, self.guard = _NOBODY, None

    def abort(self) -> None:
        """From any thread: whoever is inside gets an error at once."""
        shut_down(self._sock)

    def close(self) -> None:
        """Idempotent."""
        self._sock.close()


def shut_down(sock: socket.socket) -> None:
    """End both directions, under the hands of whoever reads or writes."""
    try:
        # Not SSLSocket.shutdown, which forgets the TLS state that another thread is using.
        socket.socket.shutdown(sock, socket.SHUT_RDWR)
    except OSError:
        pass  # It is closed already, or was never connected.
