"""What to do where the target already exists."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from engine.errors import NeedsAnswer
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
    answer: str | None,
    source: Facts,
    target: Facts | None,
    same: Callable[[], Verified | None],
    *,
    operation: str,
    subject: str,
) -> Decision:
    """Look at both sides.

    Args:
        answer: What the user said to this question before; wins over the policy.
        target: What stands at the target, or nothing.
        same: Compares the contents, at some cost: what proves them equal, or ``None``. Called only
            where the sizes are equal.

    Raises:
        NeedsAnswer: ``target-exists``: the policy is to ask.
    """
    policy = policy_of(options, answer)
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


def policy_of(options: TransferOptions, answer: str | None) -> ConflictPolicy:
    """The policy in force."""
    try:
        return P(answer) if answer is not None else options.on_conflict
    except ValueError:
        return options.on_conflict  # the answer was to another question
