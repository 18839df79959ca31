"""Places as panes walk them: parent, child, and what a user types. Pure; asks neither disk nor server."""

from __future__ import annotations

import os
from collections.abc import Mapping

from engine import ConnectionId, LocalRef, Location, ObjectRef, Place

SCHEME = "s3://"


def parent(place: Place) -> Place | None:
    """The place above, or ``None`` at the top. Above a bucket is the list of buckets."""
    if isinstance(place, LocalRef):
        path = place.path.rstrip("/")
        return LocalRef(path[: path.rfind("/") + 1]) if path else None
    if place.key:
        key = place.key.removesuffix("/")
        return ObjectRef(place.bucket, key[: key.rfind("/") + 1])
    return ObjectRef("") if place.bucket else None


def base_name(place: Place) -> str:
    """The last part of a place's name, as its parent lists it."""
    if isinstance(place, LocalRef):
        return place.path.rstrip("/").rpartition("/")[2]
    if not place.key:
        return place.bucket
    return place.key.removesuffix("/").rpartition("/")[2]


def child(place: Place, name: str, *, folder: bool) -> Place:
    """The place called `name` in `place`; a folder ends in ``/``."""
    tail = "/" if folder else ""
    if isinstance(place, LocalRef):
        return LocalRef(place.path + ("" if place.path.endswith("/") else "/") + name + tail)
    if not place.bucket:
        return ObjectRef(name)
    return ObjectRef(place.bucket, place.key + name + tail)


def is_bucket_list(place: Place) -> bool:
    """Nothing can be put there: it is the list of buckets."""
    return isinstance(place, ObjectRef) and not place.bucket


def is_bucket(place: Place) -> bool:
    """It is a whole bucket."""
    return isinstance(place, ObjectRef) and bool(place.bucket) and not place.key


def home(path: str, env: Mapping[str, str] = os.environ) -> str:
    """The path with the user's own folder as ``~``.

    >>> home("/home/ann/data/", {"HOME": "/home/ann"})
    '~/data/'
    """
    own = env.get("HOME", "").rstrip("/")
    if own and (path == own or path.startswith(own + "/")):
        return "~" + path[len(own) :]
    return path


def address(location: Location) -> str:
    """The place as one would type it, raw."""
    place = location.place
    if isinstance(place, LocalRef):
        return home(place.path).rstrip("/") or "/"
    return str(place)


def parse(text: str, here: Location | None, connection: ConnectionId | None) -> Location | None:
    """The folder or prefix that a typed address means; ``None`` if there is nothing to go by.

    Args:
        here: What a relative path is relative to.
        connection: Reaches ``s3://`` addresses.

    >>> str(parse("s3://b/p", None, ConnectionId("c")).place)
    's3://b/p/'
    """
    text = text.strip()
    if not text:
        return None
    if text.lower().startswith(SCHEME):
        bucket, _, key = text[len(SCHEME) :].partition("/")
        if connection is None or (key and not bucket):
            return None
        return Location(ObjectRef(bucket, key + "/" if key and not key.endswith("/") else key), connection)
    path = os.path.expanduser(text)
    if not path.startswith("/"):
        if here is None or not isinstance(here.place, LocalRef):
            return None
        path = here.place.path + "/" + path
    path = os.path.normpath(path)
    return Location(LocalRef(path if path.endswith("/") else path + "/"))
