"""The scripted server does as S3 does, until a switch says otherwise."""

from __future__ import annotations

import base64
import hashlib
import http.client
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.servers.s3_store import crc32
from tests.servers.scripted import ScriptedS3
from tui.seaweed import S3Client

NAMES = [
    "plain",
    "a/../b",
    "//twice//",
    "back\\slash",
    "[/bold]",
    "é 日本",
    "tab\tand\nline",
    "100%",
    "a+b&c=d",
    ".",
]


@pytest.fixture
def server() -> Iterator[ScriptedS3]:
    with ScriptedS3("bucket") as server:
        yield server


@pytest.fixture
def client(server: ScriptedS3) -> Iterator[S3Client]:
    with closing(server.client()) as client:
        yield client


def refusal(call: Callable[..., object], **arguments: Any) -> tuple[int, str]:
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    answer: Any = caught.value.response
    return answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"]


def begin(client: S3Client, *pieces: bytes, kind: str = "FULL_OBJECT") -> dict[str, Any]:
    """An upload with these parts; returns what Complete needs."""
    known = {"Bucket": "bucket", "Key": "k"}
    created = client.create_multipart_upload(**known, ChecksumAlgorithm="CRC32", ChecksumType=kind)
    known["UploadId"] = created["UploadId"]
    parts = []
    for number, piece in enumerate(pieces, 1):
        sent = client.upload_part(**known, PartNumber=number, Body=piece, ChecksumCRC32=crc32(piece))
        parts.append({"PartNumber": number, "ETag": sent["ETag"], "ChecksumCRC32": crc32(piece)})
    return {**known, "MultipartUpload": {"Parts": parts}}


def raw(
    server: ScriptedS3, method: str, path: str, **headers: str
) -> tuple[int, list[tuple[str, str]], bytes]:
    address = server.url.removeprefix("http://")
    with closing(http.client.HTTPConnection(address, timeout=10)) as line:
        line.request(method, path, headers=headers)
        with line.getresponse() as reply:
            return reply.status, reply.getheaders(), reply.read()


def listed(client: S3Client, **query: Any) -> list[str]:
    pages = client.get_paginator("list_objects_v2").paginate(Bucket="bucket", **query)
    names: list[str] = []
    for page in pages:
        names += [one["Key"] for one in page.get("Contents", [])]
        names += [one["Prefix"] for one in page.get("CommonPrefixes", [])]
    return names


# As S3 does


@pytest.mark.parametrize("key", NAMES)
def test_keys_are_kept_as_given(server: ScriptedS3, client: S3Client, key: str) -> None:
    client.put_object(Bucket="bucket", Key=key, Body=b"x", Metadata={"mtime": "1.5"}, ContentType="text/x")
    assert server.data("bucket", key) == b"x"
    assert listed(client) == [key]
    head = client.head_object(Bucket="bucket", Key=key)
    assert (head["Metadata"], head["ContentType"]) == ({"mtime": "1.5"}, "text/x")
    client.delete_objects(Bucket="bucket", Delete={"Objects": [{"Key": key}]})
    assert server.object("bucket", key) is None


def test_pages_and_common_prefixes(server: ScriptedS3, client: S3Client) -> None:
    keys = ["a", "b/1", "b/2", "c/1", "d", "e/f/g"]
    for key in keys:
        server.put("bucket", key, b"")
    for size in (1, 2, 3, 1000):
        server.switches.page_size = size
        assert listed(client) == keys
        assert sorted(listed(client, Delimiter="/")) == ["a", "b/", "c/", "d", "e/"]
        assert listed(client, Delimiter="/", Prefix="e/") == ["e/f/"]
        assert listed(client, StartAfter="b/1") == keys[2:]


