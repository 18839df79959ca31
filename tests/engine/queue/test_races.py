"""Commands and failures that meet at the wrong moment: nothing gets stuck, lost or done twice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from engine.errors import Condition, Interrupted, Retryable
from engine.model import MIB, DeleteRequest, LocalRef, TransferState
from engine.queue import retrying
from engine.queue.core import Core
from engine.scheduler import WorkKind
from engine.state.store import SavedOperation, Store
from tests.engine.queue.items import HERE, upload
from tests.engine.queue.quiet import Quiet, offline, quiet_at, states

S = TransferState
LATER = 100.0
"""Seconds from now by which every wait is over."""


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[Quiet]:
    with quiet_at(tmp_path / "state") as quiet:
        yield quiet


def unsaved() -> Condition:
    return Condition("state-unsaved", ("state", "/state"), detail="no space")


# -- while a condition is probed -------------------------------------------------------------------


def test_a_hold_while_an_endpoint_is_probed_does_not_end_the_probing(queue: Quiet) -> None:
    queue.job.steps["begin"] = [offline()]
    items = queue.add(upload("a"))
    queue.do_all()
    assert states(items) == [S.WAITING]
    follow = queue.step(queue.take(LATER))
    assert follow is not None
    queue.manager.pause_all()
    queue.step(follow)
    queue.do_all()
    queue.manager.resume_all()
    queue.do_all(LATER)
    assert states(items) == [S.DONE]


def test_a_pause_of_what_probes_and_fails_at_its_end_leaves_the_probing_to_others(queue: Quiet) -> None:
    queue.job.parts = 0
    queue.job.steps["begin"] = [offline()]
    first, second = queue.add(upload("a"), upload("b"))
    follow = queue.step(queue.take())
    assert follow is None
    work = queue.step(queue.take(LATER))
    while work is None:
        work = queue.step(queue.take(LATER))
    assert work.kind is WorkKind.FINISH
    queue.manager.pause(first.id)
    queue.job.steps["finish"] = [offline()]
    queue.step(work)
    queue.do_all(LATER)
    assert states([first, second]) == [S.PAUSED, S.DONE]


# -- retry -----------------------------------------------------------------------------------------


def test_retry_of_an_item_that_is_being_tried_again_already_does_no_harm(queue: Quiet) -> None:
    queue.job.steps["move"] = [Retryable("connection-lost")]
    (item,) = queue.add(upload("a"))
    queue.step(queue.step(queue.take()))
    assert item.state is S.WAITING
    work = queue.take(LATER)
    assert work is not None
    assert work.kind is WorkKind.MOVE
    queue.manager.retry(item.id)
    while work is not None:
        work = queue.step(work)
    queue.do_all(LATER)
    assert item.problem is None
    assert states([item]) == [S.DONE]


def test_retry_of_an_item_whose_files_are_still_being_closed_begins_it_again(queue: Quiet) -> None:
    queue.job.parts = 2
    queue.job.steps["move"] = [Retryable("connection-lost"), Retryable("upload-gone")]
    (item,) = queue.add(upload("a", 20 * MIB))
    work = queue.step(queue.take())
    queue.step(work)
    queue.step(queue.take())
    assert item.state is S.WAITING
    queue.manager.retry(item.id)
    queue.do_all(LATER)
    assert states([item]) == [S.DONE]


def test_an_item_that_is_moved_in_the_queue_while_it_waits_for_room_still_begins(queue: Quiet) -> None:
    queue.job.steps["begin"] = [Retryable("connection-lost")]
    first, second = queue.add(upload("a"), upload("b"))
    queue.step(queue.take())
    queue.step(queue.take())
    assert first.state is S.WAITING
    queue.core.scheduler._wake(queue.core.clock.monotonic() + LATER)
    first.hold.until = 0.0  # type: ignore[union-attr]
    queue.manager.move(first.id, 1)
    queue.do_all(LATER)
    assert states([first, second]) == [S.DONE, S.DONE]


# -- work that comes too late ----------------------------------------------------------------------


def test_a_part_of_a_run_that_is_over_is_not_moved_by_the_next_run(queue: Quiet) -> None:
    queue.job.parts = 2
    (item,) = queue.add(upload("a", 20 * MIB))
    first = queue.step(queue.take())
    late = queue.take()
    assert late is not None
    assert late.kind is WorkKind.MOVE
    queue.manager.pause(item.id)
    queue.step(first)
    queue.step(queue.take())
    queue.manager.resume(item.id)
    follow = queue.step(queue.take())
    before = list(queue.job.moved)
    queue.step(late)
    assert queue.job.moved == before
    while follow is not None:
        follow = queue.step(follow)
    queue.do_all(LATER)
    assert item.state is S.DONE


def test_a_job_that_cannot_be_closed_still_lets_go_of_its_item(queue: Quiet) -> None:
    queue.job.steps["close"] = [ValueError("strange")]
    (item,) = queue.add(upload("a"))
    work = queue.step(queue.take())
    queue.manager.pause(item.id)
    queue.step(work)
    queue.step(queue.take())
    queue.manager.resume(item.id)
    queue.do_all()
    assert item.state is S.DONE


# -- what is on record -----------------------------------------------------------------------------


def test_a_pause_during_the_last_step_outlives_a_restart(tmp_path: Path) -> None:
    with quiet_at(tmp_path / "state") as queue:
        (item,) = queue.add(upload("a"))
        finish = queue.step(queue.step(queue.take()))
        assert finish is not None
        queue.manager.pause(item.id)
        assert item.state is S.FINISHING
    with quiet_at(tmp_path / "state") as queue:
        assert states(list(queue.core.roster)) == [S.PAUSED]


def test_what_could_not_be_saved_is_saved_later_even_if_saving_fails_once_more(
    queue: Quiet, monkeypatch: pytest.MonkeyPatch
) -> None:
    items = queue.add(upload("a"), upload("b"), upload("c"))

    def refuse(*args: object) -> int:
        raise unsaved()

    with monkeypatch.context() as patch:
        patch.setattr(Store, "save", refuse)
        patch.setattr(Store, "save_many", refuse)
        patch.setattr(Store, "confirm_many", refuse)
        for item in items:
            queue.manager.pause(item.id)
        items[1].unsaved_parts = (None,)  # type: ignore[assignment]
        queue.manager._save_again()
    assert queue.core.unsaved == {item.id for item in items}


def test_the_hold_takes_effect_even_where_it_cannot_be_saved(
    queue: Quiet, monkeypatch: pytest.MonkeyPatch
) -> None:
    (item,) = queue.add(upload("a"))
    follow = queue.step(queue.take())

    def refuse(*args: object) -> int:
        raise unsaved()

    with monkeypatch.context() as patch:
        patch.setattr(Store, "set_held", refuse)
        queue.manager.pause_all()
    assert item.state is S.QUEUED
    queue.step(follow)
    queue.manager._save_again()
    assert queue.core.store.held


def test_planning_again_after_a_restart_leaves_paused_items_paused(queue: Quiet) -> None:
    operation = queue.operation()
    (item,) = queue.add(upload("a"), operation=operation)
    queue.manager.pause(item.id)
    queue.add(upload("a"), operation=operation)
    assert item.state is S.PAUSED


def test_what_is_refused_again_is_named_in_the_later_operation_too(queue: Quiet) -> None:
    refused = replace(upload("a"), refusal="key-too-long")
    queue.add(refused)
    later = queue.operation()
    queue.add(refused, operation=later)
    assert [row.state for row in queue.manager.rows_of(later.id)] == [S.FAILED]


def test_progress_of_an_adopted_item_counts_for_the_later_operation(queue: Quiet) -> None:
    queue.job.parts = 2
    queue.add(upload("a", 20 * MIB))
    later = queue.operation()
    queue.add(upload("a", 20 * MIB), operation=later)
    queue.step(queue.step(queue.take()))
    progress = queue.manager.operation(later.id)
    assert progress is not None
    assert progress.totals.bytes_done == 10 * MIB


# -- one bad item ----------------------------------------------------------------------------------


def test_a_busy_server_is_asked_for_more_again_without_anything_else_happening(queue: Quiet) -> None:
    core: Core = queue.core
    now = core.clock.monotonic()
    for _ in range(4):
        core.scheduler.ceilings.entered(HERE)
    core.scheduler.ceilings.is_busy(HERE, now)
    due = core.scheduler.next_due(now)
    assert due is not None
    assert 0.0 < due - now <= 10.0


def test_small_items_that_wait_for_another_try_leave_room_to_others(tmp_path: Path) -> None:
    with quiet_at(tmp_path / "state", workers=2) as queue:
        queue.job.steps["move"] = [Retryable("connection-lost", retry_after=60.0) for _ in range(2)]
        items = queue.add(upload("a"), upload("b"), upload("c"))
        queue.do_all()
        assert states(items) == [S.WAITING, S.WAITING, S.DONE]


def test_one_file_that_cannot_be_put_in_place_for_a_strange_reason_fails_alone(queue: Quiet) -> None:
    class Strange:
        folder_key = (1, 1)

        def sync(self) -> None:
            raise ValueError("strange")

        def close(self) -> None:
            pass

    first, second = queue.add(upload("a"), upload("b"))
    for _ in range(2):
        work = queue.take()
        while work is not None:
            work = queue.step(work)
    closings = queue.waiting_to_close()
    assert [closing.transfer for closing in closings] == [first, second]
    closings[0].result.staged = Strange()  # type: ignore[assignment]
    queue.close_items()
    assert states([first, second]) == [S.FAILED, S.DONE]


def test_an_item_cancelled_while_nothing_can_be_saved_does_not_come_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: object) -> int:
        raise unsaved()

    with quiet_at(tmp_path / "state") as queue:
        (item,) = queue.add(upload("a"))
        with monkeypatch.context() as patch:
            patch.setattr(Store, "finish", refuse)
            queue.manager.cancel(item.id)
            queue.manager._save_again()
        queue.manager._save_again()
    with quiet_at(tmp_path / "state") as queue:
        assert len(queue.core.roster) == 0


def test_attempts_are_counted_also_where_too_many_items_wait_to_be_kept_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retrying, "KEPT_WAITING", 0)
    with quiet_at(tmp_path / "state", attempts=3) as queue:
        queue.job.steps["move"] = [Retryable("connection-lost") for _ in range(20)]
        (item,) = queue.add(upload("a"))
        for round in range(1, 6):
            queue.do_all(round * LATER)
        assert item.state is S.FAILED
        assert len(queue.job.steps["move"]) == 17


def test_what_is_confirmed_counts_as_done_while_its_item_is_paused_and_after_a_restart(
    tmp_path: Path,
) -> None:
    def bytes_done(queue: Quiet) -> int:
        return queue.manager.snapshot().totals.bytes_done

    with quiet_at(tmp_path / "state") as queue:
        queue.job.parts = 2
        (item,) = queue.add(upload("a", 20 * MIB))
        queue.step(queue.step(queue.take()))
        assert bytes_done(queue) == 10 * MIB
        queue.manager.pause(item.id)
        queue.do_all()
        assert item.run is None
        assert bytes_done(queue) == 10 * MIB
    with quiet_at(tmp_path / "state") as queue:
        queue.job.parts = 2
        (item,) = queue.core.roster
        assert bytes_done(queue) == 10 * MIB
        queue.add(item.spec)
        for progress in map(queue.manager.operation, queue.core.operations):
            assert progress is None or progress.totals.bytes_done == 10 * MIB
        begun = queue.step(queue.take())
        assert begun is not None
        assert bytes_done(queue) == 10 * MIB
        queue.step(begun)
        assert bytes_done(queue) == 20 * MIB
        queue.manager.cancel(item.id)
        queue.do_all(LATER)
        assert queue.core.roster.sums.bytes_parked == 0


def test_an_item_that_is_given_out_twice_is_begun_once_and_still_waits_for_its_condition(
    queue: Quiet,
) -> None:
    queue.job.steps["begin"] = [offline()]
    (item,) = queue.add(upload("a"))
    queue.add(item.spec)
    works = [queue.take(), queue.take()]
    assert [work.kind for work in works if work is not None] == [WorkKind.BEGIN, WorkKind.BEGIN]
    for work in works:
        queue.step(work)
    assert item.state is S.WAITING
    queue.do_all(LATER)
    assert states([item]) == [S.DONE]


def test_a_pause_asked_for_in_the_last_step_holds_if_that_step_is_interrupted(queue: Quiet) -> None:
    (item,) = queue.add(upload("a"))
    finish = queue.step(queue.step(queue.take()))
    queue.manager.pause(item.id)
    queue.job.steps["finish"] = [Interrupted("odd")]
    queue.step(finish)
    queue.do_all(LATER)
    assert states([item]) == [S.PAUSED]


def test_an_operation_that_is_still_to_be_planned_outlives_the_items_it_has_so_far(tmp_path: Path) -> None:
    with quiet_at(tmp_path / "state") as queue:
        operation = queue.operation()
        queue.add(upload("a"), operation=operation)
        operation.request = DeleteRequest((LocalRef("/data"),))
        operation.is_planning = False
        queue.core.store.save_operation(
            SavedOperation(operation.id, "test", 0.0, operation.request, planned=False)
        )
        queue.do_all()
        assert len(queue.core.roster) == 0
    with quiet_at(tmp_path / "state") as queue:
        assert list(queue.core.operations) == [operation.id]
