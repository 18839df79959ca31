"""A little fuzzing, and every input that once made something fail."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.s3.awsfiles import read_files
from engine.s3.listxml import NotAListing, read_listing
from tests.torture import fuzz
from tests.torture.fuzz import TARGETS, run_fuzz
from tui.limits import parse_limits
from tui.safe_text import display, wrap
from tui.sizes import parse_count, parse_seconds, parse_size

SECONDS = 0.5


@pytest.mark.parametrize("target", TARGETS)
def test_what_comes_from_outside_gives_what_is_meant_for_it_or_an_error_of_ours(target: str) -> None:
    result = run_fuzz(SECONDS, seed=1, targets=(target,))
    assert result.is_good, result.failures
    assert result.tries[target] > 0


def test_fuzzing_tells_what_failed_and_how_to_have_it_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(rng: object) -> None:
        raise KeyError("odd")

    monkeypatch.setitem(fuzz.TARGETS, "head", fails)
    result = run_fuzz(0.1, seed=7, targets=("head",))
    assert not result.is_good and result.failures[0].startswith("head, seed '7/head/0': KeyError")


# -- what was found --------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["UUTF-8", "utf-7", "cp932", "idna", "hex", "\u00e9"])
def test_a_listing_in_an_encoding_that_there_is_not_is_no_listing(encoding: str) -> None:
    document = f'<?xml version="1.0" encoding="{encoding}"?><ListBucketResult/>'
    with pytest.raises(NotAListing):
        read_listing(document.encode(), "", None)


@pytest.mark.parametrize("filler", ["\u034f", "\u115f", "\u1160", "\u17b4", "\u17b5", "\u3164", "\uffa0"])
def test_characters_for_which_nothing_is_drawn_have_a_form_to_look_at(filler: str) -> None:
    assert display(f"a{filler}b") == f"a⟨U+{ord(filler):04X}⟩b"


def test_a_character_wider_than_the_line_does_not_make_the_line_longer() -> None:
    assert wrap("漢字", 1) == ["…"]


@pytest.mark.parametrize(
    "parse", [parse_size, parse_seconds, parse_limits, lambda text: parse_count(text, 0, 9)]
)
@pytest.mark.parametrize("digits", [400, 5000])
def test_a_number_too_long_to_be_one_is_named_as_such(parse: object, digits: int) -> None:
    assert callable(parse)
    with pytest.raises(ValueError, match="is not a "):
        parse("9" * digits)


def test_an_indented_line_below_a_name_without_a_value_hides_nothing(tmp_path: Path) -> None:
    text = "[default]\nregion = eu-west-1\nbare\n  indented = x\n[profile later]\nregion = us-east-1\n"
    (tmp_path / "config").write_text(text)
    files = read_files({"AWS_CONFIG_FILE": str(tmp_path / "config"), "HOME": str(tmp_path)})
    assert files.profiles["default"].settings["region"] == "eu-west-1"
    assert files.profiles["later"].settings["region"] == "us-east-1"
