"""The view of incomplete uploads: what is billed is seen, ours is safe, the rest goes after one clear question."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from engine import Location, ObjectRef, Problem
from tests.engine.queue.real import MIB
from tests.engine.queue.real import running as running_engine
from tests.servers.seaweed import Seaweed
from tests.tui import example
from tests.tui.drive import Driver, assert_harmless, drawn, engine, left, press, running, text, told, until
from tests.tui.fake_uploads import upload
from tui.app import S3TuiApp
from tui.screens.unfinished import UnfinishedScreen


def shown(pilot: Driver) -> list[str]:
    """The lines of the list."""
    screen = next(each for each in pilot.app.screen_stack if isinstance(each, UnfinishedScreen))
    return [line for line in screen.list.shown() if line]


async def test_uploads_are_listed_with_age_parts_and_bytes_and_whose_they_are() -> None:
    async with running() as pilot:
        await press(pilot, "tab", "U")
        assert drawn(pilot)[:9] == [
            "╭─ Incomplete uploads to s3://backups/2026/ ───────────────────────────────────╮",
            "│ 6 uploads, 39.6 GiB that are billed and not visible elsewhere                │",
            "│  Key                                 In the queue         Age  Parts   Bytes │",
            "│  db-2026-11-22.dump.zst              waits              1h30m  1,126    8.8G │",
            "│  dump.tar                            runs                  6m  2,342   18.3G │",
            "│  november/photos-a.tar                                 13d00h    371    2.9G │",
            "│  november/研究データ.parquet                           41d00h     12   96.0M │",
            "│  vm/[old] disk image (copy 2).qcow2                   212d00h    611    9.5G │",
            "│  vm/empty.qcow2                                         1d03h      0      0B │",
        ]
        await press(pilot, "escape")
        assert "README.md" in left(pilot)[4]


async def test_what_the_queue_goes_on_with_is_not_aborted_by_accident() -> None:
    async with running() as pilot:
        await press(pilot, "tab", "U", "x")
        await until(
            pilot,
            lambda: told(pilot) == ["An item of the queue goes on with it: cancel it there (w, then x)"],
        )
        await press(pilot, "a")
        assert "4 marked, 12.5 GiB" in text(pilot), "all means: all that is nobody's here"
        await press(pilot, "g", "space", "x")
        await until(pilot, lambda: "Not aborted: 1 with which the queue goes on." in text(pilot))
        await press(pilot, "y")
        await until(pilot, lambda: bool(engine(pilot).commands))
        ids = engine(pilot).commands[0][2]
        assert len(ids) == 4 and "id of 2026/dump.tar" not in ids


async def test_aborting_asks_with_count_and_bytes_and_the_safe_answer_is_first() -> None:
    async with running() as pilot:
        await press(pilot, "tab", "U", "j", "j", "space", "space", "x")
        await until(pilot, lambda: "Abort 2 incomplete uploads?" in text(pilot))
        assert "All their parts, 3.0 GiB, are removed from the server." in text(pilot)
        await press(pilot, "enter")
        assert engine(pilot).commands == []
        await press(pilot, "x", "y")
        await until(pilot, lambda: told(pilot) == ["2 of 2 uploads aborted"])
        assert not any("november" in line for line in shown(pilot)), "the server was asked again"
        assert "4 uploads, 36.6 GiB" in text(pilot)


async def test_an_upload_that_was_just_begun_is_warned_about() -> None:
    manager = example.example_manager()
    manager.browser.uploads = [upload("s3://backups/2026/new.tar", example.NOW - 60, 1, 8 * MIB)]
    async with running(manager) as pilot:
        await press(pilot, "tab", "U", "x")
        await until(pilot, lambda: "s3://backups/2026/new.tar: 1 part, 8 MiB, are removed" in text(pilot))
        assert "another program may be at it." in text(pilot)


async def test_what_is_not_counted_yet_is_not_promised() -> None:
    manager = example.example_manager()
    manager.browser.uncounted = True
    async with running(manager) as pilot:
        await press(pilot, "tab", "U")
        assert "6 uploads, at least 0 bytes that are billed · counting 6…" in text(pilot)
        await press(pilot, "G", "x")
        await until(pilot, lambda: "vm/empty.qcow2: all its parts, at least 0 bytes" in text(pilot))


async def test_a_failed_abort_is_told_with_the_permission_that_is_missing() -> None:
    manager = example.example_manager()
    why = "access is denied (it takes s3:AbortMultipartUpload)"
    manager.fails_to_abort = Problem("abort s3://backups/x", why, "Ask for it.", True, "access-denied")
    async with running(manager) as pilot:
        await press(pilot, "tab", "U", "G", "x", "y")
        await until(pilot, lambda: bool(told(pilot)))
        assert told(pilot)[0].startswith("0 of 1 upload aborted. abort s3://backups/x: access is denied")
        assert "s3:AbortMultipartUpload" in told(pilot)[0]


async def test_denied_and_none_look_different() -> None:
    manager = example.example_manager()
    manager.browser.uploads = []
    async with running(manager) as pilot:
        await press(pilot, "tab", "U")
        assert "no incomplete uploads" in text(pilot)
        assert "Nothing is kept here of uploads that were begun and not ended." in text(pilot)
        why = "access is denied (it takes s3:ListBucketMultipartUploads)"
        manager.browser.values["uploads"] = Problem("list uploads", why, "Ask for it.", True, "access-denied")
        await press(pilot, "r")
        await until(pilot, lambda: "s3:ListBucketMultipartUploads" in text(pilot))
        assert "could not be listed" in text(pilot)
        assert "Nothing is kept here" not in text(pilot)


async def test_parts_that_may_not_be_counted_are_said_so_in_the_row_and_below() -> None:
    manager = example.example_manager()
    problem = Problem("list the parts of x", "access is denied (s3:ListMultipartUploadParts)", "", True, "access-denied")  # fmt: skip
    manager.browser.uploads = [
        replace(each, parts=None, bytes=None, problem=problem) for each in manager.browser.uploads[2:3]
    ]
    async with running(manager) as pilot:
        await press(pilot, "tab", "U")
        assert shown(pilot)[1].split()[-2:] == ["?", "denied"]
        assert "s3:ListMultipartUploadParts" in text(pilot)


async def test_uploads_are_sorted_by_age_and_bytes_and_details_show_the_whole_key() -> None:
    async with running() as pilot:
        await press(pilot, "tab", "U", "s")
        assert shown(pilot)[1].split()[0] == "vm/[old]"
        await press(pilot, "s", "g", "enter")
        assert "id of 2026/dump.tar" in text(pilot)
        assert "item 1 goes on with it: running" in text(pilot)


async def test_the_list_of_buckets_shows_the_uploads_of_the_one_under_the_cursor() -> None:
    buckets = Location(ObjectRef(""), example.PROD.connection_id)
    async with running(right=buckets) as pilot:
        await press(pilot, "tab", "j", "U")
        assert "Incomplete uploads to s3://backups/" in text(pilot)
    async with running(right=None) as pilot:
        await press(pilot, "U")
        await until(
            pilot, lambda: told(pilot) == ["Only buckets have incomplete uploads: open one in a pane"]
        )


@pytest.mark.parametrize("name", ["[/bold]", "\x1b]0;x\x07", "a\u202eb", "名" * 60, "x" * 1000])
async def test_any_key_is_drawn_harmlessly(name: str) -> None:
    manager = example.example_manager()
    manager.browser.uploads = [upload(f"s3://backups/2026/{name}", example.NOW - 60, 1, 8 * MIB)]
    async with running(manager) as pilot:
        await press(pilot, "tab", "U")
        assert_harmless(pilot)
        await press(pilot, "x")
        assert_harmless(pilot)
        assert engine(pilot).commands == []


async def test_on_a_real_server_what_was_left_is_seen_and_gone_after_the_abort(
    seaweed: Seaweed, bucket: str, tmp_path: Path
) -> None:
    client = seaweed.client()
    for name in ("a", "b"):
        id = client.create_multipart_upload(Bucket=bucket, Key=name)["UploadId"]
        client.upload_part(Bucket=bucket, Key=name, UploadId=id, PartNumber=1, Body=b"x" * 3000)
    with running_engine(seaweed, tmp_path / "state", start=False) as real:
        there = Location(ObjectRef(bucket), real.profile.connection_id)
        app = S3TuiApp(real.manager, left=None, right=there)
        async with app.run_test(size=(80, 24)) as pilot:
            await pilot.press("tab", "U")
            await until(pilot, lambda: "2 uploads, 5.9 KiB that are billed" in text(pilot))
            await pilot.press("a", "x")
            await until(pilot, lambda: "Abort 2 incomplete uploads?" in text(pilot))
            await pilot.press("y")
            await until(pilot, lambda: "no incomplete uploads" in text(pilot))
    assert client.list_multipart_uploads(Bucket=bucket).get("Uploads") is None
