"""What a checkpoint costs, by the length of the queue.

python -m tests.benchmarks.checkpoints [--quick]

Medians of many single calls, in this process, on the disk of the temporary folder.
"""

from __future__ import annotations

import argparse
import gc
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from engine.model import (
    Checkpoint,
    ConfirmedPart,
    ConflictPolicy,
    ConnectionId,
    Facts,
    ItemKind,
    LocalRef,
    ObjectRef,
    OperationId,
    SourceIdentity,
    TransferId,
    TransferOptions,
    TransferSpec,
    TransferState,
)
from engine.state.store import SavedItem, Store

COUNTS = (100, 1_000, 10_000, 100_000)
BATCH = 1000
"""Items that are added in one transaction."""
OPTIONS = TransferOptions(on_conflict=ConflictPolicy.OVERWRITE)
CHECKPOINT = Checkpoint(
    phase="begun",
    part_size=8 << 20,
    checksum_mode="full",
    upload_id="u" * 64,
    intent_at=1_790_000_000.5,
    identity=SourceIdentity(64769, 123456, 48 << 30, 1_790_000_000_123_456_789, 1_790_000_000_123_456_789),
)


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one length of queue. Seconds."""

    items: int
    add: float
    """1,000 items in one transaction (or all, where they are fewer)."""
    confirm: float
    confirm_worst: float
    """The 99.9th percentile."""
    checkpoint: float
    durable: float
    """A checkpoint, and the wait until it is on disk."""
    open: float
    pause: float
    """The longest that a confirm took while snapshots were written beside it."""
    bytes_per_item: float
    """In the snapshot."""


def saved_item(id: int) -> SavedItem:
    """An upload with names of usual length."""
    spec = TransferSpec(
        ItemKind.UPLOAD,
        LocalRef(f"/srv/data/projects/2026/archive/dump-{id:07}.tar.zst"),
        ObjectRef("backups", f"2026/archive/dump-{id:07}.tar.zst"),
        ConnectionId("prod@https://s3.eu-west-1.amazonaws.com"),
        OPTIONS,
        48 << 30,
        Facts(48 << 30, 1_790_000_000.25),
    )
    return SavedItem(
        TransferId(id),
        OperationId(1),
        spec,
        id * 1024,
        TransferState.QUEUED,
        Checkpoint(),
        added_at=1_790_000_000.5,
    )


def timed(call: Callable[[], object]) -> float:
    """Seconds that it takes."""
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def measure(folder: Path, count: int, calls: int) -> Cost:
    """All rows of one column."""
    store = Store.open(str(folder))
    ids = [TransferId(id) for id in store.new_ids(count)]
    adds = []
    for first in range(0, count, BATCH):
        items = [saved_item(id) for id in ids[first : first + BATCH]]
        adds.append(timed(lambda items=items: store.add(None, items)))  # type: ignore[misc]
    store.flush()
    confirms = confirm(store, ids, calls)
    checkpoints = [timed(lambda n=n: store.save_checkpoint(ids[n % count], CHECKPOINT)) for n in range(calls)]  # type: ignore[misc]
    durables = [timed(lambda: store.flush(store.save_checkpoint(ids[0], CHECKPOINT))) for _ in range(50)]
    pause = worst_pause(store, ids)
    size = (folder / "snapshot.json").stat().st_size
    store.close()
    gc.collect()
    opened: list[Store] = []
    opens = []
    for _ in range(3):
        opens.append(timed(lambda: opened.append(Store.open(str(folder)))))
        opened.pop().close()
    return Cost(
        count,
        statistics.median(adds),
        statistics.median(confirms),
        sorted(confirms)[int(len(confirms) * 0.999)],
        statistics.median(checkpoints),
        statistics.median(durables),
        statistics.median(opens),
        pause,
        size / count,
    )


def confirm(store: Store, ids: list[TransferId], calls: int) -> list[float]:
    """The times of single confirmations, spread over many items."""
    few = ids[:100]
    parts = [
        ConfirmedPart(n // len(few) % 10_000 + 1, 8 << 20, 0x12345678, "9affad555af89da9" * 2)
        for n in range(calls)
    ]
    return [
        timed(lambda n=n, part=part: store.confirm(few[n % len(few)], part))  # type: ignore[misc]
        for n, part in enumerate(parts)
    ]


def worst_pause(store: Store, ids: list[TransferId]) -> float:
    """The longest confirmation, one each half millisecond, from the begin of a snapshot to its end."""
    journal = store._journal
    path = Path(journal.path) / "snapshot.json"
    before = path.stat().st_ino if path.exists() else 0
    waits = threading.Event()
    worst = 0.0
    journal.request_snapshot()
    until = time.monotonic() + 60
    number = 0
    while time.monotonic() < until:
        number = number % 10_000 + 1
        part = ConfirmedPart(number, 8 << 20, 0x12345678)
        worst = max(worst, timed(lambda part=part: store.confirm(ids[0], part)))  # type: ignore[misc]
        waits.wait(0.0005)
        if number % 20 == 0 and path.exists() and path.stat().st_ino != before:
            return worst
    raise SystemExit("no snapshot was written")


def table(costs: list[Cost]) -> str:
    """As Markdown."""
    rows: list[tuple[str, Callable[[Cost], str]]] = [
        ("one part confirmed, µs", lambda c: f"{c.confirm * 1e6:.1f}"),
        ("… 99.9th percentile, µs", lambda c: f"{c.confirm_worst * 1e6:.0f}"),
        ("one checkpoint saved, µs", lambda c: f"{c.checkpoint * 1e6:.1f}"),
        ("one checkpoint saved and synced, µs", lambda c: f"{c.durable * 1e6:.0f}"),
        ("longest confirmation beside a snapshot, ms", lambda c: f"{c.pause * 1e3:.1f}"),
        ("1,000 items added, ms", lambda c: f"{c.add * 1e3 * BATCH / min(BATCH, c.items):.1f}"),
        ("queue opened, ms", lambda c: f"{c.open * 1e3:.0f}"),
        ("bytes on disk per item", lambda c: f"{c.bytes_per_item:.0f}"),
    ]
    lines = ["| queue of | " + " | ".join(f"{cost.items:,}" for cost in costs) + " |"]
    lines.append("| --- |" + " --- |" * len(costs))
    lines += [f"| {name} | " + " | ".join(show(cost) for cost in costs) + " |" for name, show in rows]
    return "\n".join(lines)


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.checkpoints")
    parser.add_argument("--quick", action="store_true", help="only see that it works")
    args = parser.parse_args()
    costs = []
    for count in COUNTS[:2] if args.quick else COUNTS:
        with tempfile.TemporaryDirectory(prefix="s3tui-bench-") as folder:
            costs.append(measure(Path(folder) / "state", count, 200 if args.quick else 5000))
    print(table(costs))


if __name__ == "__main__":
    main()
