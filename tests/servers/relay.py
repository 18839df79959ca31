"""One client's connection through the proxy: its requests one after the other, with the faults meant for them."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable
from typing import Protocol, TypeAlias

from tests.servers.damage import Point, body_of, flipped, plan, reason_of, rewritten, until_taken
from tests.servers.exchange import Exchange
from tests.servers.faults import (
    Direction,
    HalfClose,
    HowToEnd,
    Latency,
    NoReply,
    Reply,
    RequestHead,
    Reset,
    Rewrite,
    Stall,
)
from tests.servers.http_body import (
    MAX_HEAD,
    MAX_READ,
    Body,
    Cut,
    ReplyHead,
    parse_reply,
    parse_request,
    read_head,
)

Accept: TypeAlias = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
CONNECT_TIMEOUT = 10.0
LINGER = 5.0
"""Seconds for which a client may go on sending after an early answer, so that it can read the answer."""


class Desk(Protocol):
    """What a connection needs of the proxy."""

    upstream: tuple[str, int]
    flowing: asyncio.Event
    """Clear while the line is frozen."""

    def begin(self, connection: int, head: RequestHead) -> Exchange: ...
    def change(self, change: Callable[[], None]) -> None: ...


class End(Exception):
    """The connection ends here, in this manner."""

    def __init__(self, how: HowToEnd = "close") -> None:
        super().__init__(how)
        self.how: HowToEnd = how


class ServerGone(Exception):
    """The server takes no more of the request; its answer may be on the way."""


def gone(sending: asyncio.Future[None]) -> bool:
    return sending.done() and isinstance(sending.exception(), ServerGone)


class ClientReader(asyncio.StreamReader):
    """Knows that the client is gone even while nobody reads."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(limit=MAX_HEAD, loop=loop)
        self.gone = asyncio.Event()

    def feed_eof(self) -> None:
        super().feed_eof()
        self.gone.set()

    def set_exception(self, exc: Exception) -> None:
        super().set_exception(exc)
        self.gone.set()


