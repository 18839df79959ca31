"""Walking, marking, filtering, sorting, and what a pane says when there is nothing to see."""

from __future__ import annotations

import pytest

from engine import LocalRef, Location, ObjectRef, Problem
from tests.tui import example
from tests.tui.drive import drawn, engine, left, main, press, right, running, settled, text, until
from tests.tui.fake_browser import Entry, FakeBrowser, folder
from tests.tui.fake_engine import FakeManager
from tui.screens import tidings

BIG = Location(ObjectRef("big"), example.PROD.connection_id)


def many(count: int, browser: FakeBrowser | None = None) -> FakeManager:
    """A bucket with many objects, beside the usual."""
    browser = browser or example.example_browser()
    browser.folders["s3://big/"] = [Entry(f"key-{n:07d}.bin", n, example.NOW - n) for n in range(count)]
    return FakeManager(browser, [example.PROD])


async def test_enter_opens_and_backspace_returns_to_where_one_was() -> None:
    async with running() as pilot:
        await press(pilot, "j", "j", "enter")
        assert "~/data/photos" in drawn(pilot)[0]
        await press(pilot, "backspace")
        assert "~/data" in drawn(pilot)[0]
        assert main(pilot).left.list.current.name == "photos"  # type: ignore[union-attr]


async def test_above_a_bucket_are_the_buckets_and_above_those_is_nothing() -> None:
    async with running() as pilot:
        await press(pilot, "tab", "h", "h")
        assert [line.split()[0] for line in right(pilot)[:2]] == ["archive/", "backups/"]
        assert main(pilot).right.list.cursor == 1
        await press(pilot, "h")
        assert main(pilot).right.location == Location(ObjectRef(""), BIG.connection)


async def test_coming_back_to_a_place_finds_the_cursor_where_it_was() -> None:
    async with running() as pilot:
        await press(pilot, "j", "enter", "j", "j", "j", "j", "backspace", "enter")
        assert main(pilot).left.list.cursor == 4


async def test_marks_are_counted_in_files_and_bytes() -> None:
    async with running() as pilot:
        await press(pilot, *("j" * 7), "space", "space")
        assert left(pilot)[7].startswith("▌dump.tar")
        assert "2 marked, 48.1 GiB" in drawn(pilot)[13]
        await press(pilot, "escape")
        assert "11 items" in drawn(pilot)[13]


async def test_all_none_and_invert() -> None:
    async with running() as pilot:
        model = main(pilot).left.model
        await press(pilot, "a")
        assert model.marked_count == 11
        await press(pilot, "A")
        assert model.marked_count == 0
        await press(pilot, "j", "space", "asterisk")
        assert model.marked_count == 10


async def test_a_range_is_marked_from_v_to_v_and_escape_forgets_it() -> None:
    async with running() as pilot:
        model = main(pilot).left.model
        await press(pilot, "j", "v", "j", "j")
        assert [line[0] for line in left(pilot)[:5]] == [" ", "┊", "┊", "┊", " "]
        await press(pilot, "escape")
        assert model.marked_count == 0
        await press(pilot, "v", "k", "k", "v")
        assert [row.name for row in model.marked()] == ["logs", "photos", "vm-images"]


async def test_marking_by_pattern_takes_what_matches_only() -> None:
    async with running() as pilot:
        await press(pilot, "plus")
        await press(pilot, *"*.zst", "enter")
        await until(pilot, lambda: main(pilot).left.model.marked_count == 2)
        await press(pilot, "minus")
        await press(pilot, *"*22*", "enter")
        await until(pilot, lambda: main(pilot).left.model.marked_count == 1)
        assert "1 marked" in text(pilot)


async def test_marks_cursor_and_filter_survive_reading_again() -> None:
    async with running() as pilot:
        await press(pilot, *("j" * 7), "space", "slash", *"tar", "enter", "R")
        pane = main(pilot).left
        assert [row.name for row in pane.model.marked()] == ["dump.tar"]
        assert left(pilot)[:2] == [" ..", "▌dump.tar               48.1G  Nov 20"]


async def test_the_filter_acts_while_it_is_typed_and_says_how_much_it_hides() -> None:
    async with running() as pilot:
        await press(pilot, "slash", *"dump")
        assert [line.split()[0] for line in left(pilot)[1:4]] == [
            "db-2026-11-22…mp.zst",
            "db-2026-11-23…mp.zst",
            "dump.tar",
        ]
        assert "3 of 11" in drawn(pilot)[13]
        assert "Keep the filter" in drawn(pilot)[-1]
        await press(pilot, "down", "enter", "space")
        assert "1 marked, 12.6 GiB" in drawn(pilot)[13]
        await press(pilot, "escape")
        assert left(pilot)[1] == " logs/                         10:00"


async def test_a_filter_without_a_match_says_how_far_it_looked() -> None:
    async with running() as pilot:
        await press(pilot, "slash", *"nothing like it")
        assert "No match" in text(pilot)
        assert "in 11 names" in text(pilot)


