"""What the scripted S3 server holds: objects, their versions, and uploads that are not complete."""

from __future__ import annotations

import base64
import hashlib
import itertools
import threading
import time
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field


class S3Error(Exception):
    """The server refuses a request."""

    def __init__(
        self, code: str, status: int, message: str = "", *, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(code, status)
        self.code = code
        self.status = status
        self.message = message or code
        self.headers = dict(headers or {})


def crc32(data: bytes) -> str:
    """As S3 writes it."""
    return base64.b64encode(zlib.crc32(data).to_bytes(4, "big")).decode()


@dataclass(frozen=True, slots=True)
class StoredPart:
    data: bytes = field(repr=False)
    etag: str
    """Without quotes, as everywhere here."""
    crc32: str | None
    """Base64; ``None`` where the client sent none."""
    modified: float


@dataclass(frozen=True, slots=True)
class StoredObject:
    data: bytes = field(repr=False)
    etag: str
    modified: float
    """Seconds of wall time."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Given back with every reply: ``content-type``, ``x-amz-meta-…``, ``x-amz-storage-class`` …, lower case."""
    crc32: str | None = None
    checksum_type: str | None = None
    """``FULL_OBJECT`` or ``COMPOSITE``."""
    parts: tuple[tuple[int, str | None], ...] = ()
    """Size and CRC32 of each part of a multipart object."""
    version_id: str | None = None


@dataclass(slots=True)
class Upload:
    bucket: str
    key: str
    id: str
    initiated: float
    headers: dict[str, str]
    checksum_type: str | None
    """As declared when it was created; ``None`` without a checksum algorithm."""
    parts: dict[int, StoredPart] = field(default_factory=dict)


class Store:
    """Buckets, objects and uploads, in memory.

    Guarantees:
        `lock` guards everything here; requests hold it while they look or change, never while they send.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.buckets: dict[str, dict[str, StoredObject]] = {}
        self.versions: dict[tuple[str, str, str], StoredObject] = {}
        self.uploads: dict[str, Upload] = {}
        self._numbers = itertools.count(1)

    def objects(self, bucket: str) -> dict[str, StoredObject]:
        try:
            return self.buckets[bucket]
        except KeyError:
            raise S3Error("NoSuchBucket", 404) from None

    def find(self, bucket: str, key: str, version_id: str | None = None) -> StoredObject:
        if version_id is not None:
            found = self.versions.get((bucket, key, version_id))
            if found is None:
                raise S3Error("NoSuchVersion", 404)
            return found
        try:
            return self.objects(bucket)[key]
        except KeyError:
            raise S3Error("NoSuchKey", 404) from None

    def find_upload(self, bucket: str, key: str, upload_id: str) -> Upload:
        upload = self.uploads.get(upload_id)
        if upload is None or (upload.bucket, upload.key) != (bucket, key):
            raise S3Error("NoSuchUpload", 404)
        return upload

    def keep(self, bucket: str, key: str, stored: StoredObject) -> StoredObject:
        self.objects(bucket)[key] = stored
        if stored.version_id is not None:
            self.versions[bucket, key, stored.version_id] = stored
        return stored

    def begin(self, bucket: str, key: str, headers: dict[str, str], checksum_type: str | None) -> Upload:
        self.objects(bucket)
        upload = Upload(bucket, key, self.new_id("upload"), time.time(), headers, checksum_type)
        self.uploads[upload.id] = upload
        return upload

    def new_id(self, kind: str) -> str:
        return f"{kind}-{next(self._numbers)}"


def whole(parts: list[tuple[int, StoredPart]], checksum_type: str | None, odd_etag: bool) -> StoredObject:
    """The object that parts make, with the ETag and the checksum that S3 gives it."""
    data = b"".join(part.data for _, part in parts)
    digests = b"".join(hashlib.md5(part.data).digest() for _, part in parts)
    etag = f"{hashlib.md5(digests).hexdigest()}-{len(parts)}"
    checksum = None
    if checksum_type == "FULL_OBJECT":
        checksum = crc32(data)
    elif checksum_type == "COMPOSITE":
        sums = b"".join(zlib.crc32(part.data).to_bytes(4, "big") for _, part in parts)
        checksum = f"{crc32(sums)}-{len(parts)}"
    return StoredObject(
        data,
        odd(etag) if odd_etag else etag,
        time.time(),
        crc32=checksum,
        checksum_type=checksum_type,
        parts=tuple((len(part.data), part.crc32) for _, part in parts),
    )


def odd(etag: str) -> str:
    """An ETag of which no MD5 can be read, as encrypted objects have it."""
    return "odd" + hashlib.sha1(etag.encode()).hexdigest()[:29]
