"""Part files that a killed process left without a record of them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from engine import ConflictPolicy, Outcome, TransferState
from tests.engine.queue.real import running
from tests.servers.seaweed import Seaweed


@pytest.mark.parametrize("is_somebody_elses", [False, True])
def test_cancelling_a_small_download_of_an_earlier_process_removes_its_part_file_and_no_other(
    seaweed: Seaweed, bucket: str, tmp_path: Path, is_somebody_elses: bool
) -> None:
    seaweed.client().put_object(Bucket=bucket, Key="small", Body=b"x")
    target = tmp_path / "down" / "small"
    with running(seaweed, tmp_path / "state") as engine:
        engine.manager.pause_all()
        engine.copy(f"s3://{bucket}/small", target)
        id = engine.until(lambda: engine.row("small")).id
        shutil.copytree(tmp_path / "state", tmp_path / "killed")
    target.parent.mkdir()
    left = target.parent / f".small.{id + 1 if is_somebody_elses else id}.part"
    left.write_bytes(b"half")
    with running(seaweed, tmp_path / "killed") as engine:
        engine.manager.cancel(id)
        engine.until(lambda: engine.state("small") is TransferState.CANCELLED)
        engine.until(lambda: engine.manager.is_tidy)
    assert left.exists() == is_somebody_elses


@pytest.mark.parametrize("is_the_same", [True, False])
def test_a_small_file_put_in_place_just_before_the_kill_leaves_no_second_name(
    seaweed: Seaweed, bucket: str, tmp_path: Path, is_the_same: bool
) -> None:
    """A new file gets its name by a link, and then the part file loses its own."""
    seaweed.client().put_object(Bucket=bucket, Key="small", Body=b"whole")
    target = tmp_path / "down" / "small"
    policy = ConflictPolicy.ASK if is_the_same else ConflictPolicy.SKIP
    with running(seaweed, tmp_path / "state") as engine:
        engine.manager.pause_all()
        engine.copy(f"s3://{bucket}/small", target, on_conflict=policy)
        id = engine.until(lambda: engine.row("small")).id
        shutil.copytree(tmp_path / "state", tmp_path / "killed")
    target.parent.mkdir()
    target.write_bytes(b"whole" if is_the_same else b"other")
    left = target.parent / f".small.{id}.part"
    left.hardlink_to(target)
    others = target.parent / f".small.{id + 1}.part"
    others.write_bytes(b"of another item")
    with running(seaweed, tmp_path / "killed") as engine:
        engine.manager.resume_all()
        engine.until(lambda: engine.state("small") is TransferState.DONE)
        assert engine.row("small").outcome is (Outcome.IDENTICAL if is_the_same else Outcome.SKIPPED)
    assert not left.exists() and others.exists()
    assert target.read_bytes() == (b"whole" if is_the_same else b"other")