def test_ranges_and_conditions(server: ScriptedS3, client: S3Client) -> None:
    etag = server.put("bucket", "k", b"0123456789")
    get, known = client.get_object, {"Bucket": "bucket", "Key": "k"}
    part = get(**known, Range="bytes=2-4", IfMatch=etag)
    assert (part["Body"].read(), part["ContentRange"]) == (b"234", "bytes 2-4/10")
    assert get(**known, Range="bytes=-3")["Body"].read() == b"789"
    assert refusal(get, **known, Range="bytes=10-") == (416, "InvalidRange")
    assert refusal(get, **known, IfMatch='"no"') == (412, "PreconditionFailed")
    assert refusal(client.put_object, **known, Body=b"", IfNoneMatch="*")[0] == 412
    assert refusal(client.put_object, **known, Body=b"", IfMatch='"no"')[0] == 412
    client.put_object(**known, Body=b"new", IfMatch=etag)
    assert refusal(get, Bucket="bucket", Key="other") == (404, "NoSuchKey")
    assert refusal(get, Bucket="other", Key="k") == (404, "NoSuchBucket")


def test_multipart_object_has_the_checksum_and_etag_of_s3(server: ScriptedS3, client: S3Client) -> None:
    upload = begin(client, b"one", b"two")
    parts = client.list_parts(Bucket="bucket", Key="k", UploadId=upload["UploadId"])["Parts"]
    assert [(one["Size"], one["ChecksumCRC32"]) for one in parts] == [(3, crc32(b"one")), (3, crc32(b"two"))]
    done = client.complete_multipart_upload(
        **upload, ChecksumType="FULL_OBJECT", ChecksumCRC32=crc32(b"onetwo")
    )
    digests = hashlib.md5(b"one").digest() + hashlib.md5(b"two").digest()
    assert done["ETag"] == f'"{hashlib.md5(digests).hexdigest()}-2"'
    head = client.head_object(Bucket="bucket", Key="k", ChecksumMode="ENABLED")
    assert (head["ChecksumCRC32"], head["ChecksumType"]) == (crc32(b"onetwo"), "FULL_OBJECT")
    assert client.get_object(Bucket="bucket", Key="k", PartNumber=2)["Body"].read() == b"two"
    assert server.uploads() == []
    assert refusal(client.complete_multipart_upload, **upload) == (404, "NoSuchUpload")


def test_composite_object_tells_its_parts(client: S3Client) -> None:
    upload = begin(client, b"one", b"two", kind="COMPOSITE")
    done = client.complete_multipart_upload(**upload)
    sums = b"".join(zlib.crc32(piece).to_bytes(4, "big") for piece in (b"one", b"two"))
    assert done["ChecksumCRC32"] == base64.b64encode(zlib.crc32(sums).to_bytes(4, "big")).decode() + "-2"
    facts = client.get_object_attributes(
        Bucket="bucket", Key="k", ObjectAttributes=["ObjectParts", "Checksum", "ObjectSize"]
    )
    assert [one["ChecksumCRC32"] for one in facts["ObjectParts"]["Parts"]] == [crc32(b"one"), crc32(b"two")]
    assert facts["ObjectSize"] == 6


def test_what_does_not_fit_is_refused(client: S3Client, server: ScriptedS3) -> None:
    upload = begin(client, b"one", b"two")
    part = {key: upload[key] for key in ("Bucket", "Key", "UploadId")}
    wrong = crc32(b"other")
    assert refusal(client.upload_part, **part, PartNumber=3, Body=b"x", ChecksumCRC32=wrong) == (
        400,
        "BadDigest",
    )
    assert refusal(client.upload_part, **part, PartNumber=3, Body=b"x", ContentMD5="AAAA")[1] == "BadDigest"
    complete = client.complete_multipart_upload
    assert refusal(complete, **upload, ChecksumCRC32=wrong, ChecksumType="FULL_OBJECT") == (400, "BadDigest")
    assert refusal(complete, **upload, MpuObjectSize=7)[0] == 400
    server.switches.min_part_size = 5
    assert refusal(complete, **upload) == (400, "EntityTooSmall")
    parts = upload["MultipartUpload"]["Parts"]
    parts.reverse()
    assert refusal(complete, **upload) == (400, "InvalidPartOrder")
    parts[0]["ETag"] = '"0"'
    assert refusal(complete, **upload) == (400, "InvalidPart")
    assert (
        refusal(client.put_object, Bucket="bucket", Key="k", Body=b"x", ChecksumCRC32=wrong)[1] == "BadDigest"
    )


