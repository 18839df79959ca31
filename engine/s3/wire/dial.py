"""Making a connection: name, TCP, proxy, TLS. Each step has a deadline and ends at once when cancelled."""

from __future__ import annotations

import errno
import os
import select
import socket
import ssl
import threading
import time
from collections.abc import Callable
from typing import Any

from engine.errors import Permanent, Retryable
from engine.pace.cancel import CancelToken
from engine.pace.clock import SystemClock
from engine.pace.threads import start
from engine.pace.watchdog import StallGuard
from engine.s3.wire.http import SLICE_SECONDS, Broken, HttpConnection, shut_down
from engine.s3.wire.origin import Origin, Proxy

CONNECT_SECONDS = 10.0
"""For each step: the name, the connection, what the proxy says, the handshake."""

_POLL_SECONDS = 0.2

_Addresses = list[tuple[Any, ...]]


def dial(
    origin: Origin,
    proxy: Proxy | None,
    tls: Callable[[], ssl.SSLContext],
    token: CancelToken,
    *,
    seconds: float = CONNECT_SECONDS,
) -> socket.socket:
    """A socket that is connected, and secured where `origin` is https.

    Args:
        tls: Makes the context when it is needed.

    Raises:
        Broken: It cannot be made; `errors.network_error` explains.
        Permanent: ``tls``, ``access-denied``, ``not-supported`` (the proxy).
        Retryable: ``short-of-resources``.
        Interrupted: `token` was cancelled.
    """
    secured = origin.scheme == "https"
    if proxy is None:
        sock = connect(origin.host, origin.port, token, seconds)
        return _secure(sock, origin.host, tls, token, seconds) if secured else sock
    if secured and proxy.scheme == "https":
        raise Permanent(
            "not-supported",
            operation="connect through",
            subject="the proxy",
            detail="an https:// proxy for an https:// endpoint; give it as http://",
        )
    sock = connect(proxy.host, proxy.port, token, seconds)
    if proxy.scheme == "https":
        sock = _secure(sock, proxy.host, tls, token, seconds)
    if secured:
        _tunnel(sock, origin, proxy, token, seconds)
        sock = _secure(sock, origin.host, tls, token, seconds)
    return sock


# -- name and TCP ----------------------------------------------------------------------------------


def connect(host: str, port: int, token: CancelToken, seconds: float = CONNECT_SECONDS) -> socket.socket:
    """A TCP connection to the first address of a host that takes it."""
    addresses = _resolve(host, port, token, seconds)
    deadline = time.monotonic() + seconds
    failure = OSError(errno.EHOSTUNREACH, "the host has no address")
    for index, (family, kind, protocol, _, address) in enumerate(addresses):
        # A first address that never answers leaves time for the others.
        now = time.monotonic()
        until = now + max(0.0, deadline - now) / (len(addresses) - index)
        try:
            return _connect_one(family, kind, protocol, address, until, token)
        except OSError as error:
            failure = error
    raise Broken(failure) from failure


def _connect_one(
    family: int, kind: int, protocol: int, address: Any, until: float, token: CancelToken
) -> socket.socket:
    token.check()
    sock = socket.socket(family, kind, protocol)
    try:
        sock.setblocking(False)
        code = sock.connect_ex(address)
        if code in (errno.EINPROGRESS, errno.EWOULDBLOCK, errno.EINTR):
            _wait_for_connection(sock, until, token)
            code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            raise OSError(code, os.strerror(code))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        sock.settimeout(SLICE_SECONDS)
        return sock
    except BaseException:
        sock.close()
        raise


def _wait_for_connection(sock: socket.socket, until: float, token: CancelToken) -> None:
    poller = select.poll()
    poller.register(sock, select.POLLOUT)
    while True:
        left = until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        if poller.poll(min(left, _POLL_SECONDS) * 1000):
            return
        token.check()