class ClientProtocol(asyncio.StreamReaderProtocol):
    """A connection of a client, among those that are open for as long as it is."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, accept: Accept, among: set[asyncio.WriteTransport]
    ) -> None:
        super().__init__(ClientReader(loop), accept, loop=loop)
        self._among = among
        self._own: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self._own = transport
        self._among.add(transport)
        super().connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._own is not None:
            self._among.discard(self._own)
        super().connection_lost(exc)


class Relay:
    """Reads requests from one client and forwards them over one connection to the server."""

    def __init__(self, desk: Desk, number: int, reader: ClientReader, writer: asyncio.StreamWriter) -> None:
        self._desk = desk
        self._number = number
        self._reader = reader
        self._writer = writer
        self._writer.transport.set_write_buffer_limits(high=0)
        self._server: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def run(self) -> None:
        """Until the client or a fault ends the connection. Raises nothing but its cancellation."""
        how: HowToEnd = "reset"
        try:
            while raw := await read_head(self._reader):
                await self._exchange(raw)
            how = "close"
        except End as end:
            how = end.how
        except (Cut, OSError, ServerGone, asyncio.LimitOverrunError, ValueError):
            how = "close"
        finally:
            if how == "stall":
                await self._reader.gone.wait()
            self.close(reset=how == "reset")

    def close(self, *, reset: bool) -> None:
        """End both connections; with `reset` the client sees RST."""
        if reset:
            sock = self._writer.get_extra_info("socket")
            if sock is not None and sock.fileno() >= 0:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._writer.transport.abort()
        else:
            self._writer.close()
        if self._server is not None:
            self._server[1].transport.abort()

    async def _exchange(self, raw: bytes) -> None:
        head = parse_request(raw)
        seen = self._desk.begin(self._number, head)
        await self._delay(seen, "up")
        body = Body.of_request(self._reader, head)
        for fault in seen.faults:
            if isinstance(fault, Reply):
                await self._answer(fault, body, seen)
                return
            if isinstance(fault, NoReply) and not fault.forward:
                raise End(fault.how)
        reader, writer = await self._connect()
        writer.write(raw)
        sending = asyncio.ensure_future(self._pump(body, writer, seen, "up"))
        answering = asyncio.ensure_future(self._bring_reply(reader, seen))
        try:
            await asyncio.wait({sending, answering}, return_when=asyncio.FIRST_EXCEPTION)
            if gone(sending):
                await asyncio.wait({answering})
            elif seen.ended:  # an early answer that ends the connection; the client may still be sending
                await asyncio.wait({sending}, timeout=LINGER)
            if gone(sending) and seen.ended:
                await self._linger(body)
            for task in (sending, answering):
                if task.done():
                    task.result()
        finally:
            for task in (sending, answering):
                task.cancel()
            await asyncio.gather(sending, answering, return_exceptions=True)
        if (head.header("connection") or "").lower() == "close":
            raise End

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._server is not None and (self._server[0].at_eof() or self._server[1].is_closing()):
            self._server[1].transport.abort()
            self._server = None
        if self._server is None:
            host, port = self._desk.upstream
            connecting = asyncio.open_connection(host, port, limit=MAX_HEAD)
            self._server = await asyncio.wait_for(connecting, CONNECT_TIMEOUT)
            self._server[1].transport.set_write_buffer_limits(high=0)
        return self._server

    async def _bring_reply(self, reader: asyncio.StreamReader, seen: Exchange) -> None:
        while True:
            raw = await read_head(reader)
            if not raw:
                raise End
            head = parse_reply(raw)
            if head.status >= 200:
                break
            self._writer.write(raw)
        body = Body.of_reply(reader, head, seen.method)
        for fault in seen.faults:
            if isinstance(fault, NoReply):
                await body.discard()
                raise End(fault.how)
        for fault in seen.faults:
            if isinstance(fault, Rewrite):
                if fault.body is not None:
                    await body.discard()
                    body = body_of(b"" if seen.method == "HEAD" else fault.body)
                head = rewritten(head, fault)
        await self._send_reply(head, body, seen)

    async def _answer(self, reply: Reply, body: Body, seen: Exchange) -> None:
        """Reply in the server's place, after the request's body or part of it."""
        if seen.head.header("expect"):
            self._writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        await self._pump(body, None, seen, "up", stop_after=reply.after)
        headers = {"Content-Length": str(len(reply.body)), **reply.headers}
        if not body.ended:
            headers["Connection"] = "close"
        head = ReplyHead(reply.status, reason_of(reply.status), tuple(headers.items()))
        await self._send_reply(head, body_of(b"" if seen.method == "HEAD" else reply.body), seen)
        if not body.ended:
            await self._linger(body)

    async def _send_reply(self, head: ReplyHead, body: Body, seen: Exchange) -> None:
        await self._delay(seen, "down")

        # Noted before it is written: who has read the answer finds it in the books.
        def note() -> None:
            seen.status = head.status
            seen.ended = body.ended

        self._desk.change(note)
        self._writer.write(head.to_bytes())
        await self._pump(body, self._writer, seen, "down")
        await self._writer.drain()
        self._note_end(seen)
        framed = head.header("content-length") is not None or head.header("transfer-encoding") is not None
        bodiless = seen.method == "HEAD" or head.status in (204, 304)
        if not (framed or bodiless) or (head.header("connection") or "").lower() == "close":
            raise End

    async def _delay(self, seen: Exchange, direction: Direction) -> None:
        await self._desk.flowing.wait()
        for fault in seen.faults:
            if isinstance(fault, Latency) and fault.direction == direction:
                await asyncio.sleep(fault.seconds)

    async def _pump(
        self,
        body: Body,
        writer: asyncio.StreamWriter | None,
        seen: Exchange,
        direction: Direction,
        *,
        stop_after: int | None = None,
    ) -> None:
        """Forward a body, with what befalls it on the way."""
        points, flips, rate = plan(seen.faults, direction)
        position = 0
        while True:
            while points and points[0].at <= position:
                await self._befall(points.pop(0), writer)
            limit = min([MAX_READ, *(point.at - position for point in points[:1])])
            if stop_after is not None:
                limit = min(limit, stop_after - position)
            if rate is not None:
                limit = min(limit, max(1, int(rate / 20)))
            data = await body.read(limit) if limit else b""
            if not self._desk.flowing.is_set():
                await self._desk.flowing.wait()
            if not data:
                return
            self._count(seen, direction, len(data), last=body.ended and not points)
            if writer is not None:
                await self._write(writer, flipped(data, position, flips) if flips else data, direction)
            position += len(data)
            if rate is not None:
                await asyncio.sleep(len(data) / rate)

    async def _write(self, writer: asyncio.StreamWriter, data: bytes, direction: Direction) -> None:
        try:
            writer.write(data)
            await writer.drain()
        except OSError as error:
            if direction == "up":
                raise ServerGone from error
            raise

    def _note_end(self, seen: Exchange) -> None:
        def note() -> None:
            seen.ended = True

        self._desk.change(note)

    def _count(self, seen: Exchange, direction: Direction, size: int, *, last: bool) -> None:
        def note() -> None:
            if direction == "up":
                seen.body_up += size
            else:
                seen.body_down += size
                seen.ended = last

        self._desk.change(note)

    async def _befall(self, fault: Point, writer: asyncio.StreamWriter | None) -> None:
        if isinstance(fault, Stall):
            await self._stall(fault)
            return
        if writer is not None:
            await writer.drain()
            await until_taken(writer)
        if isinstance(fault, Reset):
            raise End("reset")
        if isinstance(fault, HalfClose):
            self._writer.write_eof()
            await self._reader.gone.wait()
        raise End

    async def _stall(self, stall: Stall) -> None:
        gone = asyncio.ensure_future(self._reader.gone.wait())
        waits: set[asyncio.Future[object]] = {gone}  # type: ignore[arg-type]
        if stall.gate is not None:
            stall.gate.reached.set()
            waits.add(asyncio.wrap_future(stall.gate.opened))  # type: ignore[arg-type]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            if gone.done():
                raise End("reset")
        finally:
            gone.cancel()

    async def _linger(self, body: Body) -> None:
        """Take what the client still sends, so that closing does not destroy the answer; then end."""
        try:
            await asyncio.wait_for(body.discard(), LINGER)
        except TimeoutError:
            pass
        raise End
