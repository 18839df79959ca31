"""A small HTTP server that is no S3: one body to read, and a memory of what was written."""

from __future__ import annotations

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

BODY = bytes(range(256)) * 4096  # 1 MiB in which every byte tells its place


class Upstream(ThreadingHTTPServer):
    """Answers GET with BODY (or a range of it) and keeps what was PUT, whole or broken off."""

    daemon_threads = True
    block_on_close = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.got: list[bytes] = []
        self.hosts: list[str] = []
        self.refuse_early = False

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A reset connection is what these tests are about."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Upstream

    def do_GET(self) -> None:
        self.server.hosts.append(self.headers["Host"])
        if "chunked" in self.path:
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.wfile.write(b"5;ext=1\r\nhello\r\n6\r\n world\r\n0\r\nX-Trailer: 1\r\n\r\n")
            return
        first = 0
        if wanted := self.headers["Range"]:
            first = int(wanted.removeprefix("bytes=").rstrip("-"))
        self.send_response(206 if wanted else 200)
        self.send_header("Content-Length", str(len(BODY) - first))
        self.send_header("ETag", '"one"')
        self.end_headers()
        self.wfile.write(BODY[first:])

    def do_HEAD(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(BODY)))
        self.end_headers()

    def do_PUT(self) -> None:
        if self.server.refuse_early:
            self.send_response(403)
            self.send_header("Content-Length", "6")
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(b"denied")
            self.wfile.flush()
            self.rfile.read(int(self.headers["Content-Length"]))
            return
        try:
            self.server.got.append(self.rfile.read(int(self.headers["Content-Length"])))
        except OSError:
            self.server.got.append(b"reset")
            raise
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Nothing on the screen."""
