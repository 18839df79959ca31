"""Facts of a bucket that somebody has set: encryption, lock, lifecycle; and the end of an empty one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from engine.errors import TransferError
from engine.model import ObjectRef
from engine.s3.absent import is_not_set
from engine.s3.multipart import Uploads

NO_UPLOAD_RULE = "no rule aborts them: their parts are billed until somebody does (U)"


class BucketSettings(Uploads):
    """The calls on a bucket's settings, which are only read; each answer is in words. Safe from any thread."""

    def bucket_encryption(self, bucket: str) -> str:
        """How new objects are encrypted unless they say otherwise."""
        told = self._setting("get_bucket_encryption", bucket).get("ServerSideEncryptionConfiguration") or {}
        for rule in told.get("Rules") or ():
            way = rule.get("ApplyServerSideEncryptionByDefault") or {}
            return " ".join(filter(None, (way.get("SSEAlgorithm", "?"), way.get("KMSMasterKeyID", ""))))
        return "no default"

    def bucket_lock(self, bucket: str) -> str:
        """Whether objects can be kept from being deleted, and for how long new ones are."""
        told = self._setting("get_object_lock_configuration", bucket).get("ObjectLockConfiguration") or {}
        if told.get("ObjectLockEnabled") != "Enabled":
            return "off"
        default = (told.get("Rule") or {}).get("DefaultRetention") or {}
        for unit in ("Days", "Years"):
            if unit in default:
                mode = str(default.get("Mode", "?")).lower()
                return f"on; new objects: {mode}, {_spelled(default[unit], unit.lower()[:-1])}"
        return "on; no default"

    def bucket_upload_rule(self, bucket: str) -> str:
        """After how many days a lifecycle rule aborts uploads that nobody ended."""
        rules = self._setting("get_bucket_lifecycle_configuration", bucket).get("Rules") or ()
        return "; ".join(_upload_rules(rules)) or NO_UPLOAD_RULE

    def remove_bucket(self, bucket: str) -> None:
        """Remove a bucket. Not every server refuses where something is in it: look first."""
        self._call("delete_bucket", {"Bucket": bucket}, "remove", str(ObjectRef(bucket)), writes=True)

    def _setting(self, call: str, bucket: str) -> Mapping[str, Any]:
        """A reply; an empty one where nothing was ever set."""
        try:
            return self._call(call, {"Bucket": bucket}, "look at", str(ObjectRef(bucket)))
        except TransferError as error:
            if is_not_set(error):
                return {}
            raise


def _upload_rules(rules: Any) -> Iterator[str]:
    for rule in rules:
        days = (rule.get("AbortIncompleteMultipartUpload") or {}).get("DaysAfterInitiation")
        if days is None or rule.get("Status") != "Enabled":
            continue
        of = rule.get("Filter") or {}
        prefix = of.get("Prefix") or (of.get("And") or {}).get("Prefix") or rule.get("Prefix") or ""
        yield f"aborted {_spelled(days, 'day')} after they began" + (f", below {prefix}" if prefix else "")


def _spelled(count: int, noun: str) -> str:
    return f"{count} {noun}" + ("" if count == 1 else "s")
