"""Plan before bulk on the real server: what is proven to be there already, and that just the chosen moves."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.servers.seaweed import Seaweed
from tests.tui.real_panes import RealScreen, on_real_screen


def tree(folder: Path, **files: bytes) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)


def objects(seaweed: Seaweed, bucket: str) -> dict[str, bytes]:
    client = seaweed.client()
    keys = [each["Key"] for each in client.list_objects_v2(Bucket=bucket).get("Contents", ())]
    return {key: client.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys}


@pytest.fixture
def here(tmp_path: Path, seaweed: Seaweed, bucket: str) -> Path:
    """Left of each class something; some of it in the bucket."""
    folder = tmp_path / "data"
    tree(folder / "logs", new=b"1", same=b"content", size=b"longer", content=b"abcd", other=b"22")
    os.mkfifo(folder / "logs" / "pipe")
    for key, body in (("same", b"content"), ("size", b"old"), ("content", b"abce")):
        seaweed.client().put_object(Bucket=bucket, Key=f"logs/{key}", Body=body)
    return folder


async def looked_at(screen: RealScreen) -> None:
    await screen.press("j", "c")
    await screen.shows("all looked at and compared")


async def test_a_folder_is_planned_decided_unticked_and_copied(
    seaweed: Seaweed, bucket: str, here: Path, tmp_path: Path
) -> None:
    async with on_real_screen(seaweed, tmp_path / "state", here, bucket) as screen:
        await looked_at(screen)
        assert [line.strip("│ ") for line in screen.lines[3:8]] == [
            "What                  Items     Size   Then",
            "+ new                       2       3B   copy",
            "≠ differs                   2      10B   replace if newer",
            "= identical                 1       7B   skip · by ETag",
            "! cannot be copied          1       0B   left out: 1 unfit file",
        ]
        await screen.press("tab", "j", "space", "tab", "j", "o")
        await screen.shows("copy · 1 unticked", "10B   overwrite", "Copies 3 items, 11 bytes, with about 3")
        await screen.press("enter")
        await screen.idle(3)
    assert objects(seaweed, bucket) == {
        "logs/new": b"1",
        "logs/same": b"content",
        "logs/size": b"longer",
        "logs/content": b"abcd",
    }


async def test_one_decision_to_rename_holds_for_all_that_differs(
    seaweed: Seaweed, bucket: str, here: Path, tmp_path: Path
) -> None:
    async with on_real_screen(seaweed, tmp_path / "state", here, bucket) as screen:
        await looked_at(screen)
        await screen.press("s", "j", "r", "enter")
        await screen.idle(2)
    found = objects(seaweed, bucket)
    assert found.pop("logs/size (2)") == b"longer"
    assert found.pop("logs/content (2)") == b"abcd"
    assert found == {"logs/same": b"content", "logs/size": b"old", "logs/content": b"abce"}


async def test_what_differs_is_decided_file_by_file_where_each_is_asked_about(
    seaweed: Seaweed, bucket: str, here: Path, tmp_path: Path
) -> None:
    async with on_real_screen(seaweed, tmp_path / "state", here, bucket) as screen:
        await looked_at(screen)
        await screen.press("s", "j")
        await screen.shows("n Newer  o Replace  r Rename  e Ask  s Skip  Esc Cancel")
        await screen.press("e", "enter")
        await screen.shows("asking 2")
        await screen.press("w", "4", "a", "o")
        await screen.shows("asking 1")
        await screen.press("a", "s")
        await screen.idle(2)
    found = objects(seaweed, bucket)
    replaced = {name for name in ("logs/size", "logs/content") if found[name] in (b"longer", b"abcd")}
    assert len(replaced) == 1 and not any("(2)" in name for name in found)


async def test_a_folder_that_is_moved_is_gone_where_it_was_but_for_what_cannot_be(
    seaweed: Seaweed, bucket: str, here: Path, tmp_path: Path
) -> None:
    async with on_real_screen(seaweed, tmp_path / "state", here, bucket) as screen:
        await screen.press("j", "m")
        await screen.shows(
            "all looked at and compared", "remove the source", "A source is deleted only after"
        )
        await screen.press("j", "o", "enter")
        await screen.idle(5)
    assert os.listdir(here / "logs") == ["pipe"]
    assert objects(seaweed, bucket)["logs/size"] == b"longer"
    assert len(objects(seaweed, bucket)) == 5


async def test_esc_while_it_is_looked_changes_nothing(
    seaweed: Seaweed, bucket: str, here: Path, tmp_path: Path
) -> None:
    async with on_real_screen(seaweed, tmp_path / "state", here, bucket) as screen:
        await screen.press("j", "c", "escape")
        await screen.until(lambda text: "Mark files with Space" in text)
        assert screen.engine.manager.snapshot().total == 0
    assert objects(seaweed, bucket)["logs/size"] == b"old"
