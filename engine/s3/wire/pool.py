"""Connections that are kept open between requests."""

from __future__ import annotations

import base64
import socket
import ssl
import threading
import time
from collections import deque
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from engine.errors import Permanent
from engine.pace.cancel import CancelToken
from engine.s3.wire.http import HttpConnection

CONNECT_SECONDS = 10.0
IDLE_SECONDS = 20.0
"""Longer than that an unused connection is not trusted: many servers close after 5 to 60 s."""
_MOST_IDLE = 64
_SOCKET_BUFFER = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Origin:
    """Where connections go."""

    scheme: str
    host: str
    port: int

    @property
    def netloc(self) -> str:
        """As the Host header has it: the port only where it is not the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.scheme == "https" else 80) else f"{host}:{self.port}"


class Pool:
    """Idle connections of one endpoint, newest first.

    Guarantees: safe from any thread; `_lock` guards `_idle`, and nothing is called while it is held.
    """

    def __init__(self, *, ca_file: str | None = None, proxies: dict[str, str] | None = None) -> None:
        self._lock = threading.Lock()
        self._idle: dict[Origin, deque[HttpConnection]] = {}
        self._ca_file = ca_file
        self._proxies = proxies or {}
        """Proxy URL by scheme; may hold a password."""
        self._tls: ssl.SSLContext | None = None
        self._is_closed = False

    def proxy_for(self, origin: Origin) -> str | None:
        """The proxy's URL, for whoever writes the request line."""
        return self._proxies.get(origin.scheme)

    def take(self, origin: Origin, token: CancelToken, *, fresh: bool = False) -> HttpConnection:
        """A connection that is open as far as one can tell.

        Raises:
            OSError: It cannot be made; see `errors.network_error`.
            Interrupted: `token` was cancelled.
        """
        now = time.monotonic()
        while not fresh:
            with self._lock:
                idle = self._idle.get(origin)
                connection = idle.popleft() if idle else None
            if connection is None:
                break
            if now - connection.idle_since < IDLE_SECONDS and not connection.is_stale():
                return connection
            connection.close()
        token.check()
        return HttpConnection(self._connect(origin, token))

    def give_back(self, origin: Origin, connection: HttpConnection) -> None:
        """It may be used again if its last reply was read to the end; else it is closed."""
        if not (connection.keeps_alive and connection.is_at_end):
            connection.close()
            return
        connection.was_used = True
        connection.idle_since = time.monotonic()
        connection.token, connection.guard = CancelToken(), None
        with self._lock:
            idle = self._idle.setdefault(origin, deque())
            if not self._is_closed and len(idle) < _MOST_IDLE:
                idle.appendleft(connection)
                return
        connection.close()

    def close(self) -> None:
        """Close what is idle; what is in use is closed when it is given back."""
        with self._lock:
            self._is_closed = True
            idle, self._idle = self._idle, {}
        for connections in idle.values():
            for connection in connections:
                connection.close()

    # -- connecting --------------------------------------------------------------------------------

    def _connect(self, origin: Origin, token: CancelToken) -> socket.socket:
        proxy = self._proxies.get(origin.scheme)
        if proxy is None:
            sock = _open(origin.host, origin.port, token)
            return self._wrap(sock, origin.host) if origin.scheme == "https" else sock
        parts = urlsplit(proxy)
        sock = _open(parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80), token)
        if parts.scheme == "https":
            sock = self._wrap(sock, parts.hostname or "")
        if origin.scheme == "https":
            _tunnel(sock, origin, proxy)
            sock = self._wrap(sock, origin.host)
        return sock

    def _wrap(self, sock: socket.socket, host: str) -> ssl.SSLSocket:
        with self._lock:
            if self._tls is None:
                self._tls = tls_context(self._ca_file)
            context = self._tls
        try:
            return context.wrap_socket(sock, server_hostname=host)
        except BaseException:
            sock.close()
            raise


def tls_context(ca_file: str | None) -> ssl.SSLContext:
    """Certificates are always checked; `ca_file` says against what, else the system's and botocore's.

    Raises:
        Permanent: ``tls``: the CA file cannot be read.
    """
    try:
        if ca_file is not None:
            return ssl.create_default_context(cafile=ca_file)
        context = ssl.create_default_context()
        if not context.cert_store_stats()["x509_ca"]:
            import botocore.httpsession

            context.load_verify_locations(botocore.httpsession.where())
        return context
    except (OSError, ssl.SSLError) as error:
        raise Permanent(
            "tls", operation="read the CA file", subject=ca_file or "", detail=str(error)
        ) from error


def _open(host: str, port: int, token: CancelToken) -> socket.socket:
    sock = socket.create_connection((host, port), timeout=CONNECT_SECONDS)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if token.cancelled:
        sock.close()
        token.check()
    return sock


def proxy_authorization(proxy: str) -> str | None:
    """The header's value, where the proxy's URL has a user in it."""
    parts = urlsplit(proxy)
    if parts.username is None:
        return None
    pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return "Basic " + base64.b64encode(pair.encode("utf-8")).decode("ascii")


def _tunnel(sock: socket.socket, origin: Origin, proxy: str) -> None:
    target = f"{origin.host}:{origin.port}"
    lines = [f"CONNECT {target} HTTP/1.1", f"Host: {target}"]
    authorization = proxy_authorization(proxy)
    if authorization is not None:
        lines.append(f"Proxy-Authorization: {authorization}")
    sock.sendall(("\r\n".join(lines) + "\r\n\r\n").encode("ascii"))
    reply = b""
    while b"\r\n\r\n" not in reply and len(reply) < 16384:
        data = sock.recv(1)  # not a byte more than the proxy's own reply: what follows is TLS
        if not data:
            break
        reply += data
    status = reply[9:12]
    if status != b"200":
        sock.close()
        detail = f"the proxy answered {status.decode('ascii', 'replace') or 'nothing'}"
        raise Permanent("offline", operation="connect through", subject="the proxy", detail=detail)
