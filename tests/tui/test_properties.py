"""Storage class, headers, metadata and tags of objects: a form by keys, a question, and what comes of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from engine import ChangeProgress, ObjectProperties, ObjectRef, Problem, Profile, PropertyChange
from tests.servers.seaweed import Seaweed
from tests.tui import example, nasty
from tests.tui.drive import Driver, assert_harmless, engine, press, running, tells, text, told, until
from tests.tui.fake_engine import FakeManager
from tests.tui.real_screen import put_cursor_on, real_screen, shows
from tui.property_form import Kind, PropertyForm
from tui.screens.confirm import ConfirmScreen
from tui.screens.properties import PropertiesScreen

ON_MANIFEST = ("tab", *("j" * 5))
REF = ObjectRef("backups", "2026/manifest.json")


def said(pilot: Driver) -> str:
    """The screen as one line, without frames."""
    return " ".join(text(pilot).replace("│", " ").split())


def changes(pilot: Driver) -> list[Any]:
    return [what for kind, what in engine(pilot).browser.asked if kind == "change_properties"]


async def form(pilot: Driver, *keys: str, found: ObjectProperties = example.PROPERTIES) -> None:
    engine(pilot).browser.values["properties"] = found
    await press(pilot, *(keys or (*ON_MANIFEST, "E")))
    await until(pilot, lambda: isinstance(pilot.app.screen, PropertiesScreen))
    await pilot.pause()


async def save(pilot: Driver) -> None:
    await press(pilot, "s")
    await until(pilot, lambda: isinstance(pilot.app.screen, ConfirmScreen))
    await pilot.pause()


# -- the form --------------------------------------------------------------------------------------


async def test_all_that_can_be_changed_is_a_line() -> None:
    async with running() as pilot:
        await form(pilot)
        for line in (
            "Storage class         STANDARD",
            "Content type          application/json",
            "Disposition           (none)",
            "Metadata author       ann",
            "+ metadata",
            "Tag team              ops",
            "+ tag",
        ):
            assert line in text(pilot), line
        assert "Enter: change · x: take away · u: undo · s: save · Esc: leave" in text(pilot)
        await press(pilot, "s")
        await tells(pilot, "Nothing was changed")


async def test_lines_are_changed_taken_away_and_put_back_by_keys() -> None:
    async with running() as pilot:
        await form(pilot)
        await press(pilot, "enter", "down", "enter")
        assert "* Storage class         STANDARD → STANDARD_IA" in text(pilot)
        await press(pilot, "j", "enter", *"text/csv", "enter")
        assert "* Content type          application/json → text/csv" in text(pilot)
        await press(pilot, "j", "x")
        assert "* Cache control         max-age=60 → (none)" in text(pilot)
        await press(pilot, "u")
        assert "  Cache control         max-age=60" in text(pilot) and "→ (none)" not in text(pilot)
        await press(pilot, "G", "enter", *"n=1", "enter")
        assert "* Tag n                 1" in text(pilot)
        await save(pilot)
        assert "Storage class: STANDARD_IA" in text(pilot) and "Header: content-type=text/csv" in text(pilot)
        assert "Each is copied onto itself on the server" in said(pilot)
        await press(pilot, "y")
        await until(pilot, lambda: bool(changes(pilot)))
        targets, change = changes(pilot)[0]
        assert targets == ((REF, example.PROPERTIES.etag),)
        assert change == PropertyChange("STANDARD_IA", (("content-type", "text/csv"),), (), (("n", "1"),))
        await tells(pilot, "Changed 1 object")


async def test_tags_alone_take_no_copy_and_that_is_said() -> None:
    async with running() as pilot:
        await form(pilot)
        await press(pilot, "G", "k", "x")
        await save(pilot)
        assert "Tag: without cost" in text(pilot)
        assert "Only tags are set: no copy, no new date, no new version." in said(pilot)


async def test_an_archive_is_said_to_be_one_before_it_is_too_late() -> None:
    async with running() as pilot:
        await form(pilot)
        await press(pilot, "enter", *("down",) * 5, "enter")
        await save(pilot)
        assert "Storage class: GLACIER" in text(pilot)
        assert "It cannot be read there until it is restored" in said(pilot)
        await press(pilot, "n")
        assert changes(pilot) == []


async def test_of_several_only_what_is_typed_is_changed_in_each() -> None:
    async with running() as pilot:
        await form(pilot, "tab", "j", "j", "j", "space", "space", "E")
        assert "Properties of 2 items" in text(pilot)
        assert "Storage class         (as it is)" in text(pilot)
        assert "Only what you change here is changed, in each of them." in said(pilot)
        await press(pilot, *("j" * 6), "enter", *"-Old", "enter")
        assert "* Metadata old          (none)" in text(pilot)
        await save(pilot)
        assert "2 objects, 48.7 GiB" in text(pilot) and "Metadata: without old" in text(pilot)
        await press(pilot, "y")
        await until(pilot, lambda: bool(changes(pilot)))
        targets, change = changes(pilot)[0]
        assert [(ref.key, etag) for ref, etag in targets] == [
            ("2026/dump.tar", ""),
            ("2026/logs-2026-10.tgz", ""),
        ]
        assert change == PropertyChange(metadata=(("old", None),))


def test_what_cannot_be_a_header_or_tag_is_said_while_it_is_typed() -> None:
    empty = PropertyForm(example.PROPERTIES)
    assert "name=value" in empty.check(Kind.TAG, "team")
    assert "plain ASCII" in empty.check(Kind.METADATA, "a=ü")
    assert "letters, digits" in empty.check(Kind.METADATA, "a b=1")
    assert empty.check(Kind.METADATA, "a_b-c.d=x=y") == ""
    for number in range(8):
        empty.add(Kind.TAG, f"t{number}=1")
    assert empty.check(Kind.TAG, "one-more=1") == "An object has at most 10 tags"
    assert empty.check(Kind.TAG, "t1=again") == ""


# -- refusals --------------------------------------------------------------------------------------


async def test_folders_files_and_read_only_profiles_are_refused_with_the_reason() -> None:
    async with running() as pilot:
        await press(pilot, "E")
        await tells(pilot, "Only objects have a storage class, metadata and tags")
        await press(pilot, "tab", "j", "E")
        await tells(pilot, "Properties are those of objects: open the prefix, and mark objects in it")
    profile = Profile("prod", region="eu-west-1", read_only=True)
    async with running(FakeManager(example.example_browser(), [profile])) as pilot:
        await press(pilot, *ON_MANIFEST, "E")
        await tells(pilot, "The profile prod is read-only: nothing is changed or deleted there")
        assert changes(pilot) == []


async def test_what_could_not_be_changed_is_told_with_the_reason() -> None:
    async with running() as pilot:
        problem = Problem("change it", "above 5 GiB; only tags can be changed", "", False, "not-supported")
        engine(pilot).browser.values["change_properties"] = ChangeProgress(1, 0, ((REF, problem),))
        await form(pilot)
        await press(pilot, "enter", "down", "enter")
        await save(pilot)
        await press(pilot, "y")
        await until(pilot, lambda: "above 5 GiB; only tags can be changed" in "".join(told(pilot)))
        assert len(changes(pilot)) == 1


async def test_no_value_is_anything_but_text() -> None:
    pairs = tuple((name, name) for name in nasty.ALL)
    found = ObjectProperties(1, "e", nasty.ALL[0], (("content-type", nasty.ALL[2]),), pairs, pairs)
    async with running() as pilot:
        await form(pilot, found=found)
        for keys in ((), ("pagedown",), ("x",), ("enter",), ("escape", "s")):
            await press(pilot, *keys)
            assert_harmless(pilot)


# -- on the real server ----------------------------------------------------------------------------


async def test_on_the_real_server_class_metadata_and_tags_are_changed(
    seaweed: Seaweed, bucket: str, tmp_path: Path
) -> None:
    client: Any = seaweed.client()
    client.put_object(
        Bucket=bucket, Key="d/k.txt", Body=b"data", ContentType="text/plain", Metadata={"author": "ann"}
    )
    async with real_screen(seaweed, tmp_path, f"{bucket}/d/") as pilot:
        await put_cursor_on(pilot, "k.txt")
        await pilot.press("E")
        await shows(pilot, "Metadata author       ann")
        await pilot.press("enter", "down", "enter")
        await shows(pilot, "STANDARD → STANDARD_IA")
        await pilot.press("G", "enter", *"team=ops", "enter")
        await shows(pilot, "* Tag team              ops")
        await pilot.press("s")
        await shows(pilot, "Tag: team=ops")
        await pilot.press("y")
        await shows(pilot, lambda: "Changed 1 object" in told(pilot))
    head = client.head_object(Bucket=bucket, Key="d/k.txt")
    assert (head["StorageClass"], head["Metadata"]) == ("STANDARD_IA", {"author": "ann"})
    assert head["ContentType"] == "text/plain"
    tags = client.get_object_tagging(Bucket=bucket, Key="d/k.txt")["TagSet"]
    assert tags == [{"Key": "team", "Value": "ops"}]
