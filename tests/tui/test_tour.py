"""An hour's real work in one go: the program itself on a terminal of 80x24, a real server, and keys alone."""

from __future__ import annotations

import base64
import os
import re
import signal
from collections.abc import Callable
from pathlib import Path
from urllib.request import urlopen

import pytest

from tests.servers.seaweed import SECRET_KEY, Seaweed
from tests.survival.program import Program
from tests.tui.terminal import Session, on_a_terminal
from tests.tui.tour_files import BIG, COUNT, ONLY_THERE, OTHER, SAME, Files, sums_below

PATIENCE = 120.0
"""Seconds; a start and a copy of all take a few."""
BEFORE = b"what stood here before"


@pytest.mark.fault(38)
def test_an_hours_work_with_a_kill_in_its_middle_ends_with_identical_bytes_and_nothing_left(
    seaweed: Seaweed, bucket: str, tmp_path: Path
) -> None:
    seaweed.client().put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    files = Files(seaweed, bucket, tmp_path / "work")
    files.make()
    program = Program(seaweed, tmp_path / "home", seaweed.url)
    with on_a_terminal((".", f"s3://{bucket}/"), program.env, files.folder.parent) as screen:
        browse_and_filter(screen)
        plan_and_copy(screen)
        pause_one_and_kill(screen, files)
    assert {item["state"] for item in program.status()} == {"paused", "queued"}
    with on_a_terminal((".", f"s3://{bucket}/"), program.env, files.folder.parent) as screen:
        recover(screen)
        there = files.there()
        assert len(there) == COUNT + ONLY_THERE and there.items() >= files.here().items()
        restore_an_old_version(screen, files)
        share_a_link(screen, files)
        compare_and_sync(screen, files)
        delete_and_take_it_back(screen, files)
        fetch_all_of_it(screen)
        screen.press("q")
        assert screen.end() == 0
        assert SECRET_KEY.encode() not in screen.written
    here = files.here()
    assert len(here) == COUNT
    assert files.there() == here, "the bucket differs from the disk"
    assert sums_below(files.folder.parent / "back" / "photos") == here, "what came back differs"
    assert program.status() == []
    assert "Uploads" not in seaweed.client().list_multipart_uploads(Bucket=bucket)
    assert not list(tmp_path.rglob("*.part"))


# -- the first half ---------------------------------------------------------------------------------


def browse_and_filter(screen: Session) -> None:
    """Down into a folder, a filter, and up again."""
    screen.until(" 1 item · ", PATIENCE)
    screen.until(" 1 item ─╯")
    screen.press("j\r")
    screen.until("raw/")
    screen.press("/img 00\r")
    screen.until("img 004.jpg")
    screen.until_gone("img 014.jpg")
    screen.press("\x7f")
    screen.until(" 1 item · ")


def plan_and_copy(screen: Session) -> None:
    """All of it, slowly; what differs is overwritten, what is the same is left out."""
    screen.press("L")
    screen.until("Rate limit, now off")
    screen.press("5M\r")
    screen.until("limit 5.0M/s")
    screen.press("c")
    screen.until("all looked at and compared")
    screen.until(f"+ new                     {COUNT - SAME - OTHER}")
    screen.until(f"= identical                {SAME}    90.7K   skip · by ETag")
    screen.press("j")
    screen.until("o Replace")
    screen.press("o")
    screen.until(f"≠ differs                   {OTHER}     166K   overwrite")
    screen.press("\r")
    screen.until(f"queue {COUNT - SAME}")


def pause_one_and_kill(screen: Session, files: Files) -> None:
    """The film goes to the top and is paused, the disk's image after it; killed when a part of that is there."""
    screen.press("w")
    screen.until("[1 All")
    for name in ("film.mkv", "backup of disk.img"):
        screen.press(f"/{name}\r")
        screen.until(f"· / {name}")
        screen.press("T")
        if name == "film.mkv":
            wait(screen, lambda: files.uploads("film.mkv"))
            screen.press(" ")
            screen.until("PAUSED")
        screen.press("\x1b")
        screen.until_gone(f"· / {name}")
    wait(screen, lambda: files.parts("backup of disk.img"))
    os.kill(screen.pid, signal.SIGKILL)


# -- the second half --------------------------------------------------------------------------------


def recover(screen: Session) -> None:
    """What was under way goes on by itself; the film, which was paused, when it is told to."""
    screen.until("resumed (", PATIENCE)
    screen.press("W")
    screen.until("Resumed at the start")
    screen.press("\x1b")
    screen.until_gone("Resumed at the start")
    screen.press("\\")
    screen.until("limit off")
    screen.press("w")
    screen.until("[1 All")
    screen.press("/film.mkv\r")
    screen.until("film.mkv              PAUSED")
    screen.press(" ")
    screen.until_gone("PAUSED")
    screen.press("\x1b")
    screen.until_gone("· / film")
    screen.until("100% · DONE", PATIENCE)
    screen.press("\t")


