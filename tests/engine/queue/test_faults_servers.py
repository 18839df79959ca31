"""Servers that deny, answer nonsense, never end, or have lost what they listed: what is done, and what is told."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine import Location, ObjectRef, Problem, TransferState
from tests.engine.asking import listed
from tests.engine.queue.hostile import HostileS3
from tests.engine.queue.real import MIB, Engine, running_at, write
from tests.servers.s3_request import Answer, Asked
from tests.servers.s3_store import S3Error

S = TransferState
XML = b'<?xml version="1.0" encoding="UTF-8"?>\n'


@pytest.fixture
def s3() -> Iterator[HostileS3]:
    server = HostileS3("b")
    with server:
        yield server


@pytest.fixture
def engine(s3: HostileS3, tmp_path: Path) -> Iterator[Engine]:
    with running_at(s3.url, tmp_path / "state", workers=4) as engine:
        yield engine


def problem_of(engine: Engine, name: str) -> Problem:
    """Why this item failed."""
    row = engine.row(name)
    assert row.state is S.FAILED, row
    assert row.problem is not None
    return row.problem


def there(engine: Engine, prefix: str = "") -> Location:
    return Location(ObjectRef("b", prefix), engine.profile.connection_id)


READING = ("GetObject", "HeadObject", "ListObjectsV2")


# -- what is denied --------------------------------------------------------------------------------


@pytest.mark.fault(46)
@pytest.mark.parametrize(
    ("operation", "permission"),
    [
        ("PutObject", "s3:PutObject"),
        ("CreateMultipartUpload", "s3:PutObject"),
        ("UploadPart", "s3:PutObject"),
        ("CompleteMultipartUpload", "s3:PutObject"),
    ],
)
def test_a_denied_upload_names_the_permission_and_is_asked_for_once(
    engine: Engine, s3: HostileS3, tmp_path: Path, operation: str, permission: str
) -> None:
    s3.refuse("AccessDenied", 403, operation=operation)
    size = 10 if operation == "PutObject" else 9 * MIB
    engine.settled(engine.copy(write(tmp_path / "a", size), "s3://b/a"))
    problem = problem_of(engine, "/a")
    assert problem.code == "access-denied"
    assert permission in problem.why
    assert s3.count(operation) <= (2 if operation == "UploadPart" else 1)  # two parts


@pytest.mark.fault(46)
@pytest.mark.parametrize("operation", ["GetObject", "ListObjectsV2"])
def test_a_denied_download_names_the_permission(
    engine: Engine, s3: HostileS3, tmp_path: Path, operation: str
) -> None:
    s3.put("b", "in/a", b"x")
    s3.refuse("AccessDenied", 403, operation=operation)
    operation_id = engine.copy("s3://b/in/", f"{tmp_path}/out/")
    engine.settled(operation_id)
    progress = engine.manager.operation(operation_id)
    assert progress is not None
    if operation == "GetObject":
        assert "s3:GetObject" in problem_of(engine, "in/a").why
        assert s3.count("GetObject") == 1
    else:
        assert progress.problem is not None
        assert "s3:ListBucket" in progress.problem.why


@pytest.mark.fault(46)
def test_to_download_one_need_not_be_allowed_to_look_at_heads_or_lists(
    engine: Engine, s3: HostileS3, tmp_path: Path
) -> None:
    s3.put("b", "a", write(tmp_path / "a", 20 * MIB).read_bytes())
    s3.refuse("AccessDenied", 403, operation="GetObjectAttributes")
    s3.refuse("AccessDenied", 403, operation="ListObjectsV2")
    rows = engine.do(engine.copy("s3://b/a", tmp_path / "back"))
    assert [row.state for row in rows] == [S.DONE]
    assert (tmp_path / "back").read_bytes() == (tmp_path / "a").read_bytes()


@pytest.mark.fault(46)
def test_a_denied_abort_ends_the_item_at_once_and_is_owed_and_paid_when_it_is_allowed(
    s3: HostileS3, tmp_path: Path
) -> None:
    state = tmp_path / "state"
    s3.refuse("AccessDenied", 403, operation="AbortMultipartUpload")
    with running_at(s3.url, state, upload_limit=20 * MIB) as engine:
        engine.copy(write(tmp_path / "a", 40 * MIB), "s3://b/a")
        engine.until(lambda: engine.row("/a").parts_done >= 1)
        engine.manager.cancel(engine.row("/a").id)
        engine.until(lambda: engine.state("/a") is S.CANCELLED)
        engine.until(lambda: s3.count("AbortMultipartUpload") >= 1)
    assert len(s3.uploads()) == 1
    assert s3.count("AbortMultipartUpload") <= 2, "a storm of retries"
    s3.relent()
    with running_at(s3.url, state) as engine:
        engine.until(lambda: not s3.uploads())


# -- what is no answer -----------------------------------------------------------------------------

PORTAL = b"<!DOCTYPE html><html><body>Please sign in to the hotel's network</body></html>"


@pytest.mark.fault(51)
@pytest.mark.parametrize("status", [200, 403, 511])
def test_a_login_page_is_told_and_never_an_empty_bucket_or_a_file(
    engine: Engine, s3: HostileS3, tmp_path: Path, status: int
) -> None:
    s3.put("b", "a", b"x")
    page = Answer(status, PORTAL, {"Content-Type": "text/html"})
    s3.always(page, "ListBuckets", "ListObjectsV2", "GetObject", "PutObject", "HeadObject")
    browser = engine.manager.browser
    for place in (there(engine), Location(ObjectRef(""), engine.profile.connection_id)):
        progress = listed(browser, browser.list(place))
        assert progress.problem is not None, "a login page was taken for an empty place"
        assert progress.problem.code == "not-s3"
        assert "login page" in progress.problem.what_now
    for source, target in ((write(tmp_path / "up", 5), "s3://b/up"), ("s3://b/a", tmp_path / "down")):
        operation = engine.copy(source, target)
        engine.settled(operation)
        progress_of = engine.manager.operation(operation)
        assert progress_of is not None
        failed = [row.problem for row in engine.manager.rows_of(operation, S.FAILED)]
        assert "not-s3" in [problem.code for problem in (*failed, progress_of.problem) if problem is not None]
    assert not (tmp_path / "down").exists()
    assert s3.data("b", "up") is None


BOMB = (
    b'<?xml version="1.0"?><!DOCTYPE b [<!ENTITY a "'
    + b"x" * 50_000
    + b'">]><InitiateMultipartUploadResult><UploadId>'
    + b"&a;" * 100_000
    + b"</UploadId></InitiateMultipartUploadResult>"
)
ODD_XML = {
    "bomb": BOMB,
    "bomb-in-utf-16": b"\xff\xfe" + BOMB[:20_000].decode().encode("utf-16-le"),
    "malformed": XML + b"<InitiateMultipartUploadResult><UploadId>u</InitiateMultipartUploadResult>",
    "deep": XML + b"<a>" * 100_000 + b"</a>" * 100_000,
    "huge": XML + b"<InitiateMultipartUploadResult>" + b" " * (40 * MIB),
    "binary": bytes(range(256)) * 100,
    "json": b'{"uploadId": "u"}',
    "other": XML + b"<HTML/>",
}


@pytest.mark.fault(52)
@pytest.mark.parametrize("kind", list(ODD_XML))
@pytest.mark.parametrize("status", [200, 400])
def test_documents_that_are_none_of_s3s_fail_the_item_and_nothing_else(
    s3: HostileS3, tmp_path: Path, kind: str, status: int
) -> None:
    with running_at(s3.url, tmp_path / "state", attempts=2) as engine:
        survives_odd_xml(engine, s3, tmp_path, kind, status)
        assert "good" in s3.store.buckets["b"]


def survives_odd_xml(engine: Engine, s3: HostileS3, tmp_path: Path, kind: str, status: int) -> None:
    document = Answer(status, ODD_XML[kind], {"Content-Type": "application/xml"})
    s3.always(document, "CreateMultipartUpload")
    began = time.monotonic()
    engine.settled(engine.copy(write(tmp_path / "a", 9 * MIB), "s3://b/a"))
    s3.always(document, "ListObjectsV2")
    browser = engine.manager.browser
    progress = listed(browser, browser.list(there(engine)))
    assert time.monotonic() - began < 20.0
    for problem in (problem_of(engine, "/a"), progress.problem):
        assert problem is not None
        # What ends too early is tried again; a refusal that cannot be read is still a refusal.
        mild = ("server-error", "truncated") if status == 200 and kind == "malformed" else ()
        assert problem.code in ("not-s3", *mild, *(["bad-request"] * (status == 400))), problem
    s3.instead.clear()
    engine.settled(engine.copy(write(tmp_path / "good", 9), "s3://b/good"))
    assert engine.state("/good") is S.DONE


# -- listings --------------------------------------------------------------------------------------


@pytest.mark.fault(53)
@pytest.mark.parametrize("how", ["same", "new"])
def test_a_listing_without_end_is_given_up_with_the_count_so_far(
    engine: Engine, s3: HostileS3, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    monkeypatch.setattr("engine.s3.listing._MOST_STUCK_PAGES", 50)
    for number in range(20):
        s3.put("b", f"k{number:02}", b"x")
    s3.switches.endless_listing = "same" if how == "same" else "new"
    browser = engine.manager.browser
    progress = listed(browser, browser.list(there(engine)))
    assert progress.problem is not None
    assert progress.problem.code == "bad-reply"
    assert progress.scanned >= 20
    assert {name for page in progress.pages for name in page.names} == {f"k{n:02}" for n in range(20)}
    assert s3.count("ListObjectsV2") < 200


@pytest.mark.fault(53)
def test_a_listing_that_goes_on_for_ever_can_be_stopped_and_holds_up_nothing(
    engine: Engine, s3: HostileS3, tmp_path: Path
) -> None:
    pages = iter(range(1_000_000))

    def page(asked: Asked) -> Answer | None:
        if asked.query["prefix"] != "endless/":
            return None
        number = next(pages)
        return Answer(
            body=XML + b"<ListBucketResult><IsTruncated>true</IsTruncated>"
            b"<NextContinuationToken>t%d</NextContinuationToken>"
            b"<Contents><Key>endless/%09d</Key><Size>1</Size></Contents></ListBucketResult>"
            % (number, number)
        )

    s3.instead["ListObjectsV2"] = page
    browser = engine.manager.browser
    token = browser.list(there(engine, "endless/"))
    engine.until(lambda: browser.pages(token).scanned > 20)
    rows = engine.do(engine.copy(write(tmp_path / "a", 9), "s3://b/a"))
    assert [row.state for row in rows] == [S.DONE]
    browser.cancel(token)
    engine.do(engine.copy(write(tmp_path / "c", 9), "s3://b/c"))
    before = next(pages)
    engine.do(engine.copy(write(tmp_path / "d", 9), "s3://b/d"))
    assert next(pages) == before + 1, "it is still being listed"


@pytest.mark.fault(54)
def test_an_object_that_is_gone_since_the_listing_is_named_and_the_others_arrive(
    engine: Engine, s3: HostileS3, tmp_path: Path
) -> None:
    for name in ("a", "gone", "z"):
        s3.put("b", f"in/{name}", b"some bytes")
    s3.refuse("NoSuchKey", 404, key="in/gone")
    engine.settled(engine.copy("s3://b/in/", f"{tmp_path}/out/"))
    problem = problem_of(engine, "in/gone")
    assert problem.code == "no-such-key"
    assert "does not exist (any more)" in problem.why
    assert "in/gone" in problem.what
    assert sorted(p.name for p in (tmp_path / "out").iterdir() if p.name[0] != ".") == ["a", "z"]
    assert len([asked for asked in s3.requests("GetObject") if asked.key == "in/gone"]) == 1


# -- what cannot be had just so --------------------------------------------------------------------


@pytest.mark.fault(56)
def test_an_object_under_a_customers_key_says_what_to_do(
    engine: Engine, s3: HostileS3, tmp_path: Path
) -> None:
    s3.put("b", "a", b"x")

    text = (
        b"The object was stored using a form of Server Side Encryption. "
        b"The correct parameters must be provided to retrieve the object."
    )
    body = XML + b"<Error><Code>InvalidRequest</Code><Message>" + text + b"</Message></Error>"
    s3.always(Answer(400, body), "GetObject")
    s3.always(Answer(400), "HeadObject")
    asked_for = engine.copy("s3://b/a", tmp_path / "back")
    engine.settled(asked_for)
    found = [row.problem for row in engine.manager.snapshot().rows if row.problem is not None]
    found += [p.problem for p in [engine.manager.operation(asked_for)] if p is not None and p.problem]
    assert [problem.code for problem in found] == ["customer-key"]
    assert "SSE-C" in found[0].why
    assert "the tool that has the key" in found[0].what_now
    assert not (tmp_path / "back").exists()


@pytest.mark.fault(56)
def test_who_asks_for_a_bucket_whose_requester_pays_is_told_and_may_accept_it(
    engine: Engine, s3: HostileS3, tmp_path: Path
) -> None:
    s3.put("b", "a", b"some bytes")

    def only_payers(asked: Asked) -> Answer | None:
        if asked.headers.get("x-amz-request-payer") == "requester":
            return None
        body = XML + b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
        return Answer(403, body)

    for operation in (*READING, "CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload"):
        s3.instead[operation] = only_payers
    asked_for = engine.copy("s3://b/a", tmp_path / "back")
    engine.settled(asked_for)
    progress = engine.manager.operation(asked_for)
    assert progress is not None
    rows = engine.manager.rows_of(asked_for, S.FAILED)
    problem = rows[0].problem if rows else progress.problem
    assert problem is not None
    assert problem.code == "access-denied"
    assert "--request-payer" in problem.what_now
    s3.put("b", "big", write(tmp_path / "big", 20 * MIB).read_bytes())
    with running_at(s3.url, tmp_path / "state2", profile={"request_payer": True}) as payer:
        payer.settled(payer.copy("s3://b/", f"{tmp_path}/paid/"))
        payer.settled(payer.copy(tmp_path / "big", "s3://b/up"))
        listing = listed(payer.manager.browser, payer.manager.browser.list(there(payer)))
    assert (tmp_path / "paid" / "a").read_bytes() == b"some bytes"
    assert (tmp_path / "paid" / "big").read_bytes() == (tmp_path / "big").read_bytes()
    assert listing.problem is None
    assert s3.data("b", "up") == (tmp_path / "big").read_bytes()


@pytest.mark.fault(57)
@pytest.mark.parametrize(("code", "status"), [("NotImplemented", 501), ("InvalidArgument", 400)])
def test_however_a_server_refuses_checksums_another_proof_is_used(
    engine: Engine, s3: HostileS3, tmp_path: Path, code: str, status: int
) -> None:
    def intolerant(asked: Asked) -> Answer | None:
        names = [n for n in asked.headers if n.startswith(("x-amz-checksum-", "x-amz-sdk-checksum"))]
        if "x-amz-checksum-mode" in names or not names:
            return None
        error = S3Error(code, status)
        return Answer(error.status, XML + f"<Error><Code>{code}</Code></Error>".encode())

    for operation in ("PutObject", "UploadPart", "CreateMultipartUpload", "CompleteMultipartUpload"):
        s3.instead[operation] = intolerant
    for size in (10, 20 * MIB):
        rows = engine.do(engine.copy(write(tmp_path / f"a{size}", size), f"s3://b/a{size}"))
        assert [row.state for row in rows[-1:]] == [S.DONE]
        assert rows[-1].verified is not None
        assert rows[-1].verified.value == "etag"
        assert s3.data("b", f"a{size}") == (tmp_path / f"a{size}").read_bytes()
