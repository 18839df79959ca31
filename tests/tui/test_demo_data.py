"""The demo's sample data."""

from __future__ import annotations

import os
import random
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from tui import demo_data


def test_the_sample_files_hold_a_big_one_an_empty_one_and_odd_names(tmp_path: Path) -> None:
    folder = demo_data.write_files(tmp_path / "files")
    sizes = {path.name: path.stat().st_size for path in folder.rglob("*") if path.is_file()}
    assert sizes["vm-image.qcow2"] == demo_data.BIG_BYTES
    assert sizes["notes.txt"] == 0
    assert {"escape\x1b[2Jname.txt", "brackets [bold]x.txt", "-rf"} <= sizes.keys()
    assert (folder / "empty folder").is_dir()
    assert len(sizes) > 50, sorted(sizes)


def test_the_sample_photos_are_pictures_to_look_into() -> None:
    photos = [data for name, data in demo_data._small_files(random.Random(1)) if name.endswith(".jpg")]
    for data in photos:
        with Image.open(BytesIO(data)) as image:
            image.load()
            assert image.size == (256, 256) and image.format == "JPEG"
        assert len(data) % (1 << 20) == 0, "it is as large as a photo"
    assert len(set(photos)) == len(photos) == 6


def test_a_demo_has_a_server_with_data_and_leaves_none_behind(tmp_path: Path, weed: str) -> None:
    places = demo_data.prepare_demo(str(tmp_path))
    pid = places.server.pid
    try:
        client = places.server.client()
        listed = client.list_objects_v2(Bucket=places.bucket)
        versions = client.list_object_versions(Bucket=demo_data.VERSIONED)
        assert [each["Key"] for each in versions["Versions"]].count("plan.txt") == 3
        assert [each["Key"] for each in versions["DeleteMarkers"]] == ["deleted by mistake.txt"]
        (upload,) = client.list_multipart_uploads(Bucket=demo_data.VERSIONED)["Uploads"]
        assert upload["Key"] == "half sent.tar"
        client.close()
        keys = [entry["Key"] for entry in listed["Contents"]]
        for key in ("データ/表.csv", "right\u202eleft.txt", "escape\x1b[31mkey.txt"):
            assert f"odd keys/{key}" in keys
        assert len(keys) > 50
        assert places.secret_key not in repr(places)
    finally:
        places.stop()
    assert pid is not None
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_second_demo_in_the_same_folder_finds_what_the_first_left(tmp_path: Path, weed: str) -> None:
    places = demo_data.prepare_demo(str(tmp_path))
    client = places.server.client()
    client.put_object(Bucket=places.bucket, Key="mine.txt", Body=b"mine")
    client.close()
    Path(places.local_folder, "vm-image.qcow2").write_bytes(b"mine")
    places.stop()

    again = demo_data.prepare_demo(str(tmp_path))
    assert again.url == places.url, "what is queued for the first server cannot go on"
    client = again.server.client()
    try:
        assert client.get_object(Bucket=again.bucket, Key="mine.txt")["Body"].read() == b"mine"
        assert Path(again.local_folder, "vm-image.qcow2").read_bytes() == b"mine"
    finally:
        client.close()
        again.stop()
