"""Three minutes of chaos on the line."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.servers.seaweed import Seaweed
from tests.torture.soak import run_soak

SECONDS = 150.0
"""And what it takes to finish what is under way then."""


@pytest.mark.timeout(600)
def test_over_a_line_on_which_everything_goes_wrong_everything_arrives(
    seaweed: Seaweed, bucket: str, tmp_path: Path
) -> None:
    result = run_soak(seaweed, bucket, tmp_path, seconds=SECONDS, seed=3)
    assert not result.wrong
    assert result.trees >= 2
    faults = {name: count for name, count in result.faults.items() if count}
    assert len(faults) >= 5, f"the line was too good: {faults}"
