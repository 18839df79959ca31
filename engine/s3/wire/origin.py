"""Where connections go, and through what."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from engine.errors import Permanent


class Origin(NamedTuple):
    """A server."""

    scheme: str
    host: str
    port: int

    @property
    def bracketed(self) -> str:
        """The host as URLs have it: version 6 addresses in brackets."""
        return f"[{self.host}]" if ":" in self.host else self.host

    @property
    def netloc(self) -> str:
        """As the Host header has it: the port only where it is not the scheme's own."""
        is_usual = self.port == (443 if self.scheme == "https" else 80)
        return self.bracketed if is_usual else f"{self.bracketed}:{self.port}"


@dataclass(frozen=True, slots=True)
class Proxy:
    """What stands between here and a server."""

    scheme: str
    host: str
    port: int
    authorization: str | None = field(default=None, repr=False)
    """Value of the Proxy-Authorization header, where the proxy's URL has a user in it."""


def parse_proxy(url: str) -> Proxy:
    """The proxy that a URL names.

    Raises:
        Permanent: ``bad-request``; the URL, which may hold a password, is not repeated.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if not host or parts.scheme not in ("http", "https"):
        raise Permanent(
            "bad-request",
            operation="use",
            subject="the proxy of the environment",
            detail="its URL is none that begins with http:// or https://",
        )
    authorization = None
    if parts.username is not None:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        authorization = "Basic " + base64.b64encode(pair.encode("utf-8")).decode("ascii")
    return Proxy(parts.scheme, host, port or (443 if parts.scheme == "https" else 80), authorization)
