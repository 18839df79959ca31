"""The process may end at any step: whatever was acknowledged is there when it starts again."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from engine.errors import StateError
from engine.state.journal import StateDB
from tests.engine.local.faults import Killed
from tests.engine.state.builders import ALWAYS_COMPACTING, BY_HAND, DyingFs, compact, rows

ROOT = Path(__file__).parents[3]


def session(folder: Path, fs: DyingFs) -> list[dict[str, Any]]:
    """Twelve transactions with snapshots between; returns all states that were reached, the one under way included."""
    states: list[dict[str, Any]] = [{}]
    with contextlib.suppress(Killed):
        db = StateDB(str(folder), fs=fs, rhythm=ALWAYS_COMPACTING)
        for n in range(12):
            expected = json.loads(json.dumps(states[-1]))
            expected.setdefault("t", {})[str(n)] = {"n": n}
            expected["t"].pop(str(n - 4), None)
            states.append(expected)
            db.journal.commit([("t", str(n), f'{{"n":{n}}}'), ("t", str(n - 4) if n > 3 else "99", None)])
            assert rows(db.journal) == expected
            if n % 3 == 1:
                compact(db.journal)
            db.journal.upkeep.work()
        db.close()
        states.append(states[-1])
    fs.bury()
    return states


@pytest.mark.parametrize("writes_half", [False, True])
def test_a_kill_at_any_step_loses_nothing_that_was_acknowledged(tmp_path: Path, writes_half: bool) -> None:
    step = 0
    while True:
        folder = tmp_path / str(step)
        fs = DyingFs(step, writes_half=writes_half)
        states = session(folder, fs)
        if not folder.exists():
            assert step == 0
            step += 1
            continue
        with StateDB(str(folder), rhythm=BY_HAND) as db:
            found = rows(db.journal)
            torn = [note for note in db.journal.loaded.notices if "stopped while it wrote" not in note]
        assert found in states[-2:], f"killed at step {step} of {fs.done}"
        assert torn == []
        if not fs.is_dead:
            break
        step += 1
    assert step > 60, "the session has many steps"


def test_a_kill_during_the_recovery_from_a_kill_loses_nothing(tmp_path: Path) -> None:
    first = DyingFs(40, writes_half=True)
    states = session(tmp_path / "s", first)
    assert first.is_dead
    for step in range(200):
        fs = DyingFs(step)
        with contextlib.suppress(Killed):
            db = StateDB(str(tmp_path / "s"), fs=fs, rhythm=ALWAYS_COMPACTING)
            compact(db.journal)
            db.close()
        fs.bury()
        with StateDB(str(tmp_path / "s"), rhythm=BY_HAND) as db:
            assert rows(db.journal) in states[-2:]
        if not fs.is_dead:
            break
    assert step > 8


def test_a_kill_during_the_mending_of_damage_loses_nothing_more(tmp_path: Path) -> None:
    def damaged() -> Path:
        folder = tmp_path / f"s{step}"
        with StateDB(str(folder), rhythm=BY_HAND) as db:
            for n in range(6):
                db.journal.commit([("t", str(n), f'{{"n":{n}}}')])
        wal = folder / "wal-1.jsonl"
        wal.write_bytes(wal.read_bytes().replace(b'{"n":3}', b'{"n":8}'))
        return folder

    step = 0
    while True:
        folder = damaged()
        fs = DyingFs(step)
        with contextlib.suppress(Killed):
            StateDB(str(folder), fs=fs, rhythm=ALWAYS_COMPACTING).close()
        fs.bury()
        with StateDB(str(folder), rhythm=BY_HAND) as db:
            assert set(rows(db.journal)["t"]) == {"0", "1", "2", "4", "5"}
        assert any(b'{"n":8}' in copy.read_bytes() for copy in folder.glob("*.corrupt-*"))
        if not fs.is_dead:
            break
        step += 1
    assert step > 8


WRITER = """
import os, sys
from engine.model import TransferId
from engine.state.journal import Rhythm
from engine.state.store import Store
from tests.engine.state.builders import finished, item, part

store = Store.open(sys.argv[1], rhythm=Rhythm(compact_bytes=20_000))
say = lambda *words: os.write(1, (" ".join(map(str, words)) + "\\n").encode())
say("ready", len(store.loaded.items))
while True:
    ids = store.new_ids(3)
    say("ids", *ids)
    store.add(None, [item(id) for id in ids])
    say("added", *ids)
    for number in range(1, 6):
        store.confirm(TransferId(ids[0]), part(number))
        say("part", ids[0], number)
    store.forget(TransferId(ids[0]), 5)
    say("forgot", ids[0], 5)
    store.finish([finished(ids[1])])
    say("finished", ids[1])
    if ids[0] % 4 == 0:
        store.flush()
"""


def test_what_was_acknowledged_survives_kill_9(tmp_path: Path) -> None:
    """A real process is killed at random moments; what it said it had written is found by the next."""
    from engine.state.store import Store

    chance = random.Random(29)
    used: set[int] = set()
    added: set[int] = set()
    finished_ids: set[int] = set()
    parts: dict[int, set[int]] = {}
    state = tmp_path / "state"
    for _ in range(12):
        process = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(state)],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
        )
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line)
            if len(lines) > chance.randrange(20, 1500):
                process.send_signal(signal.SIGKILL)
                break
        lines += process.stdout.readlines()
        process.stdout.close()
        process.wait(30)
        assert lines and lines[0].startswith(b"ready")
        forgotten: set[tuple[int, int]] = set()
        for line in lines:
            if not line.endswith(b"\n"):
                continue
            word, *numbers = line.split()
            ids = [int(number) for number in numbers]
            if word == b"ids":
                assert used.isdisjoint(ids), "an id was given out twice"
                used.update(ids)
            elif word == b"added":
                added.update(ids)
            elif word == b"part":
                parts.setdefault(ids[0], set()).add(ids[1])
            elif word == b"forgot":
                forgotten.add((ids[0], ids[1]))
                parts[ids[0]].discard(ids[1])
            elif word == b"finished":
                finished_ids.update(ids)
        # The step after the last acknowledged one may have been made as well.
        store = Store.open(str(state))
        assert store.loaded.notices == ()
        found = {int(item.id) for item in store.loaded.items}
        ended = {int(item.id) for item in store.history()}
        assert added - finished_ids <= found | ended and len(found & ended) == 0
        assert finished_ids <= ended and len(ended - finished_ids) <= 1
        for id, numbers_of in parts.items():
            on_record = set(store.loaded.parts.get(id, {}))  # type: ignore[call-overload]
            assert len(numbers_of - on_record) <= 1 and len(on_record - numbers_of) <= 1, id
        finished_ids |= ended
        added |= found
        for id in found:
            parts[id] = set(store.loaded.parts.get(id, {}))  # type: ignore[call-overload]
        used.update(store.new_ids(1))
        store.close()
    assert len(added) > 100


def test_the_lock_dies_with_its_holder(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(tmp_path / "state")],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None and process.stdout.readline().startswith(b"ready")
    try:
        with pytest.raises(StateError) as caught:
            StateDB(str(tmp_path / "state"), rhythm=BY_HAND)
        assert str(process.pid) in str(caught.value)
    finally:
        process.kill()
        process.stdout.close()
        process.wait(30)
    StateDB(str(tmp_path / "state"), rhythm=BY_HAND).close()
