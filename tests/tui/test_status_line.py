"""The last line but one: bytes of the present work, and what stands still."""

from __future__ import annotations

from typing import Any

from engine import EngineSnapshot, Health, Totals, TransferState
from tui.widgets.speed_panel import SpeedPanel, facts

S = TransferState
MIB = 1024**2


def snapshot(counts: dict[TransferState, int], *, held: bool = False, **totals: Any) -> EngineSnapshot:
    sums = Totals(counts=counts, **totals)
    return EngineSnapshot(1, (), 0, 0, sums, Health(), held, None, None, 16)


def words(shot: EngineSnapshot, before: int = 0) -> list[str]:
    return [text for text, _ in facts(shot, before)]


def test_what_was_finished_before_counts_not_in_the_present_work() -> None:
    panel = SpeedPanel()
    idle = snapshot({S.DONE: 3}, bytes_total=380 * MIB, bytes_done=380 * MIB, bytes_finished=380 * MIB)
    panel.show(idle, ())
    assert words(idle, panel._before) == ["idle"]
    sums: dict[str, Any] = {
        "bytes_total": 580 * MIB,
        "bytes_done": 390 * MIB,
        "bytes_left": 190 * MIB,
        "bytes_finished": 380 * MIB,
    }
    running = snapshot({S.DONE: 3, S.RUNNING: 1}, **sums)
    panel.show(running, ())
    assert words(running, panel._before)[1:3] == ["10.0/200 MiB", "5%"]


def test_what_was_finished_beside_it_counts_and_cleared_items_do_not_make_it_negative() -> None:
    panel = SpeedPanel()
    panel.show(snapshot({S.DONE: 1}, bytes_total=100, bytes_done=100, bytes_finished=100), ())
    panel.show(snapshot({S.RUNNING: 1}, bytes_total=50, bytes_done=10, bytes_left=40), ())
    assert panel._before == 0


def test_nothing_is_said_to_be_left_where_all_that_is_left_has_failed() -> None:
    shot = snapshot(
        {S.FAILED: 1, S.DONE: 3},
        bytes_total=20 * MIB,
        bytes_done=18 * MIB,
        bytes_left=2 * MIB,
        bytes_failed=2 * MIB,
    )
    assert words(shot) == ["idle"]


def test_what_asks_is_named_unless_all_is_paused() -> None:
    assert words(snapshot({S.ATTENTION: 2, S.WAITING: 1})) == ["2 asking"]
    assert words(snapshot({S.ATTENTION: 2}, held=True)) == ["all paused"]
