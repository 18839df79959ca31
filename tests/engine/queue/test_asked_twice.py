"""Two operations ask for the same item, and the process is killed: both are known to have asked."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from engine.errors import Permanent
from engine.model import TransferId, TransferState
from engine.state.store import Store
from tests.engine.queue.items import upload
from tests.engine.queue.quiet import Quiet, quiet_at
from tests.engine.queue.test_ended import ask, names, plan
from tests.engine.state.builders import FullDisk

S = TransferState


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[Quiet]:
    """Two items of one operation, of which another one, still being planned, has asked for the first."""
    with quiet_at(tmp_path / "state") as queue:
        ask(queue)
        plan(queue, [upload("a"), upload("b")])
        ask(queue)
        plan(queue, [upload("a")], is_cut=True)
        yield queue


def killed(tmp_path: Path) -> Path:
    """The state folder as a process finds it that starts after this one was killed now."""
    return Path(shutil.copytree(tmp_path / "state", tmp_path / "left"))


def first(queue: Quiet) -> TransferId:
    return next(iter(queue.core.roster)).id


def planned_again(queue: Quiet) -> None:
    """As `TransferManager.start` does, without its thread."""
    intake = queue.manager._intake
    intake._thread = SimpleNamespace()  # type: ignore[assignment]
    with queue.core.lock:
        for operation in queue.core.operations.values():
            if operation.is_planning:
                intake.resume(operation)
    plan(queue, [upload("a")], [upload("c")])


def test_what_was_paused_since_it_was_asked_for_again_stays_paused(queue: Quiet, tmp_path: Path) -> None:
    queue.manager.pause(first(queue))
    with quiet_at(killed(tmp_path)) as later:
        planned_again(later)
        item = later.core.roster.items[first(later)]
        assert item.state is S.PAUSED


def test_what_failed_since_it_was_asked_for_again_is_not_tried_by_itself(
    queue: Quiet, tmp_path: Path
) -> None:
    queue.job.steps["begin"] = [Permanent("access-denied")]
    queue.step(queue.take())
    with quiet_at(killed(tmp_path)) as later:
        planned_again(later)
        assert later.core.roster.items[first(later)].state is S.FAILED


def test_what_was_cancelled_since_it_was_asked_for_again_does_not_come_back(
    queue: Quiet, tmp_path: Path
) -> None:
    queue.manager.cancel(first(queue))
    with quiet_at(killed(tmp_path)) as later:
        planned_again(later)
        assert names(later) == ["/data/b", "/data/c"]


def test_what_was_done_since_it_was_asked_for_again_is_not_done_again(queue: Quiet, tmp_path: Path) -> None:
    queue.do_all()
    with quiet_at(killed(tmp_path)) as later:
        planned_again(later)
        assert names(later) == ["/data/c"]


def test_both_operations_know_how_far_it_is_after_a_kill(queue: Quiet, tmp_path: Path) -> None:
    with quiet_at(killed(tmp_path)) as later:
        planned_again(later)
        operations = sorted(later.core.operations)
        progress = [later.manager.operation(id) for id in operations]
        assert [each.unfinished for each in progress if each is not None] == [2, 2]
        later.do_all()
        assert all(later.manager.is_over(id) for id in operations)
    with quiet_at(tmp_path / "left") as last:
        assert not last.core.operations, "nothing of them is left on record"


def test_who_asked_is_written_down_as_soon_as_the_disk_has_room(tmp_path: Path) -> None:
    disk = FullDisk()
    with quiet_at(tmp_path / "state", fs=disk) as queue:
        ask(queue)
        plan(queue, [upload("a")])
        ask(queue)
        disk.room = 0
        plan(queue, [upload("a")], is_cut=True)
        disk.room = None
        queue.core.store._journal.upkeep.work()
        queue.manager._tidy()
        queue.manager.pause(first(queue))
        with quiet_at(killed(tmp_path)) as later:
            planned_again(later)
            assert later.core.roster.items[first(later)].state is S.PAUSED


def test_operations_that_are_planned_are_not_kept_for_their_claims(tmp_path: Path) -> None:
    with quiet_at(tmp_path / "state") as queue:
        for _ in range(5):
            ask(queue)
            plan(queue, [upload("a")])
    store = Store.open(str(tmp_path / "state"))
    try:
        assert len(store.loaded.items[0].also) == 4
    finally:
        store.close()
    with quiet_at(tmp_path / "state") as queue:
        assert queue.core.roster.items[first(queue)].also == ()
        assert len(queue.core.operations) == 1
