"""Among buckets: making one, removing an empty one, and never another."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from engine import BucketContent, ObjectRef, Problem, Profile
from tests.servers.seaweed import Seaweed
from tests.tui import example
from tests.tui.drive import Driver, engine, press, right, running, tells, text, told, until
from tests.tui.fake_engine import FakeManager
from tests.tui.real_screen import put_cursor_on, real_screen, shows
from tui.screens.typed_confirm import TypedConfirmScreen

BUCKETS = replace(example.THERE, place=ObjectRef(""))


def removed(pilot: Driver) -> list[Any]:
    return [what for kind, what in engine(pilot).browser.asked if kind == "remove_bucket"]


async def test_an_empty_bucket_is_removed_once_its_name_is_typed() -> None:
    async with running(right=BUCKETS) as pilot:
        await press(pilot, "tab", "j", "d")
        await until(pilot, lambda: isinstance(pilot.app.screen, TypedConfirmScreen))
        assert "Remove the bucket archive?" in text(pilot) or "Remove the bucket backups?" in text(pilot)
        name = "archive" if "bucket archive?" in text(pilot) else "backups"
        await press(pilot, *"wrong", "enter")
        assert f"That is not {name}. Nothing was changed" in text(pilot)
        assert removed(pilot) == []
        await press(pilot, *(["backspace"] * 5), *name, "enter")
        await until(pilot, lambda: told(pilot)[-1:] == [f"Removed the bucket {name}"])
        assert [location.place for location in removed(pilot)] == [ObjectRef(name)]
        await until(pilot, lambda: not any(name in line for line in right(pilot)))


async def test_a_bucket_that_holds_something_is_refused_with_the_count() -> None:
    async with running(right=BUCKETS) as pilot:
        engine(pilot).browser.values["bucket_content"] = BucketContent(1204, 3, 0, 2)
        await press(pilot, "tab", "j", "d")
        await until(pilot, lambda: bool(told(pilot)))
        assert "is not empty: 1,204 objects, 3 older versions, 2 unfinished uploads." in told(pilot)[-1]
        assert "V shows versions and delete markers, U unfinished uploads" in told(pilot)[-1]
        assert removed(pilot) == []


async def test_one_at_a_time_and_by_a_profile_that_may() -> None:
    async with running(right=BUCKETS) as pilot:
        await press(pilot, "tab", "a", "d")
        await until(pilot, lambda: bool(told(pilot)))
        await tells(pilot, "Buckets are removed one at a time: take the marks off (A)")
    profile = Profile("prod", region="eu-west-1", read_only=True)
    async with running(FakeManager(example.example_browser(), [profile]), right=BUCKETS) as pilot:
        await press(pilot, "tab", "j", "d")
        await until(pilot, lambda: bool(told(pilot)))
        await tells(pilot, "The profile prod is read-only: nothing is changed or deleted there")
        assert engine(pilot).browser.values.get("bucket_content") is None and removed(pilot) == []


async def test_why_it_stays_is_told() -> None:
    async with running(right=BUCKETS) as pilot:
        engine(pilot).browser.values["bucket_content"] = Problem(
            "look into s3://archive/",
            "access is denied (s3:ListBucketVersions)",
            "Ask.",
            True,
            "access-denied",
        )
        await press(pilot, "tab", "j", "d")
        await until(pilot, lambda: "s3:ListBucketVersions" in "".join(told(pilot)))
        assert not isinstance(pilot.app.screen, TypedConfirmScreen)


async def test_a_bucket_is_made_and_removed_on_the_real_server(
    seaweed: Seaweed, bucket: str, tmp_path: Path
) -> None:
    client: Any = seaweed.client()
    name = f"{bucket}-by-hand"

    def exists() -> bool:
        return name in [each["Name"] for each in client.list_buckets()["Buckets"]]

    async with real_screen(seaweed, tmp_path, "") as pilot:
        await pilot.press("n", *name, "enter")
        await shows(pilot, exists)
        client.put_object(Bucket=name, Key="k", Body=b"1")
        await shows(pilot, lambda: any(name[:12] in line for line in right(pilot)))
        await put_cursor_on(pilot, name)
        await pilot.press("d")
        await shows(pilot, lambda: "is not empty: 1 object." in "".join(told(pilot)))
        client.delete_object(Bucket=name, Key="k")
        await pilot.press("d")
        await shows(pilot, f"Type {name} to go ahead:")
        await pilot.press(*name, "enter")
        await shows(pilot, lambda: not exists())
        assert not exists()
