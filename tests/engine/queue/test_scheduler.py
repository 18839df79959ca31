"""What comes next, and what never stands in the way of what."""

from __future__ import annotations

import random

import pytest

from engine.errors import Condition
from engine.model import TransferState
from engine.scheduler import Scheduler, Work, WorkKind
from engine.transfer import IllegalTransition, Transfer
from tests.engine.queue.items import HERE, THERE, download, item, large, run, upload
from tests.engine.queue.real import MIB

S = TransferState


def scheduler(workers: int = 8, active: int = 2) -> Scheduler:
    return Scheduler(workers, active, random.Random(1))


def begun(scheduler: Scheduler, now: float = 0.0) -> list[int]:
    """Ids of all items that may begin now, each started with parts."""
    ids = []
    while (work := scheduler.take(now)) is not None and work.kind is WorkKind.BEGIN:
        assert work.transfer is not None
        run(scheduler, work.transfer)
        ids.append(int(work.transfer.id))
    return ids


def moved(scheduler: Scheduler, count: int, now: float = 0.0) -> list[tuple[int, int]]:
    """Item and part number of the coming parts."""
    taken = []
    for _ in range(count):
        work = scheduler.take(now)
        if work is None or work.transfer is None or work.part is None:
            break
        taken.append((int(work.transfer.id), work.part.number))
    return taken


def offline(connection: str = HERE) -> Condition:
    return Condition("offline", ("endpoint", connection), detail="connection refused")


def test_items_begin_in_the_order_of_their_rank() -> None:
    queue = scheduler()
    for number in (3, 1, 2):
        queue.ready(item(number))
    assert begun(queue) == [1, 2, 3]


def test_no_more_large_items_than_allowed_are_under_way() -> None:
    queue = scheduler(active=2)
    for number in range(1, 6):
        queue.ready(large(number))
    work = [queue.take(0.0), None]
    assert work[0] is not None
    assert work[0].transfer is not None
    run(queue, work[0].transfer)
    assert begun(queue) == [2]


def test_small_items_pass_large_ones_that_wait_for_room() -> None:
    queue = scheduler(workers=4, active=1)
    for number in (1, 2):
        queue.ready(large(number))
    for number in (3, 4, 5):
        queue.ready(item(number))
    assert begun(queue) == [1, 3, 4], "half of the workers are left to the large item"


def test_parts_are_given_out_in_turn() -> None:
    queue = scheduler()
    run(queue, large(1))
    run(queue, large(2))
    assert moved(queue, 6) == [(1, 1), (2, 1), (1, 2), (2, 2), (1, 3), (2, 3)]
    assert queue.take(0.0) is None


def test_a_paused_item_does_not_hold_up_those_behind_it() -> None:
    queue = scheduler()
    first, second = item(1), item(2)
    queue.ready(first)
    queue.ready(second)
    first.go(S.PAUSED)
    assert begun(queue) == [2]


def test_nothing_is_given_out_while_the_queue_is_held_but_chores_are() -> None:
    queue = scheduler()
    queue.ready(item(1))
    run(queue, large(2))
    queue.held = True
    queue.chore(Work(WorkKind.CLOSE, item(3)))
    chore = queue.take(0.0)
    assert chore is not None
    assert chore.kind is WorkKind.CLOSE
    assert queue.take(0.0) is None
    queue.held = False
    assert queue.take(0.0) is not None


def test_a_delayed_part_comes_when_its_time_has_come_and_not_before() -> None:
    queue = scheduler()
    current = run(queue, large(1), parts=1)
    part = current.pending.popleft()
    current.delay(part, 5.0)
    assert queue.take(4.9) is None
    assert queue.next_due(4.0) == 5.0
    assert moved(queue, 1, now=5.0) == [(1, 1)]


