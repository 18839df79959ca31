"""The control plane where servers are odd, broken, elsewhere, or say no."""

from __future__ import annotations

import base64
import hashlib
import socket
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from engine.errors import Condition, NeedsAnswer, Permanent, Retryable, TransferError
from engine.model import ObjectRef, TransferOptions
from engine.s3.calls import Caller
from engine.s3.connection import Connection
from engine.s3.control import Control, DonePart, ServerPart
from engine.s3.profiles import Profile
from tests.engine.s3.conftest import Aws
from tests.engine.s3.scripted import XML, Answer, Scripted, refusal

REF = ObjectRef("b", "k")
PLAIN = TransferOptions()
HTML = Answer(200, "<!DOCTYPE html><html><body>Please log in</body></html>", {"content-type": "text/html"})
CRC = "y/Q5Jg=="

Call = Callable[[Control], object]


def ask_complete(control: Control, **how: Any) -> object:
    known = {"checksum_mode": "full", "whole_crc": 1, "size": 5, **how}
    return control.complete_multipart(REF, "U", [DonePart(2, "e2", 2), DonePart(1, "e1", 1)], **known)


def ask_create(control: Control, mode: str = "full") -> object:
    return control.create_multipart(REF, PLAIN, checksum_mode=mode, metadata={}, content_type=None)


READS: dict[str, Call] = {
    "list_buckets": lambda control: control.list_buckets(),
    "head": lambda control: control.head(REF),
    "list_parts": lambda control: control.list_parts(REF, "U"),
    "list_uploads": lambda control: control.list_uploads("b", ""),
}
WRITES: dict[str, Call] = {
    "make_bucket": lambda control: control.make_bucket("bucket"),
    "put_marker": lambda control: control.put_marker("bucket", "k/"),
    "copy_object": lambda control: control.copy_object(REF, REF, if_match="", options=PLAIN),
    "delete_object": lambda control: control.delete_object(REF),
    "delete_objects": lambda control: control.delete_objects("b", ["k", "\x01"]),
    "create": ask_create,
    "complete": ask_complete,
    "abort": lambda control: control.abort_multipart(REF, "U"),
    "copy_part": lambda control: control.upload_part_copy(REF, REF, "U", 1, 0, 1, if_match=""),
}
EVERY = READS | WRITES


def failed(call: Call, connection: Connection) -> TransferError:
    with pytest.raises(TransferError) as error:
        call(connection.control)
    assert error.value.operation
    assert error.value.subject
    return error.value


# -- what is no answer -----------------------------------------------------------------------------


@pytest.mark.fault(51)
def test_a_login_page_is_no_answer(scripted: Connection, server: Scripted) -> None:
    for name, call in EVERY.items():
        server.will(HTML)
        error = failed(call, scripted)
        assert (type(error), error.code) == (Permanent, "not-s3"), name


def test_a_web_server_that_knows_nothing_is_not_s3(scripted: Connection, server: Scripted) -> None:
    for name, call in EVERY.items():
        server.will(Answer(404, "<html>Not here</html>", {"content-type": "text/html"}))
        # A HEAD has no page to see.
        assert failed(call, scripted).code == ("no-such-key" if name == "head" else "not-s3"), name


@pytest.mark.parametrize("body", ["{}", "hello", f"{XML}<Other/>", f"{XML}<Other><a>b</a></Other>"])
def test_other_documents_are_no_answer(scripted: Connection, server: Scripted, body: str) -> None:
    for name in ("list_buckets", "create", "complete", "copy_object", "copy_part"):
        server.will(Answer(200, body))
        assert failed(EVERY[name], scripted).code == "not-s3", name


def test_a_broken_gateway_is_tried_again(scripted: Connection, server: Scripted) -> None:
    server.will(Answer(502, "<html><h1>Bad gateway</h1></html>", {"content-type": "text/html"}))
    for call in READS.values():
        assert isinstance(failed(call, scripted), Retryable)


@pytest.mark.parametrize("name", ["complete", "copy_object", "copy_part"])
def test_an_error_after_a_good_beginning_is_an_error(
    scripted: Connection, server: Scripted, name: str
) -> None:
    server.will(Answer(200, f"{XML}   \n  <Error><Code>InternalError</Code><Message>sorry</Message></Error>"))
    error = failed(WRITES[name], scripted)
    assert (type(error), error.code) == (Retryable, "server-error")
    assert len(server.asked) == 1


