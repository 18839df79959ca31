"""Plans: what goes into which class, what is chosen of them, and what the real server's contents prove."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from engine.browser import Browser
from engine.model import (
    ConflictPolicy,
    DeleteRequest,
    Facts,
    ItemKind,
    LocalRef,
    ObjectRef,
    TransferOptions,
    TransferRequest,
    TransferSpec,
    Verified,
)
from engine.planning import plan as plans
from engine.planning.plan import Plan, PlanChoice, PlanClass
from engine.planning.sameness import at_first_sight
from engine.s3.connection import Connection, Connections
from tests.engine.asking import ended
from tests.servers.seaweed import Seaweed

C = PlanClass
P = ConflictPolicy


@pytest.fixture
def browser(connections: Connections, connection: Connection) -> Iterator[Browser]:
    with closing(Browser(connections)) as browser:
        yield browser


def request(connection: Connection, source: object, target: object, **options: object) -> TransferRequest:
    def place(text: object) -> LocalRef | ObjectRef:
        bucket, _, key = str(text).removeprefix("s3://").partition("/")
        return ObjectRef(bucket, key) if str(text).startswith("s3://") else LocalRef(str(text))

    return TransferRequest((place(source),), place(target), connection.id, TransferOptions(**options))  # type: ignore[arg-type]


def planned(browser: Browser, asked: TransferRequest, *, extras: bool = False) -> Plan:
    answer = ended(browser, browser.plan_ahead(asked, extras=extras))
    assert answer.problem is None
    assert isinstance(answer.value, Plan)
    return answer.value


def names(plan: Plan, what: PlanClass) -> list[str]:
    return [str(row.spec.source).rpartition("/")[2] for row in plan.rows(what)]


def write(folder: Path, **files: str) -> None:
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text)


def spec(name: str, size: int = 10) -> TransferSpec:
    return TransferSpec(
        ItemKind.UPLOAD, LocalRef(f"/d/{name}"), ObjectRef("b", name), None, TransferOptions(), size
    )


# -- choosing: no server ---------------------------------------------------------------------------


def example() -> Plan:
    plan = Plan(TransferRequest((LocalRef("/d/"),), ObjectRef("b"), "c", TransferOptions()))  # type: ignore[arg-type]
    plan.add(spec("new", 1), C.NEW)
    plan.add(spec("new2", 2), C.NEW)
    plan.add(spec("same", 4), C.SAME, proof=Verified.CRC)
    plan.add(spec("other", 8), C.DIFFERS, "size")
    plan.add(spec("unseen", 16), C.UNTESTED)
    plan.add(spec("bad", 32), C.REFUSED, "unsafe-name")
    plan.add(spec("extra", 64), C.EXTRA)
    plan.end_scan()
    return plan


def test_each_class_moves_by_what_was_chosen_for_it() -> None:
    plan = example()
    found = {each.source: each.options for each in plan.chosen(PlanChoice(differs=P.RENAME))}
    assert {str(name): options.on_conflict for name, options in found.items()} == {
        "/d/new": P.ASK,
        "/d/new2": P.ASK,
        "/d/other": P.RENAME,
        "/d/unseen": P.RENAME,
    }
    assert plan.deletions() is None, "nothing is deleted that was not ticked"
    again = plan.chosen(PlanChoice(new=False, differs=None, same=P.OVERWRITE))
    assert {str(each.source): each.options.skip_identical for each in again} == {
        "/d/same": False,
        "/d/unseen": True,
    }


def test_what_is_unticked_is_neither_moved_nor_counted() -> None:
    plan, choice = example(), PlanChoice()
    assert plan.cost(choice) == plans.PlanCost(4, 1 + 2 + 8 + 16, 4)
    plan.tick(C.NEW, 1)
    assert plan.cost(choice) == plans.PlanCost(3, 1 + 8 + 16, 3)
    assert "/d/new2" not in {str(each.source) for each in plan.chosen(choice)}
    plan.tick_all(C.NEW, False)
    assert plan.tally().counts[C.NEW].left_out == 2
    plan.tick_all(C.NEW, True)
    assert plan.cost(choice).items == 4


def test_of_a_move_what_is_there_already_costs_no_bytes() -> None:
    plan = example()
    assert plan.cost(PlanChoice(same=P.SKIP)) == plans.PlanCost(5, 1 + 2 + 8 + 16, 5)
    assert plan.cost(PlanChoice(same=P.OVERWRITE)) == plans.PlanCost(5, 1 + 2 + 4 + 8 + 16, 5)


def test_deletions_are_those_that_were_ticked() -> None:
    plan = example()
    plan.tick(C.EXTRA, 0)
    assert plan.deletions() == DeleteRequest((ObjectRef("b", "extra"),), "c")  # type: ignore[arg-type]
    assert plan.cost(PlanChoice()).deletions == 1


def test_a_verdict_moves_an_item_to_its_class_with_its_tick() -> None:
    plan = example()
    plan.tick(C.UNTESTED, 0)
    untested = plan.next_untested()
    assert untested is not None
    plan.settle(untested, C.SAME, proof=Verified.ETAG)
    tally = plan.tally()
    assert C.UNTESTED not in tally.counts
    assert (tally.counts[C.SAME].items, tally.counts[C.SAME].left_out) == (2, 1)
    assert tally.proofs == {Verified.CRC: 1, Verified.ETAG: 1}
    assert plan.next_untested() is None


def test_what_cannot_be_compared_stays_so_and_is_looked_at_once() -> None:
    plan = example()
    plan.tick(C.UNTESTED, 0)
    untested = plan.next_untested()
    assert untested is not None
    plan.settle(untested, C.UNTESTED, "access-denied")
    assert plan.next_untested() is None
    (row,) = plan.rows(C.UNTESTED)
    assert (row.why, row.is_chosen, plan.row_count(C.UNTESTED)) == ("access-denied", False, 1)
    assert plan.tally().counts[C.UNTESTED] == plans.PlanCount(1, 16, 1)


def test_a_plan_that_is_too_long_keeps_its_sums_and_becomes_a_request(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(plans, "MOST_PLANNED", 3)
    plan = example()
    assert plan.tally().is_too_long
    assert plan.cost(PlanChoice()).items == 4
    assert plan.row_count(C.NEW) == 0
    asked = plan.as_request(PlanChoice(differs=None, same=P.OVERWRITE))
    assert (asked.options.on_conflict, asked.options.skip_identical) == (P.SKIP, False)


def test_a_folder_that_is_there_is_the_same_and_another_size_differs() -> None:
    marker = TransferSpec(
        ItemKind.UPLOAD,
        LocalRef("/d/e/"),
        ObjectRef("b", "e/"),
        None,
        TransferOptions(),
        0,
        target_facts=Facts(0),
        target_was_listed=True,
    )
    assert at_first_sight(marker).what is C.SAME


# -- the real server -------------------------------------------------------------------------------


def test_an_upload_is_sorted_into_new_identical_differing_and_impossible(
    browser: Browser, connection: Connection, seaweed: Seaweed, bucket: str, tmp_path: Path
) -> None:
    here = tmp_path / "d"
    write(here, new="1", same="content", size="long", content="abcd")
    os.mkfifo(here / "pipe")
    for key, body in (("same", b"content"), ("size", b"other"), ("content", b"abce")):
        seaweed.client().put_object(Bucket=bucket, Key=f"p/{key}", Body=body)
    plan = planned(browser, request(connection, f"{here}/", f"s3://{bucket}/p/"))
    assert {what: names(plan, what) for what in C if plan.row_count(what)} == {
        C.NEW: ["new"],
        C.SAME: ["same"],
        C.DIFFERS: ["size", "content"],
        C.REFUSED: ["pipe"],
    }
    assert [row.why for row in plan.rows(C.DIFFERS)] == ["size", "content"]
    assert plan.rows(C.SAME)[0].proof in (Verified.CRC, Verified.ETAG)
    tally = plan.tally()
    assert tally.scanned
    assert tally.compared
    assert plan.cost(PlanChoice()) == plans.PlanCost(3, 1 + 4 + 4, 3)


def test_a_download_and_a_copy_prove_what_is_there_already(
    browser: Browser, connection: Connection, seaweed: Seaweed, bucket: str, tmp_path: Path
) -> None:
    write(tmp_path / "d", same="content", other="abcd")
    client = seaweed.client()
    for prefix in ("p/", "q/"):
        client.put_object(Bucket=bucket, Key=f"{prefix}same", Body=b"content")
    client.put_object(Bucket=bucket, Key="p/other", Body=b"abce")
    client.put_object(Bucket=bucket, Key="q/other", Body=b"abcf")
    for target in (f"{tmp_path}/d/", f"s3://{bucket}/q/"):
        plan = planned(browser, request(connection, f"s3://{bucket}/p/", target))
        assert names(plan, C.SAME) == ["same"]
        assert names(plan, C.DIFFERS) == ["other"]


def test_a_sync_finds_what_is_only_at_the_target_but_not_below_what_could_not_be_read(
    browser: Browser, connection: Connection, seaweed: Seaweed, bucket: str, tmp_path: Path
) -> None:
    here = tmp_path / "d"
    write(here, mine="1")
    (tmp_path / "elsewhere").mkdir()
    (here / "link").symlink_to(tmp_path / "elsewhere")
    for key in ("mine", "old", "sub/older", "link/kept"):
        seaweed.client().put_object(Bucket=bucket, Key=f"p/{key}", Body=b"1")
    plan = planned(browser, request(connection, f"{here}/", f"s3://{bucket}/p/"), extras=True)
    assert sorted(names(plan, C.EXTRA)) == ["old", "older"]
    assert plan.deletions() is None
    back = planned(browser, request(connection, f"s3://{bucket}/p/", f"{here}/"), extras=True)
    assert names(back, C.EXTRA) == []


def test_a_plan_is_there_at_once_and_what_cannot_be_read_is_a_problem(
    browser: Browser, connection: Connection, tmp_path: Path
) -> None:
    write(tmp_path / "d", a="1")
    answer = ended(browser, browser.plan_ahead(request(connection, f"{tmp_path}/d/", "s3://never-made/p/")))
    assert answer.problem is not None
    assert answer.problem.code == "no-such-bucket"
    assert isinstance(answer.value, Plan)
    assert not answer.value.tally().scanned
