"""Text is coloured by what it is, and stays what it is: whatever the lexer says, and whatever it takes."""

from __future__ import annotations

import pytest

from tests.tui import looked_at, nasty
from tests.tui.drive import Driver, assert_harmless, drawn, engine, press, running, until
from tests.tui.test_themes import contrast, is_words, segments
from tui import themes
from tui.looking import lexing
from tui.looking.lexing import roles_of
from tui.looking.text import decoded, lines_in, lines_of, marked_lines
from tui.screens.preview import PreviewScreen
from tui.widgets.preview_view import PreviewView

README = "/home/ann/data/README.md"
CODE = 'import re  # why\n\n\ndef name(a):\n\tif a > 1.5:\n\t\treturn "x"\n'


def roles(name: str, text: str, kind: str = "") -> list[str] | None:
    lines = lines_in(text)
    return roles_of(looked_at.done_here(lexing.lexing(name, kind, lines), lexing.made), lines)


async def look(pilot: Driver, data: bytes) -> PreviewView:
    """At the README, until the lexer has said what it has to say."""
    engine(pilot).browser.contents[README] = data
    await press(pilot, *("j" * 4), "p")
    await until(pilot, lambda: isinstance(pilot.app.screen, PreviewScreen))
    view = pilot.app.screen.query_one(PreviewView)
    await until(pilot, lambda: not [worker for worker in pilot.app.workers if worker.node is view])
    return view


def test_a_letter_for_each_character_says_what_it_is() -> None:
    assert roles("dir/a.py.gz", CODE) == [
        "kkkkkk     ccccc",
        "",
        "",
        "kkk ffff    ",
        " kk     nnn ",
        "  kkkkkk sss",
    ]


@pytest.mark.parametrize(
    ("name", "kind", "text"),
    [
        ("run", "", "#!/usr/bin/env python3\nimport re\n"),
        ("no name", "application/json", '{"a": true}'),
        ("Makefile", "", "# all\nall:\n\techo\n"),
        ("a.diff", "", "--- a\n+++ b\n@@ -1 +1 @@\n-old\n+new\n"),
    ],
)
def test_what_it_is_is_known_by_name_type_or_first_line(name: str, kind: str, text: str) -> None:
    assert roles(name, text, kind) is not None


@pytest.mark.parametrize(
    ("name", "kind"), [("notes.txt", ""), ("data", "binary/octet-stream"), ("x.unheard-of", "what/ever; a=b")]
)
def test_what_nobody_knows_stays_plain(name: str, kind: str) -> None:
    assert roles(name, CODE, kind) is None


@pytest.mark.parametrize("name", ["a.py", "a.json", "a.html", "a.c", "a.md", "a.sh", "a.yaml", "a.pl"])
def test_a_wrong_lexer_changes_no_text(name: str) -> None:
    text = "\n".join([*nasty.ALL, CODE, "x" * 5000, "漢字\t'\""])
    lines = lines_in(text)
    found = roles(name, text)
    assert found is None or [len(letters) for letters in found] == [len(line) for line in lines]
    marked = marked_lines(lines, found, 33)
    assert [line for line, _ in marked] == lines_of(text, 33)
    assert all(len(letters) in (0, len(line)) for line, letters in marked)


def test_an_answer_that_fits_no_text_is_no_answer() -> None:
    for answered in (b"", b"kk", b"kkkk\xff", b"kkkkk", b"zzzz", b"    "):
        assert roles_of(answered, ["ab", ""]) is None
    assert roles_of(b"kk  ", ["ab", ""]) == ["kk", ""]


def test_long_lines_and_long_texts_are_looked_at_in_part_only() -> None:
    lines = ["x = 1 " * 2000, *(["y = 'é'"] * 30_000)]
    work = lexing.lexing("a.py", "", lines)
    found = roles_of(work.run(), lines)
    assert found is not None and [len(letters) for letters in found] == [len(line) for line in lines]
    assert "n" in found[0][: lexing.MOST_IN_LINE] and not found[0][lexing.MOST_IN_LINE :].strip()
    assert found[1] == "    sss" and not found[-1].strip()


@pytest.mark.parametrize(
    ("theme", "least"), [(themes.DARK, 3.0), (themes.LIGHT, 4.5), (themes.HIGH_CONTRAST, 7.0)]
)
async def test_code_is_coloured_and_can_be_read_in_every_theme(theme: str, least: float) -> None:
    async with running(theme=theme) as pilot:
        await look(pilot, looked_at.README + b"\n```diff\n-old\n+new\n```\n")
        words = [segment for segment in segments(pilot) if is_words(segment)]
        colours = {word.style.color for word in words if word.style}
        assert len(colours) > (4 if theme != themes.HIGH_CONTRAST else 3)
        assert {w.text: round(contrast(w), 1) for w in words if contrast(w) < least} == {}


async def test_without_colours_no_lexer_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setattr(lexing, "lexing", None)  # asking would fail
    async with running() as pilot:
        await look(pilot, looked_at.README)
        assert drawn(pilot)[2].startswith("│# Nightly dumps")
        assert not [s for s in segments(pilot) if s.style and s.style.color and not s.style.color.is_default]


async def test_control_characters_in_code_are_shown_not_sent() -> None:
    async with running() as pilot:
        view = await look(pilot, b"```python\nimport re\n# \x1b]0;pwn\x07\n" + b"x = '\xe2\x80\xae'\n```\n")
        assert_harmless(pilot)
        assert view.shown()[1:4] == ["import re", "# ␛]0;pwn␇", "x = '⟨U+202E⟩'"]
        assert [name for text, name in view.spans(1, 80) if text == "import"] == ["keyword"]


async def test_the_text_can_be_read_before_its_colours_are_known_and_without(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tui.looking.apart.sys.executable", "/nowhere/python")
    async with running() as pilot:
        view = await look(pilot, looked_at.README)
        assert view.shown()[0] == "# Nightly dumps"
        assert decoded(looked_at.README) == "\n".join(line for line, _ in view._lines) + "\n"
