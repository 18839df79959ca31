"""Rate limits by the hour: read strictly, followed live, and shown with their end."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from engine import UsageError
from tests.tui import example
from tests.tui.drive import engine, main, press, running, text, until
from tests.tui.fake_queue import FakeQueue, finish, use
from tui import cli
from tui.schedule import Follower, Schedule, read_schedule
from tui.settings import read

MIB = 1024 * 1024
DAY = 1_795_478_400.0
"""A midnight of UTC."""


def at(hour: int, minute: int = 0) -> float:
    return DAY + hour * 3600 + minute * 60


def test_limits_hold_within_their_hours_also_past_midnight() -> None:
    schedule = read(tomllib.loads('[limits]\n"08:00-18:00" = "20M:5M"\n"22:00-06:00" = "off"'), "c").limits
    found = [schedule.at(hour * 60) for hour in (5, 6, 7, 8, 17, 18, 21, 22, 0)]
    assert [span.limits if span else "as set" for span in found] == [
        (None, None), "as set", "as set", (20 * MIB, 5 * MIB), (20 * MIB, 5 * MIB), "as set", "as set",
        (None, None), (None, None),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        ('"8-18" = "5M"', "'8-18' are no hours: \"08:00-18:00\""),
        ('"08:00-25:00" = "5M"', "are no hours"),
        ('"08:00-08:00" = "5M"', "are no hours"),
        ('"08:60-09:00" = "5M"', "are no hours"),
        ('"08:00-18:00" = "fast"', "'fast' is not a rate"),
        ('"08:00-18:00" = true', "a rate is expected"),
        ('"08:00-18:00" = "5M"\n"17:00-19:00" = "1M"', "17:00-19:00 overlaps what ends at 18:00"),
        ('"22:00-06:00" = "5M"\n"05:00-07:00" = "1M"', "overlaps"),
    ],
)
def test_hours_that_make_no_sense_are_refused_with_the_reason(toml: str, said: str) -> None:
    with pytest.raises(UsageError) as error:
        read(tomllib.loads(f"[limits]\n{toml}"), "config.toml")
    assert said in str(error.value) and "config.toml: [limits]" in str(error.value)


def test_limits_change_only_where_hours_begin_and_end_and_what_was_set_comes_back() -> None:
    follower = Follower(read_schedule({"08:00-18:00": "5M", "18:00-20:00": "1M"}))
    own = (7 * MIB, None)
    assert follower.due(at(7, 59), own) is None
    assert follower.due(at(8), own) == (5 * MIB, 5 * MIB)
    assert follower.words((5 * MIB, 5 * MIB)) == "until 18:00"
    assert follower.due(at(12), (2 * MIB, 2 * MIB)) is None, "what was set by hand did not stay"
    assert follower.words((2 * MIB, 2 * MIB)) == ""
    assert follower.due(at(18), (2 * MIB, 2 * MIB)) == (1 * MIB, 1 * MIB)
    assert follower.due(at(20), (1 * MIB, 1 * MIB)) == own


async def test_the_screen_follows_the_hours_and_says_until_when() -> None:
    schedule = read_schedule({"12:00-13:00": "10M"})
    async with running(example.example_manager(), size=(132, 36), schedule=schedule) as pilot:
        await until(pilot, lambda: "limit 10.0M/s until 13:00" in text(pilot))
        assert engine(pilot).upload_limit == 10 * MIB
        await press(pilot, "right_square_bracket")
        await until(pilot, lambda: "limit 20.0M/s" in text(pilot) and "until" not in text(pilot))
        main(pilot).now = lambda: example.NOW + 3600
        await until(pilot, lambda: engine(pilot).upload_limit is None)


def test_commands_without_a_screen_follow_the_hours_unless_a_flag_says_a_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "config.toml"
    config.write_text('[limits]\n"00:00-12:00" = "3M"\n"12:00-24:00" = "3M"\n')
    monkeypatch.setenv("S3TUI_CONFIG", str(config))
    found = []
    for flag in ([], ["--rate-limit", "9M"]):
        queue = use(monkeypatch, FakeQueue([finish()]))
        queue.add("a")
        assert cli.run(["run", "--state-dir", str(tmp_path / "state"), *flag]) == 0
        found.append(queue.upload_limit)
    assert found == [3 * MIB, None], "the fake has no limit but what it is told"


async def test_without_a_schedule_limits_stay_as_they_are_set() -> None:
    async with running(example.example_manager(), schedule=Schedule()) as pilot:
        await press(pilot, "left_square_bracket")
        limit = engine(pilot).upload_limit
        main(pilot).now = lambda: example.NOW + 7200
        main(pilot).tick()
        assert engine(pilot).upload_limit == limit is not None
