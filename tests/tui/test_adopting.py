"""Going on with an incomplete upload from the screen: the file is offered, compared, and queued after one question."""

from __future__ import annotations

from pathlib import Path

from engine import Adoptable, LocalRef, Location, MatchProgress, ObjectRef, Problem, TransferState
from engine.model import ConfirmedPart, SourceIdentity
from tests.engine.queue.real import MIB, write
from tests.engine.queue.real import running as running_engine
from tests.servers.seaweed import Seaweed
from tests.tui import example
from tests.tui.drive import engine, press, running, text, told, until
from tests.tui.fake_engine import FakeManager
from tui.app import S3TuiApp


def adoptable(path: str, upload_id: str) -> Adoptable:
    """Three of seven parts are there."""
    size, part = 50 * MIB, 8 * MIB
    parts = tuple(ConfirmedPart(number, part, 1, "etag") for number in (1, 2, 3))
    identity = SourceIdentity(1, 2, size, 0, 0)
    ref = ObjectRef("backups", "2026/november/photos-a.tar")
    return Adoptable(example.PROD.connection_id, ref, upload_id, path, identity, 0.0, part, "full", parts)


def with_match(value: MatchProgress | Problem) -> FakeManager:
    manager = example.example_manager()
    manager.browser.values["match"] = value
    return manager


async def test_the_file_of_the_same_name_in_the_other_pane_is_offered_and_queued_after_one_question() -> None:
    found = adoptable("/home/ann/data/photos-a.tar", "id of 2026/november/photos-a.tar")
    async with running(with_match(MatchProgress(24 * MIB, 24 * MIB, found))) as pilot:
        await press(pilot, "tab", "U", "j", "j", "c")
        await until(pilot, lambda: "File that photos-a.tar was begun with" in text(pilot))
        assert "~/data/photos-a.tar" in text(pilot)
        await press(pilot, "enter")
        await until(pilot, lambda: "Go on with this upload?" in text(pilot))
        assert "3 of 7 parts are there and equal to the file: 24 MiB." in text(pilot)
        assert "26 MiB are still to be sent." in text(pilot)
        assert engine(pilot).commands == []
        await press(pilot, "y")
        await until(pilot, lambda: told(pilot) == ["Queued: it goes on by itself (w shows it)"])
        assert engine(pilot).commands == [("adopt", found.path, found.upload_id)]
        asked = [subject for kind, subject in engine(pilot).browser.asked if kind == "match"]
        where = Location(ObjectRef("backups", "2026/november/photos-a.tar"), example.PROD.connection_id)
        assert asked == [(where, found.upload_id, found.path)]


async def test_what_differs_is_told_and_nothing_is_queued() -> None:
    why = "the upload is not surely of this file (part 2 holds other bytes)"
    problem = Problem("go on with x", why, "Choose the file that it was begun with.", False, "upload-differs")
    async with running(with_match(problem)) as pilot:
        await press(pilot, "tab", "U", "j", "j", "c", "enter")
        await until(pilot, lambda: bool(told(pilot)))
        assert "part 2 holds other bytes" in told(pilot)[0]
        assert engine(pilot).commands == []


async def test_an_upload_of_the_queue_needs_no_file_and_escape_asks_nothing_further() -> None:
    async with running() as pilot:
        await press(pilot, "tab", "U", "c")
        await until(pilot, lambda: told(pilot) == ["An item of the queue goes on with it already"])
        await press(pilot, "j", "j", "c", "escape")
        assert "Incomplete uploads to" in text(pilot)
        assert [kind for kind, _ in engine(pilot).browser.asked if kind == "match"] == []


async def test_on_a_real_server_an_upload_of_another_program_is_adopted_and_becomes_the_object(
    seaweed: Seaweed, bucket: str, tmp_path: Path
) -> None:
    path, client = write(tmp_path / "files" / "big.tar", 20 * MIB), seaweed.client()
    id = client.create_multipart_upload(Bucket=bucket, Key="big.tar")["UploadId"]
    for number in (1, 2):
        piece = path.read_bytes()[(number - 1) * 6 * MIB : number * 6 * MIB]
        client.upload_part(Bucket=bucket, Key="big.tar", UploadId=id, PartNumber=number, Body=piece)
    with running_engine(seaweed, tmp_path / "state", start=False) as real:
        here = Location(LocalRef(f"{tmp_path}/files/"))
        there = Location(ObjectRef(bucket), real.profile.connection_id)
        app = S3TuiApp(real.manager, left=here, right=there)
        async with app.run_test(size=(80, 24)) as pilot:
            await pilot.press("tab", "U")
            await until(pilot, lambda: "1 upload, 12 MiB that are billed" in text(pilot))
            await pilot.press("c")
            await until(pilot, lambda: "File that big.tar was begun with" in text(pilot))
            await pilot.press("enter")
            await until(pilot, lambda: "2 of 4 parts are there and equal to the file: 12 MiB." in text(pilot))
            await pilot.press("y")
            await until(pilot, lambda: bool(real.manager.snapshot().rows))
            real.until(lambda: real.state("big.tar") is TransferState.DONE)
            assert real.row("big.tar").note == "goes on from 2 of 4 parts"
            await until(pilot, lambda: "no incomplete uploads" in text(pilot))
    assert client.get_object(Bucket=bucket, Key="big.tar")["Body"].read() == path.read_bytes()
