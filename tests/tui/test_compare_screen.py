"""Comparing both panes: what is marked where, how it is summed up, and what can be done about it."""

from __future__ import annotations

import pytest

from engine import ConflictPolicy, DeleteRequest, LocalRef, Location, ObjectRef, Plan, PlanClass, Problem
from engine.planning import plan as plans
from tests.tui import example
from tests.tui.drive import Driver, drawn, engine, left, main, press, right, running, text, told, until
from tests.tui.fake_engine import FakeManager
from tests.tui.fake_plan import plan_of, with_copies
from tests.tui.test_plan_screen import Growing, shown
from tui.screens.plan import PlanScreen

C = PlanClass


def idle() -> FakeManager:
    return with_copies(FakeManager(example.example_browser(), [example.PROD]))


async def compared(pilot: Driver) -> None:
    await press(pilot, "equals_sign")
    await until(pilot, lambda: "= more" in text(pilot))


def line(pilot: Driver) -> str:
    """The line below the panes."""
    return drawn(pilot)[13].strip()


async def test_both_panes_say_of_each_row_how_it_stands() -> None:
    async with running(idle()) as pilot:
        await compared(pilot)
        assert [row[:8] for row in left(pilot)[1:8]] == [
            " ≠ logs/",
            "   photo",
            "   vm-im",
            " < READM",
            " < db-20",
            " < db-20",
            " ≠ dump.",
        ]
        assert [row[:10].rstrip() for row in right(pilot)[1:]] == [
            "   db/",
            "   novembe",
            " ≠ dump.ta",
            " > logs-20",
            " > manifes",
            *[""] * 5,
        ]
        assert line(pilot) == "= 35 equal  ≠ 5 differ  < 27 left  > 3 right  ! 1 bad         = more  Esc ends"


async def test_the_marks_go_along_into_folders_and_are_gone_elsewhere() -> None:
    async with running(idle()) as pilot:
        await compared(pilot)
        await press(pilot, "j", "enter")
        assert left(pilot)[1].startswith(" < app-01.log.gz")
        assert left(pilot)[10].startswith(" < app-10.log.gz")
        main(pilot).left.list.action_cursor_last()
        assert left(pilot)[-1].startswith(" ! bad\\xff.log")
        assert left(pilot)[-2].startswith(" = app-59.log.gz")
        await press(pilot, "h", "h")
        assert left(pilot)[1].startswith("   data/"), "that is not below what was compared"


async def test_esc_ends_it_after_all_else_that_esc_goes_back_from() -> None:
    async with running(idle()) as pilot:
        await compared(pilot)
        await press(pilot, "j", "space", "escape")
        assert main(pilot).left.model.marked_count == 0
        assert "Esc ends" in text(pilot)
        await press(pilot, "escape")
        assert "Esc ends" not in text(pilot)
        assert left(pilot)[1].startswith(" logs/")


async def test_only_what_is_certain_is_marked_while_it_is_compared_and_esc_stops() -> None:
    browser = Growing(example.example_browser().folders)
    async with running(FakeManager(browser, [example.PROD])) as pilot:
        await press(pilot, "equals_sign")
        full = plan_of(browser.folders, browser.plan.request, extras=True)
        (dump,) = full.rows(C.DIFFERS)
        browser.plan.add(dump.spec, C.DIFFERS, "size")
        for row in full.rows(C.NEW)[:10]:
            browser.plan.add(row.spec, C.NEW)
        await until(pilot, lambda: "Comparing…  ≠ 1 differ  < 10 only left" in line(pilot))
        assert left(pilot)[7].startswith(" ≠ dump.tar")
        assert left(pilot)[1].startswith("   logs/"), "of a folder not all is known"
        assert line(pilot).endswith("Esc stops")
        await press(pilot, "escape")
        await until(pilot, lambda: browser.cancelled)
        assert "Not complete: it was stopped" in line(pilot)
        assert left(pilot)[7].startswith(" ≠ dump.tar")


@pytest.mark.parametrize(
    ("there", "why"),
    [
        (Location(ObjectRef(""), example.PROD.connection_id), "Open a bucket in each S3 pane first"),
        (Location(LocalRef("/home/ann/")), "Both panes are on this disk"),
        (None, "A pane shows no place yet"),
    ],
)
async def test_what_cannot_be_compared_says_why(there: Location | None, why: str) -> None:
    async with running(idle(), right=there) as pilot:
        await press(pilot, "equals_sign")
        assert told(pilot)[0].startswith(why)


async def test_a_side_that_cannot_be_read_is_told() -> None:
    browser = Growing(example.example_browser().folders)
    browser.done, browser.problem = True, Problem("list s3://backups/", "access is denied", "", True)
    async with running(FakeManager(browser, [example.PROD])) as pilot:
        await press(pilot, "equals_sign")
        await until(pilot, lambda: told(pilot) == ["list s3://backups/: access is denied"])
        assert "Esc" not in line(pilot)


async def test_too_many_are_counted_and_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plans, "MOST_PLANNED", 20)
    async with running(idle()) as pilot:
        await compared(pilot)
        assert line(pilot).startswith("Too many to be marked:")


