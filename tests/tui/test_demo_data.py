"""The demo's sample data."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tui import demo_data


def test_the_sample_files_hold_a_big_one_an_empty_one_and_odd_names(tmp_path: Path) -> None:
    folder = demo_data.write_files(tmp_path / "files")
    sizes = {path.name: path.stat().st_size for path in folder.rglob("*") if path.is_file()}
    assert sizes["vm-image.qcow2"] == demo_data.BIG_BYTES
    assert sizes["notes.txt"] == 0
    assert {"escape\x1b[2Jname.txt", "brackets [bold]x.txt", "-rf"} <= sizes.keys()
    assert (folder / "empty folder").is_dir()
    assert len(sizes) > 50, sorted(sizes)


def test_a_demo_has_a_server_with_data_and_leaves_none_behind(tmp_path: Path) -> None:
    places = demo_data.prepare_demo(str(tmp_path))
    pid = places.server.pid
    try:
        client = places.server.client()
        listed = client.list_objects_v2(Bucket=places.bucket)
        client.close()
        keys = [entry["Key"] for entry in listed["Contents"]]
        assert "odd keys/データ/表.csv" in keys
        assert len(keys) > 50
        assert places.secret_key not in repr(places)
    finally:
        places.stop()
    assert pid is not None
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
