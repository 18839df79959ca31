"""The promises of the seam: whole reads, whole writes, private descriptors."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from engine.local.fsops import Data, FsOps


class ShortFs(FsOps):
    """Writes a few bytes at a time, as a disk that is nearly full or a signal makes it."""

    def pwrite_some(self, fd: int, data: Data, offset: int) -> int:
        return super().pwrite_some(fd, memoryview(data)[:3], offset)


class DeadFs(FsOps):
    """Writes nothing and says so."""

    def pwrite_some(self, fd: int, data: Data, offset: int) -> int:
        return 0


def test_short_writes_are_gone_on_with(tmp_path: Path) -> None:
    fs = ShortFs()
    fd = fs.open(str(tmp_path / "f"), os.O_CREAT | os.O_RDWR)
    fs.pwrite(fd, b"0123456789", 5)
    fs.close(fd)
    assert (tmp_path / "f").read_bytes() == bytes(5) + b"0123456789"


def test_a_write_of_nothing_is_an_error_and_not_a_loop(tmp_path: Path) -> None:
    fs = DeadFs()
    fd = fs.open(str(tmp_path / "f"), os.O_CREAT | os.O_RDWR)
    with pytest.raises(OSError) as caught:
        fs.pwrite(fd, b"x", 0)
    assert caught.value.errno == errno.EIO
    fs.close(fd)


def test_a_read_is_short_only_at_the_end(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"0123456789")
    fs = FsOps()
    fd = fs.open(str(tmp_path / "f"), os.O_RDONLY)
    buffer = bytearray(8)
    assert fs.pread_into(fd, memoryview(buffer), 2) == 8
    assert buffer == b"23456789"
    assert fs.pread_into(fd, memoryview(buffer), 7) == 3
    assert fs.pread_into(fd, memoryview(buffer), 10) == 0
    fs.close(fd)


def test_descriptors_and_new_files_are_private(tmp_path: Path) -> None:
    fs = FsOps()
    fd = fs.open(str(tmp_path / "f"), os.O_CREAT | os.O_RDWR)
    assert not os.get_inheritable(fd)
    assert os.fstat(fd).st_mode & 0o777 == 0o600
    fs.close(fd)


def test_an_exclusive_rename_never_replaces(tmp_path: Path) -> None:
    fs = FsOps()
    for name in ("a", "b"):
        (tmp_path / name).write_text(name)
    fd = fs.open(str(tmp_path), os.O_RDONLY)
    try:
        with pytest.raises(FileExistsError):
            fs.rename_exclusive("a", "b", src_dir_fd=fd, dst_dir_fd=fd)
        fs.rename_exclusive("a", "c", src_dir_fd=fd, dst_dir_fd=fd)
    except OSError as error:
        if error.errno == errno.ENOTSUP:
            pytest.skip("this file system has no exclusive rename")
        raise
    finally:
        fs.close(fd)
    assert (tmp_path / "b").read_text() == "b"
    assert (tmp_path / "c").read_text() == "a"
