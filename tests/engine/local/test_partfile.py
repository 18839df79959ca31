"""The hidden file of a download: written in pieces, gone on with, checked, never mistaken."""

from __future__ import annotations

import errno
import hashlib
import os
import threading
import zlib
from pathlib import Path
from typing import Any

import pytest

from engine.errors import Condition, Interrupted, Permanent, TransferError, UsageError
from engine.local.fsops import FsOps
from engine.local.partfile import PartFile
from engine.local.partplace import part_file_name
from engine.pace.cancel import CancelToken
from tests.engine.local.faults import WatchedFs, failing, open_descriptors

CONTENT = bytes(range(256)) * 40


def create(root: Path, name: str = "big.tar", fs: FsOps | None = None, **options: Any) -> PartFile:
    return PartFile.create(str(root), f"{root}/{name}", 7, fs or FsOps(), **options)


def reopen(root: Path, inode: int, size: int = len(CONTENT), **options: Any) -> PartFile | None:
    return PartFile.reopen(str(root), f"{root}/big.tar", 7, FsOps(), inode=inode, size=size, **options)


def written(root: Path) -> PartFile:
    part = create(root)
    part.set_size(len(CONTENT))
    part.pwrite(memoryview(CONTENT), 0)
    return part


def buffer(size: int = 1000) -> memoryview:
    return memoryview(bytearray(size))


# -- its name ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("a.tar", "a.tar"),
        ("x" * 200, "x" * 200),
        ("x" * 255, "x" * 200),
        ("é" * 127, "é" * 100),
        ("漢" * 85, "漢" * 66),
    ],
)
def test_the_name_is_cut_to_200_bytes_between_characters(name: str, kept: str) -> None:
    assert part_file_name(name, 7) == f".{kept}.7.part"


@pytest.mark.parametrize("shift", range(4))
def test_a_name_is_never_cut_inside_a_character(shift: int) -> None:
    name = part_file_name("x" * shift + "\U0001f600" * 60, 2**63)
    name.encode("utf-8")
    assert len(os.fsencode(name)) <= 255


def test_a_name_that_is_not_text_has_a_part_file_too(tmp_path: Path) -> None:
    name = os.fsdecode(b"\xff\x80\x80" * 80)
    assert len(os.fsencode(part_file_name(name, 7))) <= 255
    create(tmp_path, os.fsdecode(b"bad\xffname")).close()
    assert os.listdir(os.fsencode(tmp_path)) == [b".bad\xffname.7.part"]


# -- making it -----------------------------------------------------------------------------------


def test_it_is_private_and_beside_the_target(tmp_path: Path) -> None:
    part = create(tmp_path, "a/b/big.tar")
    assert part.path == f"{tmp_path}/a/b/.big.tar.7.part"
    assert part.target_path == f"{tmp_path}/a/b/big.tar"
    facts = os.stat(part.path)
    assert facts.st_mode & 0o777 == 0o600
    assert facts.st_ino == part.inode
    part.close()


def test_two_targets_of_one_name_do_not_meet(tmp_path: Path) -> None:
    first = PartFile.create(str(tmp_path), f"{tmp_path}/x", 1, FsOps())
    second = PartFile.create(str(tmp_path), f"{tmp_path}/x", 2, FsOps())
    assert first.path != second.path
    first.close()
    second.close()


def test_what_an_earlier_run_left_is_replaced(tmp_path: Path) -> None:
    (tmp_path / ".big.tar.7.part").write_bytes(b"left over")
    part = create(tmp_path)
    assert os.path.getsize(part.path) == 0
    part.close()


def test_a_symlink_planted_under_its_name_is_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    root = tmp_path / "root"
    root.mkdir()
    (root / ".big.tar.7.part").symlink_to(victim)
    part = create(root)
    part.pwrite(memoryview(b"overwritten"), 0)
    part.close()
    assert victim.read_bytes() == b"precious"
    assert reopen(root, victim.stat().st_ino) is None


@pytest.mark.parametrize("target", ["../x", "a/../../x", "a/./b", "/", "a//b"])
def test_a_target_outside_the_root_is_refused(tmp_path: Path, target: str) -> None:
    with pytest.raises(Permanent) as caught:
        PartFile.create(str(tmp_path), f"{tmp_path}/{target}", 7, FsOps())
    assert caught.value.code == "unsafe-name"


def test_a_temp_folder_on_the_same_file_system_takes_it(tmp_path: Path) -> None:
    part = create(tmp_path / "root", temp_dir=str(tmp_path / "temp"))
    assert part.path == f"{tmp_path}/temp/.big.tar.7.part"
    inode = part.inode
    part.close()
    again = reopen(tmp_path / "root", inode, temp_dir=str(tmp_path / "temp"))
    assert again is not None
    again.close()


