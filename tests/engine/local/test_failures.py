"""What the system's errors mean to a person."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from engine.errors import Condition, Permanent, Retryable, TransferError, explain
from engine.local.failures import local_error


def meant(code: int, path: str = "/x", *, writing: bool = False) -> TransferError:
    return local_error(OSError(code, os.strerror(code)), "write", path, writing=writing)


@pytest.mark.parametrize(
    ("code", "reading", "writing"),
    [
        (errno.ENOENT, "source-missing", "target-folder"),
        (errno.ENOTDIR, "source-missing", "target-folder"),
        (errno.EACCES, "local-denied", "local-denied"),
        (errno.EPERM, "local-denied", "local-denied"),
        (errno.EROFS, "read-only-disk", "read-only-disk"),
        (errno.EDQUOT, "quota", "quota"),
        (errno.EFBIG, "file-too-big", "file-too-big"),
        (errno.EIO, "disk-error", "disk-error"),
        (errno.ESTALE, "disk-error", "disk-error"),
        (errno.ENAMETOOLONG, "name-too-long", "name-too-long"),
        (errno.EXDEV, "source-missing", "target-folder"),
    ],
)
def test_an_error_that_will_not_heal_fails_the_item(code: int, reading: str, writing: str) -> None:
    for error, expected in [(meant(code), reading), (meant(code, writing=True), writing)]:
        assert isinstance(error, Permanent)
        assert error.code == expected
        assert os.strerror(code) in explain(error).why


@pytest.mark.parametrize("code", [errno.EMFILE, errno.ENFILE, errno.ENOMEM])
def test_a_shortage_is_tried_again(code: int) -> None:
    assert isinstance(meant(code), Retryable)


@pytest.mark.parametrize("below", ["", "/missing", "/missing/deeper/file"])
def test_a_full_disk_is_a_condition_of_that_disk(tmp_path: Path, below: str) -> None:
    error = meant(errno.ENOSPC, f"{tmp_path}{below}", writing=True)
    assert isinstance(error, Condition)
    assert error.code == "disk-full"
    assert error.scope == ("disk", str(tmp_path.stat().st_dev))


def test_every_code_has_its_words() -> None:
    internal = explain(TransferError("internal")).why
    for code in errno.errorcode:
        assert not explain(meant(code)).why.startswith(internal)
