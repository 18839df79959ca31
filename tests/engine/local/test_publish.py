"""Putting a finished file in its place, whatever happens meanwhile."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.errors import NeedsAnswer, Permanent, TransferError
from engine.local.folders import FolderHandle
from engine.local.fsops import FsOps
from engine.local.partfile import PartFile
from engine.local.publish import StagedFile, current_umask, free_name, numbered
from engine.model import Facts
from tests.engine.local.faults import Killed, WatchedFs, dying, failing, open_descriptors

OLD, NEW = b"the old content", b"the new and longer content"


def staged(root: Path, fs: FsOps | None = None, *, replace: bool = True, **options: Any) -> StagedFile:
    part = PartFile.create(str(root), f"{root}/target", 7, fs or FsOps())
    part.set_size(len(NEW))
    part.pwrite(memoryview(NEW), 0)
    return StagedFile(part, replace=replace, **options)


def publish(file: StagedFile) -> str:
    try:
        file.sync()
        path = file.publish()
        file.sync_folder()
        return path
    finally:
        file.close()


def contents(root: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in root.iterdir()}


@pytest.mark.parametrize("replace", [True, False])
def test_a_new_file_appears_under_its_name_alone(tmp_path: Path, replace: bool) -> None:
    assert publish(staged(tmp_path, replace=replace)) == f"{tmp_path}/target"
    assert contents(tmp_path) == {"target": NEW}


def test_an_old_file_is_replaced_where_that_is_wanted(tmp_path: Path) -> None:
    (tmp_path / "target").write_bytes(OLD)
    publish(staged(tmp_path))
    assert contents(tmp_path) == {"target": NEW}


def test_an_old_file_is_asked_about_where_it_is_not(tmp_path: Path) -> None:
    (tmp_path / "target").write_bytes(OLD)
    os.utime(tmp_path / "target", (100, 100))
    with pytest.raises(NeedsAnswer) as caught:
        publish(staged(tmp_path, replace=False, source=Facts(5)))
    assert caught.value.code == "target-exists"
    assert caught.value.source == Facts(5)
    assert caught.value.target == Facts(len(OLD), 100.0)
    assert contents(tmp_path) == {"target": OLD, ".target.7.part": NEW}


def test_it_may_get_another_name(tmp_path: Path) -> None:
    (tmp_path / "target").write_bytes(OLD)
    with FolderHandle.open_below(str(tmp_path), (), FsOps()) as folder:
        name = free_name(folder, "target")
    assert publish(staged(tmp_path, replace=False, name=name)) == f"{tmp_path}/target (2)"
    assert contents(tmp_path) == {"target": OLD, "target (2)": NEW}


def test_it_comes_from_a_temp_folder(tmp_path: Path) -> None:
    root, temp = tmp_path / "root", tmp_path / "temp"
    part = PartFile.create(str(root), f"{root}/a/target", 7, FsOps(), temp_dir=str(temp))
    part.pwrite(memoryview(NEW), 0)
    assert publish(StagedFile(part, replace=False)) == f"{root}/a/target"
    assert contents(root / "a") == {"target": NEW}
    assert not list(temp.iterdir())


@pytest.mark.parametrize("replace", [True, False])
def test_a_folder_with_that_name_is_never_touched(tmp_path: Path, replace: bool) -> None:
    (tmp_path / "target").mkdir()
    (tmp_path / "target" / "kept").touch()
    with pytest.raises(TransferError) as caught:
        publish(staged(tmp_path, replace=replace))
    assert caught.value.code == "target-folder"
    assert (tmp_path / "target" / "kept").exists()


def test_a_symlink_with_that_name_is_replaced_and_not_followed(tmp_path: Path) -> None:
    victim, root = tmp_path / "victim", tmp_path / "root"
    victim.write_bytes(OLD)
    root.mkdir()
    (root / "target").symlink_to(victim)
    with pytest.raises(NeedsAnswer):
        publish(staged(root, replace=False))
    publish(staged(root))
    assert victim.read_bytes() == OLD
    assert not (root / "target").is_symlink()


def test_another_file_under_the_name_of_the_part_file_is_never_published(tmp_path: Path) -> None:
    file = staged(tmp_path)
    file.sync()
    (tmp_path / ".target.7.part").unlink()
    (tmp_path / ".target.7.part").write_bytes(b"half of something else")
    with pytest.raises(Permanent) as caught:
        file.publish()
    assert caught.value.code == "part-file-gone"
    file.close()
    assert not (tmp_path / "target").exists()


def test_a_folder_that_was_removed_is_not_made_again(tmp_path: Path) -> None:
    root = tmp_path / "root"
    file = staged(root)
    file.sync()
    (root / ".target.7.part").unlink()
    root.rmdir()
    with pytest.raises(Permanent):
        file.publish()
    file.close()
    assert not root.exists()


# -- time and permissions ------------------------------------------------------------------------


def test_it_has_its_time_before_it_has_its_name(tmp_path: Path) -> None:
    seen = []

    def before(name: str, args: tuple[Any, ...]) -> None:
        if name in ("link", "rename"):
            seen.append(os.stat(tmp_path / ".target.7.part").st_mtime)

    publish(staged(tmp_path, WatchedFs(before), mtime=1_234_567_890.5))
    assert seen == [1_234_567_890.5]
    assert (tmp_path / "target").stat().st_mtime == 1_234_567_890.5


@pytest.mark.parametrize("mtime", [float("nan"), float("inf"), 1e300, -1e300, 1e18])
def test_a_senseless_time_is_left_out(tmp_path: Path, mtime: float) -> None:
    publish(staged(tmp_path, mtime=mtime))
    assert (tmp_path / "target").stat().st_mtime > 1e9


def test_a_time_that_cannot_be_set_spoils_nothing(tmp_path: Path) -> None:
    publish(staged(tmp_path, failing("utime", errno.EPERM), mtime=100.0))
    assert contents(tmp_path) == {"target": NEW}


@pytest.mark.parametrize("umask", [0o022, 0o077, 0o002])
def test_it_has_the_permissions_of_any_new_file(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        assert current_umask() == umask
        publish(staged(tmp_path))
        (tmp_path / "any").touch()
    finally:
        os.umask(before)
    assert (tmp_path / "target").stat().st_mode == (tmp_path / "any").stat().st_mode


# -- failures ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("operation", "code", "expected"),
    [
        ("fsync", errno.EIO, "disk-error"),
        ("fsync", errno.ENOSPC, "disk-full"),
        ("rename", errno.ENOSPC, "disk-full"),
        ("rename", errno.EACCES, "local-denied"),
        ("rename", errno.EXDEV, "target-folder"),
        ("fchmod", errno.EROFS, "read-only-disk"),
    ],
)
def test_a_disk_that_fails_keeps_the_old_file_and_the_part_file(
    tmp_path: Path, operation: str, code: int, expected: str
) -> None:
    (tmp_path / "target").write_bytes(OLD)
    with pytest.raises(TransferError) as caught:
        publish(staged(tmp_path, failing(operation, code)))
    assert caught.value.code == expected
    assert contents(tmp_path) == {"target": OLD, ".target.7.part": NEW}


def test_each_step_may_be_repeated(tmp_path: Path) -> None:
    file = staged(tmp_path, replace=False)
    for _ in range(2):
        file.sync()
    assert file.publish() == file.publish() == file.path
    file.sync_folder()
    file.sync_folder()
    file.close()
    file.close()
    assert contents(tmp_path) == {"target": NEW}


def test_after_a_failure_the_same_part_file_may_be_staged_anew(tmp_path: Path) -> None:
    fs = failing("rename", errno.ENOSPC, times=1)
    part = PartFile.create(str(tmp_path), f"{tmp_path}/target", 7, fs)
    part.pwrite(memoryview(NEW), 0)
    first = StagedFile(part, replace=True)
    first.sync()
    with pytest.raises(TransferError):
        first.publish()
    publish(StagedFile(part, replace=True))
    first.close()
    assert contents(tmp_path) == {"target": NEW}


def no_links(fs: WatchedFs, *, no_exclusive_rename: bool) -> WatchedFs:
    def refuse(*args: Any, **kwargs: Any) -> None:
        raise OSError(errno.EPERM, "no hard links here")

    def unknown(*args: Any, **kwargs: Any) -> None:
        raise OSError(errno.ENOTSUP, "no such call here")

    fs.instead["link"] = refuse
    if no_exclusive_rename:
        fs.instead["rename_exclusive"] = unknown
    return fs


@pytest.mark.parametrize("no_exclusive_rename", [True, False])
def test_without_hard_links_nothing_is_replaced_either(tmp_path: Path, no_exclusive_rename: bool) -> None:
    fs = no_links(WatchedFs(), no_exclusive_rename=no_exclusive_rename)
    publish(staged(tmp_path, fs, replace=False))
    assert contents(tmp_path) == {"target": NEW}
    (tmp_path / "target").write_bytes(OLD)
    with pytest.raises(NeedsAnswer):
        publish(staged(tmp_path, fs, replace=False))
    assert contents(tmp_path) == {"target": OLD, ".target.7.part": NEW}


# -- crashes -------------------------------------------------------------------------------------


def whole_download(root: Path, fs: FsOps, *, replace: bool) -> None:
    """Write and publish; go on with what an earlier, killed try has left."""
    inode = 0
    left = root / ".target.7.part"
    if left.exists():
        inode = left.stat().st_ino
    elif (root / "target").exists() and (root / "target").read_bytes() == NEW:
        return
    part = PartFile.reopen(str(root), f"{root}/target", 7, fs, inode=inode, size=len(NEW))
    part = part or PartFile.create(str(root), f"{root}/target", 7, fs)
    part.set_size(len(NEW))
    part.pwrite(memoryview(NEW[:10]), 0)
    part.pwrite(memoryview(NEW[10:]), 10)
    publish(StagedFile(part, replace=replace, mtime=1e9))


def kill_at_every_step(
    make_fs: Callable[[int], FsOps], root: Path, *, replace: bool, old: bytes | None
) -> int:
    """How many steps there were; after each the target is whole, and a second run finishes it."""
    for step in range(100):
        for path in root.iterdir():
            path.unlink()
        if old is not None:
            (root / "target").write_bytes(old)
        try:
            whole_download(root, make_fs(step), replace=replace)
        except Killed:
            found = contents(root).get("target")
            assert found in (old, NEW)
            whole_download(root, FsOps(), replace=replace)
            assert contents(root) == {"target": NEW}
            continue
        return step
    raise AssertionError("it never ends")


@pytest.mark.parametrize(("replace", "old"), [(True, OLD), (True, None), (False, None)])
def test_a_kill_at_any_step_leaves_nothing_old_new_or_whole(
    tmp_path: Path, replace: bool, old: bytes | None
) -> None:
    assert kill_at_every_step(dying, tmp_path, replace=replace, old=old) > 8


def test_a_kill_without_hard_links_is_no_worse(tmp_path: Path) -> None:
    def make(step: int) -> FsOps:
        return no_links(dying(step), no_exclusive_rename=False)

    assert kill_at_every_step(make, tmp_path, replace=False, old=None) > 8


def test_a_reader_never_sees_anything_but_the_old_or_the_new_file(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_bytes(OLD)
    stop, seen = threading.Event(), set()

    def read() -> None:
        while not stop.is_set():
            seen.add(target.read_bytes())

    reader = threading.Thread(target=read)
    reader.start()
    fs = FsOps()
    for _ in range(50):
        publish(staged(tmp_path, fs))
        (tmp_path / "again").write_bytes(OLD)
        (tmp_path / "again").replace(target)
    stop.set()
    reader.join(10)
    assert seen <= {OLD, NEW}


# -- groups --------------------------------------------------------------------------------------


def test_a_group_in_one_folder_needs_one_folder_sync_and_few_descriptors(tmp_path: Path) -> None:
    fs = WatchedFs()
    before = open_descriptors()
    group = []
    for number in range(100):
        part = PartFile.create(str(tmp_path), f"{tmp_path}/f{number}", number, fs)
        part.pwrite(memoryview(NEW), 0)
        file = StagedFile(part, replace=False)
        file.sync()
        group.append(file)
    assert open_descriptors() - before < 5
    for file in group:
        file.publish()
    assert len({file.folder_key for file in group}) == 1
    synced = fs.counts["fsync"]
    group[0].sync_folder()
    assert fs.counts["fsync"] == synced + 1
    for file in group:
        file.close()
    assert set(contents(tmp_path).values()) == {NEW}
    assert sum(fs.counts.values()) < 16 * 100


# -- numbers -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("report.pdf", "report (2).pdf"),
        ("report", "report (2)"),
        (".profile", ".profile (2)"),
        ("a.tar.gz", "a (2).tar.gz"),
        (".tar.gz", ".tar (2).gz"),
        ("a (2).txt", "a (2) (2).txt"),
        ("a.", "a (2)."),
        ("x" * 255, "x" * 251 + " (2)"),
        ("é" * 125 + ".txt", "é" * 123 + " (2).txt"),
        ("a." + "x" * 200, "a." + "x" * 200 + " (2)"),
    ],
)
def test_a_number_goes_before_the_extension(name: str, expected: str) -> None:
    assert numbered(name, 2) == expected
    assert len(os.fsencode(expected)) <= 255


def test_the_first_free_number_is_taken(tmp_path: Path) -> None:
    for name in ("a.txt", "a (2).txt", "a (4).txt"):
        (tmp_path / name).touch()
    (tmp_path / "a (3).txt").symlink_to("nowhere")
    with FolderHandle.open_below(str(tmp_path), (), FsOps()) as folder:
        assert free_name(folder, "a.txt") == "a (5).txt"


def test_numbers_end_somewhere(tmp_path: Path) -> None:
    fs = WatchedFs()
    fs.instead["lstat"] = lambda *args, **kwargs: os.stat(tmp_path)
    with FolderHandle.open_below(str(tmp_path), (), fs) as folder, pytest.raises(Permanent) as caught:
        free_name(folder, "a.txt")
    assert caught.value.code == "name-collision"
