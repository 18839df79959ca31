"""Reading folders: any number of entries, any kind, nothing unreadable fatal, nothing outside the tree."""

from __future__ import annotations

import errno
import itertools
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from engine.errors import Interrupted, TransferError
from engine.local.fsops import FsOps
from engine.local.listing import WalkedFile, iter_pages, walk
from engine.pace.cancel import CancelToken
from engine.page import EntryKind, Page
from tests.engine.local.faults import WatchedFs, open_descriptors


def rows(pages: Iterator[Page]) -> dict[str, tuple[EntryKind, int]]:
    return {
        name: (EntryKind(kind), size)
        for page in pages
        for name, kind, size in zip(page.names, page.kinds, page.sizes, strict=True)
    }


def walked(root: Path, fs: FsOps | None = None) -> dict[str, WalkedFile]:
    found = list(walk(str(root), fs or FsOps()))
    by_name = {"/".join(item.parts): item for item in found}
    assert len(by_name) == len(found)
    return by_name


class EndlessFs(FsOps):
    """A folder of `count` files that exist nowhere else."""

    def __init__(self, file: Path, count: int) -> None:
        self._facts, self._count = os.stat(file), count
        self.served = 0

    @contextmanager
    def scandir(self, path: str | int) -> Iterator[Iterator[Any]]:
        yield self._entries()

    def _entries(self) -> Iterator[Any]:
        for number in range(self._count):
            self.served += 1
            yield FileEntry(f"file-{number}")

    def stat(self, path: Any, **options: Any) -> os.stat_result:
        return self._facts

    def lstat(self, path: Any, **options: Any) -> os.stat_result:
        return self._facts


class FileEntry:
    """As os.DirEntry, of a regular file."""

    def __init__(self, name: str) -> None:
        self.name = name

    def is_symlink(self) -> bool:
        return False

    def is_dir(self, *, follow_symlinks: bool = True) -> bool:
        return False

    def is_file(self, *, follow_symlinks: bool = True) -> bool:
        return True


# -- pages ---------------------------------------------------------------------------------------


def test_every_kind_of_entry_is_listed_with_its_facts(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (root / "file").write_bytes(b"12345")
    os.utime(root / "file", (100, 100))
    (root / "folder").mkdir()
    (root / "to-file").symlink_to("file")
    (root / "to-folder").symlink_to("folder")
    (root / "dangling").symlink_to("nowhere")
    (root / "loop").symlink_to("loop")
    os.mkfifo(root / "pipe")
    (root / os.fsdecode(b"bad\xff\n\x1b")).write_bytes(b"1")
    pages = list(iter_pages(str(root), FsOps()))
    assert rows(iter(pages)) == {
        "file": (EntryKind.FILE, 5),
        "folder": (EntryKind.FOLDER, -1),
        "to-file": (EntryKind.LINK, 5),
        "to-folder": (EntryKind.FOLDER, -1),
        "dangling": (EntryKind.LINK, -1),
        "loop": (EntryKind.LINK, -1),
        "pipe": (EntryKind.SPECIAL, -1),
        os.fsdecode(b"bad\xff\n\x1b"): (EntryKind.FILE, 1),
    }
    assert pages[0].mtimes[pages[0].names.index("file")] == 100.0


def test_pages_hold_a_thousand_entries(tmp_path: Path) -> None:
    (tmp_path / "f").touch()
    sizes = [len(page) for page in iter_pages("anywhere", EndlessFs(tmp_path / "f", 2500))]
    assert sizes == [1000, 1000, 500]
    sizes = [len(page) for page in iter_pages("anywhere", EndlessFs(tmp_path / "f", 2000))]
    assert sizes == [1000, 1000]


def test_a_million_files_come_page_by_page(tmp_path: Path) -> None:
    (tmp_path / "f").touch()
    fs = EndlessFs(tmp_path / "f", 10**6)
    pages = iter_pages("anywhere", fs)
    next(pages)
    assert fs.served == 1000
    next(pages)
    assert fs.served == 2000


def test_an_empty_folder_is_one_empty_page(tmp_path: Path) -> None:
    assert [len(page) for page in iter_pages(str(tmp_path), FsOps())] == [0]


def test_hidden_entries_may_be_left_out(tmp_path: Path) -> None:
    (tmp_path / ".hidden").touch()
    (tmp_path / "seen").touch()
    assert set(rows(iter_pages(str(tmp_path), FsOps(), show_hidden=False))) == {"seen"}
    assert set(rows(iter_pages(str(tmp_path), FsOps()))) == {"seen", ".hidden"}


def test_what_cannot_be_looked_at_is_listed_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()

    def before(name: str, args: tuple[Any, ...]) -> None:
        if name == "stat":
            raise PermissionError(errno.EACCES, "no")

    found = rows(iter_pages(str(tmp_path), WatchedFs(before)))
    assert found == {"file": (EntryKind.FILE, -1), "folder": (EntryKind.FOLDER, -1)}


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (errno.EACCES, "local-denied"),
        (errno.ENOENT, "source-missing"),
        (errno.ENOTDIR, "source-missing"),
        (errno.EIO, "disk-error"),
    ],
)
def test_a_folder_that_cannot_be_read_says_why(tmp_path: Path, code: int, expected: str) -> None:
    def before(name: str, args: tuple[Any, ...]) -> None:
        if name == "scandir":
            raise OSError(code, os.strerror(code))

    for read in (iter_pages, walk):
        with pytest.raises(TransferError) as caught:
            list(read(str(tmp_path), WatchedFs(before)))
        assert caught.value.code == expected


