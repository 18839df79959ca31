"""``verify``: whether two sides hold the same, and how that is known."""

from __future__ import annotations

import sys

from engine import CancelToken, verify
from tui.safe_text import display
from tui.setup import Setup, place_of


def verify_places(setup: Setup) -> int:
    """Compare; 0 only if everything is proven equal."""
    args = setup.args
    source, target = place_of(args.source), place_of(args.target)
    equal = other = 0
    with setup.connections_open() as connections:
        for found in verify(connections, setup.profile.connection_id, source, target, CancelToken()):
            name = display(found.name)
            if found.verdict == "equal":
                equal += 1
                if not args.quiet:
                    print(f"equal     {found.proof.value if found.proof is not None else '':<5} {name}")
                continue
            other += 1
            why = str(found.problem) if found.problem is not None else found.detail
            print(f"{found.verdict:<9}       {name}{f': {display(why)}' if why else ''}", file=sys.stderr)
    if not args.quiet:
        print(f"{equal:,} equal, {other:,} not")
    return 1 if other else 0
