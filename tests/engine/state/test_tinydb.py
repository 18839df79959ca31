"""TinyDB's own interface works on the journal as it does on a file."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tinydb import TinyDB, where
from tinydb.table import Document, Table

from engine.errors import Condition
from engine.state.journal import JournalTable, StateDB
from tests.engine.state.builders import ALWAYS_COMPACTING, BY_HAND, FullDisk, compact, rows


@pytest.fixture
def db(tmp_path: Path) -> Iterator[StateDB]:
    with StateDB(str(tmp_path), rhythm=BY_HAND) as db:
        yield db


def again(db: StateDB) -> StateDB:
    """The same folder, opened anew."""
    db.close()
    return StateDB(db.journal.path, rhythm=BY_HAND)


def test_documents_are_inserted_found_changed_and_removed(db: StateDB) -> None:
    table = db.table("t")
    a, b, c = table.insert_multiple([{"n": 1}, {"n": 2}, {"n": 3}])
    assert table.get(doc_id=b) == {"n": 2}
    assert table.get(where("n") == 3) == {"n": 3}
    assert table.update({"n": 20}, doc_ids=[b]) == [b]
    assert table.update({"seen": True}, where("n") > 2) == [b, c]
    assert table.upsert({"n": 1, "new": True}, where("n") == 1) == [a]
    assert table.upsert(Document({"n": 4}, doc_id=77)) == [77]
    assert table.remove(where("n") == 3) == [c]
    expected = {a: {"n": 1, "new": True}, b: {"n": 20, "seen": True}, 77: {"n": 4}}
    assert {doc.doc_id: dict(doc) for doc in table} == expected
    with again(db) as opened:
        assert {doc.doc_id: dict(doc) for doc in opened.table("t")} == expected
        assert len(opened.table("t")) == 3
        assert opened.table("t").contains(doc_id=77) and not opened.table("t").contains(doc_id=c)


def test_stock_tinydb_and_the_journal_agree_on_a_long_session(db: StateDB, tmp_path: Path) -> None:
    def session(table: Table) -> list[Any]:
        said: list[Any] = []
        for n in range(30):
            said.append(table.upsert(Document({"n": n, "even": n % 2 == 0}, doc_id=n + 1)))
        said.append(table.update({"even": None}, where("n") < 7))
        said.append(table.update(lambda doc: doc.pop("even"), where("n") > 25))
        said.append(table.update_multiple([({"x": 1}, where("n") == 3), ({"x": 2}, where("n") == 4)]))
        said.append(table.remove(doc_ids=[1, 2]))
        said.append(table.count(where("even") == None))  # noqa: E711
        said.append(sorted(doc.doc_id for doc in table.search(where("x").exists())))
        said.append({doc.doc_id: dict(doc) for doc in table.all()})
        table.truncate()
        said.append(len(table))
        return said

    with TinyDB(tmp_path / "stock.json") as stock:
        assert session(db.table("t")) == session(stock.table("t"))


def test_a_change_to_a_document_that_was_read_changes_nothing_else(db: StateDB) -> None:
    id = db.table("t").insert({"list": [1]})
    found: Any = db.table("t").get(doc_id=id)
    found["list"].append(2)
    assert db.table("t").get(doc_id=id) == {"list": [1]}


def test_an_updater_that_fails_halfway_changes_nothing(db: StateDB) -> None:
    table = db.table("t")
    table.insert_multiple([{"n": 1}, {"n": 2}])
    before, seq = rows(db.journal), db.journal.seq

    def update(doc: Any) -> None:
        doc["n"] += 10
        if doc["n"] == 12:
            raise RuntimeError("halfway")

    with pytest.raises(RuntimeError):
        table.update(update)
    assert rows(db.journal) == before and db.journal.seq == seq


@pytest.mark.parametrize("value", [object(), {1, 2}, float("nan"), float("inf"), b"bytes"])
def test_what_is_no_json_raises_before_anything_changes(db: StateDB, value: object) -> None:
    table = db.table("t")
    id = table.insert({"n": 1})
    before, seq = rows(db.journal), db.journal.seq
    with pytest.raises((TypeError, ValueError)):
        table.insert({"bad": value})
    with pytest.raises((TypeError, ValueError)):
        table.update({"bad": [value]}, doc_ids=[id])
    assert rows(db.journal) == before
    with again(db) as opened:
        assert rows(opened.journal) == before
    assert seq <= opened.journal.seq <= seq + 2


def test_a_search_sees_what_was_written_past_the_table(db: StateDB) -> None:
    table = db.table("t")
    assert isinstance(table, JournalTable)
    table.insert({"n": 1})
    assert len(table.search(where("n") == 1)) == 1
    db.journal.commit([("t", "9", '{"n":1}')])
    assert len(table.search(where("n") == 1)) == 2


def test_tables_can_be_listed_and_dropped(db: StateDB) -> None:
    db.table("a").insert({"n": 1})
    db.table("b").insert({"n": 2})
    assert {"a", "b"} <= db.tables()
    db.drop_table("a")
    assert "a" not in db.tables() and len(db.table("b")) == 1
    with again(db) as opened:
        assert len(opened.table("a")) == 0 and len(opened.table("b")) == 1
        opened.drop_tables()
        assert len(opened.table("b")) == 0


def test_changes_of_a_transaction_become_one_record(db: StateDB, tmp_path: Path) -> None:
    db.table("a").insert({"n": 0})
    lines = (tmp_path / "wal-1.jsonl").read_bytes().count(b"\n")
    with db.transaction():
        db.table("a").upsert(Document({"n": 1}, doc_id=500))
        db.table("b").upsert(Document({"n": 2}, doc_id=501))
        assert db.table("a").get(doc_id=500) == {"n": 1}, "a transaction sees its own changes"
    assert (tmp_path / "wal-1.jsonl").read_bytes().count(b"\n") == lines + 1
    before = rows(db.journal)
    with again(db) as opened:
        assert rows(opened.journal) == before


def test_an_exception_undoes_a_transaction(db: StateDB) -> None:
    a, b = db.table("t").insert_multiple([{"n": 1}, {"n": 2}])
    before, seq = rows(db.journal), db.journal.seq
    with pytest.raises(KeyError):
        with db.transaction():
            db.table("t").update({"n": 5}, doc_ids=[a])
            db.table("t").remove(doc_ids=[b])
            db.table("u").insert({"n": 6})
            raise KeyError("changed my mind")
    assert rows(db.journal) == before and db.journal.seq == seq
    with again(db) as opened:
        assert rows(opened.journal) == before


def test_a_transaction_that_cannot_be_written_is_undone(tmp_path: Path) -> None:
    fs = FullDisk()
    with StateDB(str(tmp_path), fs=fs, rhythm=BY_HAND) as db:
        db.table("t").insert({"n": 1})
        before = rows(db.journal)
        fs.room = 10
        with pytest.raises(Condition):
            with db.transaction():
                db.table("t").update({"n": 5})
        assert rows(db.journal) == before
        fs.room = None


def test_ids_are_not_reused_though_the_newest_document_is_gone(db: StateDB) -> None:
    first = db.table("t").insert({"n": 1})
    db.table("t").remove(doc_ids=[first])
    with again(db) as opened:
        assert opened.table("t").insert({"n": 2}) > first


def test_stock_tinydb_opens_the_snapshot(tmp_path: Path) -> None:
    with StateDB(str(tmp_path), rhythm=ALWAYS_COMPACTING) as db:
        db.table("transfers").insert_multiple({"name": f"x{n}\udcff[/bold]\n"} for n in range(300))
        expected = {doc.doc_id: dict(doc) for doc in db.table("transfers")}
        compact(db.journal)
    with TinyDB(tmp_path / "snapshot.json", access_mode="r") as stock:
        assert {doc.doc_id: dict(doc) for doc in stock.table("transfers")} == expected
        assert stock.table("transfers").count(where("name").exists()) == 300


def test_threads_that_write_at_once_lose_nothing(tmp_path: Path) -> None:
    with StateDB(str(tmp_path)) as db:

        def write() -> None:
            for _ in range(50):
                db.table("t").insert({"n": 1})
                db.table("counter").update(lambda doc: doc.update(n=doc["n"] + 1), doc_ids=[1])

        db.table("counter").upsert(Document({"n": 0}, doc_id=1))
        threads = [threading.Thread(target=write) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(db.table("t")) == 200
        assert db.table("counter").get(doc_id=1) == {"n": 200}
    with again(db) as opened:
        assert len(opened.table("t")) == 200
        assert opened.table("counter").get(doc_id=1) == {"n": 200}
