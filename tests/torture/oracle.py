"""What must be so right after a kill, and what at the end of every round.

Each check raises AssertionError with what it found.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from pathlib import Path

from engine import TransferState, read_queue
from engine.state.reading import read_state
from tests.servers.proxy import FaultProxy
from tests.torture.world import CANARIES, OLD, PART_SIZE, WORKERS, World, is_part_file

S = TransferState


def check_published(world: World) -> None:
    """Every target is absent, old or complete; and a source of a move is gone only where its target is complete."""
    local, remote = world.local(), world.remote()
    targets: Collection[str] = remote if world.upward else local
    sources: Collection[str] = local if world.upward else remote
    strangers = set(targets) - set(world.files)
    assert not strangers, f"names that nobody asked for: {strangers}"
    complete = {name for name in targets if _is_complete(world, name)}
    for name in world.files:
        if name not in complete:
            assert (name in targets) == (name in world.stood), f"{name}: what stood at the target is gone"
            assert name in sources, f"{name}: the source is gone, and the target is not complete"
        assert name in sources or world.move, f"{name}: the source is gone, and nobody asked for that"


def _is_complete(world: World, name: str) -> bool:
    """True for the new content, false for what stood there.

    Raises:
        AssertionError: It is neither.
    """
    data = world.body(name) if world.upward else (world.disk / name).read_bytes()
    if data == world.files[name].data:
        return True
    assert name in world.stood and data == OLD, f"{name}: {len(data)} bytes, neither old nor new"
    return False


def check_end(world: World, state_dir: Path, *, cancelled: Collection[str] = ()) -> None:
    """Everything but what was cancelled has arrived, and nothing is left over."""
    check_published(world)
    arrived = set(world.remote() if world.upward else world.local())
    left = set(world.local() if world.upward else world.remote())
    for name in set(world.files) - set(cancelled):
        assert name in arrived and _is_complete(world, name), f"{name} has not arrived"
        assert not (world.move and name in left), f"{name} was to be moved, and its source is still there"
    uploads = world.seaweed.client().list_multipart_uploads(Bucket=world.bucket).get("Uploads", [])
    assert not uploads, f"multipart uploads are left: {[upload['Key'] for upload in uploads]}"
    parts = [str(path) for path in world.folder.rglob("*") if is_part_file(path)]
    assert not parts, f"part files are left: {parts}"
    loaded = read_state(str(state_dir)).loaded
    assert not loaded.items, f"items are left: {[(item.id, item.state) for item in loaded.items]}"
    assert not loaded.owed, f"clean-ups are owed: {loaded.owed}"
    assert not loaded.notices, f"damage: {loaded.notices}"


def check_known(world: World, state_dir: Path, *, queued: bool) -> None:
    """Nothing that was queued is forgotten: each file is in the queue, in the history, or still to be planned.

    Args:
        queued: somebody was told that it is; else that nothing is on record is right, too.
    """
    state = read_state(str(state_dir))
    if any(not operation.planned for operation in state.loaded.operations):
        return
    known = {str(item.spec.source) for item in state.loaded.items} | {done.source for done in state.history}
    if known or queued:
        lost = [name for name in world.files if world.source + name not in known]
        assert not lost, f"forgotten: {lost}"


def check_acknowledged(state_dir: Path, wanted: dict[str, str]) -> None:
    """What a user was told is saved, is so.

    Args:
        wanted: by source, ``paused`` or ``cancelled``; what the last command, and no later one, has asked for.
    """
    rows = {row.source: row for row in read_queue(str(state_dir), history=True).rows}
    for source, state in wanted.items():
        found = rows[source].state if source in rows else None
        allowed = {S.PAUSED, S.DONE} if state == "paused" else {S.CANCELLED, S.DONE}
        assert found in allowed, f"{source} was {state}, and is {found}"


def traffic(world: World, proxy: FaultProxy) -> int:
    """Bytes of the bodies that went the way of the transfer."""
    if world.upward:
        return sum(one.body_up for one in proxy.requests(method="PUT"))
    return sum(one.body_down for one in proxy.requests(method="GET") if not one.query.get("list-type"))


def check_traffic(world: World, proxy: FaultProxy, kills: int, *, unsynced: int = 0) -> None:
    """Sent or fetched again: at most what the workers had in the air at each kill, and at each command to stop.

    Args:
        unsynced: Bytes beside that which a power cut may take away: those of the last second.
    """
    moved = traffic(world, proxy)
    allowed = world.total + kills * (WORKERS * PART_SIZE + unsynced)
    assert moved <= allowed, f"{moved} bytes for {world.total}, {kills} kills"


def history(state_dir: Path) -> dict[str, str]:
    """The states of all that is on record, by source."""
    return {row.source: row.state.value for row in read_queue(str(state_dir), history=True).rows}


def check_secrets(home: Path, *texts: bytes | str) -> None:
    """No key in state, log or whatever else the program wrote, nor in these outputs; no raw escape either."""
    for text in texts:
        data = text.encode() if isinstance(text, str) else text
        assert not any(canary.encode() in data for canary in CANARIES), "a key is shown"
    for path in _written(home):
        data = path.read_bytes()
        assert not any(canary.encode() in data for canary in CANARIES), f"a key is in {path.name}"
        assert b"\x1b" not in data, f"a raw escape is in {path.name}"


def _written(home: Path) -> Iterator[Path]:
    for folder, _, names in os.walk(home):
        yield from (Path(folder, name) for name in names)
