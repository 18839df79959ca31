"""Objects in an archive: they are brought back before they can be read, which takes minutes to days."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from engine.errors import Condition, NeedsAnswer, Permanent, TransferError
from engine.jobs.protocol import JobContext
from engine.model import ObjectRef
from engine.s3.facts import ObjectFacts

ARCHIVES = frozenset(("GLACIER", "DEEP_ARCHIVE"))
"""Storage classes that must be restored before they can be read."""

_TIERING = "INTELLIGENT_TIERING"
"""It has archives of its own, which are restored in another way and tell of it in other words."""

TIERS = {"restore-bulk": "Bulk", "restore-standard": "Standard", "restore-expedited": "Expedited"}
"""The user's answer, and S3's word for how fast and how dear it is."""

DAYS = 7
"""For so long what was restored can be read: it is fetched as soon as it can be, or within a week of absence."""

_ASKED = "restoring"
"""Stands in the place of the answer once the server has been asked: that costs, and is never done twice by itself."""


def is_archived(facts: ObjectFacts) -> bool:
    """It cannot be read as it is."""
    return facts.storage_class in ARCHIVES and not is_restored(facts)


def is_restored(facts: ObjectFacts) -> bool:
    """There is a copy that can be read for a while."""
    return 'ongoing-request="false"' in (facts.restore or "")


def ask_about(error: TransferError, ref: ObjectRef, context: JobContext) -> TransferError:
    """What to raise for a read that was refused with `error` because the object is archived.

    Whether to restore it is for the user to say; if that was done and has come to nothing, it is a failure.
    """
    if context.checkpoint.answer == _ASKED:
        context.save(replace(context.checkpoint, answer=None))
        return Permanent(
            "archived",
            operation="download",
            subject=str(ref),
            detail="its restore is over, or never began; retry asks again",
            request_id=error.request_id,
        )
    listed = context.spec.source_facts
    if listed is not None and listed.storage_class == _TIERING:
        return error
    return NeedsAnswer("archived", source=listed, operation="download", subject=str(ref))


def await_restored(context: JobContext, ref: ObjectRef, look: Callable[[], ObjectFacts]) -> None:
    """Have it restored, if the user has said so and the server has not been asked yet; return once it can be read.

    Args:
        look: A HEAD of the object.

    Raises:
        Condition: ``restoring``: not yet.
        TransferError: What the server says to being asked.
    """
    answer = context.checkpoint.answer or ""
    if answer != _ASKED and answer not in TIERS:
        return
    facts = look()
    if not is_archived(facts):
        return
    under_way = 'ongoing-request="true"' in (facts.restore or "")
    if not under_way:
        if answer == _ASKED:
            return  # Reading it will tell, and then that is a failure.
        _ask_server(context, ref, TIERS[answer])
    if answer != _ASKED:
        context.save(replace(context.checkpoint, answer=_ASKED))
    raise Condition(_ASKED, ("object", str(ref)), alone=True, operation="restore", subject=str(ref))


def _ask_server(context: JobContext, ref: ObjectRef, tier: str) -> None:
    try:
        context.connection.control.restore_object(
            ref, DAYS, tier, request_payer=context.spec.options.request_payer
        )
    except Permanent:
        # DEEP_ARCHIVE is never expedited, say: another try may have another answer.
        context.save(replace(context.checkpoint, answer=None))
        raise