async def test_what_is_unequal_is_marked_to_be_copied_by_hand() -> None:
    async with running(idle()) as pilot:
        await compared(pilot)
        await press(pilot, "equals_sign")
        assert "= 35 equal by checksum" in text(pilot) and "/home/ann/data/" in text(pilot)
        await press(pilot, "m")
        await until(pilot, lambda: told(pilot) == ["Marked 9 items"])
        names = {row.name for row in main(pilot).left.model.marked()}
        assert {"logs", "dump.tar", "README.md"} <= names and "photos" not in names


async def test_one_side_is_made_like_the_other_by_a_plan_that_deletes_nothing_at_first() -> None:
    async with running(idle()) as pilot:
        await compared(pilot)
        await press(pilot, "equals_sign", "r")
        await until(pilot, lambda: isinstance(pilot.app.screen, PlanScreen))
        assert "Make the right like the left → s3://backups/2026/" in drawn(pilot)[0]
        assert shown(pilot)[-6:] == [
            "─" * 76,
            "- only there                3     7.7G   keep",
            "",
            "Copies 32 items, 76.5 GiB, with about 9,846 requests",
            "Deletes nothing",
            "How long it takes is not known: nothing is moving, and no limit is set",
        ]
        assert shown(pilot)[4].endswith("overwrite")
        await press(pilot, "enter")
        await until(pilot, lambda: bool(engine(pilot).plans))
        assert engine(pilot).submitted == []
        assert engine(pilot).plans[0][1].differs is ConflictPolicy.OVERWRITE
        assert "Esc ends" not in text(pilot), "what was compared is not so any more"


async def test_what_is_ticked_to_be_deleted_is_asked_about_once_more() -> None:
    async with running(idle()) as pilot:
        await compared(pilot)
        await press(pilot, "equals_sign", "r")
        await until(pilot, lambda: isinstance(pilot.app.screen, PlanScreen))
        await press(pilot, "G", "space", "tab", "space", "tab")
        assert shown(pilot)[8].endswith("delete 2 of 3")
        assert shown(pilot)[-2] == "Deletes 2 items, 7.0 MiB in s3://backups/2026/; asks once more"
        await press(pilot, "enter")
        assert "Delete 2 items too?" in text(pilot)
        await press(pilot, "enter")
        assert isinstance(pilot.app.screen, PlanScreen), "the safe answer changes nothing"
        assert not engine(pilot).plans and not engine(pilot).submitted
        await press(pilot, "enter", "y")
        await until(pilot, lambda: bool(engine(pilot).submitted))
        (deleted,) = engine(pilot).submitted
        assert isinstance(deleted, DeleteRequest)
        assert len(deleted.targets) == 2
        assert len(engine(pilot).plans) == 1


@pytest.mark.parametrize("size", [(50, 16), (60, 20), (80, 24)])
async def test_on_small_screens_too_what_is_deleted_and_the_keys_are_seen(size: tuple[int, int]) -> None:
    async with running(idle(), size=size) as pilot:
        await compared(pilot)
        await press(pilot, "equals_sign", "r")
        await until(pilot, lambda: isinstance(pilot.app.screen, PlanScreen))
        await press(pilot, "G", "space")
        assert "delete 3 of 3" in text(pilot) and "Deletes 3 items" in text(pilot)
        assert [hint in text(pilot) for hint in ("Enter Start", "Tab Items", "Esc Cancel")] == [True] * 3
        await press(pilot, "tab")
        assert "[x] logs/app-2025.log.gz" in text(pilot)


async def test_the_other_way_round_the_left_gets_what_the_right_has() -> None:
    async with running(idle()) as pilot:
        await compared(pilot)
        await press(pilot, "equals_sign", "l")
        await until(pilot, lambda: isinstance(pilot.app.screen, PlanScreen))
        request, extras = engine(pilot).browser.asked[-1][1]
        assert extras
        assert request.sources == (ObjectRef("backups", "2026/"),)
        assert request.target == LocalRef("/home/ann/data/")
        assert not request.under_base_name and not request.options.move


async def test_a_read_only_profile_is_compared_too_but_never_by_a_plan_to_write_there() -> None:
    reading = example.PROD.__class__("prod", region="eu-west-1", read_only=True)
    manager = with_copies(FakeManager(example.example_browser(), [reading]))
    async with running(
        manager, right=Location(ObjectRef("backups", "2026/"), reading.connection_id)
    ) as pilot:
        await compared(pilot)
        request, _ = engine(pilot).browser.asked[-1][1]
        assert request.target == LocalRef("/home/ann/data/")
        assert left(pilot)[7].startswith(" ≠ dump.tar")
        assert "< 28 only left  > 3 only right" in line(pilot)


async def test_a_plan_is_not_needed_to_know_that_both_are_the_same() -> None:
    manager = idle()
    folders = manager.browser.folders
    here = Location(LocalRef("/home/ann/data/logs/"))
    there = Location(ObjectRef("backups", "2026/logs/"), example.PROD.connection_id)
    folders["/home/ann/data/logs/"] = folders["s3://backups/2026/logs/"]
    async with running(manager, left=here, right=there) as pilot:
        await compared(pilot)
        assert line(pilot).startswith("Both sides are the same:  = 40 equal")
        assert isinstance(plan_of(folders, engine(pilot).browser.asked[-1][1][0]), Plan)
