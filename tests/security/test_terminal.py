"""What a real terminal receives: no name, key, message or metadata ever reaches it as anything but text."""

from __future__ import annotations

import base64
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from xml.sax.saxutils import escape

import pytest

from tests.engine.queue.hostile import HostileS3
from tests.servers.s3_request import Answer, Asked
from tests.servers.seaweed import clean_environment
from tests.tui import nasty
from tests.tui.terminal import Session, on_a_terminal
from tui.safe_text import display

ACTING = tuple(name for name in nasty.TERM if name not in display(name))
"""What is never sent as it is. (Honest CJK is; so is an accent, on a letter or a stand-in for one.)"""

KEYS = tuple(name for name in (*nasty.TERM, *nasty.MARKUP) if name not in ("\udcff",))
"""A key is text."""


def raw(name: str) -> bytes:
    return name.encode("utf-8", "surrogateescape")


def assert_harmless(written: bytes) -> None:
    """None of the vectors is in it, nor what they are made of, but what Textual itself sends."""
    written = re.sub(rb"\x1b\]22;[a-z-]*(?:\x07|\x1b\\)", b"", written)  # the mouse pointer's shape
    for name in ACTING:
        # A single character that is also honest output cannot be told by itself: NUL, tab, CR are below.
        if len(name) > 1 or name in "\x9b\x9d\u2028":
            assert raw(name) not in written, f"{name!r} reached the terminal"
    text = written.decode("utf-8", "replace")
    for char in "\x00\x07\x08\x7f\x9b\x9c\x9d\u202e\u2066\u2069\u200b\u2028":
        assert char not in text.replace("\x1b[", ""), f"{char!r} reached the terminal"
    for start in ("\x1b]0;", "\x1b]8;", "\x1bP+q", "\x1b_G", "\x1bc", "pwn\x07"):
        assert start not in text, f"{start!r} reached the terminal"


@pytest.fixture
def s3() -> Iterator[HostileS3]:
    # XML, which a list of buckets is, has no place for most control characters.
    fit = [name for name in KEYS if "/" not in name and not set(name) & set(map(chr, range(32)))]
    server = HostileS3("b", *(f"bucket{name}" for name in fit))
    with server:
        for name in KEYS:
            server.put("b", f"k{name}", b"x", content_type="text/plain", x_amz_meta_note="\x1b]0;pwn\x07[/")
        yield server


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = tmp_path / "home"
    (home / "work").mkdir(parents=True)
    for name in nasty.ALL:
        name = "f" + name.replace("/", "∕").replace("\0", "")[:60]
        (home / "work" / name).write_text("x")
    return home


@pytest.fixture
def env(s3: HostileS3, home: Path) -> dict[str, str]:
    return {
        **clean_environment(home),
        "AWS_ACCESS_KEY_ID": "AK",
        "AWS_SECRET_ACCESS_KEY": "secretsecret",
        "AWS_ENDPOINT_URL": s3.url,
        "S3TUI_STATE_DIR": str(home / "state"),
    }


def say_nasty_things(s3: HostileS3, *operations: str) -> None:
    """Errors whose code, message, region and request id are all vectors."""
    number = iter(range(10_000))

    def refuse(asked: Asked) -> Answer:
        name = KEYS[next(number) % len(KEYS)]
        told = escape(name)
        body = f"<Error><Code>{told}</Code><Message>{told}</Message><RequestId>{told}</RequestId></Error>"
        headers = {"x-amz-request-id": name.replace("\r", "").replace("\n", "")}
        headers = {key: value for key, value in headers.items() if value.isascii()}
        return Answer(403, body.encode(), headers)

    for operation in operations:
        s3.instead[operation] = refuse


def page_through(screen: Session, seen: list[str]) -> None:
    """All rows of the list that has the keys."""
    for _ in range(6):
        screen.press("\x1b[6~")  # PageDown
        screen.watch(0.25)
        seen.append(screen.shown)


