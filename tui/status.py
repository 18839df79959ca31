"""``status``: the saved queue, for people and for programs."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Mapping

from engine import TransferSnapshot, read_queue
from tui import format
from tui.safe_text import display
from tui.settings import load, state_dir_of


def status(args: argparse.Namespace, environ: Mapping[str, str] = os.environ) -> int:
    """Print what is on record; changes nothing, asks no server, and needs no profile."""
    queue = read_queue(state_dir_of(args, load(environ), environ), history=args.all)
    if args.json:
        rows = [row.to_json() for row in queue.rows]
        print(json.dumps({"transfers": rows, "to_plan": list(queue.to_plan)}))
        return 0
    for notice in queue.notices:
        print(display(notice))
    if queue.owner is not None:
        host, pid = queue.owner
        print(f"in use by process {pid} on {display(host)}: what it is moving now is listed as queued")
    if queue.held:
        print("the queue is paused as a whole")
    for label in queue.to_plan:
        print(f"not all of it is planned yet: {display(label)}")
    if not queue.rows and not queue.to_plan:
        print("nothing is queued")
    for row in queue.rows:
        print(line(row))
    unfinished = [row for row in queue.rows if not row.state.is_final]
    if unfinished:
        left = sum(max(row.size - row.bytes_confirmed, 0) for row in unfinished)
        print(f"{format.counted(len(unfinished), 'item')}, {format.size_long(left)} left")
    return 0


def line(row: TransferSnapshot) -> str:
    """One item: number, state, how far or how it is proven, what; below it what is wrong."""
    if row.state.is_final:
        far = row.verified.value if row.verified is not None else "-"
    else:
        far = format.percent(row.bytes_confirmed / row.size if row.size > 0 else 0.0)
    text = (
        f"{row.id:>6}  {row.state.value:<9}  {far:>4}  {format.size_short(row.size):>9}  "
        f"{display(row.source)} -> {display(row.target)}"
    )
    if row.problem is not None:
        text += f"\n        {display(row.problem.why)}. {display(row.problem.what_now)}".rstrip()
    elif row.question is not None:
        text += f"\n        {display(row.question.text)} ({display(', '.join(row.question.answers))})"
    return text
