"""Storage class, headers, metadata and tags are changed, all else stays, and nothing is changed blindly."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest

from engine.browser import Browser
from engine.browsing import properties
from engine.browsing.properties import ObjectProperties, PropertyChange
from engine.browsing.versions import ChangeProgress
from engine.model import Location, ObjectRef
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


def put(seaweed: Seaweed, bucket: str, key: str = "k") -> None:
    seaweed.client().put_object(
        Bucket=bucket,
        Key=key,
        Body=b"data",
        ContentType="text/plain",
        CacheControl="max-age=60",
        Metadata={"author": "ann", "mtime": "1.5"},
        Tagging="team=ops&old=1",
    )


def head(seaweed: Seaweed, bucket: str, key: str = "k") -> dict[str, Any]:
    client: Any = seaweed.client()
    told: dict[str, Any] = client.head_object(Bucket=bucket, Key=key)
    tags = client.get_object_tagging(Bucket=bucket, Key=key)["TagSet"]
    return {**told, "Tags": {tag["Key"]: tag["Value"] for tag in tags}}


def changed(
    browser: Browser, connection: Connection, wanted: PropertyChange, *refs: ObjectRef
) -> ChangeProgress:
    answer = ended(browser, browser.change_properties(connection.id, [(ref, "") for ref in refs], wanted))
    assert isinstance(answer.value, ChangeProgress), answer.problem
    return answer.value


def test_what_an_object_has_is_told(
    browser: Browser, connection: Connection, seaweed: Seaweed, bucket: str
) -> None:
    put(seaweed, bucket)
    found = ended(browser, browser.properties(Location(ObjectRef(bucket, "k"), connection.id))).value
    assert isinstance(found, ObjectProperties)
    assert (found.size, found.storage_class) == (4, "STANDARD")
    assert found.headers == (("content-type", "text/plain"), ("cache-control", "max-age=60"))
    assert found.metadata == (("author", "ann"), ("mtime", "1.5"))
    assert set(found.tags) == {("team", "ops"), ("old", "1")}


def test_the_storage_class_is_changed_and_all_else_stays(
    browser: Browser, connection: Connection, seaweed: Seaweed, bucket: str
) -> None:
    put(seaweed, bucket)
    before = head(seaweed, bucket)
    ref = ObjectRef(bucket, "k")
    assert changed(browser, connection, PropertyChange("STANDARD_IA"), ref) == ChangeProgress(1, 1)
    after = head(seaweed, bucket)
    assert after["StorageClass"] == "STANDARD_IA"
    for name in ("ContentType", "CacheControl", "Metadata", "Tags", "ETag", "ContentLength"):
        assert after[name] == before[name], name


def test_headers_and_metadata_are_set_and_taken_away_and_the_class_stays(
    browser: Browser, connection: Connection, seaweed: Seaweed, bucket: str
) -> None:
    put(seaweed, bucket)
    ref = ObjectRef(bucket, "k")
    changed(browser, connection, PropertyChange("STANDARD_IA"), ref)
    wanted = PropertyChange(
        headers=(("content-type", "text/csv"), ("cache-control", None), ("content-language", "de")),
        metadata=(("author", None), ("project", "x y")),
    )
    assert changed(browser, connection, wanted, ref).done == 1
    after = head(seaweed, bucket)
    assert (after["ContentType"], after["ContentLanguage"]) == ("text/csv", "de")
    assert "CacheControl" not in after
    assert after["Metadata"] == {"mtime": "1.5", "project": "x y"}
    assert after["StorageClass"] == "STANDARD_IA"
    assert after["Tags"] == {"team": "ops", "old": "1"}


def test_tags_are_changed_without_a_copy(
    browser: Browser, connection: Connection, seaweed: Seaweed, bucket: str
) -> None:
    client: Any = seaweed.client()
    client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    put(seaweed, bucket)
    before = head(seaweed, bucket)
    wanted = PropertyChange(tags=(("old", None), ("team", "dev"), ("cost centre", "a+b=c")))
    assert changed(browser, connection, wanted, ObjectRef(bucket, "k")).done == 1
    after = head(seaweed, bucket)
    assert after["Tags"] == {"team": "dev", "cost centre": "a+b=c"}
    assert after["VersionId"] == before["VersionId"]
    everything = PropertyChange(tags=(("team", None), ("cost centre", None)))
    assert changed(browser, connection, everything, ObjectRef(bucket, "k")).done == 1
    assert head(seaweed, bucket)["Tags"] == {}


def test_one_that_changed_meanwhile_is_left_alone(
    browser: Browser, connection: Connection, seaweed: Seaweed, bucket: str
) -> None:
    put(seaweed, bucket)
    ref = ObjectRef(bucket, "k")
    etag = head(seaweed, bucket)["ETag"].strip('"')
    seaweed.client().put_object(Bucket=bucket, Key="k", Body=b"other")
    wanted = PropertyChange("STANDARD_IA")
    progress = ended(browser, browser.change_properties(connection.id, [(ref, etag)], wanted)).value
    assert isinstance(progress, ChangeProgress)
    assert [problem.code for _, problem in progress.failed] == ["object-changed"]
    assert "StorageClass" not in head(seaweed, bucket) or head(seaweed, bucket)["StorageClass"] == "STANDARD"


def test_one_that_is_replaced_between_look_and_copy_is_not_copied(
    browser: Browser,
    server: ScriptedS3,
    connect: Callable[[Profile], Connection],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    here = connect(Profile("p", server.url))
    server.put("b", "k", b"old")
    look = here.control.described

    def look_then_replace(*args: Any, **how: Any) -> Any:
        found = look(*args, **how)
        server.put("b", "k", b"new")
        return found

    monkeypatch.setattr(here.control, "described", look_then_replace)
    progress = changed(browser, here, PropertyChange("STANDARD_IA"), ObjectRef("b", "k"))
    assert [problem.code for _, problem in progress.failed] == ["object-changed"]
    assert server.data("b", "k") == b"new"


def test_of_several_each_is_changed_or_named(
    browser: Browser, connection: Connection, seaweed: Seaweed, bucket: str
) -> None:
    for key in ("a", "c"):
        put(seaweed, bucket, key)
    refs = [ObjectRef(bucket, key) for key in ("a", "gone", "c")]
    progress = changed(browser, connection, PropertyChange(metadata=(("n", "1"),)), *refs)
    assert (progress.done, progress.total) == (2, 3)
    assert [(ref.key, problem.code) for ref, problem in progress.failed] == [("gone", "no-such-key")]
    assert head(seaweed, bucket, "c")["Metadata"]["n"] == "1"


def test_above_five_gib_only_tags_can_be_changed_and_that_is_said(
    browser: Browser, connection: Connection, seaweed: Seaweed, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(seaweed, bucket)
    monkeypatch.setattr(properties, "MOST_COPIED_AT_ONCE", 3)
    ref = ObjectRef(bucket, "k")
    progress = changed(browser, connection, PropertyChange("STANDARD_IA"), ref)
    assert "above 5 GiB; only tags can be changed" in progress.failed[0][1].why
    assert changed(browser, connection, PropertyChange(tags=(("n", "1"),)), ref).done == 1


def test_encryption_and_lock_are_said_again(
    server: ScriptedS3, connect: Callable[[Profile], Connection], browser: Browser
) -> None:
    here = connect(Profile("p", server.url))
    server.put("b", "k", b"1", x_amz_server_side_encryption="aws:kms")
    stored = server.object("b", "k")
    assert stored is not None
    told = {
        **stored.headers,
        "x-amz-server-side-encryption-aws-kms-key-id": "key-1",
        "x-amz-object-lock-legal-hold": "ON",
    }
    server.change("b", "k", headers=told)
    assert changed(browser, here, PropertyChange("STANDARD_IA"), ObjectRef("b", "k")).done == 1
    (copied,) = server.requests("CopyObject")
    assert copied.headers["x-amz-server-side-encryption-aws-kms-key-id"] == "key-1"
    assert copied.headers["x-amz-object-lock-legal-hold"] == "ON"
    assert copied.headers["x-amz-copy-source-if-match"] == f'"{stored.etag}"'


def test_a_read_only_profile_changes_nothing_and_a_prefix_has_nothing_to_change(
    browser: Browser, server: ScriptedS3, connect: Callable[[Profile], Connection]
) -> None:
    closed = connect(Profile("p", server.url, read_only=True))
    wanted, ref = PropertyChange("STANDARD_IA"), ObjectRef("b", "k")
    answer = ended(browser, browser.change_properties(closed.id, [(ref, "")], wanted))
    assert code(answer) == "read-only" and server.count() == 0
    answer = ended(browser, browser.properties(Location(replace(ref, key=""), closed.id)))
    assert code(answer) == "usage"
