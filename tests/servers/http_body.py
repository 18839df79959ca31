"""HTTP/1.1 as a proxy must know it: heads, and where a body ends."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from tests.servers.faults import RequestHead

MAX_READ = 256 * 1024
MAX_HEAD = 256 * 1024


class Cut(Exception):
    """The peer closed where it had promised more."""


@dataclass(frozen=True, slots=True)
class ReplyHead:
    """The first lines of a reply, as sent."""

    status: int
    reason: str
    headers: tuple[tuple[str, str], ...]

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    def to_bytes(self) -> bytes:
        lines = [
            f"HTTP/1.1 {self.status} {self.reason}",
            *(f"{name}: {value}" for name, value in self.headers),
        ]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


async def read_head(reader: asyncio.StreamReader) -> bytes:
    """A head with its empty line; b"" where the peer closed before its first byte."""
    try:
        return await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as error:
        if error.partial:
            raise Cut("in a head") from error
        return b""


def split_head(head: bytes) -> tuple[str, tuple[tuple[str, str], ...]]:
    first, *lines = head[:-4].decode("latin-1").split("\r\n")
    fields = (line.partition(":") for line in lines)
    return first, tuple((name, value.strip()) for name, _, value in fields)


def parse_request(head: bytes) -> RequestHead:
    first, headers = split_head(head)
    method, _, rest = first.partition(" ")
    return RequestHead(method, rest.rpartition(" ")[0], headers)


def parse_reply(head: bytes) -> ReplyHead:
    first, headers = split_head(head)
    _, status, *reason = first.split(" ", 2)
    return ReplyHead(int(status), reason[0] if reason else "", headers)


class Body:
    """The bytes of one body as they are on the wire, up to where HTTP says that it ends.

    Chunked bodies keep their framing: what is read can be forwarded as it is.
    """

    def __init__(
        self, reader: asyncio.StreamReader, *, length: int | None = 0, chunked: bool = False
    ) -> None:
        self._reader = reader
        self._left = length
        """Bytes still to come; ``None`` up to the end of the connection."""
        self._chunked = chunked
        self._pending = b""
        self._trailer = False
        self._last = False
        """The empty line that ends a chunked body has been read."""
        self.ended = not chunked and length == 0
        self.to_the_end = length is None and not chunked
        """Only the end of the connection ends it."""

    @classmethod
    def of_request(cls, reader: asyncio.StreamReader, head: RequestHead) -> Body:
        if "chunked" in (head.header("transfer-encoding") or "").lower():
            return cls(reader, length=None, chunked=True)
        return cls(reader, length=int(head.header("content-length") or 0))

    @classmethod
    def of_reply(cls, reader: asyncio.StreamReader, head: ReplyHead, method: str) -> Body:
        if method == "HEAD" or head.status in (204, 304):
            return cls(reader)
        if "chunked" in (head.header("transfer-encoding") or "").lower():
            return cls(reader, length=None, chunked=True)
        length = head.header("content-length")
        return cls(reader, length=None if length is None else int(length))

    async def read(self, limit: int = MAX_READ) -> bytes:
        """At most `limit` bytes; b"" only at the end.

        Raises:
            Cut: the peer closed before that.
        """
        if self.ended:
            return b""
        if self._chunked:
            return await self._read_chunked(limit)
        data = await self._reader.read(min(limit, MAX_READ, limit if self._left is None else self._left))
        if not data:
            self.ended = True
            if self._left is not None:
                raise Cut(f"{self._left} bytes before the end of a body")
        elif self._left is not None:
            self._left -= len(data)
            self.ended = self._left == 0
        return data

    async def discard(self) -> None:
        while await self.read():
            pass

    async def _read_chunked(self, limit: int) -> bytes:
        if not self._pending:
            try:
                line = await self._reader.readuntil(b"\r\n")
                if self._trailer:
                    self._pending = line
                    self._last = line == b"\r\n"
                else:
                    size = int(line.split(b";")[0], 16)
                    self._trailer = size == 0
                    self._pending = line + (await self._reader.readexactly(size + 2) if size else b"")
            except asyncio.IncompleteReadError as error:
                raise Cut("in a chunk") from error
        data, self._pending = self._pending[:limit], self._pending[limit:]
        self.ended = self._last and not self._pending
        return data
