"""Compare and sync on the real server: marks that are true, trees that end alike, and nothing deleted unasked."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine import Location, ObjectRef
from tests.engine.queue.real import tree
from tests.servers.seaweed import Seaweed
from tests.tui.real_panes import RealScreen, on_real_screen
from tests.tui.test_plan_real import objects
from tests.tui.test_plan_real import tree as written

PREFIX = "p/"


@pytest.fixture
def here(tmp_path: Path, seaweed: Seaweed, bucket: str) -> Path:
    """Both sides have something of their own, something alike, and something otherwise."""
    folder = tmp_path / "data"
    written(folder, alike=b"content", mine=b"1", otherwise=b"abcd")
    written(folder / "sub", alike=b"deep", mine=b"22", longer=b"three")
    written(folder / "same", one=b"1", two=b"2")
    theirs = {
        "alike": b"content",
        "otherwise": b"abce",
        "theirs": b"9",
        "sub/alike": b"deep",
        "sub/longer": b"3",
    }
    theirs |= {"same/one": b"1", "same/two": b"2", "gone/old": b"old", "gone/older": b"older"}
    for key, body in theirs.items():
        seaweed.client().put_object(Bucket=bucket, Key=PREFIX + key, Body=body)
    seaweed.client().put_object(Bucket=bucket, Key="beside", Body=b"not of it")
    return folder


async def compared(screen: RealScreen) -> None:
    await screen.press("equals_sign")
    await screen.shows("= more  Esc ends")


async def planned(screen: RealScreen, side: str) -> None:
    await screen.press("equals_sign", side)
    await screen.shows("like the", "all looked at and compared")


def local(folder: Path) -> dict[str, bytes]:
    return {name: data for name, data in tree(folder).items() if (folder / name).is_file()}


def remote(seaweed: Seaweed, bucket: str) -> dict[str, bytes]:
    found = objects(seaweed, bucket)
    assert found.pop("beside") == b"not of it"
    return {key.removeprefix(PREFIX): data for key, data in found.items()}


async def test_both_panes_are_marked_by_content_with_all_that_is_below(
    seaweed: Seaweed, bucket: str, here: Path, tmp_path: Path
) -> None:
    async with on_real_screen(seaweed, tmp_path / "state", here, bucket, PREFIX) as screen:
        await compared(screen)
        await screen.shows("= 4 equal  ≠ 2 differ  < 2 only left  > 3 only right")
        left, right = screen.app.main.left.list.shown(), screen.app.main.right.list.shown()
        assert [row[:14].rstrip() for row in left[1:6]] == [
            " = same/",
            " ≠ sub/",
            " = alike",
            " < mine",
            " ≠ otherwise",
        ]
        assert [row[:14].rstrip() for row in right[1:7]] == [
            " > gone/",
            " = same/",
            " ≠ sub/",
            " = alike",
            " ≠ otherwise",
            " > theirs",
        ]


async def test_the_right_is_made_like_the_left_and_both_are_identical_then(
    seaweed: Seaweed, bucket: str, here: Path, tmp_path: Path
) -> None:
    before = local(here)
    async with on_real_screen(seaweed, tmp_path / "state", here, bucket, PREFIX) as screen:
        await compared(screen)
        await planned(screen, "r")
        await screen.press("G", "d")
        await screen.shows("delete 3 of 3", "Deletes 3 items")
        await screen.press("enter")
        await screen.shows("Delete 3 items too?")
        await screen.press("y")
        await screen.idle(4 + 3)
        assert remote(seaweed, bucket) == local(here) == before
        await compared(screen)
        await screen.shows("Both sides are the same:  = 8 equal")


async def test_nothing_is_deleted_that_was_not_ticked(
    seaweed: Seaweed, bucket: str, here: Path, tmp_path: Path
) -> None:
    async with on_real_screen(seaweed, tmp_path / "state", here, bucket, PREFIX) as screen:
        await compared(screen)
        await planned(screen, "r")
        await screen.shows("Deletes nothing")
        await screen.press("enter")
        await screen.idle(4)
    assert remote(seaweed, bucket) == local(here) | {
        "theirs": b"9",
        "gone/old": b"old",
        "gone/older": b"older",
    }


async def test_of_what_is_only_there_just_the_ticked_is_deleted(
    seaweed: Seaweed, bucket: str, here: Path, tmp_path: Path
) -> None:
    async with on_real_screen(seaweed, tmp_path / "state", here, bucket, PREFIX) as screen:
        await compared(screen)
        await planned(screen, "r")
        await screen.press("s", "j", "s", "G", "tab", "j", "space", "tab", "enter")
        await screen.shows("Delete 1 item too?")
        await screen.press("y")
        await screen.idle(1)
    found = remote(seaweed, bucket)
    assert "gone/older" not in found
    assert found["theirs"] == b"9" and found["gone/old"] == b"old" and found["otherwise"] == b"abce"


async def test_the_left_is_made_like_the_right_and_files_only_there_go_when_ticked(
    seaweed: Seaweed, bucket: str, here: Path, tmp_path: Path
) -> None:
    before = remote(seaweed, bucket)
    async with on_real_screen(seaweed, tmp_path / "state", here, bucket, PREFIX) as screen:
        await compared(screen)
        await planned(screen, "l")
        await screen.press("G", "d", "enter")
        await screen.shows("Delete 2 items too?")
        await screen.press("y")
        await screen.idle(5 + 2)
    assert local(here) == remote(seaweed, bucket) == before


async def test_two_prefixes_are_made_alike_on_the_server(
    seaweed: Seaweed, bucket: str, here: Path, tmp_path: Path
) -> None:
    client = seaweed.client()
    client.put_object(Bucket=bucket, Key="q/alike", Body=b"content")
    client.put_object(Bucket=bucket, Key="q/extra", Body=b"x")
    async with on_real_screen(seaweed, tmp_path / "state", here, bucket, PREFIX) as screen:
        left, right = screen.app.main.left, screen.app.main.right
        connection = screen.engine.profile.connection_id
        left.go(Location(ObjectRef(bucket, PREFIX), connection))
        right.go(Location(ObjectRef(bucket, "q/"), connection))
        await screen.until(lambda _: not (left.is_reading or right.is_reading))
        await compared(screen)
        await planned(screen, "r")
        await screen.press("G", "d", "enter")
        await screen.shows("Delete 1 item too?")
        await screen.press("y")
        await screen.idle(8 + 1)
    found = objects(seaweed, bucket)
    below = {
        side: {key[2:]: data for key, data in found.items() if key.startswith(side)} for side in ("p/", "q/")
    }
    assert below["p/"] == below["q/"]