def test_listing_stops_at_cancel_and_lets_go_of_the_folder(tmp_path: Path) -> None:
    for number in range(30):
        (tmp_path / str(number)).touch()
    before = open_descriptors()
    stopped = CancelToken()
    pages = iter_pages(str(tmp_path), FsOps(), page_size=10, token=stopped)
    next(pages)
    files = walk(str(tmp_path), FsOps(), stopped)
    next(files)
    stopped.cancel("quit")
    for reading in (pages, files):
        with pytest.raises(Interrupted):
            list(reading)
    assert open_descriptors() == before


# -- trees ---------------------------------------------------------------------------------------


def test_a_tree_is_walked_files_first_and_every_folder_after_its_content(tmp_path: Path) -> None:
    for path in ("a/b/deep", "a/file", "c/d/e/f", "top"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(path.encode())
    order = [item.parts for item in walk(str(tmp_path), FsOps())]
    assert order[0] == ("top",)
    assert order[-1] == ()
    assert len(order) == 4 + 6
    for parts in order[:-1]:
        assert order.index(parts) < order.index(parts[:-1])
    found = walked(tmp_path)
    assert found["a/b/deep"].stat is not None
    assert found["a/b/deep"].stat.st_size == len("a/b/deep")
    assert found["a/b/deep"].path == f"{tmp_path}/a/b/deep"


def test_only_a_folder_without_anything_is_empty(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "holds-empty" / "empty").mkdir(parents=True)
    (tmp_path / "holds-link").mkdir()
    (tmp_path / "holds-link" / "link").symlink_to("nowhere")
    empties = {name for name, item in walked(tmp_path).items() if item.is_empty}
    assert empties == {"empty", "holds-empty/empty"}


def test_links_are_followed_to_files_inside_and_nowhere_else(tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "folder").mkdir(parents=True)
    (root / "folder" / "file").write_bytes(b"123")
    (tmp_path / "outside").write_bytes(b"secret")
    (tmp_path / "root-sibling").mkdir()
    (tmp_path / "root-sibling" / "file").write_bytes(b"secret")
    for name, target in {
        "inside": "folder/file",
        "absolute": str(root / "folder" / "file"),
        "chain": "inside",
        "outside": "../outside",
        "through": "folder/../../outside",
        "sibling": "../root-sibling/file",
        "passwd": "/etc/passwd",
        "dangling": "nowhere",
        "loop": "loop",
        "folder-inside": "folder",
        "up": ".",
        "folder-outside": "..",
    }.items():
        (root / name).symlink_to(target)
    found = walked(root)
    links = {name: item.refusal for name, item in found.items() if item.is_link}
    assert links == {
        "inside": None,
        "absolute": None,
        "chain": None,
        "outside": "symlink-outside",
        "through": "symlink-outside",
        "sibling": "symlink-outside",
        "passwd": "symlink-outside",
        "dangling": "symlink-outside",
        "loop": "symlink-outside",
        "folder-inside": "symlink-folder",
        "up": "symlink-outside",
        "folder-outside": "symlink-outside",
    }
    assert found["chain"].kind is EntryKind.FILE
    assert found["chain"].stat is not None
    assert found["chain"].stat.st_size == 3
    assert {name for name in found if name.startswith(("folder-inside/", "up/"))} == set()


def test_a_folder_that_links_to_its_parent_is_no_loop(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "up").symlink_to("..")
    found = walked(tmp_path)
    assert set(found) == {"", "a", "a/b", "a/b/up"}
    assert found["a/b/up"].refusal == "symlink-folder"


def test_the_root_may_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "file").touch()
    (tmp_path / "real" / "link").symlink_to("file")
    (tmp_path / "root").symlink_to("real")
    found = walked(tmp_path / "root")
    assert set(found) == {"", "file", "link"}
    assert found["link"].refusal is None


def test_pipes_and_sockets_are_named_and_not_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "to-pipe").symlink_to("pipe")
    monkeypatch.chdir(tmp_path)  # the path of a socket is short
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket")
        found = walked(tmp_path)
    for name in ("pipe", "socket", "to-pipe"):
        assert (found[name].kind, found[name].refusal) == (EntryKind.SPECIAL, "not-a-file")


def test_a_folder_that_may_not_be_read_is_named_and_the_rest_goes_on(tmp_path: Path) -> None:
    for name in ("a", "locked", "z"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").touch()

    def before(name: str, args: tuple[Any, ...]) -> None:
        if name == "scandir" and str(args[0]).endswith("locked"):
            raise PermissionError(errno.EACCES, "no")

    found = walked(tmp_path, WatchedFs(before))
    assert set(found) == {"", "a", "a/file", "locked", "z", "z/file"}
    assert found["locked"].refusal == "local-denied"
    assert not found["locked"].is_empty


def test_what_vanishes_meanwhile_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()

    def before(name: str, args: tuple[Any, ...]) -> None:
        if (name, args[0]) == ("lstat", str(tmp_path / "file")):
            (tmp_path / "file").unlink()
        if (name, args[0]) == ("scandir", str(tmp_path / "folder")):
            (tmp_path / "folder").rmdir()

    assert set(walked(tmp_path, WatchedFs(before))) == {""}


def test_a_million_files_are_walked_as_they_are_read(tmp_path: Path) -> None:
    (tmp_path / "f").touch()
    fs = EndlessFs(tmp_path / "f", 10**6)
    assert len(list(itertools.islice(walk(str(tmp_path), fs), 10))) == 10
    assert fs.served == 10


def test_a_deep_tree_needs_one_descriptor(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*["d"] * 300)
    deep.mkdir(parents=True)
    (deep / "file").touch()
    before, most = open_descriptors(), 0
    for _ in walk(str(tmp_path), FsOps()):
        most = max(most, open_descriptors())
    assert most - before <= 1
