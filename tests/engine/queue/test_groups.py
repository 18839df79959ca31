"""Operations as groups of the queue: order, windows and sums, without walking through what is queued."""

from __future__ import annotations

import random

import pytest

from engine.model import OperationId, TransferId, TransferState
from engine.queue import groups, ranked
from engine.queue.groups import Groups
from engine.queue.labels import label_of, split_label
from engine.queue.ranked import Ranked
from engine.queue.roster import RANK_STEP, Roster
from engine.snapshot import TransferSnapshot, View
from engine.transfer import Transfer
from tests.engine.queue.items import upload

S = TransferState


def test_ranked_entries_stay_in_order_whatever_comes_and_goes() -> None:
    rng, held = random.Random(7), Ranked()
    plain: set[tuple[int, TransferId]] = set()
    for step in range(6000):
        entry = (rng.randrange(4000), TransferId(rng.randrange(3)))
        if entry in plain:
            plain.remove(entry)
            held.remove(entry)
        else:
            plain.add(entry)
            held.add(entry)
        if step % 500 == 0:
            ordered = sorted(plain)
            first = rng.randrange(len(ordered))
            assert list(held) == ordered
            assert held.window(first, 40) == ordered[first : first + 40]
            assert (held.first, held.last, len(held)) == (ordered[0], ordered[-1], len(ordered))
            assert [held.index(entry) for entry in ordered] == list(range(len(ordered)))
    with pytest.raises(KeyError):
        held.remove((-1, TransferId(1)))


def queue(*sizes: int) -> Roster:
    """Operations of so many items, one after the other; the first is number 1001."""
    roster, number = Roster(), 0
    for at, size in enumerate(sizes):
        transfers = []
        for _ in range(size):
            number += 1
            spec = upload(f"{at}/{number}", 10)
            transfers.append(Transfer(TransferId(number), OperationId(1001 + at), spec, number * RANK_STEP))
        roster.add(transfers)
    return roster


def row_of(transfer: Transfer) -> TransferSnapshot:
    spec = transfer.spec
    return TransferSnapshot(
        transfer.id, transfer.operation, spec.kind, transfer.state, str(spec.source), str(spec.target), 10
    )


def end(roster: Roster, id: int, state: TransferState = S.DONE) -> None:
    transfer = roster.items[TransferId(id)]
    for step in (S.RUNNING, S.FINISHING) if state is S.DONE else ():
        roster.go(transfer, step)
    roster.go(transfer, state)
    roster.finish([(transfer, row_of(transfer))])


def shown(roster: Roster, *opened: int, first: int = 0, count: int = 50) -> list[str]:
    """``G`` and the number for a group, the number of an item, indented below its group."""
    lines, total = roster.groups.window(first, count, {OperationId(id) for id in opened})
    said = []
    for line in lines:
        item = line.item if line.row is None else line.row.id
        said.append(f"G{line.group.id - 1000}" if item is None else f"{' ' if line.is_child else ''}{item}")
    assert (first, count) != (0, 50) or total == len(said)
    return said


def test_an_operation_of_one_item_is_a_plain_row_and_others_open() -> None:
    roster = queue(3, 1, 2)
    assert shown(roster) == ["G1", "4", "G3"]
    assert shown(roster, 1001, 1003) == ["G1", " 1", " 2", " 3", "4", "G3", " 5", " 6"]
    assert shown(roster, 1001, 1002, 77) == ["G1", " 1", " 2", " 3", "4", "G3"]


def test_what_ended_goes_below_and_a_group_ends_with_its_last_item() -> None:
    roster = queue(3, 1, 2)
    end(roster, 1)
    end(roster, 4)
    assert shown(roster, 1001) == ["G1", " 2", " 3", " 1", "G3", "4"]
    end(roster, 2, S.CANCELLED)
    end(roster, 3)
    assert shown(roster, 1001) == ["G3", "G1", " 3", " 2", " 1", "4"]
    roster.clear_finished()
    assert shown(roster, 1001) == ["G3"]


def test_every_window_is_a_piece_of_the_whole() -> None:
    roster = queue(3, 1, 2, 1, 5)
    for id in (1, 4, 5, 6):
        end(roster, id)
    whole = shown(roster, 1001, 1003, 1005)
    for first in range(len(whole) + 2):
        for count in range(len(whole) + 2):
            window = shown(roster, 1001, 1003, 1005, first=first, count=count)
            assert window == whole[first : first + count]


