"""What the scripted S3 server does with multipart uploads."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import replace

from tests.servers import s3_xml
from tests.servers.s3_objects import Objects
from tests.servers.s3_request import Answer, Asked, check_body, check_target, parse_range
from tests.servers.s3_store import S3Error, Store, StoredPart, Upload, crc32, odd, whole
from tests.servers.s3_switches import Switches


class Uploads:
    """Answers requests; called under the store's lock."""

    def __init__(self, store: Store, switches: Switches, objects: Objects) -> None:
        self._store = store
        self._switches = switches
        self._objects = objects
        self.actions: Mapping[str, Callable[[Asked], Answer]] = {
            "CreateMultipartUpload": self.create,
            "UploadPart": self.upload_part,
            "UploadPartCopy": self.upload_part_copy,
            "ListParts": self.list_parts,
            "CompleteMultipartUpload": self.complete,
            "AbortMultipartUpload": self.abort,
            "ListMultipartUploads": self.list_uploads,
        }

    def create(self, asked: Asked) -> Answer:
        algorithm = asked.headers.get("x-amz-checksum-algorithm")
        checksum_type = asked.headers.get("x-amz-checksum-type", "COMPOSITE") if algorithm else None
        upload = self._store.begin(asked.bucket, asked.key, asked.kept_headers, checksum_type)
        content = s3_xml.tag("Bucket", asked.bucket) + s3_xml.tag("Key", asked.key)
        headers = {}
        if algorithm and checksum_type and not self._switches.keeps_no_checksums:
            headers = {"x-amz-checksum-algorithm": algorithm, "x-amz-checksum-type": checksum_type}
        body = s3_xml.document("InitiateMultipartUploadResult", content, s3_xml.tag("UploadId", upload.id))
        return Answer(body=body, headers=headers)

    def upload_part(self, asked: Asked) -> Answer:
        upload = self._upload(asked)
        if not self._switches.keeps_no_checksums:
            check_body(asked)
        part = self._take(upload, asked, asked.body, asked.headers.get("x-amz-checksum-crc32"))
        headers = {"ETag": f'"{part.etag}"'}
        if part.crc32 is not None and not self._switches.keeps_no_checksums:
            headers["x-amz-checksum-crc32"] = part.crc32
        return Answer(headers=headers)

    def upload_part_copy(self, asked: Asked) -> Answer:
        upload = self._upload(asked)
        data = self._objects.copy_source(asked).data
        if wanted := asked.headers.get("x-amz-copy-source-range"):
            first, last = parse_range(wanted, len(data))
            data = data[first : last + 1]
        part = self._take(upload, asked, data, crc32(data))
        content = s3_xml.tag("ETag", f'"{part.etag}"') + s3_xml.tag("LastModified", s3_xml.iso(part.modified))
        return Answer(body=s3_xml.document("CopyPartResult", content))

    def list_parts(self, asked: Asked) -> Answer:
        limit = min(int(asked.query.get("max-parts", "1000")), self._switches.page_size)
        body = s3_xml.part_list(
            self._upload(asked),
            int(asked.query.get("part-number-marker", "0")),
            limit,
            self._switches.forgotten_parts,
            not self._switches.keeps_no_checksums,
        )
        return Answer(body=body)

    def complete(self, asked: Asked) -> Answer:
        upload = self._upload(asked)
        if self._switches.complete_errors:
            code = self._switches.complete_errors.pop(0)
            return Answer(200, s3_xml.error(code, "said after the head was sent"))
        if not self._switches.ignores_conditions:
            check_target(asked.headers, self._store.objects(asked.bucket).get(asked.key))
        parts = self._chosen_parts(asked, upload)
        stored = whole(parts, upload.checksum_type, self._switches.odd_etags)
        told = asked.headers.get("x-amz-checksum-crc32")
        if told is not None and not self._switches.keeps_no_checksums and told != stored.crc32:
            raise S3Error("BadDigest", 400, "The CRC32 you specified did not match the calculated checksum.")
        size = asked.headers.get("x-amz-mp-object-size")
        if size is not None and int(size) != len(stored.data):
            raise S3Error("InvalidRequest", 400, "The provided MpuObjectSize does not match")
        version = self._store.new_id("version") if self._switches.versioned else None
        stored = replace(stored, headers=upload.headers, version_id=version)
        self._store.keep(asked.bucket, asked.key, stored)
        del self._store.uploads[upload.id]
        content = s3_xml.tag("Bucket", asked.bucket) + s3_xml.tag("Key", asked.key)
        content += s3_xml.tag("ETag", f'"{stored.etag}"')
        if stored.crc32 is not None and not self._switches.keeps_no_checksums:
            content += s3_xml.tag("ChecksumCRC32", stored.crc32)
            content += s3_xml.tag("ChecksumType", stored.checksum_type)
        body = s3_xml.document("CompleteMultipartUploadResult", content)
        return Answer(body=body, headers={"x-amz-version-id": version} if version else {})

    def abort(self, asked: Asked) -> Answer:
        del self._store.uploads[self._upload(asked).id]
        return Answer(204)

    def list_uploads(self, asked: Asked) -> Answer:
        self._store.objects(asked.bucket)
        limit = min(int(asked.query.get("max-uploads", "1000")), self._switches.page_size)
        uploads = self._store.uploads.values()
        return Answer(body=s3_xml.upload_list(asked.bucket, uploads, asked.query, limit))

    def _upload(self, asked: Asked) -> Upload:
        return self._store.find_upload(asked.bucket, asked.key, asked.query["uploadId"])

    def _take(self, upload: Upload, asked: Asked, data: bytes, checksum: str | None) -> StoredPart:
        number = int(asked.query.get("partNumber", "0"))
        if not 1 <= number <= 10_000:
            raise S3Error(
                "InvalidArgument", 400, "Part number must be an integer between 1 and 10000, inclusive"
            )
        etag = hashlib.md5(data).hexdigest()
        if self._switches.odd_etags:
            etag = odd(etag)
        part = upload.parts[number] = StoredPart(data, etag, checksum, time.time())
        return part

    def _chosen_parts(self, asked: Asked, upload: Upload) -> list[tuple[int, StoredPart]]:
        """The parts that Complete names, each checked."""
        chosen: list[tuple[int, StoredPart]] = []
        for element in s3_xml.parse(asked.body).iter("Part"):
            number = int(element.findtext("PartNumber") or 0)
            part = upload.parts.get(number)
            told = element.findtext("ChecksumCRC32")
            if part is None or (element.findtext("ETag") or "").strip('"') != part.etag:
                raise S3Error("InvalidPart", 400)
            if told is not None and part.crc32 is not None and told != part.crc32:
                raise S3Error("InvalidPart", 400)
            if chosen and number <= chosen[-1][0]:
                raise S3Error("InvalidPartOrder", 400)
            chosen.append((number, part))
        if not chosen:
            raise S3Error("MalformedXML", 400)
        if any(len(part.data) < self._switches.min_part_size for _, part in chosen[:-1]):
            raise S3Error("EntityTooSmall", 400)
        return chosen
