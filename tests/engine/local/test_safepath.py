"""Keys that would like to be elsewhere, and names that keys cannot hold."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine.errors import Permanent, TransferError
from engine.local.fsops import FsOps
from engine.local.partfile import PartFile
from engine.local.publish import StagedFile
from engine.local.safepath import check_name, is_folder_marker, key_to_parts, parts_below, path_to_key

UNSAFE = [
    *("../evil", "..", ".", "a/../b", "a/..", "a/./b", "/etc/passwd", "//x", "a//b", "", "a\x00b"),
    *("/", "//", "a/../", "./", "../", "\0", "a/\0/b", "../../x", "...//.."),
]
TOO_LONG = ["x" * 1024, "é" * 512, "é" * 128, "x" * 256, "x" * 300 + "/y", "y/" + "漢" * 86]
HARMLESS = [
    *("a\\..\\b", "..\\evil", "C:\\x", "%2e%2e/evil", "%2e%2e%2fevil", "..%c0%af", "\uff0e\uff0e/evil"),
    *("\u2025/evil", "~/.ssh/authorized_keys", "$HOME/x", "-rf", "--help", "é" * 127, "x" * 255),
    *("a/" * 511 + "b", "f/g", "A", "a", "caf\u00e9", "cafe\u0301", "a/b", " lead", "trail ", "a.", "con"),
    *("NUL", "a:b", "a*?<>|", "a\nb", "a\r", "a\tb", "\u2028", "\ufffe", "\U0001f600", ".lock", "soap"),
    *(
        "...",
        "\x1b]52;c;ZXZpbA==\x07",
        "\u202egpj.exe",
        "[bold]x",
        "`id`",
        "$(id)",
        "{0}",
        "%s",
        "a;b",
        "'",
        '"',
    ),
]


@pytest.mark.parametrize("key", UNSAFE)
def test_a_key_that_is_no_plain_path_is_refused(key: str) -> None:
    with pytest.raises(Permanent) as caught:
        key_to_parts(key)
    assert caught.value.code == "unsafe-name"
    assert caught.value.subject == key


@pytest.mark.parametrize("key", UNSAFE)
def test_a_prefix_makes_it_no_safer(key: str) -> None:
    if key == "":
        assert key_to_parts("p/", "p/") == ()
        return
    with pytest.raises(Permanent) as caught:
        key_to_parts("p/" + key, "p/")
    assert caught.value.code == "unsafe-name"


@pytest.mark.parametrize("key", TOO_LONG)
def test_a_name_of_more_than_255_bytes_is_refused(key: str) -> None:
    with pytest.raises(Permanent) as caught:
        key_to_parts(key)
    assert caught.value.code == "name-too-long"


@pytest.mark.parametrize("key", HARMLESS)
def test_a_strange_key_is_taken_as_it_stands(key: str) -> None:
    assert key_to_parts(key) == tuple(key.split("/"))


@pytest.mark.parametrize("key", HARMLESS)
def test_a_strange_key_becomes_a_file_below_the_root_and_nothing_else(key: str, tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    target = os.path.join(root, *key_to_parts(key))
    part = PartFile.create(str(root), target, 1, FsOps())
    part.pwrite(memoryview(b"content"), 0)
    staged = StagedFile(part, replace=False)
    staged.sync()
    staged.publish()
    staged.close()
    files = [os.path.join(folder, name) for folder, _, names in os.walk(tmp_path) for name in names]
    assert files == [target]
    assert Path(target).read_bytes() == b"content"


@pytest.mark.fault(60)
@given(key=st.text(st.sampled_from("./\\a\0é\n") | st.characters(), max_size=40))
@example("a/..")
def test_no_key_leads_out_of_the_root(key: str) -> None:
    try:
        parts = key_to_parts(key)
    except Permanent:
        return
    path = os.path.join("/root/of/tree", *parts)
    assert os.path.normpath(path) == path
    assert path.startswith("/root/of/tree/")


@given(parts=st.lists(st.text(st.characters(), max_size=20), min_size=1, max_size=4))
def test_what_becomes_a_key_comes_back_as_the_same_names(parts: list[str]) -> None:
    try:
        for part in parts:
            check_name(part, part)
    except Permanent:
        return
    assert list(key_to_parts(path_to_key(parts, "p/"), "p/")) == parts


@pytest.mark.parametrize("key", ["a/", "a/b/"])
def test_a_slash_at_the_end_marks_a_folder(key: str) -> None:
    assert is_folder_marker(key)
    assert key_to_parts(key) == tuple(key[:-1].split("/"))
    assert not is_folder_marker(key[:-1])


def test_a_key_that_was_not_listed_under_the_prefix_is_refused() -> None:
    for key, prefix in [("other/x", "p/"), ("p", "p/"), ("", "p/")]:
        with pytest.raises(Permanent):
            key_to_parts(key, prefix)


def test_a_name_that_is_not_text_cannot_be_a_key() -> None:
    name = os.fsdecode(b"bad\xffname")
    with pytest.raises(Permanent) as caught:
        path_to_key(("folder", name))
    assert caught.value.code == "name-not-utf8"
    with pytest.raises(Permanent) as caught:
        key_to_parts(name)
    assert caught.value.code == "name-not-utf8"


def test_a_key_has_at_most_1024_bytes() -> None:
    names = ("é" * 100, "x" * (1024 - 203))
    assert len(path_to_key(names, "p/").encode()) == 1024
    with pytest.raises(Permanent) as caught:
        path_to_key((*names[:1], names[1] + "x"), "p/")
    assert caught.value.code == "key-too-long"


def test_an_empty_folder_becomes_a_marker() -> None:
    assert path_to_key(("a", "b"), "p/", folder=True) == "p/a/b/"
    assert path_to_key((), "p/", folder=True) == "p/"


@pytest.mark.parametrize(
    ("root", "path", "parts"),
    [
        ("/data", "/data/a/b", ("a", "b")),
        ("/data/", "/data/a", ("a",)),
        ("/", "/a", ("a",)),
        ("/data", "/data/a/", ("a",)),
        ("/d", "/d/" + os.fsdecode(b"\xff"), (os.fsdecode(b"\xff"),)),
    ],
)
def test_a_path_below_its_root_is_split(root: str, path: str, parts: tuple[str, ...]) -> None:
    assert parts_below(root, path) == parts


@pytest.mark.parametrize(
    ("root", "path"),
    [
        ("/data", "/data"),
        ("/data", "/data/"),
        ("/data", "/database/x"),
        ("/data", "/data/../etc/passwd"),
        ("/data", "/etc/passwd"),
        ("/data", "/data//x"),
        ("/data", "/data/./x"),
        ("/data", "x"),
        ("data", "data/x"),
        ("", "/x"),
        ("/data", "/data/a\0b"),
    ],
)
def test_a_path_from_the_state_that_leads_elsewhere_is_refused(root: str, path: str) -> None:
    with pytest.raises(Permanent) as caught:
        parts_below(root, path)
    assert caught.value.code == "unsafe-name"


def test_a_file_and_a_folder_of_one_name_cannot_both_be_had(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"a file")
    with pytest.raises(TransferError) as caught:
        PartFile.create(str(tmp_path), f"{tmp_path}/f/g", 1, FsOps())
    assert caught.value.code == "target-folder"
    assert (tmp_path / "f").read_bytes() == b"a file"
