"""What the queue says of items that do not move, and what its keys mean there."""

from __future__ import annotations

import pytest

from engine import (
    ItemKind,
    OperationId,
    Outcome,
    TransferDetail,
    TransferId,
    TransferSnapshot,
    TransferState,
)
from tests.tui.drive import engine, main, press, running, told
from tui import keys
from tui.screens.transfer_text import transfer_lines
from tui.widgets.transfer_rows import spans

S = TransferState
MIB = 1024**2


def item(state: TransferState, **facts: object) -> TransferSnapshot:
    known: dict[str, object] = {"size": 15, "bytes_done": 15, "parts": 1, **facts}
    return TransferSnapshot(
        TransferId(1),
        OperationId(1),
        ItemKind.UPLOAD,
        state,
        "/d/a.txt",
        "s3://b/a.txt",
        **known,  # type: ignore[arg-type]
    )


def said(row: TransferSnapshot, *, held: bool = False) -> dict[str, str]:
    detail = TransferDetail(row, 8 * MIB, (), 0, None, None, 0.0, "")
    return dict(transfer_lines(detail, held=held))


def test_a_skipped_item_is_not_said_to_be_moved() -> None:
    row = item(S.DONE, outcome=Outcome.SKIPPED)
    line = "".join(text for text, _ in spans(row, 80))
    assert "SKIP" in line and "DONE" not in line and "%" not in line
    assert said(row)["Moved"] == "nothing" and "Confirmed" not in said(row)


def test_of_a_cancelled_item_nothing_is_left_and_nothing_will_be_verified() -> None:
    lines = said(item(S.CANCELLED, size=200 * MIB, bytes_done=22 * MIB))
    assert lines["Moved"] == "nothing" and "Verified" not in lines


def test_a_failed_item_counts_no_tries_that_it_had_not() -> None:
    lines = said(item(S.FAILED, bytes_done=0))
    assert "Failed tries" not in lines and "more part" not in " ".join(lines.values())


def test_a_finished_item_says_how_long_it_took_and_how_fast_it_was() -> None:
    lines = said(item(S.DONE, outcome=Outcome.TRANSFERRED, size=80 * MIB, bytes_done=80 * MIB, elapsed=8.0))
    assert lines["Took"] == "8s" and lines["Speed"] == "10.0 MiB/s on average"


def test_a_queued_item_says_that_all_is_paused() -> None:
    assert said(item(S.QUEUED), held=True)["State"] == "queued: all is paused, P lets it go on"
    assert said(item(S.QUEUED))["State"] == "queued"


async def test_x_on_a_finished_item_clears_nothing() -> None:
    async with running() as pilot:
        await press(pilot, "w", "6")
        before = len(engine(pilot).finished)
        await press(pilot, "x")
        assert before and len(engine(pilot).finished) == before
        assert told(pilot)[-1] == "It is over: C takes all that is finished off the list"


@pytest.mark.parametrize("id", ["queue.answer", "queue.cancel"])
async def test_a_key_means_nothing_where_it_does_nothing(id: str) -> None:
    async with running() as pilot:
        await press(pilot, "w", "6")
        assert main(pilot).meaning(keys.action(id)) is None
        assert main(pilot).meaning(keys.action("app.queue")) is not None
