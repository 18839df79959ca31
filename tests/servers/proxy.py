"""A proxy on 127.0.0.1 in front of any HTTP server, which counts, remembers and does damage on demand.

    with FaultProxy(seaweed.url) as proxy:
        proxy.add(Rule(Reset(at=100_000, direction="up"), method="PUT", query={"partNumber": "2"}, nth=1))
        upload(proxy.url)
        assert proxy.sent_parts() == {1: 1, 2: 2, 3: 1}

Heads are forwarded as they are, `Host` too: a client signs for the proxy's address, and the server checks against
the `Host` it gets.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import threading
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping
from types import TracebackType
from typing import Any, TypeVar
from urllib.parse import urlsplit

from tests.servers.exchange import Exchange
from tests.servers.faults import Fault, Match, RequestHead, Rule
from tests.servers.relay import ClientProtocol, ClientReader, Relay

T = TypeVar("T")
PATIENCE = 10.0
"""Seconds within which the proxy's own thread does what it is told."""


class FaultProxy:
    """Forwards HTTP to one server, from a thread of its own.

    Guarantees:
        Every public method is safe from any thread but the proxy's own.
        `_changed` guards the exchanges and the rules with their counts; the proxy's thread writes them, the tests
        add rules and read. It is a leaf, and notified at each change.
        Relays, transports and the listening socket belong to the proxy's thread.

    Args:
        upstream: the server, as ``http://host:port``.
        seed: of the rules' chances; the same seed, the same faults for the nth request of each rule.
        tls: listen with TLS (the server is spoken to without).
    """

    def __init__(self, upstream: str, *, seed: int = 0, tls: ssl.SSLContext | None = None) -> None:
        address = urlsplit(upstream)
        assert address.scheme == "http" and address.hostname, upstream
        self.upstream = (address.hostname, address.port or 80)
        self.seed = seed
        self.flowing = asyncio.Event()
        self._tls = tls
        self._changed = threading.Condition()
        self._rules: list[Rule] = []
        self._exchanges: list[Exchange] = []
        self._connections = 0
        self._relays: dict[Relay, asyncio.Task[None]] = {}
        self._open: set[asyncio.WriteTransport] = set()
        self._listener: asyncio.Server | None = None
        self._port = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fault-proxy", daemon=True)

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self._port}"

    def start(self) -> None:
        self._thread.start()
        self._do(self._begin_listening())
        self.thaw()

    def stop(self) -> None:
        """End every connection and the thread."""
        if not self._thread.is_alive():
            return
        self._do(self._end_all())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE)
        self._loop.close()

    def __enter__(self) -> FaultProxy:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    # What is to go wrong

    def add(self, *rules: Rule) -> Rule:
        """From the next request on. Returns the last rule, for `remove` and its counts."""
        with self._changed:
            self._rules = [*self._rules, *rules]
        return rules[-1]

    def remove(self, rule: Rule) -> None:
        with self._changed:
            self._rules = [other for other in self._rules if other is not rule]

    def remove_all(self) -> None:
        with self._changed:
            self._rules = []

    def cut(self) -> None:
        """Reset every connection there is; new ones are welcome."""
        self._do(self._cut())

    def go_down(self) -> None:
        """Reset every connection, and refuse new ones until `come_back`."""
        self._do(self._go_down())

    def come_back(self) -> None:
        self._do(self._begin_listening())

    def freeze(self) -> None:
        """Swallow everything in both directions, of new connections too, as a line does that lost its far end."""
        self._do(self._flow(False))

    def thaw(self) -> None:
        self._do(self._flow(True))

    # What has been seen

    def requests(
        self,
        *,
        method: str | None = None,
        path: str | None = None,
        query: str | Mapping[str, str] | None = None,
        when: Callable[[RequestHead], bool] | None = None,
    ) -> list[Exchange]:
        """The requests that fit, in the order in which their heads came; see `Match`."""
        match = Match(method, path, query, when)
        with self._changed:
            exchanges = list(self._exchanges)
        return [exchange for exchange in exchanges if match.fits(exchange.head)]

    def sent_parts(self, path: str | None = None) -> Counter[int]:
        """How often each part number was sent (its request's head came), on the paths that fit."""
        return Counter(part for part, _ in self._parts(path))

    def sent_bytes(self, path: str | None = None) -> Counter[int]:
        """Bytes of bodies taken from the client for each part number, those of failed attempts too."""
        total: Counter[int] = Counter()
        for part, exchange in self._parts(path):
            total[part] += exchange.body_up
        return total

    def asked_ranges(self, path: str | None = None) -> Counter[str]:
        """How often each Range header was sent with a GET."""
        return Counter(one.range for one in self.requests(method="GET", path=path) if one.range is not None)

    @property
    def bytes_up(self) -> int:
        return sum(exchange.body_up for exchange in self.requests())

    @property
    def bytes_down(self) -> int:
        return sum(exchange.body_down for exchange in self.requests())

    @property
    def connections(self) -> int:
        """Accepted so far."""
        with self._changed:
            return self._connections

    def forget(self) -> None:
        """Drop what has been seen; rules and their counts stay."""
        with self._changed:
            self._exchanges = []
            self._connections = 0

    def wait_until(self, claim: Callable[[], bool], timeout: float = 30.0) -> None:
        """Block until the claim holds; it is asked again whenever a request, a byte or an answer passes.

        Raises:
            TimeoutError: it does not within `timeout` seconds.
        """
        with self._changed:
            if not self._changed.wait_for(claim, timeout):
                raise TimeoutError("what the test waits for has not come to pass")

    # For the relays, on the proxy's thread

    def begin(self, connection: int, head: RequestHead) -> Exchange:
        with self._changed:
            faults: list[Fault] = []
            for number, rule in enumerate(self._rules):
                fault = rule.draw(head, f"{self.seed}/{number}")
                if fault is not None:
                    faults.append(fault)
            exchange = Exchange(len(self._exchanges), connection, head, tuple(faults))
            self._exchanges.append(exchange)
            self._changed.notify_all()
        return exchange

    def change(self, change: Callable[[], None]) -> None:
        with self._changed:
            change()
            self._changed.notify_all()

    def _parts(self, path: str | None) -> list[tuple[int, Exchange]]:
        seen = ((one.part_number, one) for one in self.requests(method="PUT", path=path))
        return [(part, one) for part, one in seen if part is not None]

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE)

    async def _begin_listening(self) -> None:
        def protocol() -> asyncio.StreamReaderProtocol:
            return ClientProtocol(self._loop, self._accept, self._open)

        if self._listener is None:
            self._listener = await self._loop.create_server(
                protocol, "127.0.0.1", self._port, ssl=self._tls, backlog=256
            )
            self._port = self._listener.sockets[0].getsockname()[1]

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert isinstance(reader, ClientReader)
        with self._changed:
            self._connections += 1
            relay = Relay(self, self._connections, reader, writer)
            self._changed.notify_all()
        task = asyncio.current_task()
        assert task is not None
        self._relays[relay] = task
        try:
            with contextlib.suppress(asyncio.CancelledError):  # by `_cut` alone, which has closed it
                await relay.run()
        finally:
            del self._relays[relay]

    async def _flow(self, flowing: bool) -> None:
        if flowing:
            self.flowing.set()
        else:
            self.flowing.clear()

    async def _cut(self) -> None:
        ending = list(self._relays.items())
        for relay, task in ending:
            relay.close(reset=True)
            task.cancel()
        await asyncio.gather(*(task for _, task in ending), return_exceptions=True)

    async def _go_down(self) -> None:
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        await self._cut()

    async def _end_all(self) -> None:
        """Also those that were accepted a moment ago, and those whose client does not read what is left for it."""
        await self._go_down()
        for _ in range(3):  # turns of the loop until an accepted socket has its protocol
            await asyncio.sleep(0)
        while self._open:
            for transport in list(self._open):
                transport.abort()
            await asyncio.sleep(0)
