"""Plan before bulk: what is shown, what can be decided, and that just what was chosen is asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from engine import (
    Answer,
    Condition,
    ConflictPolicy,
    LocalRef,
    Plan,
    PlanChoice,
    PlanClass,
    Problem,
    Token,
    TransferOptions,
    TransferRequest,
    UsageError,
)
from engine.planning import plan as plans
from tests.tui import example, nasty
from tests.tui.drive import Driver, assert_harmless, drawn, engine, main, press, running, text, told, until
from tests.tui.fake_browser import GIB, Entry, FakeBrowser
from tests.tui.fake_engine import MIB, FakeManager
from tests.tui.fake_plan import plan_of, with_copies
from tui.screens.plan import PlanScreen

C, P = PlanClass, ConflictPolicy
LOGS_AND_DUMPS = ("j", "space", *("j" * 4), "space", "space", "c")
"""A folder, a file that is new and one that is not."""


def idle() -> FakeManager:
    return with_copies(FakeManager(example.example_browser(), [example.PROD]))


async def planned(pilot: Driver, *keys: str) -> PlanScreen:
    await press(pilot, *keys)
    await until(pilot, lambda: isinstance(pilot.app.screen, PlanScreen))
    screen = pilot.app.screen
    assert isinstance(screen, PlanScreen)
    return screen


def shown(pilot: Driver) -> list[str]:
    """The upper frame, without its sides."""
    lines = drawn(pilot)
    end = next(n for n, line in enumerate(lines) if line.startswith("╰"))
    return [line.strip("│").strip() for line in lines[1:end]]


def items(pilot: Driver) -> list[str]:
    """The lower frame, without its sides and blank lines."""
    lines = drawn(pilot)
    begin = next(n for n, line in enumerate(lines) if line.startswith("╰")) + 2
    return [line.strip("│▐").rstrip("│▐ ") for line in lines[begin:-2] if line.strip("│ ")]


def started(pilot: Driver) -> tuple[dict[str, ConflictPolicy], PlanChoice]:
    """The items that were asked for, by name, each with its policy; and the choice."""
    (found,) = engine(pilot).plans
    plan, choice = found
    specs = plan.chosen(choice)
    return {str(each.source).rpartition("/")[2]: each.options.on_conflict for each in specs}, choice


async def test_a_plan_says_of_each_class_how_much_it_is_and_what_is_done_with_it() -> None:
    manager = idle()
    manager.upload_limit = 10 * MIB
    async with running(manager) as pilot:
        await planned(pilot, *LOGS_AND_DUMPS)
        assert shown(pilot) == [
            "62 items, 62.4 GiB, all looked at and compared",
            "",
            "What                  Items     Size   Then",
            "+ new                      21    12.8G   copy",
            "≠ differs                   5    48.2G   replace if newer",
            "= identical                35     1.4G   skip · by checksum",
            "! cannot be copied          1     512B   left out: 1 bad name",
            "",
            "Copies at most 26 items, 61.0 GiB, with about 7,854 requests",
            "Takes about 1h44m at the limit of 10.0 MiB/s",
        ]
        assert "Copy 3 items → s3://backups/2026/" in drawn(pilot)[0]
        assert not engine(pilot).plans and not engine(pilot).submitted


async def test_the_items_of_the_class_under_the_cursor_stand_below_with_both_sides() -> None:
    async with running(idle()) as pilot:
        await planned(pilot, *LOGS_AND_DUMPS, "j")
        assert items(pilot) == [
            "    Name                                   Source          There  differs in",
            "[x] logs/app-21.log.gz              21.0M Nov 23   21.0M Nov 23▴  size -4.0K",
            "[x] logs/app-22.log.gz              22.0M Nov 23   22.0M Nov 23▴  size -4.0K",
            "[x] logs/app-23.log.gz              23.0M Nov 23   23.0M Nov 23▴  size -4.0K",
            "[x] logs/app-24.log.gz              24.0M Nov 23   24.0M Nov 23▴  size -4.0K",
            "[x] dump.tar                        48.1G Nov 20▴  41.0G Nov 19   size +7.1G",
        ]
        await press(pilot, "j")
        assert items(pilot)[1].startswith("[ ] logs/app-25.log.gz")
        assert items(pilot)[1].endswith("checksum")
        await press(pilot, "j")
        assert items(pilot)[1].startswith("    logs/bad\\xff.log")
        assert "its name is not valid UTF-8" in items(pilot)[1]


@pytest.mark.parametrize(
    ("key", "words", "policy"),
    [
        ("o", "overwrite", P.OVERWRITE),
        ("n", "replace if newer", P.NEWER),
        ("r", "copy beside it: name (2)", P.RENAME),
        ("e", "ask about each, in the queue", P.ASK),
        ("s", "skip", None),
    ],
)
async def test_what_differs_is_decided_by_key_for_the_whole_operation(
    key: str, words: str, policy: ConflictPolicy | None
) -> None:
    async with running(idle()) as pilot:
        await planned(pilot, *LOGS_AND_DUMPS, "j", key)
        assert shown(pilot)[4].endswith(f"48.2G   {words}")
        await press(pilot, "enter")
        chosen, choice = started(pilot)
        assert choice.differs is policy
        assert chosen.get("dump.tar") is policy
        assert chosen["db-2026-11-23.dump.zst"] is P.ASK, "what appears there meanwhile is asked about"
        assert "app-59.log.gz" not in chosen, "the same is there already"


async def test_space_goes_through_what_can_be_done_with_a_class() -> None:
    async with running(idle()) as pilot:
        await planned(pilot, *LOGS_AND_DUMPS)
        assert "c Copy  s Skip" in drawn(pilot)[-1]
        await press(pilot, "space")
        assert shown(pilot)[3].endswith("12.8G   skip")
        await press(pilot, "j", "j", "space")
        assert shown(pilot)[5].endswith("copy again · by checksum")
        await press(pilot, "enter")
        chosen, _ = started(pilot)
        assert set(chosen) == {f"app-{n}.log.gz" for n in range(21, 60)} | {"dump.tar"}


async def test_single_items_are_unticked_and_only_the_others_are_asked_for() -> None:
    async with running(idle()) as pilot:
        await planned(pilot, *LOGS_AND_DUMPS, "j", "tab", "space", "space")
        assert [line[:3] for line in items(pilot)[1:]] == ["[ ]", "[ ]", "[x]", "[x]", "[x]"]
        assert shown(pilot)[4].endswith("replace if newer · 2 unticked")
        assert "Copies at most 24 items" in text(pilot)
        await press(pilot, "A", "g", "space", "enter", "enter")
        chosen, _ = started(pilot)
        assert {name for name in chosen if name > "app-20"} >= {"app-21.log.gz"}
        assert "app-22.log.gz" not in chosen and "dump.tar" not in chosen
        assert told(pilot) == ["Queued 22 items → s3://backups/2026/"]
        assert main(pilot).left.model.marked_count == 0


async def test_esc_in_the_items_goes_back_to_the_classes_with_what_was_unticked() -> None:
    async with running(idle()) as pilot:
        await planned(pilot, *LOGS_AND_DUMPS, "j", "tab", "space")
        assert drawn(pilot)[-1].endswith("Esc Back")
        await press(pilot, "escape")
        assert isinstance(pilot.app.screen, PlanScreen)
        assert drawn(pilot)[-1].endswith("Esc Cancel")
        assert shown(pilot)[4].endswith("replace if newer · 1 unticked")


async def test_esc_changes_nothing() -> None:
    async with running(idle()) as pilot:
        await planned(pilot, *LOGS_AND_DUMPS, "j", "o")
        await press(pilot, "escape")
        assert not isinstance(pilot.app.screen, PlanScreen)
        assert engine(pilot).plans == []
        assert main(pilot).left.model.marked_count == 3


async def test_of_a_move_the_source_of_what_is_there_already_goes_too() -> None:
    async with running(idle()) as pilot:
        await planned(pilot, *LOGS_AND_DUMPS[:-1], "m")
        assert "A source is deleted only after its copy is verified." in text(pilot)
        assert shown(pilot)[5].endswith("remove the source · by checksum")
        await press(pilot, "enter")
        _, choice = started(pilot)
        assert choice.same is P.SKIP
        assert engine(pilot).plans[0][0].request.options.move


async def test_what_the_settings_say_is_what_is_proposed() -> None:
    for policy, words in ((P.SKIP, "skip"), (P.DIFFERS, "overwrite"), (P.ASK, "replace if newer")):
        async with running(idle(), options=TransferOptions(on_conflict=policy)) as pilot:
            await planned(pilot, *LOGS_AND_DUMPS)
            assert shown(pilot)[4].endswith(f"48.2G   {words}")


@pytest.mark.parametrize(
    ("prepare", "keys", "is_asked"),
    [
        (lambda folders: None, "j" * 8, False),
        (lambda folders: None, "j" * 7, True),  # dump.tar: large, and it is there
        (lambda folders: None, "j", True),  # a folder
        (lambda folders: folders["s3://backups/2026/"].append(Entry("notes.txt", 5)), "j" * 9, True),
    ],
)
async def test_only_a_small_copy_without_conflict_does_not_ask(
    prepare: Callable[[Any], None], keys: str, is_asked: bool
) -> None:
    manager = idle()
    prepare(manager.browser.folders)
    async with running(manager) as pilot:
        await press(pilot, *keys, "c")
        await pilot.pause()
        assert isinstance(pilot.app.screen, PlanScreen) is is_asked
        assert bool(engine(pilot).submitted) is not is_asked


class Growing(FakeBrowser):
    """A plan that is not through yet."""

    plan: Plan
    done = False
    problem: Problem | None = None
    cancelled = False
    token = Token(-1)

    def plan_ahead(self, request: TransferRequest, *, extras: bool = False) -> Token:
        self.plan = Plan(request)
        return self.token

    def answer(self, token: Token) -> Answer:
        if token != self.token:
            return super().answer(token)
        return Answer(self.done, self.plan, self.problem)

    def cancel(self, token: Token) -> None:
        self.cancelled |= token == self.token
        super().cancel(token)


def growing() -> tuple[FakeManager, Growing]:
    browser = Growing(example.example_browser().folders)
    return FakeManager(browser, [example.PROD]), browser


async def test_counts_grow_while_it_is_looked_and_enter_waits_for_the_end() -> None:
    manager, browser = growing()
    async with running(manager) as pilot:
        await planned(pilot, "j", "c")
        full = plan_of(browser.folders, browser.plan.request)
        rows = full.rows(C.NEW, 0, 59)
        for row in rows[:10]:
            browser.plan.add(row.spec, C.NEW)
        await until(pilot, lambda: "Looking… 10 items, 55 MiB so far · Esc stops" in text(pilot))
        for row in rows[10:20]:
            browser.plan.add(row.spec, C.UNTESTED)
        await until(pilot, lambda: "Looking… 20 items, 210 MiB so far" in text(pilot))
        await press(pilot, "enter")
        assert told(pilot) == ["Still looking: Enter starts when everything is found"]
        browser.plan.end_scan()
        await until(pilot, lambda: "20 items, 210 MiB · comparing, 10 to go" in text(pilot))
        assert "? not compared yet         10" in text(pilot)
        spec = browser.plan.next_untested()
        assert spec is not None
        browser.plan.settle(spec, C.DIFFERS, "content")
        await until(pilot, lambda: "comparing, 9 to go" in text(pilot))
        await press(pilot, "enter")
        assert browser.cancelled, "what is not compared yet is compared in its turn"
        chosen, _ = started(pilot)
        assert len(chosen) == 20


async def test_esc_stops_looking() -> None:
    manager, browser = growing()
    async with running(manager) as pilot:
        await planned(pilot, "j", "c")
        await press(pilot, "escape")
        await until(pilot, lambda: browser.cancelled)
        assert not engine(pilot).plans and not engine(pilot).submitted


async def test_why_nothing_can_be_planned_is_said_and_nothing_starts() -> None:
    manager, browser = growing()
    browser.problem = Problem("list s3://backups/2026/", "access is denied", "Ask for it.", True)
    browser.done = True
    async with running(manager) as pilot:
        await planned(pilot, "j", "c")
        assert "list s3://backups/2026/: access is denied. Ask for it." in text(pilot)
        await press(pilot, "enter")
        assert isinstance(pilot.app.screen, PlanScreen)
        assert engine(pilot).plans == []


async def test_a_plan_that_is_too_long_is_decided_by_rules_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plans, "MOST_PLANNED", 20)
    async with running(idle()) as pilot:
        await planned(pilot, *LOGS_AND_DUMPS)
        assert "too many to list: each is compared in its turn" in text(pilot)
        assert "Too many to list: what is decided above goes for all of them." in text(pilot)
        await press(pilot, "space")
        assert shown(pilot)[3].endswith("copy"), "what is new cannot be left out without its names"
        await press(pilot, "j", "o", "enter")
        assert engine(pilot).plans[0][1].differs is P.OVERWRITE


async def test_what_the_engine_refuses_is_told_and_keeps_the_marks() -> None:
    manager = idle()
    manager.refuse = UsageError("prod is read-only")
    async with running(manager) as pilot:
        await planned(pilot, *LOGS_AND_DUMPS)
        await press(pilot, "enter")
        await until(pilot, lambda: told(pilot) == ["prod is read-only"])
        assert main(pilot).left.model.marked_count == 3


@pytest.mark.parametrize("keys", [LOGS_AND_DUMPS, (*("j" * 8), "c")])
async def test_what_cannot_be_saved_is_told_and_the_screen_stays(keys: tuple[str, ...]) -> None:
    manager = idle()
    manager.refuse = Condition("state-unsaved", ("state", "/state"), operation="save", detail="no space")
    async with running(manager) as pilot:
        await press(pilot, *keys)
        if keys is LOGS_AND_DUMPS:
            await press(pilot, "enter")
        await until(pilot, lambda: "progress cannot be saved" in " ".join(told(pilot)))
        assert "c Copy" in drawn(pilot)[-1]


async def test_where_nothing_is_left_to_do_enter_says_so() -> None:
    async with running(idle()) as pilot:
        await planned(pilot, *LOGS_AND_DUMPS, "s", "j", "s")
        assert "Nothing is copied" in text(pilot)
        await press(pilot, "enter")
        assert told(pilot) == ["Nothing is left to do. Esc goes back"]
        assert isinstance(pilot.app.screen, PlanScreen)


async def test_no_name_is_anything_but_text() -> None:
    manager = idle()
    here = "/home/ann/data/logs/"
    manager.browser.folders[here] = [
        Entry(name, 5 * GIB, example.NOW) for name in nasty.ALL if "/" not in name
    ]
    manager.browser.folders["s3://backups/2026/logs/"] = [
        Entry(name, 7, example.NOW) for name in nasty.ALL if "/" not in name
    ]
    for size in ((80, 24), (132, 40), (60, 20)):
        async with running(manager, size=size) as pilot:
            await planned(pilot, "j", "c")
            assert_harmless(pilot)
            for keys in (("j",), ("tab", "space"), ("G",), ("tab", "j")):
                await press(pilot, *keys)
                assert_harmless(pilot)


async def test_a_plan_of_a_download_names_items_below_the_folder() -> None:
    async with running(idle()) as pilot:
        await press(pilot, "tab")
        await planned(pilot, *("j" * 3), "c")
        assert "Copy dump.tar → /home/ann/data/" in drawn(pilot)[0]
        assert LocalRef("/home/ann/data/") == engine(pilot).browser.asked[-1][1][0].target
        await press(pilot, "j")
        assert items(pilot)[1].startswith("[x] dump.tar ")
