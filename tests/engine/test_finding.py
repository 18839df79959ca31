"""Finding below a place: by name, path, size and age, streamed, and narrowed by the server where it can be."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from engine import LocalRef, Location, ObjectRef, Page
from engine.browser import Browser
from engine.browsing.finding import Wanted
from engine.s3.connection import Connection, Connections
from tests.servers.scripted import ScriptedS3
from tests.servers.seaweed import Seaweed
from tests.tui.example import NOW


def found(browser: Browser, location: Location, wanted: Wanted) -> tuple[list[str], int]:
    """The names, sorted, and how many were looked at."""
    token = browser.find(location, wanted)
    pages: list[Page] = []
    end = time.monotonic() + 30
    while True:
        progress = browser.pages(token, len(pages))
        pages += progress.pages
        if progress.done:
            assert progress.problem is None, progress.problem
            return sorted(name for page in pages for name in page.names), progress.scanned
        assert time.monotonic() < end
        time.sleep(0.005)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name, size, age in (
        ("a.log", 10, 1), ("logs/b.LOG", 2000, 100), ("logs/old/c.log", 5, 400_000), ("logs/old/d.txt", 3000, 5),
        ("[x].log", 1, 1), ("übung.log", 7, 1),
    ):  # fmt: skip
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * size)
        os.utime(path, (NOW - age, NOW - age))
    return tmp_path


ALL = ["[x].log", "a.log", "logs/b.LOG", "logs/old/c.log", "logs/old/d.txt", "übung.log"]


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        (Wanted(""), ALL),
        (Wanted("log"), ["[x].log", "a.log", "logs/b.LOG", "logs/old/c.log", "übung.log"]),
        (Wanted("*.log"), ["[x].log", "a.log", "logs/b.LOG", "logs/old/c.log", "übung.log"]),
        (Wanted("LOG"), ["logs/b.LOG"]),
        (Wanted("[x]"), ["[x].log"]),
        (Wanted("?.log"), ["a.log", "logs/b.LOG", "logs/old/c.log"]),
        (Wanted("logs/old/"), ["logs/old/c.log", "logs/old/d.txt"]),
        (Wanted("logs/*.txt"), ["logs/old/d.txt"]),
        (Wanted("", least=2000), ["logs/b.LOG", "logs/old/d.txt"]),
        (Wanted("", most=5), ["[x].log", "logs/old/c.log"]),
        (Wanted("*.log", until=NOW - 86_400), ["logs/old/c.log"]),
        (Wanted("", since=NOW - 50, least=8), ["a.log", "logs/old/d.txt"]),
    ],
)
def test_files_are_found_by_name_path_size_and_age(tree: Path, wanted: Wanted, names: list[str]) -> None:
    browser = Browser(Connections())
    try:
        assert found(browser, Location(LocalRef(f"{tree}/")), wanted) == (names, 6)
    finally:
        browser.close()


def test_objects_are_found_as_files_are(
    seaweed: Seaweed, bucket: str, connection: Connection, connections: Connections, tree: Path
) -> None:
    for path in tree.rglob("*"):
        if path.is_file():
            seaweed.client().put_object(
                Bucket=bucket, Key=f"p/{path.relative_to(tree)}", Body=path.read_bytes()
            )
    browser, place = Browser(connections), Location(ObjectRef(bucket, "p/"), connection.id)
    try:
        assert found(browser, place, Wanted("*.log", most=9)) == (
            ["[x].log", "logs/old/c.log", "übung.log"],
            6,
        )
        assert found(browser, place, Wanted("", until=time.time() - 3600)) == ([], 6)
        names, scanned = found(browser, place, Wanted("logs/old/*"))
        assert (names, scanned) == (["logs/old/c.log", "logs/old/d.txt"], 2), (
            "the server was not asked for less"
        )
    finally:
        browser.close()


def test_a_long_search_streams_and_ends_when_nobody_waits(
    connect: Callable[..., Connection], connections: Connections, monkeypatch: pytest.MonkeyPatch
) -> None:
    from engine import Profile

    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AK")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "SK")
    with ScriptedS3("b") as server:
        for number in range(30):
            server.client().put_object(Bucket="b", Key=f"k/{number:03}", Body=b"")
        connection = connect(Profile("default", server.url))
        browser = Browser(connections)
        try:
            location = Location(ObjectRef("b", "k/"), connection.id)
            assert found(browser, location, Wanted("01?")) == ([f"{n:03}" for n in range(10, 20)], 30)
            token = browser.find(location, Wanted("0"))
            browser.cancel(token)
            assert browser.pages(token).problem is not None
        finally:
            browser.close()


def test_a_listing_can_be_narrowed_to_what_begins_so(
    seaweed: Seaweed, bucket: str, connection: Connection, connections: Connections
) -> None:
    for key in ("p/2025-a", "p/2026-a", "p/2026-b/c", "p/2026", "p/x"):
        seaweed.client().put_object(Bucket=bucket, Key=key, Body=b"")
    browser = Browser(connections)
    try:
        token = browser.list(Location(ObjectRef(bucket, "p/"), connection.id), starting="2026")
        end = time.monotonic() + 30
        while not (progress := browser.pages(token)).done:
            assert time.monotonic() < end
            time.sleep(0.005)
        assert sorted(name for page in progress.pages for name in page.names) == ["2026-a", "2026-b"]
    finally:
        browser.close()
