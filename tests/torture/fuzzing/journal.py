"""The saved queue on a bad disk: what is read was once committed, or it is refused, or the loss is told."""

from __future__ import annotations

import json
import os
import random
import re
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from engine.errors import StateError
from engine.state.frames import Op
from engine.state.journal import StateDB
from tests.engine.state.builders import ALWAYS_COMPACTING, BY_HAND, compact, rows
from tests.torture.fuzzing.damage import damaged

Rows = dict[str, dict[str, Any]]
Files = dict[str, bytes]
KINDS = 6


@cache
def saved_queue(kind: int) -> tuple[Files, list[Rows]]:
    """The files of a queue, and every state it ever had, the first one empty. Kinds differ in length and shape."""
    rng = random.Random(kind)
    states: list[Rows] = [{}]
    with tempfile.TemporaryDirectory(prefix="s3tui-fuzz-") as name:
        folder = Path(name) / "state"
        with StateDB(str(folder), rhythm=ALWAYS_COMPACTING if kind % 2 else BY_HAND) as db:
            for number in range(3 + 5 * kind):
                ops: list[Op] = []
                for _ in range(rng.randint(1, 3)):
                    doc = json.dumps(
                        {"n": number, "s": "é\udcff\n" * rng.randrange(3)}, separators=(",", ":")
                    )
                    id = str(rng.randint(1, 8))
                    ops.append((rng.choice(("items", "parts")), id, doc if rng.random() < 0.8 else None))
                db.journal.commit(ops)
                states.append(rows(db.journal))
                if kind % 2 and rng.random() < 0.3:
                    compact(db.journal)
        files = {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "lock"}
    return files, states


def opened(files: Files) -> tuple[Rows, list[str]] | None:
    """What a new process finds in such files, twice; ``None`` if it refuses them, and leaves them alone."""
    with tempfile.TemporaryDirectory(prefix="s3tui-fuzz-") as name:
        folder = Path(name) / "state"
        folder.mkdir(mode=0o700)
        for file, data in files.items():
            (folder / file).write_bytes(data)
        try:
            with StateDB(str(folder), rhythm=BY_HAND) as db:
                found, notices = rows(db.journal), list(db.journal.loaded.notices)
                db.journal.commit([("added", "1", "{}")])
        except StateError:
            left = {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "lock"}
            assert left == files, "what was refused was changed"
            return None
        with StateDB(str(folder), rhythm=BY_HAND) as db:
            again = rows(db.journal)
            assert again.pop("added", None) == {"1": {}}, "what was added after the damage is lost"
            assert again == {name: docs for name, docs in found.items() if name != "added"}
            assert not db.journal.loaded.notices, "it is told once"
        return found, notices


def judge(files: Files, states: list[Rows]) -> None:
    """Never a state that was not, without a word; never an empty queue in place of one that is there."""
    result = opened(files)
    if result is None:
        return
    found, notices = result
    if not notices:
        assert found in states, found
    if "snapshot.json" in files or notices:
        return
    assert found or not files or states[-1] == {} or _is_short(files), "it is empty, and nobody says so"


def _is_short(files: Files) -> bool:
    """Nothing but a head, or less than the first record, is there."""
    return all(data.count(b"\n") < 2 for data in files.values())


def _pick(rng: random.Random) -> tuple[Files, list[Rows]]:
    files, states = saved_queue(rng.randrange(KINDS))
    return dict(files), states


def cut_journal(rng: random.Random) -> None:
    """A prefix of the last segment: exactly what was whole in it."""
    files, states = _pick(rng)
    name = _segments(files)[-1]
    whole = files[name]
    files[name] = whole[: rng.randrange(len(whole) + 1)]
    result = opened(files)
    assert result is not None, "a torn journal is never refused"
    lines = whole.count(b"\n") - files[name].count(b"\n")
    kept = files[name].count(b"\n")
    # Only the counter of ids is no state of its own.
    assert result[0] in states
    if kept and not lines:
        assert result[0] == states[-1]


def damaged_journal(rng: random.Random) -> None:
    """Any damage to one segment."""
    files, states = _pick(rng)
    name = rng.choice(_segments(files))
    files[name] = damaged(files[name], rng)
    judge(files, states)


def damaged_snapshot(rng: random.Random) -> None:
    """Any damage to one snapshot, or to both."""
    files, states = _pick(rng)
    for name in [name for name in files if name.startswith("snapshot.json")]:
        if rng.random() < 0.7:
            files[name] = damaged(files[name], rng)
    judge(files, states)


def spliced_segments(rng: random.Random) -> None:
    """Lines moved, doubled or taken from another place of the same journal; segments gone or under other names."""
    files, states = _pick(rng)
    names = _segments(files)
    lines = [line for name in names for line in files[name].splitlines(keepends=True)]
    name = rng.choice(names)
    match rng.randrange(4):
        case 0:
            mine = files[name].splitlines(keepends=True)
            mine[rng.randrange(len(mine) + 1) : 0] = rng.sample(lines, min(len(lines), rng.randint(1, 4)))
            files[name] = b"".join(mine)
        case 1:
            mine = files[name].splitlines(keepends=True)
            rng.shuffle(mine)
            files[name] = b"".join(mine)
        case 2 if len(names) > 1:
            del files[name]
        case _:
            files[f"wal-{rng.randrange(40)}.jsonl"] = files[name]
    judge(files, states)


def _segments(files: Files) -> list[str]:
    names = [name for name in files if re.fullmatch(r"wal-\d+\.jsonl", name)]
    return sorted(names, key=lambda name: int(os.path.splitext(name)[0][4:]))
