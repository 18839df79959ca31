"""What one must be allowed to do, in the words of S3's policies. Pure."""

from __future__ import annotations

_ACTIONS = {
    "abort_multipart_upload": "s3:AbortMultipartUpload",
    "complete_multipart_upload": "s3:PutObject",
    "copy_object": "s3:GetObject, s3:PutObject",
    "create_bucket": "s3:CreateBucket",
    "create_multipart_upload": "s3:PutObject",
    "delete_object": "s3:DeleteObject",
    "delete_objects": "s3:DeleteObject",
    "get_bucket_versioning": "s3:GetBucketVersioning",
    "delete_bucket": "s3:DeleteBucket",
    "get_bucket_encryption": "s3:GetEncryptionConfiguration",
    "get_bucket_lifecycle_configuration": "s3:GetLifecycleConfiguration",
    "get_bucket_location": "s3:GetBucketLocation",
    "get_object": "s3:GetObject",
    "get_object_attributes": "s3:GetObjectAttributes",
    "get_object_legal_hold": "s3:GetObjectLegalHold",
    "get_object_lock_configuration": "s3:GetBucketObjectLockConfiguration",
    "get_object_retention": "s3:GetObjectRetention",
    "get_object_tagging": "s3:GetObjectTagging",
    "head_bucket": "s3:ListBucket",
    "head_object": "s3:GetObject",
    "list_buckets": "s3:ListAllMyBuckets",
    "list_multipart_uploads": "s3:ListBucketMultipartUploads",
    "list_object_versions": "s3:ListBucketVersions",
    "list_objects_v2": "s3:ListBucket",
    "list_parts": "s3:ListMultipartUploadParts",
    "put_object": "s3:PutObject",
    "put_object_tagging": "s3:PutObjectTagging",
    "restore_object": "s3:RestoreObject",
    "upload_part_copy": "s3:GetObject, s3:PutObject",
}

_OF_VERSIONS = {
    "delete_object": "s3:DeleteObjectVersion",
    "delete_objects": "s3:DeleteObjectVersion",
    "get_object": "s3:GetObjectVersion",
    "get_object_tagging": "s3:GetObjectVersionTagging",
    "head_object": "s3:GetObjectVersion",
}
"""Where a version is named, another permission than for the object itself."""

_OF_METHODS = {"GET": "get_object", "HEAD": "head_object", "PUT": "put_object"}


def permission_for(call: str, *, of_version: bool = False) -> str:
    """What a call takes, by botocore's name for it; empty if that is not known.

    >>> permission_for("head_bucket"), permission_for("delete_object", of_version=True)
    ('s3:ListBucket', 's3:DeleteObjectVersion')
    """
    return (_OF_VERSIONS.get(call) if of_version else None) or _ACTIONS.get(call, "")


def permission_to(method: str, key: str) -> str:
    """What a request takes that goes past botocore: for an object, or without a key for a listing.

    >>> permission_to("PUT", "a"), permission_to("GET", "")
    ('s3:PutObject', 's3:ListBucket')
    """
    return _ACTIONS[_OF_METHODS[method]] if key else _ACTIONS["list_objects_v2"]
