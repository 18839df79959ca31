"""What is known of objects and buckets: as it comes, in words, and with the permission that is missing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

import pytest

from engine.browser import Browser, Details
from engine.browsing.describing import describe
from engine.local.fsops import FsOps
from engine.model import ConnectionId, Location, ObjectRef
from engine.pace.cancel import CancelToken
from engine.s3.connection import Connection, Connections
from engine.s3.profiles import Profile
from engine.s3.settings import NO_UPLOAD_RULE
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
def there(server: ScriptedS3, connect: Callable[[Profile], Connection]) -> ConnectionId:
    return connect(Profile("p", server.url)).id


def pairs(browser: Browser, location: Location) -> dict[str, str]:
    answer = ended(browser, browser.details(location))
    assert isinstance(answer.value, Details), answer.problem
    return dict(answer.value.pairs())


def test_all_that_is_kept_with_an_object_is_told(
    browser: Browser, connection: Connection, seaweed: Seaweed, bucket: str
) -> None:
    client: Any = seaweed.client()
    client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    client.put_object(
        Bucket=bucket,
        Key="k",
        Body=b"data",
        ContentType="text/x-odd",
        CacheControl="max-age=60",
        ContentDisposition="inline",
        Metadata={"author": "ann"},
        StorageClass="STANDARD_IA",
        Tagging="team=ops&cost=b%20c",
        ChecksumAlgorithm="CRC32",
    )
    told = pairs(browser, Location(ObjectRef(bucket, "k"), connection.id))
    assert told["Metadata author"] == "ann"
    assert told["Storage class"] == "STANDARD_IA"
    assert (told["Content type"], told["Cache control"]) == ("text/x-odd", "max-age=60")
    assert told["Disposition"] == "inline"
    assert told["Checksum"] == "CRC32 adf3f363 (of the whole object)"
    assert set(told["Tags"].split("\n")) == {"team = ops", "cost = b c"}
    assert (told["Retention"], told["Legal hold"]) == ("none", "none")
    assert len(told["Version"]) > 10


def test_lock_and_hold_of_an_object_and_the_settings_of_its_bucket_are_told(
    browser: Browser, connection: Connection, seaweed: Seaweed
) -> None:
    client: Any = seaweed.client()
    bucket = f"{seaweed.bucket('described')}-lock"
    client.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=True)
    client.put_object(Bucket=bucket, Key="k", Body=b"1")
    until = datetime(2036, 1, 2, tzinfo=UTC)
    client.put_object_retention(
        Bucket=bucket, Key="k", Retention={"Mode": "GOVERNANCE", "RetainUntilDate": until}
    )
    client.put_object_legal_hold(Bucket=bucket, Key="k", LegalHold={"Status": "ON"})
    told = pairs(browser, Location(ObjectRef(bucket, "k"), connection.id))
    assert told["Retention"].startswith("governance until 2036-01-02")
    assert told["Legal hold"] == "on"
    client.put_bucket_encryption(
        Bucket=bucket,
        ServerSideEncryptionConfiguration={
            "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]
        },
    )
    told = pairs(browser, Location(ObjectRef(bucket), connection.id))
    assert told["Versioning"] == "enabled"
    assert told["Encryption"] == "AES256"
    assert told["Object lock"] == "on; no default"
    assert told["Incomplete uploads"] == NO_UPLOAD_RULE
    client.put_object_legal_hold(Bucket=bucket, Key="k", LegalHold={"Status": "OFF"})


def test_a_rule_that_ends_uploads_is_told_with_its_days(
    browser: Browser, connection: Connection, seaweed: Seaweed, bucket: str
) -> None:
    client: Any = seaweed.client()
    rule = {
        "ID": "x",
        "Status": "Enabled",
        "Filter": {"Prefix": "logs/"},
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 3},
    }
    client.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": [rule]})
    told = pairs(browser, Location(ObjectRef(bucket), connection.id))
    assert told["Incomplete uploads"] == "aborted 3 days after they began, below logs/"
    assert (told["Versioning"], told["Encryption"], told["Object lock"]) == ("off", "no default", "off")


def test_what_costs_one_question_is_told_before_the_rest(
    connections: Connections, connection: Connection, seaweed: Seaweed, bucket: str
) -> None:
    seaweed.client().put_object(Bucket=bucket, Key="k", Body=b"data")
    place = Location(ObjectRef(bucket, "k"), connection.id)
    seen = list(describe(place, connections, FsOps(), CancelToken()))
    assert [len(found.more) for found in seen] == [0, 1, 2, 3]
    assert all(found.size == 4 for found in seen)


def test_what_may_not_be_asked_names_the_permission_and_hides_nothing_else(
    browser: Browser, server: ScriptedS3, there: ConnectionId
) -> None:
    server.put("b", "k", b"data", content_type="text/x")
    for operation in ("GetObjectTagging", "GetObjectRetention", "GetBucketVersioning"):
        server.refuse("AccessDenied", 403, operation=operation)
    told = pairs(browser, Location(ObjectRef("b", "k"), there))
    assert told["Tags"] == "not allowed: needs s3:GetObjectTagging"
    assert told["Retention"] == "not allowed: needs s3:GetObjectRetention"
    assert told["Legal hold"] == "the server does not know this"
    assert told["Content type"] == "text/x"
    told = pairs(browser, Location(ObjectRef("b"), there))
    assert told["Region"] == "us-east-1"
    assert told["Versioning"] == "not allowed: needs s3:GetBucketVersioning"
    assert told["Encryption"] == "the server does not know this"


def test_every_part_of_a_closed_bucket_says_what_it_needs(
    browser: Browser, server: ScriptedS3, there: ConnectionId
) -> None:
    server.refuse("AccessDenied", 403)
    told = pairs(browser, Location(ObjectRef("b"), there))
    assert {name: value.rpartition(" ")[2] for name, value in told.items()} == {
        "Region": "s3:ListBucket",
        "Versioning": "s3:GetBucketVersioning",
        "Encryption": "s3:GetEncryptionConfiguration",
        "Object lock": "s3:GetBucketObjectLockConfiguration",
        "Incomplete uploads": "s3:GetLifecycleConfiguration",
    }
    assert code(ended(browser, browser.details(Location(ObjectRef("b", "k"), there)))) == "access-denied"


def test_the_state_of_an_archived_object_is_in_words(
    browser: Browser, server: ScriptedS3, there: ConnectionId
) -> None:
    server.put("b", "cold", b"data")
    server.switches.archived["cold"] = 'ongoing-request="true"'
    told = pairs(browser, Location(ObjectRef("b", "cold"), there))
    assert told["Storage class"] == "GLACIER"
    assert told["Restore"] == "under way; the object cannot be read yet"


def test_an_object_in_a_bucket_without_lock_has_neither_retention_nor_hold(
    browser: Browser, connection: Connection, seaweed: Seaweed
) -> None:
    bucket = seaweed.bucket("unlocked")
    client: Any = seaweed.client()
    client.put_object(Bucket=bucket, Key="k", Body=b"1")
    told = pairs(browser, Location(ObjectRef(bucket, "k"), connection.id))
    assert (told["Retention"], told["Legal hold"]) == ("none", "none")