def test_a_group_stands_where_its_first_unfinished_item_does() -> None:
    roster = queue(2, 1, 2)
    roster.rerank(roster.items[TransferId(5)], -5)
    assert shown(roster, 1003) == ["G3", " 5", " 4", "G1", "3"]
    assert [item.id for item in roster.items_of(OperationId(1003))] == [5, 4]


def test_the_oldest_finished_rows_leave_their_groups_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.queue.roster.MOST_FINISHED", 3)
    roster = queue(3, 2)
    roster.finished = type(roster.finished)(maxlen=3)
    for id in range(1, 6):
        end(roster, id)
    assert shown(roster, 1001, 1002) == ["G2", " 5", " 4", "G1", " 3"]


@pytest.mark.parametrize("seed", range(4))
def test_groups_views_and_search_agree_with_a_walk_through_all(seed: int) -> None:
    rng = random.Random(seed)
    roster = queue(*(rng.choice((1, 1, 2, 30)) for _ in range(40)))
    roster.window(View.ALL, "data/3", 0, 1)
    for step in range(400):
        transfer = rng.choice(list(roster.items.values()))
        choice = rng.randrange(4)
        if choice == 0 and transfer.state is S.QUEUED:
            end(roster, transfer.id)
        elif choice == 1 and transfer.state in (S.QUEUED, S.PAUSED):
            roster.go(transfer, S.PAUSED if transfer.state is S.QUEUED else S.QUEUED)
        else:
            index = rng.randrange(len(roster))
            roster.place(transfer, index)
            assert roster.index_of(transfer) == index
        if step % 40:
            continue
        order = sorted(roster.items.values(), key=lambda item: (item.rank, item.id))
        assert list(roster) == order
        paused = [item for item in order if item.state is S.PAUSED]
        assert roster.window(View.WAITING, "", 3, 9) == (paused[3:12], len(paused))
        found = [item for item in order if "data/3" in str(item.spec.source)]
        assert roster.window(View.ALL, "data/3", 0, 9) == (found[:9], len(found))
        heads = list(dict.fromkeys(item.operation for item in order))
        lines, _ = roster.groups.window(0, len(heads), ())
        assert [line.group.id for line in lines] == heads


def test_looking_at_a_hundred_thousand_items_costs_what_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    roster = queue(50_000, 1, 49_999)
    made = 0

    def counted(*args: object, **facts: object) -> groups.Line:
        nonlocal made
        made += 1
        return line(*args, **facts)  # type: ignore[arg-type]

    line = groups.Line
    monkeypatch.setattr(groups, "Line", counted)
    monkeypatch.setattr(Ranked, "__iter__", None)
    opened = {OperationId(1001), OperationId(1003)}
    lines, total = roster.groups.window(70_000, 20, opened)
    assert (len(lines), total) == (20, 100_002)
    assert made <= 22, "more lines were made than are seen"
    assert max(map(len, roster._order._pieces)) <= 2 * ranked._PIECE


def test_what_was_asked_for_is_named_with_how_many_there_are() -> None:
    from engine.model import ConnectionId, DeleteRequest, LocalRef, ObjectRef, TransferRequest

    sources = (LocalRef("/d/a to b"), LocalRef("/d/c"), LocalRef("/d/e"))
    label = label_of(TransferRequest(sources, ObjectRef("b", "x/"), ConnectionId("p@e")))
    assert label == "upload /d/a to b and 2 more to s3://b/x/"
    assert split_label(label) == ("/d/a to b and 2 more", "s3://b/x/")
    assert split_label(label_of(DeleteRequest(sources[:1]))) == ("/d/a to b", "")


def test_groups_forget_what_they_no_longer_show() -> None:
    held = Groups()
    held.add(OperationId(1), (1, TransferId(5)))
    row = row_of(Transfer(TransferId(5), OperationId(1), upload("x"), 1))
    held.finish([((1, TransferId(5)), row)])
    held.clear({OperationId(1)})
    assert held.get(OperationId(1)) is None and held.window(0, 9, ()) == ([], 0)
