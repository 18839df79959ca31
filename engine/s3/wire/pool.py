"""Connections that are kept open between requests."""

from __future__ import annotations

import ssl
import threading
import time
from collections import deque
from collections.abc import Mapping

from engine.pace.cancel import CancelToken
from engine.s3.wire.dial import CONNECT_SECONDS, dial, tls_context
from engine.s3.wire.http import HttpConnection
from engine.s3.wire.origin import Origin, Proxy, parse_proxy

IDLE_SECONDS = 20.0
"""Longer than that an unused connection is not trusted: many servers close after 5 to 60 s."""
_MOST_IDLE = 64


class Pool:
    """Idle connections of one endpoint, newest first.

    Guarantees: safe from any thread; `_lock` guards `_idle`, and nothing is called while it is held.
    `_tls_lock` is held while the certificates are read, once.
    """

    def __init__(
        self,
        *,
        ca_file: str | None = None,
        proxies: Mapping[str, str] | None = None,
        connect_seconds: float = CONNECT_SECONDS,
    ) -> None:
        self._lock, self._tls_lock = threading.Lock(), threading.Lock()
        self._idle: dict[Origin, deque[HttpConnection]] = {}
        self._ca_file = ca_file
        self._proxies = {scheme: parse_proxy(url) for scheme, url in (proxies or {}).items()}
        self._connect_seconds = connect_seconds
        self._tls: ssl.SSLContext | None = None
        self._is_closed = False

    def proxy_for(self, origin: Origin) -> Proxy | None:
        """What stands before an origin."""
        return self._proxies.get(origin.scheme)

    def take(self, origin: Origin, token: CancelToken, *, fresh: bool = False) -> HttpConnection:
        """A connection that is open as far as one can tell.

        Raises:
            Broken, Permanent: It cannot be made.
            Interrupted: `token` was cancelled.
        """
        token.check()
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
        proxy = self.proxy_for(origin)
        return HttpConnection(dial(origin, proxy, self._context, token, seconds=self._connect_seconds))

    def give_back(self, origin: Origin, connection: HttpConnection) -> None:
        """It may be used again if its last reply was read to the end; else it is closed."""
        connection.lay_down()
        spare = []
        if not (connection.keeps_alive and connection.is_at_end):
            spare.append(connection)
        else:
            with self._lock:
                idle = self._idle.setdefault(origin, deque())
                idle.appendleft(connection)
                while idle and (self._is_closed or len(idle) > _MOST_IDLE or _is_old(idle[-1], connection)):
                    spare.append(idle.pop())
        for one in spare:
            one.close()

    def forget(self, origin: Origin) -> None:
        """Close what is idle there: the network has changed, or something on the way has died."""
        with self._lock:
            idle = self._idle.pop(origin, deque())
        for connection in idle:
            connection.close()

    def close(self) -> None:
        """Close what is idle; what is in use is closed when it is given back."""
        with self._lock:
            self._is_closed = True
            idle, self._idle = self._idle, {}
        for connections in idle.values():
            for connection in connections:
                connection.close()

    def _context(self) -> ssl.SSLContext:
        with self._tls_lock:
            if self._tls is None:
                self._tls = tls_context(self._ca_file)
            return self._tls


def _is_old(connection: HttpConnection, newest: HttpConnection) -> bool:
    return newest.idle_since - connection.idle_since > IDLE_SECONDS
