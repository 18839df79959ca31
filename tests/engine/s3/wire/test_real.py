"""The real server: what is sent comes back, and what is damaged is refused."""

from __future__ import annotations

import zlib
from collections.abc import Callable

import pytest

from engine.errors import NeedsAnswer, Permanent, Retryable
from engine.model import ObjectRef
from engine.pace.cancel import CancelToken
from engine.s3.connection import Connection
from engine.s3.wire import Wire
from tests.engine.s3.wire.asking import pieces_of
from tests.servers.seaweed import Seaweed

DATA = bytes(range(256)) * 4096 * 5
PART = 5 * 1024 * 1024


@pytest.fixture
def wire(connection: Connection) -> Wire:
    return connection.wire


def fetch(wire: Wire, ref: ObjectRef, token: CancelToken, **how: object) -> bytes:
    buffer = memoryview(bytearray(1 << 20))
    body = bytearray()
    with wire.get_object(ref, token=token, **how) as reply:  # type: ignore[arg-type]
        while count := reply.readinto(buffer):
            body += buffer[:count]
    return bytes(body)


@pytest.mark.parametrize("size", [0, 1, 70_000, len(DATA)])
def test_object_comes_back_as_it_was_sent(wire: Wire, bucket: str, token: CancelToken, size: int) -> None:
    ref, data = ObjectRef(bucket, "o"), DATA[:size]
    headers = {"x-amz-meta-mtime": "1700000000.5", "content-type": "text/x-test"}
    crc = zlib.crc32(data)
    reply = wire.put_object(ref, pieces_of(data), size, crc32=crc, headers=headers, token=token)
    facts = wire.head_object(ref, token=token)
    assert (facts.size, facts.etag) == (size, reply.etag)
    assert (facts.content_type, facts.metadata["mtime"]) == ("text/x-test", "1700000000.5")
    assert facts.mtime > 1.7e9
    assert fetch(wire, ref, token, if_match=reply.etag) == data


@pytest.mark.parametrize("key", ["a b+c~d", "ü/日本/😀", "(x)!'*", "a=b&c?d#e%20", "x:@;,$", "x" * 200])
def test_odd_keys_are_signed_as_the_server_reads_them(
    wire: Wire, bucket: str, token: CancelToken, seaweed: Seaweed, key: str
) -> None:
    ref = ObjectRef(bucket, key)
    wire.put_object(ref, pieces_of(b"x"), 1, token=token)
    keys = [entry["Key"] for entry in seaweed.client().list_objects_v2(Bucket=bucket)["Contents"]]
    assert keys == [key]
    assert fetch(wire, ref, token) == b"x"


def test_ranges_are_what_they_say(wire: Wire, bucket: str, token: CancelToken) -> None:
    ref = ObjectRef(bucket, "o")
    etag = wire.put_object(ref, pieces_of(DATA), len(DATA), token=token).etag
    for offset, length in ((0, 1), (12345, 1 << 20), (len(DATA) - 7, 7), (0, len(DATA))):
        got = fetch(wire, ref, token, offset=offset, length=length, if_match=etag)
        assert got == DATA[offset : offset + length]
    with pytest.raises(NeedsAnswer):
        fetch(wire, ref, token, offset=len(DATA), length=5)


def test_object_that_changed_is_not_mixed(wire: Wire, bucket: str, token: CancelToken) -> None:
    ref = ObjectRef(bucket, "o")
    old = wire.put_object(ref, pieces_of(b"old"), 3, token=token).etag
    wire.put_object(ref, pieces_of(b"new"), 3, token=token)
    with pytest.raises(NeedsAnswer) as caught:
        fetch(wire, ref, token, offset=0, length=2, if_match=old)
    assert caught.value.code == "object-changed"