async def test_a_hundred_thousand_names_are_filtered_key_by_key() -> None:
    async with running(many(100_000), right=BIG) as pilot:
        await press(pilot, "tab", "slash", *"999")
        assert len(main(pilot).right.model) == 280
        assert "280 of 100,000" in text(pilot)
        assert right(pilot)[1].startswith(" key-0000999.bin")


async def test_sorting_keeps_the_cursor_on_its_row() -> None:
    async with running() as pilot:
        await press(pilot, *("j" * 7), "s")
        await press(pilot, *"largest", "enter")
        await until(pilot, lambda: "by size ▾" in drawn(pilot)[13])
        assert left(pilot)[4].startswith(" dump.tar")
        assert main(pilot).left.list.cursor == 4


async def test_a_listing_that_streams_in_can_be_used_at_once_and_keeps_the_cursor() -> None:
    browser = example.example_browser()
    browser.hold = True
    async with running(many(5_000, browser), right=BIG) as pilot:
        assert "Reading…" in right(pilot)[4]
        browser.release()
        pane = main(pilot).right
        await until(pilot, lambda: pane.model.total == 1_000)
        await pilot.press("tab", "G")
        await pilot.pause()
        assert pane.list.current.name == "key-0000999.bin"  # type: ignore[union-attr]
        browser.release(9)
        await until(pilot, lambda: not pane.is_reading)
        assert pane.model.total == 5_000
        assert pane.list.current.name == "key-0000999.bin"  # type: ignore[union-attr]
        assert pane.list.cursor == 1_000


async def test_escape_stops_a_listing_and_keeps_what_came() -> None:
    browser = example.example_browser()
    browser.hold = True
    async with running(many(5_000, browser), right=BIG) as pilot:
        browser.release()
        pane = main(pilot).right
        await until(pilot, lambda: pane.model.total == 1_000)
        await pilot.press("tab", "escape")
        await pilot.pause()
        assert not pane.is_reading
        assert pane.model.total == 1_000
        assert "1,000 items · incomplete: it was" in text(pilot)


async def test_a_listing_stopped_before_its_first_row_is_not_taken_for_an_empty_place() -> None:
    browser = example.example_browser()
    browser.hold = True
    async with running(many(5_000, browser), right=BIG) as pilot:
        await pilot.press("tab", "escape")
        await pilot.pause()
        assert "Stopped" in text(pilot)
        assert "R reads it again." in " ".join(" ".join(right(pilot)).split())
        assert "Empty" not in text(pilot)


async def test_an_answer_for_a_place_that_was_left_is_dropped() -> None:
    browser = example.example_browser()
    browser.hold = True
    async with running(many(3_000, browser), right=BIG) as pilot:
        pane = main(pilot).right
        pane.go(example.THERE)
        browser.release(5)
        await until(pilot, lambda: not pane.is_reading)
        assert pane.model.total == 5
        assert right(pilot)[1] == " db/"


async def test_keys_act_on_the_place_in_the_title_even_before_its_rows_are_there() -> None:
    browser = example.example_browser()
    async with running(FakeManager(browser, [example.PROD])) as pilot:
        browser.hold = True
        await pilot.press("j", "enter", "j", "c")
        await pilot.pause()
        assert engine(pilot).submitted == []


def _problem(code: str, why: str) -> Problem:
    return Problem("list s3://logs/", why, "Do this now.", True, code, "4A7BX0")


@pytest.mark.parametrize(
    ("code", "headline"),
    [
        ("access-denied", "Access denied"),
        ("offline", "Not reachable"),
        ("no-credentials", "No credentials"),
        ("credentials", "Credentials expired"),
        ("wrong-key", "Access key not known"),
        ("no-such-bucket", "No such bucket"),
        ("not-s3", "Not an S3 endpoint"),
        ("wrong-region", "Wrong region"),
        ("something-new", "Cannot be read"),
    ],
)
async def test_each_way_of_seeing_nothing_has_its_own_words_and_says_what_to_do(
    code: str, headline: str
) -> None:
    browser = FakeBrowser({"s3://logs/": _problem(code, "it is so"), "/home/ann/data/": []})
    there = Location(ObjectRef("logs"), example.PROD.connection_id)
    async with running(FakeManager(browser, [example.PROD]), right=there) as pilot:
        said = " ".join(" ".join(right(pilot)).split())
        assert headline in said
        assert "Cannot list s3://logs/: it is so. Do this now." in said
        assert "R try again · e profile" in said
        assert "Empty" in " ".join(left(pilot)), "an empty folder looks different"


async def test_a_listing_that_broke_off_says_so_beside_its_rows() -> None:
    async with running() as pilot:
        pane = main(pilot).right
        pane.problem = _problem("connection-lost", "the connection was lost")
        pane._describe()
        await pilot.pause()
        assert "incomplete: the" in text(pilot)


async def test_go_to_takes_what_is_typed_and_completes_it() -> None:
    async with running() as pilot:
        await press(pilot, "tab", "colon")
        await press(pilot, *"s3://arch")
        await until(pilot, lambda: "s3://archive/" in text(pilot))
        await press(pilot, "tab", "enter")
        place = Location(ObjectRef("archive"), BIG.connection)
        await until(pilot, lambda: main(pilot).right.location == place)
        assert main(pilot).right.location == place


