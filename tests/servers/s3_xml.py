"""The XML of S3: listings out, lists of parts and keys in."""

from __future__ import annotations

import base64
import time
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import quote
from xml.sax.saxutils import escape

from tests.servers.s3_store import S3Error, StoredObject, Upload

NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"


def document(root: str, *content: str) -> bytes:
    body = "".join(content)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<{root} xmlns="{NAMESPACE}">{body}</{root}>'.encode()


def tag(name: str, value: object) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return f"<{name}>{escape(text)}</{name}>"


def error(code: str, message: str) -> bytes:
    content = tag("Code", code) + tag("Message", message) + tag("RequestId", "0123456789ABCDEF")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<Error>{content}</Error>'.encode()


def iso(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(seconds))


@dataclass(frozen=True, slots=True)
class ListQuery:
    """What a listing of objects was asked for."""

    prefix: str
    delimiter: str
    after: str
    """Only names greater than this; a common prefix counts as the greatest name that it can stand for."""
    limit: int
    url_encoded: bool

    @classmethod
    def of(cls, query: Mapping[str, str], page_size: int) -> ListQuery:
        token = query.get("continuation-token")
        return cls(
            query.get("prefix", ""),
            query.get("delimiter", ""),
            from_token(token) if token is not None else query.get("start-after", ""),
            min(int(query.get("max-keys", "1000")), page_size),
            query.get("encoding-type") == "url",
        )

    def text(self, name: str) -> str:
        return quote(name, safe="/") if self.url_encoded else name


def to_token(name: str) -> str:
    return base64.urlsafe_b64encode(name.encode("utf-8", "surrogateescape")).decode()


def from_token(token: str) -> str:
    try:
        return base64.urlsafe_b64decode(token).decode("utf-8", "surrogateescape")
    except ValueError:
        raise S3Error("InvalidArgument", 400, "The continuation token is not valid") from None


def object_list(
    bucket: str, objects: Mapping[str, StoredObject], asked: ListQuery, further: str | None
) -> bytes:
    """One page of ListObjectsV2. `further` is a token that is shown whatever the truth."""
    entries: list[str] = []
    last, shown = "", 0
    truncated = False
    seen: set[str] = set()
    for key in sorted(objects, key=lambda key: key.encode("utf-8", "surrogateescape")):
        if not key.startswith(asked.prefix):
            continue
        cut = key.find(asked.delimiter, len(asked.prefix)) if asked.delimiter else -1
        name = key if cut < 0 else key[: cut + len(asked.delimiter)]
        if name in seen or key <= asked.after or (cut >= 0 and asked.after.startswith(name)):
            continue
        if shown == asked.limit:
            truncated = True
            break
        entries.append(entry(objects[key], asked.text(name)) if cut < 0 else common_prefix(asked.text(name)))
        seen.add(name)
        last, shown = name, shown + 1
    token = further if further is not None else to_token(last) if truncated else None
    return document(
        "ListBucketResult",
        tag("Name", bucket),
        tag("Prefix", asked.text(asked.prefix)),
        tag("Delimiter", asked.text(asked.delimiter)) if asked.delimiter else "",
        tag("EncodingType", "url") if asked.url_encoded else "",
        tag("MaxKeys", asked.limit),
        tag("KeyCount", shown),
        tag("IsTruncated", token is not None),
        tag("NextContinuationToken", token) if token is not None else "",
        *entries,
    )


def entry(stored: StoredObject, name: str) -> str:
    content = (
        tag("Key", name)
        + tag("LastModified", iso(stored.modified))
        + tag("ETag", f'"{stored.etag}"')
        + tag("Size", len(stored.data))
        + tag("StorageClass", stored.headers.get("x-amz-storage-class", "STANDARD"))
    )
    return f"<Contents>{content}</Contents>"


def common_prefix(name: str) -> str:
    return f"<CommonPrefixes>{tag('Prefix', name)}</CommonPrefixes>"


def part_list(upload: Upload, after: int, limit: int, forgotten: set[int], checksums: bool) -> bytes:
    """One page of ListParts."""
    numbers = [number for number in sorted(upload.parts) if number > after and number not in forgotten]
    page = numbers[:limit]
    entries = []
    for number in page:
        part = upload.parts[number]
        content = tag("PartNumber", number) + tag("LastModified", iso(part.modified))
        content += tag("ETag", f'"{part.etag}"') + tag("Size", len(part.data))
        if checksums and part.crc32 is not None:
            content += tag("ChecksumCRC32", part.crc32)
        entries.append(f"<Part>{content}</Part>")
    truncated = len(page) < len(numbers)
    return document(
        "ListPartsResult",
        tag("Bucket", upload.bucket),
        tag("Key", upload.key),
        tag("UploadId", upload.id),
        tag("PartNumberMarker", after),
        tag("NextPartNumberMarker", page[-1]) if truncated else "",
        tag("MaxParts", limit),
        tag("IsTruncated", truncated),
        tag("ChecksumAlgorithm", "CRC32") if checksums and upload.checksum_type else "",
        tag("ChecksumType", upload.checksum_type) if checksums and upload.checksum_type else "",
        *entries,
    )


def upload_list(bucket: str, uploads: Iterable[Upload], asked: Mapping[str, str], limit: int) -> bytes:
    """One page of ListMultipartUploads."""
    prefix = asked.get("prefix", "")
    after = (asked.get("key-marker", ""), asked.get("upload-id-marker", ""))
    url_encoded = asked.get("encoding-type") == "url"

    def text(name: str) -> str:
        return quote(name, safe="/") if url_encoded else name

    fitting = sorted(
        (
            upload
            for upload in uploads
            if upload.bucket == bucket and upload.key.startswith(prefix) and (upload.key, upload.id) > after
        ),
        key=lambda upload: (upload.key, upload.id),
    )
    page = fitting[:limit]
    truncated = len(page) < len(fitting)
    entries = [
        "<Upload>"
        + tag("Key", text(upload.key))
        + tag("UploadId", upload.id)
        + tag("Initiated", iso(upload.initiated))
        + "</Upload>"
        for upload in page
    ]
    markers = ""
    if truncated:
        markers = tag("NextKeyMarker", text(page[-1].key)) + tag("NextUploadIdMarker", page[-1].id)
    return document(
        "ListMultipartUploadsResult",
        tag("Bucket", bucket),
        tag("Prefix", text(prefix)),
        tag("EncodingType", "url") if url_encoded else "",
        tag("IsTruncated", truncated),
        markers,
        *entries,
    )


def parse(body: bytes) -> ET.Element:
    """A request's XML, its tags without their namespace."""
    try:
        root = ET.fromstring(body)
    except ET.ParseError:
        raise S3Error("MalformedXML", 400) from None
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    return root
