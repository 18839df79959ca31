"""What cannot be fetched leaves nothing beside the target; what was fetched of it stays."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine import TransferState
from tests.engine.queue.hostile import HostileS3
from tests.engine.queue.real import MIB, Engine, part_files, running_at, write

S = TransferState


@pytest.fixture
def s3() -> Iterator[HostileS3]:
    server = HostileS3("b")
    with server:
        yield server


@pytest.fixture
def engine(s3: HostileS3, tmp_path: Path) -> Iterator[Engine]:
    with running_at(s3.url, tmp_path / "state", workers=2) as engine:
        yield engine


def failed(engine: Engine, name: str) -> str:
    """The code of its problem, once its files are closed."""
    engine.until(lambda: engine.state(name) is S.FAILED and engine.manager.is_tidy)
    problem = engine.row(name).problem
    assert problem is not None
    return problem.code


@pytest.mark.fault(54)
@pytest.mark.parametrize("size", [10, 20 * MIB], ids=["small", "in parts"])
@pytest.mark.parametrize(("code", "status"), [("NoSuchKey", 404), ("AccessDenied", 403)])
def test_an_object_that_cannot_be_fetched_leaves_no_empty_file(
    engine: Engine, s3: HostileS3, tmp_path: Path, size: int, code: str, status: int
) -> None:
    content = write(tmp_path / "a", size).read_bytes()
    s3.put("b", "in/gone", content)
    s3.put("b", "in/there", b"some bytes")
    s3.refuse(code, status, operation="GetObject", key="in/gone")
    engine.settled(engine.copy("s3://b/in/", f"{tmp_path}/out/"))
    assert failed(engine, "in/gone") in ("no-such-key", "access-denied")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["there"]
    s3.relent()
    engine.manager.retry(engine.row("in/gone").id)
    engine.until(lambda: engine.state("in/gone") is S.DONE)
    assert (tmp_path / "out" / "gone").read_bytes() == content
    assert part_files(tmp_path) == []


@pytest.mark.fault(54)
def test_what_was_fetched_of_an_object_that_is_gone_stays_until_it_is_discarded(
    engine: Engine, s3: HostileS3, tmp_path: Path
) -> None:
    s3.put("b", "a", write(tmp_path / "a", 40 * MIB).read_bytes())
    engine.manager.set_limits(None, 12 * MIB)
    engine.copy("s3://b/a", tmp_path / "back")
    engine.until(lambda: engine.row("/a").parts_done >= 1)
    s3.refuse("NoSuchKey", 404, operation="GetObject")
    engine.manager.set_limits(None, None)
    assert failed(engine, "/a") == "no-such-key"
    assert len(part_files(tmp_path)) == 1
    engine.manager.cancel(engine.row("/a").id)
    engine.until(lambda: not part_files(tmp_path))
    assert engine.state("/a") is S.CANCELLED
