"""A request to the scripted S3 server, and what is told of it before anything is done."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.servers.s3_store import S3Error, StoredObject, crc32


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as it came, its body decoded."""

    operation: str
    """As AWS names it."""
    method: str
    bucket: str
    key: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    """By lower-case name; checksums from a trailer are here too."""
    body: bytes = field(repr=False)
    connection: int = 0
    """Which of the server's connections it came on, from 1."""

    @property
    def kept_headers(self) -> dict[str, str]:
        """What is kept with an object and given back."""
        return {
            name: value
            for name, value in self.headers.items()
            if name.startswith("x-amz-meta-") or name in KEPT
        }


KEPT = (
    "content-type",
    "cache-control",
    "content-disposition",
    "content-encoding",
    "x-amz-storage-class",
    "x-amz-server-side-encryption",
)


@dataclass(frozen=True, slots=True)
class Answer:
    status: int = 200
    body: bytes = field(default=b"", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)


def operation_of(
    method: str, bucket: str, key: str, query: Mapping[str, str], headers: Mapping[str, str]
) -> str:
    """The name of what is asked for.

    >>> operation_of("PUT", "b", "k", {"partNumber": "1", "uploadId": "u"}, {})
    'UploadPart'
    """
    if not bucket:
        return "ListBuckets"
    if not key:
        return of_bucket(method, query)
    copies = "x-amz-copy-source" in headers
    if "uploadId" in query:
        if method == "PUT":
            return "UploadPartCopy" if copies else "UploadPart"
        names = {"GET": "ListParts", "POST": "CompleteMultipartUpload", "DELETE": "AbortMultipartUpload"}
        return names.get(method, "Unknown")
    if setting := of_setting(method, query, _SETTINGS):
        return setting
    if method == "POST":
        return (
            "CreateMultipartUpload"
            if "uploads" in query
            else "RestoreObject"
            if "restore" in query
            else "Unknown"
        )
    if method == "GET":
        return "GetObjectAttributes" if "attributes" in query else "GetObject"
    if method == "PUT":
        return "CopyObject" if copies else "PutObject"
    return {"HEAD": "HeadObject", "DELETE": "DeleteObject"}.get(method, "Unknown")


_SETTINGS = {
    "tagging": "ObjectTagging",
    "retention": "ObjectRetention",
    "legal-hold": "ObjectLegalHold",
    "acl": "ObjectAcl",
}
_BUCKET_SETTINGS = {
    "versioning": "BucketVersioning",
    "encryption": "BucketEncryption",
    "lifecycle": "BucketLifecycleConfiguration",
    "object-lock": "ObjectLockConfiguration",
    "tagging": "BucketTagging",
}


def of_setting(method: str, query: Mapping[str, str], settings: Mapping[str, str]) -> str:
    """The name of what is asked about a setting; empty if it is none."""
    verb = {"GET": "Get", "PUT": "Put", "DELETE": "Delete"}.get(method, "")
    return next((f"{verb}{name}" for word, name in settings.items() if verb and word in query), "")


def of_bucket(method: str, query: Mapping[str, str]) -> str:
    if setting := of_setting(method, query, _BUCKET_SETTINGS):
        return setting
    if method == "GET":
        if "versions" in query:
            return "ListObjectVersions"
        if "uploads" in query:
            return "ListMultipartUploads"
        if "location" in query:
            return "GetBucketLocation"
        return "ListObjectsV2" if query.get("list-type") == "2" else "ListObjects"
    if method == "POST":
        return "DeleteObjects" if "delete" in query else "Unknown"
    return {"HEAD": "HeadBucket", "PUT": "CreateBucket", "DELETE": "DeleteBucket"}.get(method, "Unknown")


def decode_chunks(body: bytes, headers: dict[str, str]) -> bytes:
    """The content of an ``aws-chunked`` body; what its trailer says is added to `headers`."""
    content = bytearray()
    rest = body
    while True:
        line, _, rest = rest.partition(b"\r\n")
        size = int(line.split(b";")[0] or b"0", 16)
        if size == 0:
            break
        content += rest[:size]
        rest = rest[size + 2 :]
    for trailer in rest.decode("latin-1").split("\r\n"):
        name, colon, value = trailer.partition(":")
        if colon:
            headers[name.strip().lower()] = value.strip()
    return bytes(content)


def check_body(asked: Asked) -> None:
    """Refuse a body that is not what its checksums say."""
    told = asked.headers.get("x-amz-checksum-crc32")
    if told is not None and told != crc32(asked.body):
        raise S3Error("BadDigest", 400, "The CRC32 you specified did not match what we received.")
    md5 = asked.headers.get("content-md5")
    if md5 is not None and md5 != base64.b64encode(hashlib.md5(asked.body).digest()).decode():
        raise S3Error("BadDigest", 400, "The Content-MD5 you specified did not match what we received.")


def check_target(headers: Mapping[str, str], there: StoredObject | None) -> None:
    """If-Match and If-None-Match of a write."""
    wanted = headers.get("if-match")
    if wanted is not None:
        if there is None:
            raise S3Error("NoSuchKey", 404)
        if wanted.strip('"') != there.etag:
            raise S3Error("PreconditionFailed", 412)
    if headers.get("if-none-match") == "*" and there is not None:
        raise S3Error("PreconditionFailed", 412)


def check_source(headers: Mapping[str, str], there: StoredObject, prefix: str = "") -> None:
    """If-Match of a read, or with a prefix that of a copy's source."""
    wanted = headers.get(f"{prefix}if-match")
    if wanted is not None and wanted.strip('"') not in (there.etag, "*"):
        raise S3Error("PreconditionFailed", 412)


def parse_range(value: str, size: int) -> tuple[int, int]:
    """First and last byte of a ``Range`` header.

    >>> parse_range("bytes=-3", 10)
    (7, 9)
    """
    first, _, last = value.removeprefix("bytes=").partition("-")
    if not first:
        begin, end = max(0, size - int(last)), size - 1
    else:
        begin, end = int(first), min(int(last) if last else size - 1, size - 1)
    if begin >= size or begin > end:
        raise S3Error("InvalidRange", 416, headers={"Content-Range": f"bytes */{size}"})
    return begin, end
