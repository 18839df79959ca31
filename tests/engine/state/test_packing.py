"""Long tables in little memory: what is packed is the same documents, whatever happens to them."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace
from pathlib import Path

from tinydb import TinyDB

from engine.model import ObjectRef, OperationId, TransferId, TransferState
from engine.state.frames import Op, encode, pack, unpack
from engine.state.packing import TOGETHER, Packed, unpacked
from engine.state.packing import pack as pack_docs
from engine.state.store import SavedOperation, Store
from engine.state.tables import TextTable
from tests.engine.state.builders import ALWAYS_COMPACTING, BY_HAND, compact, finished, item, part

MANY = 3 * TOGETHER + 10


def table(count: int = MANY) -> tuple[TextTable, dict[str, str]]:
    """A packed table, and what is in it."""
    docs = {str(id): encode({"path": f"/data/\udcff{id} \n\t", "n": id}) for id in range(count)}
    packed = TextTable(docs)
    packed.pack()
    return packed, docs


def test_packed_documents_are_the_same_in_the_same_order() -> None:
    packed, docs = table()
    assert [id for id, stored in packed.freeze().items() if isinstance(stored, Packed)] == list(docs)[
        : MANY // TOGETHER * TOGETHER
    ]
    assert list(packed.items()) == list(docs.items())
    assert packed.ids() == list(docs)
    assert all(packed.get(id) == text for id, text in reversed(docs.items()))
    assert packed.get("-1") is None
    assert "-1" not in packed


def test_changing_and_removing_leaves_the_neighbours_in_a_pack_alone() -> None:
    packed, docs = table()
    for id in range(0, MANY, 3):
        packed.put(str(id), None)
        del docs[str(id)]
    for id in range(1, MANY, 6):
        packed.put(str(id), "{}")
        docs[str(id)] = "{}"
    packed.pack()
    assert (list(packed.items()), len(packed)) == (list(docs.items()), len(docs))
    assert "3" not in packed
    assert "1" in packed


def test_the_picture_of_a_packed_table_stays_while_the_table_changes() -> None:
    packed, docs = table()
    picture = packed.freeze()
    packed.put("0", None)
    packed.put("70", "{}")
    packed.put("9999", "{}")
    assert list(unpacked(picture)) == list(docs.items())
    assert (packed.get("0"), packed.get("70"), len(packed)) == (None, "{}", MANY)
    assert packed.ids() == [id for id, _ in packed.items()]
    packed.thaw()
    assert packed.merge(MANY)
    del docs["0"]
    assert dict(packed.items()) == docs | {"70": "{}", "9999": "{}"}


def test_what_is_packed_already_is_not_packed_again() -> None:
    packed, _ = table()
    stored = dict(packed.freeze())
    again = dict(stored)
    pack_docs(again)
    assert all(again[id] is stored[id] for id in stored)


def test_a_long_queue_is_after_each_start_as_it_was_left(tmp_path: Path) -> None:
    store = Store.open(str(tmp_path), rhythm=BY_HAND)
    items = {id: item(id) for id in store.new_ids(MANY)}
    store.add(SavedOperation(OperationId(1), "upload", 1.0, None, True), list(items.values()))
    for id in list(items)[:100]:
        store.confirm(TransferId(id), part(1))
    ids = list(items)
    for run in range(4):
        store.close()
        store = Store.open(str(tmp_path), rhythm=ALWAYS_COMPACTING if run % 2 else BY_HAND)
        assert store.loaded.items == [items[id] for id in ids if id in items]
        assert set(store.loaded.parts) == {id for id in ids[:100] if id in items}
        assert len(store.history()) == MANY - len(items)
        paused = [replace(items[id], state=TransferState.PAUSED) for id in list(items)[run::7]]
        store.save_many(paused)
        items |= {saved.id: saved for saved in paused}
        store.finish([finished(id) for id in list(items)[run::11]])
        for id in list(items)[run::11]:
            del items[id]
        if run == 2:
            compact(store._journal)
    store.close()
    with TinyDB(str(tmp_path / "snapshot.json")) as db:
        assert {doc.doc_id for doc in db.table("transfers")} >= set(items)


def test_equal_names_of_many_items_are_in_memory_once(tmp_path: Path) -> None:
    store = Store.open(str(tmp_path), rhythm=BY_HAND)
    store.add(None, [item(id) for id in store.new_ids(3)])
    store.close()
    store = Store.open(str(tmp_path), rhythm=BY_HAND)
    first, *others = [saved.spec for saved in store.loaded.items]
    store.close()
    assert isinstance(first.target, ObjectRef)
    assert others
    for other in others:
        assert isinstance(other.target, ObjectRef)
        assert other.target.bucket is first.target.bucket
        assert other.connection is first.connection
        assert other.options is first.options
        assert other.source_facts is not None
        assert other.source_facts.size is other.size


def test_a_line_of_many_entries_is_made_in_little_more_than_its_own_length() -> None:
    ops: list[Op] = [("transfers", str(id), encode({"path": "x" * 400})) for id in range(5000)]
    tracemalloc.start()
    try:
        line = pack(7, ops)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    record = unpack(line)
    assert record == (7, ops)
    # What grows in place keeps a reserve, and some entries are on their way.
    assert peak < 2 * len(line)
