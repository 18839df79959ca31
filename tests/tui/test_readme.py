"""What the README says is so."""

from __future__ import annotations

import re

from tests.tui.readme import README, with_table
from tui.options import COMMANDS
from tui.settings import EXAMPLE

TEXT = README.read_text(encoding="utf-8")


def test_the_key_table_is_the_one_of_the_program() -> None:
    assert with_table(TEXT) == TEXT, "python -m tests.tui.readme"


def test_every_picture_it_shows_is_there() -> None:
    shown = re.findall(r"\((screenshots/[^)]+)\)", TEXT)
    assert len(shown) > 5
    assert [path for path in shown if not (README.parent / path).exists()] == []


def test_it_shows_every_setting() -> None:
    shown = "\n".join(line.removeprefix("    ") for line in TEXT.splitlines())
    assert EXAMPLE in shown


def test_it_names_every_command() -> None:
    assert [command for command in COMMANDS if f"s3tui {command}" not in TEXT] == []


def test_every_make_target_it_names_exists() -> None:
    makefile = (README.parent / "Makefile").read_text(encoding="utf-8")
    named = set(re.findall(r"make (demo|[a-z]+)(?=\s|`)", TEXT)) - {"their", "them"}
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    assert named <= targets, named - targets
