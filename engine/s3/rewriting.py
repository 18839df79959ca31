"""An object copied onto itself: the only way S3 has to change its storage class, headers or metadata."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.errors import NeedsAnswer, TransferError
from engine.model import ObjectRef
from engine.s3.facts import plain_etag
from engine.s3.multipart import Uploads
from engine.s3.params import copy_source

HEADERS = {
    "content-type": "ContentType",
    "cache-control": "CacheControl",
    "content-disposition": "ContentDisposition",
    "content-encoding": "ContentEncoding",
    "content-language": "ContentLanguage",
    "expires": "Expires",
    "x-amz-website-redirect-location": "WebsiteRedirectLocation",
}
"""What is told with an object, by lower-case header, and botocore's name for it."""

_KEPT = {
    "x-amz-server-side-encryption": "ServerSideEncryption",
    "x-amz-server-side-encryption-aws-kms-key-id": "SSEKMSKeyId",
    "x-amz-object-lock-mode": "ObjectLockMode",
    "x-amz-object-lock-retain-until-date": "ObjectLockRetainUntilDate",
    "x-amz-object-lock-legal-hold": "ObjectLockLegalHoldStatus",
}
"""What a copy would lose unless it is said again."""

_KMS = "aws:kms"


class Rewriting(Uploads):
    """The call that copies an object onto itself. Safe from any thread."""

    def rewrite(
        self,
        ref: ObjectRef,
        told: Mapping[str, str],
        *,
        storage_class: str,
        headers: Mapping[str, str],
        metadata: Mapping[str, str],
    ) -> None:
        """Copy an object of up to 5 GiB onto itself. Tags go along, an ACL does not.

        Args:
            told: All headers of a HEAD: of the content that is meant, and what must be kept.
            headers: As they shall be, by lower-case name; of `HEADERS` only.
            metadata: The user's own, as it shall be.

        Raises:
            NeedsAnswer: ``object-changed``: it is another content by now.
        """
        params: dict[str, Any] = {
            "Bucket": ref.bucket,
            "Key": ref.key,
            "CopySource": copy_source(ref),
            "CopySourceIfMatch": f'"{plain_etag(told.get("etag"))}"',
            "MetadataDirective": "REPLACE",
            "Metadata": dict(metadata),
            "StorageClass": storage_class,
            **{HEADERS[name]: value for name, value in headers.items()},
            **{_KEPT[name]: told[name] for name in _KEPT if told.get(name)},
        }
        if not params.get("ServerSideEncryption", "").startswith(_KMS):
            params.pop("SSEKMSKeyId", None)
        elif told.get("x-amz-server-side-encryption-bucket-key-enabled", "").lower() == "true":
            params["BucketKeyEnabled"] = True
        try:
            self._call(
                "copy_object",
                params,
                "change",
                str(ref),
                writes=True,
                patient=True,
                needs=("CopyObjectResult.ETag",),
            )
        except TransferError as error:
            if error.code == "precondition":
                raise NeedsAnswer("object-changed", operation="change", subject=str(ref)) from error
            raise
