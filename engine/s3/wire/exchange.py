"""One request and its answer: signed, sent, cancelled, retried where that is without risk."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engine.errors import Condition, Interrupted, Retryable, TransferError
from engine.pace.cancel import CancelToken
from engine.pace.clock import Clock
from engine.pace.watchdog import StallGuard
from engine.s3.wire.errors import error_for, network_error, parse_error
from engine.s3.wire.http import Head, HttpConnection
from engine.s3.wire.pool import Origin, Pool, proxy_authorization
from engine.s3.wire.sign import EMPTY_SHA256, UNSIGNED, quote_query, sign

if TYPE_CHECKING:
    from engine.s3.endpoint import Endpoint

log = logging.getLogger(__name__)

Pieces = Callable[[], Iterator[memoryview]]

MAX_ERROR_BODY = 64 * 1024
USER_AGENT = "s3tui"
_SMALL_BODY = 64 * 1024


@dataclass(slots=True)
class Request:
    """What is asked."""

    method: str
    bucket: str
    key: str = ""
    query: tuple[tuple[str, str], ...] = ()
    headers: dict[str, str] = field(default_factory=dict)
    """Lower-case names; all are signed."""
    pieces: Pieces | None = None
    """Makes the body anew each time it is called."""
    length: int = 0
    operation: str = ""
    subject: str = ""


class Exchange:
    """Talks to one endpoint. Safe from any thread."""

    def __init__(self, endpoint: Endpoint, pool: Pool, clock: Clock) -> None:
        self._endpoint, self._pool, self._clock = endpoint, pool, clock

    @contextmanager
    def ask(
        self, request: Request, token: CancelToken, good: tuple[int, ...]
    ) -> Iterator[tuple[Head, HttpConnection]]:
        """The reply, its body still to be read inside the ``with`` block.

        Raises:
            TransferError: The answer is none of `good`, or there was none.
            Interrupted: `token` was cancelled.
        """
        may_resign = True
        while True:
            try:
                with self._once(request, token, good) as answer:
                    yield answer
                return
            except Condition as error:
                # A wrong clock is learnt from the refusal itself; then it is right.
                if error.code != "clock-skew" or not may_resign:
                    raise
                may_resign = False

    @contextmanager
    def _once(
        self, request: Request, token: CancelToken, good: tuple[int, ...]
    ) -> Iterator[tuple[Head, HttpConnection]]:
        address = self._endpoint.address(request.bucket, request.key)
        connection: HttpConnection | None = None
        try:
            head, connection = self._send(request, address.origin, address.host, address.path, token)
            with token.hook(connection.abort):
                if head.status not in good:
                    raise self._refused(request, head, connection)
                yield head, connection
            self._pool.give_back(address.origin, connection)
            connection = None
        except (OSError, ValueError) as error:
            token.check()
            raise self._broken(error, request) from error
        except TransferError as error:
            token.check()
            if connection is not None and connection.is_at_end:
                self._pool.give_back(address.origin, connection)
                connection = None
            error.operation = error.operation or request.operation
            error.subject = error.subject or request.subject
            raise
        finally:
            if connection is not None:
                connection.close()

    def _broken(self, error: Exception, request: Request) -> TransferError:
        return network_error(
            error, operation=request.operation, subject=request.subject, connection_id=self._endpoint.id
        )

    # -- sending -----------------------------------------------------------------------------------

    def _send(
        self, request: Request, origin: Origin, host: str, path: str, token: CancelToken
    ) -> tuple[Head, HttpConnection]:
        """Send, and read the head of the reply; once more where an idle connection turned out dead."""
        fresh = False
        while True:
            connection = self._pool.take(origin, token, fresh=fresh)
            was_used = connection.was_used
            connection.token = token
            guard = connection.guard = StallGuard(self._clock)
            try:
                with token.hook(connection.abort):
                    head_bytes = self._head(request, origin, host, path)
                    self._send_body(connection, head_bytes, request, guard)
                    head = connection.read_head(request.method)
                    date = head.headers.get("date")
                    if date and self._endpoint.clock_offset is None:
                        self._endpoint.observe_date(date)
                    return head, connection
            except OSError:
                connection.close()
                token.check()
                if not was_used or fresh:
                    raise
                fresh = True
            except BaseException:
                connection.close()
                raise

    def _send_body(
        self, connection: HttpConnection, head: bytes, request: Request, guard: StallGuard
    ) -> None:
        if request.pieces is None:
            connection.send(head)
            return
        try:
            pieces = request.pieces()
            sent = 0
            while True:
                with guard.suspend():
                    piece = next(pieces, None)
                if piece is None:
                    break
                sent += len(piece)
                if sent > request.length:
                    raise Retryable("internal", detail="more bytes than announced")
                if head and len(piece) <= _SMALL_BODY:
                    connection.send(head + bytes(piece))
                else:
                    if head:
                        connection.send(head)
                    connection.send(piece)
                head = b""
            if head:
                connection.send(head)
            if sent != request.length:
                raise Retryable("internal", detail=f"{sent} bytes instead of {request.length}")
        except (BrokenPipeError, ConnectionResetError):
            # The server may have answered before it had read everything, and closed.
            if connection.token.cancelled:
                raise Interrupted(connection.token.reason or "") from None
            connection.keeps_alive = False

    def _head(self, request: Request, origin: Origin, host: str, path: str) -> bytes:
        query = quote_query(request.query) if request.query else ""
        headers = {"host": host, **request.headers}
        credentials = self._endpoint.credentials()
        if credentials is not None:
            payload = UNSIGNED if request.pieces is not None else EMPTY_SHA256
            headers |= sign(
                credentials,
                self._endpoint.region,
                self._endpoint.now(),
                request.method,
                path,
                query,
                headers,
                payload,
            )
        headers["user-agent"] = USER_AGENT
        if request.pieces is not None:
            headers["content-length"] = str(request.length)
        target = f"{path}?{query}" if query else path
        proxy = self._pool.proxy_for(origin)
        if proxy is not None and origin.scheme == "http":
            target = f"http://{host}{target}"
            authorization = proxy_authorization(proxy)
            if authorization is not None:
                headers["proxy-authorization"] = authorization
        lines = [f"{request.method} {target} HTTP/1.1"]
        for name, value in headers.items():
            if "\r" in value or "\n" in value or "\0" in value:
                raise Retryable("internal", detail=f"the header {name} would hold a line break")
            lines.append(f"{name}: {value}")
        return ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8")

    # -- refusals ----------------------------------------------------------------------------------

    def _refused(self, request: Request, head: Head, connection: HttpConnection) -> TransferError:
        body = b"" if request.method == "HEAD" else connection.read_all(MAX_ERROR_BODY)
        error = parse_error(body)
        headers = head.headers
        endpoint = self._endpoint
        if head.status == 403 and headers.get("date"):
            endpoint.observe_date(headers["date"])
        status = head.status
        if body and not error.is_xml and status < 500 and "xml" not in headers.get("content-type", ""):
            status = 200 if b"<html" in body[:2048].lower() else status
        found = error_for(
            error.code,
            status,
            message=error.message,
            operation=request.operation,
            subject=request.subject,
            connection_id=endpoint.id,
            request_id=error.request_id or headers.get("x-amz-request-id", ""),
            retry_after=retry_after(headers),
            skew=endpoint.clock_offset,
            region=headers.get("x-amz-bucket-region", "") or error.region,
        )
        if found.code == "credentials":
            endpoint.reload_credentials()
        return found


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that the server asked to wait."""
    text = headers.get("retry-after", "")
    return float(text) if text.isascii() and text.isdigit() else None
