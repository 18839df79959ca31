"""The key that an upload or a copy writes: what stands there, and on which condition it may be replaced."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from engine.errors import NeedsAnswer, Permanent, TransferError
from engine.jobs.conflict import Decision, decide, policy_of
from engine.jobs.protocol import JobContext
from engine.local.publish import numbered
from engine.lookup import look_at
from engine.model import NO_CHECKPOINT, ConflictPolicy, Facts, ObjectRef, Verified

T = TypeVar("T")

_MOST_NAMES = 1000
UNSUPPORTED = ("bad-request", "not-supported")
"""What servers say to what they do not know."""


class TargetKey:
    """One item's target. Used by one thread at a time."""

    def __init__(self, context: JobContext, operation: str) -> None:
        self._ctx, self._operation = context, operation
        assert isinstance(context.spec.target, ObjectRef)
        self._planned = context.spec.target
        self.if_none_match = False
        """Write only where nothing is."""
        self.if_match: str | None = None
        """Write only over the object with this ETag."""
        self._may_look = True

    @property
    def ref(self) -> ObjectRef:
        """Where it goes: as planned, or under the free name that was found."""
        key = self._ctx.checkpoint.target
        return self._planned if key is None else replace(self._planned, key=key)

    # -- looking -----------------------------------------------------------------------------------

    def look(self) -> Facts | None:
        """What stands there; ``None`` if nothing does, or if these credentials may not look.

        Conditions guard what may be there all the same; and if the credentials are no good, the
        answer to the upload says why: that to a HEAD cannot.
        """
        try:
            return self._look_at(self.ref)
        except Permanent as error:
            if error.code != "access-denied":
                raise
            self._may_look = False
            return None

    def _look_at(self, ref: ObjectRef) -> Facts | None:
        ctx = self._ctx
        if ref.key.endswith("/"):
            return look_at(ctx.connection, ref, ctx.token)
        try:
            facts = ctx.connection.wire.head_object(
                ref, checksum=False, token=ctx.token, request_payer=ctx.spec.options.request_payer
            )
        except TransferError as error:
            if error.code == "no-such-key":
                return None
            raise
        return Facts(facts.size, facts.mtime, facts.etag, facts.version_id, facts.storage_class)

    def first_look(self) -> Facts | None:
        """As planned, if it was looked at then and nothing has been done since; conditions guard the rest."""
        spec = self._ctx.spec
        if spec.target_was_listed and self._ctx.checkpoint == NO_CHECKPOINT:
            return spec.target_facts
        return self.look()

    # -- deciding ----------------------------------------------------------------------------------

    def decide(
        self,
        source: Facts,
        same: Callable[[], Verified | None],
        *,
        subject: str,
        is_under_way: bool = False,
        again: bool = False,
    ) -> Decision:
        """What is to be done, by what stands there; sets the conditions for `write`.

        Args:
            same: What proves that both sides hold the same, or ``None``.
            is_under_way: Part of it was moved; what that decided is not compared again.
            again: What was known is not true any more.

        Raises:
            NeedsAnswer: ``target-exists``.
        """
        options = self._ctx.spec.options
        is_first = self._ctx.checkpoint == NO_CHECKPOINT
        policy = policy_of(self._ctx)
        self.if_none_match, self.if_match = False, None
        if policy is ConflictPolicy.OVERWRITE and (is_under_way or not options.skip_identical):
            return Decision(replaces=True)
        existing = self.first_look() if is_first and not again else self.look()
        decision = decide(
            options,
            policy,
            source,
            existing,
            (lambda: None) if is_under_way else same,
            operation=self._operation,
            subject=subject,
        )
        if policy is not ConflictPolicy.OVERWRITE and decision.outcome is None and not decision.renames:
            self.if_none_match = existing is None
            self.if_match = existing.etag if existing is not None else None
        return decision

    def take_free_key(self) -> None:
        """Find a name beside the planned one that nothing has, and keep to it.

        Raises:
            Permanent: ``name-collision``: a thousand are taken.
        """
        ctx = self._ctx
        above, slash, name = self._planned.key.rpartition("/")
        for number in range(2, _MOST_NAMES):
            key = above + slash + numbered(name, number)
            if self._look_at(replace(self._planned, key=key)) is None:
                ctx.save(replace(ctx.checkpoint, target=key))
                self.if_none_match, self.if_match = True, None
                return
        raise Permanent("name-collision", operation=self._operation, subject=str(self._planned))

    # -- writing -----------------------------------------------------------------------------------

    def write(self, send: Callable[[bool, str | None], T]) -> T:
        """Call `send` with the conditions; of a server that takes none, look right before instead.

        Args:
            send: Takes ``if_none_match`` and ``if_match``.

        Raises:
            Permanent: ``precondition``, or what `send` raises; see `was_lost`.
        """
        if not (self.if_none_match or self.if_match):
            return send(False, None)
        endpoint = self._ctx.connection.endpoint
        if endpoint.knows_conditions is not False:
            try:
                result = send(self.if_none_match, self.if_match)
            except Permanent as error:
                if error.code not in UNSUPPORTED or endpoint.knows_conditions:
                    raise
            else:
                endpoint.knows_conditions = True
                return result
        self.check()
        result = send(False, None)
        endpoint.knows_conditions = False
        return result

    def check(self) -> None:
        """Look whether the conditions hold.

        Raises:
            Permanent: ``precondition``.
        """
        if not (self.if_none_match or self.if_match):
            return
        existing = self.look()
        found = None if existing is None else existing.etag
        if found != self.if_match and self._may_look:
            raise Permanent("precondition", operation=self._operation, subject=str(self.ref))

    def was_lost(self, error: TransferError) -> bool:
        """Somebody has taken the key, or changed or removed what stood there, since it was looked at."""
        return error.code == "precondition" or (error.code == "no-such-key" and self.if_match is not None)

    def taken(self, source: Facts | None, subject: str) -> NeedsAnswer:
        """The question to ask if that goes on and on."""
        return NeedsAnswer(
            "target-exists", source=source, target=self.look(), operation=self._operation, subject=subject
        )
