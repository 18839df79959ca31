"""A server and the way to it, for a week: what is stored there, what goes wrong when, and every signature looked at."""

from __future__ import annotations

import errno
import random
import re
import socket
from collections import defaultdict, deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import formatdate

from engine.errors import Condition
from engine.model import ConnectionId
from engine.pace.cancel import CancelToken
from engine.pace.watchdog import StallGuard
from engine.s3.connection import Connection, Connections
from engine.s3.endpoint import Endpoint
from engine.s3.profiles import Profile
from engine.s3.wire.exchange import Exchange
from engine.s3.wire.head import Head
from engine.s3.wire.http import Broken
from engine.s3.wire.origin import Origin
from engine.s3.wire.sign import Credentials
from tests.torture.turns import Turns

HOUR = 3600.0
DAY = 24 * HOUR
MOST_SKEW = 900.0
"""Seconds by which a signature may be off, as S3 has it."""
_KEY_LASTS = HOUR + 300.0
_ASKED = re.compile(r"([A-Z]+) /week/([^ ?]+)\?([^ ]*) HTTP/1\.1")
_DATE = re.compile(r"x-amz-date: (\d{8}T\d{6}Z)")
_WHO = re.compile(r"Credential=AK(\d+)/")


@dataclass(frozen=True, slots=True)
class Spell:
    """Bad weather from `begin` to `end`, in seconds of the week."""

    kind: str
    """``dns``, ``busy``, ``hole`` (nobody answers), ``no-keys`` (new ones are not issued), ``full``."""
    begin: float
    end: float


@dataclass(slots=True)
class Server:
    """What is stored. Written and read by whoever has the turn."""

    objects: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    """How often each key was completed."""
    uploads: dict[str, tuple[str, set[int]]] = field(default_factory=dict)
    """Key and parts by upload id."""


