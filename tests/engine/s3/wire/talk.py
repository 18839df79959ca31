"""A server that follows a script byte by byte: what no well-behaved server would send, and when."""

from __future__ import annotations

import select
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

PATIENCE = 20.0
"""Seconds after which a script gives up, so that a broken test ends."""


class Talk:
    """One connection as the server has it."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        sock.settimeout(PATIENCE)
        self._buffer = bytearray()
        self.count = 0
        """Requests so far."""
        self.line = ""
        """Request line of the newest request."""
        self.headers: dict[str, str] = {}

    def head(self) -> str:
        """Read the next request's head; returns the request line, empty if the other side has closed."""
        while b"\r\n\r\n" not in self._buffer:
            data = self.sock.recv(65536)
            if not data:
                self.line = ""
                return ""
            self._buffer += data
        self.count += 1
        raw = bytes(self._buffer).partition(b"\r\n\r\n")[0]
        del self._buffer[: len(raw) + 4]
        self.line, *lines = raw.decode().split("\r\n")
        self.headers = dict(line.split(": ", 1) for line in lines)
        return self.line

    def body(self, count: int | None = None) -> bytes:
        """Read that much of the body, or all of it."""
        count = int(self.headers["content-length"]) if count is None else count
        while len(self._buffer) < count:
            data = self.sock.recv(65536)
            if not data:
                break
            self._buffer += data
        body = bytes(self._buffer[:count])
        del self._buffer[:count]
        return body

    def say(self, *lines: str, body: bytes = b"") -> None:
        """Send status and header lines, and a body."""
        self.sock.sendall(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + body)

    def reply(self, status: str = "200 OK", *lines: str, body: bytes = b"") -> None:
        """A plain reply of known length, as S3 gives it."""
        self.say(f"HTTP/1.1 {status}", 'ETag: "e"', f"Content-Length: {len(body)}", *lines, body=body)

    def wait_for_end(self) -> None:
        """Until the other side has closed, or broken off."""
        try:
            while self.sock.recv(65536):
                pass
        except OSError:
            pass

    def has_more(self, seconds: float) -> bool:
        """Something comes within that time."""
        return bool(select.select([self.sock], [], [], seconds)[0])

    def reset(self) -> None:
        """Close with a reset instead of an orderly end."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()


Script = Callable[[Talk], None]


@dataclass
class TalkServer:
    """The server; each connection follows the next script, the last one for good."""

    port: int
    scripts: list[Script]
    connections: int = 0
    failures: list[BaseException] = field(default_factory=list)
    requests: int = 0
    """Of connections that have ended."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def talking(*scripts: Script, tls: ssl.SSLContext | None = None) -> Iterator[TalkServer]:
    """Run the server; what a script raises fails the test at the end."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = TalkServer(listener.getsockname()[1], list(scripts))
    threads = []

    def follow(sock: socket.socket, script: Script) -> None:
        try:
            if tls is not None:
                sock = tls.wrap_socket(sock, server_side=True)
            with sock:
                talk = Talk(sock)
                try:
                    script(talk)
                finally:
                    server.requests += talk.count
        except (ConnectionError, ssl.SSLError):
            pass  # The other side broke off, which many tests are about.
        except BaseException as failure:
            server.failures.append(failure)

    def accept() -> None:
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            script = server.scripts.pop(0) if len(server.scripts) > 1 else server.scripts[0]
            server.connections += 1
            threads.append(threading.Thread(target=follow, args=(sock, script), daemon=True))
            threads[-1].start()

    acceptor = threading.Thread(target=accept, daemon=True)
    acceptor.start()
    try:
        yield server
    finally:
        # Closing alone does not wake the thread that waits in accept().
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        acceptor.join(PATIENCE)
        for thread in threads:
            thread.join(PATIENCE)
    assert server.failures == []


def serve(answer: Script) -> Script:
    """A script that gives each request on a connection to `answer`, as long as there are more."""

    def script(talk: Talk) -> None:
        while talk.head():
            answer(talk)

    return script
