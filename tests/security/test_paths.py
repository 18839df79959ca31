"""Whatever a key is, what it holds lands in the chosen folder, or is named as refused."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from engine import TransferState
from engine.local.fsops import FsOps
from tests.engine.queue.real import MIB, Engine, running, running_at, write
from tests.security.vectors import IMPOSSIBLE, PATH_KEYS, TOGETHER
from tests.servers.scripted import ScriptedS3
from tests.servers.seaweed import Seaweed

S = TransferState


@pytest.fixture
def s3() -> Iterator[ScriptedS3]:
    """It keeps keys as they are given: ``..``, ``//`` and NUL are letters like any other."""
    with ScriptedS3("b") as server:
        yield server


@pytest.fixture
def engine(s3: ScriptedS3, tmp_path: Path) -> Iterator[Engine]:
    with running_at(s3.url, tmp_path / "state", workers=4) as engine:
        yield engine


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """The chosen folder, with others above and beside it that must stay as they are."""
    for name in ("home/deep/beside", "home/beside", "etc"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "kept").write_text(name)
    return tmp_path / "home" / "deep" / "target"


def outside(tmp_path: Path, target: Path) -> dict[str, str]:
    """Everything that is not in the chosen folder, nor in the state folder."""
    found = {}
    for folder, folders, files in os.walk(tmp_path):
        folders[:] = [name for name in folders if Path(folder, name) not in (target, tmp_path / "state")]
        for name in (*folders, *files):
            path = Path(folder, name)
            found[str(path)] = path.read_text() if path.is_file() else "/"
    return found


@pytest.mark.fault(60)
def test_every_key_below_a_prefix_is_there_inside_or_named(
    engine: Engine, s3: ScriptedS3, tmp_path: Path, target: Path
) -> None:
    before = outside(tmp_path, target)
    for number, key in enumerate(PATH_KEYS):
        s3.put("b", f"in/{number:02}/{key}", b"" if key.endswith("/") or not key else b"%d" % number)
    operation = engine.copy("s3://b/in/", f"{target}/")
    rows = engine.do(operation)
    refused = {row.source for row in rows if row.state is S.FAILED}
    assert {row.state for row in rows} == {S.DONE, S.FAILED}
    for number, key in enumerate(PATH_KEYS):
        source = f"s3://b/in/{number:02}/{key}"
        if key in IMPOSSIBLE:
            assert source in refused, f"{key!r} was dropped without a word"
            continue
        assert source not in refused, key
        path = target / f"{number:02}" / key
        if key.endswith("/") or not key:
            assert path.is_dir(), key
        else:
            assert path.read_bytes() == b"%d" % number, key
    assert outside(tmp_path, target) == before
    for row in rows:
        if row.state is S.FAILED:
            assert row.problem is not None
            assert row.problem.code in ("unsafe-name", "name-too-long")


@pytest.mark.fault(60)
def test_every_key_that_is_named_alone_lands_inside_or_is_refused(
    engine: Engine, s3: ScriptedS3, tmp_path: Path, target: Path
) -> None:
    before = outside(tmp_path, target)
    target.mkdir()
    for number, key in enumerate(key for key in PATH_KEYS if key and not key.endswith("/")):
        s3.put("b", key, b"evil")
        folder = target / f"{number:02}"
        folder.mkdir()
        operation = engine.copy(f"s3://b/{key}", f"{folder}/")
        engine.settled(operation)
        progress = engine.manager.operation(operation)
        assert progress is not None
        rows = engine.manager.rows_of(operation)
        is_told = progress.problem is not None or any(row.state is S.FAILED for row in rows)
        assert is_told or [path.read_bytes() for path in folder.iterdir()] == [b"evil"], key
    assert outside(tmp_path, target) == before


@pytest.mark.fault(60)
def test_the_real_server_says_the_same_of_all_the_keys_that_it_takes(
    seaweed: Seaweed, bucket: str, tmp_path: Path, target: Path
) -> None:
    before = outside(tmp_path, target)
    client, taken = seaweed.client(), 0
    for number, key in enumerate(PATH_KEYS):
        try:
            client.put_object(Bucket=bucket, Key=f"in/{number:02}/{key}", Body=b"")
            taken += 1
        except (ClientError, BotoCoreError, ValueError):
            continue
    assert taken > 20
    with running(seaweed, tmp_path / "state") as engine:
        operation = engine.copy(f"s3://{bucket}/in/", f"{target}/")
        rows = engine.do(operation)
        listed = {
            entry["Key"] for entry in client.list_objects_v2(Bucket=bucket, Prefix="in/").get("Contents", ())
        }
        named = {row.source.removeprefix(f"s3://{bucket}/") for row in rows}
        assert {key.rstrip("/") for key in listed} <= {key.rstrip("/") for key in named}
    assert outside(tmp_path, target) == before


