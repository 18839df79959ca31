"""What a checkpoint costs, by the length of the queue.

python -m tests.benchmarks.checkpoints
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from engine.model import (
    Checkpoint,
    ConfirmedPart,
    ConnectionId,
    ItemKind,
    LocalRef,
    ObjectRef,
    OperationId,
    TransferId,
    TransferOptions,
    TransferSpec,
    TransferState,
)
from engine.state.store import SavedItem, Store

SIZES = (100, 1_000, 10_000, 100_000)
CHECKPOINTS = 5_000


def item(id: int) -> SavedItem:
    """A queued upload as people have them."""
    spec = TransferSpec(
        ItemKind.UPLOAD,
        LocalRef(f"/home/ann/data/some/folder/file-{id:07}.bin"),
        ObjectRef("backups", f"2026/some/folder/file-{id:07}.bin"),
        ConnectionId("prod@aws"),
        TransferOptions(),
        1 << 30,
    )
    return SavedItem(TransferId(id), OperationId(1), spec, id << 20, TransferState.QUEUED, Checkpoint())


def row(folder: Path, count: int) -> str:
    """One line of the table."""
    store = Store.open(str(folder))
    ids = list(store.new_ids(count))
    for start in range(0, count, 1000):
        store.add(None, [item(id) for id in ids[start : start + 1000]])
    store.flush()
    began = time.perf_counter()
    for number in range(1, CHECKPOINTS + 1):
        store.confirm(TransferId(ids[0]), ConfirmedPart(number, 8 << 20, number, "0" * 32))
    part = (time.perf_counter() - began) / CHECKPOINTS * 1e6
    began = time.perf_counter()
    for _ in range(200):
        store.flush(store.save_checkpoint(TransferId(ids[0]), Checkpoint(phase="begun", upload_id="x" * 40)))
    durable = (time.perf_counter() - began) / 200 * 1e3
    store.close()
    began = time.perf_counter()
    Store.open(str(folder)).close()
    opened = time.perf_counter() - began
    return f"| {count:,} | {part:.1f} | {durable:.2f} | {opened:.2f} |"


def main() -> None:
    """Print the table."""
    print("| items in the queue | confirm a part, µs | the same, waiting for the disk, ms | open, s |")
    print("| --- | --- | --- | --- |")
    for count in SIZES:
        with tempfile.TemporaryDirectory() as folder:
            print(row(Path(folder) / "state", count), flush=True)


if __name__ == "__main__":
    main()
