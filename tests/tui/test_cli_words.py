"""``--help`` offers what a command takes, and nothing that it refuses."""

from __future__ import annotations

import pytest

from tui.options import parse


@pytest.mark.parametrize(
    ("command", "offered", "refused"),
    [
        ("demo", "--workers", ("--state-dir", "--dry-run")),
        ("run", "--state-dir", ("--dry-run",)),
        ("cp", "--dry-run", ()),
        ("cp", "--state-dir", ()),
    ],
)
def test_help_names_no_option_that_the_command_refuses(
    command: str, offered: str, refused: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        parse([command, "--help"])
    said = capsys.readouterr().out
    assert offered in said
    assert not [option for option in refused if option in said]
