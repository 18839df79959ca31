"""What a long queue holds in memory."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from engine import Connections, EngineConfig, TransferManager
from engine.model import (
    NO_CHECKPOINT,
    ConfirmedPart,
    Facts,
    ItemKind,
    LocalRef,
    ObjectRef,
    OperationId,
    TransferId,
    TransferOptions,
    TransferSpec,
    TransferState,
)
from engine.state.store import SavedItem, SavedOperation, Store
from engine.transfer import NO_PARTS
from tests.engine.queue.items import HERE, upload
from tests.engine.queue.quiet import Quiet, quiet_at

ITEMS = 1500
MOST = 1600
"""Bytes for an item: with a hundred thousand of them and 50 MiB for all else, the app stays below its 300 MiB."""


@pytest.fixture
def quiet(tmp_path: Path) -> Iterator[Quiet]:
    with quiet_at(tmp_path / "state") as quiet:
        yield quiet


def saved_item(id: int, operation: int) -> SavedItem:
    """A download with names of usual length, and all that a listing tells of both sides."""
    name = f"projects/2026/archive/{id // 1000:03}/dump-{id:07}.tar.zst"
    spec = TransferSpec(
        ItemKind.DOWNLOAD,
        ObjectRef("backups", name),
        LocalRef(f"/srv/data/{name}"),
        HERE,
        TransferOptions(exclude=("*.tmp",)),
        48_000 + id,
        Facts(48_000 + id, 1_790_000_000.0 + id, f"{id:032x}"),
        Facts(48_000 - id, 1_780_000_000.0 + id),
        target_was_listed=True,
        root="/srv/data/projects",
    )
    return SavedItem(
        TransferId(id),
        OperationId(operation),
        spec,
        id << 20,
        TransferState.QUEUED,
        NO_CHECKPOINT,
        added_at=1_790_000_000.5,
    )


def test_a_saved_item_takes_little_memory_once_it_is_in_the_queue(tmp_path: Path) -> None:
    store = Store.open(str(tmp_path))
    operation, *ids = store.new_ids(ITEMS + 1)
    store.add(
        SavedOperation(OperationId(operation), "download", 1.0, None, True),
        [saved_item(id, operation) for id in ids],
    )
    store.close()
    gc.collect()
    tracemalloc.start()
    try:
        manager = TransferManager(EngineConfig(state_dir=str(tmp_path)), Connections())
        gc.collect()
        each = tracemalloc.get_traced_memory()[0] / ITEMS
    finally:
        tracemalloc.stop()
    assert manager.snapshot().total == ITEMS
    manager.close()
    assert each < MOST, f"{each:.0f} bytes for each item"


def test_items_of_which_nothing_is_confirmed_share_one_empty_record(quiet: Quiet) -> None:
    first, second = quiet.add(upload("a"), upload("b"))
    assert first.parts is second.parts is NO_PARTS
    first.keep(ConfirmedPart(1, 10))
    assert (list(first.parts), list(second.parts)) == ([1], [])
    assert first.lose(1)
    assert not first.lose(1)
    assert not second.lose(1)


def test_of_several_items_with_one_source_or_one_target_each_is_found(quiet: Quiet) -> None:
    first, second = upload("a"), upload("b")
    specs = [
        first,
        replace(first, target=second.target),
        replace(second, target=first.target),
        replace(first, kind=ItemKind.DELETE, target=first.source),
        second,
    ]
    items = quiet.add(*specs)
    roster = quiet.core.roster
    assert [roster.find(spec) for spec in specs] == list(items)
    assert roster.find(replace(first, kind=ItemKind.COPY)) is None
    for gone in (1, 0, 3, 2, 4):
        quiet.manager.cancel(items[gone].id)
        left = [item if item.state is TransferState.QUEUED else None for item in items]
        assert [roster.find(spec) for spec in specs] == left
    assert not roster._by_source


def test_many_items_with_one_source_or_one_target_are_taken_in_without_comparing_each_with_all(
    quiet: Quiet,
) -> None:
    one = upload("a")
    compared = 0

    class Counted(str):
        __slots__ = ()
        __hash__ = str.__hash__

        def __eq__(self, other: object) -> bool:
            nonlocal compared
            compared += 1
            return str.__eq__(self, other)

    specs = [replace(one, target=ObjectRef("b", Counted(f"{n}"))) for n in range(500)]
    specs += [replace(one, source=LocalRef(Counted(f"/{n}"))) for n in range(500)]
    items = quiet.add(*specs)
    roster = quiet.core.roster
    assert [roster.find(spec) for spec in specs] == list(items)
    assert compared < 20 * len(specs)
