"""Ctrl+Z gives the terminal back to the shell, if there is one."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.tui.drive import press, running, told
from tui import suspending
from tui.app import S3TuiApp


@pytest.mark.parametrize("keys", [["ctrl+z"], ["question_mark", "ctrl+z"]])
async def test_ctrl_z_suspends_where_a_shell_waits(monkeypatch: pytest.MonkeyPatch, keys: list[str]) -> None:
    suspended: list[bool] = []
    monkeypatch.setattr(suspending, "has_shell", lambda: True)
    monkeypatch.setattr(S3TuiApp, "action_suspend_process", lambda _: suspended.append(True))
    async with running() as pilot:
        await press(pilot, *keys)
    assert suspended == [True]


async def test_ctrl_z_says_why_not_where_nobody_could_bring_it_back(monkeypatch: pytest.MonkeyPatch) -> None:
    suspended: list[bool] = []
    monkeypatch.setattr(suspending, "has_shell", lambda: False)
    monkeypatch.setattr(S3TuiApp, "action_suspend_process", lambda _: suspended.append(True))
    async with running() as pilot:
        await press(pilot, "ctrl+z")
        assert told(pilot) == ["No shell started this, so nobody could bring it back: q leaves"]
    assert suspended == []


@pytest.mark.parametrize(
    ("placed", "said"), [({"start_new_session": True}, "False"), ({"process_group": 0}, "True")]
)
def test_a_job_of_a_shell_is_told_from_a_session_of_its_own(placed: dict[str, bool | int], said: str) -> None:
    code = "from tui.suspending import has_shell; print(has_shell())"
    made = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, **placed)  # type: ignore[call-overload]
    assert made.stdout.strip() == said
