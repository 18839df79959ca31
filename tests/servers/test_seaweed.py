"""What the real server does with a request: the facts that tests against it rely on."""

from __future__ import annotations

import base64
import os
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.servers.seaweed import SECRET_KEY, Seaweed

MIB = 1024 * 1024


def crc(data: bytes) -> str:
    return base64.b64encode(zlib.crc32(data).to_bytes(4, "big")).decode()


def refusal(call: Callable[..., object], **arguments: Any) -> tuple[int, str]:
    """The status and code with which the server refuses a call."""
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    answer: Any = caught.value.response
    return answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"]


def begin(seaweed: Seaweed, bucket: str, key: str) -> str:
    answer = seaweed.client().create_multipart_upload(
        Bucket=bucket, Key=key, ChecksumAlgorithm="CRC32", ChecksumType="FULL_OBJECT"
    )
    return str(answer["UploadId"])


def test_every_test_has_a_home_of_its_own(nobodys_home: Path) -> None:
    assert os.path.expanduser("~") == str(nobodys_home)
    assert not nobodys_home.exists()
    assert not [name for name in os.environ if name.startswith("AWS_") and "KEY" in name]


def test_server_names_no_secret_in_its_repr(seaweed: Seaweed) -> None:
    assert SECRET_KEY not in repr(seaweed)
    assert seaweed.env(Path("/nowhere"))["AWS_ENDPOINT_URL"] == seaweed.url


def test_wrong_signature_is_refused(seaweed: Seaweed, bucket: str) -> None:
    from tui.seaweed import s3_client

    stranger = s3_client(seaweed.url, seaweed.access_key, "not the secret")
    try:
        assert refusal(stranger.list_objects_v2, Bucket=bucket) == (403, "SignatureDoesNotMatch")
    finally:
        stranger.close()


def test_part_with_wrong_checksum_is_refused(seaweed: Seaweed, bucket: str) -> None:
    upload = begin(seaweed, bucket, "k")
    status, _ = refusal(
        seaweed.client().upload_part,
        Bucket=bucket, Key="k", UploadId=upload, PartNumber=1, Body=b"data", ChecksumCRC32=crc(b"other"),
    )  # fmt: skip
    assert status == 400


def test_object_with_wrong_checksum_is_refused(seaweed: Seaweed, bucket: str) -> None:
    put = seaweed.client().put_object
    status, _ = refusal(put, Bucket=bucket, Key="k", Body=b"data", ChecksumCRC32=crc(b"other"))
    assert status == 400


def test_whole_checksum_is_verified_at_complete(seaweed: Seaweed, bucket: str) -> None:
    client = seaweed.client()
    upload = begin(seaweed, bucket, "k")
    pieces = [b"a" * 5 * MIB, b"b" * 100]
    parts = []
    for number, piece in enumerate(pieces, 1):
        answer = client.upload_part(
            Bucket=bucket, Key="k", UploadId=upload, PartNumber=number, Body=piece, ChecksumCRC32=crc(piece)
        )
        parts.append({"PartNumber": number, "ETag": answer["ETag"], "ChecksumCRC32": crc(piece)})

    complete = client.complete_multipart_upload
    known = {"Bucket": bucket, "Key": "k", "UploadId": upload, "MultipartUpload": {"Parts": parts}}
    status, code = refusal(complete, **known, ChecksumType="FULL_OBJECT", ChecksumCRC32=crc(b"wrong"))
    assert status == 400, code
    complete(**known, ChecksumType="FULL_OBJECT", ChecksumCRC32=crc(b"".join(pieces)))
    facts = client.head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert facts["ContentLength"] == 5 * MIB + 100
    assert facts["ChecksumCRC32"] == crc(b"".join(pieces))


def test_conditions_are_honoured(seaweed: Seaweed, bucket: str) -> None:
    client = seaweed.client()
    etag = client.put_object(Bucket=bucket, Key="k", Body=b"one", IfNoneMatch="*")["ETag"]
    assert refusal(client.put_object, Bucket=bucket, Key="k", Body=b"two", IfNoneMatch="*")[0] == 412
    assert refusal(client.put_object, Bucket=bucket, Key="k", Body=b"two", IfMatch='"0"')[0] == 412
    assert client.get_object(Bucket=bucket, Key="k", IfMatch=etag, Range="bytes=1-")["Body"].read() == b"ne"
    assert refusal(client.get_object, Bucket=bucket, Key="k", IfMatch='"0"')[0] == 412


def test_upload_that_is_gone_is_said_to_be_gone(seaweed: Seaweed, bucket: str) -> None:
    client = seaweed.client()
    upload = begin(seaweed, bucket, "k")
    known = {"Bucket": bucket, "Key": "k", "UploadId": upload}
    client.abort_multipart_upload(**known)
    assert refusal(client.list_parts, **known) == (404, "NoSuchUpload")
    assert refusal(client.upload_part, **known, PartNumber=1, Body=b"x") == (404, "NoSuchUpload")


@pytest.mark.parametrize("key", ["a/../b", "./a", "a/."])
def test_keys_that_climb_are_refused(seaweed: Seaweed, bucket: str, key: str) -> None:
    assert refusal(seaweed.client().put_object, Bucket=bucket, Key=key, Body=b"")[0] == 400


def test_dozens_of_buckets_take_objects(seaweed: Seaweed) -> None:
    def fill(number: int) -> None:
        name = seaweed.bucket("many")
        seaweed.client().put_object(Bucket=name, Key="k", Body=bytes(number))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(fill, range(40)))
