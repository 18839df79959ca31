"""What is left, of what may still move by itself: sums stay right whatever becomes of an item."""

from __future__ import annotations

from dataclasses import replace

from engine import ItemKind, TransferState
from engine.queue.roster import Roster
from engine.transfer import Transfer
from tests.engine.queue.items import item, upload

S = TransferState


def roster_of(*transfers: Transfer) -> Roster:
    roster = Roster()
    roster.add(transfers)
    return roster


def test_what_failed_is_left_but_not_by_itself_until_it_is_tried_again() -> None:
    one = item(1, upload("one", 100))
    roster = roster_of(one, item(2, upload("two", 50)))
    roster.park(one, 30)
    roster.go(one, S.RUNNING)
    roster.go(one, S.FAILED)
    assert roster.sums.bytes_failed == roster.operations[one.operation].bytes_failed == 70
    roster.park(one, 60)
    assert roster.sums.bytes_failed == 40
    roster.go(one, S.QUEUED)
    assert roster.sums.bytes_failed == roster.operations[one.operation].bytes_failed == 0
    assert roster.sums.bytes_total == 150


def test_a_failed_item_that_is_given_up_leaves_nothing_behind() -> None:
    one = item(1, upload("one", 100))
    roster = roster_of(one)
    roster.go(one, S.RUNNING)
    roster.go(one, S.FAILED)
    roster.go(one, S.CANCELLED)
    assert (roster.sums.bytes_failed, roster.sums.bytes_total) == (0, 0)


def test_a_failed_item_whose_size_is_learnt_keeps_the_sums_right() -> None:
    one = item(1, upload("one", -1))
    roster = roster_of(one)
    roster.go(one, S.RUNNING)
    roster.go(one, S.FAILED)
    roster.respec(one, replace(one.spec, size=80))
    assert roster.sums.bytes_failed == 80
    roster.go(one, S.QUEUED)
    assert roster.sums.bytes_failed == 0


def test_deletions_move_no_bytes() -> None:
    spec = replace(upload("gone", 100), kind=ItemKind.DELETE)
    one = item(1, spec)
    roster = roster_of(one)
    assert roster.sums.bytes_total == 0
    for state in (S.RUNNING, S.FINISHING, S.DONE):
        roster.go(one, state)
    assert roster.sums.bytes_finished == 0 and roster.sums.counts[S.DONE] == 1
