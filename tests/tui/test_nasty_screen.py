"""No name, key or server message breaks the screen or reaches the terminal as anything but text."""

from __future__ import annotations

import pytest

from engine import (
    Details,
    EntryKind,
    Event,
    LocalRef,
    Location,
    ObjectRef,
    Problem,
    Profile,
    Question,
    Waiting,
)
from tests.tui import example, nasty
from tests.tui.drive import assert_harmless, drawn, engine, left, main, press, running, settled, text, until
from tests.tui.fake_browser import Entry, FakeBrowser, bucket, folder
from tests.tui.fake_engine import FakeManager

NAMES = [name.replace("/", "∕") for name in nasty.ALL]
"""A name in a listing has no slash; keys in the queue have theirs."""


def nasty_manager() -> FakeManager:
    """The vectors wherever a string from outside can stand."""
    rows = [Entry(name, n, example.NOW) for n, name in enumerate(NAMES)]
    rows += [folder(name) for name in NAMES]
    browser = FakeBrowser(
        {
            "/home/ann/data/": rows,
            "s3://": [bucket(name) for name in NAMES],
            **{f"/home/ann/data/{name}/": [Entry("x")] for name in NAMES},
        }
    )
    browser.values["details"] = Details(
        EntryKind.FILE, metadata=tuple(zip(nasty.ALL, nasty.ALL, strict=True))
    )
    manager = FakeManager(browser, [Profile(name, region=name) for name in nasty.TERM[:5]])
    S = example.S
    for name in nasty.ALL:
        problem = Problem(name, name, name, True, "access-denied", name)
        facts = {"source": f"/data/{name}", "target": f"s3://b/{name}", "note": name}
        manager.add(name, S.FAILED, problem=problem, **facts)
        manager.add(name, S.WAITING, waiting=Waiting("retry", name, 3.0, 1, 8), **facts)
        manager.add(name, S.ATTENTION, question=Question("target-exists", name, ("skip",)), **facts)
        manager.add(name, S.RUNNING, bytes_per_second=1e6, eta=3.0, **facts)
    return manager


def there() -> Location:
    return Location(ObjectRef(""), Profile(nasty.TERM[0], region=nasty.TERM[0]).connection_id)


@pytest.mark.fault(60)
async def test_every_row_of_panes_and_queue_is_harmless_and_exactly_wide() -> None:
    async with running(nasty_manager(), right=there()) as pilot:
        for focus in ("", "tab", "w"):
            if focus:
                await press(pilot, focus)
            for _ in range(12):
                assert_harmless(pilot)
                await press(pilot, "pagedown")


@pytest.mark.parametrize("size", [(40, 12), (120, 40), (200, 50)])
async def test_at_any_width(size: tuple[int, int]) -> None:
    async with running(nasty_manager(), right=there(), size=size) as pilot:
        assert_harmless(pilot)
        await press(pilot, "w", "G")
        assert_harmless(pilot)


async def test_titles_of_nasty_folders_are_harmless() -> None:
    async with running(nasty_manager(), right=there()) as pilot:
        for name in NAMES:
            main(pilot).left.go(Location(LocalRef(f"/home/ann/data/{name}/")))
            await settled(pilot)
            assert_harmless(pilot)
            assert left(pilot)[1].startswith(" x")


@pytest.mark.parametrize("name", NAMES)
async def test_messages_of_servers_are_harmless(name: str) -> None:
    browser = FakeBrowser({"s3://": Problem(name, name, name, True, "offline", name), "/home/ann/data/": []})
    async with running(FakeManager(browser, [example.PROD]), right=Location(ObjectRef(""))) as pilot:
        assert_harmless(pilot)
        assert "Not reachable" in text(pilot)


async def test_notices_of_nasty_events_are_harmless() -> None:
    manager = nasty_manager()
    manager.events = [Event("failed", row) for row in manager.rows[:1]]
    manager.events += [Event("refused", None, text=name) for name in nasty.ALL]
    async with running(manager, right=there()) as pilot:
        await until(pilot, lambda: bool(pilot.app._notifications))
        await pilot.pause()
        assert_harmless(pilot)


async def test_questions_about_nasty_rows_are_harmless_and_act_on_the_true_name() -> None:
    async with running(nasty_manager(), right=there()) as pilot:
        await press(pilot, "G", "k", "k")
        row = main(pilot).left.list.current
        assert row is not None
        for key in ("d", "r", "i", "plus", "colon", "e"):
            await press(pilot, key)
            assert len(pilot.app.screen_stack) == 3, key
            assert_harmless(pilot)
            await press(pilot, "escape")
        await press(pilot, "d", "y")
        await until(pilot, lambda: bool(engine(pilot).submitted))
        assert str(engine(pilot).submitted[0].targets[0]) == f"/home/ann/data/{row.name}"  # type: ignore[union-attr]


async def test_a_filter_of_markup_is_only_text() -> None:
    async with running(nasty_manager(), right=there()) as pilot:
        await press(pilot, "slash", "left_square_bracket", "b")
        assert "[bold]x" in text(pilot)
        assert f"4 of {2 * len(NAMES)}" in drawn(pilot)[13]
