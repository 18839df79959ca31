"""A source that changes while it is uploaded: nothing mixed is ever completed, and the user is asked."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from engine import TransferState
from tests.engine.queue.real import MIB, Engine, running, write
from tests.engine.queue.test_interruptions import uploads_of
from tests.servers.seaweed import Seaweed

S = TransferState
SIZE = 40 * MIB


@pytest.fixture
def slow(seaweed: Seaweed, tmp_path: Path) -> Iterator[Engine]:
    with running(seaweed, tmp_path / "state", workers=2, upload_limit=40 * MIB) as engine:
        yield engine


def grow(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"more")


def shrink(path: Path) -> None:
    os.truncate(path, SIZE - 5 * MIB)


def rewrite(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(b"other")


def touch(path: Path) -> None:
    os.utime(path)


def replace(path: Path) -> None:
    """As editors save: another file takes the name."""
    path.with_name("new").replace(path)


def changed_in_the_middle(engine: Engine, bucket: str, path: Path, change: Callable[[Path], None]) -> None:
    """Upload it, and change it once a part is there; it asks."""
    engine.copy(path, f"s3://{bucket}/a")
    engine.until(lambda: engine.row("/a").parts_done)
    change(path)
    engine.manager.set_limits(None, None)
    engine.until(lambda: engine.state("/a") is S.ATTENTION)
    question = engine.row("/a").question
    assert question is not None
    assert question.kind == "source-changed"
    assert question.text.startswith("the source changed while it was being read")
    assert question.answers == ("restart", "cancel")


def objects(seaweed: Seaweed, bucket: str) -> list[str]:
    return [found["Key"] for found in seaweed.client().list_objects_v2(Bucket=bucket).get("Contents", [])]


@pytest.mark.fault(23)
@pytest.mark.parametrize("change", [grow, shrink, rewrite, touch])
def test_a_source_that_changes_in_the_middle_is_asked_about_and_sent_anew(
    slow: Engine, seaweed: Seaweed, bucket: str, tmp_path: Path, change: Callable[[Path], None]
) -> None:
    path = write(tmp_path / "a", SIZE)
    changed_in_the_middle(slow, bucket, path, change)
    assert objects(seaweed, bucket) == []
    slow.manager.answer(slow.row("/a").id, "restart")
    slow.until(lambda: slow.state("/a") is S.DONE)
    assert seaweed.client().get_object(Bucket=bucket, Key="a")["Body"].read() == path.read_bytes()
    assert uploads_of(seaweed, bucket) == []


@pytest.mark.fault(24)
def test_a_source_that_is_replaced_in_the_middle_is_asked_about_and_cancelled_without_a_trace(
    slow: Engine, seaweed: Seaweed, bucket: str, tmp_path: Path
) -> None:
    path = write(tmp_path / "a", SIZE)
    write(tmp_path / "new", SIZE, seed=2)  # Beforehand: the upload would be over before it is written.
    changed_in_the_middle(slow, bucket, path, replace)
    slow.manager.answer(slow.row("/a").id, "cancel")
    slow.until(lambda: uploads_of(seaweed, bucket) == [])
    assert slow.state("/a") is S.CANCELLED
    assert objects(seaweed, bucket) == []
    assert path.read_bytes() == write(tmp_path / "same", SIZE, seed=2).read_bytes()