def test_lists_that_go_in_circles_are_given_up(scripted: Connection, server: Scripted) -> None:
    page = (
        "<ListPartsResult><IsTruncated>true</IsTruncated>"
        "<NextPartNumberMarker>5</NextPartNumberMarker></ListPartsResult>"
    )
    server.will(Answer(200, XML + page))
    assert failed(READS["list_parts"], scripted).code == "bad-reply"
    assert len(server.asked) == 2


# -- elsewhere -------------------------------------------------------------------------------------


@pytest.mark.fault(49)
@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_redirects_are_named_and_never_followed(scripted: Connection, server: Scripted, status: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        other.settimeout(0)
        to = f"http://127.0.0.1:{other.getsockname()[1]}/b/k"
        for name, call in EVERY.items():
            server.will(Answer(status, "<html>Moved</html>", {"location": to}))
            error = failed(call, scripted)
            assert (error.code, to in error.detail) == ("redirected", True), name
            assert len(server.asked) == 1, name
        with pytest.raises(BlockingIOError):
            other.accept()


@pytest.mark.parametrize(
    "answer",
    [
        refusal("PermanentRedirect", 301, x_amz_bucket_region="eu-west-1"),
        refusal("PermanentRedirect", 301, more="<Region>eu-west-1</Region>"),
        refusal("AuthorizationHeaderMalformed", 400, more="<Region>eu-west-1</Region>"),
        refusal("IllegalLocationConstraintException", 400, x_amz_bucket_region="eu-west-1"),
    ],
)
def test_a_wrong_region_is_named_and_not_visited(aws: Aws, answer: Answer) -> None:
    aws.answers = [answer]
    error = failed(READS["list_parts"], aws.connection)
    assert (error.code, "eu-west-1" in error.detail) == ("wrong-region", True)
    assert len(aws.urls) == 1


@pytest.mark.parametrize("status", [301, 400])
def test_a_wrong_region_is_seen_without_a_body(aws: Aws, status: int) -> None:
    aws.answers = [Answer(status, "", {"x-amz-bucket-region": "eu-west-1"})]
    error = failed(READS["head"], aws.connection)
    assert (error.code, "eu-west-1" in error.detail) == ("wrong-region", True)
    assert len(aws.urls) == 1


@pytest.mark.fault(49)
def test_a_custom_endpoint_never_leads_to_aws(scripted: Connection, server: Scripted) -> None:
    server.will(refusal("AuthorizationHeaderMalformed", 400, more="<Region>eu-west-1</Region>"))
    assert failed(READS["list_parts"], scripted).code == "wrong-region"
    assert len(server.asked) == 1


@pytest.mark.parametrize("status", [200, 301, 403])
def test_the_region_of_a_bucket_is_told_even_where_it_is_denied(aws: Aws, status: int) -> None:
    aws.answers = [Answer(status, "", {"x-amz-bucket-region": "eu-west-1"})]
    assert aws.connection.control.bucket_region("b") == "eu-west-1"


# -- clocks and credentials ------------------------------------------------------------------------


@pytest.mark.fault(47)
@pytest.mark.parametrize("hours", [-3, 2])
@pytest.mark.parametrize("name", ["list_parts", "head"])
def test_a_wrong_clock_is_learnt_and_the_call_repeated(
    scripted: Connection, server: Scripted, name: str, hours: int
) -> None:
    there = datetime.now(UTC) + timedelta(hours=hours)
    server.date = format_datetime(there, usegmt=True)
    page = f"{XML}<ListPartsResult><IsTruncated>false</IsTruncated></ListPartsResult>"
    server.will(
        refusal("RequestTimeTooSkewed", 403),
        Answer(200, "" if name == "head" else page, {"etag": '"e"'}),
    )
    READS[name](scripted.control)
    first, second = (
        datetime.strptime(asked.headers["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        for asked in server.asked
    )
    assert abs(second - there) < timedelta(minutes=1)
    assert abs(first - there) > timedelta(hours=1)
    assert scripted.endpoint.clock_offset == pytest.approx(hours * 3600, abs=60)


def test_a_clock_that_stays_wrong_is_told_after_one_repetition(
    scripted: Connection, server: Scripted
) -> None:
    server.will(refusal("RequestTimeTooSkewed", 403))
    error = failed(READS["list_parts"], scripted)
    assert (type(error), error.code, len(server.asked)) == (Condition, "clock-skew", 2)


def test_links_are_signed_with_the_clock_of_the_server(scripted: Connection, server: Scripted) -> None:
    scripted.endpoint.clock_offset = 86400.0 * 10
    link = scripted.control.presign(REF, 60)
    day = (datetime.now(UTC) + timedelta(days=10)).strftime("%Y%m%d")
    assert f"X-Amz-Date={day}" in link
    assert f"{day}%2F" in link


def test_the_date_of_a_slow_reply_tells_no_time(
    scripted: Connection, server: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.s3.client._QUICK", -1.0)
    server.date = format_datetime(datetime.now(UTC) + timedelta(hours=2), usegmt=True)
    server.will(Answer(200, "", {"etag": '"e"'}))
    scripted.control.head(REF)
    assert scripted.endpoint.clock_offset is None


def test_expired_credentials_are_looked_up_once_more_and_then_waited_for(
    scripted: Connection, server: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_up = []
    monkeypatch.setattr(type(scripted.endpoint), "reload_credentials", lambda self: looked_up.append(1))
    for name in ("list_parts", "head"):
        looked_up.clear()
        server.will(refusal("ExpiredToken", 400))
        error = failed(READS[name], scripted)
        assert isinstance(error, Condition), name
        assert error.code == "credentials"
        assert error.scope == ("endpoint", scripted.id)
        assert looked_up == [1]


def test_fresh_credentials_are_used_at_once(
    scripted: Connection, server: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.will(refusal("ExpiredToken", 400), Answer(200, "", {"etag": '"e"'}))

    monkeypatch.setattr("engine.s3.credentials._RELOAD_SECONDS", -1.0)
    assert scripted.endpoint.credentials() is not None
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAFRESH")
    scripted.control.put_marker("b", "k/")
    used = [asked.headers["authorization"].partition("Credential=")[2][:9] for asked in server.asked]
    assert used == ["AKIATEST/", "AKIAFRESH"]


def test_without_credentials_nothing_is_sent(
    server: Scripted, connect: Callable[[Profile], Connection]
) -> None:
    error = failed(READS["list_buckets"], connect(Profile("default", server.url)))
    assert error.code == "no-credentials"
    assert server.asked == []


def test_unsigned_profiles_sign_nothing(server: Scripted, connect: Callable[[Profile], Connection]) -> None:
    server.will(Answer(200, "", {"etag": '"e"'}))
    connection = connect(Profile("open", server.url, unsigned=True))
    connection.control.head(REF)
    assert "authorization" not in server.asked[0].headers
    assert "X-Amz-Signature" not in connection.control.presign(REF, 60)


def test_profiles_of_our_own_need_not_be_in_the_files(
    scripted: Connection, server: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "not there either")
    server.will(Answer(200, "", {"etag": '"e"'}))
    assert scripted.control.head(REF).etag == "e"


# -- read-only, and how things are asked -----------------------------------------------------------


def test_read_only_profiles_change_nothing(
    server: Scripted, keys: None, connect: Callable[[Profile], Connection]
) -> None:
    connection = connect(Profile("default", server.url, read_only=True))
    for name, call in WRITES.items():
        error = failed(call, connection)
        assert (type(error), error.code) == (Permanent, "read-only"), name
    assert server.asked == []


def test_custom_endpoints_are_addressed_by_path_and_aws_by_name(
    scripted: Connection, server: Scripted, aws: Aws
) -> None:
    server.will(Answer(200, "", {"etag": '"e"'}))
    scripted.control.head(REF)
    assert server.asked[0].path == "/b/k"
    aws.answers = [Answer(200, "", {"etag": '"e"', "content-length": "1"})]
    aws.connection.control.head(ObjectRef("bucket", "k"))
    assert aws.urls == ["https://bucket.s3.amazonaws.com/k"]


def test_the_profile_decides_where_to_go_and_not_a_variable(
    keys: None, connect: Callable[[Profile], Connection], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    link = connect(Profile("default")).control.presign(ObjectRef("bucket", "k"), 60)
    assert link.startswith("https://bucket.s3.amazonaws.com/k?")


def test_buckets_are_made_where_the_profile_is(
    aws: Aws, connect: Callable[[Profile], Connection], server: Scripted
) -> None:
    aws.answers = [Answer(200)]
    aws.connection.control.make_bucket("bucket")
    assert aws.bodies == [b""]
    server.will(Answer(200))
    connect(Profile("default", server.url, region="eu-west-1")).control.make_bucket("bucket")
    assert server.asked[0].body == b""


def test_complete_tells_sizes_to_aws_only(aws: Aws, scripted: Connection, server: Scripted) -> None:
    done = f'{XML}<CompleteMultipartUploadResult><ETag>"e-2"</ETag></CompleteMultipartUploadResult>'
    aws.answers = [Answer(200, done)]
    ask_complete(aws.connection.control)
    assert aws.headers[0]["x-amz-mp-object-size"] == "5"
    server.will(Answer(200, done))
    ask_complete(scripted.control, if_match="old")
    asked = server.asked[0]
    assert "x-amz-mp-object-size" not in asked.headers
    assert asked.headers["if-match"] == '"old"'
    assert asked.headers["x-amz-checksum-type"] == "FULL_OBJECT"
    assert asked.headers["x-amz-checksum-crc32"] == "AAAAAQ=="
    numbers = [part.partition("<")[0] for part in asked.body.decode().split("<PartNumber>")[1:]]
    assert numbers == ["1", "2"]
    assert asked.body.count(b"<ChecksumCRC32>") == 2


def test_complete_without_checksums_sends_none(scripted: Connection, server: Scripted) -> None:
    done = f'{XML}<CompleteMultipartUploadResult><ETag>"e-2"</ETag></CompleteMultipartUploadResult>'
    server.will(Answer(200, done))
    ask_complete(scripted.control, checksum_mode="md5")
    asked = server.asked[0]
    assert b"Checksum" not in asked.body
    assert not [name for name in asked.headers if "checksum" in name]


@pytest.mark.parametrize(
    ("code", "status"), [("InvalidArgument", 400), ("InvalidRequest", 400), ("NotImplemented", 501)]
)
def test_a_checksum_the_server_does_not_know_is_not_supported(
    scripted: Connection, server: Scripted, code: str, status: int
) -> None:
    server.will(refusal(code, status))
    for mode in ("full", "composite"):
        with pytest.raises(Permanent) as error:
            ask_create(scripted.control, mode)
        assert (error.value.code, error.value.request_id) == ("not-supported", "R1")


def test_modes_declare_what_they_mean(scripted: Connection, server: Scripted) -> None:
    begun = f"{XML}<InitiateMultipartUploadResult><UploadId>U</UploadId></InitiateMultipartUploadResult>"
    server.will(Answer(200, begun))
    for mode in ("full", "composite", "md5", "none"):
        assert ask_create(scripted.control, mode) == "U"
    declared = [
        (
            asked.headers.get("x-amz-checksum-algorithm"),
            asked.headers.get("x-amz-checksum-type"),
        )
        for asked in server.asked
    ]
    assert declared == [("CRC32", "FULL_OBJECT"), ("CRC32", None), (None, None), (None, None)]


def test_options_reach_the_server(scripted: Connection, server: Scripted) -> None:
    begun = f"{XML}<InitiateMultipartUploadResult><UploadId>U</UploadId></InitiateMultipartUploadResult>"
    server.will(Answer(200, begun))
    options = TransferOptions(storage_class="STANDARD_IA", sse="aws:kms:key-1", request_payer=True)
    scripted.control.create_multipart(
        REF, options, checksum_mode="none", metadata={"mtime": "1.5"}, content_type="text/plain"
    )
    headers = server.asked[0].headers
    assert headers["x-amz-storage-class"] == "STANDARD_IA"
    assert headers["x-amz-server-side-encryption"] == "aws:kms"
    assert headers["x-amz-server-side-encryption-aws-kms-key-id"] == "key-1"
    assert headers["x-amz-request-payer"] == "requester"
    assert (headers["x-amz-meta-mtime"], headers["content-type"]) == ("1.5", "text/plain")


def test_deletes_carry_the_checksum_that_every_server_knows(scripted: Connection, server: Scripted) -> None:
    server.will(Answer(200, f"{XML}<DeleteResult/>"))
    scripted.control.delete_objects("b", ["k"])
    asked = server.asked[0]
    assert asked.headers["content-md5"] == base64.b64encode(hashlib.md5(asked.body).digest()).decode()
    assert not [name for name in asked.headers if "checksum" in name]


def test_deletes_that_failed_are_named(scripted: Connection, server: Scripted) -> None:
    told = "".join(
        f"<Error><Key>{key}</Key><Code>{code}</Code><Message>m</Message></Error>"
        for key, code in (("a", "AccessDenied"), ("b", "InternalError"), ("c", "NoSuchKey"))
    )
    server.will(Answer(200, f"{XML}<DeleteResult>{told}</DeleteResult>"))
    failures = scripted.control.delete_objects("b", ["a", "b", "c", "d"])
    assert {key: error.code for key, error in failures.items()} == {
        "a": "access-denied",
        "b": "server-error",
    }
    assert failures["a"].subject == "s3://b/a"


# -- pages, parts and aborts -----------------------------------------------------------------------


def test_all_pages_of_parts_are_read(scripted: Connection, server: Scripted) -> None:
    def page(numbers: range, following: int) -> Answer:
        parts = "".join(
            f'<Part><PartNumber>{n}</PartNumber><ETag>"e{n}"</ETag><Size>5</Size>'
            + (f"<ChecksumCRC32>{CRC}</ChecksumCRC32>" if n % 2 else "")
            + "</Part>"
            for n in numbers
        )
        more = f"<NextPartNumberMarker>{following}</NextPartNumberMarker>" if following else ""
        truncated = str(bool(following)).lower()
        return Answer(
            200,
            f"{XML}<ListPartsResult><IsTruncated>{truncated}</IsTruncated>{more}{parts}</ListPartsResult>",
        )

    server.will(page(range(1, 1001), 1000), page(range(1001, 1003), 0))
    parts = scripted.control.list_parts(REF, "U")
    assert len(parts) == 1002
    assert parts[:2] == [ServerPart(1, 5, "e1", 0xCBF43926), ServerPart(2, 5, "e2", None)]
    assert server.asked[1].query["part-number-marker"] == "1000"


def test_abort_is_repeated_until_nothing_is_left(scripted: Connection, server: Scripted) -> None:
    left = Answer(
        200,
        f"{XML}<ListPartsResult><IsTruncated>false</IsTruncated>"
        "<Part><PartNumber>1</PartNumber><ETag>e</ETag><Size>5</Size></Part></ListPartsResult>",
    )
    server.will(Answer(204), left, Answer(204), refusal("NoSuchUpload", 404))
    scripted.control.abort_multipart(REF, "U")
    assert [asked.method for asked in server.asked] == ["DELETE", "GET", "DELETE", "GET"]


def test_abort_that_never_ends_is_told(scripted: Connection, server: Scripted) -> None:
    part = "<Part><PartNumber>1</PartNumber><ETag>e</ETag><Size>5</Size></Part>"
    page = f"{XML}<ListPartsResult><IsTruncated>false</IsTruncated>{part}</ListPartsResult>"
    server.will(Answer(200, page))
    error = failed(WRITES["abort"], scripted)
    assert (type(error), error.code) == (Retryable, "server-error")


@pytest.mark.fault(46)
def test_abort_needs_no_right_to_list_parts_but_one_to_abort(scripted: Connection, server: Scripted) -> None:
    server.will(Answer(204), refusal("AccessDenied", 403))
    scripted.control.abort_multipart(REF, "U")
    server.will(refusal("AccessDenied", 403))
    assert failed(WRITES["abort"], scripted).code == "access-denied"


def test_uploads_of_keys_that_xml_cannot_hold_are_found(scripted: Connection, server: Scripted) -> None:
    def page(key: str, encoding: str = "") -> Answer:
        upload = f"<Upload><Key>{key}</Key><UploadId>U</UploadId></Upload>"
        body = f"<ListMultipartUploadsResult><IsTruncated>false</IsTruncated>{encoding}{upload}"
        return Answer(200, f"{XML}{body}</ListMultipartUploadsResult>")

    server.will(page("a&#x1b;b"), page("a%1Bb+c", "<EncodingType>url</EncodingType>"))
    assert [upload.key for upload in scripted.control.list_uploads("b", "a")] == ["a\x1bb c"]
    server.will(page("a+b%2B"))
    assert [upload.key for upload in scripted.control.list_uploads("b", "a")] == ["a+b%2B"]


# -- checksums of parts ----------------------------------------------------------------------------


def attributes(parts: str, truncated: bool = False, marker: int = 0, size: int = 8) -> Answer:
    more = f"<NextPartNumberMarker>{marker}</NextPartNumberMarker>" if marker else ""
    body = f"<ObjectParts><IsTruncated>{str(truncated).lower()}</IsTruncated>{more}{parts}</ObjectParts>"
    return Answer(
        200,
        f"{XML}<GetObjectAttributesResponse>{body}<ObjectSize>{size}</ObjectSize></GetObjectAttributesResponse>",
    )


def a_part(number: int, size: int) -> str:
    return f"<Part><PartNumber>{number}</PartNumber><Size>{size}</Size><ChecksumCRC32>{CRC}</ChecksumCRC32></Part>"


def test_checksums_of_parts_are_listed(scripted: Connection, server: Scripted) -> None:
    server.will(attributes(a_part(1, 5), True, 1), attributes(a_part(2, 3)))
    assert scripted.control.part_checksums(REF) == [(5, 0xCBF43926), (3, 0xCBF43926)]
    assert [asked.headers.get("x-amz-part-number-marker") for asked in server.asked] == [None, "1"]


@pytest.mark.parametrize(
    "answer", [refusal("AccessDenied", 403), refusal("NotImplemented", 501), attributes("")]
)
def test_checksums_of_parts_are_asked_for_one_by_one_where_there_is_no_list(
    scripted: Connection, server: Scripted, answer: Answer
) -> None:
    part = {"etag": '"e-2"', "x-amz-checksum-crc32": CRC, "x-amz-mp-parts-count": "2"}
    server.will(
        answer,
        Answer(206, "", {**part, "content-length": "5"}),
        Answer(206, "", {**part, "content-length": "3"}),
    )
    assert scripted.control.part_checksums(REF) == [(5, 0xCBF43926), (3, 0xCBF43926)]
    assert [asked.query.get("partNumber") for asked in server.asked] == [None, "1", "2"]


def test_checksums_that_do_not_make_up_the_object_are_none(scripted: Connection, server: Scripted) -> None:
    server.will(attributes(a_part(1, 5), size=9), Answer(206, "", {"etag": '"e"'}))
    assert scripted.control.part_checksums(REF) is None


# -- the network -----------------------------------------------------------------------------------


def test_a_closed_port_is_offline(keys: None, connect: Callable[[Profile], Connection]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    error = failed(READS["list_buckets"], connect(Profile("default", f"http://127.0.0.1:{port}")))
    assert isinstance(error, Condition)
    assert (error.code, error.scope[0]) == ("offline", "endpoint")


def test_a_host_that_does_not_exist_is_named_so(
    keys: None, connect: Callable[[Profile], Connection], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> object:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    error = failed(READS["list_buckets"], connect(Profile("default", "https://nowhere.invalid")))
    assert (type(error), error.code) == (Permanent, "unknown-host")


def test_a_server_that_hangs_up_is_tried_again(keys: None, connect: Callable[[Profile], Connection]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

        def hang_up() -> None:
            client, _ = listener.accept()
            client.recv(65536)
            client.close()

        thread = threading.Thread(target=hang_up, daemon=True)
        thread.start()
        error = failed(READS["list_buckets"], connect(Profile("default", f"http://127.0.0.1:{port}")))
        thread.join(5)
    assert (type(error), error.code) == (Retryable, "connection-lost")


def test_silence_is_a_stall_and_complete_has_more_patience(scripted: Connection, server: Scripted) -> None:
    silent = threading.Event()
    control = Control(scripted.endpoint, Caller(scripted.endpoint, read_timeout=0.2, patient_timeout=20.0))
    try:
        server.will(Answer(200, delay=silent))
        with pytest.raises(Retryable) as error:
            control.list_buckets()
        assert error.value.code == "stalled"
        done = f'{XML}<CompleteMultipartUploadResult><ETag>"e-2"</ETag></CompleteMultipartUploadResult>'
        server.will(Answer(200, done, delay=silent))
        timer = threading.Timer(0.6, silent.set)
        timer.start()
        assert ask_complete(control)
        timer.join()
    finally:
        silent.set()
        control.close()


def test_a_ca_file_that_is_not_there_is_a_matter_of_trust(
    keys: None, connect: Callable[[Profile], Connection], tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"https://127.0.0.1:{listener.getsockname()[1]}"
        error = failed(
            READS["list_buckets"], connect(Profile("default", url, ca_file=str(tmp_path / "no.pem")))
        )
    assert (type(error), error.code) == (Permanent, "tls")


def test_names_that_are_not_utf8_are_refused(scripted: Connection, server: Scripted) -> None:
    with pytest.raises(Permanent) as error:
        scripted.control.head(ObjectRef("b", "bad\udcff"))
    assert error.value.code == "name-not-utf8"
    assert server.asked == []


def test_no_secret_is_in_an_error(scripted: Connection, server: Scripted) -> None:
    server.will(refusal("SignatureDoesNotMatch", 403))
    error = failed(READS["list_parts"], scripted)
    assert error.code == "wrong-secret"
    assert "secret" not in repr(vars(error)).replace("wrong-secret", "")
    assert isinstance(error, Permanent) and not isinstance(error, NeedsAnswer)
