"""The browser on the real server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from urllib.request import urlopen

import pytest

from engine.browser import Browser, ConnectionTest, CountProgress, Details
from engine.model import ConnectionId, Location, ObjectRef
from engine.page import EntryKind
from engine.s3.connection import Connection, Connections
from engine.s3.profiles import Profile
from tests.engine.asking import code, ended, listed, names
from tests.servers.seaweed import Seaweed


@pytest.fixture
def browser(connections: Connections, connection: Connection) -> Iterator[Browser]:
    """A browser that reaches the real server."""
    with closing(Browser(connections)) as browser:
        yield browser


@pytest.fixture
def here(connection: Connection) -> ConnectionId:
    """The id of the connection to it."""
    return connection.id


def put(seaweed: Seaweed, bucket: str, *keys: str, body: bytes = b"data") -> None:
    for key in keys:
        seaweed.client().put_object(Bucket=bucket, Key=key, Body=body)


def test_places_are_listed(browser: Browser, seaweed: Seaweed, bucket: str, here: ConnectionId) -> None:
    put(seaweed, bucket, "p/a b+", "p/ü/x", "p/.hidden", "q")
    for key in ("p", "p/"):
        progress = listed(browser, browser.list(Location(ObjectRef(bucket, key), here)))
        assert progress.problem is None
        assert names(progress) == [
            (".hidden", EntryKind.FILE),
            ("a b+", EntryKind.FILE),
            ("ü", EntryKind.FOLDER),
        ]
    buckets = listed(browser, browser.list(Location(ObjectRef(""), here)))
    assert (bucket, EntryKind.BUCKET) in names(buckets)
    names_of_buckets = ended(browser, browser.buckets(here)).value
    assert isinstance(names_of_buckets, tuple) and bucket in names_of_buckets


def test_empty_missing_and_unknown_places_differ(
    browser: Browser, seaweed: Seaweed, bucket: str, here: ConnectionId
) -> None:
    empty = listed(browser, browser.list(Location(ObjectRef(bucket), here)))
    assert (empty.problem, empty.scanned) == (None, 0)
    gone = Location(ObjectRef("never-made"), here)
    assert code(listed(browser, browser.list(gone))) == "no-such-bucket"
    assert code(ended(browser, browser.details(gone))) == "no-such-bucket"
    elsewhere = Location(ObjectRef(bucket), ConnectionId("other@elsewhere"))
    assert code(listed(browser, browser.list(elsewhere))) == "needs-profile"


def test_a_stranger_is_told_what_is_wrong_with_the_keys(
    browser: Browser, bucket: str, here: ConnectionId, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not the secret")
    assert code(listed(browser, browser.list(Location(ObjectRef(bucket), here)))) == "wrong-secret"
    assert code(ended(browser, browser.buckets(here))) == "wrong-secret"


def test_details_tell_what_is_known(
    browser: Browser, seaweed: Seaweed, bucket: str, here: ConnectionId
) -> None:
    seaweed.client().put_object(
        Bucket=bucket, Key="p/k", Body=b"data", ContentType="text/x-odd", Metadata={"mtime": "1.5"}
    )
    found = ended(browser, browser.details(Location(ObjectRef(bucket, "p/k"), here))).value
    assert isinstance(found, Details)
    assert (found.kind, found.size, found.etag) == (EntryKind.FILE, 4, "8d777f385d3dfec8815d20f7496026dc")
    assert {("Content type", "text/x-odd"), ("Metadata mtime", "1.5")} <= set(found.pairs())
    prefix = ended(browser, browser.details(Location(ObjectRef(bucket, "none/"), here))).value
    assert prefix == Details(EntryKind.FOLDER)
    whole = ended(browser, browser.details(Location(ObjectRef(bucket), here))).value
    assert isinstance(whole, Details) and whole.kind is EntryKind.BUCKET
    gone = Location(ObjectRef(bucket, "gone"), here)
    assert code(ended(browser, browser.details(gone))) == "no-such-key"


def test_objects_and_bytes_are_counted(
    browser: Browser, seaweed: Seaweed, bucket: str, here: ConnectionId
) -> None:
    put(seaweed, bucket, "p/a", "p/d/b", "p/d/c", "q", "r")
    places = [Location(ObjectRef(bucket, key), here) for key in ("p/", "q", "gone")]
    assert ended(browser, browser.count(places)).value == CountProgress(4, 16)


def test_links_open_and_addresses_complete(
    browser: Browser, seaweed: Seaweed, bucket: str, here: ConnectionId
) -> None:
    put(seaweed, bucket, "2025/ü x", "2026/jan/x")
    link = ended(browser, browser.presign(Location(ObjectRef(bucket, "2025/ü x"), here), 60)).value
    assert isinstance(link, str)
    with urlopen(link, timeout=10) as reply:
        assert reply.read() == b"data"
    assert ended(browser, browser.complete(f"s3://{bucket}/20", here)).value == (
        f"s3://{bucket}/2025/",
        f"s3://{bucket}/2026/",
    )
    assert ended(browser, browser.complete(f"s3://{bucket[:-1]}", here)).value != ()


def test_the_endpoint_is_tried(browser: Browser, bucket: str, here: ConnectionId) -> None:
    for name in ("", bucket):
        found = ended(browser, browser.test_connection(here, name)).value
        assert isinstance(found, ConnectionTest)
        assert found.seconds > 0
        assert found.clock_offset is not None and abs(found.clock_offset) < 60
    assert code(ended(browser, browser.test_connection(here, "never-made"))) == "no-such-bucket"


def test_folders_and_buckets_are_made_once(browser: Browser, bucket: str, here: ConnectionId) -> None:
    folder = Location(ObjectRef(bucket, "p/new"), here)
    made = ended(browser, browser.make_folder(folder)).value
    assert made == Location(ObjectRef(bucket, "p/new/"), here)
    assert names(listed(browser, browser.list(Location(ObjectRef(bucket, "p/"), here)))) == [
        ("new", EntryKind.FOLDER)
    ]
    assert code(ended(browser, browser.make_folder(folder))) == "target-exists"
    fresh = Location(ObjectRef(f"{bucket}-fresh"), here)
    assert ended(browser, browser.make_folder(fresh)).problem is None
    assert code(ended(browser, browser.make_folder(fresh))) == "target-exists"


def test_an_object_gets_another_name_with_all_it_has_and_replaces_nothing(
    browser: Browser, connection: Connection, seaweed: Seaweed, bucket: str, here: ConnectionId
) -> None:
    seaweed.client().put_object(
        Bucket=bucket, Key="p/old ü", Body=b"data", ContentType="text/x-odd", Metadata={"mtime": "1.5"}
    )
    put(seaweed, bucket, "p/taken", body=b"other")
    old = Location(ObjectRef(bucket, "p/old ü"), here)
    assert code(ended(browser, browser.rename(old, "taken"))) == "target-exists"
    new = ended(browser, browser.rename(old, "new &+%20")).value
    assert new == Location(ObjectRef(bucket, "p/new &+%20"), here)
    facts = connection.control.head(ObjectRef(bucket, "p/new &+%20"))
    assert (facts.size, facts.content_type, facts.metadata) == (4, "text/x-odd", {"mtime": "1.5"})
    left = names(listed(browser, browser.list(Location(ObjectRef(bucket, "p/"), here))))
    assert [name for name, _ in left] == ["new &+%20", "taken"]


def test_a_read_only_profile_changes_nothing(
    browser: Browser, connections: Connections, seaweed: Seaweed, bucket: str, here: ConnectionId
) -> None:
    put(seaweed, bucket, "k")
    connections.add(Profile("default", seaweed.url, read_only=True))
    assert code(ended(browser, browser.rename(Location(ObjectRef(bucket, "k"), here), "new"))) == "read-only"
    assert code(ended(browser, browser.make_folder(Location(ObjectRef(bucket, "p"), here)))) == "read-only"
    assert names(listed(browser, browser.list(Location(ObjectRef(bucket), here)))) == [("k", EntryKind.FILE)]
