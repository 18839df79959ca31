"""Looking into a file or an object: by key, in pieces, in the view that fits, and harmless."""

from __future__ import annotations

import json

import pytest

from engine import Preview, Problem
from tests.tui import nasty
from tests.tui.drive import Driver, assert_harmless, drawn, engine, press, running, text, told, until
from tui.screens.preview import PreviewScreen

MANIFEST = "s3://backups/2026/manifest.json"
ON_MANIFEST = ("tab", *("j" * 5))


async def look(pilot: Driver, data: bytes, *keys: str) -> None:
    engine(pilot).browser.contents[MANIFEST] = data
    await press(pilot, *ON_MANIFEST, *(keys or ("p",)))
    await until(pilot, lambda: isinstance(pilot.app.screen, PreviewScreen))
    await pilot.pause()


def inside(pilot: Driver) -> list[str]:
    """The lines in the frame, without trailing blanks."""
    return [line.strip("│").rstrip("▐ ") for line in drawn(pilot)[1:-1]]


def asked(pilot: Driver) -> list[tuple[int, str]]:
    return [what[1:3] for kind, what in engine(pilot).browser.asked if kind == "preview"]


@pytest.mark.parametrize("key", ["p", "enter", "f3"])
async def test_an_object_is_looked_into_by_key(key: str) -> None:
    async with running() as pilot:
        await look(pilot, b"first\nsecond\n", key)
        assert inside(pilot)[:3] == [" text · all of it: 13 bytes", "first", "second"]
        assert MANIFEST in drawn(pilot)[0]
        await press(pilot, "escape")
        assert not isinstance(pilot.app.screen, PreviewScreen)


async def test_json_is_shown_as_rows_then_as_text_then_as_numbers() -> None:
    async with running() as pilot:
        await look(pilot, b'[{"id": 1, "name": "one"}, {"id": 2, "name": "[/b]"}]')
        assert inside(pilot)[1:4] == ["id  name", "1   one", "2   [/b]"]
        assert "Tab: text · hex" in drawn(pilot)[-1]
        await press(pilot, "tab")
        assert inside(pilot)[1] == '[{"id": 1, "name": "one"}, {"id": 2, "name": "[/b]"}]'
        await press(pilot, "tab")
        assert inside(pilot)[1].startswith("00000000  5b 7b 22 69 64 22 3a 20  31 2c")
        assert inside(pilot)[1].endswith('[{"id": 1, "name')


async def test_columns_beyond_the_screen_are_reached() -> None:
    async with running() as pilot:
        data = json.dumps([{f"column-{n}": n for n in range(30)}]).encode()
        await look(pilot, data)
        assert "column-0 " in inside(pilot)[1] and "column-29" not in text(pilot)
        await press(pilot, *("l" * 29))
        assert inside(pilot)[1:3] == ["column-29", "29"]


async def test_a_big_object_comes_in_pieces_of_the_same_content() -> None:
    async with running() as pilot:
        lines = b"".join(b"line %07d\n" % n for n in range(40_000))
        await look(pilot, lines)
        assert "64 KiB of 507.8 KiB; no more than 64 KiB is fetched at a time" in inside(pilot)[0]
        await press(pilot, "n", "n", "b", "e")
        assert asked(pilot) == [(0, ""), (65536, "abc"), (131072, "abc"), (65536, "abc"), (-1, "abc")]
        await press(pilot, "G")
        assert inside(pilot)[-1] == "line 0039999"
        await press(pilot, "n")
        assert len(asked(pilot)) == 5


async def test_the_window_moves_by_the_keys_of_a_list() -> None:
    async with running() as pilot:
        await look(pilot, b"".join(b"%d\n" % n for n in range(1000)))
        for keys, first in ((("j", "j"), "2"), (("k",), "1"), (("g",), "0"), (("space",), "20")):
            await press(pilot, *keys)
            assert inside(pilot)[1] == first, keys
        await press(pilot, "G")
        assert inside(pilot)[-1] == "999"


async def test_why_nothing_is_seen_is_said_with_what_to_do() -> None:
    async with running() as pilot:
        engine(pilot).browser.values["preview"] = Problem(
            f"look into {MANIFEST}", "the object is archived", "Restore it first.", True, "archived"
        )
        await look(pilot, b"")
        assert "manifest.json: the object is archived." in text(pilot)
        assert "Restore it first." in " ".join(inside(pilot)[1:3]).replace("  ", " ")
        assert "It is empty" not in text(pilot)


async def test_an_empty_object_is_said_to_be_empty_and_a_folder_has_no_inside() -> None:
    async with running() as pilot:
        await press(pilot, "tab", "j", "p")
        assert told(pilot) == ["Only files and objects can be looked into"]
        engine(pilot).browser.contents[MANIFEST] = b""
        await press(pilot, *("j" * 4), "p")
        await pilot.pause()
        assert "It is empty." in text(pilot)


async def test_gzip_says_what_was_unpacked() -> None:
    async with running() as pilot:
        engine(pilot).browser.values["preview"] = Preview(b"a\n" * 10, 0, 65536, 2**30, gzip=True)
        await look(pilot, b"")
        assert inside(pilot)[0] == " text · the first 20 bytes, unpacked; 64 KiB of 1 GiB fetched"
        await press(pilot, "n", "e")
        assert len(asked(pilot)) == 1


async def test_no_content_is_anything_but_text() -> None:
    nasty_text = "\n".join(nasty.ALL).encode("utf-8", "surrogateescape")
    rows = ("\n".join(f'"{name}","{name}"' for name in nasty.ALL)).encode("utf-8", "surrogateescape")
    for data in (nasty_text, nasty_text.replace(b"\0", b""), rows, bytes(range(256)) * 8):
        async with running() as pilot:
            await look(pilot, data)
            for keys in ((), ("space",), ("tab",), ("G",), ("tab",)):
                await press(pilot, *keys)
                assert_harmless(pilot)