def restore_an_old_version(screen: Session, files: Files) -> None:
    """Of an object that was replaced: what stood there before is put on top."""
    folder, _, name = files.overwritten.rpartition("/")
    screen.press("\t")
    go_to(screen, f"s3://{files.bucket}/photos/{folder}/")
    screen.press(f"/{name}\r")
    screen.until("1 of 100")
    screen.press("jV")
    screen.until("2 versions")
    screen.press("G")
    screen.press("R")
    screen.until("A copy becomes the current version")
    screen.press("y")
    screen.until("3 versions")
    assert files.read(files.overwritten) == BEFORE
    screen.press("\x1b")
    screen.until("1 of 100")


def share_a_link(screen: Session, files: Files) -> None:
    """By way of the terminal's clipboard; whoever has it reads the object."""
    screen.press("Y")
    screen.until("How long shall a link to")
    screen.press("\r")
    screen.until("Copied a link to")
    link = base64.b64decode(re.findall(rb"\x1b\]52;c;([^\x07\x1b]+)", bytes(screen.written))[-1]).decode()
    with urlopen(link, timeout=30) as reply:
        assert reply.read() == BEFORE
    screen.press("\x1b")
    screen.until_gone("Copied a link to")


def compare_and_sync(screen: Session, files: Files) -> None:
    """One differs, three are only in the bucket: the bucket is made like the disk, with the deletions ticked."""
    go_to(screen, f"s3://{files.bucket}/photos/")
    screen.press("\t")
    go_to(screen, f"{files.folder}/")
    screen.press("=")
    screen.until("= more  Esc ends")
    screen.until(f"= {COUNT - 1} equal")
    screen.until("≠ 1 differ")
    screen.until(f"> {ONLY_THERE} only right")
    screen.press("=")
    screen.until("Make the right like the left")
    screen.press("r")
    screen.until("all looked at and compared")
    screen.until("Deletes nothing")
    screen.press("G")
    screen.until("d Delete them")
    screen.press("\t")
    screen.until("a All")
    screen.press("a")
    screen.until(f"Deletes {ONLY_THERE} items")
    screen.press("\t")
    screen.until("Enter Start")
    screen.press("\r")
    screen.until(f"Delete {ONLY_THERE} items too?")
    screen.press("y")
    screen.until("deletes in")
    wait(screen, lambda: not files.names("old/"))
    screen.until(" idle ", PATIENCE)
    screen.press("=")
    screen.until("Both sides are the same:")
    screen.until(f"= {COUNT} equal")
    screen.press("\x1b")
    screen.until_gone("Both sides are the same:")


def delete_and_take_it_back(screen: Session, files: Files) -> None:
    """A folder of the bucket is to go, and then it is not."""
    screen.press("\t")
    screen.until_gone("old/")
    screen.press("gjjjd")
    screen.until("Delete raw/?")
    screen.until(f"{len(BIG) + 99} objects")
    screen.press("y")
    screen.until("deletes in")
    screen.press("z")
    screen.until("Not deleted: raw/")
    assert files.read("raw/dump.sql", 1)


def fetch_all_of_it(screen: Session) -> None:
    """From the bucket into a new folder beside."""
    screen.press("\t\x7f")
    screen.until("photos/  ")
    screen.press("n")
    screen.until("New folder")
    screen.press("back\r")
    screen.until("back/")
    screen.until_gone("New folder")
    screen.press("\r")
    screen.until("Empty")
    screen.press("\t\x7f")
    screen.until("photos/  ")
    screen.press("c")
    screen.until("all looked at and compared")
    screen.until("Enter Start")
    screen.press("\r")
    screen.until(f"{COUNT} of {COUNT} ", PATIENCE)
    screen.until(" idle ")


def go_to(screen: Session, place: str) -> None:
    """Type an address."""
    screen.press(":")
    screen.until("Enter: go")
    screen.press("\x15")
    screen.until("~/data or s3://bucket/prefix")
    screen.press(place)
    screen.until(place[-60:])
    screen.press("\r")
    screen.until_gone("Enter: go")
    wait(screen, lambda: "Reading" not in screen.shown)


def wait(screen: Session, true: Callable[[], object]) -> None:
    """Look at the screen until something is so that it does not tell."""
    for _ in range(1500):
        if true():
            return
        screen.watch(0.05)
    raise AssertionError(f"it never came true:\n{screen.shown}")