def test_open_uploads_are_listed_page_by_page_until_aborted(server: ScriptedS3, client: S3Client) -> None:
    uploads = [begin(client, b"x") for _ in range(3)]
    server.switches.page_size = 2
    pages = client.get_paginator("list_multipart_uploads").paginate(Bucket="bucket", Prefix="k")
    assert [one["UploadId"] for page in pages for one in page["Uploads"]] == [
        one["UploadId"] for one in uploads
    ]
    for one in uploads:
        client.abort_multipart_upload(Bucket="bucket", Key="k", UploadId=one["UploadId"])
    assert "Uploads" not in client.list_multipart_uploads(Bucket="bucket")


def test_copies_are_pinned_to_their_source(server: ScriptedS3, client: S3Client) -> None:
    etag = server.put("bucket", "from here", b"0123456789", x_amz_meta_mtime="1")
    source: dict[str, Any] = {"CopySource": {"Bucket": "bucket", "Key": "from here"}}
    client.copy_object(Bucket="bucket", Key="to", **source, CopySourceIfMatch=etag)
    copied = server.object("bucket", "to")
    assert copied is not None and copied.data == b"0123456789" and copied.headers["x-amz-meta-mtime"] == "1"
    assert refusal(client.copy_object, Bucket="bucket", Key="to", **source, CopySourceIfMatch="no")[0] == 412
    upload = client.create_multipart_upload(Bucket="bucket", Key="k")["UploadId"]
    client.upload_part_copy(
        Bucket="bucket", Key="k", UploadId=upload, PartNumber=1, **source, CopySourceRange="bytes=1-3"
    )
    assert server.uploads()[0].parts[1].data == b"123"


def test_versions_are_readable_after_they_are_replaced(server: ScriptedS3, client: S3Client) -> None:
    server.switches.versioned = True
    first = client.put_object(Bucket="bucket", Key="k", Body=b"one")["VersionId"]
    client.put_object(Bucket="bucket", Key="k", Body=b"two")
    assert client.get_object(Bucket="bucket", Key="k", VersionId=first)["Body"].read() == b"one"
    assert refusal(client.get_object, Bucket="bucket", Key="k", VersionId="x") == (404, "NoSuchVersion")


