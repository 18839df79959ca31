"""Knowing a file, and a boot, again."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from engine.local.identity import boot_id, identity_of, same_boot, was_at_rest
from engine.model import SourceIdentity


def test_an_untouched_file_keeps_its_identity(tmp_path: Path) -> None:
    file = tmp_path / "f"
    file.write_bytes(b"one")
    assert identity_of(file.stat()) == identity_of(os.stat(file))


def test_content_of_the_same_size_and_a_restored_time_still_shows(tmp_path: Path) -> None:
    file = tmp_path / "f"
    file.write_bytes(b"one")
    os.utime(file, ns=(10**18, 10**18))
    before = identity_of(file.stat())
    other = tmp_path / "g"
    other.write_bytes(b"two")
    os.utime(other, ns=(10**18, 10**18))
    other.replace(file)
    assert identity_of(file.stat()) != before


@pytest.mark.parametrize(
    ("mtime", "ctime", "at_rest"),
    [(50, 50, True), (98, 98, True), (99, 50, False), (50, 99, False), (200, 5, False)],
)
def test_a_file_is_at_rest_two_seconds_after_its_last_touch(mtime: int, ctime: int, at_rest: bool) -> None:
    identity = SourceIdentity(1, 2, 3, mtime * 10**9, ctime * 10**9)
    assert was_at_rest(identity, 100.0) is at_rest


def test_the_running_boot_has_one_name() -> None:
    if sys.platform == "linux":
        assert boot_id()
    assert same_boot(boot_id()) is bool(boot_id())
    assert not same_boot("")
    assert not same_boot("another")
