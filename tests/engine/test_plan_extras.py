"""What is only at the target: the one thing a sync may delete, so nothing is taken for it that is not."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from engine.browser import Browser
from engine.local.fsops import FsOps
from engine.model import LocalRef, ObjectRef, TransferOptions, TransferRequest
from engine.planning.plan import Plan, PlanClass
from engine.s3.connection import Connection, Connections
from engine.s3.profiles import Profile
from tests.engine.asking import ended
from tests.servers.scripted import ScriptedS3
from tests.servers.seaweed import Seaweed

C = PlanClass


class FoldingNames(FsOps):
    """A disk that takes upper and lower case for one, as far as looking goes; files are read by their own name."""

    def lstat(self, path: Any, *, dir_fd: int | None = None) -> os.stat_result:
        above, name = os.path.split(os.fspath(path))
        for found in os.listdir(above or "/"):
            if found.casefold() == name.casefold():
                return super().lstat(os.path.join(above, found))
        raise FileNotFoundError(errno.ENOENT, "not there", path)


@pytest.fixture
def browser(connections: Connections) -> Iterator[Browser]:
    with closing(Browser(connections)) as browser:
        yield browser


def put(seaweed: Seaweed, bucket: str, *keys: str) -> None:
    for key in keys:
        seaweed.client().put_object(Bucket=bucket, Key=key, Body=b"1")


def write(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("1")


def extras(browser: Browser, connection: Connection, bucket: str, here: Path, **options: object) -> list[str]:
    """Only in the folder, of what a download of the prefix knows of."""
    asked = TransferRequest(
        (ObjectRef(bucket, "p/"),),
        LocalRef(f"{here}/"),
        connection.id,
        TransferOptions(**options),  # type: ignore[arg-type]
    )
    answer = ended(browser, browser.plan_ahead(asked, extras=True))
    assert answer.problem is None
    assert isinstance(answer.value, Plan)
    return sorted(str(row.spec.target)[len(f"{here}/") :] for row in answer.value.rows(C.EXTRA))


def test_what_is_left_out_by_pattern_is_not_taken_for_missing(
    browser: Browser, connection: Connection, seaweed: Seaweed, bucket: str, tmp_path: Path
) -> None:
    put(seaweed, bucket, "p/a", "p/b.tmp")
    write(tmp_path / "d", "a", "b.tmp", "c.tmp", ".git/config", "old")
    here = tmp_path / "d"
    assert extras(browser, connection, bucket, here) == [".git/config", "c.tmp", "old"]
    assert extras(browser, connection, bucket, here, exclude=("*.tmp", ".git")) == ["old"]
    assert extras(browser, connection, bucket, here, include=("*.tmp",)) == ["c.tmp"]


def test_a_name_that_cannot_be_a_file_hides_nothing_else(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AK")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "SK")
    write(tmp_path / "d", "a", "old")
    with ScriptedS3("b") as server:
        server.put("b", "p/a", b"1")
        server.put("b", "p/../over-there", b"1")
        profile = Profile("default", endpoint_url=server.url, region="us-east-1")
        connections = Connections([profile])
        with closing(connections), closing(Browser(connections)) as browser:
            connection = connections.get(profile.connection_id)
            assert extras(browser, connection, "b", tmp_path / "d") == ["old"]


def test_where_case_makes_no_difference_the_same_file_is_not_taken_for_another(
    connections: Connections, connection: Connection, seaweed: Seaweed, bucket: str, tmp_path: Path
) -> None:
    put(seaweed, bucket, "p/Readme", "p/sub/Caf\u00e9")
    write(tmp_path / "d", "README", "sub/CAFE\u0301", "old")
    with closing(Browser(connections, FoldingNames())) as browser:
        assert extras(browser, connection, bucket, tmp_path / "d") == ["old"]
