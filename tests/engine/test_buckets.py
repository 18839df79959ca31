"""A bucket is removed when it is empty, and never otherwise, whatever the server would do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest

from engine.browser import Browser
from engine.browsing import buckets
from engine.browsing.buckets import BucketContent
from engine.model import ConnectionId, Location, ObjectRef
from engine.s3.connection import Connection, Connections
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


def names(seaweed: Seaweed) -> set[str]:
    client: Any = seaweed.client()
    return {bucket["Name"] for bucket in client.list_buckets()["Buckets"]}


def there(bucket: str, id: ConnectionId) -> Location:
    return Location(ObjectRef(bucket), id)


def test_an_empty_bucket_is_removed(
    browser: Browser, connection: Connection, seaweed: Seaweed, bucket: str
) -> None:
    place = there(bucket, connection.id)
    assert ended(browser, browser.bucket_content(place)).value == BucketContent()
    assert ended(browser, browser.remove_bucket(place)).problem is None
    assert bucket not in names(seaweed)
    assert code(ended(browser, browser.remove_bucket(place))) == "no-such-bucket"


def test_what_no_listing_shows_keeps_a_bucket_and_is_counted(
    browser: Browser, connection: Connection, seaweed: Seaweed, bucket: str
) -> None:
    client: Any = seaweed.client()
    client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    for body in (b"1", b"2"):
        client.put_object(Bucket=bucket, Key="k", Body=body)
    client.delete_object(Bucket=bucket, Key="k")
    client.put_object(Bucket=bucket, Key="there", Body=b"1")
    upload = client.create_multipart_upload(Bucket=bucket, Key="half")["UploadId"]
    place = there(bucket, connection.id)
    found = ended(browser, browser.bucket_content(place)).value
    assert found == BucketContent(1, 2, 1, 1)
    answer = ended(browser, browser.remove_bucket(place))
    assert code(answer) == "bucket-not-empty"
    assert answer.problem is not None
    # What is found first is named: the upload that nobody sees.
    assert "1 unfinished upload" in answer.problem.why
    assert client.get_object(Bucket=bucket, Key="there")["Body"].read() == b"1"
    client.abort_multipart_upload(Bucket=bucket, Key="half", UploadId=upload)
    answer = ended(browser, browser.remove_bucket(place))
    assert answer.problem is not None
    assert "1 object, 2 older versions, 1 delete marker" in answer.problem.why
    assert bucket in names(seaweed)


def test_counting_ends_where_it_does_not_matter_any_more(
    browser: Browser,
    connection: Connection,
    seaweed: Seaweed,
    bucket: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for key in "abc":
        seaweed.client().put_object(Bucket=bucket, Key=key, Body=b"1")
    monkeypatch.setattr(buckets, "MOST_COUNTED", 2)
    found = ended(browser, browser.bucket_content(there(bucket, connection.id))).value
    assert str(found) == "more than 3 objects"


def test_a_bucket_that_may_not_be_looked_into_stays(
    browser: Browser, server: ScriptedS3, connect: Callable[[Profile], Connection]
) -> None:
    here = connect(Profile("p", server.url)).id
    server.refuse("AccessDenied", 403, operation="ListObjectVersions")
    answer = ended(browser, browser.remove_bucket(there("b", here)))
    assert code(answer) == "access-denied"
    assert answer.problem is not None and "s3:ListBucketVersions" in answer.problem.why
    assert server.count("DeleteBucket") == 0


def test_on_a_server_without_versions_the_listing_counts(
    browser: Browser, server: ScriptedS3, connect: Callable[[Profile], Connection]
) -> None:
    here = connect(Profile("p", server.url)).id
    server.put("b", "k", b"1")
    answer = ended(browser, browser.remove_bucket(there("b", here)))
    assert answer.problem is not None and "1 object" in answer.problem.why
    assert server.count("DeleteBucket") == 0


def test_a_server_that_finds_something_after_all_is_believed(
    browser: Browser, server: ScriptedS3, connect: Callable[[Profile], Connection]
) -> None:
    here = connect(Profile("p", server.url)).id
    server.refuse("BucketNotEmpty", 409, operation="DeleteBucket")
    assert code(ended(browser, browser.remove_bucket(there("b", here)))) == "bucket-not-empty"


def test_a_read_only_profile_removes_nothing_and_a_prefix_is_no_bucket(
    browser: Browser, server: ScriptedS3, connect: Callable[[Profile], Connection]
) -> None:
    here = connect(Profile("p", server.url, read_only=True)).id
    assert code(ended(browser, browser.remove_bucket(there("b", here)))) == "read-only"
    assert code(ended(browser, browser.remove_bucket(Location(ObjectRef("b", "p/"), here)))) == "usage"
    assert server.count() == 0
