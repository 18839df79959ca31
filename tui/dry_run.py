"""``cp --dry-run``: what would be done, without a queue."""

from __future__ import annotations

from engine import CancelToken, Planner, TransferRequest, explain, refusal
from tui import format
from tui.safe_text import display
from tui.setup import Setup


def dry_run(setup: Setup, request: TransferRequest) -> int:
    """Print every item with what stands at its target; 1 if some could not be moved.

    Raises:
        UsageError, TransferError: As `Planner.plan`.
    """
    count = total = refused = 0
    with setup.connections_open() as connections:
        for specs in Planner(connections).plan(request, CancelToken()):
            for spec in specs:
                count += 1
                total += max(spec.size, 0)
                tail = "" if spec.target_facts is None else "  (exists)"
                if spec.refusal is not None:
                    refused += 1
                    tail = f"  REFUSED: {explain(refusal(spec.refusal, '')).why}"
                if not setup.args.quiet:
                    size = format.size_short(spec.size)
                    print(
                        f"would {spec.kind.value:8}  {size:>9}  "
                        f"{display(str(spec.source))} -> {display(str(spec.target))}{tail}"
                    )
    if not setup.args.quiet:
        print(f"{format.counted(count, 'item')}, {format.size_long(total)}; nothing was moved")
    return 1 if refused else 0
