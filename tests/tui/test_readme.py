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


def table() -> list[list[str]]:
    """The features: what, whether, where, proof."""
    section = TEXT[TEXT.index("## What it can do") : TEXT.index("## Keys")]
    rows = [line for line in section.splitlines() if line.startswith("| ")][2:]
    cells = [[cell.strip() for cell in row.strip("|").split(" | ")] for row in rows]
    return [row for row in cells if not row[0].startswith("**")]


def test_every_feature_has_a_mark_and_what_is_there_a_proof_that_exists() -> None:
    assert len(table()) > 50
    for what, mark, _, proof in table():
        assert mark in ("yes", "no") or mark.startswith("partly: "), what
        proofs = re.findall(r"`(tests/[^`]+)`|\((screenshots/[^)]+)\)", proof)
        assert bool(proofs) == (mark != "no"), what
        missing = [name for name in map("".join, proofs) if not (README.parent / name).is_file()]
        assert missing == [], what
