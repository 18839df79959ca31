"""What to do where the target already exists."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from engine.errors import NeedsAnswer
from engine.jobs.protocol import JobContext
from engine.model import ConflictPolicy, Facts, Outcome, TransferOptions, Verified

NEWER_SECONDS = 1.0
"""File systems and servers keep whole seconds at worst."""

P = ConflictPolicy


@dataclass(frozen=True, slots=True)
class Decision:
    """Move or not; and if so, on which condition."""

    outcome: Outcome | None = None
    """Nothing is moved: the item ends like this."""
    verified: Verified | None = None
    replaces: bool = False
    """What is there may be replaced."""
    renames: bool = False
    """Take the next free name."""


def decide(
    options: TransferOptions,
    policy: ConflictPolicy,
    source: Facts,
    target: Facts | None,
    same: Callable[[], Verified | None],
    *,
    operation: str,
    subject: str,
) -> Decision:
    """Look at both sides.

    Args:
        policy: The one in force; see `policy_of`.
        target: What stands at the target, or nothing.
        same: Compares the contents, at some cost: what proves them equal, or ``None``. Called only
            where the sizes are equal.

    Raises:
        NeedsAnswer: ``target-exists``: the policy is to ask.
    """
    if target is None:
        return Decision(replaces=policy is P.OVERWRITE)
    sizes_equal = source.size == target.size
    if sizes_equal and (options.skip_identical or policy is P.DIFFERS):
        proof = same()
        if proof is not None:
            return Decision(Outcome.IDENTICAL, proof)
    match policy:
        case P.SKIP:
            return Decision(Outcome.SKIPPED)
        case P.NEWER:
            if source.mtime is None or target.mtime is None or source.mtime > target.mtime + NEWER_SECONDS:
                return Decision(replaces=True)
            return Decision(Outcome.SKIPPED)
        case P.RENAME:
            return Decision(renames=True)
        case P.OVERWRITE | P.DIFFERS:
            return Decision(replaces=True)
        case P.ASK:
            raise NeedsAnswer(
                "target-exists", source=source, target=target, operation=operation, subject=subject
            )


def policy_of(context: JobContext) -> ConflictPolicy:
    """The policy in force: what the user has answered wins, and outlives answers to other questions."""
    checkpoint = context.checkpoint
    if checkpoint.answer is None:
        return checkpoint.policy or context.spec.options.on_conflict
    try:
        answered = ConflictPolicy(checkpoint.answer)
    except ValueError:
        return checkpoint.policy or context.spec.options.on_conflict
    if answered is not checkpoint.policy:
        context.save(replace(checkpoint, policy=answered))
    return answered
