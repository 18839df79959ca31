"""Bookmarks, recent places and where profiles were left: the file, and the way of one pane."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from engine import ConnectionId, LocalRef, Location, ObjectRef
from tui.place_book import FILE_NAME, MOST_RECENT, LeftAt, PlaceBook
from tui.trail import Trail

PROD = ConnectionId("prod@aws")
TEST = ConnectionId("test@aws")


def local(path: str) -> Location:
    return Location(LocalRef(path))


def remote(bucket: str, key: str = "", connection: ConnectionId = PROD) -> Location:
    return Location(ObjectRef(bucket, key), connection)


def book_in(tmp_path: Path) -> PlaceBook:
    return PlaceBook(str(tmp_path / "s3tui" / FILE_NAME))


def test_bookmarks_recent_places_and_where_profiles_were_left_come_back(tmp_path: Path) -> None:
    book = book_in(tmp_path)
    assert book.toggle(remote("backups", "2026/"))
    odd = local(os.fsdecode(b"/data/\xff [b]/"))
    assert book.toggle(odd)
    book.visited(local("/data/"), PROD)
    book.visited(remote("logs", "x/"), None)
    assert book.is_changed
    book.save()
    assert not book.is_changed and book.problem == ""
    again = book_in(tmp_path)
    assert again.bookmarks == (remote("backups", "2026/"), odd)
    assert again.recent == (remote("logs", "x/"), local("/data/"))
    assert again.left_at(PROD) == LeftAt(LocalRef("/data/"), ObjectRef("logs", "x/"))
    assert again.left_at(TEST) == LeftAt()


def test_the_file_is_for_the_user_alone_and_nothing_else_is_left(tmp_path: Path) -> None:
    book = book_in(tmp_path)
    book.toggle(local("/data/"))
    book.save()
    folder = tmp_path / "s3tui"
    assert os.listdir(folder) == [FILE_NAME]
    assert stat.S_IMODE((folder / FILE_NAME).stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_failed_saving_leaves_the_old_file_and_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    book = book_in(tmp_path)
    book.toggle(local("/data/"))
    book.save()

    def refuse(*args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tui.place_book.os.replace", refuse)
    book.toggle(local("/other/"))
    book.save()
    assert "No space left on device" in book.problem
    assert os.listdir(tmp_path / "s3tui") == [FILE_NAME]
    assert book_in(tmp_path).bookmarks == (local("/data/"),)


def test_two_programs_lose_nothing_of_each_other(tmp_path: Path) -> None:
    first, second = book_in(tmp_path), book_in(tmp_path)
    first.toggle(local("/a/"))
    first.visited(local("/a/"), PROD)
    first.save()
    second.toggle(local("/b/"))
    second.visited(remote("b", "", TEST), None)
    second.save()
    first.toggle(local("/a/"))
    first.save()
    after = book_in(tmp_path)
    assert after.bookmarks == (local("/b/"),)
    assert set(after.recent) == {local("/a/"), remote("b", "", TEST)}
    assert after.left_at(PROD).local == LocalRef("/a/")
    assert after.left_at(TEST).remote == ObjectRef("b")


def test_what_makes_no_sense_in_the_file_is_left_out(tmp_path: Path) -> None:
    places = [
        {"path": "relative"}, {"path": "/a\0b"}, {"path": 5}, "x", None, {"bucket": "", "key": "k"},
        {"bucket": "b", "key": "k"}, {"path": "/good"}, {"bucket": "b", "key": "p", "connection": PROD},
    ]  # fmt: skip
    document = {"bookmarks": places, "recent": 7, "left_at": {PROD: {"local": [], "remote": ["b"]}, TEST: 1}}
    (tmp_path / FILE_NAME).write_text(json.dumps(document))
    book = PlaceBook(str(tmp_path / FILE_NAME))
    assert book.bookmarks == (local("/good/"), remote("b", "p/"))
    assert book.recent == ()
    assert book.left_at(PROD) == book.left_at(TEST) == LeftAt()


@pytest.mark.parametrize("text", ["", "{", "[1]", '"x"', "[" * 100_000, "\udcff"])
def test_a_damaged_file_is_put_aside_and_told(text: str, tmp_path: Path) -> None:
    path = tmp_path / FILE_NAME
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    book = PlaceBook(str(path))
    assert "cannot be understood" in book.problem
    assert (tmp_path / (FILE_NAME + ".damaged")).exists()
    book.toggle(local("/a/"))
    book.save()
    assert PlaceBook(str(path)).bookmarks == (local("/a/"),)


def test_places_walked_through_on_the_way_down_are_not_recent_places() -> None:
    book = PlaceBook()
    for key in ("", "a/", "a/b/", "a/b/c/"):
        book.visited(remote("x", key), None)
    book.visited(remote("x", "a/"), None)
    assert book.recent == (remote("x", "a/"), remote("x", "a/b/c/"))
    book.visited(remote("x", "a/d/", TEST), None)
    assert len(book.recent) == 3


def test_recent_places_are_bounded_and_each_is_there_once() -> None:
    book = PlaceBook()
    for number in range(100):
        book.visited(local(f"/d{number}/"), PROD)
    book.visited(local("/d80/"), PROD)
    assert len(book.recent) == MOST_RECENT
    assert book.recent[0] == local("/d80/")
    assert len(set(book.recent)) == MOST_RECENT


def test_a_trail_goes_back_and_forward_and_a_new_place_cuts_off_what_lay_ahead() -> None:
    trail = Trail()
    for name in "abc":
        trail.visit(local(f"/{name}/"))
    assert trail.step(1) is None
    assert trail.step(-1) == local("/b/")
    trail.visit(local("/b/"))
    assert trail.step(1) == local("/c/")
    assert [trail.step(-1), trail.step(-1), trail.step(-1)] == [local("/b/"), local("/a/"), None]
    trail.visit(local("/d/"))
    assert trail.step(1) is None
    assert trail.step(-1) == local("/a/")


def test_a_trail_is_bounded() -> None:
    trail = Trail()
    for number in range(1000):
        trail.visit(local(f"/{number}/"))
    steps = 0
    while trail.step(-1) is not None:
        steps += 1
    assert steps == 99
