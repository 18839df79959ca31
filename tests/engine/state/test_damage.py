"""Whatever is cut off or flipped in the files, what comes back was once committed, or the loss is told."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from engine.errors import StateDamaged, StateError, StateTooNew
from engine.local.fsops import FsOps
from engine.state import frames, loading, mending
from engine.state.frames import Header, Record, Texts, pack, pack_header, unpack
from engine.state.journal import StateDB
from tests.engine.state.builders import ALWAYS_COMPACTING, BY_HAND, compact, rows, wals

Rows = dict[str, dict[str, Any]]


def write_history(folder: Path, records: int = 12) -> list[Rows]:
    """A journal of so many records; returns the state after each, the empty one first."""
    states: list[Rows] = [{}]
    with StateDB(str(folder), rhythm=BY_HAND) as db:
        for n in range(records):
            ops: list[frames.Op] = [
                ("t", str(n), json.dumps({"n": n})),
                ("t", str(n // 2), f'{{"again":{n}}}'),
            ]
            if n % 3 == 2:
                ops.append(("t", str(n - 1), None))
            db.journal.commit(ops)
            states.append(rows(db.journal))
    return states


def open_state(folder: Path) -> tuple[Rows, list[str]]:
    """What a new process finds: tables, notices."""
    with StateDB(str(folder), rhythm=BY_HAND) as db:
        return rows(db.journal), db.journal.loaded.notices


def fresh(folder: Path, files: dict[str, bytes]) -> Path:
    """The folder with exactly these files."""
    folder.mkdir(mode=0o700, exist_ok=True)
    for path in folder.iterdir():
        path.unlink()
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return folder


@pytest.mark.fault(42)
def test_every_prefix_of_the_journal_is_a_state_that_was_committed(tmp_path: Path) -> None:
    states = write_history(tmp_path / "a")
    whole = (tmp_path / "a" / "wal-1.jsonl").read_bytes()
    ends = [end for end in range(len(whole) + 1) if end == 0 or whole[end - 1 : end] == b"\n"]
    for length in range(len(whole) + 1):
        found, _ = open_state(fresh(tmp_path / "b", {"wal-1.jsonl": whole[:length]}))
        complete = max(0, sum(end <= length for end in ends) - 2)  # less the start and the header
        assert found == states[complete], f"after {length} bytes"


def test_a_torn_journal_goes_on_where_it_was_torn(tmp_path: Path) -> None:
    states = write_history(tmp_path / "a")
    whole = (tmp_path / "a" / "wal-1.jsonl").read_bytes()
    folder = fresh(tmp_path / "b", {"wal-1.jsonl": whole[:-7]})
    with StateDB(str(folder), rhythm=BY_HAND) as db:
        assert len(db.journal.loaded.notices) == 1
        db.journal.commit([("u", "1", "{}")])
    found, notices = open_state(folder)
    assert found == {**states[-2], "u": {"1": {}}} and notices == []


@pytest.mark.fault(42)
@pytest.mark.parametrize("garbage", [b"\0" * 4096, b"\0" * 10 + b"\n" + b"\0" * 10, b"garbage\n", b"{}"])
def test_garbage_at_the_end_is_cut_off_and_told(tmp_path: Path, garbage: bytes) -> None:
    states = write_history(tmp_path / "a")
    whole = (tmp_path / "a" / "wal-1.jsonl").read_bytes()
    folder = fresh(tmp_path / "b", {"wal-1.jsonl": whole + garbage})
    found, notices = open_state(folder)
    assert found == states[-1] and notices
    assert open_state(folder) == (states[-1], []), "it is told once"


@pytest.mark.fault(42)
def test_no_flipped_bit_of_the_journal_gives_a_wrong_state_silently(tmp_path: Path) -> None:
    states = write_history(tmp_path / "a", records=5)
    whole = (tmp_path / "a" / "wal-1.jsonl").read_bytes()
    for position in range(len(whole)):
        for bit in (0, 3, 5, 7):
            damaged = bytearray(whole)
            damaged[position] ^= 1 << bit
            folder = fresh(tmp_path / "b", {"wal-1.jsonl": bytes(damaged)})
            try:
                found, notices = open_state(folder)
            except StateError:
                continue
            assert found == states[-1] or notices, f"bit {bit} of byte {position}"


@pytest.mark.fault(43)
def test_no_flipped_bit_of_a_snapshot_gives_a_wrong_state_silently(tmp_path: Path) -> None:
    write_history(tmp_path / "a", records=5)
    with StateDB(str(tmp_path / "a"), rhythm=ALWAYS_COMPACTING) as db:
        compact(db.journal)
        expected = rows(db.journal)
    snapshot = (tmp_path / "a" / "snapshot.json").read_bytes()
    for position in range(len(snapshot)):
        for bit in range(8):
            damaged = bytearray(snapshot)
            damaged[position] ^= 1 << bit
            folder = fresh(tmp_path / "b", {"snapshot.json": bytes(damaged)})
            with pytest.raises((StateDamaged, StateTooNew)):
                open_state(folder)
            assert (folder / "snapshot.json").read_bytes() == damaged, "nothing was changed"
    assert open_state(fresh(tmp_path / "b", {"snapshot.json": snapshot}))[0] == expected


@pytest.mark.fault(42)
def test_damage_in_the_middle_keeps_a_copy_and_what_came_later(tmp_path: Path) -> None:
    write_history(tmp_path / "a", records=6)
    lines = (tmp_path / "a" / "wal-1.jsonl").read_bytes().splitlines(keepends=True)
    at = next(n for n, line in enumerate(lines) if (record := unpack(line)) and record[0] == 3)
    lines[at] = lines[at].replace(b"again", b"agaim")
    damaged = b"".join(lines)
    folder = fresh(tmp_path / "b", {"wal-1.jsonl": damaged})
    found, notices = open_state(folder)
    assert found["t"]["5"] == {"n": 5} and found["t"]["0"] == {"again": 1}
    assert "2" not in found["t"] or found["t"]["2"] != {"n": 2}
    assert any("cannot be read" in notice for notice in notices)
    copies = list(folder.glob("wal-1.jsonl.corrupt-*"))
    assert [copy.read_bytes() for copy in copies] == [damaged]
    assert open_state(folder) == (found, []), "the damage is mended, and told once"


def test_after_a_loss_the_numbers_of_lost_records_are_not_used_again(tmp_path: Path) -> None:
    write_history(tmp_path / "a", records=6)
    whole = (tmp_path / "a" / "wal-1.jsonl").read_bytes()
    lines = whole.splitlines(keepends=True)
    lines[-2:] = [b"x" + line[1:] for line in lines[-2:]]
    folder = fresh(tmp_path / "b", {"wal-1.jsonl": b"".join(lines)})
    last = max(
        record.seq for line in whole.splitlines(keepends=True) if isinstance(record := unpack(line), Record)
    )
    with StateDB(str(folder), rhythm=BY_HAND) as db:
        assert db.journal.seq > last


def two_snapshots(folder: Path) -> Rows:
    """A folder with both snapshots, the segments between and after; returns its state."""
    with StateDB(str(folder), rhythm=ALWAYS_COMPACTING) as db:
        for n in range(20):
            db.journal.commit([("t", str(n), json.dumps({"n": n}))])
            if n in (5, 12):
                compact(db.journal)
        state = rows(db.journal)
        db.journal.upkeep._drop_writer()
        return state


@pytest.mark.fault(43)
def test_a_snapshot_that_is_unreadable_is_made_up_for_by_the_one_before_it(tmp_path: Path) -> None:
    folder = tmp_path / "s"
    state = two_snapshots(folder)
    assert (folder / "snapshot.json.1").exists()
    (folder / "snapshot.json").write_bytes(b'{"_meta":{"1":{"format":1,')
    found, notices = open_state(folder)
    assert found == state and len(notices) == 2
    assert open_state(folder) == (state, [])
    (folder / "snapshot.json").write_bytes(b"")
    assert open_state(folder)[0] == state, "the damaged one has not taken the place of the good one"


@pytest.mark.fault(43)
def test_a_missing_snapshot_is_made_up_for_by_the_one_before_it(tmp_path: Path) -> None:
    folder = tmp_path / "s"
    state = two_snapshots(folder)
    (folder / "snapshot.json").unlink()
    assert open_state(folder)[0] == state


def test_records_that_the_snapshot_has_are_not_replayed_over_it(tmp_path: Path) -> None:
    """A kill just after a snapshot was put in place leaves the segment that it replaces as the last one."""
    states = write_history(tmp_path / "a")
    wal = (tmp_path / "a" / "wal-1.jsonl").read_bytes()
    with StateDB(str(tmp_path / "a"), rhythm=BY_HAND) as db:
        compact(db.journal)
    snapshot = (tmp_path / "a" / "snapshot.json").read_bytes()
    folder = fresh(tmp_path / "b", {"snapshot.json": snapshot, "wal-1.jsonl": wal[: len(wal) // 2]})
    assert open_state(folder)[0] == states[-1]
    folder = fresh(tmp_path / "b", {"snapshot.json": snapshot, "wal-1.jsonl": wal})
    assert open_state(folder) == (states[-1], [])


@pytest.mark.fault(43)
@pytest.mark.parametrize(
    "files",
    [
        {"snapshot.json": b""},
        {"snapshot.json": b"{}", "snapshot.json.1": b"\0" * 100},
        {"wal-1.jsonl": b"not a journal\n"},
        {"wal-1.jsonl": b"garbage"},
        {"wal-1.jsonl": b"\0" * 4096},
        {"wal-17.jsonl": pack_header() + pack(17, [("t", "1", "{}")])},
        {"snapshot.json": b'{"_meta":{"1":{"format":1,"seq":3,"crc":"00000000"}}\n}\n', "wal-4.jsonl": b""},
        {"snapshot.json": b'{"transfers": {"1": {"a": 1}}}'},
    ],
)
def test_what_cannot_be_read_is_never_an_empty_queue(tmp_path: Path, files: dict[str, bytes]) -> None:
    folder = fresh(tmp_path / "s", files)
    with pytest.raises(StateDamaged):
        open_state(folder)
    left = {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "lock"}
    assert left == files, "nothing was changed"


def test_both_snapshots_unreadable_but_a_whole_journal_is_enough(tmp_path: Path) -> None:
    states = write_history(tmp_path / "a")
    whole = (tmp_path / "a" / "wal-1.jsonl").read_bytes()
    folder = fresh(tmp_path / "b", {"wal-1.jsonl": whole, "snapshot.json": b"", "snapshot.json.1": b"x"})
    found, notices = open_state(folder)
    assert found == states[-1] and notices


@pytest.mark.fault(43)
@pytest.mark.parametrize(
    "files",
    [
        {"snapshot.json": b'{"_meta":{"1":{"format":2,"seq":3,"new":true}},"transfers":{}}'},
        {"wal-1.jsonl": frames._framed('{"journal":2}') + b"what only a newer program understands\n"},
    ],
)
def test_a_newer_format_is_refused_and_not_touched(tmp_path: Path, files: dict[str, bytes]) -> None:
    folder = fresh(tmp_path / "s", files)
    with pytest.raises(StateTooNew):
        open_state(folder)
    left = {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "lock"}
    assert left == files


def test_an_older_format_is_migrated_once_with_a_backup(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "s"
    old = two_snapshots(folder)
    before = {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "lock"}
    migrated: list[int] = []

    def migrate(tables: Texts) -> None:
        migrated.append(1)
        tables["t"] = dict.fromkeys(tables["t"], '{"new":true}')

    for module in (frames, loading, mending):
        monkeypatch.setattr(module, "FORMAT", 2)
    monkeypatch.setitem(mending.MIGRATIONS, 1, migrate)
    new = {"t": {id: {"new": True} for id in old["t"]}}
    assert open_state(folder)[0] == new
    assert open_state(folder)[0] == new and migrated == [1]
    for name, data in before.items():
        assert (folder / f"{name}.v1.bak").read_bytes() == data
    monkeypatch.undo()
    with pytest.raises(StateTooNew):
        open_state(folder)


def test_a_fifo_in_place_of_a_file_is_refused_without_hanging(tmp_path: Path) -> None:
    folder = fresh(tmp_path / "s", {})
    os.mkfifo(folder / "snapshot.json")
    with pytest.raises(StateDamaged):
        open_state(folder)


def test_a_folder_that_cannot_be_read_is_damaged_and_not_empty(tmp_path: Path) -> None:
    write_history(tmp_path / "s")

    class BadSectors(FsOps):
        def pread_into(self, fd: int, buffer: memoryview, offset: int) -> int:
            raise OSError(5, "Input/output error")

    with pytest.raises(StateDamaged):
        StateDB(str(tmp_path / "s"), fs=BadSectors(), rhythm=BY_HAND)
    assert wals(tmp_path / "s")


HOSTILE = [
    "null",
    "7",
    "[]",
    '{"q":1}',
    '{"q":-1,"o":[]}',
    '{"q":true,"o":[]}',
    '{"q":"1","o":[]}',
    '{"q":1,"o":[\t["t","1",7]]}',
    '{"q":1,"o":[\t["t","x",{}]]}',
    '{"q":1,"o":[\t[3,"1",{}]]}',
    '{"q":1,"o":[\t["t","1"]]}',
    '{"q":1,"o":[\t["t","1",{}]',
    '{"journal":"x"}',
    '{"journal":null}',
    "[" * 100_000,
    '{"q":1' + "0" * 10_000 + ',"o":[]}',
]


@pytest.mark.parametrize("body", HOSTILE, ids=range(len(HOSTILE)))
def test_a_line_of_wrong_types_is_damage_though_its_checksum_is_right(body: str) -> None:
    assert unpack(frames._framed(body)) is None


def test_lines_survive_their_own_reading() -> None:
    ops: list[frames.Op] = [
        ("t", "1", '{"a":"\\",\\"x]}"}'),
        ('o"],["', "22", None),
        ("\t", "3", '{"b":[["c"],["d"]]}'),
    ]
    assert unpack(pack(5, ops)) == Record(5, ops)
    assert unpack(pack(6, [])) == Record(6, [])
    assert unpack(pack_header()) == Header(1)