def test_chunked_body_with_trailing_checksum_is_read(server: ScriptedS3) -> None:
    body = (
        b"5\r\nhello\r\n6\r\n world\r\n0\r\nx-amz-checksum-crc32:"
        + crc32(b"hello world").encode()
        + b"\r\n\r\n"
    )
    with closing(http.client.HTTPConnection(server.url.removeprefix("http://"), timeout=10)) as line:
        headers = {
            "Authorization": "x",
            "Content-Encoding": "aws-chunked",
            "x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        }
        line.request("PUT", "/bucket/k", body, headers)
        with line.getresponse() as reply:
            assert reply.status == 200
    stored = server.object("bucket", "k")
    assert stored is not None and stored.data == b"hello world" and stored.crc32 == crc32(b"hello world")


# As told


def test_unsigned_requests_are_refused_unless_told_otherwise(server: ScriptedS3) -> None:
    server.put("bucket", "k", b"x")
    assert raw(server, "GET", "/bucket/k")[0] == 403
    server.switches.needs_authorization = False
    assert raw(server, "GET", "/bucket/k")[::2] == (200, b"x")


def test_refusals_strike_as_counted(server: ScriptedS3, client: S3Client) -> None:
    server.put("bucket", "k", b"x")
    head = {"Bucket": "bucket", "Key": "k"}
    server.refuse("ExpiredToken", 400, operation="GetObject", nth=2)
    server.refuse("SlowDown", 503, operation="DeleteObject", times=2, headers={"Retry-After": "3"})
    server.refuse("AccessDenied", 403, operation="ListParts")
    skewed = server.refuse("RequestTimeTooSkewed", 403, operation="ListObjectsV2", times=1)
    client.get_object(**head)["Body"].read()
    assert refusal(client.get_object, **head) == (400, "ExpiredToken")
    client.get_object(**head)["Body"].read()
    assert [refusal(client.delete_object, **head)[0] for _ in range(2)] == [503, 503]
    client.delete_object(**head)
    assert refusal(client.list_parts, **head, UploadId="u") == (403, "AccessDenied")
    assert refusal(client.list_objects_v2, Bucket="bucket") == (403, "RequestTimeTooSkewed")
    assert skewed.fired == 1
    assert server.count("GetObject") == 3
    server.relent()
    assert refusal(client.list_parts, **head, UploadId="u") == (404, "NoSuchUpload")


def test_list_parts_forgets(server: ScriptedS3, client: S3Client) -> None:
    upload = begin(client, b"1", b"2", b"3")
    server.switches.forgotten_parts = {2}
    parts = client.list_parts(Bucket="bucket", Key="k", UploadId=upload["UploadId"])["Parts"]
    assert [one["PartNumber"] for one in parts] == [1, 3]


def test_complete_says_200_and_error(server: ScriptedS3) -> None:
    with closing(server.client()) as client:
        upload = begin(client, b"1")
    server.switches.complete_errors = ["InternalError"]
    body = f"<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{hashlib.md5(b'1').hexdigest()}</ETag></Part></CompleteMultipartUpload>"
    path = f"/bucket/k?uploadId={upload['UploadId']}"
    with closing(http.client.HTTPConnection(server.url.removeprefix("http://"), timeout=10)) as line:
        for expected in (b"<Code>InternalError</Code>", b"<CompleteMultipartUploadResult"):
            line.request("POST", path, body, {"Authorization": "x"})
            with line.getresponse() as reply:
                assert reply.status == 200
                assert expected in reply.read()
    assert server.data("bucket", "k") == b"1"


def test_listing_never_ends(server: ScriptedS3, client: S3Client) -> None:
    server.put("bucket", "k", b"")
    pages = client.list_objects_v2
    server.switches.endless_listing = "same"
    first = pages(Bucket="bucket")
    second = pages(Bucket="bucket", ContinuationToken=first["NextContinuationToken"])
    assert first["NextContinuationToken"] == second["NextContinuationToken"]
    assert [one["Key"] for one in second["Contents"]] == ["k"]
    server.switches.endless_listing = "new"
    token, tokens = first["NextContinuationToken"], set()
    for _ in range(5):
        page = pages(Bucket="bucket", ContinuationToken=token)
        token = page["NextContinuationToken"]
        tokens.add(token)
        assert page["IsTruncated"]
    assert len(tokens) == 5


def test_uploads_are_gone_when_forgotten(server: ScriptedS3, client: S3Client) -> None:
    upload = begin(client, b"1")
    server.forget_uploads()
    assert refusal(client.complete_multipart_upload, **upload) == (404, "NoSuchUpload")


def test_archived_objects_cannot_be_read(server: ScriptedS3, client: S3Client) -> None:
    server.put("bucket", "k", b"x")
    server.switches.archived = {"k": 'ongoing-request="true"'}
    assert refusal(client.get_object, Bucket="bucket", Key="k") == (403, "InvalidObjectState")
    head = client.head_object(Bucket="bucket", Key="k")
    assert (head["StorageClass"], head["Restore"]) == ("GLACIER", 'ongoing-request="true"')


def test_checksums_are_not_tolerated(server: ScriptedS3, client: S3Client) -> None:
    create = client.create_multipart_upload
    known: dict[str, Any] = {"Bucket": "bucket", "Key": "k", "ChecksumAlgorithm": "CRC32"}
    server.switches.refuses_checksum_type = True
    assert refusal(create, **known, ChecksumType="FULL_OBJECT")[0] == 400
    create(**known)
    server.switches.refuses_checksums = True
    assert refusal(create, **known)[0] == 400
    assert refusal(client.put_object, Bucket="bucket", Key="k", Body=b"", ChecksumCRC32=crc32(b""))[0] == 400


def test_checksums_are_neither_checked_nor_kept(server: ScriptedS3, client: S3Client) -> None:
    server.switches.keeps_no_checksums = True
    client.put_object(Bucket="bucket", Key="k", Body=b"x", ChecksumCRC32=crc32(b"other"))
    assert "ChecksumCRC32" not in client.head_object(Bucket="bucket", Key="k", ChecksumMode="ENABLED")


def test_conditions_and_ranges_are_ignored(server: ScriptedS3, client: S3Client) -> None:
    server.put("bucket", "k", b"0123456789")
    server.switches.ignores_conditions = server.switches.ignores_ranges = True
    reply = client.get_object(Bucket="bucket", Key="k", IfMatch='"no"', Range="bytes=1-2")
    assert reply["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert reply["Body"].read() == b"0123456789"
    client.put_object(Bucket="bucket", Key="k", Body=b"new", IfNoneMatch="*")
    assert server.data("bucket", "k") == b"new"


def test_metadata_names_change_their_case(server: ScriptedS3) -> None:
    server.put("bucket", "k", b"", x_amz_meta_mtime="1")
    assert ("x-amz-meta-mtime", "1") in raw(server, "HEAD", "/bucket/k", Authorization="x")[1]
    server.switches.recases_metadata = True
    assert ("X-Amz-Meta-Mtime", "1") in raw(server, "HEAD", "/bucket/k", Authorization="x")[1]


def test_etags_are_no_md5(server: ScriptedS3, client: S3Client) -> None:
    server.switches.odd_etags = True
    etag = client.put_object(Bucket="bucket", Key="k", Body=b"x")["ETag"]
    assert etag != f'"{hashlib.md5(b"x").hexdigest()}"'
    client.get_object(Bucket="bucket", Key="k", IfMatch=etag)["Body"].read()
    client.complete_multipart_upload(**begin(client, b"1", b"2"))


def test_clock_is_ahead(server: ScriptedS3) -> None:
    server.switches.clock_ahead = 3600.0
    ahead = dict(raw(server, "HEAD", "/bucket", Authorization="x")[1])["Date"]
    assert 3590 < parsedate_to_datetime(ahead).timestamp() - time.time() < 3610


def test_redirect_can_be_seen_to_be_followed_or_not(server: ScriptedS3) -> None:
    with ScriptedS3("bucket") as other:
        server.switches.redirect_to = f"{other.url}/bucket/k"
        status, headers, _ = raw(server, "GET", "/bucket/k", Authorization="x")
        assert status == 307
        assert dict(headers)["Location"] == f"{other.url}/bucket/k"
        assert other.connections == 0
        raw(other, "GET", "/bucket/k", Authorization="x")
        assert other.connections == 1


def test_undeletable_keys_are_named(server: ScriptedS3, client: S3Client) -> None:
    server.put("bucket", "a", b"")
    server.put("bucket", "b", b"")
    server.switches.undeletable = {"a"}
    answer = client.delete_objects(Bucket="bucket", Delete={"Objects": [{"Key": "a"}, {"Key": "b"}]})
    assert [(one["Key"], one["Code"]) for one in answer["Errors"]] == [("a", "AccessDenied")]
    assert [one["Key"] for one in answer["Deleted"]] == ["b"]
    assert listed(client) == ["a"]
