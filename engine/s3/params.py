"""Our words as botocore's parameters, and its values as ours. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import unquote_plus

from engine.model import ObjectRef, TransferOptions

PART_MARKERS = {"NextPartNumberMarker": "PartNumberMarker"}
UPLOAD_MARKERS = {"NextKeyMarker": "KeyMarker", "NextUploadIdMarker": "UploadIdMarker"}
VERSION_MARKERS = {"NextKeyMarker": "KeyMarker", "NextVersionIdMarker": "VersionIdMarker"}
ATTRIBUTE_MARKERS = PART_MARKERS
"""Which member of a page becomes which parameter of the next question."""

_NOT_IN_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def named(ref: ObjectRef) -> dict[str, Any]:
    """Names one object, or one version of it."""
    params: dict[str, Any] = {"Bucket": ref.bucket, "Key": ref.key}
    if ref.version_id is not None:
        params["VersionId"] = ref.version_id
    return params


def payer(request_payer: bool) -> dict[str, Any]:
    """Says who pays; belongs on every call."""
    return {"RequestPayer": "requester"} if request_payer else {}


def target_options(options: TransferOptions) -> dict[str, Any]:
    """How a new object is stored.

    >>> target_options(TransferOptions(sse="aws:kms:key-1"))
    {'ServerSideEncryption': 'aws:kms', 'SSEKMSKeyId': 'key-1'}
    """
    params: dict[str, Any] = {}
    if options.storage_class:
        params["StorageClass"] = options.storage_class
    if options.sse:
        kms, colon, key_id = options.sse.partition("aws:kms:")
        if colon and not kms:
            params |= {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key_id}
        else:
            params["ServerSideEncryption"] = options.sse
    return params


def target_conditions(if_none_match: bool, if_match: str | None) -> dict[str, Any]:
    """What must be true of the target's name for it to be written."""
    params: dict[str, Any] = {}
    if if_none_match:
        params["IfNoneMatch"] = "*"
    if if_match:
        params["IfMatch"] = f'"{if_match}"'
    return params


def copy_source(ref: ObjectRef) -> dict[str, str]:
    """The source of a copy."""
    source = {"Bucket": ref.bucket, "Key": ref.key}
    if ref.version_id is not None:
        source["VersionId"] = ref.version_id
    return source


def fits_xml(key: str) -> bool:
    """The key can stand in a document of XML 1.0, which has no control characters but three."""
    return not _NOT_IN_XML.search(key)


def decoded(reply: Mapping[str, Any], text: str) -> str:
    """A key in a reply that may be url-encoded; botocore decodes those of object listings only."""
    return unquote_plus(text) if reply.get("EncodingType") == "url" else text


def when(moment: datetime | None) -> float:
    """Seconds since the epoch; 0.0 for an unknown moment."""
    return moment.timestamp() if moment is not None else 0.0
