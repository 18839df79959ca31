"""Details of objects and buckets: drawn as they come, denied parts named, on the real server too."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from engine import Details, EntryKind, Location, ObjectRef, Problem
from tests.servers.seaweed import Seaweed
from tests.tui import example, nasty
from tests.tui.drive import Driver, assert_harmless, engine, press, running, text, until
from tests.tui.real_screen import put_cursor_on, real_screen, shows
from tui.screens.object_details import ObjectDetailsScreen

ON_MANIFEST = ("tab", *("j" * 5))


def said(pilot: Driver) -> str:
    """The screen as one line, without frames."""
    return " ".join(text(pilot).replace("│", " ").split())


async def test_all_that_is_known_of_an_object_fits_and_scrolls() -> None:
    async with running() as pilot:
        engine(pilot).browser.values["details"] = example.OBJECT
        await press(pilot, *ON_MANIFEST, "i")
        await until(pilot, lambda: "Storage class" in text(pilot))
        assert "s3://backups/2026/manifest.json" in text(pilot)
        await press(pilot, "G")
        assert "Tags             team = ops" in text(pilot) and "cost = shared" in text(pilot)
        assert "Retention        not allowed: needs s3:GetObjectRetention" in text(pilot)
        await press(pilot, "escape")
        assert not isinstance(pilot.app.screen, ObjectDetailsScreen)


async def test_what_is_there_is_shown_while_the_rest_is_asked_for() -> None:
    async with running() as pilot:
        browser = engine(pilot).browser
        browser.unfinished.add("details")
        browser.values["details"] = Details(EntryKind.FILE, etag="abc")
        await press(pilot, *ON_MANIFEST, "i")
        await until(pilot, lambda: "Asking for more…" in text(pilot))
        assert "13.9 KiB (14,220 bytes)" in text(pilot) and "ETag" in text(pilot)
        browser.unfinished.clear()
        await until(pilot, lambda: "Asking for more…" not in text(pilot))
        assert "ETag" in text(pilot)


async def test_what_failed_is_said_below_what_the_listing_told() -> None:
    async with running() as pilot:
        engine(pilot).browser.values["details"] = Problem(
            "look at it", "access is denied (s3:GetObject)", "Ask for the permission.", True, "access-denied"
        )
        await press(pilot, *ON_MANIFEST, "i")
        await until(pilot, lambda: "access is denied (s3:GetObject)" in text(pilot))
        assert "14,220 bytes" in text(pilot)


async def test_a_bucket_is_described_from_outside_and_from_its_first_row() -> None:
    there = replace(example.THERE, place=ObjectRef(""))
    async with running(right=there) as pilot:
        engine(pilot).browser.values["details"] = example.BUCKET
        await press(pilot, "tab", "j", "i")
        await until(pilot, lambda: "Incomplete uploads" in text(pilot))
        assert "Kind bucket" in said(pilot) and "Region eu-west-1" in said(pilot)
        assert "not allowed: needs s3:GetEncryptionConfiguration" in text(pilot)
    async with running(right=Location(ObjectRef("backups"), example.PROD.connection_id)) as pilot:
        engine(pilot).browser.values["details"] = example.BUCKET
        await press(pilot, "tab", "g", "i")
        await until(pilot, lambda: "Incomplete uploads" in text(pilot))
        assert "Name backups" in said(pilot)


async def test_no_value_is_anything_but_text() -> None:
    more = tuple((name, name) for name in nasty.ALL)
    async with running() as pilot:
        engine(pilot).browser.values["details"] = replace(example.OBJECT, more=more, metadata=more)
        await press(pilot, *ON_MANIFEST, "i")
        for keys in ((), ("space",), ("space",), ("G",)):
            await press(pilot, *keys)
            assert_harmless(pilot)


async def test_on_the_real_server_tags_and_settings_are_told(
    seaweed: Seaweed, bucket: str, tmp_path: Path
) -> None:
    client: Any = seaweed.client()
    client.put_object(Bucket=bucket, Key="d/k.txt", Body=b"x", Tagging="team=ops", Metadata={"a": "b"})
    async with real_screen(seaweed, tmp_path, f"{bucket}/d/") as pilot:
        await put_cursor_on(pilot, "k.txt")
        await pilot.press("i")
        await shows(pilot, lambda: "Tags team = ops" in said(pilot) and "Metadata a b" in said(pilot))
        await pilot.press("escape", "backspace")
        await shows(pilot, lambda: "d/" in text(pilot))
        await pilot.press("g", "i")
        await shows(pilot, lambda: "Versioning off" in said(pilot) and "no rule aborts them" in said(pilot))
        assert "Kind bucket" in said(pilot)