class Weather:
    """The world outside of the program. Everything is drawn from `rng`."""

    def __init__(self, turns: Turns, rng: random.Random, spells: list[Spell]) -> None:
        self.turns, self.rng, self.spells = turns, rng, spells
        self.clock = turns.clock
        self.server = Server()
        self.began = turns.clock.true()
        self.wakes = 0
        """How often the machine was suspended; connections from before are dead."""
        self.requests = self.refused_for_time = self.refused_for_keys = 0
        self.oldest_signature = 0.0
        """Seconds between signing and sending."""
        self.worst_accepted = 0.0
        """Seconds by which a signature was off that the server took."""
        self._number = 0

    def week(self) -> float:
        """Seconds since the week began, in truth."""
        return self.clock.true() - self.began

    def is_on(self, kind: str) -> bool:
        """That spell is on."""
        now = self.week()
        return any(spell.kind == kind and spell.begin <= now < spell.end for spell in self.spells)

    def keys_issued(self) -> int:
        """The newest credentials that whoever issues them has given."""
        now = self.week()
        for spell in self.spells:
            if spell.kind == "no-keys" and spell.begin <= now < spell.end:
                now = spell.begin
        return int(now // HOUR)

    def answer(self, asked: str) -> tuple[int, dict[str, str], str]:
        """What the server says to a request's head: status, headers, code of the error."""
        self.requests += 1
        signed = _DATE.search(asked)
        who = _WHO.search(asked)
        assert signed is not None and who is not None
        then = datetime.strptime(signed[1], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()
        off = abs(self.clock.true() - then)
        if off > MOST_SKEW:
            self.refused_for_time += 1
            return 403, {}, "RequestTimeTooSkewed"
        self.worst_accepted = max(self.worst_accepted, off)
        if self.week() >= int(who[1]) * HOUR + _KEY_LASTS:
            self.refused_for_keys += 1
            return 400, {}, "ExpiredToken"
        if self.is_on("busy"):
            return 503, {"retry-after": "90"} if self.rng.random() < 0.1 else {}, "SlowDown"
        if self.rng.random() < 0.003:
            return 500, {}, "InternalError"
        request = _ASKED.match(asked)
        assert request is not None, asked[:200]
        query = dict(pair.split("=") for pair in request[3].split("&"))
        return self._do(query["op"], request[2], query)

    def _do(self, op: str, key: str, query: dict[str, str]) -> tuple[int, dict[str, str], str]:
        server = self.server
        if op == "look":
            return (200, {}, "") if server.objects.get(key) else (404, {}, "NoSuchKey")
        if op == "put":
            server.objects[key] = 1
            return 200, {}, ""
        if op == "find":
            found = [id for id, (name, _) in server.uploads.items() if name == key]
            return 200, {"x-upload": found[0] if found else ""}, ""
        if op == "create":
            self._number += 1
            server.uploads[f"u{self._number}"] = key, set()
            return 200, {"x-upload": f"u{self._number}"}, ""
        upload = query["upload"]
        if op == "abort":
            server.uploads.pop(upload, None)
            return 204, {}, ""
        if upload not in server.uploads:
            return 404, {}, "NoSuchUpload"
        if op == "list":
            return 200, {"x-parts": ",".join(map(str, server.uploads[upload][1]))}, ""
        if op == "part":
            server.uploads[upload][1].add(int(query["number"]))
        else:
            assert op == "complete" and len(server.uploads[upload][1]) == int(query["parts"])
            del server.uploads[upload]
            server.objects[key] += 1
        return 200, {}, ""


class Line:
    """One connection, as `Exchange` uses it; what takes time takes virtual time."""

    def __init__(self, weather: Weather, endpoint: Endpoint) -> None:
        self._weather, self._endpoint = weather, endpoint
        self._wakes = weather.wakes
        self._asked = ""
        self._body = b""
        self.keeps_alive, self.was_used, self.idle_since = True, False, 0.0
        self.is_at_end = True
        self.token = CancelToken()
        self.guard: StallGuard | None = None

    def _check(self) -> None:
        if self._wakes != self._weather.wakes:
            raise Broken(ConnectionResetError(errno.ECONNRESET, "reset by peer"))

    def send(self, data: bytes) -> None:
        self._check()
        self._asked = bytes(data).decode("latin-1")
        signed = _DATE.search(self._asked)
        assert signed is not None
        then = datetime.strptime(signed[1], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        age = abs((self._endpoint.now() - then).total_seconds())
        self._weather.oldest_signature = max(self._weather.oldest_signature, age)

    def read_head(self, method: str) -> Head:
        weather, rng = self._weather, self._weather.rng
        while weather.is_on("hole"):
            weather.turns.sleep(1.0, self.token)
            self._go_on()
        weather.turns.sleep(rng.uniform(0.02, 0.2), self.token)
        self._go_on()
        status, headers, code = weather.answer(self._asked)
        if status < 300:
            weather.turns.sleep(_seconds(self._asked, rng), self.token)
            self._go_on()
            # On a kept connection it would be asked again at once; boto3 begins uploads, and does not do that.
            if rng.random() < 0.003 and not (self.was_used and "op=create" in self._asked):
                raise Broken(ConnectionResetError(errno.ECONNRESET, "the answer is lost"))
        self._body = f"<Error><Code>{code}</Code></Error>".encode() if code else b""
        self.is_at_end = not self._body
        return Head(status, {"date": formatdate(weather.clock.true(), usegmt=True), **headers}, False, 0)

    def _go_on(self) -> None:
        """As after each wait on a socket."""
        if self.token.cancelled:
            raise Broken(ConnectionAbortedError(errno.ECONNABORTED, "aborted"))
        self._check()
        if self.guard is not None:
            self.guard.check()

    def read_all(self, most: int) -> bytes:
        body, self._body, self.is_at_end = self._body, b"", True
        return body

    def read_into(self, view: memoryview) -> int:
        return 0

    def lay_down(self) -> None:
        self.was_used, self.idle_since = True, self._weather.clock.now
        self.token, self.guard = CancelToken(), None

    def abort(self) -> None:
        """The token wakes whoever sleeps."""

    def close(self) -> None:
        self.keeps_alive = False


def _seconds(asked: str, rng: random.Random) -> float:
    """How long it takes to send or fetch what was asked for; no more than the stall guard waits for a byte."""
    if "op=put" in asked:
        return rng.uniform(1.0, 8.0)
    return rng.uniform(8.0, 28.0) if "op=part" in asked else rng.uniform(0.1, 0.5)


class LinePool:
    """As `Pool`."""

    def __init__(self, weather: Weather, endpoint: Endpoint) -> None:
        self._weather, self._endpoint = weather, endpoint
        self._idle: deque[Line] = deque()

    def proxy_for(self, origin: Origin) -> None:
        return None

    def take(self, origin: Origin, token: CancelToken, *, fresh: bool = False) -> Line:
        token.check()
        weather = self._weather
        while self._idle and not fresh:
            line = self._idle.popleft()
            if weather.clock.now - line.idle_since < 20.0:
                return line
        weather.turns.sleep(weather.rng.uniform(0.02, 0.3), token)
        token.check()
        if weather.is_on("dns"):
            raise Broken(socket.gaierror(socket.EAI_NONAME, "Name or service not known"))
        return Line(weather, self._endpoint)

    def give_back(self, origin: Origin, line: Line) -> None:
        line.lay_down()
        if line.keeps_alive and line.is_at_end:
            self._idle.appendleft(line)

    def forget(self, origin: Origin) -> None:
        self._idle.clear()

    def close(self) -> None:
        self._idle.clear()


class HourlyKeys:
    """As `CredentialSource`: keys that somebody issues each hour, and that last a little longer."""

    def __init__(self, weather: Weather, id: ConnectionId) -> None:
        self._weather, self._id = weather, id
        self._number: int | None = None

    def get(self) -> Credentials:
        if self._number is None:
            self._number = self._weather.keys_issued()
            if self._weather.week() >= self._number * HOUR + _KEY_LASTS:
                self._number = None
                raise Condition(
                    "credentials", ("endpoint", self._id), operation="renew", subject="credentials"
                )
        return Credentials(f"AK{self._number}", "secret", "token")

    def reload(self) -> None:
        self._number = None


class WeekConnection(Connection):
    """The endpoint with its real clock and signing, over `Line`s."""

    def __init__(self, weather: Weather, profile: Profile) -> None:
        super().__init__(profile, weather.clock)
        self.weather = weather
        self.endpoint.__dict__["_source"] = HourlyKeys(weather, self.id)
        pool = LinePool(weather, self.endpoint)
        self.exchange = Exchange(self.endpoint, pool, weather.clock)  # type: ignore[arg-type]


class WeekConnections(Connections):
    """One profile."""

    def __init__(self, weather: Weather) -> None:
        profile = Profile("week", endpoint_url="https://s3.week.test", region="us-east-1", addressing="path")
        super().__init__((profile,), clock=weather.clock)
        self.only = WeekConnection(weather, profile)
        self._by_id = {profile.connection_id: self.only}