def test_conditions_keep_others_objects(wire: Wire, bucket: str, token: CancelToken) -> None:
    ref = ObjectRef(bucket, "o")
    etag = wire.put_object(ref, pieces_of(b"1"), 1, if_none_match=True, token=token).etag
    for condition in ({"if_none_match": True}, {"if_match": "0" * 32}):
        with pytest.raises(Permanent) as caught:
            wire.put_object(ref, pieces_of(b"2"), 1, token=token, **condition)
        assert caught.value.code == "precondition"
    wire.put_object(ref, pieces_of(b"3"), 1, if_match=etag, token=token)
    assert fetch(wire, ref, token) == b"3"


def test_parts_become_an_object_with_a_checksum(
    wire: Wire, bucket: str, token: CancelToken, seaweed: Seaweed
) -> None:
    ref, client = ObjectRef(bucket, "big"), seaweed.client()
    where = {"Bucket": bucket, "Key": "big"}
    made = client.create_multipart_upload(**where, ChecksumAlgorithm="CRC32", ChecksumType="FULL_OBJECT")
    pieces = [DATA[:PART], DATA[PART:], b"tail"] if len(DATA) > PART else [DATA[:PART], b"tail"]
    parts = []
    for number, data in enumerate(pieces, 1):
        if not data:
            continue
        crc = zlib.crc32(data)
        etag = wire.upload_part(
            ref, made["UploadId"], number, pieces_of(data, 1 << 20), len(data), crc32=crc, token=token
        )
        parts.append({"PartNumber": number, "ETag": etag})
    client.complete_multipart_upload(
        **where, UploadId=made["UploadId"], MultipartUpload={"Parts": parts}, ChecksumType="FULL_OBJECT"
    )
    facts = wire.head_object(ref, token=token)
    whole = b"".join(pieces)
    assert facts.size == len(whole)
    assert facts.crc32 in (zlib.crc32(whole), None)
    assert fetch(wire, ref, token) == whole


def test_damaged_bytes_are_refused(wire: Wire, bucket: str, token: CancelToken, seaweed: Seaweed) -> None:
    ref = ObjectRef(bucket, "o")
    wrong = zlib.crc32(b"hello") ^ 1
    with pytest.raises(Retryable) as caught:
        wire.put_object(ref, pieces_of(b"hello"), 5, crc32=wrong, token=token)
    assert caught.value.code == "bad-digest"
    made = seaweed.client().create_multipart_upload(
        Bucket=bucket, Key="o", ChecksumAlgorithm="CRC32", ChecksumType="FULL_OBJECT"
    )
    with pytest.raises(Retryable) as caught:
        wire.upload_part(ref, made["UploadId"], 1, pieces_of(b"hello"), 5, crc32=wrong, token=token)
    assert caught.value.code == "bad-digest"
    with pytest.raises(Permanent) as gone:
        wire.head_object(ref, token=token)
    assert gone.value.code == "no-such-key"


def test_part_of_an_upload_that_is_gone_says_so(wire: Wire, bucket: str, token: CancelToken) -> None:
    with pytest.raises(Retryable) as caught:
        wire.upload_part(ObjectRef(bucket, "o"), "f" * 32, 1, pieces_of(b"x"), 1, token=token)
    assert caught.value.code == "upload-gone"


def test_what_is_not_there_is_named(wire: Wire, bucket: str, token: CancelToken) -> None:
    with pytest.raises(Permanent) as caught:
        fetch(wire, ObjectRef(bucket, "nothing"), token)
    assert caught.value.code == "no-such-key"
    with pytest.raises(Permanent) as caught:
        fetch(wire, ObjectRef("no-such-bucket-here", "k"), token)
    assert caught.value.code == "no-such-bucket"


def test_wrong_keys_are_named(
    seaweed: Seaweed,
    bucket: str,
    token: CancelToken,
    wire_to: Callable[..., Wire],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for access_key, secret_key, code in (
        ("AKIANOBODY", "x", "wrong-key"),
        (seaweed.access_key, "wrong", "wrong-secret"),
    ):
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", access_key)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", secret_key)
        wire = wire_to(seaweed.url)
        with pytest.raises(Permanent) as caught:
            fetch(wire, ObjectRef(bucket, "k"), token)
        assert caught.value.code == code
