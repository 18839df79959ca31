"""One request and its answer: signed, sent, cancelled, sent again where that is without risk."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from engine.errors import Permanent, Retryable, TransferError
from engine.pace.cancel import CancelToken, Hook
from engine.pace.clock import Clock
from engine.pace.watchdog import StallGuard
from engine.s3.wire.errors import network_error
from engine.s3.wire.head import Head
from engine.s3.wire.http import Broken, EarlyReply, HttpConnection
from engine.s3.wire.origin import Origin
from engine.s3.wire.pool import Pool
from engine.s3.wire.refusal import refusal
from engine.s3.wire.sign import EMPTY_SHA256, UNSIGNED, Credentials, quote_query, sign

if TYPE_CHECKING:
    from engine.s3.endpoint import Address, Endpoint

Pieces = Callable[[], Iterator[memoryview]]

MAX_ERROR_BODY = 64 * 1024
_UNSIGNED_HEADERS = {"user-agent": "s3tui", "accept-encoding": "identity"}
"""Proxies change these, so they are no part of the signature."""
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
    body: memoryview | None = None
    """What `pieces` makes, where it is at hand as a whole and no rate limit has to be heeded."""
    operation: str = ""
    subject: str = ""


@dataclass(slots=True)
class _Tried:
    """A request that was sent, and the head of what came back."""

    origin: Origin
    connection: HttpConnection
    hook: Hook
    """Set until the connection is laid down: it shuts it down when the token is cancelled."""
    head: Head
    credentials: Credentials | None


class Answer:
    """The answer to one request. Used by one thread, as a ``with`` block; then the connection is given back."""

    __slots__ = ("_connection", "_exchange", "_tried", "head", "request")

    def __init__(self, exchange: Exchange, request: Request, tried: _Tried) -> None:
        self.head, self.request = tried.head, request
        self._exchange, self._tried, self._connection = exchange, tried, tried.connection

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._exchange.lay_down(self._tried, is_good=kind is None)

    def read_into(self, view: memoryview) -> int:
        """Some of the body; 0 where it ends, as it should (`is_at_end`) or too early.

        Raises:
            TransferError: ``connection-lost``, ``stalled``, ``bad-reply``.
            Interrupted: The token was cancelled.
        """
        try:
            count = self._connection.read_into(view)
        except (Broken, TransferError) as error:
            raise self._exchange.explained(error, self.request, self._connection.token) from _cause(error)
        if count == 0:
            self._connection.token.check()
        return count

    def read_all(self, most: int) -> bytes:
        """The body, as far as it comes, up to `most` bytes. Raises as `read_into`."""
        if self.is_at_end:
            return b""
        try:
            body = self._connection.read_all(most)
        except (Broken, TransferError) as error:
            raise self._exchange.explained(error, self.request, self._connection.token) from _cause(error)
        if not self.is_at_end:
            self._connection.token.check()
        return body

    @property
    def is_at_end(self) -> bool:
        """The whole body was read."""
        return self._connection.is_at_end

    @property
    def names(self) -> dict[str, Any]:
        """What an error about it says of what was being done."""
        return {"operation": self.request.operation, "subject": self.request.subject}

    def hold(self) -> None:
        """From here on the caller takes its time; the server is not to blame."""
        if self._connection.guard is not None:
            self._connection.guard.hold()

    def resume(self) -> None:
        """From here on the server is waited for."""
        if self._connection.guard is not None:
            self._connection.guard.resume()


class Exchange:
    """Talks to one endpoint. Safe from any thread."""

    def __init__(self, endpoint: Endpoint, pool: Pool, clock: Clock) -> None:
        self._endpoint, self._pool, self._clock = endpoint, pool, clock

    def ask(self, request: Request, token: CancelToken, good: tuple[int, ...]) -> Answer:
        """The answer, its body still to be read; for a ``with`` block.

        Raises:
            TransferError: The answer is none of `good`, or there was none.
            Interrupted: `token` was cancelled.
        """
        is_first = True
        while True:
            try:
                tried = self._send(request, token)
            except (Broken, TransferError) as error:
                raise self.explained(error, request, token) from _cause(error)
            if tried.head.status in good:
                return Answer(self, request, tried)
            refused = self._refused(request, tried, token)
            if not (is_first and self._is_healed(refused, tried.credentials)):
                raise refused
            is_first = False

    def explained(self, error: Broken | TransferError, request: Request, token: CancelToken) -> TransferError:
        """The error to raise for what failed, with its names.

        Raises:
            Interrupted: It is that the token was cancelled.
        """
        token.check()
        if isinstance(error, Broken):
            return network_error(
                error.error,
                operation=request.operation,
                subject=request.subject,
                connection_id=self._endpoint.id,
                was_reached=self._endpoint.was_reached,
            )
        error.operation = error.operation or request.operation
        error.subject = error.subject or request.subject
        return error

    def lay_down(self, tried: _Tried, *, is_good: bool) -> None:
        """The answer was read, or given up."""
        tried.hook.drop()
        if is_good:
            self._pool.give_back(tried.origin, tried.connection)
        else:
            tried.connection.close()

    # -- sending -----------------------------------------------------------------------------------

    def _send(self, request: Request, token: CancelToken) -> _Tried:
        """Send, and read the head of the reply; once more where a kept connection turned out dead."""
        address = self._endpoint.address(request.bucket, request.key)
        fresh = False
        while True:
            connection = self._pool.take(address.origin, token, fresh=fresh)
            try:
                return self._send_on(connection, request, address, token)
            except Broken:
                connection.close()
                token.check()
                if fresh or not connection.was_used:
                    raise
                fresh = True
            except BaseException as error:
                connection.close()
                if isinstance(error, Retryable) and error.code == "stalled":
                    self._pool.forget(address.origin)
                raise

    def _send_on(
        self, connection: HttpConnection, request: Request, address: Address, token: CancelToken
    ) -> _Tried:
        endpoint = self._endpoint
        # Asked for just before it is used: what was sent long after it was signed is refused.
        credentials = endpoint.credentials()
        try:
            head_bytes = self._head(request, address, credentials)
        except UnicodeEncodeError:
            raise Permanent("bad-request", detail="a header is no text") from None
        connection.token = token
        connection.guard = guard = StallGuard(self._clock)
        hook = token.hook(connection.abort)
        hook.set()
        try:
            is_complete = _send_all(connection, head_bytes, request, guard)
            head = connection.read_head(request.method)
            endpoint.was_reached = True
            if not is_complete:
                connection.keeps_alive = False
                if head.status < 300:
                    raise Retryable("bad-reply", detail="it came before the whole body was sent")
        except BaseException:
            hook.drop()
            raise
        # A refusal may be one of our clock, which is for `refusal` to see.
        if endpoint.clock_offset is None and head.status < 300 and (date := head.headers.get("date")):
            endpoint.observe_date(date)
        return _Tried(address.origin, connection, hook, head, credentials)

    def _head(self, request: Request, address: Address, credentials: Credentials | None) -> bytes:
        query = quote_query(request.query) if request.query else ""
        headers = {"host": address.host, **request.headers}
        if self._endpoint.profile.request_payer:
            headers["x-amz-request-payer"] = "requester"
        if credentials is not None:
            headers |= sign(
                credentials,
                self._endpoint.region,
                self._endpoint.now(),
                request.method,
                address.path,
                query,
                headers,
                EMPTY_SHA256 if request.pieces is None else UNSIGNED,
            )
        headers |= _UNSIGNED_HEADERS
        if request.pieces is not None:
            headers["content-length"] = str(request.length)
        target = f"{address.path}?{query}" if query else address.path
        proxy = self._pool.proxy_for(address.origin)
        if proxy is not None and address.origin.scheme == "http":
            target = f"http://{address.host}{target}"
            if proxy.authorization is not None:
                headers["proxy-authorization"] = proxy.authorization
        lines = [f"{request.method} {target} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        text = "\r\n".join(lines)
        breaks = len(lines) - 1
        if text.count("\r") != breaks or text.count("\n") != breaks or "\0" in text:
            raise Permanent("bad-request", detail="a header would hold a line break")
        return f"{text}\r\n\r\n".encode()

    # -- refusals ----------------------------------------------------------------------------------

    def _refused(self, request: Request, tried: _Tried, token: CancelToken) -> TransferError:
        """What the answer means that is not the one hoped for. Lets go of the connection."""
        connection = tried.connection
        body = b""
        try:
            if request.method != "HEAD":
                body = connection.read_all(MAX_ERROR_BODY)
        except (Broken, Retryable):
            connection.keeps_alive = False  # The status says enough.
        except BaseException:
            self.lay_down(tried, is_good=False)
            raise
        self.lay_down(tried, is_good=True)
        token.check()
        return refusal(self._endpoint, request, tried.head, body, tried.credentials)

    def _is_healed(self, error: TransferError, used: Credentials | None) -> bool:
        """Asking again is likely to help: the reply has told the time, or there are other credentials now."""
        if error.code == "clock-skew":
            return True
        if error.code not in ("credentials", "wrong-key", "wrong-secret"):
            return False
        self._endpoint.reload_credentials()
        return error.code == "credentials" and self._endpoint.credentials() != used


def _cause(error: Broken | TransferError) -> BaseException | None:
    return error.error if isinstance(error, Broken) else error.__cause__


def _send_all(connection: HttpConnection, head: bytes, request: Request, guard: StallGuard) -> bool:
    """Send head and body; false if the server answered, or closed, before it had everything."""
    if request.body is not None and len(request.body) <= _SMALL_BODY:
        try:
            connection.send(head + request.body)
        except EarlyReply:
            return False
        except Broken:
            connection.token.check()
            return False  # As below.
        return True
    pieces = iter(()) if request.pieces is None else request.pieces()
    sent = 0
    while True:
        # The time that a slow disk or a rate limit takes is not the server's.
        guard.hold()
        try:
            piece = next(pieces, None)
        finally:
            guard.resume()
        sent += 0 if piece is None else len(piece)
        if sent > request.length or (piece is None and sent < request.length):
            raise Permanent("internal", detail=f"{sent} bytes to send instead of {request.length}")
        try:
            if head and (piece is None or len(piece) <= _SMALL_BODY):
                connection.send(head if piece is None else head + piece)
            else:
                if head:
                    connection.send(head)
                if piece is not None:
                    connection.send(piece)
        except EarlyReply:
            return False
        except Broken:
            # It may have answered before it had read everything, and closed. With nothing to read,
            # reading says so.
            connection.token.check()
            return False
        if piece is None:
            return True
        head = b""
