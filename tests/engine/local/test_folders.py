"""Opening folders without being led astray, once for many files."""

from __future__ import annotations

import errno
import gc
import os
import threading
from pathlib import Path
from typing import Any

import pytest

from engine.errors import Condition, TransferError
from engine.local.folders import CAPACITY, FolderHandle, let_go_of_folders
from engine.local.fsops import FsOps
from tests.engine.local.faults import WatchedFs, failing, open_descriptors


def open_and_close(root: Path, *parts: str, fs: FsOps, create: bool = True) -> str:
    with FolderHandle.open_below(str(root), parts, fs, create=create) as folder:
        return folder.path


def test_missing_folders_are_made_with_the_root(tmp_path: Path) -> None:
    root = tmp_path / "new" / "root"
    assert open_and_close(root, "a", "b", fs=FsOps()) == f"{root}/a/b"
    assert (root / "a" / "b").is_dir()


def test_without_create_nothing_is_made(tmp_path: Path) -> None:
    with pytest.raises(TransferError) as caught:
        open_and_close(tmp_path, "a", fs=FsOps(), create=False)
    assert caught.value.code == "target-folder"
    assert not list(tmp_path.iterdir())


def test_the_root_may_be_reached_through_a_symlink(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    open_and_close(tmp_path / "link", "a", fs=FsOps())
    assert (tmp_path / "real" / "a").is_dir()


@pytest.mark.parametrize("leads_to", ["../outside", "inside", "nowhere", "loop"])
def test_no_symlink_below_the_root_is_followed(tmp_path: Path, leads_to: str) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    (root / "inside").mkdir(parents=True)
    outside.mkdir()
    (root / "loop").symlink_to("loop")
    (root / "link").symlink_to(leads_to)
    with pytest.raises(TransferError) as caught:
        open_and_close(root, "link", "deeper", fs=FsOps())
    assert caught.value.code == "target-folder"
    assert not list(outside.iterdir())
    assert not list((root / "inside").iterdir())


def test_a_folder_swapped_for_a_symlink_just_before_it_is_opened_is_not_followed(tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    (root / "a" / "b").mkdir(parents=True)
    (outside / "b").mkdir(parents=True)

    def swap(name: str, args: tuple[Any, ...]) -> None:
        if name == "open" and args[0] == "a" and not (root / "a").is_symlink():
            (root / "a").rename(root / "was-a")
            (root / "a").symlink_to(outside)

    with pytest.raises(TransferError) as caught:
        open_and_close(root, "a", "b", "c", fs=WatchedFs(swap))
    assert caught.value.code == "target-folder"
    assert not list((outside / "b").iterdir())


def test_a_folder_swapped_after_it_was_opened_is_noticed(tmp_path: Path) -> None:
    root, outside, fs = tmp_path / "root", tmp_path / "outside", FsOps()
    outside.mkdir()
    open_and_close(root, "a", fs=fs)
    (root / "a").rename(root / "was-a")
    (root / "a").symlink_to(outside)
    with pytest.raises(TransferError):
        open_and_close(root, "a", fs=fs)


def test_a_folder_removed_and_made_anew_is_opened_anew(tmp_path: Path) -> None:
    fs = FsOps()
    with FolderHandle.open_below(str(tmp_path), ("a",), fs) as before:
        (tmp_path / "a").rmdir()
        with FolderHandle.open_below(str(tmp_path), ("a",), fs) as after:
            assert os.fstat(after.fd).st_ino == (tmp_path / "a").stat().st_ino
            assert os.fstat(before.fd).st_nlink == 0


def test_many_files_in_one_folder_walk_to_it_once(tmp_path: Path) -> None:
    fs = WatchedFs()
    for _ in range(500):
        open_and_close(tmp_path, "a", "b", "c", fs=fs)
    assert fs.counts["open"] <= 7
    assert fs.counts["mkdir"] == 3
    assert sum(fs.counts.values()) < 2 * 500


def test_only_so_many_folders_stay_open(tmp_path: Path) -> None:
    before = open_descriptors()
    fs = FsOps()
    for number in range(3 * CAPACITY):
        open_and_close(tmp_path, str(number), fs=fs)
    assert open_descriptors() - before <= CAPACITY
    del fs
    gc.collect()
    assert open_descriptors() <= before


def test_a_handle_outlives_its_place_among_the_kept(tmp_path: Path) -> None:
    fs = FsOps()
    with FolderHandle.open_below(str(tmp_path), ("mine",), fs) as mine:
        for number in range(2 * CAPACITY):
            open_and_close(tmp_path, str(number), fs=fs)
        fd = fs.open("file", os.O_CREAT | os.O_WRONLY, dir_fd=mine.fd)
        fs.close(fd)
    assert (tmp_path / "mine" / "file").exists()


def test_closing_twice_takes_nothing_from_others(tmp_path: Path) -> None:
    fs = FsOps()
    first = FolderHandle.open_below(str(tmp_path), ("a",), fs)
    second = first.again()
    first.close()
    first.close()
    first.close()
    assert os.fstat(second.fd).st_ino == (tmp_path / "a").stat().st_ino
    second.close()


def test_many_threads_may_make_the_same_folders_at_once(tmp_path: Path) -> None:
    fs, failures = FsOps(), []
    begin = threading.Barrier(8)

    def work(number: int) -> None:
        begin.wait(10)
        try:
            for depth in range(30):
                parts = [f"d{depth}", *"abc"]
                with FolderHandle.open_below(str(tmp_path / "new"), parts, fs) as folder:
                    name = f"{number}"
                    fs.close(fs.open(name, os.O_CREAT | os.O_EXCL | os.O_WRONLY, dir_fd=folder.fd))
        except BaseException as error:
            failures.append(error)

    before = open_descriptors()
    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not failures
    assert len(list((tmp_path / "new").glob("*/a/b/c/*"))) == 240
    assert open_descriptors() - before <= CAPACITY


def test_a_failed_walk_leaves_nothing_open(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "file").touch()
    fs, before = FsOps(), open_descriptors()
    for _ in range(10):
        with pytest.raises(TransferError):
            open_and_close(tmp_path, "a", "file", "x", fs=fs)
    assert open_descriptors() == before


def test_sync_reaches_every_folder_in_which_one_was_made_and_only_once(tmp_path: Path) -> None:
    synced = []

    def note(name: str, args: tuple[Any, ...]) -> None:
        if name == "fsync":
            synced.append(os.readlink(f"/proc/self/fd/{args[0]}"))

    if not os.path.isdir("/proc/self/fd"):
        pytest.skip("needs /proc to tell which folder a descriptor is")
    fs, root = WatchedFs(note), tmp_path / "x" / "root"
    with FolderHandle.open_below(str(root), ("a", "b"), fs) as folder:
        folder.sync()
        assert sorted(synced) == sorted(
            str(path) for path in (tmp_path, root.parent, root, root / "a", root / "a" / "b")
        )
        synced.clear()
        folder.sync()
    assert synced == [str(root / "a" / "b")]


def test_a_sync_that_failed_is_owed_still(tmp_path: Path) -> None:
    fs = failing("fsync", errno.EIO, after=1, times=1)
    with FolderHandle.open_below(str(tmp_path), ("a",), fs) as folder:
        with pytest.raises(TransferError) as caught:
            folder.sync()
        assert caught.value.code == "disk-error"
        before = fs.counts["fsync"]
        folder.sync()
        assert fs.counts["fsync"] == before + 2


def test_a_folder_made_while_its_parent_is_synced_is_owed_still(tmp_path: Path) -> None:
    others: list[FolderHandle] = []

    def make_another(name: str, args: tuple[Any, ...]) -> None:
        if name == "fsync" and fs.counts["fsync"] == 2 and not others:
            others.append(FolderHandle.open_below(str(tmp_path), ("b",), fs))

    fs = WatchedFs(make_another)
    with FolderHandle.open_below(str(tmp_path), ("a",), fs) as folder:
        folder.sync()
    before = fs.counts["fsync"]
    with others[0] as other:
        other.sync()
    assert fs.counts["fsync"] == before + 2


def test_a_file_system_that_cannot_sync_folders_is_put_up_with(tmp_path: Path) -> None:
    with FolderHandle.open_below(str(tmp_path), ("a",), failing("fsync", errno.EINVAL)) as folder:
        folder.sync()
    assert (tmp_path / "a").is_dir()


@pytest.mark.parametrize(
    ("code", "expected"),
    [(errno.EACCES, "local-denied"), (errno.EROFS, "read-only-disk"), (errno.ENOSPC, "disk-full")],
)
def test_a_folder_that_cannot_be_made_says_why(tmp_path: Path, code: int, expected: str) -> None:
    with pytest.raises(TransferError) as caught:
        open_and_close(tmp_path, "a", fs=failing("mkdir", code))
    assert caught.value.code == expected
    if expected == "disk-full":
        assert isinstance(caught.value, Condition)
        assert caught.value.scope == ("disk", str(tmp_path.stat().st_dev))


def test_a_folder_that_nobody_uses_can_be_let_go_and_one_in_use_stays_open(tmp_path: Path) -> None:
    fs = FsOps()
    before = open_descriptors()
    open_and_close(tmp_path, "idle", fs=fs)
    with FolderHandle.open_below(str(tmp_path), ("busy",), fs) as busy:
        assert open_descriptors() == before + 2
        let_go_of_folders(fs)
        assert open_descriptors() == before + 1
        os.fstat(busy.fd)
    assert open_descriptors() == before
