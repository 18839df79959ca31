"""Listing objects: a page per request, parsed in microseconds per key.

botocore's parser costs 75 µs per key, most of it for dates; a page is XML of one known shape.
"""

from __future__ import annotations

import re
from calendar import timegm
from collections.abc import Iterator
from functools import lru_cache
from html import unescape
from typing import TYPE_CHECKING
from urllib.parse import unquote_plus

from engine.errors import Permanent
from engine.model import ObjectRef
from engine.pace.cancel import CancelToken
from engine.page import EntryKind, Page, PageBuilder

if TYPE_CHECKING:
    from engine.s3.connection import Connection

MAX_REPLY = 16 * 1024 * 1024
"""Bytes: a thousand keys of 1,024 bytes, each byte encoded as three, fit four times."""

_CONTENTS = re.compile(r"<Contents>(.*?)</Contents>", re.DOTALL)
_PREFIXES = re.compile(r"<CommonPrefixes>\s*<Prefix>([^<]*)</Prefix>")
_FIELD = re.compile(r"<(Key|LastModified|ETag|Size|StorageClass)>([^<]*)</")
_TRUNCATED = re.compile(r"<IsTruncated>\s*(true|false)\s*</IsTruncated>")
_TOKEN = re.compile(r"<NextContinuationToken>([^<]*)</NextContinuationToken>")
_DATE = re.compile(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?Z")


def list_pages(
    connection: Connection,
    bucket: str,
    prefix: str,
    *,
    delimiter: str | None,
    token: CancelToken | None = None,
    start_after: str | None = None,
) -> Iterator[Page]:
    """What is below a prefix, page by page, as it comes; an empty place is one empty page.

    Names are relative to `prefix`. With a delimiter, what is deeper is named once, as a folder, and
    the object that stands for the prefix itself is left out; without, its name is empty.

    Args:
        start_after: Only keys behind this one.

    Raises:
        Permanent: ``no-such-bucket``, ``access-denied``, ``not-s3`` …
        TransferError: What else goes wrong on the way.
        Interrupted: `token` was cancelled.
    """
    token = token or CancelToken()
    place = str(ObjectRef(bucket, prefix))
    continuation: str | None = None
    seen: set[str] = set()
    yielded = False
    while True:
        token.check()
        query = [("encoding-type", "url"), ("list-type", "2"), ("max-keys", "1000"), ("prefix", prefix)]
        if delimiter is not None:
            query.append(("delimiter", delimiter))
        if continuation is not None:
            query.append(("continuation-token", continuation))
        elif start_after is not None:
            query.append(("start-after", start_after))
        body = connection.wire.get_text(
            bucket, tuple(query), operation="list", subject=place, most=MAX_REPLY, token=token
        )
        page, continuation = parse_page(body, prefix, place, skip_self=delimiter is not None)
        if len(page) or not (yielded or continuation):
            yielded = True
            yield page
        if continuation is None:
            return
        if continuation in seen:
            raise Permanent("not-s3", operation="list", subject=place, detail="the listing goes in circles")
        seen.add(continuation)


def parse_page(body: bytes, prefix: str, place: str, *, skip_self: bool) -> tuple[Page, str | None]:
    """The entries of one reply, and the token of the next one.

    Raises:
        Permanent: ``not-s3``: it is no listing.
    """
    text = body.decode("utf-8", "replace")
    truncated = _TRUNCATED.search(text)
    if "<ListBucketResult" not in text[:2048] or truncated is None:
        raise Permanent("not-s3", operation="list", subject=place, detail="the reply is no listing")
    is_encoded = "<EncodingType>url</EncodingType>" in text
    page = PageBuilder(objects=True)
    start = len(prefix)
    for found in _CONTENTS.finditer(text):
        fields = dict(_FIELD.findall(found[1]))
        key = _key(fields.get("Key", ""), is_encoded)
        if not key.startswith(prefix) or (skip_self and len(key) == start):
            continue
        page.add(
            key[start:],
            EntryKind.FILE,
            _number(fields.get("Size", "")),
            parse_date(fields.get("LastModified", "")),
            unescape(fields.get("ETag", "")).strip('"'),
            fields.get("StorageClass", ""),
        )
    for name in _PREFIXES.findall(text):
        folder = _key(name, is_encoded)
        if folder.startswith(prefix):
            page.add(folder[start:].removesuffix("/"), EntryKind.FOLDER)
    if truncated[1] == "false":
        return page.take(), None
    following = _TOKEN.search(text)
    if following is None or not following[1]:
        raise Permanent("not-s3", operation="list", subject=place, detail="the listing breaks off")
    return page.take(), unescape(following[1])


def _key(text: str, is_encoded: bool) -> str:
    if "&" in text:
        text = unescape(text)
    if not is_encoded or ("%" not in text and "+" not in text):
        return text
    return unquote_plus(text, errors="surrogateescape")


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() else -1


def parse_date(text: str) -> float:
    """Seconds since the epoch of ``2026-11-25T07:30:00.000Z``; 0.0 if it is none.

    >>> parse_date("1970-01-02T00:00:01.500Z")
    86401.5
    """
    found = _DATE.fullmatch(text)
    if found is None:
        return 0.0
    day = _day(text[:10])
    seconds = int(found[4]) * 3600 + int(found[5]) * 60 + int(found[6])
    fraction = float(f"0.{found[7]}") if found[7] else 0.0
    return day + seconds + fraction


@lru_cache(maxsize=4096)
def _day(text: str) -> int:
    try:
        return timegm((int(text[:4]), int(text[5:7]), int(text[8:10]), 0, 0, 0))
    except ValueError:
        return 0
