"""What says that the log knows more says where the log is."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine import Health, Problem
from engine.errors import explain
from tests.tui import example
from tests.tui.drive import drawn, running, told
from tui.headless import advice
from tui.log import set_up
from tui.screens.transfer_text import problem_words

INTERNAL: Problem = explain(ZeroDivisionError("x"), what="upload a")
FULL = Health(state_problem="no space left on device")


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, unchanged_logging: None) -> str:
    """The path of the log, in the user's folder."""
    monkeypatch.setenv("HOME", str(tmp_path))
    set_up(str(tmp_path / "s3tui.log"))
    return str(tmp_path / "s3tui.log")


@pytest.mark.fault(29, 30)
async def test_a_state_that_is_not_saved_names_the_log_once_and_the_last_line_keeps_it(log: str) -> None:
    manager = example.example_manager()
    async with running(manager, size=(120, 24)) as pilot:
        assert told(pilot) == []
        manager.health = FULL
        manager.revision += 1
        for _ in range(3):
            await pilot.pause(0.3)
        [said] = told(pilot)
        assert said == (
            "Progress is not being saved: no space left on device. Nothing new starts until it can be; "
            f"the log file {log} says more"
        )
        assert "PROGRESS IS NOT SAVED: no space left on device · log file ~/s3tui.log" in drawn(pilot)[-2]


async def test_a_narrow_last_line_says_what_is_wrong_in_full_and_leaves_the_path_to_the_notice(
    log: str,
) -> None:
    manager = example.example_manager()
    manager.health = FULL
    async with running(manager) as pilot:
        assert "PROGRESS IS NOT SAVED: no space left on device" in drawn(pilot)[-2]
        assert "log file" not in drawn(pilot)[-2]
        assert len(told(pilot)) == 1 and log in told(pilot)[0]


@pytest.mark.fault(62)
def test_an_internal_error_names_the_log_on_the_screen_and_without_it(log: str) -> None:
    assert f"See the log file {log}; retry may help." in problem_words(INTERNAL)
    assert advice(INTERNAL) == f"See the log file {log}; retry may help."


def test_where_nothing_is_logged_no_path_is_named(unchanged_logging: None) -> None:
    assert advice(INTERNAL) == "See the log file; retry may help."
