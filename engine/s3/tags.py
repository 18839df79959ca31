"""What is kept with an object beside its headers: tags, retention, legal hold; and its copy from an archive."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from engine.errors import Permanent, TransferError
from engine.model import ObjectRef
from engine.s3.absent import is_not_set
from engine.s3.calls import Reply, code_of
from engine.s3.multipart import Uploads
from engine.s3.params import named, payer


class ObjectExtras(Uploads):
    """The calls on what is kept with an object. Safe from any thread."""

    def tags(self, ref: ObjectRef) -> dict[str, str]:
        """The tags of an object or a version, in the server's order."""
        reply = self._call("get_object_tagging", named(ref), "look at", str(ref))
        return {tag["Key"]: tag["Value"] for tag in reply.get("TagSet") or ()}

    def put_tags(self, ref: ObjectRef, tags: Mapping[str, str]) -> None:
        """Replace all tags of an object or a version."""
        wanted = [{"Key": name, "Value": value} for name, value in tags.items()]
        params = {**named(ref), "Tagging": {"TagSet": wanted}}
        self._call("put_object_tagging", params, "tag", str(ref), writes=True)

    def retention(self, ref: ObjectRef) -> str:
        """How and until when nobody may delete it, in words; ``none``."""
        told = self._kept("get_object_retention", ref).get("Retention") or {}
        return (
            f"{str(told.get('Mode', '?')).lower()} until {told.get('RetainUntilDate', '?')}"
            if told
            else "none"
        )

    def legal_hold(self, ref: ObjectRef) -> str:
        """``on`` or ``off``; ``none`` where there never was one."""
        told = self._kept("get_object_legal_hold", ref).get("LegalHold") or {}
        return str(told.get("Status", "none")).lower()

    def restore_object(self, ref: ObjectRef, days: int, tier: str, *, request_payer: bool = False) -> None:
        """Have an archived object made readable for some days. Where that is under way already, it stays so.

        Args:
            tier: ``Bulk``, ``Standard`` or ``Expedited``.

        Raises:
            Permanent: Also where the server has no room for what is to be expedited.
        """
        wanted: dict[str, Any] = {"Days": days, "GlacierJobParameters": {"Tier": tier}}
        params = {**named(ref), "RestoreRequest": wanted, **payer(request_payer)}
        try:
            self._call("restore_object", params, "restore", str(ref), writes=True)
        except TransferError as error:
            code = code_of(error.__cause__) if isinstance(error.__cause__, ClientError) else ""
            if code == "RestoreAlreadyInProgress":
                return
            if code == "GlacierExpeditedRetrievalNotAvailable":
                detail = "nothing can be expedited now; choose another tier"
                raise Permanent("archived", operation="restore", subject=str(ref), detail=detail) from error
            raise

    def _kept(self, call: str, ref: ObjectRef) -> Reply:
        """A reply; an empty one where nothing was ever set, or nothing of the sort can be."""
        try:
            return self._call(call, named(ref), "look at", str(ref))
        except TransferError as error:
            cause = error.__cause__
            # AWS, Ceph and SeaweedFS each put it in words of their own: a bucket without object lock keeps nothing.
            if is_not_set(error) or (isinstance(cause, ClientError) and code_of(cause) == "InvalidRequest"):
                return {}
            raise
