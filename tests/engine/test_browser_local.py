"""The browser on the local side: real folders, no connection at all."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from engine.browser import Browser, CountProgress, Details
from engine.local.fsops import FsOps
from engine.model import LocalRef, Location
from engine.page import EntryKind
from tests.engine.asking import code, ended, listed, names


class NoConnections:
    """There is none; asking for one is a mistake of the test."""

    def get(self, id: object) -> object:
        raise AssertionError(id)


@pytest.fixture
def browser() -> Iterator[Browser]:
    browser = Browser(cast(Any, NoConnections()))
    yield browser
    browser.close()


def at(path: Path, *, folder: bool = False) -> Location:
    return Location(LocalRef(f"{path}/" if folder else str(path)))


# -- listings --------------------------------------------------------------------------------------


def test_a_folder_is_listed_one_level_deep(browser: Browser, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"12345")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "below").touch()
    progress = listed(browser, browser.list(at(tmp_path, folder=True)))
    assert names(progress) == [("a.txt", EntryKind.FILE), ("sub", EntryKind.FOLDER)]
    assert (progress.scanned, progress.problem) == (2, None)


def test_hidden_names_are_left_out_when_asked(browser: Browser, tmp_path: Path) -> None:
    (tmp_path / ".hidden").touch()
    (tmp_path / "shown").touch()
    progress = listed(browser, browser.list(at(tmp_path), show_hidden=False))
    assert names(progress) == [("shown", EntryKind.FILE)]


def test_empty_missing_and_denied_folders_differ(browser: Browser, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    empty = listed(browser, browser.list(at(tmp_path / "empty", folder=True)))
    assert (empty.pages, empty.problem, empty.done) == ((), None, True)
    assert code(listed(browser, browser.list(at(tmp_path / "none", folder=True)))) == "source-missing"

    class Denied(FsOps):
        def scandir(self, path: object) -> object:  # type: ignore[override]
            raise PermissionError(13, "Permission denied")

    denied = Browser(cast(Any, NoConnections()), Denied())
    problem = listed(denied, denied.list(at(tmp_path, folder=True))).problem
    denied.close()
    assert problem is not None
    assert problem.code == "local-denied"
    assert str(tmp_path) in problem.what


def test_a_folder_of_many_comes_in_several_pages(browser: Browser, tmp_path: Path) -> None:
    for number in range(2500):
        (tmp_path / f"{number:04}").touch()
    progress = listed(browser, browser.list(at(tmp_path)))
    assert [len(page) for page in progress.pages] == [1000, 1000, 500]
    assert progress.scanned == 2500


# -- details, counts, space ------------------------------------------------------------------------


def test_details_of_a_file_name_its_mode_and_owner(browser: Browser, tmp_path: Path) -> None:
    file = tmp_path / "f"
    file.write_bytes(b"123")
    file.chmod(0o640)
    value = ended(browser, browser.details(at(file))).value
    assert isinstance(value, Details)
    assert (value.kind, value.size, value.mode) == (EntryKind.FILE, 3, "-rw-r-----")
    assert dict(value.pairs())["Mode"] == "-rw-r-----"
    assert ":" in value.owner


def test_details_of_a_link_say_where_it_leads(browser: Browser, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("nowhere")
    value = ended(browser, browser.details(at(tmp_path / "link"))).value
    assert isinstance(value, Details)
    assert (value.kind, value.link_target) == (EntryKind.LINK, "nowhere")


def test_count_sums_files_below_and_names_what_it_could_not_see(browser: Browser, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"1")
    (tmp_path / "d" / "e").mkdir(parents=True)
    (tmp_path / "d" / "b").write_bytes(b"22")
    (tmp_path / "d" / "e" / "c").write_bytes(b"333")
    (tmp_path / "d" / "link").symlink_to(tmp_path / "a")
    answer = ended(browser, browser.count([at(tmp_path / "a"), at(tmp_path / "d", folder=True)]))
    assert answer.value == CountProgress(objects=4, bytes=6)


def test_free_space_of_a_folder_yet_to_be_made_is_that_above(browser: Browser, tmp_path: Path) -> None:
    value = ended(browser, browser.free_space(at(tmp_path / "x" / "y", folder=True))).value
    assert isinstance(value, int)
    assert value > 0


# -- changes ---------------------------------------------------------------------------------------


def test_new_folder_is_made_and_a_taken_name_is_a_problem(browser: Browser, tmp_path: Path) -> None:
    answer = ended(browser, browser.make_folder(at(tmp_path / "new", folder=True)))
    assert answer.problem is None
    assert (tmp_path / "new").is_dir()
    again = ended(browser, browser.make_folder(at(tmp_path / "new", folder=True)))
    assert code(again) == "target-exists"


def test_new_folder_where_nothing_is_names_the_target_folder(browser: Browser, tmp_path: Path) -> None:
    assert code(ended(browser, browser.make_folder(at(tmp_path / "no" / "new")))) == "target-folder"


@pytest.mark.parametrize("name", ["..", ".", "", "a/b", "a\0b", "x" * 256])
def test_names_that_are_none_are_refused_on_rename(browser: Browser, tmp_path: Path, name: str) -> None:
    (tmp_path / "old").write_text("old")
    answer = ended(browser, browser.rename(at(tmp_path / "old"), name))
    assert code(answer) in ("unsafe-name", "name-too-long")
    assert (tmp_path / "old").read_text() == "old"


def test_rename_never_replaces_what_has_the_name(browser: Browser, tmp_path: Path) -> None:
    (tmp_path / "old").write_text("old")
    (tmp_path / "taken").write_text("precious")
    assert code(ended(browser, browser.rename(at(tmp_path / "old"), "taken"))) == "target-exists"
    assert (tmp_path / "taken").read_text() == "precious"
    assert (tmp_path / "old").read_text() == "old"


def test_rename_of_files_folders_and_links_themselves(browser: Browser, tmp_path: Path) -> None:
    (tmp_path / "f").write_text("f")
    (tmp_path / "d").mkdir()
    (tmp_path / "link").symlink_to("d")
    assert ended(browser, browser.rename(at(tmp_path / "f"), "f2")).value == at(tmp_path / "f2")
    new = ended(browser, browser.rename(at(tmp_path / "d", folder=True), "-d\n2")).value
    assert new == at(tmp_path / "-d\n2", folder=True)
    ended(browser, browser.rename(at(tmp_path / "link", folder=True), "link2"))
    assert sorted(os.listdir(tmp_path)) == ["-d\n2", "f2", "link2"]
    assert os.readlink(tmp_path / "link2") == "d"


class NoExclusiveRename(FsOps):
    """A file system that cannot rename without replacing."""

    def __init__(self, links: bool) -> None:
        self.links = links

    def rename_exclusive(self, *args: object, **more: object) -> None:
        raise OSError(95, "not supported")

    def link(self, *args: object, **more: object) -> None:
        if not self.links:
            raise OSError(1, "not permitted")
        super().link(*args, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("links", [True, False])
def test_rename_without_help_of_the_file_system_still_replaces_nothing(tmp_path: Path, links: bool) -> None:
    browser = Browser(cast(Any, NoConnections()), NoExclusiveRename(links))
    (tmp_path / "old").write_text("old")
    (tmp_path / "taken").write_text("precious")
    (tmp_path / "d").mkdir()
    assert code(ended(browser, browser.rename(at(tmp_path / "old"), "taken"))) == "target-exists"
    assert ended(browser, browser.rename(at(tmp_path / "old"), "new")).problem is None
    assert ended(browser, browser.rename(at(tmp_path / "d"), "d2")).problem is None
    browser.close()
    assert sorted(os.listdir(tmp_path)) == ["d2", "new", "taken"]
    assert (tmp_path / "taken").read_text() == "precious"


# -- completion ------------------------------------------------------------------------------------


def completions(browser: Browser, text: str, here: Path | None = None) -> object:
    return ended(browser, browser.complete(text, None, at(here, folder=True) if here else None)).value


def test_typed_paths_are_completed_with_folders_only(browser: Browser, tmp_path: Path) -> None:
    for name in ("data", "date", ".dark", "other"):
        (tmp_path / name).mkdir()
    (tmp_path / "dat.file").touch()
    assert completions(browser, f"{tmp_path}/da") == (f"{tmp_path}/data/", f"{tmp_path}/date/")
    assert completions(browser, f"{tmp_path}/.") == (f"{tmp_path}/.dark/",)
    assert f"{tmp_path}/.dark/" not in completions(browser, f"{tmp_path}/")  # type: ignore[operator]


def test_home_stays_a_tilde(browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "docs").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path))
    assert completions(browser, "~") == ("~/",)
    assert completions(browser, "~/d") == ("~/docs/",)


def test_relative_paths_are_relative_to_the_pane(browser: Browser, tmp_path: Path) -> None:
    (tmp_path / "sub" / "below").mkdir(parents=True)
    assert completions(browser, "su", tmp_path) == ("sub/",)
    assert completions(browser, "sub/b", tmp_path) == ("sub/below/",)
    assert completions(browser, "su") == ()


def test_where_nothing_can_be_read_there_are_no_completions(browser: Browser) -> None:
    assert completions(browser, "/no/such/place/x") == ()
    assert completions(browser, "s3://b") == ()


def test_a_newer_completion_cancels_the_one_before(browser: Browser, tmp_path: Path) -> None:
    first = browser.complete(f"{tmp_path}/a", None)
    browser.complete(f"{tmp_path}/ab", None)
    answer = browser.answer(first)
    assert code(answer) == "stale"


# -- the caller's thread ---------------------------------------------------------------------------


def test_no_disk_is_touched_on_the_callers_thread(tmp_path: Path) -> None:
    seen: set[int] = set()

    class Watched(FsOps):
        def __getattribute__(self, name: str) -> object:
            seen.add(threading.get_ident())
            return super().__getattribute__(name)

    browser = Browser(cast(Any, NoConnections()), Watched())
    here = at(tmp_path, folder=True)
    tokens = [
        browser.list(here),
        browser.details(here),
        browser.count([here]),
        browser.free_space(here),
        browser.make_folder(at(tmp_path / "n")),
        browser.rename(at(tmp_path / "m"), "k"),
        browser.complete(str(tmp_path), None),
    ]
    for token in tokens:
        ended(browser, token)
    browser.close()
    assert seen
    assert threading.get_ident() not in seen


def test_importing_the_browser_loads_no_boto3() -> None:
    code = "import sys, engine.browser; sys.exit(any(m in sys.modules for m in ('boto3', 'botocore')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
