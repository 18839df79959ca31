"""Text from outside reaches the terminal harmless and measured."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from tests.tui import nasty
from tui.safe_text import cut, display, middle, pad, path_tail, width

FORBIDDEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}


@pytest.mark.fault(60)
@pytest.mark.parametrize("name", nasty.ALL)
def test_nothing_a_terminal_acts_on_is_left(name: str) -> None:
    shown = display(name)
    assert not [c for c in shown if unicodedata.category(c) in FORBIDDEN]
    assert shown.encode("utf-8")


@pytest.mark.parametrize(
    "name", ["dump.tar", "Ünïcödé.txt", "漢字.txt", "emoji 😀", "नमस्ते", "[/bold]", "a b"]
)
def test_honest_names_are_shown_as_they_are(name: str) -> None:
    assert display(name) == name


def test_hidden_characters_have_a_form_to_look_at() -> None:
    assert display("\x1b[2J") == "␛[2J"
    assert display("\x9b31m") == "\\x9b31m"
    assert display("\u202egpj.exe") == "⟨U+202E⟩gpj.exe"
    assert display("bad\udcffname") == "bad\\xffname"
    assert display("a\tb\nc\x7f") == "a␉b␊c␡"


def test_runs_of_accents_are_capped_and_counted() -> None:
    assert display("e" + "\u0301" * 500 + "x") == "e" + "\u0301" * 4 + "⟨+496⟩x"


def test_an_accent_never_leans_on_what_stands_before_the_text() -> None:
    assert display("\u0301x").startswith("◌")


@given(st.text(), st.integers(0, 30))
def test_cutting_never_exceeds_and_padding_is_exact(text: str, cells: int) -> None:
    shown = display(text)
    assert width(shown) == cell_len(shown)
    for shortened in (cut(shown, cells), middle(shown, cells), path_tail(shown, cells)):
        assert cell_len(shortened) <= cells
    assert cell_len(pad(shown, cells)) == cells
    assert cell_len(pad(shown, cells, right=True)) == cells


@given(st.text())
def test_whatever_comes_in_nothing_active_comes_out(text: str) -> None:
    assert not [c for c in display(text) if unicodedata.category(c) in FORBIDDEN]


def test_wide_characters_are_cut_on_their_edge() -> None:
    assert cut("漢字漢字", 4) == "漢…"
    assert pad("漢字漢字", 4) == "漢… "


def test_the_middle_goes_first_and_the_extension_stays() -> None:
    assert middle("database-dump-2026-11-20.tar.gz", 20, tail=7) == "database-dum….tar.gz"


def test_a_path_loses_its_beginning() -> None:
    assert path_tail("s3://backups/2026/november/db", 14) == "…/november/db"
    assert path_tail("/short", 14) == "/short"
