"""Which credentials, which endpoint: what AWS tools know by a profile's name, and how we reach it."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from engine.model import ConnectionId


@dataclass(frozen=True, slots=True)
class Profile:
    """One way to reach S3. Holds no secret: botocore finds the credentials by the name."""

    name: str
    """As in the AWS configuration files; ``default`` also where only the environment has credentials."""
    endpoint_url: str | None = None
    """``None`` for AWS."""
    region: str | None = None
    addressing: str = "auto"
    """``auto``, ``path`` or ``virtual``."""
    ca_file: str | None = None
    read_only: bool = False
    """Nothing is ever written or deleted through it."""
    unsigned: bool = False
    """Requests are not signed (public buckets)."""

    @property
    def connection_id(self) -> ConnectionId:
        """The same in every run; what the queue remembers of it."""
        if self.endpoint_url is None:
            return ConnectionId(f"{self.name}@aws")
        parts = urlsplit(self.endpoint_url)
        host = parts.netloc.rpartition("@")[2]
        return ConnectionId(f"{self.name}@{parts.scheme}://{host}{parts.path.rstrip('/')}")
