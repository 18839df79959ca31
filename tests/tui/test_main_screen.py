"""The whole screen as drawn, and how it behaves as a whole."""

from __future__ import annotations

import pytest
from textual import events
from textual.strip import Strip

from engine import Health, Location, ObjectRef, UsageError
from tests.tui import example
from tests.tui.drive import drawn, engine, left, main, press, queue, running, settled, text, until
from tests.tui.fake_browser import FakeBrowser
from tests.tui.fake_engine import FakeManager

SCREEN = """\
╭─ ~/data ─────────────────────────────╮╭─ s3://backups/2026/ · prod ──────────╮
│ ..                                   ││ ..                                   │
│ logs/                         10:00  ││ db/                                  │
│ photos/                       Oct 24 ││ november/                            │
│ vm-images/                    May  7 ││ dump.tar               41.0G  Nov 19 │
│ README.md               2.3K  2025   ││ logs-2026-10.tgz        7.7G  Oct 31 │
│ db-2026-11-22…mp.zst   12.4G  Nov 22 ││ manifest.json          13.9K  11:00  │
│ db-2026-11-23…mp.zst   12.6G  Nov 23 ││                                      │
│ dump.tar               48.1G  Nov 20 ││                                      │
│ invoice 2026 …l).pdf    311K  Nov 11 ││                                      │
│ notes.txt                 0B  11:50  ││                                      │
│ report[1].csv          84.3M  Nov 20 ││                                      │
│ 研究データ.parquet      3.0G  Oct 14 ││                                      │
╰────────────── 11 items · 91.0G free ─╯╰──────────────────────────── 5 items ─╯
╭─ queue 12 · running 2 · waiting 1 · asking 1 · paused 1 · failed 1 · done 5 ─╮
│ ▲ dump.tar              RUN     38%  92.1M/s     5m  → s3://backu…6/dump.tar▐│
│ ▼ logs-2026-10.tgz      RUN     71%  12.3M/s  3m03s  → ~/data/log…026-10.tgz▐│
│ ▲ db-2026-11-22…mp.zst  WAIT    70%  retry 2/8 in 12s (503 SlowDown)        ▐│
│ ▲ report[1].csv         ASKS         the target exists and is younger (a an… │
│ ▲ db-2026-11-23…mp.zst  PAUSED  24%  3.1G of 12.6G   → s3://backu…3.dump.zst │
│ ▲ 研究データ.parquet    QUEUED       3.0G            → s3://backu…タ.parquet │
╰──────────────────────────────────────────────────────────────────────────────╯
 █▄▂▅▇████ 104 MiB/s ↑92.1 ↓12.3 · 35.7/83.9 GiB · 42% · ETA 7m · limit off
 c Copy →  Space Mark  / Filter  w Queue  m Move →  d Delete    ? Help  q Quit"""


async def test_the_whole_screen_at_80_by_24() -> None:
    async with running() as pilot:
        await settled(pilot)
        assert text(pilot) == SCREEN


@pytest.mark.parametrize("size", [(200, 50), (120, 30), (60, 18), (40, 12), (30, 9)])
async def test_every_size_has_its_panes_queue_totals_and_keys(size: tuple[int, int]) -> None:
    async with running(size=size) as pilot:
        lines = drawn(pilot)
        assert len(lines) == size[1]
        assert "~/data" in lines[0]
        assert any("queue" in line for line in lines)
        assert "? Help" in lines[-1]


async def test_a_resize_in_the_middle_of_work_keeps_cursor_and_rows() -> None:
    async with running() as pilot:
        await press(pilot, "j", "j", "j")
        for size in ((30, 10), (200, 50), (80, 24)):
            await pilot.resize_terminal(*size)
            await settled(pilot)
        assert main(pilot).left.list.cursor == 3
        assert "vm-images/" in left(pilot)[3]


async def test_no_theme_breaks_it() -> None:
    async with running() as pilot:
        for theme in list(pilot.app.available_themes):
            pilot.app.theme = theme
            await pilot.pause()
        pilot.app.theme = "dark"
        await pilot.pause()
        assert text(pilot) == SCREEN