def test_a_temp_folder_on_another_file_system_is_refused(tmp_path: Path) -> None:
    if not os.path.isdir("/dev/shm") or os.stat("/dev/shm").st_dev == tmp_path.stat().st_dev:
        pytest.skip("needs /dev/shm as a second file system")
    before = open_descriptors()
    with pytest.raises(UsageError, match="not on the file system of"):
        create(tmp_path, temp_dir="/dev/shm")
    assert not list(tmp_path.iterdir())
    assert open_descriptors() - before <= 2  # the two folders, kept for the next item


@pytest.mark.parametrize(
    ("operation", "code", "expected"),
    [
        ("open", errno.EACCES, "local-denied"),
        ("open", errno.EROFS, "read-only-disk"),
        ("open", errno.ENOSPC, "disk-full"),
        ("open", errno.EMFILE, "short-of-resources"),
        ("unlink", errno.EPERM, "local-denied"),
    ],
)
def test_a_part_file_that_cannot_be_made_says_why(
    tmp_path: Path, operation: str, code: int, expected: str
) -> None:
    (tmp_path / ".big.tar.7.part").touch()
    before = open_descriptors()
    fs = failing(operation, code, after=1 if operation == "open" else 0)
    with pytest.raises(TransferError) as caught:
        create(tmp_path, fs=fs)
    assert caught.value.code == expected
    assert open_descriptors() - before <= 1


# -- going on with it ----------------------------------------------------------------------------


def test_it_is_gone_on_with_exactly(tmp_path: Path) -> None:
    part = written(tmp_path)
    part.close()
    again = reopen(tmp_path, part.inode)
    assert again is not None
    assert not again.was_altered
    assert again.crc_of(0, len(CONTENT), buffer(), CancelToken()) == zlib.crc32(CONTENT)
    again.close()


def test_another_file_under_its_name_is_not_gone_on_with(tmp_path: Path) -> None:
    part = written(tmp_path)
    part.close()
    other = tmp_path / "other"
    other.write_bytes(CONTENT)
    other.replace(part.path)
    assert reopen(tmp_path, part.inode) is None


def test_a_missing_one_is_not_gone_on_with(tmp_path: Path) -> None:
    part = written(tmp_path)
    part.close()
    os.unlink(part.path)
    assert reopen(tmp_path, part.inode) is None
    assert not os.path.exists(part.path)


@pytest.mark.parametrize("size", [0, 100, len(CONTENT) + 1])
def test_one_whose_size_was_changed_is_mended_and_marked(tmp_path: Path, size: int) -> None:
    part = written(tmp_path)
    part.close()
    os.truncate(part.path, size)
    again = reopen(tmp_path, part.inode)
    assert again is not None
    assert again.was_altered
    assert os.path.getsize(part.path) == len(CONTENT)
    again.close()


@pytest.mark.parametrize("kind", ["fifo", "folder", "dangling"])
def test_something_else_under_its_name_neither_hangs_nor_is_gone_on_with(tmp_path: Path, kind: str) -> None:
    path = tmp_path / ".big.tar.7.part"
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to("nowhere")
    assert reopen(tmp_path, os.lstat(path).st_ino) is None


# -- writing and reading -------------------------------------------------------------------------


def test_pieces_may_come_in_any_order_from_many_threads(tmp_path: Path) -> None:
    part = create(tmp_path)
    part.set_size(len(CONTENT))
    pieces = [(offset, memoryview(CONTENT)[offset : offset + 256]) for offset in range(0, len(CONTENT), 256)]

    def work(number: int) -> None:
        for offset, piece in reversed(pieces[number::4]):
            part.pwrite(piece, offset)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert Path(part.path).read_bytes() == CONTENT
    part.close()


def test_its_size_is_a_hole(tmp_path: Path) -> None:
    part = create(tmp_path)
    part.set_size(1 << 40)
    facts = os.stat(part.path)
    assert facts.st_size == 1 << 40
    assert facts.st_blocks * 512 < 1 << 20
    part.close()


@pytest.mark.parametrize("size", [1, 7, 1000, 10**5])
def test_a_range_is_hashed_through_a_buffer_of_any_size(tmp_path: Path, size: int) -> None:
    part = written(tmp_path)
    token = CancelToken()
    assert part.crc_of(100, 5000, buffer(size), token) == zlib.crc32(CONTENT[100:5100])
    assert part.md5_of(100, 5000, buffer(size), token) == hashlib.md5(CONTENT[100:5100]).digest()
    assert part.crc_of(100, 0, buffer(size), token) == 0
    part.close()


def test_a_range_beyond_the_end_has_no_checksum_that_equals_any(tmp_path: Path) -> None:
    part = written(tmp_path)
    assert part.crc_of(len(CONTENT) - 10, 11, buffer(), CancelToken()) == -1
    assert part.md5_of(len(CONTENT) - 10, 11, buffer(), CancelToken()) == b""
    part.close()


