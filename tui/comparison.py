"""``verify``: whether two sides hold the same, and by which test that is known."""

from __future__ import annotations

import sys

from engine import Compared, ConflictPolicy, verify
from tui.safe_text import display
from tui.setup import Setup, place_of


def verify_places(setup: Setup) -> int:
    """Compare and print every name with its verdict; 0 only if everything is proven equal.

    With ``--quiet`` only what is not equal is printed, to standard error.

    Raises:
        UsageError, TransferError: As `engine.verify`.
    """
    args = setup.args
    setup.start_log()
    source, target = place_of(args.source), place_of(args.target)
    setup.check_access(source, target)
    equal = other = 0
    with setup.connections_open() as connections:
        for found in verify(
            connections,
            setup.profile.connection_id,
            source,
            target,
            options=setup.options(ConflictPolicy.OVERWRITE),
        ):
            is_equal = found.verdict == "equal"
            equal, other = equal + is_equal, other + (not is_equal)
            if not args.quiet:
                print(line(found))
            if found.verdict == "error" or (args.quiet and not is_equal):
                print(f"s3tui: {line(found)}", file=sys.stderr)
    if not args.quiet:
        print(f"{equal:,} equal, {other:,} not")
    return 1 if other else 0


def line(found: Compared) -> str:
    """``differs   size  name: why``."""
    proof = found.proof.value if found.proof is not None else "-"
    why = str(found.problem) if found.problem is not None else found.detail
    return f"{found.verdict:<8}  {proof:<4}  {display(found.name)}{f': {display(why)}' if why else ''}"
