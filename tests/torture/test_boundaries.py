"""Killed or refused at every file operation, the program goes on; and at those where it once did not."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.servers.seaweed import Seaweed
from tests.torture.boundaries import run_boundaries
from tests.torture.scenes import SCENES, Scene
from tests.torture.seam import DISK, Boundary, is_storage
from tests.torture.straced import run_straced, why_not

SHORT = ("small down and away", "small up and away")
REFUSED = (*SHORT, "large down and away", "deleted here")
SEED, TAKEN = 8, 50
"""Of what a disk refuses in these a selection is tried here, and all of it by ``make torture-full``."""


@pytest.mark.timeout(300)
@pytest.mark.fault(38)
def test_killed_or_refused_at_any_file_operation_it_goes_on(seaweed: Seaweed, tmp_path: Path) -> None:
    def wanted(scene: Scene, boundary: Boundary) -> bool:
        return is_storage(boundary.operation) and boundary.how not in DISK

    result = run_boundaries(
        seaweed, tmp_path, scenes=[scene for scene in SCENES if scene.name in SHORT], wanted=wanted
    )
    assert not result.failures, "\n".join(result.failures)
    assert result.runs > 100
    assert result.passed_by < result.runs / 10


@pytest.mark.timeout(120)
def test_refused_space_or_met_by_a_bad_disk_at_any_file_operation_it_goes_on(
    seaweed: Seaweed, tmp_path: Path
) -> None:
    result = run_boundaries(
        seaweed,
        tmp_path,
        scenes=[scene for scene in SCENES if scene.name in REFUSED],
        wanted=lambda scene, boundary: is_storage(boundary.operation) and boundary.how in DISK,
        seed=SEED,
        most=TAKEN,
    )
    assert not result.failures, "\n".join(result.failures)
    assert result.runs == TAKEN
    assert all(result.kinds[how] > TAKEN / 10 for how in DISK), result.kinds
    assert result.passed_by < result.runs / 5


ONCE_FAILED = {
    ("small down and away", Boundary("EIO from", "write journal", 3)),
    ("small across", Boundary("EIO from", "fdatasync journal", 2)),
    ("deleted here", Boundary("ENOSPC from", "unlink source", 2)),
    ("small down and away", Boundary("ENOSPC from", "create part file", 1)),
    ("small up and away", Boundary("kill after", "write journal", 7)),
    ("small up", Boundary("EIO at", "lstat source", 2)),
    ("small up", Boundary("EIO at", "scandir source", 1)),
    ("small up", Boundary("EIO at", "stat source folder", 1)),
    ("small up and away", Boundary("EIO at", "scandir source folder", 1)),
    ("small down", Boundary("EIO at", "fstat part file", 2)),
    ("small up and away", Boundary("EIO at", "scandir state folder", 1)),
}


def test_where_it_once_failed_it_goes_on(seaweed: Seaweed, tmp_path: Path) -> None:
    names = {name for name, _ in ONCE_FAILED}
    result = run_boundaries(
        seaweed,
        tmp_path,
        scenes=[scene for scene in SCENES if scene.name in names],
        wanted=lambda scene, boundary: (scene.name, boundary) in ONCE_FAILED,
    )
    assert not result.failures, "\n".join(result.failures)
    assert result.runs == len(ONCE_FAILED)


def test_killed_from_outside_at_a_system_call_it_goes_on(seaweed: Seaweed, tmp_path: Path) -> None:
    if reason := why_not():
        pytest.skip(reason)
    kills = [
        ("small down and away", Boundary("kill before", "rename,renameat,renameat2", 1)),
        ("small up and away", Boundary("kill before", "fdatasync", 2)),
    ]
    results = run_straced(seaweed, tmp_path / "straced", kills)
    assert [each.wrong for each in results] == [[], []]
    assert all(each.was_hit for each in results)
