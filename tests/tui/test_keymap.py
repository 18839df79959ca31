"""Keys of the user's own: read, checked, and followed by everything on the screen."""

from __future__ import annotations

import string
from pathlib import Path

import pytest
from textual.keys import _character_to_key

from engine import TransferRequest, UsageError
from tests.tui import example
from tests.tui.drive import drawn, engine, main, press, running, text
from tui import keymap, keys
from tui.cli import run as s3tui
from tui.settings import load


def read(*pairs: tuple[str, str | list[str]]) -> dict[str, tuple[str, ...]]:
    return keymap.read({id: [key] if isinstance(key, str) else key for id, key in pairs}, "config.toml")


def complaint(*pairs: tuple[str, str | list[str]]) -> str:
    with pytest.raises(UsageError) as caught:
        read(*pairs)
    return str(caught.value)


def test_keys_are_written_as_the_help_shows_them_or_as_textual_names_them() -> None:
    for entry in keys.ACTIONS:
        for key in set(entry.keys) - {"ctrl+q"}:
            assert keymap.parse_key(key) == key
            assert keymap.parse_key(keys.show_key(key)) == key, key
    for character in string.punctuation:
        assert keymap.parse_key(character) == _character_to_key(character), character


@pytest.mark.parametrize(
    ("key", "why"),
    [
        ("Ctrl+H", "the same for it as for Backspace"),
        ("ctrl+i", "the same for it as for Tab"),
        ("CTRL+M", "the same for it as for Enter"),
        ("ctrl+j", "the same for it as for Enter"),
        ("Ctrl+Enter", "most terminals do not send it"),
        ("ctrl+shift+x", "most terminals do not send it"),
        ("ctrl+c", "it always leaves the program"),
        ("f99", "there is no key 'f99'"),
        ("hyper+x", "there is no key 'hyper+x'"),
        ("", "there is no key ''"),
        ("\x1b", "there is no key"),
    ],
)
def test_a_key_that_never_arrives_is_refused_with_its_action_and_the_reason(key: str, why: str) -> None:
    said = complaint(("pane.copy", key))
    assert said.startswith("config.toml: [keys] pane.copy (Copy): ")
    assert why in said


def test_a_clash_names_both_actions() -> None:
    assert complaint(("pane.copy", "d")) == (
        "config.toml: [keys] d stands for both pane.copy (Copy) and pane.delete (Delete): give one of them another key"
    )
    assert "app.quit (Quit)" in complaint(("queue.pause", "q")), (
        "a key that works everywhere clashes anywhere"
    )
    assert "list.down (Down)" in complaint(("pane.copy", "j")), "and so does one of every list"
    assert "list.down (Down)" in complaint(("app.queue", ["t", "j"]))


def test_one_key_may_mean_two_things_in_two_places() -> None:
    assert read(("pane.copy", "x")) == {"pane.copy": ("x",)}


def test_keys_may_be_swapped() -> None:
    assert read(("pane.copy", "m"), ("pane.move", "c")) == {"pane.copy": ("m",), "pane.move": ("c",)}


def test_an_unknown_action_says_what_may_be_meant() -> None:
    assert complaint(("copy", "x")) == "config.toml: [keys] there is no action 'copy' (is it pane.copy?)"
    assert "the README lists them" in complaint(("pane.fly", "x"))
    assert complaint(("pane.copy", [])).endswith("pane.copy (Copy) needs a key")


@pytest.mark.parametrize(
    ("toml", "why"),
    [
        ('keys = "x"', "keys is a table"),
        ("[keys]\npane.copy = 'x'", 'write the id in quotes: "pane.copy"'),
        ('[keys]\n"pane.copy" = 5', "a key or a list of keys is expected"),
        ('[keys]\n"pane.copy" = [""]', "a key or a list of keys is expected"),
    ],
)
def test_a_table_that_is_none_is_refused(tmp_path: Path, toml: str, why: str) -> None:
    path = tmp_path / "config.toml"
    path.write_text(toml)
    with pytest.raises(UsageError, match="keys") as caught:
        load({"S3TUI_CONFIG": str(path)})
    assert why in str(caught.value)


def test_the_program_says_what_is_wrong_and_does_not_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "config.toml"
    path.write_text('[keys]\n"pane.copy" = "d"\n')
    monkeypatch.setenv("S3TUI_CONFIG", str(path))
    assert s3tui(["--state-dir", str(tmp_path / "state")]) == 2
    assert "d stands for both pane.copy (Copy) and pane.delete (Delete)" in capsys.readouterr().err


async def test_footer_help_palette_and_words_follow_the_map() -> None:
    own = read(("pane.copy", ["y", "f5"]), ("pane.yank", "c"), ("app.queue", "t"), ("pane.goto", "#"))
    async with running(keymap=own) as pilot:
        assert " y Copy →  Space Mark  / Filter  t Queue" in drawn(pilot)[-1]
        await press(pilot, "question_mark", *"other pane")
        assert "y F5             Copy the marked" in text(pilot)
        await press(pilot, "escape", "ctrl+p", *"clipboard")
        await pilot.app.workers.wait_for_complete()
        await pilot.pause(0.2)
        assert "to the clipboard · c" in text(pilot)
        await press(pilot, "escape", "h", "j", "enter", "number_sign")
        assert "Go to a path" in text(pilot)
    async with running() as pilot:
        assert " c Copy →" in drawn(pilot)[-1], "another screen has the keys of the table again"


async def test_the_old_key_is_free_and_the_new_one_works() -> None:
    own = read(("pane.copy", "y"), ("pane.yank", "c"))
    async with running(keymap=own) as pilot:
        await press(pilot, "j", "j", "j", "j", "c")
        assert not engine(pilot).submitted
        assert "The address, as text:" in text(pilot)
        await press(pilot, "escape", "y")
        assert [type(request) for request in engine(pilot).submitted] == [TransferRequest]


async def test_a_pane_that_is_empty_names_the_keys_as_they_are() -> None:
    async with running(example.example_manager(), keymap=read(("pane.new-folder", "N"))) as pilot:
        await press(pilot, "j", "j", "enter")
        assert "N new folder" in text(pilot)
        assert main(pilot).left.location is not None
