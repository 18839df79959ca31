"""The browser on the side of S3: what it asks for, and what it makes of the answers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import pytest

from engine.browser import Browser, ConnectionTest, CountProgress, Details
from engine.errors import Condition
from engine.model import GIB, ConnectionId, Location, ObjectRef
from engine.page import EntryKind
from tests.engine.asking import code, ended, listed, names
from tests.engine.fake_s3 import ID, FakeS3, s3

__all__ = ["s3"]


@pytest.fixture
def browser(s3: FakeS3) -> Iterator[Browser]:
    browser = Browser(cast(Any, s3))
    yield browser
    browser.close()


def at(key: str = "", bucket: str = "b") -> Location:
    return Location(ObjectRef(bucket, key), ID)


# -- listings --------------------------------------------------------------------------------------


def test_a_prefix_is_listed_with_its_prefixes_as_folders(browser: Browser, s3: FakeS3) -> None:
    s3.put("b", "p/a", "p/d/x", "p/d/y", "q")
    for key in ("p/", "p"):
        progress = listed(browser, browser.list(at(key)))
        assert names(progress) == [("a", EntryKind.FILE), ("d", EntryKind.FOLDER)]
        assert progress.scanned == 2


def test_hidden_keys_are_left_out_but_counted_as_read(browser: Browser, s3: FakeS3) -> None:
    s3.put("b", ".a", ".d/x", "c")
    progress = listed(browser, browser.list(at(), show_hidden=False))
    assert names(progress) == [("c", EntryKind.FILE)]
    assert progress.scanned == 3


def test_buckets_are_listed(browser: Browser, s3: FakeS3) -> None:
    s3.put("b").put("a")
    assert names(listed(browser, browser.list(at("", "")))) == [
        ("a", EntryKind.BUCKET),
        ("b", EntryKind.BUCKET),
    ]
    assert ended(browser, browser.buckets(ID)).value == ("a", "b")


def test_denied_list_of_buckets_says_how_to_go_on_without(browser: Browser, s3: FakeS3) -> None:
    s3.denied.add("BUCKETS")
    problem = listed(browser, browser.list(at("", ""))).problem
    assert problem is not None
    assert problem.code == "access-denied"
    assert "s3://BUCKET/PREFIX" in problem.what_now


def test_empty_denied_missing_and_unreachable_differ(browser: Browser, s3: FakeS3) -> None:
    s3.put("b").put("closed").denied.add("closed")
    empty = listed(browser, browser.list(at()))
    assert (empty.problem, empty.scanned) == (None, 0)
    assert code(listed(browser, browser.list(at("", "closed")))) == "access-denied"
    assert code(listed(browser, browser.list(at("", "gone")))) == "no-such-bucket"

    def offline(prefix: str) -> Iterator[tuple[str, int]]:
        yield "a", 1
        raise Condition("offline", ("endpoint", ID), operation="list", subject="s3://b/")

    s3.page_size, s3.endless = 1, offline
    broken = listed(browser, browser.list(at()))
    assert code(broken) == "offline"
    assert names(broken) == [("a", EntryKind.FILE)]


def test_without_a_connection_the_profile_is_asked_for(browser: Browser) -> None:
    assert code(listed(browser, browser.list(Location(ObjectRef("b"))))) == "needs-profile"
    assert code(ended(browser, browser.count([Location(ObjectRef("b", "k"))]))) == "needs-profile"


@pytest.mark.fault(53)
def test_cancelled_listing_of_a_million_stops_between_pages(browser: Browser, s3: FakeS3) -> None:
    s3.endless = lambda prefix: ((f"{n:07}", 1) for n in range(10**6))
    token = browser.list(at())
    while not browser.pages(token).pages:
        pass
    browser.cancel(token)
    ended(browser, browser.details(at()))
    seen = len(s3.lists)
    assert seen < 1001
    assert code(browser.pages(token)) == "stale"


# -- details, counts, links ------------------------------------------------------------------------


def test_details_of_objects_prefixes_and_buckets(browser: Browser, s3: FakeS3) -> None:
    s3.put("b", "k", size=7)
    value = ended(browser, browser.details(at("k"))).value
    assert isinstance(value, Details)
    assert (value.kind, value.size, value.etag) == (EntryKind.FILE, 7, "etag-7")
    assert ("Content type", "text/plain") in value.pairs()
    assert ended(browser, browser.details(at("p/"))).value == Details(EntryKind.FOLDER)
    bucket = ended(browser, browser.details(at())).value
    assert isinstance(bucket, Details)
    assert (bucket.kind, bucket.region) == (EntryKind.BUCKET, "eu-west-1")
    assert code(ended(browser, browser.details(at("gone")))) == "no-such-key"


def test_count_adds_objects_and_prefixes(browser: Browser, s3: FakeS3) -> None:
    s3.put("b", "p/a", "p/d/x", "f", "other", size=5)
    answer = ended(browser, browser.count([at("p/"), at("f"), at("gone")]))
    assert answer.value == CountProgress(objects=3, bytes=15)


def test_count_is_seen_growing(browser: Browser, s3: FakeS3) -> None:
    s3.endless = lambda prefix: ((f"{n:07}", 1) for n in range(50_000))
    token = browser.count([at("p/")])
    seen = set()
    while not (answer := browser.answer(token)).done:
        if isinstance(answer.value, CountProgress):
            seen.add(answer.value.objects)
    assert answer.value == CountProgress(50_000, 50_000)
    assert all(objects % 1000 == 0 for objects in seen)


def test_links_are_for_objects_only(browser: Browser, s3: FakeS3) -> None:
    assert ended(browser, browser.presign(at("k"), 60)).value == "http://here/b/k?for=60"
    assert code(ended(browser, browser.presign(at(), 60))) == "usage"


def test_connection_is_tried_and_a_denied_list_is_still_a_connection(browser: Browser, s3: FakeS3) -> None:
    s3.put("b").put("c")
    value = ended(browser, browser.test_connection(ID)).value
    assert isinstance(value, ConnectionTest)
    assert (value.buckets, value.clock_offset) == (2, 0.5)
    s3.denied.add("BUCKETS")
    denied = ended(browser, browser.test_connection(ID)).value
    assert isinstance(denied, ConnectionTest)
    assert denied.buckets is None
    assert code(ended(browser, browser.test_connection(ID, "gone"))) == "no-such-bucket"


def test_typed_addresses_are_completed(browser: Browser, s3: FakeS3) -> None:
    s3.put("backups", "2025/x", "2026/jan/x", "2026/june/x", "2026.txt").put("books")

    def completed(text: str) -> object:
        return ended(browser, browser.complete(text, ID)).value

    assert completed("s3://b") == ("s3://backups/", "s3://books/")
    assert completed("s3://backups/20") == ("s3://backups/2025/", "s3://backups/2026/")
    assert completed("s3://backups/2026/j") == ("s3://backups/2026/jan/", "s3://backups/2026/june/")
    assert completed("s3://gone/x") == ()
    assert completed("s3:///x") == ()


# -- changes ---------------------------------------------------------------------------------------


def test_folders_are_markers_and_buckets_are_made(browser: Browser, s3: FakeS3) -> None:
    s3.put("b", "taken/x")
    assert ended(browser, browser.make_folder(at("p/new"))).value == at("p/new/")
    assert s3.buckets["b"]["p/new/"] == 0
    assert code(ended(browser, browser.make_folder(at("taken/")))) == "target-exists"
    assert ended(browser, browser.make_folder(at("", "fresh"))).problem is None
    assert "fresh" in s3.buckets


def test_rename_copies_compares_and_only_then_deletes(browser: Browser, s3: FakeS3) -> None:
    s3.put("b", "p/old", size=5)
    assert ended(browser, browser.rename(at("p/old"), "new")).value == at("p/new")
    assert s3.buckets["b"] == {"p/new": 5}
    assert "COPY p/old p/new etag-5" in s3.asked


def test_rename_keeps_the_old_object_if_the_copy_differs(browser: Browser, s3: FakeS3) -> None:
    s3.put("b", "p/old", size=5).changed["p/new"] = 4
    assert code(ended(browser, browser.rename(at("p/old"), "new"))) == "checksum-mismatch"
    assert s3.buckets["b"]["p/old"] == 5


def test_rename_keeps_the_old_object_if_it_changed_meanwhile(browser: Browser, s3: FakeS3) -> None:
    s3.put("b", "p/old", size=5)
    copy = s3.copy_object

    def copy_and_change(old: ObjectRef, new: ObjectRef, **how: Any) -> None:
        copy(old, new, **how)
        s3.put("b", "p/old", size=6)

    s3.copy_object = copy_and_change  # type: ignore[method-assign]
    assert code(ended(browser, browser.rename(at("p/old"), "new"))) == "precondition"
    assert s3.buckets["b"] == {"p/old": 6, "p/new": 5}


def test_rename_replaces_nothing(browser: Browser, s3: FakeS3) -> None:
    s3.put("b", "p/old").put("b", "p/taken", size=9)
    assert code(ended(browser, browser.rename(at("p/old"), "taken"))) == "target-exists"
    assert s3.buckets["b"] == {"p/old": 1, "p/taken": 9}


@pytest.mark.parametrize("name", ["", "a/b", "x" * 1025, "bad\udcff"])
def test_names_that_cannot_be_keys_are_refused(browser: Browser, s3: FakeS3, name: str) -> None:
    s3.put("b", "p/old")
    answer = ended(browser, browser.rename(at("p/old"), name))
    assert code(answer) in ("unsafe-name", "key-too-long", "name-not-utf8")
    assert s3.buckets["b"] == {"p/old": 1}


def test_what_takes_more_than_one_step_belongs_to_the_queue(browser: Browser, s3: FakeS3) -> None:
    s3.put("b", "p/big", size=5 * GIB + 1)
    for key in ("p/big", "p/"):
        assert code(ended(browser, browser.rename(at(key), "new"))) == "use-queue"


def test_read_only_profile_changes_nothing(browser: Browser, s3: FakeS3) -> None:
    s3.put("b", "k").profile.read_only = True
    assert code(ended(browser, browser.make_folder(at("p/")))) == "read-only"
    assert code(ended(browser, browser.rename(at("k"), "new"))) == "read-only"
    assert s3.buckets["b"] == {"k": 1}


def test_unknown_connection_is_a_problem_not_a_crash(browser: Browser) -> None:
    token = browser.list(Location(ObjectRef("b"), ConnectionId("other@there")))
    assert code(listed(browser, token)) == "needs-profile"
