"""What the scripted S3 server does with buckets and objects."""

from __future__ import annotations

import hashlib
import itertools
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from email.utils import formatdate
from urllib.parse import unquote

from tests.servers import s3_xml
from tests.servers.s3_request import (
    Answer,
    Asked,
    check_body,
    check_source,
    check_target,
    parse_range,
)
from tests.servers.s3_store import S3Error, Store, StoredObject, crc32, odd
from tests.servers.s3_switches import Switches


class Objects:
    """Answers requests; called under the store's lock."""

    def __init__(self, store: Store, switches: Switches) -> None:
        self._store = store
        self._switches = switches
        self.actions: Mapping[str, Callable[[Asked], Answer]] = {
            "ListBuckets": self.list_buckets,
            "CreateBucket": self.create_bucket,
            "DeleteBucket": self.delete_bucket,
            "HeadBucket": self.head_bucket,
            "GetBucketLocation": lambda asked: Answer(body=s3_xml.document("LocationConstraint")),
            "ListObjectsV2": self.list_objects,
            "GetObject": self.get_object,
            "HeadObject": self.get_object,
            "GetObjectAttributes": self.get_attributes,
            "PutObject": self.put_object,
            "CopyObject": self.copy_object,
            "DeleteObject": self.delete_object,
            "RestoreObject": self.restore_object,
            "DeleteObjects": self.delete_objects,
        }

    def list_buckets(self, asked: Asked) -> Answer:
        buckets = "".join(
            f"<Bucket>{s3_xml.tag('Name', name)}{s3_xml.tag('CreationDate', s3_xml.iso(0))}</Bucket>"
            for name in sorted(self._store.buckets)
        )
        return Answer(body=s3_xml.document("ListAllMyBucketsResult", f"<Buckets>{buckets}</Buckets>"))

    def create_bucket(self, asked: Asked) -> Answer:
        if asked.bucket in self._store.buckets:
            raise S3Error("BucketAlreadyOwnedByYou", 409)
        self._store.buckets[asked.bucket] = {}
        return Answer()

    def delete_bucket(self, asked: Asked) -> Answer:
        if self._store.objects(asked.bucket):
            raise S3Error("BucketNotEmpty", 409)
        del self._store.buckets[asked.bucket]
        return Answer(204)

    def head_bucket(self, asked: Asked) -> Answer:
        self._store.objects(asked.bucket)
        return Answer(headers={"x-amz-bucket-region": "us-east-1"})

    def list_objects(self, asked: Asked) -> Answer:
        page = s3_xml.ListQuery.of(asked.query, self._switches.page_size)
        further = {
            "": None,
            "same": s3_xml.to_token(""),
            "new": s3_xml.to_token(page.after + "\uffff"),
        }[self._switches.endless_listing]
        objects = self._store.objects(asked.bucket)
        return Answer(
            body=s3_xml.object_list(asked.bucket, objects, page, further),
            headers={"Content-Type": "application/xml"},
        )

    def get_object(self, asked: Asked) -> Answer:
        """HeadObject too: the body is left out when it is sent."""
        stored = self._store.find(asked.bucket, asked.key, asked.query.get("versionId"))
        if not self._switches.ignores_conditions:
            check_source(asked.headers, stored)
        if asked.operation == "GetObject" and self._is_archived(asked.key):
            raise S3Error(
                "InvalidObjectState", 403, "The operation is not valid for the object's storage class"
            )
        headers = self._facts(asked, stored)
        part, wanted = asked.query.get("partNumber"), asked.headers.get("range")
        if part is not None:
            first, last = part_range(stored, int(part))
            checksum = stored.parts[int(part) - 1][1] if stored.parts else stored.crc32
            if "x-amz-checksum-crc32" in headers and checksum is not None:
                headers["x-amz-checksum-crc32"] = checksum
            headers["x-amz-mp-parts-count"] = str(max(1, len(stored.parts)))
        elif wanted is not None and not self._switches.ignores_ranges:
            first, last = parse_range(wanted, len(stored.data))
            headers.pop("x-amz-checksum-crc32", None)  # of the whole object; S3 leaves it out of a part of it
            headers.pop("x-amz-checksum-type", None)
        else:
            return Answer(200, stored.data, headers)
        if stored.data:
            headers["Content-Range"] = f"bytes {first}-{last}/{len(stored.data)}"
        return Answer(206, stored.data[first : last + 1], headers)

    def get_attributes(self, asked: Asked) -> Answer:
        stored = self._store.find(asked.bucket, asked.key, asked.query.get("versionId"))
        content = s3_xml.tag("ETag", stored.etag) + s3_xml.tag("ObjectSize", len(stored.data))
        if stored.crc32 is not None and not self._switches.keeps_no_checksums:
            content += "<Checksum>" + s3_xml.tag("ChecksumCRC32", stored.crc32)
            content += s3_xml.tag("ChecksumType", stored.checksum_type) + "</Checksum>"
        if stored.parts:
            content += self._part_attributes(asked, stored)
        return Answer(body=s3_xml.document("GetObjectAttributesResponse", content))

    def put_object(self, asked: Asked) -> Answer:
        if not self._switches.keeps_no_checksums:
            check_body(asked)
        self._check_target(asked)
        declared = asked.headers.get("x-amz-checksum-crc32")
        stored = self._new_object(asked.body, asked.kept_headers)
        stored = replace(stored, crc32=declared, checksum_type="FULL_OBJECT" if declared else None)
        return Answer(
            headers=self._facts(asked, self._store.keep(asked.bucket, asked.key, stored), brief=True)
        )

    def copy_object(self, asked: Asked) -> Answer:
        source = self.copy_source(asked)
        self._check_target(asked)
        replaces = asked.headers.get("x-amz-metadata-directive") == "REPLACE"
        stored = self._new_object(source.data, asked.kept_headers if replaces else source.headers)
        stored = replace(stored, crc32=crc32(source.data), checksum_type="FULL_OBJECT")
        self._store.keep(asked.bucket, asked.key, stored)
        content = s3_xml.tag("ETag", f'"{stored.etag}"') + s3_xml.tag(
            "LastModified", s3_xml.iso(stored.modified)
        )
        return Answer(
            body=s3_xml.document("CopyObjectResult", content), headers=self._facts(asked, stored, brief=True)
        )

    def copy_source(self, asked: Asked) -> StoredObject:
        """The object that a copy names, its condition checked."""
        name, _, version = asked.headers["x-amz-copy-source"].partition("?versionId=")
        bucket, _, key = unquote(name, errors="surrogateescape").removeprefix("/").partition("/")
        stored = self._store.find(bucket, key, version or None)
        if self._is_archived(key):
            raise S3Error("InvalidObjectState", 403)
        if not self._switches.ignores_conditions:
            check_source(asked.headers, stored, "x-amz-copy-source-")
        return stored

    def restore_object(self, asked: Asked) -> Answer:
        """Begun; it ends when the test says so."""
        self._store.find(asked.bucket, asked.key, asked.query.get("versionId"))
        if asked.key not in self._switches.archived:
            raise S3Error("InvalidObjectState", 403, "Restore is not allowed for its storage class")
        if self._switches.archived[asked.key]:
            raise S3Error("RestoreAlreadyInProgress", 409)
        self._switches.archived[asked.key] = 'ongoing-request="true"'
        return Answer(202)

    def _is_archived(self, key: str) -> bool:
        return 'ongoing-request="false"' not in self._switches.archived.get(key, 'ongoing-request="false"')

    def delete_object(self, asked: Asked) -> Answer:
        self._store.objects(asked.bucket).pop(asked.key, None)
        return Answer(204)

    def delete_objects(self, asked: Asked) -> Answer:
        objects = self._store.objects(asked.bucket)
        root = s3_xml.parse(asked.body)
        quiet = root.findtext("Quiet") == "true"
        results = []
        for element in root.iter("Object"):
            key = element.findtext("Key") or ""
            if key in self._switches.undeletable:
                failed = s3_xml.tag("Key", key) + s3_xml.tag("Code", "AccessDenied")
                results.append(f"<Error>{failed}{s3_xml.tag('Message', 'Access Denied')}</Error>")
                continue
            objects.pop(key, None)
            if not quiet:
                results.append(f"<Deleted>{s3_xml.tag('Key', key)}</Deleted>")
        return Answer(body=s3_xml.document("DeleteResult", *results))

    def _new_object(self, data: bytes, headers: Mapping[str, str]) -> StoredObject:
        etag = hashlib.md5(data).hexdigest()
        return StoredObject(
            data,
            odd(etag) if self._switches.odd_etags else etag,
            time.time(),
            headers,
            version_id=self._store.new_id("version") if self._switches.versioned else None,
        )

    def _check_target(self, asked: Asked) -> None:
        there = self._store.objects(asked.bucket).get(asked.key)
        if not self._switches.ignores_conditions:
            check_target(asked.headers, there)

    def _facts(self, asked: Asked, stored: StoredObject, *, brief: bool = False) -> dict[str, str]:
        """The headers that tell of an object; in `brief` those of a write's answer."""
        headers = {"ETag": f'"{stored.etag}"'}
        if stored.version_id is not None:
            headers["x-amz-version-id"] = stored.version_id
        shows = brief or asked.headers.get("x-amz-checksum-mode", "").upper() == "ENABLED"
        if shows and stored.crc32 is not None and not self._switches.keeps_no_checksums:
            headers["x-amz-checksum-crc32"] = stored.crc32
            headers["x-amz-checksum-type"] = stored.checksum_type or "FULL_OBJECT"
        if brief:
            return headers
        headers["Last-Modified"] = formatdate(stored.modified, usegmt=True)
        headers["Accept-Ranges"] = "bytes"
        for name, value in stored.headers.items():
            headers[name.title() if self._switches.recases_metadata and "-meta-" in name else name] = value
        if asked.key in self._switches.archived:
            headers["x-amz-storage-class"] = "GLACIER"
            if restore := self._switches.archived[asked.key]:
                headers["x-amz-restore"] = restore
        return headers

    def _part_attributes(self, asked: Asked, stored: StoredObject) -> str:
        after = int(asked.headers.get("x-amz-part-number-marker", "0"))
        limit = min(int(asked.headers.get("x-amz-max-parts", "1000")), self._switches.page_size)
        page = stored.parts[after : after + limit]
        truncated = after + len(page) < len(stored.parts)
        content = s3_xml.tag("PartsCount", len(stored.parts)) + s3_xml.tag("IsTruncated", truncated)
        if truncated:
            content += s3_xml.tag("NextPartNumberMarker", after + len(page))
        if stored.checksum_type == "COMPOSITE" and not self._switches.keeps_no_checksums:
            # S3 tells the single parts only of objects with composite checksums.
            for number, (size, checksum) in enumerate(page, after + 1):
                part = s3_xml.tag("PartNumber", number) + s3_xml.tag("Size", size)
                part += s3_xml.tag("ChecksumCRC32", checksum) if checksum else ""
                content += f"<Part>{part}</Part>"
        return f"<ObjectParts>{content}</ObjectParts>"


def part_range(stored: StoredObject, number: int) -> tuple[int, int]:
    """First and last byte of one part of an object."""
    sizes = [size for size, _ in stored.parts] or [len(stored.data)]
    if not 1 <= number <= len(sizes):
        raise S3Error("InvalidPartNumber", 416)
    ends = list(itertools.accumulate(sizes))
    return ends[number - 1] - sizes[number - 1], ends[number - 1] - 1
