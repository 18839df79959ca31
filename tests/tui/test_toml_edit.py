"""A value is changed in the settings file, and nothing else in it."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.settings import EXAMPLE
from tui.toml_edit import CannotEdit, Value, with_value, without_table

FILE = """\
# my settings
workers = 8        # of sixteen

include = [
  "*.tar",  # archives
]

# the lab
[endpoints.lab]
url = "https://lab.example.net"  # a "#" in it
"""


def test_a_value_is_changed_and_its_comment_stays_where_it_was() -> None:
    assert with_value(FILE, (), "workers", 12) == FILE.replace("workers = 8        #", "workers = 12       #")
    longer = with_value('a = "x" # why\n', (), "a", "a longer one")
    assert longer == 'a = "a longer one"  # why\n'


def test_a_value_of_many_lines_is_replaced() -> None:
    assert '\ninclude = ["*.zst"]\n\n# the lab' in with_value(FILE, (), "include", ["*.zst"])


def test_a_new_value_goes_to_its_table() -> None:
    assert with_value(FILE, (), "retries", 3).index("retries = 3") < FILE.index("# the lab")
    changed = with_value(FILE, ("endpoints", "lab"), "region", "eu")
    assert changed == FILE + 'region = "eu"\n'


def test_a_new_table_goes_to_the_end() -> None:
    changed = with_value(FILE, ("endpoints", "a b"), "url", "https://x")
    assert changed == FILE + '\n[endpoints."a b"]\nurl = "https://x"\n'
    assert with_value("", (), "theme", "light") == 'theme = "light"\n'
    assert with_value("# t\n[keys]\n", (), "theme", "light") == 'theme = "light"\n\n# t\n[keys]\n'


def test_a_value_is_taken_out_with_its_line_only() -> None:
    assert with_value(FILE, (), "workers", None) == FILE.replace("workers = 8        # of sixteen\n", "")
    assert with_value(FILE, (), "retries", None) == FILE
    assert with_value(FILE, ("endpoints", "gone"), "url", None) == FILE


def test_a_table_is_taken_out_whole() -> None:
    changed = without_table(FILE + "[keys]\n", ("endpoints", "lab"))
    assert tomllib.loads(changed) == {"workers": 8, "include": ["*.tar"], "keys": {}}
    assert "# my settings" in changed and "# archives" in changed
    assert without_table(FILE, ("endpoints", "none")) == FILE


@pytest.mark.parametrize(
    ("text", "table", "key"),
    [
        ('endpoints = {lab = {url = "x"}}\n', ("endpoints", "lab"), "url"),
        ("workers = \n", (), "workers"),
        ("[[endpoints]]\nurl = 'x'\n", ("endpoints",), "url"),
        ("endpoints = 5\n", ("endpoints", "x"), "url"),
    ],
)
def test_what_cannot_be_changed_by_itself_is_refused(text: str, table: tuple[str, ...], key: str) -> None:
    with pytest.raises(CannotEdit):
        with_value(text, table, key, "y")


def test_dotted_names_are_changed_or_refused_and_never_doubled() -> None:
    text = 'endpoints.lab.url = "x"\n'
    with pytest.raises(CannotEdit):
        with_value(text, ("endpoints", "lab"), "url", "y")


def test_every_setting_of_the_example_can_be_changed() -> None:
    table: dict[str, Any] = tomllib.loads(EXAMPLE)
    for key, value in table.items():
        if not isinstance(value, dict):
            changed = with_value(EXAMPLE, (), key, value)
            assert tomllib.loads(changed) == table
            assert changed.count("#") == EXAMPLE.count("#")


VALUES = st.one_of(st.text(), st.booleans(), st.integers(-(2**60), 2**60), st.lists(st.text(), max_size=3))


@given(st.text(min_size=1), VALUES)
def test_any_value_is_written_so_that_it_is_read_the_same(key: str, value: Value) -> None:
    try:
        key.encode()
        str(value).encode()
    except UnicodeEncodeError:
        return
    for text in ("", FILE):
        changed = with_value(text, ("endpoints", "lab"), key, value)
        assert tomllib.loads(changed)["endpoints"]["lab"][key] == value