@pytest.mark.parametrize("theme", ["textual-dark", "ansi-dark"])
async def test_without_colour_the_cursor_is_reversed_and_states_are_words(
    theme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with running(theme=theme) as pilot:
        await press(pilot, "j")
        table = main(pilot).left.list
        assert all(segment.style and segment.style.reverse for segment in table.render_line(1)._segments)
        assert not any(segment.style and segment.style.reverse for segment in table.render_line(2)._segments)
        words = [line.split()[2] for line in queue(pilot)[:3]]
        assert words == ["RUN", "RUN", "WAIT"]


async def test_an_equal_revision_draws_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    manager = example.example_manager()
    manager.rows = [row for row in manager.rows if row.waiting is None]
    async with running(manager) as pilot:
        lines: list[int] = []
        table = main(pilot).queue.table
        draw = table.render_line

        def watched(y: int) -> Strip:
            lines.append(y)
            return draw(y)

        monkeypatch.setattr(table, "render_line", watched)
        for _ in range(4):
            main(pilot).tick()
            await pilot.pause()
        assert lines == []
        manager.advance(30)
        main(pilot).tick()
        await pilot.pause()
        assert sorted(set(lines)) == [0, 1], "only the two running items were drawn again"


async def test_the_engine_is_started_and_closed_with_the_screen() -> None:
    manager = example.example_manager()
    async with running(manager) as pilot:
        assert manager.started
        assert not manager.closed
        await pilot.press("q")
        await pilot.pause()
    assert manager.closed


async def test_items_that_came_back_are_announced_until_escape() -> None:
    manager = example.example_manager()
    manager.health = Health(recovered=3, recovered_bytes=15_247_000_000)
    async with running(manager) as pilot:
        assert "3 transfers resumed (14.2 GiB left) · W: pause or discard · Esc hides this" in drawn(pilot)[0]
        await press(pilot, "escape")
        assert "~/data" in drawn(pilot)[0]


@pytest.mark.fault(29, 30)
async def test_a_state_folder_that_cannot_be_written_is_said_first_and_in_red() -> None:
    manager = example.example_manager()
    manager.health = Health(state_problem="no space left on device")
    async with running(manager) as pilot:
        assert "PROGRESS IS NOT SAVED: no space left on device" in drawn(pilot)[-2]
        [said] = [
            part for part in pilot.app.screen._compositor.render_strips()[-2] if "PROGRESS" in part.text
        ]
        assert said.style is not None
        assert said.style.color is not None
        red, green, blue = said.style.color.get_truecolor()
        assert red > 1.3 * max(green, blue)


async def test_quit_asks_while_something_runs_and_staying_changes_nothing() -> None:
    async with running() as pilot:
        await pilot.press("q")
        await pilot.pause()
        assert "2 transfers are running" in text(pilot)
        await pilot.press("escape")
        await pilot.pause()
        assert pilot.app.screen is main(pilot)
        assert pilot.app.return_code is None
        await pilot.press("q")
        await pilot.pause()
        await pilot.press("q")
        await pilot.pause()
    assert pilot.app.return_code == 0


async def test_quit_asks_nothing_when_nothing_runs() -> None:
    async with running(FakeManager(example.example_browser(), [example.PROD])) as pilot:
        await pilot.press("q")
        await pilot.pause()
    assert pilot.app.return_code == 0


async def test_a_refused_request_says_why() -> None:
    manager = example.example_manager()
    manager.refuse = UsageError("the profile is read-only")
    async with running(manager) as pilot:
        await press(pilot, *("j" * 8), "c")
        await until(pilot, lambda: "the profile is read-only" in text(pilot))
        assert engine(pilot).submitted == []


async def test_with_nothing_configured_the_right_pane_helps_and_the_left_works() -> None:
    async with running(FakeManager(example.example_browser()), right=None) as pilot:
        screen = text(pilot)
        for said in ("No credentials", "AWS_PROFILE", "~/.aws/credentials", "aws configure", "s3tui demo"):
            assert said in screen
        await press(pilot, "j", "enter")
        assert left(pilot)[1].startswith(" app-01.log.gz")


async def test_keys_typed_in_one_breath_go_where_they_were_meant() -> None:
    async with running() as pilot:
        await press(pilot, "tab", "j", "enter", "slash", "x", "c")
        screen = main(pilot)
        assert screen.right.filter_line.value == "xc"
        assert engine(pilot).submitted == []
        await press(pilot, "escape", "tab", "j", "j")
        assert screen.left.list.cursor == 2


async def test_a_question_is_asked_once_however_often_its_key_is_hit() -> None:
    async with running() as pilot:
        await press(pilot, "j", "d", "d", "d")
        assert len(pilot.app.screen_stack) == 3
        await press(pilot, "escape")
        assert pilot.app.screen is main(pilot)


async def test_help_runs_what_is_chosen() -> None:
    async with running() as pilot:
        await press(pilot, "question_mark")
        assert "What works in the panes" in text(pilot)
        await press(pilot, *"invert", "enter")
        await settled(pilot)
        assert main(pilot).left.model.marked_count == 11


async def test_the_palette_knows_buckets_and_profiles() -> None:
    there = Location(ObjectRef(""), example.PROD.connection_id)
    async with running(
        FakeManager(FakeBrowser(example.example_browser().folders), [example.PROD]), right=there
    ) as pilot:
        names = [name for name, _ in main(pilot).known_places()]
        assert {"profile prod", "bucket archive", "bucket backups", "home folder"} <= set(names)


async def test_ctrl_c_asks_and_a_second_one_leaves() -> None:
    async with running() as pilot:
        await pilot.press("ctrl+c")
        await pilot.pause()
        assert "2 transfers are running" in text(pilot)
        await pilot.press("ctrl+c")
        await pilot.pause()
    assert pilot.app.return_code == 0


async def test_the_mouse_moves_the_cursor_opens_and_presses_keys() -> None:
    async with running() as pilot:
        screen = main(pilot)
        await pilot.click(screen.right.list, offset=(4, 2))
        await settled(pilot)
        assert screen.pane is screen.right
        assert screen.right.list.cursor == 2
        await pilot.click(screen.left.list, offset=(4, 1), times=2)
        await settled(pilot)
        assert "~/data/logs" in drawn(pilot)[0]
        await pilot._post_mouse_events([events.MouseScrollDown], screen.left.list, offset=(4, 4))
        await settled(pilot)
        assert screen.left.list.top == 3
        await pilot.click(screen.key_bar, offset=(drawn(pilot)[-1].index("w Queue"), 0))
        await settled(pilot)
        assert screen.queue.table.has_focus
