"""What bytes look like, whatever they are: bounded, harmless, and never wider than the screen."""

from __future__ import annotations

import json

import pytest

from tests.tui.nasty import ALL
from tui.looking.hexadecimal import hex_line, line_count
from tui.looking.rows import MOST_ROWS, structure_of
from tui.looking.text import decoded, lines_of
from tui.safe_text import display, width


@pytest.mark.parametrize("data", [b"\x7fELF\0", b"\x89PNG\r\n\x1a\n\xfa\xfb\xfc\xfd", bytes(range(1, 256))])
def test_what_is_no_text_is_not_taken_for_it(data: bytes) -> None:
    assert decoded(data) is None


def test_text_may_be_cut_in_the_middle_of_a_character() -> None:
    whole = "日本語é" * 50
    data = whole.encode()
    for cut in range(1, 9):
        assert (decoded(data[:-cut], at_end=False) or "") in whole
        head = decoded(data[cut:], at_start=False)
        assert head is not None and whole.endswith(head)
    assert decoded("wide".encode("utf-16")) == "wide"
    assert (
        decoded("caf\xe9 au lait, s'il vous plait".encode("latin-1")) == "caf\udce9 au lait, s'il vous plait"
    )


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("cells", [7, 78])
def test_no_line_is_wider_than_the_screen_or_acts_on_it(name: str, cells: int) -> None:
    for line in lines_of(f"{name}\n" * 3, cells):
        assert width(line) <= max(cells, 2)
        assert all(display(char) == char or not char.isprintable() or len(char) == 1 for char in line)
        assert not [char for char in line if ord(char) < 32 or 0x7F <= ord(char) < 0xA0 or char == "\u202e"]


def test_wrapping_leaves_nothing_out() -> None:
    text = "漢字かな" * 1000 + "x" * 5000
    assert "".join(lines_of(text, 33)) == text


def test_numbers_and_characters_stand_side_by_side() -> None:
    data = bytes(range(40))
    assert line_count(data) == 3
    assert hex_line(data, 1, 0x100)[0] == "00000110"
    assert hex_line(data, 2) == ("00000020", "20 21 22 23 24 25 26 27".ljust(48), " !\"#$%&'")


def table(name: str, text: str, *, whole: bool = True, kind: str = "") -> tuple[tuple[str, ...], ...] | None:
    found = structure_of(name, kind, text, whole=whole)
    return None if found is None or found.table is None else (found.table.header, *found.table.rows)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.csv", 'id,name\n1,"x, y"\n'),
        ("a.CSV.gz", 'id;name\n1;"x, y"\n'),
        ("a.tsv", "id\tname\n1\tx, y\n"),
        ("a.jsonl", '{"id": 1, "name": "x, y"}\n{"id": 1, "name": "x, y"}\n'),
        ("a.json", '[{"id": 1, "name": "x, y"}]'),
    ],
)
def test_rows_are_found_in_what_holds_rows(name: str, text: str) -> None:
    found = table(name, text)
    assert found is not None and found[:2] == (("id", "name"), ("1", "x, y"))


def test_a_row_that_is_cut_off_is_not_shown() -> None:
    assert table("a.csv", "id,n\n1,2\n3,", whole=False) == (("id", "n"), ("1", "2"))
    assert table("a.json", '[{"a": 1}, {"a": 2', whole=False) == (("a",), ("1",))
    lines = '{"a": 1}\n{"a": 2}\n{"a"'
    assert table("x", lines, whole=False, kind="application/json") == (("a",), ("1",), ("2",))


def test_a_document_is_set_out_and_bad_json_stays_text() -> None:
    found = structure_of("a.json", "", '{"a":{"b":[1]}}', whole=True)
    assert found is not None and json.loads(found.document) == {"a": {"b": [1]}}
    assert "\n" in found.document
    for bad in ("[" * 100_000, "{" * 9, "", '{"n": ' + "9" * 5000 + "}", '[{"a": 1}, ' + "[" * 100_000):
        found = structure_of("a.json", "", bad, whole=True)
        assert found is None or found.table is not None
    assert structure_of("a.txt", "text/plain", "a,b\n1,2\n", whole=True) is None


def test_many_rows_and_columns_are_cut() -> None:
    text = "\n".join(",".join("x" for _ in range(300)) for _ in range(3000))
    found = table("a.csv", text)
    assert found is not None
    assert len(found) == MOST_ROWS + 1
    assert {len(row) for row in found} == {100}
    assert table("a.csv", "a" * 200_000 + "\n") is None