@pytest.mark.fault(60)
def test_keys_that_want_one_place_are_both_there_or_one_of_them_is_named(
    engine: Engine, s3: ScriptedS3, tmp_path: Path, target: Path
) -> None:
    for number, keys in enumerate(TOGETHER):
        for key in keys:
            s3.put("b", f"in/{number}/{key}", b"" if key.endswith("/") else key.encode())
    operation = engine.copy("s3://b/in/", f"{target}/")
    engine.settled(operation)
    refused = {row.source for row in engine.manager.rows_of(operation, S.FAILED)}
    for number, keys in enumerate(TOGETHER):
        for key in keys:
            path = target / str(number) / key
            is_there = path.is_dir() if key.endswith("/") else path.is_file() and path.read_text() == key
            assert is_there != (f"s3://b/in/{number}/{key}" in refused), key


# -- links -----------------------------------------------------------------------------------------


@pytest.fixture
def victim(tmp_path: Path) -> Path:
    """A file outside the chosen folder."""
    path = tmp_path / "victim" / "file"
    path.parent.mkdir()
    path.write_text("precious")
    return path


def test_a_link_below_the_chosen_folder_is_not_followed_but_named(
    engine: Engine, s3: ScriptedS3, victim: Path, target: Path
) -> None:
    target.mkdir()
    (target / "sub").symlink_to(victim.parent)
    for key in ("in/sub/file", "in/sub/new", "in/good"):
        s3.put("b", key, b"evil")
    operation = engine.copy("s3://b/in/", f"{target}/")
    engine.settled(operation)
    problems = [row.problem for row in engine.manager.rows_of(operation, S.FAILED)]
    assert [problem.code for problem in problems if problem is not None] == ["target-folder"] * 2
    assert (target / "good").read_bytes() == b"evil"
    assert {path.name: path.read_text() for path in victim.parent.iterdir()} == {"file": "precious"}


def test_a_link_in_place_of_the_file_is_replaced_and_what_it_leads_to_stays(
    engine: Engine, s3: ScriptedS3, victim: Path, target: Path
) -> None:
    target.mkdir()
    (target / "a").symlink_to(victim)
    s3.put("b", "a", b"new")
    engine.settled(engine.copy("s3://b/a", f"{target}/"))
    assert victim.read_text() == "precious"
    assert (target / "a").is_symlink() or (target / "a").read_bytes() == b"new"


class Planter(FsOps):
    """Does something nasty at the moment at which a file is about to be made."""

    def __init__(self, target: Path, victim: Path) -> None:
        super().__init__()
        self.target, self.victim = target, victim
        self.planted = 0

    def open(self, path: str | bytes, flags: int, mode: int = 0o600, *, dir_fd: int | None = None) -> int:
        """Before a part file is made, its folder or itself becomes a link."""
        if isinstance(path, str) and path.endswith(".part") and flags & os.O_CREAT and not self.planted:
            self.planted += 1
            self.plant(path)
        return super().open(path, flags, mode, dir_fd=dir_fd)

    def plant(self, name: str) -> None:
        """A link in place of the file."""
        (self.target / "sub" / os.path.basename(name)).symlink_to(self.victim)


class Swapper(Planter):
    """The folder, checked and open already, is moved away, and a link stands in its place."""

    def plant(self, name: str) -> None:
        """A link in place of the folder."""
        (self.target / "sub").rename(self.target / "moved")
        (self.target / "sub").symlink_to(self.victim.parent)


@pytest.mark.parametrize("kind", [Planter, Swapper])
@pytest.mark.parametrize("size", [10, 9 * MIB])
def test_a_link_that_appears_between_looking_and_writing_is_not_written_through(
    s3: ScriptedS3, tmp_path: Path, victim: Path, target: Path, kind: type[Planter], size: int
) -> None:
    (target / "sub").mkdir(parents=True)
    s3.put("b", "in/sub/file", write(tmp_path / "source", size).read_bytes())
    fs = kind(target, victim)
    with running_at(s3.url, tmp_path / "state", fs=fs, attempts=2) as engine:
        operation = engine.copy("s3://b/in/", f"{target}/")
        rows = engine.do(operation)
        assert [row.state for row in rows] in ([S.DONE], [S.FAILED])
        if rows[0].state is S.FAILED:
            assert rows[0].problem is not None
            assert rows[0].problem.code in ("target-folder", "disk-error", "part-file-gone"), rows[0].problem
    assert fs.planted
    assert {path.name: path.read_text() for path in victim.parent.iterdir()} == {"file": "precious"}


def test_what_is_downloaded_gets_no_rights_from_its_metadata(
    engine: Engine, s3: ScriptedS3, tmp_path: Path
) -> None:
    odd = {"x_amz_meta_mode": "0104777", "x_amz_meta_uid": "0", "x_amz_meta_file_permissions": "4777"}
    s3.put("b", "a", b"#!/bin/sh\n", **odd)
    before = os.umask(0o027)
    try:
        engine.settled(engine.copy("s3://b/a", tmp_path / "a"))
    finally:
        os.umask(before)
    assert (tmp_path / "a").stat().st_mode & 0o7111 == 0
