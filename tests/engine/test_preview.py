"""A look into files and objects costs little, whatever they are and whatever is packed in them."""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from engine.browser import Browser
from engine.browsing.preview import MOST_ASKED_FOR, MOST_FETCHED, MOST_UNPACKED, Preview
from engine.model import ConnectionId, LocalRef, Location, ObjectRef
from engine.s3.connection import Connection, Connections
from engine.s3.profiles import Profile
from tests.engine.asking import code, ended
from tests.servers.scripted import ScriptedS3
from tests.servers.seaweed import Seaweed

BIG = bytes(range(256)) * 1024


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
def here(server: ScriptedS3, connect: Callable[[Profile], Connection]) -> ConnectionId:
    return connect(Profile("p", server.url, read_only=True)).id


def looked(browser: Browser, location: Location, offset: int = 0, etag: str = "") -> Preview:
    answer = ended(browser, browser.preview(location, offset, etag))
    assert isinstance(answer.value, Preview), answer.problem
    return answer.value


def test_of_a_big_object_only_one_range_comes_over_the_line(
    browser: Browser, server: ScriptedS3, here: ConnectionId
) -> None:
    etag = server.put("b", "big", BIG, content_type="text/x")
    found = looked(browser, Location(ObjectRef("b", "big"), here))
    assert (found.data, found.size, found.etag) == (BIG[:MOST_FETCHED], len(BIG), etag)
    assert (found.content_type, found.is_whole) == ("text/x", False)
    (got,) = server.requests("GetObject")
    assert got.headers["range"] == f"bytes=0-{MOST_FETCHED - 1}"
    assert got.headers["if-match"] == f'"{etag}"'


def test_further_pieces_and_the_end_are_of_the_same_content(
    browser: Browser, server: ScriptedS3, here: ConnectionId
) -> None:
    etag = server.put("b", "big", BIG)
    place = Location(ObjectRef("b", "big"), here)
    assert looked(browser, place, MOST_FETCHED, etag).data == BIG[MOST_FETCHED : 2 * MOST_FETCHED]
    last = looked(browser, place, -1, etag)
    assert (last.offset, last.data) == (len(BIG) - MOST_FETCHED, BIG[-MOST_FETCHED:])
    server.put("b", "big", BIG + b"!")
    assert code(ended(browser, browser.preview(place, 0, etag))) == "object-changed"


def test_more_comes_where_it_is_asked_for_up_to_a_bound(
    browser: Browser, server: ScriptedS3, here: ConnectionId, tmp_path: Path
) -> None:
    server.put("b", "big", BIG)
    (tmp_path / "huge").write_bytes(bytes(MOST_ASKED_FOR + 1))
    for place, size in (
        (Location(ObjectRef("b", "big"), here), len(BIG)),
        (Location(LocalRef(str(tmp_path / "huge"))), MOST_ASKED_FOR),
    ):
        answer = ended(browser, browser.preview(place, most=100 * MOST_ASKED_FOR))
        assert isinstance(answer.value, Preview), answer.problem
        assert (answer.value.fetched, answer.value.is_whole) == (size, size == len(BIG))


def test_empty_and_small_objects_are_whole(browser: Browser, server: ScriptedS3, here: ConnectionId) -> None:
    for body in (b"", b"x"):
        server.put("b", "k", body)
        found = looked(browser, Location(ObjectRef("b", "k"), here))
        assert (found.data, found.is_whole) == (body, True)


def test_what_cannot_be_read_says_why(browser: Browser, server: ScriptedS3, here: ConnectionId) -> None:
    def failed(key: str) -> str:
        return code(ended(browser, browser.preview(Location(ObjectRef("b", key), here))))

    server.put("b", "cold", b"x")
    server.switches.archived["cold"] = ""
    assert (failed("cold"), failed("gone"), failed("")) == ("archived", "no-such-key", "usage")
    server.put("b", "closed", b"x")
    server.refuse("AccessDenied", 403, key="closed")
    assert failed("closed") == "access-denied"


def test_gzip_is_looked_into_and_a_bomb_is_not_unpacked(
    browser: Browser, server: ScriptedS3, here: ConnectionId
) -> None:
    place = Location(ObjectRef("b", "log.gz"), here)
    server.put("b", "log.gz", gzip.compress(b"one\n") + gzip.compress(b"two\n"))
    found = looked(browser, place)
    assert (found.data, found.gzip, found.is_whole) == (b"one\ntwo\n", True, True)
    bomb = gzip.compress(b"\0" * (40 * 1024 * 1024))
    assert len(bomb) < MOST_FETCHED
    server.put("b", "log.gz", bomb)
    found = looked(browser, place)
    assert (len(found.data), found.is_whole) == (MOST_UNPACKED, False)


def test_damaged_gzip_shows_what_came_before_the_damage(tmp_path: Path, browser: Browser) -> None:
    packed = bytearray(gzip.compress(os.urandom(1000)))
    packed[-6] ^= 0xFF
    (tmp_path / "a.gz").write_bytes(packed)
    found = looked(browser, Location(LocalRef(str(tmp_path / "a.gz"))))
    assert found.gzip and found.damaged and not found.is_whole
    (tmp_path / "b.gz").write_bytes(b"\x1f\x8b\x08 no gzip at all")
    found = looked(browser, Location(LocalRef(str(tmp_path / "b.gz"))))
    assert (found.gzip, found.data) == (False, b"\x1f\x8b\x08 no gzip at all")


def test_files_are_looked_into_and_pipes_hold_up_nobody(tmp_path: Path, browser: Browser) -> None:
    (tmp_path / "f").write_bytes(BIG)
    place = Location(LocalRef(str(tmp_path / "f")))
    assert looked(browser, place).data == BIG[:MOST_FETCHED]
    assert looked(browser, place, -1).data == BIG[-MOST_FETCHED:]
    os.mkfifo(tmp_path / "pipe")
    for name, why in (("pipe", "not-a-file"), ("", "not-a-file"), ("gone", "source-missing")):
        assert code(ended(browser, browser.preview(Location(LocalRef(str(tmp_path / name)))))) == why


def test_on_the_real_server(browser: Browser, connection: Connection, seaweed: Seaweed, bucket: str) -> None:
    seaweed.client().put_object(Bucket=bucket, Key="dir/ä b.bin", Body=BIG)
    place = Location(ObjectRef(bucket, "dir/ä b.bin"), connection.id)
    assert looked(browser, place).data == BIG[:MOST_FETCHED]
    assert looked(browser, place, -1).data == BIG[-MOST_FETCHED:]