async def test_go_to_accepts_a_relative_path_and_home() -> None:
    async with running() as pilot:
        await press(pilot, "colon")
        await press(pilot, *"logs", "enter")
        await until(pilot, lambda: main(pilot).left.location == Location(LocalRef("/home/ann/data/logs/")))
        await press(pilot, "colon")
        await press(pilot, *"~", "enter")
        home = Location(LocalRef("/home/ann/"))
        await until(pilot, lambda: main(pilot).left.location == home)
        assert main(pilot).left.location == home


async def test_a_profile_is_chosen_from_a_list_and_shows_its_buckets() -> None:
    async with running() as pilot:
        await press(pilot, "e")
        assert "prod · eu-west-1" in text(pilot)
        await press(pilot, *"prod", "enter")
        await until(pilot, lambda: left(pilot)[1].startswith(" backups/"))


async def test_same_place_swap_and_hidden() -> None:
    browser = example.example_browser()
    rows = browser.folders["/home/ann/data/"]
    assert isinstance(rows, list)
    rows.append(folder(".cache"))
    async with running(FakeManager(browser, [example.PROD])) as pilot:
        screen = main(pilot)
        assert " .cache/" in text(pilot)
        await press(pilot, "full_stop")
        assert " .cache/" not in text(pilot)
        await press(pilot, "u")
        assert (screen.left.location, screen.right.location) == (example.THERE, example.HERE)
        await press(pilot, "o")
        assert screen.right.location == example.THERE


async def test_details_show_what_listing_and_server_know() -> None:
    async with running() as pilot:
        await press(pilot, "tab", *("j" * 3), "i")
        await until(pilot, lambda: "ETag" in text(pilot))
        for said in ("s3://backups/2026/dump.tar", "41 GiB (44,023,414,784 bytes)", "2026-11-19 12:00:00"):
            assert said in text(pilot)


async def test_what_arrived_shows_up_by_itself() -> None:
    manager = example.example_manager()
    async with running(manager) as pilot:
        rows = manager.browser.folders["s3://backups/2026/"]
        assert isinstance(rows, list)
        rows.append(Entry("zz-new.bin", 5))
        manager.add("zz-new.bin", example.S.RUNNING, size=5, bytes_per_second=5.0)
        manager.advance(1)
        main(pilot).tick()
        main(pilot).reload_stale()
        await settled(pilot)
        assert any("zz-new.bin" in line for line in right(pilot))


async def test_rows_stay_on_the_screen_while_the_place_is_read_again() -> None:
    async with running() as pilot:
        pane, browser = main(pilot).left, engine(pilot).browser
        await press(pilot, *("j" * 7), "space")
        browser.hold = True
        await pilot.press("R")
        await until(pilot, lambda: "reading" in drawn(pilot)[13])
        assert left(pilot)[7].startswith("▌dump.tar")
        await pilot.press("space")
        browser.release()
        await until(pilot, lambda: not pane.is_reading)
        assert [row.name for row in pane.model.marked()] == ["dump.tar", "invoice 2026 (final).pdf"]
        assert pane.list.cursor == 9


async def test_a_place_that_can_no_longer_be_read_says_so_when_it_is_read_again() -> None:
    async with running() as pilot:
        engine(pilot).browser.folders["/home/ann/data/"] = _problem(
            "local-denied", "the system denies access"
        )
        await press(pilot, "R")
        assert "Access denied" in text(pilot)


async def test_a_pane_is_read_again_by_itself_only_now_and_then() -> None:
    manager = example.example_manager()
    async with running(manager) as pilot:
        before = len(manager.browser.asked)
        done = manager.add("new", example.S.DONE, size=5, target="s3://backups/2026/new")
        for _ in range(5):
            main(pilot).mark_stale(done)
            main(pilot).reload_stale()
            await settled(pilot)
        assert len(manager.browser.asked) == before + 1


async def test_a_pane_that_was_not_reachable_shows_its_rows_when_it_is_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tidings, "_HEAL_EVERY", 0.0)
    browser = FakeBrowser({"s3://logs/": _problem("offline", "it is so"), "/home/ann/data/": []})
    there = Location(ObjectRef("logs"), example.PROD.connection_id)
    async with running(FakeManager(browser, [example.PROD]), right=there) as pilot:
        assert "Not reachable" in text(pilot)
        browser.folders["s3://logs/"] = [Entry("back.log", 1)]
        main(pilot).reload_stale()
        main(pilot).reload_stale()
        await until(pilot, lambda: "back.log" in text(pilot))


async def test_filtering_from_far_below_starts_at_the_top_again() -> None:
    async with running(many(5_000), right=BIG) as pilot:
        await press(pilot, "tab", "G", "slash", *"0000")
        assert right(pilot)[0].split()[0] == ".."
        assert right(pilot)[1].startswith(" key-0000000.bin")
