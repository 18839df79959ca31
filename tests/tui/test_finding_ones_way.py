"""Bookmarks, recent places, back and forward, on the screen."""

from __future__ import annotations

import argparse
from pathlib import Path

from engine import ConnectionId, LocalRef, Location, ObjectRef, Profile
from tests.tui import example
from tests.tui.drive import drawn, engine, main, press, running, settled, text, told, until
from tui.launch import places_of
from tui.place_book import FILE_NAME, PlaceBook
from tui.settings import Settings
from tui.setup import Setup

LOGS = Location(LocalRef("/home/ann/data/logs/"))
BUCKETS = Location(ObjectRef(""), example.PROD.connection_id)


async def test_a_bookmark_is_made_found_by_typing_and_gone_to() -> None:
    book = PlaceBook()
    async with running(book=book) as pilot:
        await press(pilot, "tab", "B")
        assert "Bookmarked s3://backups/2026/" in told(pilot)
        await press(pilot, "h", "h", "b")
        assert "★ s3://backups/2026/ · prod" in text(pilot)
        await press(pilot, *"2026", "enter")
        await until(pilot, lambda: main(pilot).right.location == example.THERE)
        await press(pilot, "B")
        assert book.bookmarks == ()


async def test_the_chooser_takes_bookmarks_off_and_makes_them() -> None:
    book = PlaceBook()
    book.toggle(LOGS)
    async with running(book=book) as pilot:
        await press(pilot, "b")
        assert "★ ~/data/logs" in text(pilot)
        assert "Ctrl+T: this place · Esc: back" in text(pilot)
        await press(pilot, "ctrl+d")
        assert "none yet" in text(pilot)
        await press(pilot, "ctrl+t")
        assert "★ ~/data" in text(pilot)
        assert book.bookmarks == (example.HERE,)
        assert max(len(line) for line in drawn(pilot)) <= 80


async def test_recent_places_are_those_that_were_shown() -> None:
    async with running() as pilot:
        await press(pilot, "j", "enter")
        assert main(pilot).left.location == LOGS
        await press(pilot, "h", "b")
        assert "Recent places" in text(pilot)
        assert "~/data/logs" in text(pilot)
        await press(pilot, *"logs", "enter")
        await until(pilot, lambda: main(pilot).left.location == LOGS)


async def test_a_bookmark_that_no_profile_reaches_says_so_and_goes_nowhere() -> None:
    book = PlaceBook()
    book.toggle(Location(ObjectRef("x[/b]"), ConnectionId("gone@aws")))
    async with running(book=book) as pilot:
        await press(pilot, "b")
        assert "s3://x[/b]/ · gone@aws: not at hand" in text(pilot)
        await press(pilot, "enter")
        assert main(pilot).left.location == example.HERE
        assert "No profile here reaches it: it was gone@aws" in told(pilot)


async def test_back_and_forward_in_each_pane_keep_the_cursor() -> None:
    async with running() as pilot:
        left, right = main(pilot).left, main(pilot).right
        await press(pilot, "j", "j", "enter", "H")
        assert left.location == example.HERE
        assert left.list.current is not None and left.list.current.name == "photos"
        await press(pilot, "alt+right")
        assert left.location == Location(LocalRef("/home/ann/data/photos/"))
        await press(pilot, "alt+left", "H")
        assert left.location == example.HERE
        assert "There is no place before this one" in told(pilot)
        await press(pilot, "tab", "h", "h", "H")
        assert right.location == Location(ObjectRef("backups"), example.PROD.connection_id)
        await press(pilot, "F", "F")
        assert right.location == BUCKETS
        assert "There is no place after this one" in told(pilot)


async def test_places_are_saved_when_the_program_ends(tmp_path: Path) -> None:
    path = str(tmp_path / FILE_NAME)
    async with running(book=PlaceBook(path)) as pilot:
        await press(pilot, "j", "enter", "tab", "h", "q")
        await settled(pilot)
    left = PlaceBook(path).left_at(example.PROD.connection_id)
    assert left.local == LOGS.place
    assert left.remote == ObjectRef("backups")


async def test_a_file_that_cannot_be_read_is_told_and_stops_nothing(tmp_path: Path) -> None:
    path = tmp_path / FILE_NAME
    path.mkdir()
    async with running(book=PlaceBook(str(path))) as pilot:
        assert any("Places are not remembered" in each for each in told(pilot))
        assert engine(pilot).started


# -- at the start ------------------------------------------------------------------------------------------


def places_at_start(book: PlaceBook, *places: str) -> tuple[Location, Location | None]:
    profile = Profile("prod", unsigned=True)
    args = argparse.Namespace(places=list(places))
    return places_of(Setup(args, Settings(), profile, (profile,), "/nowhere"), book)


def test_without_a_place_both_panes_are_where_the_profile_was_left(tmp_path: Path) -> None:
    book = PlaceBook()
    connection = Profile("prod").connection_id
    book.visited(Location(LocalRef(f"{tmp_path}/")), connection)
    book.visited(Location(ObjectRef("b", "p/"), connection), None)
    book.visited(Location(ObjectRef("other"), ConnectionId("other@aws")), None)
    left, right = places_at_start(book)
    assert left == Location(LocalRef(f"{tmp_path}/"))
    assert right == Location(ObjectRef("b", "p/"), connection)


def test_a_place_that_is_named_goes_before_what_is_remembered(tmp_path: Path) -> None:
    book = PlaceBook()
    connection = Profile("prod").connection_id
    book.visited(Location(ObjectRef("b", "p/"), connection), None)
    left, right = places_at_start(book, str(tmp_path))
    assert left == Location(LocalRef(f"{tmp_path}/"))
    assert right == Location(ObjectRef(""), connection)


def test_a_remembered_folder_that_is_gone_is_not_opened(tmp_path: Path) -> None:
    book = PlaceBook()
    book.visited(Location(LocalRef(f"{tmp_path}/gone/")), Profile("prod").connection_id)
    left, _ = places_at_start(book)
    assert left == Location(LocalRef(str(Path.cwd()) + "/"))