def test_items_of_an_endpoint_that_is_out_of_reach_wait_and_others_go_on() -> None:
    queue = scheduler(active=4)
    lost = large(1)
    run(queue, lost)
    queue.block(offline(), lost, 0.0)
    queue.stopped(lost)
    queue.ready(item(2))
    queue.ready(item(3, upload("c", connection=THERE)))
    assert begun(queue) == [3]


def test_one_item_at_a_time_tries_whether_an_endpoint_is_back() -> None:
    queue = scheduler()
    waiting: list[Transfer] = [item(1), item(2)]
    for transfer in waiting:
        transfer.go(S.WAITING)
        blockade = queue.block(offline(), transfer, 0.0)
        blockade.items[transfer.id] = transfer
    due = queue.next_due(0.0)
    assert due is not None
    assert due > 0.0
    assert queue.take(due - 0.01) is None
    probe = queue.take(due)
    assert probe is not None
    assert probe.transfer is waiting[0]
    assert queue.take(due + 100.0) is None, "the other waits for the answer"
    assert queue.unblock(waiting[0]) == [waiting[1]]
    assert not queue.blockades


def test_waits_grow_while_a_condition_lasts() -> None:
    queue = scheduler()
    transfer = item(1)
    blockade = queue.block(offline(), transfer, 0.0)
    waits = [blockade.until]
    for _ in range(8):
        now = blockade.until
        queue.block(offline(), transfer, now)
        waits.append(blockade.until - now)
    assert waits[3] > waits[0]
    assert max(waits) <= 30.0


def test_a_full_disk_holds_up_only_what_is_written_to_it() -> None:
    queue = scheduler()
    full = item(1, download("a", root="/full"))
    queue.block(Condition("disk-full", ("disk", "7")), full, 0.0)
    queue.ready(item(2, download("b", root="/full")))
    queue.ready(item(3, download("c", root="/free")))
    queue.ready(item(4))
    assert begun(queue) == [3, 4]


def test_a_busy_server_is_asked_for_half_as_much_and_slowly_for_more_again() -> None:
    queue = scheduler(workers=8, active=4)
    for _number in range(1, 9):
        queue.ceilings.entered(HERE)
    queue.ceilings.is_busy(HERE, 0.0)
    for _number in range(8):
        queue.ceilings.left(HERE)
    run(queue, large(1), parts=20)
    taken = 0
    while queue.take(0.0) is not None:
        queue.ceilings.entered(HERE)
        taken += 1
    assert taken == 4
    assert queue.take(2.1) is not None
    assert queue.take(60.0) is not None


def test_an_item_with_a_new_rank_begins_at_its_new_place() -> None:
    queue = scheduler()
    first, second = item(1), item(2)
    queue.ready(first)
    queue.ready(second)
    second.rank = 1
    queue.ready(second)
    assert begun(queue) == [2, 1]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (S.PAUSED, S.RUNNING),
        (S.FAILED, S.PAUSED),
        (S.DONE, S.QUEUED),
        (S.QUEUED, S.DONE),
        (S.CANCELLED, S.QUEUED),
    ],
)
def test_an_illegal_change_of_state_raises(before: TransferState, after: TransferState) -> None:
    transfer = item(1)
    transfer.state = before
    with pytest.raises(IllegalTransition):
        transfer.go(after)


@pytest.mark.parametrize(
    ("rate", "under_way"), [(None, 6), (64 * MIB, 6), (MIB, 2), (100 * 1024, 1)], ids=str
)
def test_a_low_rate_limit_lets_few_parts_move_at_a_time_so_that_they_are_confirmed(
    rate: int | None, under_way: int
) -> None:
    queue = scheduler(active=2)
    queue.rate = lambda kind: rate
    for number in (1, 2):
        run(queue, large(number))
    first = moved(queue, 8)
    assert len(first) == under_way
    done = next(item for item in queue.active if item.id == first[0][0])
    assert done.run is not None
    del done.run.in_hand[first[0][1]]
    assert len(moved(queue, 8)) == (under_way < 6), "one more for the one that is done"
