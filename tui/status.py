"""``status``: the saved queue, for people and for programs."""

from __future__ import annotations

import json

from engine import TransferSnapshot, TransferState, read_queue
from tui import format
from tui.safe_text import display
from tui.setup import Setup


def status(setup: Setup) -> int:
    """Print what is on record; changes nothing."""
    args = setup.args
    queue = read_queue(setup.state_dir, history=args.all)
    if args.json:
        print(json.dumps({"transfers": [row.to_json() for row in queue.rows]}))
        return 0
    for notice in queue.notices:
        print(display(notice))
    if queue.owner is not None:
        host, pid = queue.owner
        print(f"in use by process {pid} on {display(host)}: what it is moving now is listed as queued")
    if queue.held:
        print("the queue is paused as a whole")
    if not queue.rows:
        print("nothing is queued")
    for row in queue.rows:
        print(line(row))
    unfinished = [row for row in queue.rows if not row.state.is_final]
    if unfinished:
        left = sum(max(row.size - row.bytes_confirmed, 0) for row in unfinished)
        print(f"{format.counted(len(unfinished), 'item')}, {format.size_long(left)} left")
    return 0


def line(row: TransferSnapshot) -> str:
    """One item: number, state, how far, what."""
    size = format.size(row.size) if row.size >= 0 else "?"
    done = (
        f"{row.fraction:.0%}"
        if row.state is not TransferState.DONE
        else (row.verified.value if row.verified else "")
    )
    text = f"{row.id:>6}  {row.state.value:<9} {done:>4} of {size:>7}  {display(row.source)} -> {display(row.target)}"
    if row.problem is not None:
        text += f"\n        {display(row.problem.why)}. {display(row.problem.what_now)}"
    elif row.question is not None:
        text += f"\n        {display(row.question.text)} ({', '.join(row.question.answers)})"
    return text
