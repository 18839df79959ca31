"""``ls``: what is below a prefix, page by page as the server tells it."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from functools import lru_cache

from engine import EntryKind, LocalRef, ObjectRef, Page, UsageError, list_pages
from tui.safe_text import display
from tui.setup import Setup, place_of
from tui.streams import complain, through_a_hangup

_NO_TIME = " " * len("2026-01-01T00:00:00Z")


def list_place(setup: Setup) -> int:
    """Print one line for each object and, unless `--recursive`, each prefix; 1 where nothing is.

    Memory does not grow with the number of keys.

    Raises:
        UsageError: The place is not on S3.
        TransferError: It cannot be listed.
    """
    args = setup.args
    place = place_of(args.place)
    if isinstance(place, LocalRef):
        raise UsageError(f"{args.place} is on this disk: what is to be listed is named s3://bucket/prefix")
    setup.check_access(place)
    setup.start_log()
    line = _json_lines if args.json else _lines
    found = 0
    for prefix, page in _pages(setup, place):
        found += len(page)
        with through_a_hangup():
            sys.stdout.write("".join(line(prefix, page)))
            sys.stdout.flush()
    if not found and place.key:
        complain(f"there is nothing below {place}")
        return 1
    return 0


def _pages(setup: Setup, place: ObjectRef) -> Iterator[tuple[str, Page]]:
    """Pages, each with the prefix that its names are relative to."""
    delimiter = None if setup.args.recursive else "/"
    prefix = place.key if place.key.endswith("/") or not place.key else place.key + "/"
    with setup.connections_open() as connections:
        connection = connections.get(setup.profile.connection_id)
        is_empty = True
        for page in list_pages(connection, place.bucket, prefix, delimiter=delimiter):
            is_empty = is_empty and not len(page)
            yield prefix, page
        if is_empty and place.key != prefix:
            # No prefix: perhaps an object, which is the first of all keys that begin with its own.
            for page in list_pages(connection, place.bucket, place.key, delimiter=None):
                if page.names[:1] == [""]:
                    yield place.key, _first_of(page)
                return


def _first_of(page: Page) -> Page:
    etags, classes = page.etags, page.storage_classes
    return Page(
        page.names[:1],
        page.sizes[:1],
        page.mtimes[:1],
        page.kinds[:1],
        None if etags is None else etags[:1],
        None if classes is None else classes[:1],
    )


@lru_cache(maxsize=256)
def _time(second: int) -> str:
    """As S3 writes it, without fractions."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(second))


def _lines(prefix: str, page: Page) -> Iterator[str]:
    """``time  size  key``; prefixes end in ``/``."""
    folder = EntryKind.FOLDER
    for name, size, mtime, kind in zip(page.names, page.sizes, page.mtimes, page.kinds, strict=True):
        key = display(prefix + name)
        if kind == folder:
            yield f"{_NO_TIME}  {'-':>13}  {key}/\n"
        else:
            yield f"{_time(int(mtime)) if mtime else _NO_TIME}  {size:>13}  {key}\n"


def _json_lines(prefix: str, page: Page) -> Iterator[str]:
    """One JSON object a line."""
    etags, classes = page.etags or [], page.storage_classes or []
    for row, name in enumerate(page.names):
        if page.kinds[row] == EntryKind.FOLDER:
            yield json.dumps({"prefix": f"{prefix}{name}/"}) + "\n"
            continue
        mtime = page.mtimes[row]
        told = {
            "key": prefix + name,
            "size": page.sizes[row],
            "modified": _time(int(mtime)) if mtime else None,
            "etag": (etags[row] if etags else "") or None,
            "storage_class": (classes[row] if classes else "") or None,
        }
        yield json.dumps(told) + "\n"
