"""AWS signature version 4 for requests whose body is not part of the signature. Pure."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import quote

UNSIGNED = "UNSIGNED-PAYLOAD"
EMPTY_SHA256 = hashlib.sha256(b"").hexdigest()
_UNRESERVED = "-_.~"
_PLAIN = re.compile(r"[A-Za-z0-9/._~-]*").fullmatch


class Credentials(NamedTuple):
    """A key pair, and the token of temporary ones."""

    access_key: str
    secret_key: str
    token: str | None = None

    def __repr__(self) -> str:
        return "Credentials(…)"


def quote_name(name: str) -> str:
    """A text as one segment of a path, or in a query.

    >>> quote_name("a/b c")
    'a%2Fb%20c'
    """
    return quote(name, safe=_UNRESERVED)


def quote_key(key: str) -> str:
    """A key as part of a path: everything but unreserved characters and ``/`` encoded.

    >>> quote_key("a b/ü~+.txt")
    'a%20b/%C3%BC~%2B.txt'
    """
    return key if _PLAIN(key) else quote(key, safe="/-_.~")


def quote_query(query: Iterable[tuple[str, str]]) -> str:
    """A query string, sorted as the signature wants it."""
    pairs = sorted((quote_name(name), quote_name(value)) for name, value in query)
    return "&".join([f"{name}={value}" for name, value in pairs])


@lru_cache(maxsize=64)
def _signer(secret_key: str, day: str, region: str) -> Callable[[bytes], str]:
    """Makes signatures with the key of a day, in hex: HMAC-SHA256 with both its hashes begun beforehand.

    What begins one anew (`hmac.digest`) takes ten times as long with OpenSSL 3.
    """
    key = ("AWS4" + secret_key).encode("utf-8")
    for part in (day, region, "s3", "aws4_request"):
        key = hmac.digest(key, part.encode("utf-8"), "sha256")
    block = key.ljust(64, b"\0")
    begun_inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in block))
    begun_outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in block))

    def signature(text: bytes) -> str:
        inner, outer = begun_inner.copy(), begun_outer.copy()
        inner.update(text)
        outer.update(inner.digest())
        return outer.hexdigest()

    return signature


@lru_cache(maxsize=4)
def _stamp(second: datetime) -> str:
    return second.strftime("%Y%m%dT%H%M%SZ")


def sign(
    credentials: Credentials,
    region: str,
    now: datetime,
    method: str,
    path: str,
    query: str,
    headers: Mapping[str, str],
    payload: str = UNSIGNED,
) -> dict[str, str]:
    """The headers to add to a request.

    Args:
        now: UTC, corrected by the server's clock offset.
        path: Already percent-encoded, without query.
        query: Already encoded and sorted.
        headers: Lower-case names; all of them are signed, ``host`` included.
        payload: SHA-256 of the body in hex, or `UNSIGNED`.
    """
    stamp = _stamp(now.replace(microsecond=0))
    day = stamp[:8]
    extra = {"x-amz-date": stamp, "x-amz-content-sha256": payload}
    if credentials.token is not None:
        extra["x-amz-security-token"] = credentials.token
    signed = sorted({**headers, **extra}.items())
    names = ";".join([name for name, _ in signed])
    lines = "".join([f"{name}:{value}\n" for name, value in signed])
    if " " in lines or "\t" in lines:
        lines = "".join([f"{name}:{' '.join(value.split())}\n" for name, value in signed])
    request = f"{method}\n{path}\n{query}\n{lines}\n{names}\n{payload}"
    scope = f"{day}/{region}/s3/aws4_request"
    digest = hashlib.sha256(request.encode("utf-8")).hexdigest()
    text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{digest}"
    signature = _signer(credentials.secret_key, day, region)(text.encode("utf-8"))
    extra["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={credentials.access_key}/{scope}, "
        f"SignedHeaders={names}, Signature={signature}"
    )
    return extra
