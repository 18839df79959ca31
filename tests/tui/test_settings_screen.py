"""The settings screen shows each value and where it comes from, and changes the file and what can follow at once."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from engine import ConflictPolicy, UsageError
from tests.tui.drive import Driver, drawn, engine, main, press, running, text, told, until
from tui import themes
from tui.configuration import Configuration
from tui.options import parse
from tui.setting_list import SETTINGS
from tui.settings import _VALUES
from tui.setup import Setup

FILE = """\
# mine
workers = 8            # of sixteen
on_conflict = "skip"
theme = "high-contrast"
"""


def configured(folder: Path, text: str = FILE, line: str = "", **environ: str) -> Configuration:
    """A configuration on a file with this text, as the command line and environment given here make it."""
    path = folder / "config.toml"
    path.write_text(text)
    env = {
        "S3TUI_CONFIG": str(path),
        "AWS_CONFIG_FILE": str(folder / "none"),
        "AWS_SHARED_CREDENTIALS_FILE": str(folder / "none"),
        "HOME": str(folder),
        **environ,
    }
    return Configuration(Setup.of(parse(line.split()), env), env)


def origins(configuration: Configuration) -> dict[str, tuple[str, str]]:
    return {row.setting.name: (row.value, row.origin) for row in configuration.shown()}


def content(configuration: Configuration) -> str:
    return Path(configuration.path).read_text()


def write(configuration: Configuration, text: str) -> None:
    Path(configuration.path).write_text(text)


async def shows(pilot: Driver, words: str) -> None:
    await until(pilot, lambda: words in text(pilot))


async def changed(pilot: Driver, configuration: Configuration, words: str) -> None:
    await until(pilot, lambda: words in Path(configuration.path).read_text())


def test_every_setting_is_on_the_list() -> None:
    assert {setting.name for setting in SETTINGS} == set(_VALUES)
    flags = parse([])
    assert [s.name for s in SETTINGS if s.has_flag and not hasattr(flags, s.name)] == []


def test_each_value_says_where_it_comes_from(tmp_path: Path) -> None:
    found = origins(
        configured(
            tmp_path,
            line="--workers 4 --rate-limit 5M:off --exclude *.tmp --exclude .git",
            S3TUI_STATE_DIR="/elsewhere",
            TEXTUAL_THEME="light",
        )
    )
    assert found["workers"] == ("4", "flag --workers")
    assert found["rate_limit"] == ("5.0M:off", "flag --rate-limit")
    assert found["exclude"] == ("*.tmp .git", "flag --exclude")
    assert found["theme"] == ("light", "environment TEXTUAL_THEME")
    assert found["state_dir"] == ("/elsewhere", "environment S3TUI_STATE_DIR")
    assert found["on_conflict"] == ("skip", "config.toml")
    assert found["retries"] == ("7", "default")


def test_no_color_goes_before_the_file(tmp_path: Path) -> None:
    configuration = configured(tmp_path, NO_COLOR="1")
    assert origins(configuration)["theme"] == ("no-colour", "environment NO_COLOR")
    assert configuration.theme() == themes.NO_COLOUR


async def test_a_setting_is_typed_checked_written_and_followed(tmp_path: Path) -> None:
    configuration = configured(tmp_path)
    async with running(configuration=configuration) as pilot:
        await press(pilot, "comma")
        assert "workers           8                      config.toml" in text(pilot)
        await press(pilot, *"requests at", "enter", *"99", "enter")
        assert "'99' is not a number from 1 to 64" in text(pilot)
        assert content(configuration) == FILE
        await press(pilot, "backspace", "backspace", *"12", "enter")
        await changed(pilot, configuration, "workers = 12           # of sixteen")
        await shows(pilot, "workers           12")
        await until(pilot, lambda: engine(pilot).snapshot(0, 0).workers == 12)
        assert content(configuration) == FILE.replace("8  ", "12 ")


async def test_what_is_chosen_holds_for_what_is_copied_from_now_on(tmp_path: Path) -> None:
    configuration = configured(tmp_path)
    async with running(configuration=configuration) as pilot:
        await press(pilot, "comma", *"on_conflict", "enter", *"newer", "enter")
        await changed(pilot, configuration, 'on_conflict = "newer"')
        await until(pilot, lambda: main(pilot).options.on_conflict is ConflictPolicy.NEWER)
        await press(pilot, *"names like these are not", "enter", *"*.tmp, .git", "enter")
        await changed(pilot, configuration, 'exclude = ["*.tmp", ".git"]')
        await until(pilot, lambda: main(pilot).options.exclude == ("*.tmp", ".git"))
        assert content(configuration).startswith("# mine\n")


async def test_a_theme_is_chosen_and_worn_at_once(tmp_path: Path) -> None:
    configuration = configured(tmp_path)
    async with running(configuration=configuration, theme=configuration.theme()) as pilot:
        assert pilot.app.theme == "high-contrast"
        await press(pilot, "at")
        assert "high-contrast  (now)" in text(pilot)
        await press(pilot, *"light", "enter")
        await changed(pilot, configuration, 'theme = "light"')
        await until(pilot, lambda: pilot.app.theme == "light")


async def test_a_setting_is_taken_out_of_the_file(tmp_path: Path) -> None:
    configuration = configured(tmp_path)
    async with running(configuration=configuration, theme=configuration.theme()) as pilot:
        await press(pilot, "comma", *"theme", "ctrl+d")
        await until(pilot, lambda: "theme" not in Path(configuration.path).read_text())
        await until(pilot, lambda: pilot.app.theme == themes.DARK)
        await shows(pilot, "theme             dark                   default")
        assert content(configuration) == FILE.replace('theme = "high-contrast"\n', "")


async def test_what_a_flag_outranks_says_so(tmp_path: Path) -> None:
    configuration = configured(tmp_path, line="--workers 4")
    async with running(configuration=configuration) as pilot:
        await press(pilot, "comma", *"workers", "enter", *"20", "enter")
        await changed(pilot, configuration, "workers = 20")
        await until(
            pilot, lambda: "config.toml is changed; flag --workers still goes before it" in told(pilot)
        )
        await shows(pilot, "while the file says 20")
        assert engine(pilot).snapshot(0, 0).workers == 4


async def test_what_counts_later_says_so(tmp_path: Path) -> None:
    configuration = configured(tmp_path)
    async with running(configuration=configuration) as pilot:
        await press(pilot, "comma", *"retries", "enter", *"9", "enter")
        await until(pilot, lambda: "retries counts from the next start of s3tui" in told(pilot))
        assert content(configuration) == FILE + "retries = 9\n"


async def test_a_file_that_cannot_be_changed_by_itself_stays_and_is_named(tmp_path: Path) -> None:
    configuration = configured(tmp_path)
    write(configuration, "workers = \n")
    async with running(configuration=configuration) as pilot:
        await press(pilot, "comma", *"retries", "enter", *"9", "enter")
        await until(pilot, lambda: any("it is not TOML" in each for each in told(pilot)))
        assert content(configuration) == "workers = \n"


def test_a_file_that_is_a_link_stays_one_and_keeps_its_mode(tmp_path: Path) -> None:
    configuration = configured(tmp_path)
    real = tmp_path / "real.toml"
    os.rename(configuration.path, real)
    os.chmod(real, 0o640)
    os.symlink(real, configuration.path)
    configuration.change("workers", 3)
    assert os.path.islink(configuration.path)
    assert "workers = 3" in real.read_text() and real.stat().st_mode & 0o777 == 0o640


def test_a_new_file_is_for_the_user_only(tmp_path: Path) -> None:
    configuration = configured(tmp_path, "")
    os.unlink(configuration.path)
    configuration.change("theme", "light")
    assert Path(configuration.path).read_text() == 'theme = "light"\n'
    assert os.stat(configuration.path).st_mode & 0o777 == 0o600


def test_what_another_process_wrote_meanwhile_is_kept(tmp_path: Path) -> None:
    configuration = configured(tmp_path)
    Path(configuration.path).write_text(FILE + "retries = 3\n")
    configuration.change("workers", 2)
    assert "retries = 3" in Path(configuration.path).read_text()
    assert origins(configuration)["retries"] == ("3", "config.toml")


def test_a_value_that_makes_no_sense_is_never_written(tmp_path: Path) -> None:
    configuration = configured(tmp_path)
    with pytest.raises(UsageError, match="workers"):
        configuration.change("workers", 1000)
    assert Path(configuration.path).read_text() == FILE


@pytest.mark.parametrize("size", [(80, 24), (50, 16)])
async def test_nothing_of_it_is_cut(tmp_path: Path, size: tuple[int, int]) -> None:
    configuration = configured(tmp_path, line="--require-checksum")
    async with running(configuration=configuration, size=size) as pilot:
        await press(pilot, "comma", *"require_checksum")
        await pilot.pause()
        await pilot.pause(0.05)
        region = pilot.app.screen.query_one("#about").region
        lines = [line[region.x : region.right] for line in drawn(pilot)[region.y : region.bottom]]
        assert " ".join(" ".join(lines).split()) == (
            "An equal size is not proof enough. By flag --require-checksum; default: false. Counts at once."
        )
        hint = [line[region.x : region.right] for line in drawn(pilot)[region.bottom :]]
        assert "Ctrl+D: as if not set" in " ".join(" ".join(hint).split())