def test_hashing_stops_at_cancel(tmp_path: Path) -> None:
    token = CancelToken()
    reads = 0

    def before(name: str, args: tuple[Any, ...]) -> None:
        nonlocal reads
        if name == "pread_into":
            reads += 1
            if reads == 3:
                token.cancel("pause")

    part = create(tmp_path, fs=WatchedFs(before))
    part.pwrite(memoryview(CONTENT), 0)
    with pytest.raises(Interrupted):
        part.crc_of(0, len(CONTENT), buffer(100), token)
    assert reads == 3
    part.close()


@pytest.mark.parametrize(
    ("operation", "code", "expected"),
    [
        ("pwrite", errno.ENOSPC, "disk-full"),
        ("pwrite", errno.EDQUOT, "quota"),
        ("pwrite", errno.EFBIG, "file-too-big"),
        ("pwrite", errno.EIO, "disk-error"),
        ("ftruncate", errno.EFBIG, "file-too-big"),
        ("fdatasync", errno.EIO, "disk-error"),
        ("fdatasync", errno.ENOSPC, "disk-full"),
        ("pread_into", errno.EIO, "disk-error"),
    ],
)
def test_a_disk_that_fails_says_how(tmp_path: Path, operation: str, code: int, expected: str) -> None:
    part = create(tmp_path, fs=failing(operation, code))
    with pytest.raises(TransferError) as caught:
        part.set_size(10)
        part.pwrite(memoryview(b"0123456789"), 0)
        part.crc_of(0, 10, buffer(), CancelToken())
        part.sync()
    assert caught.value.code == expected
    assert caught.value.subject == part.path
    if isinstance(caught.value, Condition):
        assert caught.value.scope == ("disk", str(tmp_path.stat().st_dev))
    part.close()


def test_a_disk_without_room_is_known_beforehand(tmp_path: Path) -> None:
    part = create(tmp_path)
    part.check_space(1)
    with pytest.raises(Condition) as caught:
        part.check_space(1 << 62)
    assert caught.value.code == "disk-full"
    assert caught.value.detail.startswith("4194304.0 TiB needed, ")
    assert caught.value.alone
    with pytest.raises(Condition) as caught:
        part.check_space(1, others=1 << 62)
    assert caught.value.detail.startswith("1 B needed beside 4194304.0 TiB under way, ")
    part.close()


# -- letting go ----------------------------------------------------------------------------------


def test_a_closed_one_is_not_written_and_stays_on_disk(tmp_path: Path) -> None:
    before = open_descriptors()
    fs = FsOps()
    part = create(tmp_path, fs=fs)
    part.close()
    part.close()
    with pytest.raises(Interrupted):
        part.pwrite(memoryview(b"x"), 0)
    assert os.path.exists(part.path)
    assert open_descriptors() - before <= 1  # its folder, kept for the next item


def test_closing_never_pulls_the_file_from_under_a_thread_that_writes(tmp_path: Path) -> None:
    """Its descriptor's number could by then be another file."""
    inside, go_on = threading.Event(), threading.Event()

    def before(name: str, args: tuple[Any, ...]) -> None:
        if name == "pwrite":
            inside.set()
            go_on.wait(10)

    fs = WatchedFs(before)
    part = create(tmp_path, fs=fs)
    writer = threading.Thread(target=part.pwrite, args=(memoryview(b"late"), 0))
    writer.start()
    inside.wait(10)
    part.close()
    stranger = fs.open(str(tmp_path / "stranger"), os.O_CREAT | os.O_RDWR)
    go_on.set()
    writer.join(10)
    fs.close(stranger)
    assert (tmp_path / "stranger").read_bytes() == b""
    assert Path(part.path).read_bytes() == b"late"


def test_a_released_one_is_opened_again_when_needed(tmp_path: Path) -> None:
    part = written(tmp_path)
    before = open_descriptors()
    part.release()
    assert open_descriptors() == before - 1
    assert part.crc_of(0, 10, buffer(), CancelToken()) == zlib.crc32(CONTENT[:10])
    part.release()
    os.unlink(part.path)
    Path(part.path).write_bytes(CONTENT)
    with pytest.raises(TransferError):
        part.crc_of(0, 10, buffer(), CancelToken())
    part.close()


def test_removing_takes_only_ones_own(tmp_path: Path) -> None:
    part = create(tmp_path)
    part.remove()
    part.remove()
    assert not list(tmp_path.iterdir())

    part = create(tmp_path)
    os.unlink(part.path)
    Path(part.path).write_bytes(b"of another")
    part.remove()
    assert Path(part.path).read_bytes() == b"of another"
