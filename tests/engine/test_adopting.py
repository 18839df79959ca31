"""Going on with somebody else's upload: only what is proven of this file, under the same id, with nothing sent twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from engine import (
    Location,
    MatchProgress,
    ObjectRef,
    TransferOptions,
    TransferState,
    UsageError,
    Verified,
)
from engine.browsing.adopting import planned_as
from engine.errors import Permanent
from engine.parts import plan_parts
from engine.s3.facts import ServerPart
from tests.engine.asking import code, ended
from tests.engine.queue.faulty import running_on
from tests.engine.queue.real import MIB, Engine, running, running_at, write
from tests.servers.proxy import FaultProxy
from tests.servers.scripted import ScriptedS3
from tests.servers.seaweed import Seaweed
from tui.seaweed import S3Client

S = TransferState
SIZE = 27 * MIB
PART = 6 * MIB


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AK")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "SK")


@pytest.fixture
def s3() -> Iterator[ScriptedS3]:
    with ScriptedS3("b") as server:
        yield server


def begun(
    client: S3Client,
    bucket: str,
    path: Path,
    numbers: tuple[int, ...],
    part_size: int = PART,
    **declared: Any,
) -> str:
    """What another program has sent of a file."""
    id = str(client.create_multipart_upload(Bucket=bucket, Key=path.name, **declared)["UploadId"])
    data = path.read_bytes()
    extra = {"ChecksumAlgorithm": declared["ChecksumAlgorithm"]} if declared else {}
    for number in numbers:
        piece = data[(number - 1) * part_size : number * part_size]
        client.upload_part(Bucket=bucket, Key=path.name, UploadId=id, PartNumber=number, Body=piece, **extra)
    return id


def matched(engine: Engine, bucket: str, path: Path, id: str) -> MatchProgress:
    answer = ended(engine.manager.browser, ask(engine, bucket, path, id))
    assert answer.problem is None, answer.problem
    assert isinstance(answer.value, MatchProgress)
    return answer.value


def ask(engine: Engine, bucket: str, path: Path, id: str) -> Any:
    where = Location(ObjectRef(bucket, path.name), engine.profile.connection_id)
    return engine.manager.browser.match_upload(where, id, str(path))


# -- the real server -------------------------------------------------------------------------------


@pytest.mark.parametrize("declared", [{}, {"ChecksumAlgorithm": "CRC32", "ChecksumType": "FULL_OBJECT"}])
def test_an_upload_goes_on_with_its_id_and_sends_only_what_is_missing(
    seaweed: Seaweed, bucket: str, tmp_path: Path, declared: dict[str, str]
) -> None:
    """This server does not tell what an upload declares, and refuses parts that do not keep to it."""
    path = write(tmp_path / "big.tar", SIZE)
    id = begun(seaweed.client(), bucket, path, (1, 2, 4), PART, **declared)
    with FaultProxy(seaweed.url) as proxy, running(seaweed, tmp_path / "state", url=proxy.url) as engine:
        found = matched(engine, bucket, path, id).found
        assert found is not None
        assert (found.part_size, len(found.parts), found.parts_in_all) == (PART, 3, 5)
        item = engine.manager.adopt(found, TransferOptions())
        assert [own.upload_id for own in engine.manager.own_uploads()] == [id]
        engine.until(lambda: engine.state("big.tar") is S.DONE)
        row = engine.row("big.tar")
        assert (row.id, row.note) == (item, "goes on from 3 of 5 parts")
        assert row.verified in (Verified.CRC, Verified.ETAG)
        assert {e.query["uploadId"] for e in proxy.requests() if e.part_number} == {id}
        assert set(proxy.sent_parts()) == {3, 5}
        assert not [e for e in proxy.requests() if e.method == "POST" and "uploads" in e.query]
    assert seaweed.client().get_object(Bucket=bucket, Key="big.tar")["Body"].read() == path.read_bytes()
    assert seaweed.client().list_multipart_uploads(Bucket=bucket).get("Uploads") is None


def test_what_was_adopted_survives_a_restart(seaweed: Seaweed, bucket: str, tmp_path: Path) -> None:
    path = write(tmp_path / "big.tar", SIZE)
    id = begun(seaweed.client(), bucket, path, (1, 2))
    with running(seaweed, tmp_path / "state", start=False) as engine:
        found = matched(engine, bucket, path, id).found
        assert found is not None
        engine.manager.adopt(found, TransferOptions())
        assert engine.row("big.tar").bytes_confirmed == 2 * PART
    with running(seaweed, tmp_path / "state") as engine:
        engine.until(lambda: engine.state("big.tar") is S.DONE)
        assert engine.row("big.tar").note == "goes on from 2 of 5 parts"
    assert seaweed.client().get_object(Bucket=bucket, Key="big.tar")["Body"].read() == path.read_bytes()


def test_an_upload_of_which_every_part_is_there_is_only_completed(
    seaweed: Seaweed, bucket: str, tmp_path: Path
) -> None:
    path = write(tmp_path / "big.tar", SIZE)
    id = begun(seaweed.client(), bucket, path, (1, 2, 3, 4, 5))
    with FaultProxy(seaweed.url) as proxy, running(seaweed, tmp_path / "state", url=proxy.url) as engine:
        found = matched(engine, bucket, path, id).found
        assert found is not None
        engine.manager.adopt(found, TransferOptions())
        engine.until(lambda: engine.state("big.tar") is S.DONE)
        assert proxy.sent_parts() == {}
    assert seaweed.client().get_object(Bucket=bucket, Key="big.tar")["Body"].read() == path.read_bytes()


# -- what is refused -------------------------------------------------------------------------------


def change(path: Path, offset: int) -> None:
    with path.open("r+b") as file:
        file.seek(offset)
        byte = file.read(1)
        file.seek(offset)
        file.write(bytes([byte[0] ^ 1]))


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda path: change(path, PART + 3), "part 2 holds other bytes"),
        (lambda path: path.write_bytes(path.read_bytes()[: 11 * MIB]), "more bytes than the file"),
        (lambda path: path.write_bytes(b"x" * 100), "so small"),
    ],
)
def test_a_file_that_is_not_the_one_is_refused_with_what_differs(
    s3: ScriptedS3, tmp_path: Path, spoil: Callable[[Path], Any], why: str
) -> None:
    path = write(tmp_path / "big.tar", SIZE)
    with closing(s3.client()) as client:
        id = begun(client, "b", path, (1, 2))
    spoil(path)
    with running_on(tmp_path / "state", s3.url) as engine:
        answer = ended(engine.manager.browser, ask(engine, "b", path, id))
        assert code(answer) == "upload-differs"
        assert answer.problem is not None
        assert why in answer.problem.why
        assert engine.manager.snapshot().rows == ()
    assert list(s3.store.uploads) == [id], "it is left as it is"


def test_other_checksums_empty_uploads_missing_files_and_read_only_profiles_are_refused(
    s3: ScriptedS3, tmp_path: Path
) -> None:
    path = write(tmp_path / "big.tar", SIZE)
    with closing(s3.client()) as client:
        empty, some = begun(client, "b", path, ()), begun(client, "b", path, (1, 2))
    with running_on(tmp_path / "state", s3.url) as engine:
        browser = engine.manager.browser
        answer = ended(browser, ask(engine, "b", path, empty))
        assert answer.problem is not None and "it has no parts" in answer.problem.why
        assert code(ended(browser, ask(engine, "b", tmp_path / "none", some))) == "upload-gone"
        where = Location(ObjectRef("b", "big.tar"), engine.profile.connection_id)
        missing = ended(browser, browser.match_upload(where, some, str(tmp_path / "none")))
        assert code(missing) == "source-missing"
    profile = {"read_only": True}
    with running_at(s3.url, tmp_path / "other", profile=profile) as engine:
        assert code(ended(engine.manager.browser, ask(engine, "b", path, some))) == "read-only"


def test_one_upload_is_adopted_once_and_a_changed_file_is_compared_anew(
    s3: ScriptedS3, tmp_path: Path
) -> None:
    path = write(tmp_path / "big.tar", SIZE)
    with closing(s3.client()) as client:
        id = begun(client, "b", path, (1, 2))
    with FaultProxy(s3.url) as proxy, running_on(tmp_path / "state", proxy.url) as engine:
        found = matched(engine, "b", path, id).found
        assert found is not None
        change(path, 5)
        item = engine.manager.adopt(found, TransferOptions())
        with pytest.raises(UsageError, match="already"):
            engine.manager.adopt(found, TransferOptions())
        engine.until(lambda: engine.state("big.tar") is S.DONE)
        assert engine.row("big.tar").id == item
        assert set(proxy.sent_parts()) == {1, 3, 4, 5}, "what the change concerns was sent again"
    assert s3.data("b", "big.tar") == path.read_bytes()


def test_cancelling_what_was_adopted_aborts_it(s3: ScriptedS3, tmp_path: Path) -> None:
    path = write(tmp_path / "big.tar", SIZE)
    with closing(s3.client()) as client:
        id = begun(client, "b", path, (1, 2))
    with running_on(tmp_path / "state", s3.url) as engine:
        engine.manager.pause_all()
        found = matched(engine, "b", path, id).found
        assert found is not None
        engine.manager.cancel(engine.manager.adopt(found, TransferOptions()))
        engine.until(lambda: engine.manager.is_tidy and not s3.store.uploads)
        assert engine.state("big.tar") is S.CANCELLED


# -- how the parts lie -----------------------------------------------------------------------------


def listed(size: int, part_size: int, numbers: tuple[int, ...]) -> list[ServerPart]:
    plan = {part.number: part.length for part in plan_parts(size, part_size)}
    return [ServerPart(number, plan[number], "etag") for number in numbers]


@pytest.mark.parametrize("numbers", [(1,), (1, 2), (2, 4), (5,), (1, 2, 3, 4, 5), (4, 5)])
def test_the_size_of_the_parts_is_found_from_any_of_them(numbers: tuple[int, ...]) -> None:
    part_size, planned = planned_as(listed(SIZE, PART, numbers), SIZE, "f")
    assert part_size == PART
    assert [part.number for part in planned] == list(numbers)


@pytest.mark.parametrize(
    "parts",
    [
        [ServerPart(1, 6 * MIB, ""), ServerPart(2, 5 * MIB, "")],
        [ServerPart(1, 5 * MIB, ""), ServerPart(2, 6 * MIB, "")],
        [ServerPart(1, 4 * MIB, "")],
        [ServerPart(9, 6 * MIB, "")],
        [],
    ],
)
def test_parts_of_other_sizes_are_of_no_such_file(parts: list[ServerPart]) -> None:
    with pytest.raises(Permanent) as refused:
        planned_as(parts, SIZE, "f")
    assert refused.value.code == "upload-differs"
