"""The mouse works everywhere and is needed nowhere."""

from __future__ import annotations

from textual import events
from textual.widget import Widget

from engine import LocalRef, Location
from tests.tui.drive import Driver, drawn, engine, main, press, running, settled, text, until


async def wheel(pilot: Driver, widget: Widget, *, down: bool) -> None:
    kind = events.MouseScrollDown if down else events.MouseScrollUp
    await pilot._post_mouse_events([kind], widget, offset=(2, 1))
    await settled(pilot)


async def test_a_click_focuses_and_moves_the_cursor() -> None:
    async with running() as pilot:
        screen = main(pilot)
        await pilot.click(screen.right.list, offset=(3, 2))
        assert screen.focused is screen.right.list and screen.pane is screen.right
        assert screen.right.list.cursor == 2
        await pilot.click(screen.queue.table, offset=(3, 1))
        assert screen.queue.table.has_focus
        assert screen.queue.table.cursor == 1
        await settled(pilot)
        assert "Space Pause" in drawn(pilot)[-1], "the footer follows"


async def test_a_click_on_a_frame_focuses_what_it_surrounds() -> None:
    async with running() as pilot:
        screen = main(pilot)
        await pilot.click(screen.right, offset=(4, 0))
        assert screen.focused is screen.right.list
        await pilot.click(screen.queue, offset=(4, 0))
        assert screen.queue.table.has_focus


async def test_a_double_click_opens() -> None:
    async with running() as pilot:
        await pilot.click(main(pilot).left.list, offset=(3, 1), times=2)
        await until(pilot, lambda: main(pilot).left.location == Location(LocalRef("/home/ann/data/logs/")))
        await settled(pilot)
        await pilot.click(main(pilot).left.list, offset=(3, 0), times=2)
        await until(pilot, lambda: main(pilot).left.location == Location(LocalRef("/home/ann/data/")))
        await pilot.click(main(pilot).queue.table, offset=(3, 0), times=2)
        await until(pilot, lambda: "upload dump.tar" in text(pilot))
        assert len(pilot.app.screen_stack) == 3


async def test_the_wheel_scrolls_what_it_is_over_and_leaves_the_focus() -> None:
    async with running() as pilot:
        screen = main(pilot)
        await press(pilot, "j", "enter", "tab")
        await wheel(pilot, screen.left.list, down=True)
        assert screen.left.list.top == 3
        assert screen.focused is screen.right.list
        await wheel(pilot, screen.left.list, down=False)
        assert screen.left.list.top == 0


async def test_a_hint_of_the_last_line_is_clicked_and_the_keys_stay_where_they_were() -> None:
    async with running() as pilot:
        screen = main(pilot)
        await pilot.click(screen.key_bar, offset=(drawn(pilot)[-1].index("? Help") + 1, 0))
        await until(pilot, lambda: "What works in the panes" in text(pilot))
        await press(pilot, "escape", "j")
        assert screen.left.list.cursor == 1


async def test_a_line_of_a_dialog_is_clicked() -> None:
    async with running() as pilot:
        await press(pilot, *"jjjjj", "d")
        await until(pilot, lambda: "No, change nothing" in text(pilot))
        lines = drawn(pilot)
        row = next(number for number, line in enumerate(lines) if "No, change nothing" in line)
        await pilot.click(offset=(lines[row].index("No,"), row))
        await until(pilot, lambda: len(pilot.app.screen_stack) == 2)
        assert engine(pilot).submitted == []


async def test_the_line_that_names_the_other_pane_shows_it() -> None:
    async with running(size=(60, 20)) as pilot:
        screen = main(pilot)
        await pilot.click(screen.elsewhere, offset=(2, 0))
        await settled(pilot)
        assert screen.pane is screen.right and screen.right.display and not screen.left.display
        await press(pilot, "Z")
        await pilot.click(screen.elsewhere, offset=(2, 0))
        await settled(pilot)
        assert "queue 12" in text(pilot)
