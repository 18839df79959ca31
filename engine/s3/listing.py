"""Listings of buckets, page by page, over the lean wire."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from engine.errors import Permanent, Retryable, TransferError
from engine.model import ObjectRef
from engine.pace.cancel import CancelToken
from engine.page import Page
from engine.s3.listxml import CutOff, ErrorInside, Listed, NotAListing, read_listing

if TYPE_CHECKING:
    from engine.s3.connection import Connection

PAGE_SIZE = 1000

MOST_BYTES = 32 * 1024 * 1024
"""Of one page: a thousand keys of 1,024 bytes, each of them encoded as three, take a tenth."""

_MOST_STUCK_PAGES = 10_000
"""In a row that bring nothing new. Servers send empty ones where much was deleted."""


def list_pages(
    connection: Connection,
    bucket: str,
    prefix: str,
    *,
    delimiter: str | None,
    token: CancelToken | None = None,
    start_after: str | None = None,
) -> Iterator[Page]:
    """What is below a prefix; at least one page, which may be empty.

    Args:
        delimiter: ``/`` for one level: what is deeper comes as folders, without the ``/``, and the
            object whose key is the prefix itself is left out. ``None`` for all keys, in the order of
            the server; there the key that is the prefix has the name ``""``.
        start_after: The whole key after which to begin.

    Raises:
        Permanent: ``not-s3``: the answer is no listing; ``name-not-utf8``; what else the server says.
        Retryable: ``bad-reply``: the listing goes round in circles.
        Interrupted: `token` was cancelled; checked before each page.
    """
    subject = str(ObjectRef(bucket, prefix))
    try:
        (prefix + (start_after or "")).encode("utf-8")
    except UnicodeEncodeError as error:
        raise Permanent("name-not-utf8", operation="list", subject=subject) from error
    query = {"encoding-type": "url", "list-type": "2", "max-keys": str(PAGE_SIZE), "prefix": prefix}
    if delimiter:
        query["delimiter"] = delimiter
    following = {"start-after": start_after} if start_after else {}
    course = _Course(subject)
    token = token or CancelToken()
    while True:
        token.check()
        listed = _ask(connection, bucket, query | following, prefix, delimiter, token)
        course.check(listed)
        if len(listed.page) or course.pages == 1:
            yield listed.page
        if not listed.is_truncated:
            return
        following = course.following(listed)


class _Course:
    """Sees to it that a listing gets on, whatever the server says."""

    def __init__(self, subject: str) -> None:
        self.pages = 0
        self._subject = subject
        self._seen: set[int] = set()
        self._last_key = ""
        self._stuck = 0

    def check(self, listed: Listed) -> None:
        """Count a page.

        Raises:
            Retryable: Nothing new has come for too long.
        """
        self.pages += 1
        if listed.last_key in ("", self._last_key):
            self._stuck += 1
        else:
            self._stuck, self._last_key = 0, listed.last_key
        if self._stuck > _MOST_STUCK_PAGES:
            raise self._lost("nothing new comes")

    def following(self, listed: Listed) -> dict[str, str]:
        """How to ask for the page after this one."""
        if listed.continuation:
            self._visit(listed.continuation)
            return {"continuation-token": listed.continuation}
        if not listed.last_key:
            raise self._lost("it is not complete, and does not say how it goes on")
        self._visit(listed.last_key)
        # Servers that know only version 1 of the listing go by the last key.
        return {"marker": listed.last_key, "start-after": listed.last_key}

    def _visit(self, mark: str) -> None:
        # Numbers, not texts: a listing may have a hundred thousand pages.
        if hash(mark) in self._seen:
            raise self._lost("the listing goes round in circles")
        self._seen.add(hash(mark))

    def _lost(self, detail: str) -> TransferError:
        return Retryable("bad-reply", operation="list", subject=self._subject, detail=detail)


def _ask(
    connection: Connection,
    bucket: str,
    query: dict[str, str],
    prefix: str,
    delimiter: str | None,
    token: CancelToken,
) -> Listed:
    from engine.s3.wire.errors import error_for

    subject = str(ObjectRef(bucket, prefix))
    document = connection.wire.get_text(
        bucket, tuple(query.items()), operation="list", subject=subject, most=MOST_BYTES, token=token
    )
    try:
        return read_listing(document, prefix, delimiter)
    except NotAListing as error:
        raise Permanent("not-s3", operation="list", subject=subject, detail=str(error)) from error
    except CutOff as error:
        raise Retryable("truncated", operation="list", subject=subject) from error
    except ErrorInside as error:
        raise error_for(
            error.code,
            500,
            message=error.message,
            operation="list",
            subject=subject,
            connection_id=connection.id,
        ) from error
