"""Versions are listed, restored and deleted for good, on the real server and on one that refuses."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest

from engine.browser import Browser
from engine.browsing import versions
from engine.browsing.versions import ChangeProgress, VersionListing
from engine.model import ConnectionId, LocalRef, Location, ObjectRef
from engine.s3.connection import Connection, Connections
from engine.s3.facts import ObjectVersion
from engine.s3.profiles import Profile
from tests.engine.asking import code, ended
from tests.servers.scripted import ScriptedS3
from tests.servers.seaweed import Seaweed


@pytest.fixture
def browser(connections: Connections) -> Iterator[Browser]:
    with closing(Browser(connections)) as browser:
        yield browser


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedS3]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AK")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "SK")
    with ScriptedS3("b") as server:
        yield server


@pytest.fixture
def kept(seaweed: Seaweed, bucket: str) -> str:
    """A bucket that keeps versions."""
    seaweed.client().put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    return bucket


def put(seaweed: Seaweed, bucket: str, key: str, *bodies: bytes, **facts: Any) -> None:
    for body in bodies:
        seaweed.client().put_object(Bucket=bucket, Key=key, Body=body, **facts)


def listing(browser: Browser, location: Location) -> VersionListing:
    answer = ended(browser, browser.versions(location))
    assert isinstance(answer.value, VersionListing), answer.problem
    return answer.value


def found(browser: Browser, location: Location) -> list[ObjectVersion]:
    return [version for page in listing(browser, location).pages for version in page]


def changed(browser: Browser, token: Any) -> ChangeProgress:
    answer = ended(browser, token)
    assert isinstance(answer.value, ChangeProgress), answer.problem
    return answer.value


def body(seaweed: Seaweed, bucket: str, key: str) -> bytes:
    read: bytes = seaweed.client().get_object(Bucket=bucket, Key=key)["Body"].read()
    return read


# -- listing ---------------------------------------------------------------------------------------


def test_versions_and_markers_of_one_object_are_listed_and_of_no_other(
    browser: Browser, connection: Connection, seaweed: Seaweed, kept: str
) -> None:
    put(seaweed, kept, "d/k", b"1", b"22")
    put(seaweed, kept, "d/k2", b"other")
    seaweed.client().delete_object(Bucket=kept, Key="d/k")
    place = Location(ObjectRef(kept, "d/k"), connection.id)
    rows = found(browser, place)
    assert listing(browser, place).versioning == "enabled"
    assert [row.key for row in rows] == ["d/k"] * 3
    assert (rows[0].is_marker, rows[0].is_latest, rows[0].size) == (True, True, -1)
    assert sorted(row.size for row in rows[1:]) == [1, 2]
    assert len({row.version_id for row in rows}) == 3


def test_below_a_prefix_all_keys_are_listed_by_name(
    browser: Browser, connection: Connection, seaweed: Seaweed, kept: str
) -> None:
    put(seaweed, kept, "d/b", b"1", b"22")
    put(seaweed, kept, "d/ä [b]", b"333")
    put(seaweed, kept, "elsewhere", b"x")
    rows = found(browser, Location(ObjectRef(kept, "d/"), connection.id))
    assert [row.key for row in rows] == ["d/b", "d/b", "d/ä [b]"]
    assert rows[0].is_latest and not rows[1].is_latest
    assert rows[0].etag and rows[0].mtime > 1.7e9


def test_a_bucket_without_versions_says_so(
    browser: Browser, connection: Connection, seaweed: Seaweed, bucket: str
) -> None:
    put(seaweed, bucket, "k", b"1")
    there = listing(browser, Location(ObjectRef(bucket, "k"), connection.id))
    assert there.versioning == "off"
    assert [row.version_id for page in there.pages for row in page] == ["null"]


def test_a_listing_in_pages_is_whole_and_a_huge_one_is_cut(
    browser: Browser,
    connection: Connection,
    seaweed: Seaweed,
    kept: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for key in ("a%20b", "a+b", "c"):
        put(seaweed, kept, key, b"1", b"2")
    place = Location(ObjectRef(kept), connection.id)
    ask = connection.control._caller.call

    def in_small_pages(name: str, params: Any, **how: Any) -> Any:
        small = {**params, "MaxKeys": 1} if name == "list_object_versions" else params
        return ask(name, small, **how)

    monkeypatch.setattr(connection.control._caller, "call", in_small_pages)
    there = listing(browser, place)
    assert [row.key for page in there.pages for row in page] == ["a%20b"] * 2 + ["a+b"] * 2 + ["c"] * 2
    assert len(there.pages) == 6 and not there.is_cut
    monkeypatch.setattr(versions, "MOST_LISTED", 3)
    there = listing(browser, place)
    assert there.is_cut and sum(map(len, there.pages)) == 3


def test_what_has_no_versions_and_who_may_not_ask_are_told(
    browser: Browser, server: ScriptedS3, connect: Callable[[Profile], Connection]
) -> None:
    here = connect(Profile("p", server.url)).id
    assert code(ended(browser, browser.versions(Location(LocalRef("/tmp"))))) != ""
    assert code(ended(browser, browser.versions(Location(ObjectRef(""), here)))) == "usage"
    server.refuse("AccessDenied", 403)
    answer = ended(browser, browser.versions(Location(ObjectRef("b"), here)))
    assert code(answer) == "access-denied"
    assert answer.problem is not None and "s3:ListBucketVersions" in answer.problem.why


# -- changes ---------------------------------------------------------------------------------------


def test_an_older_version_is_restored_on_top_and_nothing_is_lost(
    browser: Browser, connection: Connection, seaweed: Seaweed, kept: str
) -> None:
    put(seaweed, kept, "k", b"first", Metadata={"n": "1"})
    put(seaweed, kept, "k", b"second")
    place = Location(ObjectRef(kept, "k"), connection.id)
    old = next(row for row in found(browser, place) if not row.is_latest)
    assert changed(browser, browser.restore_versions(place, [old])) == ChangeProgress(1, 1)
    assert body(seaweed, kept, "k") == b"first"
    assert seaweed.client().head_object(Bucket=kept, Key="k")["Metadata"] == {"n": "1"}
    assert len(found(browser, place)) == 3


def test_a_deleted_object_is_there_again_without_its_marker(
    browser: Browser, connection: Connection, seaweed: Seaweed, kept: str
) -> None:
    put(seaweed, kept, "k", b"data")
    seaweed.client().delete_object(Bucket=kept, Key="k")
    place = Location(ObjectRef(kept), connection.id)
    marker = found(browser, place)[0]
    assert marker.is_marker
    assert changed(browser, browser.restore_versions(place, [marker])).done == 1
    assert body(seaweed, kept, "k") == b"data"
    assert [row.is_marker for row in found(browser, place)] == [False]


def test_versions_are_deleted_for_good_and_only_those(
    browser: Browser, connection: Connection, seaweed: Seaweed, kept: str
) -> None:
    put(seaweed, kept, "k", b"1", b"22", b"333")
    put(seaweed, kept, "other", b"x")
    place = Location(ObjectRef(kept, "k"), connection.id)
    rows = found(browser, place)
    assert changed(browser, browser.delete_versions(place, rows[:2])) == ChangeProgress(2, 2)
    assert [row.version_id for row in found(browser, place)] == [rows[2].version_id]
    assert body(seaweed, kept, "other") == b"x"


def test_what_is_held_is_named_with_the_permission_and_the_rest_is_deleted(
    browser: Browser, connection: Connection, seaweed: Seaweed
) -> None:
    bucket = f"{seaweed.bucket('locked')}-lock"
    client: Any = seaweed.client()
    client.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=True)
    put(seaweed, bucket, "held", b"1")
    put(seaweed, bucket, "free", b"1")
    client.put_object_legal_hold(Bucket=bucket, Key="held", LegalHold={"Status": "ON"})
    place = Location(ObjectRef(bucket), connection.id)
    progress = changed(browser, browser.delete_versions(place, found(browser, place)))
    assert (progress.done, [ref.key for ref, _ in progress.failed]) == (1, ["held"])
    problem = progress.failed[0][1]
    assert problem.code == "access-denied" and "s3:DeleteObjectVersion" in problem.why
    client.put_object_legal_hold(Bucket=bucket, Key="held", LegalHold={"Status": "OFF"})


def test_one_that_is_too_big_is_for_the_queue_and_those_behind_it_are_restored(
    browser: Browser, connection: Connection, seaweed: Seaweed, kept: str
) -> None:
    put(seaweed, kept, "k", b"1", b"22")
    place = Location(ObjectRef(kept), connection.id)
    old = next(row for row in found(browser, place) if not row.is_latest)
    huge = ObjectVersion("huge", "v", 0.0, 6 * 1024**3)
    progress = changed(browser, browser.restore_versions(place, [huge, old]))
    assert (progress.done, [problem.code for _, problem in progress.failed]) == (1, ["use-queue"])
    assert body(seaweed, kept, "k") == b"1"


def test_a_read_only_profile_restores_and_deletes_nothing(
    browser: Browser, server: ScriptedS3, connect: Callable[[Profile], Connection]
) -> None:
    here: ConnectionId = connect(Profile("p", server.url, read_only=True)).id
    place, old = Location(ObjectRef("b"), here), ObjectVersion("k", "v1", 0.0, 1)
    assert code(ended(browser, browser.restore_versions(place, [old]))) == "read-only"
    assert code(ended(browser, browser.delete_versions(place, [old]))) == "read-only"
    assert server.count() == 0


def test_an_archived_version_says_that_it_is(
    browser: Browser, server: ScriptedS3, connect: Callable[[Profile], Connection]
) -> None:
    here = connect(Profile("p", server.url)).id
    server.switches.versioned = True
    server.put("b", "cold", b"x")
    stored = server.object("b", "cold")
    assert stored is not None and stored.version_id is not None
    server.switches.archived["cold"] = ""
    old = ObjectVersion("cold", stored.version_id, 0.0, 1, etag=stored.etag)
    progress = changed(browser, browser.restore_versions(Location(ObjectRef("b"), here), [old]))
    assert [problem.code for _, problem in progress.failed] == ["archived"]
