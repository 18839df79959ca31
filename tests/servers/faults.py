"""What can be made to go wrong between a client and a server, and with which requests.

Directions are the client's: ``up`` is what it sends, ``down`` what it receives. Offsets count the bytes of a body as
they are on the wire, from 0. A fault at an offset that the body does not reach does nothing; one at exactly the
length of the body happens after its last byte.
"""

from __future__ import annotations

import random
import re
import threading
from collections.abc import Callable, Container, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from email.utils import formatdate, parsedate_to_datetime
from typing import Literal, TypeAlias
from urllib.parse import parse_qsl

Direction = Literal["up", "down"]
HowToEnd = Literal["close", "reset", "stall"]


class Gate:
    """Where a request waits until the test lets it pass. Safe from any thread."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        """Set by the proxy when a request stands at the gate."""
        self.opened: Future[None] = Future()

    def open(self) -> None:
        """Let through whatever waits, and everything later."""
        if not self.opened.done():
            self.opened.set_result(None)

    def wait_reached(self, timeout: float = 20.0) -> None:
        if not self.reached.wait(timeout):
            raise TimeoutError("no request came to the gate")


@dataclass(frozen=True, slots=True)
class Reset:
    """Forward `at` bytes of the body, then answer the client with RST and drop the server."""

    at: int = 0
    direction: Direction = "down"


@dataclass(frozen=True, slots=True)
class Truncate:
    """Forward `at` bytes of the body, then close both connections in good order; the head has promised more."""

    at: int = 0
    direction: Direction = "down"


@dataclass(frozen=True, slots=True)
class HalfClose:
    """Forward the reply's head and `at` bytes of its body, then say FIN, but go on reading from the client."""

    at: int = 0
    direction: Literal["down"] = "down"


@dataclass(frozen=True, slots=True)
class Stall:
    """Forward `at` bytes of the body, then nothing: for ever, or until the gate is opened."""

    at: int = 0
    direction: Direction = "down"
    gate: Gate | None = None


@dataclass(frozen=True, slots=True)
class FlipBit:
    """Change one bit of the byte at `at`."""

    at: int = 0
    direction: Direction = "down"
    bit: int = 0


@dataclass(frozen=True, slots=True)
class Slow:
    """Forward the body at this rate, in small pieces; 1 is a drip."""

    bytes_per_second: float
    direction: Direction = "down"


@dataclass(frozen=True, slots=True)
class Latency:
    """Wait before the request (`up`) or before the head of its reply (`down`) is forwarded."""

    seconds: float
    direction: Direction = "up"


@dataclass(frozen=True, slots=True)
class Reply:
    """Answer in the server's place; the server hears nothing of the request."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    after: int | None = None
    """Bytes of the request's body after which the answer is sent, while the rest is still coming; ``None`` is all."""


@dataclass(frozen=True, slots=True)
class NoReply:
    """Give the client no answer at all."""

    how: HowToEnd = "close"
    forward: bool = True
    """The server gets the whole request, acts on it and answers, and that is lost. Else it hears nothing."""


@dataclass(frozen=True, slots=True)
class Rewrite:
    """Change the server's answer on its way."""

    headers: Mapping[str, str | Callable[[str], str] | None] = field(default_factory=dict)
    """By name: a new value, ``None`` to leave it out, or a function of the old value (not called without one)."""
    status: int | None = None
    body: bytes | None = None
    """Instead of the server's body; Content-Length follows unless `headers` names it."""


Fault: TypeAlias = Reset | Truncate | HalfClose | Stall | FlipBit | Slow | Latency | Reply | NoReply | Rewrite
BodyFault: TypeAlias = Reset | Truncate | HalfClose | Stall | FlipBit | Slow


def s3_error(code: str, status: int, *, retry_after: str | None = None, message: str = "as told") -> Reply:
    """An S3 error in the server's place."""
    body = (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code><Message>{message}</Message>'
        "<RequestId>0123456789ABCDEF</RequestId></Error>"
    )
    headers = {"Content-Type": "application/xml"}
    if retry_after is not None:
        headers["Retry-After"] = retry_after
    return Reply(status, body.encode(), headers)


def redirect(location: str, status: int = 307) -> Reply:
    return Reply(status, b"", {"Location": location})


def captive_portal(status: int = 200) -> Reply:
    """What a hotel's network answers instead of the server."""
    return Reply(status, b"<html><body>Please log in</body></html>", {"Content-Type": "text/html"})


def skewed_date(seconds: float) -> Rewrite:
    """The server's clock is ahead by so much."""

    def later(date: str) -> str:
        return formatdate(parsedate_to_datetime(date).timestamp() + seconds, usegmt=True)

    return Rewrite({"Date": later})


@dataclass(frozen=True, slots=True)
class RequestHead:
    """The first lines of a request, as sent."""

    method: str
    target: str
    """Path and query, percent-encoded as the client sent them."""
    headers: tuple[tuple[str, str], ...]

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(self.target.partition("?")[2], keep_blank_values=True))

    def header(self, name: str) -> str | None:
        """The first value of a header, by name in any case."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)


@dataclass(frozen=True, slots=True)
class Match:
    """Which requests are meant: all conditions that are given hold."""

    method: str | None = None
    path: str | None = None
    """A regular expression, looked for in the path as sent."""
    query: str | Mapping[str, str] | None = None
    """A regular expression, looked for in the query as sent, or parameters with their decoded values."""
    when: Callable[[RequestHead], bool] | None = None

    def fits(self, head: RequestHead) -> bool:
        if self.method is not None and head.method != self.method:
            return False
        if self.path is not None and not re.search(self.path, head.path):
            return False
        if isinstance(self.query, str) and not re.search(self.query, head.target.partition("?")[2]):
            return False
        if isinstance(self.query, Mapping):
            given = head.query
            if any(given.get(name) != value for name, value in self.query.items()):
                return False
        return self.when is None or self.when(head)


class Rule:
    """Which fault befalls which requests. Every rule that fits a request applies to it; of `Reply` the first.

    Args:
        fault: the fault, or a function that makes one from a seeded random generator.
        method, path, query, when: see `Match`.
        nth: which of the fitting requests, counted from 1: one number, or a set or range of them.
        times: how often at most.
        chance: the share of the fitting requests; the same ones for the same seed.
    """

    def __init__(
        self,
        fault: Fault | Callable[[random.Random], Fault],
        *,
        method: str | None = None,
        path: str | None = None,
        query: str | Mapping[str, str] | None = None,
        when: Callable[[RequestHead], bool] | None = None,
        nth: int | Container[int] | None = None,
        times: int | None = None,
        chance: float = 1.0,
    ) -> None:
        self.fault = fault
        self.match = Match(method, path, query, when)
        self.nth: Container[int] | None = (nth,) if isinstance(nth, int) else nth
        self.times = times
        self.chance = chance
        self.fitted = 0
        """Requests that fitted. Written under the proxy's lock, as is `fired`."""
        self.fired = 0
        """Requests that the fault was meant for."""

    def draw(self, head: RequestHead, seed: str) -> Fault | None:
        """The fault for this request, if any. Counts; called once for each request, under the proxy's lock."""
        if not self.match.fits(head):
            return None
        self.fitted += 1
        if self.nth is not None and self.fitted not in self.nth:
            return None
        if self.times is not None and self.fired >= self.times:
            return None
        # The nth fitting request has its own generator: what it meets does not hang on the order of the others.
        rng = random.Random(f"{seed}/{self.fitted}")
        if rng.random() >= self.chance:
            return None
        self.fired += 1
        return self.fault(rng) if callable(self.fault) else self.fault
