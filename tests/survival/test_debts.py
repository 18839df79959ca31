"""What an earlier run left behind is removed by the next one, whatever else that has to do."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from engine import Profile
from engine.state.store import Store
from tests.servers.seaweed import Seaweed
from tests.survival.program import Program


def test_a_run_with_nothing_to_move_removes_what_an_earlier_one_left_behind(
    seaweed: Seaweed, bucket: str, tmp_path: Path
) -> None:
    upload = seaweed.client().create_multipart_upload(Bucket=bucket, Key="left")["UploadId"]
    part = tmp_path / ".file.7.part"
    part.write_bytes(b"x")
    program = Program(seaweed, tmp_path / "home", seaweed.url)
    profile = Profile("default", seaweed.url)
    with closing(Store.open(str(program.state_dir))) as store:
        store.owe("abort", profile.connection_id, f"{bucket}/left", upload)
        store.owe("unlink", None, str(part), str(part.stat().st_ino))
    ran = program.run("run")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "Uploads" not in seaweed.client().list_multipart_uploads(Bucket=bucket)
    assert not part.exists()
    with closing(Store.open(str(program.state_dir))) as store:
        assert not store.loaded.owed