def _resolve(host: str, port: int, token: CancelToken, seconds: float) -> _Addresses:
    """The addresses of a host. The system's resolver cannot be stopped: it is left behind instead."""
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, host)
        except OSError:
            continue
        return _look_up(host, port)
    answer: list[_Addresses | BaseException] = []
    done = threading.Event()

    def look_up() -> None:
        try:
            answer.append(_look_up(host, port))
        except BaseException as error:
            answer.append(error)
        done.set()

    start(threading.Thread(target=look_up, name="resolve", daemon=True), operation=f"look up {host}")
    with token.hook(done.set):
        done.wait(seconds)
    token.check()
    if not answer:
        raise Broken(socket.gaierror(socket.EAI_AGAIN, f"{host}: the name server does not answer"))
    if isinstance(answer[0], BaseException):
        raise answer[0]
    return answer[0]


def _look_up(host: str, port: int) -> _Addresses:
    try:
        found: _Addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        raise Broken(socket.gaierror(error.errno, f"{host}: {error.strerror}")) from error
    except OSError as error:
        raise Broken(error) from error
    except UnicodeError as error:
        raise Permanent("unknown-host", operation="look up", subject=host) from error
    return found


# -- proxy and TLS ---------------------------------------------------------------------------------


def _tunnel(sock: socket.socket, origin: Origin, proxy: Proxy, token: CancelToken, seconds: float) -> None:
    """Have the proxy connect to a server."""
    target = f"{origin.bracketed}:{origin.port}"
    lines = [f"CONNECT {target} HTTP/1.1", f"Host: {target}"]
    if proxy.authorization is not None:
        lines.append(f"Proxy-Authorization: {proxy.authorization}")
    connection = HttpConnection(sock)
    connection.token = token
    connection.guard = StallGuard(SystemClock(), idle_seconds=seconds)
    status = 0
    try:
        with token.hook(connection.abort):
            connection.send(("\r\n".join(lines) + "\r\n\r\n").encode("utf-8"))
            status = connection.read_head("HEAD").status  # like a HEAD's, its answer has no body
    except (Broken, Retryable) as error:
        token.check()
        raise Broken(OSError(errno.EHOSTUNREACH, "the proxy does not answer")) from error
    finally:
        if status != 200:
            connection.close()
    if status == 200:
        return
    if status in (502, 503, 504):
        raise Broken(OSError(errno.EHOSTUNREACH, f"the proxy cannot reach it ({status})"))
    detail = "it asks for a user and a password" if status == 407 else f"it answers {status}"
    raise Permanent(
        "access-denied", operation="connect through", subject="the proxy", detail=detail, status=status
    )


def _secure(
    sock: socket.socket, host: str, tls: Callable[[], ssl.SSLContext], token: CancelToken, seconds: float
) -> ssl.SSLSocket:
    """TLS on top of a connection; the server's certificate is checked, and its name."""
    deadline = time.monotonic() + seconds
    secured: ssl.SSLSocket | None = None
    try:
        with token.hook(lambda: shut_down(secured or sock)):
            sock.settimeout(SLICE_SECONDS)
            secured = tls().wrap_socket(sock, server_hostname=host, do_handshake_on_connect=False)
            while True:
                try:
                    secured.do_handshake()
                    return secured
                except (TimeoutError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                    token.check()
                    if time.monotonic() >= deadline:
                        raise Broken(TimeoutError()) from None
    except BaseException as error:
        (secured or sock).close()
        if isinstance(error, OSError):
            token.check()
            raise Broken(error) from error
        if isinstance(error, UnicodeError):
            raise Permanent("unknown-host", operation="connect to", subject=host) from error
        raise


def tls_context(ca_file: str | None) -> ssl.SSLContext:
    """Certificates are always checked; `ca_file` says against what, else the system's and botocore's.

    Raises:
        Permanent: ``tls``: the CA file cannot be read.
    """
    try:
        context = ssl.create_default_context(cafile=ca_file)
        # New Pythons add this flag, and refuse private authorities that every other S3 tool takes.
        context.verify_flags &= ~getattr(ssl, "VERIFY_X509_STRICT", 0)
        if ca_file is None and not context.cert_store_stats()["x509_ca"]:
            import botocore.httpsession

            context.load_verify_locations(botocore.httpsession.where())
        return context
    except (OSError, ValueError) as error:
        detail = getattr(error, "strerror", None) or "it holds no certificate"
        raise Permanent(
            "tls", operation="read the CA file", subject=ca_file or "", detail=str(detail)
        ) from error
