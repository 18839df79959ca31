"""The saved queue, as those who save and load it see it."""

from __future__ import annotations

import dataclasses
import os
import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tinydb import TinyDB

from engine.errors import Condition, Problem
from engine.model import (
    Checkpoint,
    ConfirmedPart,
    DeleteRequest,
    Facts,
    ItemKind,
    LocalRef,
    ObjectRef,
    OperationId,
    SourceIdentity,
    TransferId,
    TransferOptions,
    TransferRequest,
    TransferSpec,
    TransferState,
)
from engine.snapshot import Question
from engine.state.store import FinishedItem, Owed, SavedItem, SavedOperation, Store, read_state
from tests.engine.state.builders import (
    BY_HAND,
    CONNECTION,
    FullDisk,
    compact,
    finished,
    item,
    part,
    wals,
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store.open(str(tmp_path), rhythm=BY_HAND)
    yield store
    store.close()


def again(store: Store) -> Store:
    """The same folder, opened by the next process."""
    path = store._journal.path
    store.close()
    return Store.open(path, rhythm=BY_HAND)


def T(id: int) -> TransferId:
    return TransferId(id)


def test_a_queue_comes_back_as_it_was(store: Store) -> None:
    operation = SavedOperation(
        OperationId(1),
        "copy 3 files",
        1_790_000_000.25,
        TransferRequest((LocalRef("/data/"),), ObjectRef("b", "p/"), CONNECTION),
        planned=False,
    )
    delete = SavedOperation(
        OperationId(9), "delete", 1.0, DeleteRequest((ObjectRef("b", "x"),), CONNECTION), False
    )
    first = item(
        2,
        rank=30,
        checkpoint=Checkpoint(phase="begun", upload_id="u", identity=SourceIdentity(1, 2, 3, 4, 5)),
    )
    asks = dataclasses.replace(
        item(3, rank=10, state=TransferState.ATTENTION),
        question=Question("target-exists", "it exists", ("overwrite", "skip"), Facts(1, 2.5), Facts(3)),
        attempts=4,
    )
    failed = dataclasses.replace(
        item(4, rank=20, state=TransferState.FAILED),
        problem=Problem("upload x", "denied", "ask", True, "access-denied", "req-1"),
        added_at=5.5,
    )
    store.add(operation, [first, asks])
    store.add(None, [failed])
    store.save_operation(delete)
    store.set_held(True)
    store.confirm(T(2), part(1, etag="e1"))
    store.confirm_many(T(2), [part(2), part(3, boot_id="boot", synced=True)])
    store.forget(T(2), 2)
    debt = store.owe("abort", CONNECTION, "b/k", "upload-1")
    loaded = again(store).loaded
    assert loaded.items == [asks, failed, first], "by rank"
    assert loaded.operations == [operation, delete]
    assert loaded.parts == {T(2): {1: part(1, etag="e1"), 3: part(3, boot_id="boot", synced=True)}}
    assert loaded.held is True
    assert loaded.owed == [Owed(debt, "abort", CONNECTION, "b/k", "upload-1")]
    assert loaded.notices == ()


def test_names_that_are_no_text_come_back_byte_for_byte(store: Store) -> None:
    nasty = os.fsdecode(b"bad\xff\xfe name\n\x1b]0;x\x07[/bold] \xe2\x80\xae")
    store.add(None, [item(1, name=nasty)])
    compact(store._journal)
    store.add(None, [item(2, name=nasty)])
    with_snapshot = again(store)
    for saved in with_snapshot.loaded.items:
        assert (
            os.fsencode(str(saved.spec.source)) == b"/data/bad\xff\xfe name\n\x1b]0;x\x07[/bold] \xe2\x80\xae"
        )
    assert len(with_snapshot.loaded.items) == 2
    with_snapshot.close()


def test_an_item_is_saved_again_as_it_is_now(store: Store) -> None:
    store.add(None, [item(1), item(2)])
    changed = [item(1, state=TransferState.PAUSED, rank=9), item(2, checkpoint=Checkpoint(phase="begun"))]
    store.save_many(changed)
    store.save(item(1, state=TransferState.PAUSED, rank=1))
    opened = again(store)
    assert opened.loaded.items == [item(1, state=TransferState.PAUSED, rank=1), changed[1]]
    opened.save(item(2))
    assert again(opened).loaded.items[1] == item(2), "an empty checkpoint takes the place of the old one"


def test_a_checkpoint_replaces_the_one_before_and_may_drop_the_parts(store: Store) -> None:
    store.add(None, [item(1)])
    store.confirm_many(T(1), [part(1), part(2)])
    store.save_checkpoint(T(1), Checkpoint(phase="intent", intent_at=7.5))
    opened = again(store)
    assert opened.loaded.items[0].checkpoint == Checkpoint(phase="intent", intent_at=7.5)
    assert set(opened.loaded.parts[T(1)]) == {1, 2}
    opened.save_checkpoint(T(1), Checkpoint(phase="begun", upload_id="new"), drop_parts=True)
    opened.confirm(T(1), part(7))
    opened = again(opened)
    assert set(opened.loaded.parts[T(1)]) == {7}
    assert opened.loaded.items[0].checkpoint.upload_id == "new"
    opened.close()


def test_finishing_moves_an_item_to_history_and_leaves_nothing_behind(store: Store) -> None:
    store.add(None, [item(1, checkpoint=Checkpoint(phase="begun")), item(2)])
    store.confirm_many(T(1), [part(1), part(2)])
    store.finish([finished(1)])
    store.finish([finished(2, TransferState.CANCELLED)])
    opened = again(store)
    assert opened.loaded.items == [] and opened.loaded.parts == {}
    assert opened.history() == [finished(2, TransferState.CANCELLED), finished(1)]
    assert opened.history(1) == [finished(2, TransferState.CANCELLED)] and opened.history(0) == []
    assert opened._journal.tables.names() and len(opened._journal.tables.table("parts")) == 0
    opened.close()


def test_an_item_that_could_not_be_finished_can_be_finished_later(tmp_path: Path) -> None:
    fs = FullDisk()
    store = Store.open(str(tmp_path), fs=fs, rhythm=BY_HAND)
    store.add(None, [item(1)])
    store.confirm_many(T(1), [part(1), part(2)])
    fs.room = 0
    with pytest.raises(Condition):
        store.finish([finished(1)])
    with pytest.raises(Condition):
        store.save_checkpoint(T(1), Checkpoint(), drop_parts=True)
    assert store.history() == []
    fs.room = None
    store.finish([finished(1)])
    opened = again(store)
    assert opened.loaded.parts == {} and opened.loaded.items == [] and opened.history() == [finished(1)]
    opened.close()


def test_a_state_that_is_never_on_record_is_refused_before_anything_is_written(store: Store) -> None:
    seq = store._journal.seq
    for state in (TransferState.RUNNING, TransferState.FINISHING, TransferState.WAITING, TransferState.DONE):
        with pytest.raises(ValueError, match="never on record"):
            store.add(None, [item(1), item(2, state=state)])
    with pytest.raises(ValueError, match="not the end"):
        store.finish([finished(1, TransferState.PAUSED)])
    for number in (0, -1, 10_001, 1 << 14):
        with pytest.raises(ValueError, match="number of a part"):
            store.confirm(T(1), part(number))
    assert store._journal.seq == seq and not store._journal.tables.table("transfers").ids()


def test_operations_and_debts_go_when_nothing_of_them_is_left(store: Store) -> None:
    store.save_operation(SavedOperation(OperationId(1), "x", 0.0, None, planned=True))
    debt = store.owe("unlink", None, "/data/.x.part", "17")
    other = store.owe("unlink", None, "/data/.y.part", "18")
    assert [owed.id for owed in store.owed()] == [debt, other]
    store.drop_operation(OperationId(1))
    store.settle(debt)
    seq = store.settle(debt)
    assert store.drop_operation(OperationId(1)) == seq, "twice is once"
    opened = again(store)
    assert opened.loaded.operations == [] and [owed.id for owed in opened.loaded.owed] == [other]
    opened.close()


def test_history_is_bounded_and_trimmed_only_now_and_then(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    from engine.state import store as module

    monkeypatch.setattr(module, "HISTORY_ITEMS", 20)
    monkeypatch.setattr(module, "_TRIM_AT", 30)
    removals = 0
    for n in range(1, 101):
        before = len(store._journal.tables.table("history"))
        store.finish([finished(n)])
        removals += len(store._journal.tables.table("history")) <= before
        assert len(store._journal.tables.table("history")) <= 30
    assert removals <= 8
    assert [entry.id for entry in store.history()] == list(range(100, 80, -1))
    opened = again(store)
    assert [entry.id for entry in opened.history(5)] == [100, 99, 98, 97, 96]
    opened.close()


def test_history_keeps_ten_thousand(store: Store) -> None:
    for start in range(1, 12_001, 1000):
        store.finish([finished(n) for n in range(start, start + 1000)])
    history = store.history()
    assert len(history) == 10_000 and history[0].id == 12_000 and history[-1].id == 2001
    assert len(store._journal.tables.table("history")) <= 11_000


# -- ids -------------------------------------------------------------------------------------------


def test_ids_go_on_after_a_clean_end(store: Store) -> None:
    assert list(store.new_ids(3)) == [1, 2, 3]
    assert list(again(store).new_ids(2)) == [4, 5]


@pytest.mark.parametrize("count", [1, 999, 1000, 1001, 5000])
def test_ids_are_not_used_again_after_a_crash_at_any_byte(tmp_path: Path, count: int) -> None:
    store = Store.open(str(tmp_path / "a"), rhythm=BY_HAND)
    given = [*store.new_ids(1), *store.new_ids(count), *store.new_ids(count)]
    crashed = tmp_path / "b"
    crashed.mkdir(mode=0o700)
    (crashed / "wal-1.jsonl").write_bytes(wals(tmp_path / "a")[0].read_bytes())
    store.close()
    with_crash = Store.open(str(crashed), rhythm=BY_HAND)
    assert with_crash.new_ids(1)[0] > max(given) and len(set(given)) == len(given)
    with_crash.close()


def test_ids_in_use_are_not_given_out_though_the_counter_is_lost(tmp_path: Path) -> None:
    store = Store.open(str(tmp_path / "a"), rhythm=BY_HAND)
    ids = store.new_ids(5)
    store.add(None, [item(id) for id in ids])
    store.new_ids(3000)
    wal = wals(tmp_path / "a")[0].read_bytes()
    store.close()
    folder = tmp_path / "b"
    folder.mkdir(mode=0o700)
    (folder / "wal-1.jsonl").write_bytes(wal.replace(b"next_id", b"next_ie"))
    opened = Store.open(str(folder), rhythm=BY_HAND)
    assert opened.loaded.notices
    assert opened.new_ids(1)[0] > 3005
    opened.close()


def test_ids_are_given_out_once_to_many_threads(tmp_path: Path) -> None:
    store = Store.open(str(tmp_path))
    given: list[int] = []

    def take() -> None:
        for _ in range(100):
            given.extend(store.new_ids(7))

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(given) == list(range(1, 2801))
    store.close()


def test_no_id_is_given_out_that_cannot_be_put_on_record(tmp_path: Path) -> None:
    fs = FullDisk(room=0)
    store = Store.open(str(tmp_path), fs=fs, rhythm=BY_HAND)
    with pytest.raises(Condition):
        store.new_ids(1)
    fs.room = None
    assert list(store.new_ids(1)) == [1]
    store.close()


# -- what cannot be read ---------------------------------------------------------------------------


def test_a_document_that_cannot_be_decoded_stays_on_disk_and_is_named(store: Store) -> None:
    store.add(None, [item(1), item(2)])
    store._journal.commit([("transfers", "2", '{"spec":7}'), ("parts", "16400", '{"i":"x"}')])
    opened = again(store)
    assert [saved.id for saved in opened.loaded.items] == [1]
    assert any("item 2" in notice for notice in opened.loaded.notices)
    assert any("part 16400" in notice for notice in opened.loaded.notices)
    compact(opened._journal)
    opened = again(opened)
    assert opened._journal.tables.table("transfers").get("2") == '{"spec":7}'
    assert opened.new_ids(1)[0] > 2
    opened.close()


def test_after_a_loss_parts_are_on_record_but_not_trusted(tmp_path: Path) -> None:
    store = Store.open(str(tmp_path / "a"), rhythm=BY_HAND)
    store.add(None, [item(1, checkpoint=Checkpoint(phase="begun", part_file="/p", boot_id="boot"))])
    store.confirm(T(1), part(1, boot_id="boot", synced=True))
    store.set_held(True)
    store.confirm(T(1), part(2, boot_id="boot", synced=True))
    store.close()
    wal = wals(tmp_path / "a")[0]
    wal.write_bytes(wal.read_bytes().replace(b'"held":true', b'"held":trie'))
    for _ in range(2):
        opened = Store.open(str(tmp_path / "a"), rhythm=BY_HAND)
        assert opened.loaded.parts == {T(1): {1: part(1), 2: part(2)}}
        assert opened.loaded.items[0].checkpoint == Checkpoint(phase="begun", part_file="/p")
        opened.close()


# -- syncing ---------------------------------------------------------------------------------------


def test_what_was_flushed_is_durable(tmp_path: Path) -> None:
    store = Store.open(str(tmp_path))
    seq = store.add(None, [item(1)])
    assert store.flush(seq) and store.durable_seq >= seq
    seq = store.confirm(T(1), part(1))
    assert store.flush() and store.durable_seq >= seq
    store.close()


def test_what_nobody_waits_for_is_synced_by_itself(tmp_path: Path) -> None:
    store = Store.open(str(tmp_path))
    store.flush()
    seq = store.confirm(T(1), part(1))
    started = time.monotonic()
    waiting = threading.Event()
    while store.durable_seq < seq and time.monotonic() < started + 10:
        waiting.wait(0.02)
    assert store.durable_seq >= seq and time.monotonic() - started < 1.5
    seq = store.confirm(T(1), part(2))
    store.request_sync()
    while store.durable_seq < seq and time.monotonic() < started + 10:
        waiting.wait(0.001)
    assert store.durable_seq >= seq
    store.close()


def test_a_sync_that_hangs_holds_up_neither_writers_nor_the_end(tmp_path: Path) -> None:
    from engine.local.fsops import FsOps

    hangs, goes_on, waits = threading.Event(), threading.Event(), threading.Event()

    class Hanging(FsOps):
        def fdatasync(self, fd: int) -> None:
            if hangs.is_set():
                waits.set()
                goes_on.wait(30)
            super().fdatasync(fd)

    store = Store.open(str(tmp_path), fs=Hanging())
    assert store.flush()
    hangs.set()
    store.confirm(T(1), part(1))
    store.request_sync()
    assert waits.wait(10)
    started = time.monotonic()
    for n in range(2, 100):
        store.confirm(T(1), part(n))
    assert not store.flush(timeout=0.05)
    store.close(timeout=0.05)
    assert time.monotonic() - started < 2
    with pytest.raises(Condition):
        store.confirm(T(1), part(1))
    goes_on.set()
    store._journal.upkeep._thread.join(10)


def test_writes_go_on_while_a_snapshot_is_written_and_are_in_the_next_state(tmp_path: Path) -> None:
    store = Store.open(str(tmp_path), rhythm=BY_HAND)
    store.add(None, [item(n) for n in range(1, 3001)])
    journal = store._journal
    journal.request_snapshot()
    journal.upkeep.work()
    assert journal.upkeep._writer is not None, "a snapshot is under way"
    store.finish([finished(1)])
    store.save(item(2, state=TransferState.PAUSED))
    store.add(None, [item(4000)])
    journal.upkeep.work()
    store.confirm(T(3), part(1))
    assert not (tmp_path / "snapshot.json").exists()
    while journal.upkeep._writer is not None:
        journal.upkeep.work()
    with TinyDB(tmp_path / "snapshot.json", access_mode="r") as stock:
        assert [doc.doc_id for doc in stock.table("transfers")] == list(range(1, 3001)), (
            "as it was at its begin"
        )
        assert "state" not in (stock.table("transfers").all()[1])
    store.save(item(5, state=TransferState.PAUSED))
    expected = read_state(str(tmp_path)).loaded
    assert len(expected.items) == 3000 and expected.items[0].state is TransferState.PAUSED
    opened = again(store)
    assert opened.loaded.items == expected.items and opened.loaded.parts == {T(3): {1: part(1)}}
    assert opened.history() == [finished(1)]
    opened.close()


def test_the_cost_of_a_checkpoint_does_not_grow_with_the_queue(tmp_path: Path) -> None:
    """Counted in bytes written, which do not depend on the machine."""
    sizes = []
    for count in (10, 5000):
        store = Store.open(str(tmp_path / str(count)), rhythm=BY_HAND)
        store.add(None, [item(n) for n in range(1, count + 1)])
        before = wals(tmp_path / str(count))[0].stat().st_size
        for n in range(1, 11):
            store.confirm(T(1), part(n))
            store.save_checkpoint(T(1), Checkpoint(phase="begun", upload_id="u" * 60))
        sizes.append(wals(tmp_path / str(count))[0].stat().st_size - before)
        store.close()
    assert sizes[0] == sizes[1] < 20 * 200


def test_values_on_record_hold_no_field_for_a_secret() -> None:
    kinds = (
        *(SavedOperation, SavedItem, FinishedItem, Owed, Checkpoint, ConfirmedPart, TransferSpec),
        *(TransferOptions, TransferRequest, DeleteRequest, Facts, SourceIdentity, Problem, Question),
    )
    names = {field.name for kind in kinds for field in dataclasses.fields(kind)}
    assert not [
        name for name in names if re.search("secret|token|password|access_key|credential|presign", name)
    ]


def test_the_loaded_values_can_be_let_go(store: Store) -> None:
    store.add(None, [item(1)])
    opened = again(store)
    opened.forget_loaded()
    assert opened.loaded.items == []
    opened.confirm(T(1), part(1))
    opened.finish([finished(1)])
    opened.close()


def test_deletes_of_unknown_size_come_back(store: Store) -> None:
    spec = TransferSpec(
        ItemKind.DELETE, ObjectRef("b", "p/"), ObjectRef("b", "p/"), CONNECTION, TransferOptions(), -1
    )
    saved = SavedItem(T(1), OperationId(1), spec, -5, TransferState.QUEUED, Checkpoint())
    store.add(None, [saved])
    opened = again(store)
    assert opened.loaded.items == [saved]
    opened.close()
