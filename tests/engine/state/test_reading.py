"""Looking at a queue that somebody else owns."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from engine.errors import StateDamaged, StateTooNew
from engine.local.fsops import FsOps
from engine.model import TransferState
from engine.state.journal import Rhythm
from engine.state.store import Store, read_state
from tests.engine.state.builders import BY_HAND, compact, finished, item, part

ROOT = Path(__file__).parents[3]


def contents(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.iterdir()}


def test_there_is_no_queue_where_there_is_no_folder(tmp_path: Path) -> None:
    state = read_state(str(tmp_path / "nowhere"))
    assert state.loaded.items == [] and state.history == [] and state.owner is None
    assert not (tmp_path / "nowhere").exists()


def test_looking_changes_nothing(tmp_path: Path) -> None:
    store = Store.open(str(tmp_path), rhythm=BY_HAND)
    store.add(None, [item(1), item(2, state=TransferState.PAUSED)])
    compact(store._journal)
    store.confirm(1, part(1))  # type: ignore[arg-type]
    store.finish([finished(7)])
    wal = max(tmp_path.glob("wal-*"), key=lambda path: path.stat().st_size)
    with wal.open("ab") as file:
        file.write(b"half a li")
    before = contents(tmp_path)
    state = read_state(str(tmp_path))
    assert contents(tmp_path) == before
    assert state.loaded.items == [item(1), item(2, state=TransferState.PAUSED)]
    assert state.loaded.parts == {1: {1: part(1)}} and state.history == [finished(7)]
    assert state.owner is not None and state.owner[1] == os.getpid()
    assert state.loaded.notices == (), "its owner may be writing that line"
    store.close()


def test_damage_is_told_and_left_alone(tmp_path: Path) -> None:
    store = Store.open(str(tmp_path), rhythm=BY_HAND)
    store.add(None, [item(1)])
    store.set_held(True)
    store.add(None, [item(2)])
    store.close()
    wal = tmp_path / "wal-1.jsonl"
    wal.write_bytes(wal.read_bytes().replace(b'"held":true', b'"held":trie'))
    before = contents(tmp_path)
    state = read_state(str(tmp_path))
    assert [saved.id for saved in state.loaded.items] == [1, 2] and state.loaded.notices
    assert contents(tmp_path) == before
    (tmp_path / "wal-1.jsonl").write_bytes(b"nonsense\n")
    with pytest.raises(StateDamaged):
        read_state(str(tmp_path))
    (tmp_path / "snapshot.json").write_bytes(b'{"_meta":{"1":{"format":99,')
    with pytest.raises(StateTooNew):
        read_state(str(tmp_path))


def test_a_folder_that_is_read_only_can_be_looked_at(tmp_path: Path) -> None:
    store = Store.open(str(tmp_path / "s"), rhythm=BY_HAND)
    store.add(None, [item(1)])
    store.close()
    for path in (tmp_path / "s").iterdir():
        path.chmod(0o400)
    (tmp_path / "s").chmod(0o500)
    try:
        assert read_state(str(tmp_path / "s")).loaded.items == [item(1)]
    finally:
        (tmp_path / "s").chmod(0o700)


@pytest.mark.parametrize("moment", ["snapshot.json", "wal-"])
@pytest.mark.parametrize("snapshots", [1, 3])
def test_files_that_are_replaced_while_they_are_read_are_read_again(
    tmp_path: Path, moment: str, snapshots: int
) -> None:
    store = Store.open(str(tmp_path), rhythm=BY_HAND)
    store.add(None, [item(1)])
    compact(store._journal)
    store.add(None, [item(2)])

    class Meanwhile(FsOps):
        happened = False

        def open(self, path: Any, flags: int, mode: int = 0o600, *, dir_fd: int | None = None) -> int:
            if str(path).startswith(moment) and not self.happened:
                self.happened = True
                for id in range(3, 3 + snapshots):
                    store.add(None, [item(id)])
                    compact(store._journal)
                store.add(None, [item(10)])
            return super().open(path, flags, mode, dir_fd=dir_fd)

    fs = Meanwhile()
    state = read_state(str(tmp_path), fs)
    assert fs.happened
    assert [saved.id for saved in state.loaded.items] == [1, 2, *range(3, 3 + snapshots), 10]
    store.close()


READER = """
import sys
from engine.state.store import read_state
print("ready", flush=True)
seen = 0
while True:
    state = read_state(sys.argv[1])
    items = {int(item.id) for item in state.loaded.items}
    ended = {int(item.id) for item in state.history}
    # The writer adds pairs, and finishes the even one of a pair in the same transaction as it adds the next.
    assert not state.loaded.notices, state.loaded.notices
    assert not items & ended
    last = max(items | ended, default=0)
    assert len(items | ended) == last, (items, ended)
    assert last % 2 == 0
    assert last >= seen, "what was seen is not unseen"
    seen = last
    if seen >= int(sys.argv[2]):
        print("seen", flush=True)
        break
"""


def test_a_reader_sees_whole_transactions_while_another_process_writes(tmp_path: Path) -> None:
    pairs = 1500
    store = Store.open(str(tmp_path / "s"), rhythm=Rhythm(compact_bytes=1000, compact_ratio=0.01))
    reader = subprocess.Popen(
        [sys.executable, "-c", READER, str(tmp_path / "s"), str(2 * pairs)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        assert reader.stdout is not None and reader.stdout.readline() == b"ready\n"
        for n in range(pairs):
            with store._journal.transaction():
                store.add(None, [item(2 * n + 1), item(2 * n + 2)])
                if n:
                    store.finish([finished(2 * n)])
            if n % 50 == 0:
                store.flush()
        out, err = reader.communicate(timeout=60)
        assert reader.returncode == 0, err.decode()
        assert out == b"seen\n"
    finally:
        reader.kill()
        reader.wait(30)
        store.close()
    snapshots = (tmp_path / "s" / "snapshot.json.1").exists()
    assert snapshots, "segments were replaced while they were read"