@pytest.mark.fault(60)
def test_panes_details_questions_queue_and_notices_send_only_text(
    env: dict[str, str], s3: HostileS3, home: Path
) -> None:
    seen: list[str] = []
    with on_a_terminal((".", "s3://b/"), env, home / "work", rows=40) as screen:
        screen.until("f$(id)", 15)
        screen.until("k$(id)", 15)
        page_through(screen, seen)
        screen.press("d")
        screen.until("Esc: change nothing", 15)
        screen.press("n")
        screen.until_gone("Esc: change nothing", 15)
        screen.press("\t")
        page_through(screen, seen)
        screen.press("kkkki")
        screen.until("ETag", 15)
        seen.append(screen.shown)
        screen.press("\x1b")
        screen.until_gone("ETag", 15)
        say_nasty_things(s3, "PutObject", "GetObject", "DeleteObject")
        screen.press("y")
        screen.until("Copied", 15)
        seen.append(screen.shown)
        screen.press("\x1b")
        screen.until_gone("Copied", 15)
        screen.press("\tac")
        screen.until("Enter Start", 30)
        page_through(screen, seen)
        screen.press("\r")
        screen.until("failed", 30)
        screen.press("w\r")  # The row of the operation is opened.
        page_through(screen, seen)
        screen.press("\r")
        screen.watch(1.0)
        seen.append(screen.shown)
        screen.press("\x1b")
        screen.watch(1.0)
        screen.press("q")
        assert screen.end() == 0
        # The address that was copied goes to the clipboard by OSC 52, in base64, and only on a key.
        written = bytes(screen.written)
        copied = re.findall(rb"\x1b\]52;c;([A-Za-z0-9+/=]*)\x07", written)
        assert [display(base64.b64decode(text).decode()) for text in copied] == [
            base64.b64decode(text).decode() for text in copied
        ]
        assert len(copied) == 1
        written = written.replace(b"\x1b]52;c;" + copied[0] + b"\x07", b"")
    assert_harmless(written)
    shown = "\n".join(seen)
    for name in ("␛]52;c;ZXZpbA==␇", "␛[2J␛[H", "⟨U+202E⟩gpj.exe", "[$foo]", "\\x9b31m"):
        assert name in shown, f"{name!r} is not shown"
    assert_harmless_log(home)


@pytest.mark.fault(60)
def test_buckets_and_the_errors_of_listings_send_only_text(
    env: dict[str, str], s3: HostileS3, home: Path
) -> None:
    seen: list[str] = []
    with on_a_terminal((".",), env, home / "work", rows=40) as screen:
        screen.until("bucket[bold]x", 15)
        screen.press("\t")
        page_through(screen, seen)
        say_nasty_things(s3, "ListObjectsV2", "ListBuckets", "HeadBucket")
        for _ in range(4):
            screen.press("R")
            screen.watch(0.4)
            seen.append(screen.shown)
        screen.press("q")
        assert screen.end() == 0
        assert_harmless(bytes(screen.written))
    assert "bucket\\x9b31m" in "\n".join(seen)
    assert_harmless_log(home)


def assert_harmless_log(home: Path) -> None:
    log = home / "state" / "s3tui.log"
    text = log.read_text(errors="surrogateescape") if log.exists() else ""
    assert all(char.isprintable() or char in "\n\t" for char in text)


@pytest.mark.fault(60)
def test_commands_print_only_text(env: dict[str, str], s3: HostileS3, home: Path) -> None:
    def run(*words: str) -> str:
        ran = subprocess.run(
            [sys.executable, "-m", "tui", *words],
            env=env,
            cwd=home / "work",
            capture_output=True,
            timeout=90,
            stdin=subprocess.DEVNULL,
        )
        said = (ran.stdout + ran.stderr).decode("utf-8")
        assert "Traceback" not in said
        odd = {char for char in said if not char.isprintable() and char != "\n"}
        assert not odd, (words, odd)
        return said

    assert "␛]52;c;ZXZpbA==␇" in run("cp", "--dry-run", "s3://b/", "../back")
    assert "␛[2J␛[H" in run("cp", "s3://b/", "../back")
    assert "␛[2J␛[H" in run("verify", "s3://b/", "../back")
    assert "␛[2J␛[H" in run("status", "--all")
    run("status", "--all", "--json")
    say_nasty_things(s3, "PutObject", "GetObject", "HeadObject", "ListObjectsV2")
    run("cp", ".", "s3://b/up/", "--retries", "0")
    run("verify", ".", "s3://b/")
    run("status")
    run("run", "--retry-failed")
    run("cp", "no\x1b]0;pwn\x07such", "s3://b/")
    run("cp", "--profile", "no\x1b[2Jsuch", "x", "s3://b/")
    run("cp", "--endpoint-url", "http://\x1b[2J", "x", "s3://b/")
    run("\x1b[2J")
    assert_harmless_log(home)


@pytest.mark.fault(60)
def test_progress_on_a_terminal_sends_only_text(env: dict[str, str], home: Path, s3: HostileS3) -> None:
    with on_a_terminal(("cp", "s3://b/", "../back"), env, home / "work") as screen:
        screen.end(60)
        written = bytes(screen.written)
    assert "␛[2J␛[H".encode() in written
    assert_harmless(written)
