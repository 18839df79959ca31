"""A rate limit and workers that were set on the screen hold at the next start, until the settings say something new."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from engine import EngineConfig
from tests.servers.seaweed import Seaweed
from tests.survival.program import Program
from tests.tui import example
from tests.tui.drive import drawn, press, running
from tests.tui.fake_engine import FakeManager
from tests.tui.terminal import on_a_terminal
from tui.pace_file import Pace, PaceFile

MIB = 1024 * 1024
PLAIN = Pace(None, None, 16)


def started(file: PaceFile, *, limit_flag: bool = False, workers_flag: bool = False) -> Pace:
    """What a start begins with where the settings (or flags) say `PLAIN`."""
    config = file.applied(EngineConfig("x"), limit_flag=limit_flag, workers_flag=workers_flag)
    return Pace(config.upload_limit, config.download_limit, config.workers)


def test_what_was_set_comes_back_and_flags_win_for_what_they_name(tmp_path: Path) -> None:
    path = str(tmp_path / "config" / "pace.json")
    file = PaceFile(path, PLAIN)
    file.set_limits(5 * MIB, None)
    file.set_workers(4)
    assert file.is_changed
    file.save()
    assert not file.is_changed
    assert stat.S_IMODE(Path(path).stat().st_mode) == 0o600
    again = PaceFile(path, PLAIN)
    assert started(again) == Pace(5 * MIB, None, 4)
    assert started(again, limit_flag=True) == Pace(None, None, 4)
    assert started(again, workers_flag=True) == Pace(5 * MIB, None, 16)


def test_settings_that_say_something_new_hold_and_back_to_them_means_nothing_is_kept(tmp_path: Path) -> None:
    path = str(tmp_path / "pace.json")
    file = PaceFile(path, PLAIN)
    file.set_limits(5 * MIB, 5 * MIB)
    file.save()
    assert PaceFile(path, Pace(MIB, MIB, 16)).kept is None
    file.set_limits(None, None)
    assert file.kept is None
    file.save()
    assert PaceFile(path, PLAIN).kept is None


def test_what_a_flag_says_for_this_start_is_not_kept_along(tmp_path: Path) -> None:
    file = PaceFile(str(tmp_path / "pace.json"), PLAIN)
    file.set_limits(MIB, MIB)  # started with --workers 2
    assert file.kept == Pace(MIB, MIB, 16)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{",
        '{"upload": -1}',
        '{"workers": true}',
        '{"workers": 9999999}',
        "[" * 5000,
        '{"upload": "x"}',
    ],
)
def test_a_damaged_file_is_as_if_nothing_had_been_kept(tmp_path: Path, text: str) -> None:
    path = tmp_path / "pace.json"
    path.write_text(text)
    assert started(PaceFile(str(path), PLAIN)) == PLAIN
    kept = {"upload": None, "download": None, "workers": 16, "settings": {"upload": None, "download": None, "workers": 16}}  # fmt: skip
    for bad in ({"workers": 0}, {"workers": 65}, {"workers": True}, {"upload": 1}, {"download": "1"}):
        path.write_text(json.dumps({**kept, **bad}))
        assert started(PaceFile(str(path), PLAIN)) == PLAIN


async def test_the_panel_says_that_it_is_kept() -> None:
    file, manager = PaceFile(None, PLAIN), FakeManager(example.example_browser(), [example.PROD])
    async with running(manager, pace=file) as pilot:
        assert drawn(pilot)[-2] == " idle · limit off · 16 workers"
        await press(pilot, "left_square_bracket")
        assert drawn(pilot)[-2] == " idle · limit 500M/s · 16 workers · limit kept"
        await press(pilot, "less_than_sign")
        assert drawn(pilot)[-2] == " idle · limit 500M/s · 15 workers · limit and workers kept"
        assert file.kept == Pace(500 * MIB, 500 * MIB, 15)
        await press(pilot, "backslash", "greater_than_sign")
        assert "kept" not in drawn(pilot)[-2]
        assert file.kept is None
        await press(pilot, "backslash")
        assert manager.upload_limit == 500 * MIB, "on again means: as it last was"


def test_the_program_itself_begins_with_the_limit_that_was_set_before(
    seaweed: Seaweed, tmp_path: Path
) -> None:
    program = Program(seaweed, tmp_path / "home", seaweed.url)
    kept = "limit 5.0M/s · 15 workers · limit and workers kept"
    with on_a_terminal((), program.env, tmp_path) as screen:
        screen.until("limit off")
        screen.press("<L")
        screen.until("Rate limit, now off")
        screen.press("5M\r")
        screen.until(kept)
        screen.press("q")
        assert screen.end() == 0
    with on_a_terminal((), program.env, tmp_path) as screen:
        screen.until(kept)
        screen.press("q")
        assert screen.end() == 0
    with on_a_terminal(("--rate-limit", "7M"), program.env, tmp_path) as screen:
        screen.until("limit 7.0M/s · 15 workers · workers kept")
        screen.press("q")
        assert screen.end() == 0
