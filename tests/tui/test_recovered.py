"""What came back at the start: told in one line, seen with W, paused or discarded there, one by one or all."""

from __future__ import annotations

from pathlib import Path

from engine import Health, Location, ObjectRef, TransferId, TransferState
from tests.engine.queue.real import MIB, write
from tests.engine.queue.real import running as running_engine
from tests.servers.seaweed import Seaweed
from tests.tui import example
from tests.tui.drive import drawn, engine, press, running, text, told, until
from tui.app import S3TuiApp

S = TransferState


async def test_the_notice_names_the_key_and_the_key_shows_what_was_resumed_and_what_is_on_the_server() -> (
    None
):
    async with running(example.resumed_manager()) as pilot:
        said = drawn(pilot)[0].strip()
        assert said == "4 transfers resumed (38.6 GiB left) · W: pause or discard · Esc hides this"
        await press(pilot, "W")
        assert drawn(pilot)[:9] == [
            "╭─ Resumed at the start ───────────────────────────────────────────────────────╮",
            "│ 4 transfers resumed, 71.2 GiB left · 4 other uploads on the server, 12.5 GiB │",
            "│   ▲ dump.tar             RUN     38%  92.1M/s     5m  → s3://back…6/dump.tar │",
            "│   ▼ logs-2026-10.tgz     RUN     71%  12.3M/s  3m03s  → ~/data/lo…026-10.tgz │",
            "│   ▲ db-2026-11-2…mp.zst  WAIT    70%  retry 2/8 in 12s (503 SlowDown)        │",
            "│   ▲ 研究データ.parquet   QUEUED       3.0G            → s3://back…タ.parquet │",
            "│Incomplete uploads to s3://backups/   In the queue         Age  Parts   Bytes │",
            "│  2026/db-2026-11-22.dump.zst         waits              1h30m  1,126    8.8G │",
            "│  2026/dump.tar                       runs                  6m  2,342   18.3G │",
        ]
        await press(pilot, "escape")
        assert "~/data" in drawn(pilot)[0], "who has looked needs no notice"


async def test_a_held_queue_is_not_said_to_go_on() -> None:
    manager = example.resumed_manager()
    manager.held = True
    async with running(manager) as pilot:
        assert "4 transfers came back (38.6 GiB left), held: P lets go on" in drawn(pilot)[0]


async def test_one_is_paused_and_let_go_on_and_all_are() -> None:
    async with running(example.resumed_manager()) as pilot:
        await press(pilot, "W", "p")
        assert engine(pilot).commands == [("pause", 1)]
        assert "PAUSED" in drawn(pilot)[2] and "1 paused" in drawn(pilot)[1]
        await press(pilot, "p")
        assert engine(pilot).commands[1:] == [("resume", 1)]
        await press(pilot, "P")
        assert engine(pilot).commands[2:] == [("pause", id) for id in (1, 2, 3, 6)]
        await press(pilot, "P")
        assert engine(pilot).commands[6:] == [("resume", id) for id in (1, 2, 3, 6)]


async def test_discarding_asks_with_bytes_and_concerns_what_is_marked() -> None:
    async with running(example.resumed_manager()) as pilot:
        await press(pilot, "W", "space", "j", "space", "x")
        await until(pilot, lambda: "Discard 2 transfers?" in text(pilot))
        assert "are not moved; the sources stay as they are." in text(pilot)
        await press(pilot, "enter")
        assert engine(pilot).commands == []
        await press(pilot, "x", "y")
        await until(pilot, lambda: engine(pilot).commands == [("cancel", 1), ("cancel", 3)])
        assert "CANCEL" in drawn(pilot)[2], "what became of it stays in sight"
        await press(pilot, "X", "y")
        await until(pilot, lambda: engine(pilot).commands[2:] == [("cancel", 2), ("cancel", 6)])
        await press(pilot, "X")
        await until(pilot, lambda: told(pilot)[-1] == "That is finished already")


async def test_uploads_that_nobody_goes_on_with_are_aborted_there_too() -> None:
    async with running(example.resumed_manager()) as pilot:
        await press(pilot, "W", "G", "k", "a", "x")
        await until(pilot, lambda: "Abort 4 incomplete uploads?" in text(pilot))
        await press(pilot, "y")
        await until(pilot, lambda: told(pilot) == ["4 of 4 uploads aborted"])
        assert "other upload" not in text(pilot)


async def test_where_nothing_came_back_it_says_so() -> None:
    async with running() as pilot:
        await press(pilot, "W")
        assert "Nothing had to be resumed when this program started." in text(pilot)


async def test_two_hundred_of_many_are_listed() -> None:
    manager = example.resumed_manager()
    ids = [manager.add(f"f-{number}", S.QUEUED).id for number in range(300)]
    manager.came_back, manager.health = tuple(ids), Health(recovered=300)
    async with running(manager) as pilot:
        await press(pilot, "W")
        assert "200 of 300 transfers resumed" in drawn(pilot)[1]
        await press(pilot, "G")
        assert "The first of them are listed; the queue (w) has all" in text(pilot)
        await press(pilot, "P")
        assert [id for _, id in manager.commands] == ids, "all means all"


async def test_on_a_real_server_an_interrupted_upload_comes_back_and_is_discarded(
    seaweed: Seaweed, bucket: str, tmp_path: Path
) -> None:
    with running_engine(seaweed, tmp_path / "state", workers=1, upload_limit=10 * MIB) as first:
        first.copy(write(tmp_path / "big", 24 * MIB), f"s3://{bucket}/big", part_size=5 * MIB)
        first.until(lambda: first.row("big").parts_done >= 1)
    with running_engine(seaweed, tmp_path / "state", start=False, upload_limit=64 * 1024) as real:
        assert [row.id for row in real.manager.resumed(10)] == [TransferId(2)]
        there = Location(ObjectRef(bucket), real.profile.connection_id)
        app = S3TuiApp(real.manager, left=None, right=there)
        async with app.run_test(size=(80, 24)) as pilot:
            await until(pilot, lambda: "1 transfer resumed (" in text(pilot))
            await pilot.press("W")
            await until(pilot, lambda: "RUN" in drawn(pilot)[2] and "runs" in drawn(pilot)[4])
            await pilot.press("p")
            await until(pilot, lambda: "PAUSED" in drawn(pilot)[2] and "paused" in drawn(pilot)[4])
            await pilot.press("x")
            await until(pilot, lambda: "Discard 1 transfer?" in text(pilot))
            await pilot.press("y")
            await until(pilot, lambda: "CANCEL" in drawn(pilot)[2])
            real.until(lambda: real.manager.is_tidy)
    assert seaweed.client().list_multipart_uploads(Bucket=bucket).get("Uploads") is None
