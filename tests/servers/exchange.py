"""What the proxy remembers of one request."""

from __future__ import annotations

from dataclasses import dataclass

from tests.servers.faults import Fault, RequestHead


@dataclass(slots=True, eq=False)
class Exchange:
    """One request through the proxy. The proxy's thread writes; any thread reads, and sees it grow."""

    number: int
    """From 0, over all connections."""
    connection: int
    head: RequestHead
    faults: tuple[Fault, ...] = ()
    """What was meant for it."""
    body_up: int = 0
    """Bytes of the request's body taken from the client."""
    body_down: int = 0
    """Bytes of the reply's body given to the client."""
    status: int | None = None
    """As the client was told; ``None`` where no head of a reply was sent."""
    ended: bool = False
    """The whole reply was given to the client (or is in this moment)."""

    @property
    def method(self) -> str:
        return self.head.method

    @property
    def path(self) -> str:
        return self.head.path

    @property
    def query(self) -> dict[str, str]:
        return self.head.query

    @property
    def part_number(self) -> int | None:
        """Of UploadPart and UploadPartCopy."""
        query = self.query
        return int(query["partNumber"]) if self.method == "PUT" and "uploadId" in query else None

    @property
    def range(self) -> str | None:
        """The Range header, as ``bytes=0-99``."""
        return self.head.header("range")
