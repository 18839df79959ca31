"""The screen of versions: what it says, asks and does; on the real server and on an example."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine import (
    ChangeProgress,
    LocalRef,
    ObjectRef,
    ObjectVersion,
    Problem,
    Profile,
    TransferRequest,
    VersionListing,
)
from tests.servers.seaweed import Seaweed
from tests.tui import example, nasty
from tests.tui.drive import (
    Driver,
    assert_harmless,
    drawn,
    engine,
    main,
    press,
    running,
    tells,
    text,
    told,
    until,
)
from tests.tui.fake_engine import FakeManager
from tests.tui.real_screen import put_cursor_on, real_screen, shows
from tui.screens.confirm import ConfirmScreen
from tui.screens.typed_confirm import TypedConfirmScreen
from tui.screens.versions import VersionsScreen
from tui.version_names import file_names

KEY = "2026/manifest.json"
NEW = ObjectVersion(
    KEY, "v3aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", example.NOW - 60, 14_220, is_latest=True, etag="e3"
)
MID = ObjectVersion(KEY, "v2", example.NOW - 3600, -1, is_marker=True)
OLD = ObjectVersion(KEY, "v1", example.NOW - 86_400, 10, etag="e1")
GONE = ObjectVersion("2026/gone.txt", "g2", example.NOW, -1, is_latest=True, is_marker=True)
GONE_OLD = ObjectVersion("2026/gone.txt", "g1", example.NOW - 60, 5)
ON_MANIFEST = ("tab", *("j" * 5))


async def look(
    pilot: Driver, *rows: ObjectVersion, versioning: str = "enabled", keys: tuple[str, ...] = ()
) -> None:
    engine(pilot).browser.values["versions"] = VersionListing(versioning, (rows,) if rows else ())
    await press(pilot, *(keys or (*ON_MANIFEST, "V")))
    await until(pilot, lambda: isinstance(pilot.app.screen, VersionsScreen))
    await pilot.pause()


def inside(pilot: Driver) -> list[str]:
    """The lines in the frame, without trailing blanks."""
    return [line.strip("│").rstrip("▐ ") for line in drawn(pilot)[1:-1]]


def said(pilot: Driver) -> str:
    """The screen as one line, without frames."""
    return " ".join(text(pilot).replace("│", " ").split())


def asked(pilot: Driver, kind: str) -> list[Any]:
    return [what for each, what in engine(pilot).browser.asked if each == kind]


# -- what is seen ----------------------------------------------------------------------------------


async def test_versions_of_an_object_are_lines_with_a_word_each() -> None:
    async with running() as pilot:
        await look(pilot, NEW, MID, OLD)
        assert inside(pilot)[:5] == [
            " versioning enabled · 2 versions · 1 delete marker · 13.9 KiB",
            " What        Size  Date                 Version",
            " current    13.9K  2026-11-24 11:59:00  v3aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            " marker            2026-11-24 11:00:00  v2",
            " older        10B  2026-11-23 12:00:00  v1",
        ]
        assert "versions of s3://backups/2026/manifest.json · c copies to ~/data ─" in drawn(pilot)[0]
        assert "c copy  R restore  D destroy  i details  Y link  Space mark  Esc back" in drawn(pilot)[-1]
        await press(pilot, "escape")
        assert not isinstance(pilot.app.screen, VersionsScreen)


async def test_below_a_prefix_each_line_has_its_name() -> None:
    async with running() as pilot:
        await look(pilot, GONE, GONE_OLD, NEW, keys=("tab", "V"))
        assert inside(pilot)[1:5] == [
            " Name                       What        Size  Date                 Version",
            " gone.txt                   deleted           2026-11-24 12:00:00  g2",
            " gone.txt                   older         5B  2026-11-24 11:59:00  g1",
            " manifest.json              current    13.9K  2026-11-24 11:59:00  v3aaaa…aaa",
        ]
        assert asked(pilot, "versions")[0].place == ObjectRef("backups", "2026/")


async def test_nothing_denied_and_not_versioned_are_said_apart() -> None:
    async with running() as pilot:
        await look(pilot, versioning="off")
        assert "the bucket keeps no versions: what is deleted or replaced is gone." in said(pilot)
        await press(pilot, "escape")
        engine(pilot).browser.values["versions"] = Problem(
            "list versions of s3://backups/",
            "access is denied (s3:ListBucketVersions)",
            "Ask.",
            True,
            "access-denied",
        )
        await press(pilot, "V")
        assert "access is denied (s3:ListBucketVersions). Ask." in said(pilot)
        assert inside(pilot)[0] == " not listed"


async def test_on_the_disk_there_are_no_versions_and_of_a_bucket_there_are_all() -> None:
    async with running(right=replace(example.THERE, place=ObjectRef(""))) as pilot:
        await press(pilot, "V")
        await tells(pilot, "Versions are kept of objects only: go to a bucket")
        assert asked(pilot, "versions") == []
        await press(pilot, "tab", "V")
        assert asked(pilot, "versions")[0].place == ObjectRef("archive")


async def test_details_of_a_version_name_it_and_a_marker_is_not_asked_about() -> None:
    async with running() as pilot:
        await look(pilot, NEW, MID, OLD)
        await press(pilot, "j", "j", "i")
        assert asked(pilot, "details")[0].place == ObjectRef("backups", KEY, "v1")
        assert "older: kept from before; R puts a copy of it on top" in text(pilot)
        await press(pilot, "escape", "k", "enter")
        assert "a delete marker from before" in text(pilot)
        assert len(asked(pilot, "details")) == 1


async def test_no_key_of_a_version_is_anything_but_text() -> None:
    rows = [ObjectVersion("2026/" + name, name, 1e9, 3) for name in nasty.ALL]
    async with running() as pilot:
        await look(pilot, *rows, keys=("tab", "V"))
        for keys in ((), ("pagedown",), ("a",), ("D",), ("escape", "R"), ("escape", "i")):
            await press(pilot, *keys)
            assert_harmless(pilot)


# -- copying ---------------------------------------------------------------------------------------


def test_an_older_version_is_named_by_its_date_and_the_current_by_its_own_name() -> None:
    twin = replace(OLD, version_id="v0zzzzzz")
    names = [name for _, name in file_names([NEW, OLD, twin], [NEW, MID, OLD, twin])]
    assert names == [
        "manifest.json",
        "manifest (version 2026-11-23 12.00.00).json",
        "manifest (version 2026-11-23 12.00.00 zzzzzz).json",
    ]
    assert [name for _, name in file_names([GONE_OLD], [GONE, GONE_OLD])] == ["gone.txt"]


async def test_a_version_is_copied_to_the_other_pane_pinned_by_its_id() -> None:
    async with running() as pilot:
        await look(pilot, NEW, MID, OLD)
        await press(pilot, "G", "c")
        (request,) = engine(pilot).submitted
        assert isinstance(request, TransferRequest)
        assert request.sources == (ObjectRef("backups", KEY, "v1"),)
        assert request.target == LocalRef("/home/ann/data/manifest (version 2026-11-23 12.00.00).json")
        await press(pilot, "k", "c")
        await tells(pilot, "A delete marker has no content: R takes it off")
        assert len(engine(pilot).submitted) == 1


async def test_a_link_to_one_version_is_made_for_a_time_that_is_chosen() -> None:
    async with running() as pilot:
        await look(pilot, NEW, MID, OLD)
        await press(pilot, "j", "Y")
        await tells(pilot, "A delete marker has no content to link to")
        await press(pilot, "j", "Y", "down", "enter")
        await until(pilot, lambda: bool(asked(pilot, "presign")))
        location, seconds = asked(pilot, "presign")[0]
        assert (location.place, seconds) == (ObjectRef("backups", KEY, "v1"), 3600)
        await until(pilot, lambda: "Copied a link to this version that works for 1 hour" in text(pilot))
        assert "X-Amz" in pilot.app.clipboard and "X-Amz" not in text(pilot)


# -- changes ---------------------------------------------------------------------------------------


async def test_restoring_asks_and_says_what_is_kept() -> None:
    async with running() as pilot:
        await look(pilot, NEW, MID, OLD)
        await press(pilot, "R")
        await tells(pilot, "That is the current version already")
        await press(pilot, "G", "R")
        assert isinstance(pilot.app.screen, ConfirmScreen)
        assert "what is current now stays as an older one." in said(pilot)
        await press(pilot, "n")
        assert asked(pilot, "restore_versions") == []
        await press(pilot, "R", "y")
        await until(pilot, lambda: bool(asked(pilot, "restore_versions")))
        assert asked(pilot, "restore_versions")[0][1] == (OLD,)
        await until(pilot, lambda: told(pilot)[-1] == "Restored")
        assert len(asked(pilot, "versions")) == 2


async def test_where_versioning_is_suspended_restoring_says_what_may_be_lost() -> None:
    async with running() as pilot:
        await look(pilot, NEW, OLD, versioning="suspended")
        await press(pilot, "G", "R")
        assert "Versioning is suspended: what is current now may be lost for good." in text(pilot)


async def test_deleting_for_good_takes_a_typed_word_and_of_several_their_count() -> None:
    async with running() as pilot:
        await look(pilot, NEW, MID, OLD)
        await press(pilot, "G", "D")
        assert isinstance(pilot.app.screen, TypedConfirmScreen)
        assert "Type delete to go ahead:" in text(pilot) and "10 bytes are deleted for good" in text(pilot)
        await press(pilot, "y", "enter")
        assert "That is not delete. Nothing was changed" in text(pilot)
        await press(pilot, "escape")
        assert asked(pilot, "delete_versions") == []
        await press(pilot, "a", "D", *"3", "enter")
        await until(pilot, lambda: bool(asked(pilot, "delete_versions")))
        assert asked(pilot, "delete_versions")[0][1] == (NEW, MID, OLD)


async def test_what_could_not_be_changed_is_told_with_the_reason() -> None:
    async with running() as pilot:
        problem = Problem(
            "delete s3://backups/x", "access is denied", "Ask for the permission.", True, "access-denied"
        )
        failed = ((ObjectRef("backups", KEY, "v1"), problem),)
        engine(pilot).browser.values["delete_versions"] = ChangeProgress(3, 2, failed)
        await look(pilot, NEW, MID, OLD)
        await press(pilot, "a", "D", "3", "enter")
        await until(
            pilot, lambda: "Deleted 2 of 3. 1 not: delete s3://backups/x: access is denied" in told(pilot)[-1]
        )
        assert len(asked(pilot, "versions")) == 2


async def test_a_version_above_five_gib_is_restored_by_the_queue() -> None:
    async with running() as pilot:
        problem = Problem("restore", "it takes more than one step", "", True, "use-queue")
        failed = ((ObjectRef("backups", KEY, "v1"), problem),)
        engine(pilot).browser.values["restore_versions"] = ChangeProgress(1, 0, failed)
        await look(pilot, NEW, OLD)
        await press(pilot, "G", "R", "y")
        await until(pilot, lambda: bool(engine(pilot).submitted))
        (request,) = engine(pilot).submitted
        assert isinstance(request, TransferRequest)
        assert (request.sources, request.target) == (
            (ObjectRef("backups", KEY, "v1"),),
            ObjectRef("backups", KEY),
        )


@pytest.mark.parametrize("key", ["R", "D"])
async def test_a_read_only_profile_is_asked_nothing(key: str) -> None:
    profile = Profile("prod", region="eu-west-1", read_only=True)
    manager = FakeManager(example.example_browser(), [profile])
    async with running(manager) as pilot:
        await look(pilot, NEW, OLD)
        await press(pilot, "G", key)
        await tells(pilot, "The profile prod is read-only: nothing is changed or deleted there")
        assert isinstance(pilot.app.screen, VersionsScreen)


# -- on the real server ----------------------------------------------------------------------------


async def test_an_afternoon_with_versions_on_the_real_server(
    seaweed: Seaweed, bucket: str, tmp_path: Path
) -> None:
    client: Any = seaweed.client()
    client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    for body in (b"first", b"second!"):
        client.put_object(Bucket=bucket, Key="d/notes.txt", Body=body)
    client.delete_object(Bucket=bucket, Key="d/notes.txt")
    async with real_screen(seaweed, tmp_path, f"{bucket}/d/") as pilot:
        # Deleted: its versions are found from the prefix it was in.
        await pilot.press("V")
        await shows(pilot, "2 versions · 1 delete marker · 12 bytes")
        assert inside(pilot)[2].split()[:2] == ["notes.txt", "deleted"]
        # The older one beside the name the object had.
        await pilot.press("G", "c")
        here = tmp_path / "here"
        await shows(
            pilot, lambda: [path.read_bytes() for path in here.glob("notes (version *).txt")] == [b"first"]
        )
        # Undelete, then the first version on top.
        await pilot.press("g", "R")
        await shows(pilot, "The delete marker is taken off")
        await pilot.press("y")
        await shows(
            pilot, lambda: "delete marker" not in inside(pilot)[0] and "2 versions" in inside(pilot)[0]
        )
        assert client.get_object(Bucket=bucket, Key="d/notes.txt")["Body"].read() == b"second!"
        await pilot.press("G", "R")
        await shows(pilot, "A copy becomes the current version")
        await pilot.press("y")
        await shows(pilot, "3 versions · 17 bytes")
        assert client.get_object(Bucket=bucket, Key="d/notes.txt")["Body"].read() == b"first"
        # All but the current one, for good.
        await pilot.press("g", "j", "space", "space", "D", "2", "enter")
        await shows(pilot, "1 version · 5 bytes")
        await pilot.press("escape")
        await shows(pilot, lambda: not isinstance(pilot.app.screen, VersionsScreen))
        await put_cursor_on(pilot, "notes.txt")
        assert main(pilot).pane.list.current is not None
