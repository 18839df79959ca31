"""Finding below here, filters over long listings, and how big folders are, as they are seen and used."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine import CountProgress, TransferRequest, Wanted
from tests.engine.queue.faulty import running_on
from tests.engine.queue.real import write
from tests.servers.scripted import ScriptedS3
from tests.tui import example
from tests.tui.drive import drawn, engine, left, main, press, right, running, text, until
from tests.tui.fake_browser import Entry
from tests.tui.fake_engine import FakeManager
from tests.tui.on_engine import on_screen
from tui.find_words import parse_find, problem_of


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AK")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "SK")


@pytest.fixture
def s3() -> Iterator[ScriptedS3]:
    with ScriptedS3("b") as server:
        yield server


def long_listing() -> FakeManager:
    """A prefix of many pages, which come when they are let."""
    manager = example.example_manager()
    manager.browser.folders["s3://backups/2026/"] = [
        Entry(f"{2024 + number % 3}-{number:05}.log", number, example.NOW) for number in range(5000)
    ]
    return manager


async def test_what_is_found_is_a_list_that_leads_to_its_places_and_can_be_copied(
    s3: ScriptedS3, tmp_path: Path
) -> None:
    for name in ("a/x.log", "a/b/y.log", "a/b/z.txt", "w.log"):
        write(tmp_path / "files" / name, 100)
    with running_on(tmp_path / "state", s3.url) as engine:
        async with on_screen(engine, tmp_path / "files") as screen:
            await screen.shows("w.log")
            await screen.press("f", *"*.log", "enter")
            shown = await screen.shows("found *.log in", "a/x.log", "a/b/y.log", "matched 3 of 4")
            assert "z.txt" not in shown
            await screen.press("a", "c")
            await screen.until(lambda _: set(s3.store.buckets["b"]) == {"x.log", "y.log", "w.log"})
            await screen.press("g", "j", "enter")
            await screen.until(lambda text: "/files/a/b" in text.splitlines()[0])
            await screen.shows("y.log", "z.txt")


async def test_escape_leaves_what_was_found_and_backspace_too() -> None:
    async with running(example.example_manager()) as pilot:
        for key in ("escape", "backspace"):
            await press(pilot, "f", *"app-01", "enter")
            assert "logs/app-01.log.gz" in left(pilot)[1]
            assert drawn(pilot)[0].startswith("╭─ found app-01 in ~/data")
            await press(pilot, key)
            assert "logs/" in left(pilot)[1] and "app-01" not in text(pilot)


async def test_marks_of_everything_found_are_copied_one_by_one_and_never_as_the_place() -> None:
    manager = example.example_manager()
    manager.browser.folders["/home/ann/data/logs/"] = [Entry(f"app-{n}", 1) for n in range(1200)]
    async with running(manager) as pilot:
        await press(pilot, "f", *"app", "enter")
        await press(pilot, "a")
        request = main(pilot)._request(main(pilot).pane, example.THERE, move=False)
        assert isinstance(request, TransferRequest) and len(request.sources) == 1200


async def test_a_search_under_way_says_how_far_it_is_and_escape_stops_it() -> None:
    manager = long_listing()
    async with running(manager, size=(132, 36)) as pilot:
        await press(pilot, "tab")
        manager.browser.hold = True
        await pilot.press("f", *"2026", "enter")
        manager.browser.release(1)
        await until(pilot, lambda: "scanned, Esc stops" in text(pilot))
        await pilot.press("escape")
        await until(pilot, lambda: "Esc stops" not in text(pilot))
        assert "2026-" in right(pilot)[3], "what was found is gone"


async def test_a_filter_says_how_many_match_while_names_still_come_and_escape_stops_first() -> None:
    manager = long_listing()
    async with running(manager, size=(132, 36)) as pilot:
        manager.browser.hold = True
        await pilot.press("tab")
        main(pilot).right.go(example.THERE)
        manager.browser.release(1)
        await pilot.press("slash", *"24-")
        await until(pilot, lambda: "scanned, Esc stops" in text(pilot))
        await pilot.press("escape")
        await until(pilot, lambda: "scanned, Esc stops" not in text(pilot))
        assert main(pilot).right.model.filter == "24-", "the first Esc gave up the filter"
        assert "matched " in text(pilot)
        await pilot.press("escape")
        await until(pilot, lambda: main(pilot).right.model.filter == "")


async def test_a_filter_that_begins_with_a_name_is_left_to_the_server() -> None:
    manager = long_listing()
    async with running(manager) as pilot:
        browser = manager.browser
        browser.hold = True
        asked: list[str] = []
        listed = browser.list

        def listing(*args: object, starting: str = "", **options: object) -> object:
            asked.append(starting)
            return listed(*args, **options)

        browser.list = listing
        pane = main(pilot).right
        pane.go(example.THERE)
        browser.release(2)
        await until(pilot, lambda: pane.scanned >= 1000)
        pane.set_filter("2026-*")
        assert asked == ["", "2026"]
        pane.set_filter("2026-0*")
        assert asked == ["", "2026"], "it was asked for again at each key"
        browser.release(9)
        await until(pilot, lambda: not pane.is_reading and len(pane.model) > 0)
        await press(pilot, "tab", "j", "space")
        marked = pane.model.marked_tokens()
        browser.hold = False
        pane.set_filter("")
        assert asked == ["", "2026", ""], "what the server left out stays away"
        await until(pilot, lambda: not pane.is_reading)
        assert pane.model.marked_tokens() == marked != set(), "the mark is lost"


async def test_the_size_of_a_folder_is_added_up_and_counts_among_the_marks() -> None:
    manager = example.example_manager()
    manager.browser.values["count"] = CountProgress(59, 1_888_485_376)
    async with running(manager) as pilot:
        await press(pilot, "j", "S")
        await until(pilot, lambda: "logs/: 59 files, 1.8 GiB" in text(pilot))
        row = next(line for line in left(pilot) if "logs/" in line)
        assert "1.8G" in row
        await press(pilot, "escape", "space")
        assert "1 marked, 1.8 GiB" in text(pilot)


async def test_a_long_count_says_how_far_it_is_and_escape_stops_it() -> None:
    manager = example.example_manager()
    manager.browser.unfinished.add("count")
    async with running(manager) as pilot:
        await pilot.press("j", "S")
        await until(pilot, lambda: "so far, counting…  (Esc stops)" in text(pilot))
        await pilot.press("escape")
        await until(pilot, lambda: "counting…" not in text(pilot))
        assert engine(pilot).browser.asked[-1][0] == "count"


@pytest.mark.parametrize(
    ("typed", "wanted"),
    [
        ("*.log >100M <7d", Wanted("*.log", least=100 * 1024 * 1024, since=1e9 - 7 * 86_400)),
        ("my report <=2w", Wanted("my report", since=1e9 - 14 * 86_400)),
        (">1y", Wanted(until=1e9 - 365 * 86_400)),
    ],
)
def test_what_is_typed_is_understood(typed: str, wanted: Wanted) -> None:
    assert parse_find(typed, 1e9) == wanted


@pytest.mark.parametrize("typed", ["", "  ", ">", ">big", "<7x"])
def test_what_is_not_understood_says_what_is_expected(typed: str) -> None:
    assert problem_of(typed)
