"""Incomplete uploads: found page by page, counted beside that, aborted until nothing is left, ours spared."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from engine import AbortProgress, IncompleteUpload, Location, ObjectRef, Profile, TransferState, UploadsFound
from engine.browser import Browser
from engine.pace.cancel import CancelToken
from engine.pace.hands import Hands
from engine.s3.connection import Connection, Connections
from tests.engine.asking import code, ended
from tests.engine.queue.real import MIB, running, running_at, write
from tests.servers.scripted import ScriptedS3
from tests.servers.seaweed import Seaweed
from tui.seaweed import S3Client


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedS3]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AK")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "SK")
    with ScriptedS3("b") as server:
        yield server


@pytest.fixture
def browser(
    s3: ScriptedS3, connect: Callable[[Profile], Connection], connections: Connections
) -> Iterator[Browser]:
    connect(Profile("default", s3.url, region="us-east-1"))
    with closing(Browser(connections)) as browser:
        yield browser


def at(server: ScriptedS3 | Seaweed, bucket: str, prefix: str = "") -> Location:
    return Location(ObjectRef(bucket, prefix), Profile("default", server.url).connection_id)


def begin(client: S3Client, bucket: str, key: str, *sizes: int) -> str:
    """An upload with parts of these sizes."""
    id = str(client.create_multipart_upload(Bucket=bucket, Key=key)["UploadId"])
    for number, size in enumerate(sizes, 1):
        client.upload_part(Bucket=bucket, Key=key, UploadId=id, PartNumber=number, Body=b"x" * size)
    return id


def found(browser: Browser, location: Location) -> UploadsFound:
    answer = ended(browser, browser.incomplete_uploads(location))
    assert answer.problem is None, answer.problem
    assert isinstance(answer.value, UploadsFound)
    return answer.value


def told(uploads: UploadsFound) -> list[tuple[str, int | None, int | None]]:
    return [(upload.ref.key, upload.parts, upload.bytes) for upload in uploads.uploads]


def aborted(browser: Browser, location: Location, uploads: UploadsFound, *in_use: str) -> AbortProgress:
    assert location.connection is not None
    token = browser.abort_uploads(
        location.connection, uploads.uploads, lambda ref, upload_id: upload_id in in_use
    )
    answer = ended(browser, token)
    assert isinstance(answer.value, AbortProgress), answer
    return answer.value


# -- finding ---------------------------------------------------------------------------------------


def test_uploads_of_a_prefix_come_with_parts_bytes_and_time(
    browser: Browser, connect: Callable[[Profile], Connection], seaweed: Seaweed, bucket: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", seaweed.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", seaweed.secret_key)
    connect(Profile("default", seaweed.url))
    client = seaweed.client()
    ids = [begin(client, bucket, "p/big.tar", 5 * MIB, 1000), begin(client, bucket, "p/empty")]
    begin(client, bucket, "other", 10)
    uploads = found(browser, at(seaweed, bucket, "p/"))
    assert sorted(told(uploads)) == [("p/big.tar", 2, 5 * MIB + 1000), ("p/empty", 0, 0)]
    assert {upload.upload_id for upload in uploads.uploads} == set(ids)
    assert (uploads.bytes, uploads.uncounted, uploads.is_listed) == (5 * MIB + 1000, 0, True)
    assert all(abs(upload.initiated - time.time()) < 120 for upload in uploads.uploads)


def test_pages_are_shown_as_they_come_and_every_upload_once(s3: ScriptedS3, browser: Browser) -> None:
    s3.switches.page_size = 3
    with closing(s3.client()) as client:
        for number in range(10):
            begin(client, "b", f"key-{number}", number)
    uploads = found(browser, at(s3, "b"))
    assert told(uploads) == [(f"key-{number}", 1, number) for number in range(10)]
    assert s3.count("ListMultipartUploads") == 4


@pytest.mark.parametrize(
    ("operation", "permission"),
    [
        ("ListMultipartUploads", "s3:ListBucketMultipartUploads"),
        ("ListParts", "s3:ListMultipartUploadParts"),
        ("AbortMultipartUpload", "s3:AbortMultipartUpload"),
    ],
)
def test_a_denied_question_names_the_permission(
    s3: ScriptedS3, browser: Browser, operation: str, permission: str
) -> None:
    with closing(s3.client()) as client:
        begin(client, "b", "k", 5)
    refusal = s3.refuse("AccessDenied", 403, operation=operation)
    answer = ended(browser, browser.incomplete_uploads(at(s3, "b")))
    if operation == "ListMultipartUploads":
        assert code(answer) == "access-denied"
        problem = answer.problem
    else:
        assert isinstance(answer.value, UploadsFound)
        if operation == "ListParts":
            assert told(answer.value) == [("k", None, None)], "it is named all the same"
            problem = answer.value.uploads[0].problem
        else:
            problem = aborted(browser, at(s3, "b"), answer.value).failed[0][1]
    assert problem is not None
    assert permission in problem.why
    assert refusal.fired == 1, "a denial is not asked again"


def test_many_denials_end_the_asking(s3: ScriptedS3, browser: Browser) -> None:
    with closing(s3.client()) as client:
        for number in range(40):
            begin(client, "b", f"key-{number:02}")
    refusal = s3.refuse("AccessDenied", 403, operation="ListParts")
    uploads = found(browser, at(s3, "b"))
    assert uploads.uncounted == 40
    assert all(upload.problem is not None for upload in uploads.uploads)
    assert refusal.fired < 16


def test_an_upload_that_is_gone_when_it_is_counted_is_not_shown(s3: ScriptedS3, browser: Browser) -> None:
    with closing(s3.client()) as client:
        begin(client, "b", "gone")
        begin(client, "b", "here", 7)
    s3.refuse("NoSuchUpload", 404, operation="ListParts", key="gone")
    assert told(found(browser, at(s3, "b"))) == [("here", 1, 7)]


def test_a_passing_failure_is_asked_again(s3: ScriptedS3, browser: Browser) -> None:
    with closing(s3.client()) as client:
        begin(client, "b", "k", 7)
    s3.refuse("InternalError", 500, operation="ListParts", times=1)
    assert told(found(browser, at(s3, "b"))) == [("k", 1, 7)]


# -- aborting --------------------------------------------------------------------------------------


def test_aborting_leaves_nothing_and_spares_what_is_in_use(s3: ScriptedS3, browser: Browser) -> None:
    with closing(s3.client()) as client:
        ids = [begin(client, "b", f"key-{number}", 5) for number in range(6)]
    progress = aborted(browser, at(s3, "b"), found(browser, at(s3, "b")), ids[2])
    assert progress.spared == (ids[2],)
    assert set(progress.aborted) == set(ids) - {ids[2]}
    assert (progress.done, progress.total, progress.failed) == (6, 6, ())
    assert [upload.upload_id for upload in found(browser, at(s3, "b")).uploads] == [ids[2]]


def test_an_abort_that_fails_for_a_passing_reason_is_tried_again(s3: ScriptedS3, browser: Browser) -> None:
    with closing(s3.client()) as client:
        begin(client, "b", "k", 5)
    uploads = found(browser, at(s3, "b"))
    s3.refuse("InternalError", 500, operation="AbortMultipartUpload", times=1)
    before = s3.count("AbortMultipartUpload")
    assert len(aborted(browser, at(s3, "b"), uploads).aborted) == 1
    assert s3.count("AbortMultipartUpload") - before == 2
    assert found(browser, at(s3, "b")).uploads == ()


def test_a_read_only_profile_aborts_nothing(
    s3: ScriptedS3, connect: Callable[[Profile], Connection], connections: Connections
) -> None:
    with closing(s3.client()) as client:
        begin(client, "b", "k", 5)
    connect(Profile("default", s3.url, region="us-east-1", read_only=True))
    with closing(Browser(connections)) as browser:
        uploads = found(browser, at(s3, "b"))
        id = at(s3, "b").connection
        assert id is not None
        answer = ended(browser, browser.abort_uploads(id, uploads.uploads, lambda ref, upload_id: False))
        assert code(answer) == "read-only"
        assert s3.count("AbortMultipartUpload") == 0
        assert len(found(browser, at(s3, "b")).uploads) == 1


# -- ours ------------------------------------------------------------------------------------------


def test_the_upload_of_a_paused_item_is_known_as_ours_and_spared(
    seaweed: Seaweed, bucket: str, tmp_path: Path
) -> None:
    """Whoever aborts everything in a bucket does not take the parts of the queue with it."""
    begin(seaweed.client(), bucket, "big", 5)
    with running(seaweed, tmp_path / "state", upload_limit=20 * MIB) as engine:
        manager = engine.manager
        engine.copy(write(tmp_path / "big", 80 * MIB), f"s3://{bucket}/big")
        engine.until(lambda: engine.row("big").parts_done >= 1)
        id = engine.row("big").id
        manager.pause(id)
        engine.until(lambda: engine.state("big") is TransferState.PAUSED)
        ours = manager.own_uploads()
        assert [(own.item, own.ref) for own in ours] == [(id, ObjectRef(bucket, "big"))]
        uploads = found(manager.browser, at(seaweed, bucket))
        assert sum(ours[0].is_it(each.ref, each.upload_id) for each in uploads.uploads) == 1
        token = manager.abort_uploads(engine.profile.connection_id, uploads.uploads)
        progress = ended(manager.browser, token).value
        assert isinstance(progress, AbortProgress)
        assert (progress.spared, len(progress.aborted)) == ((ours[0].upload_id,), 1)
        manager.set_limits(None, None)
        manager.resume(id)
        engine.until(lambda: engine.state("big") is TransferState.DONE)
        assert engine.row("big").note.startswith("goes on from "), "it went on with the same upload"


def test_an_upload_that_may_just_be_begun_by_an_item_counts_as_ours(s3: ScriptedS3, tmp_path: Path) -> None:
    """Between the intent and the record of the id nobody can say which of that key is ours."""
    with running_at(s3.url, tmp_path / "state") as engine:
        s3.refuse("SlowDown", 503, operation="CreateMultipartUpload")
        engine.copy(write(tmp_path / "k", 9 * MIB), "s3://b/k")
        engine.until(lambda: engine.state("k") is TransferState.WAITING)
        own = engine.manager.own_uploads()[0]
        assert own.upload_id is None
        assert own.is_it(ObjectRef("b", "k"), "any") and not own.is_it(ObjectRef("b", "other"), "any")
        upload = IncompleteUpload(ObjectRef("b", "k"), "any", 0.0)
        id = engine.profile.connection_id
        progress = ended(
            engine.manager.browser,
            engine.manager.abort_uploads(
                id, [upload, replace(upload, upload_id="x", ref=ObjectRef("b", "z"))]
            ),
        ).value
        assert isinstance(progress, AbortProgress)
        assert (progress.spared, progress.aborted) == (("any",), ("x",)), "one that is gone counts as aborted"


# -- hands -----------------------------------------------------------------------------------------


def test_hands_do_everything_once_also_where_no_thread_can_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    for is_short in (False, True):
        if is_short:
            monkeypatch.setattr(threading.Thread, "start", none)
        done: list[int] = []
        hands = Hands(done.append, CancelToken(), 3)
        hands.take(range(50))
        hands.take(range(50, 60))
        steps = sum(1 for _ in hands.finish())
        assert sorted(done) == list(range(60))
        assert steps >= (60 if is_short else 1)


def test_what_goes_wrong_in_a_hand_is_raised_by_the_giver() -> None:
    def work(number: int) -> None:
        if number == 7:
            raise ValueError("seven")

    hands = Hands(work, CancelToken(), 3)
    hands.take(range(20))
    with pytest.raises(ValueError, match="seven"):
        list(hands.finish())
