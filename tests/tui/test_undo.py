"""Deletes wait before they begin, and `z` takes them back; where it cannot, it says so."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine import CountProgress, TransferState, Undone, Waiting
from tests.engine.queue import real
from tests.engine.queue.faulty import JumpingClock, running_on
from tests.servers.scripted import ScriptedS3
from tests.servers.seaweed import Seaweed
from tests.tui import example
from tests.tui.drive import left, press, running, text, told, until
from tests.tui.on_engine import on_screen
from tui.undo import UNDO_SECONDS, undone_text
from tui.waiting import waiting_text

S = TransferState


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AK")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "SK")


@pytest.fixture
def s3() -> Iterator[ScriptedS3]:
    with ScriptedS3("b") as server:
        for number in range(3):
            server.client().put_object(Bucket="b", Key=f"old/{number}", Body=b"x")
        yield server


def files_at(tmp_path: Path) -> Path:
    for name in ("a.txt", "b.txt", "empty/"):
        path = tmp_path / "files" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.mkdir() if name.endswith("/") else path.write_text("kept")
    return tmp_path / "files"


async def test_a_delete_counts_down_and_z_takes_it_back(s3: ScriptedS3, tmp_path: Path) -> None:
    files, clock = files_at(tmp_path), JumpingClock()
    with running_on(tmp_path / "state", s3.url, queue_clock=clock, delete_delay=1000.0) as engine:
        async with on_screen(engine, files) as screen:
            await screen.shows("a.txt", "b.txt")
            await screen.press("j", "j", "d", "y")
            await screen.shows("a.txt", "WAIT", "deletes in ", " · z undoes", "Deletes in 10s; z undoes it")
            clock.ahead += 995
            await screen.until(lambda text: re.search(r"deletes in [1-5]s · z undoes", text))
            await screen.press("z")
            await screen.shows("Not deleted: a.txt", "CANCEL")
            clock.ahead += 100
            await screen.press("z")
            await screen.shows("Nothing to undo: no delete")
    assert (files / "a.txt").read_text() == "kept"


async def test_a_delete_runs_when_its_time_is_over_and_z_says_that_it_is_gone(
    s3: ScriptedS3, tmp_path: Path
) -> None:
    files, clock = files_at(tmp_path), JumpingClock()
    with running_on(tmp_path / "state", s3.url, queue_clock=clock, delete_delay=1000.0) as engine:
        async with on_screen(engine, files) as screen:
            await screen.press("j", "j", "d", "y")
            await screen.shows("deletes in")
            assert (files / "a.txt").exists()
            clock.ahead += 1001
            engine.manager.set_workers(16)  # Somebody looks at the clock.
            await screen.shows("DONE")
            await screen.press("z")
            await screen.shows("a.txt was deleted already, and", "cannot be brought back")
    assert not (files / "a.txt").exists()
    assert (files / "b.txt").exists()


async def test_a_group_of_deletes_is_one_row_and_is_taken_back_as_one(s3: ScriptedS3, tmp_path: Path) -> None:
    files = files_at(tmp_path)
    with running_on(tmp_path / "state", s3.url, delete_delay=1000.0) as engine:
        async with on_screen(engine, files) as screen:
            await screen.press("a", "d", "y")
            await screen.shows("▸✕ empty/ and 2 more", "0 of 3 · deletes in ", "z undoes")
            await screen.press("z")
            await screen.shows("Not deleted: empty/ and 2 more", "0 of 3 · CANCEL 3")
    assert sorted(path.name for path in files.iterdir()) == ["a.txt", "b.txt", "empty"]


async def test_after_a_kill_a_delete_that_had_not_begun_waits_again(s3: ScriptedS3, tmp_path: Path) -> None:
    files = files_at(tmp_path)
    with running_on(tmp_path / "state", s3.url, delete_delay=1000.0) as engine:
        engine.delete(files / "a.txt")
        engine.until(lambda: engine.row("a.txt").waiting and not engine.row("a.txt").saving)
        shutil.copytree(tmp_path / "state", tmp_path / "killed")
    with running_on(tmp_path / "killed", s3.url, delete_delay=1000.0) as engine:
        waiting = engine.row("a.txt").waiting
        assert waiting is not None and waiting.reason == "undo" and waiting.seconds_left > 900
        assert engine.manager.undo_delete() == Undone(str(files / "a.txt"), kept=1)
    assert (files / "a.txt").exists()


def test_without_a_screen_nothing_is_put_off(s3: ScriptedS3, tmp_path: Path) -> None:
    files = files_at(tmp_path)
    with running_on(tmp_path / "state", s3.url) as engine:
        assert [row.state for row in engine.do(engine.delete("s3://b/old/"))] == [S.DONE]
        engine.delete(files / "a.txt")
        engine.until(lambda: engine.state("a.txt") is S.DONE)
    assert not s3.store.buckets["b"]


def test_r_begins_at_once_and_pause_stops_the_countdown(s3: ScriptedS3, tmp_path: Path) -> None:
    files = files_at(tmp_path)
    with running_on(tmp_path / "state", s3.url, delete_delay=1000.0) as engine:
        engine.delete(files / "a.txt")
        engine.delete(files / "b.txt")
        engine.until(lambda: engine.row("a.txt").waiting and engine.row("b.txt").waiting)
        engine.manager.pause(engine.row("b.txt").id)
        engine.manager.retry(engine.row("a.txt").id)
        engine.until(lambda: engine.state("a.txt") is S.DONE)
        assert engine.state("b.txt") is S.PAUSED
    assert (files / "b.txt").exists()


def test_a_bucket_with_versions_says_that_they_remain(seaweed: Seaweed, tmp_path: Path) -> None:
    bucket, client = seaweed.bucket(), seaweed.client()
    client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    client.put_object(Bucket=bucket, Key="k", Body=b"v1")
    with real.running(seaweed, tmp_path / "state") as engine:
        [row] = engine.do(engine.delete(f"s3://{bucket}/k"))
        assert row.note == "deleted; the bucket keeps its versions"
        undone = engine.manager.undo_delete()
        assert undone_text(undone) == ("k was deleted already, but its bucket keeps the versions it had")


@pytest.mark.parametrize(
    ("undone", "said"),
    [
        (Undone(), "Nothing to undo: no delete waits in the queue"),
        (Undone("/d/a", 1), "Not deleted: a"),
        (Undone("/d/a and 9 more", 3, 0, 7), "Kept 3 of a and 9 more; 7 were deleted before"),
        (
            Undone("/d/a", 2, 1),
            "Kept 2 of a; 1 stopped in their midst, what they deleted until then is gone",
        ),
        (Undone("/d/a"), "a is being deleted; x in the queue stops that"),
    ],
)
def test_undo_says_just_what_is_kept_and_what_is_gone(undone: Undone, said: str) -> None:
    assert undone_text(undone) == said


def test_the_countdown_never_says_less_than_is_left() -> None:
    assert waiting_text(Waiting("undo", "", 0.2)) == "deletes in 1s · z undoes"
    assert waiting_text(Waiting("undo", "", UNDO_SECONDS)) == "deletes in 10s · z undoes"


async def test_the_question_says_how_long_it_can_be_undone_and_what_is_in_an_empty_folder() -> None:
    manager = example.example_manager()
    manager.browser.values["count"] = CountProgress(0, 0)
    async with running(manager) as pilot:
        row = next(at for at, line in enumerate(left(pilot)) if "photos/" in line)
        await press(pilot, *"j" * row, "d")
        await until(pilot, lambda: "There is nothing in it." in text(pilot))
        assert "There is nothing in it." in text(pilot)
        assert "It begins in 10s; until then z undoes it." in " ".join(text(pilot).split())
        assert "0 files" not in text(pilot)


async def test_on_a_small_screen_a_notice_takes_the_place_of_the_one_before() -> None:
    async with running(example.example_manager()) as pilot:
        await press(pilot, "full_stop", "z")
        assert told(pilot) == ["Nothing to undo: no delete waits in the queue"]
    async with running(example.example_manager(), size=(120, 40)) as pilot:
        await press(pilot, "full_stop", "z")
        assert len(told(pilot)) == 2
