"""Secrets are read, used, and found nowhere: every file, every byte on the screen, every command line."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers.scripted import ScriptedS3
from tests.servers.seaweed import clean_environment
from tests.tui.terminal import on_a_terminal

ACCESS = "AKIACANARY0000000001"
SECRET = "canarySECRET/key+0123456789abcdefghijkl"
TOKEN = "canaryTOKEN//////////////0123456789abcdefghijklmnop=="
CANARIES = (SECRET, TOKEN, "canarySECRET", "canaryTOKEN")
MIB = 1024 * 1024


@pytest.fixture
def s3() -> Iterator[ScriptedS3]:
    with ScriptedS3("b") as server:
        server.put("b", "there", b"some bytes")
        yield server


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = tmp_path / "home"
    (home / "work").mkdir(parents=True)
    (home / "work" / "small").write_text("x")
    (home / "work" / "large").write_bytes(b"y" * (9 * MIB))
    return home


@pytest.fixture(params=["environment", "file"])
def env(request: pytest.FixtureRequest, s3: ScriptedS3, home: Path, tmp_path: Path) -> dict[str, str]:
    """Keys in the environment, or in a file of the user's that is not looked at below."""
    base = {**clean_environment(home), "AWS_ENDPOINT_URL": s3.url, "S3TUI_STATE_DIR": str(home / "state")}
    names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
    keys = dict(zip(names, (ACCESS, SECRET, TOKEN), strict=True))
    if request.param == "environment":
        return base | keys
    path = tmp_path / "credentials"
    path.write_text("[default]\n" + "".join(f"{name.lower()} = {value}\n" for name, value in keys.items()))
    return base | {"AWS_SHARED_CREDENTIALS_FILE": str(path)}


def run(
    env: dict[str, str], home: Path, *words: str, module: str = "tui"
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", module, *words],
        env=env,
        cwd=home / "work",
        capture_output=True,
        text=True,
        timeout=60,
        stdin=subprocess.DEVNULL,
    )


def assert_silent(text: str | bytes, where: object) -> None:
    raw = text.encode() if isinstance(text, str) else text
    for canary in CANARIES:
        assert canary.encode() not in raw, f"{canary} in {where}"
    assert b"X-Amz-Signature=" not in raw, f"a signed link in {where}"
    assert not re.search(rb"Signature=[0-9a-f]{64}", raw), f"a signature in {where}"


def assert_nothing_kept(home: Path) -> None:
    """Every file below the home: queue, journal, log, settings."""
    files = [
        path for path in home.rglob("*") if path.is_file() and path.name not in ("small", "large", "back")
    ]
    for path in files:
        assert_silent(path.read_bytes(), path)


def command_lines() -> bytes:
    """Of every process of ours, as ``ps`` shows them."""
    found = b""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if path.stat().st_uid == os.geteuid():
                found += path.read_bytes() + b"\n"
        except OSError:
            continue
    return found


def test_a_session_without_a_screen_keeps_and_says_none(
    env: dict[str, str], s3: ScriptedS3, home: Path
) -> None:
    s3.refuse("SignatureDoesNotMatch", 403, key="refused")
    for words in (
        ("cp", "small", "large", "s3://b/up/"),
        ("cp", "small", "s3://b/refused"),
        ("cp", "s3://b/there", "back"),
        ("cp", "s3://no-bucket/x", "nowhere"),
        ("verify", "large", "s3://b/up/large"),
        ("status", "--all"),
        ("status", "--json", "--all"),
        ("run", "--retry-failed"),
    ):
        ran = run(env, home, *words)
        assert_silent(ran.stdout + ran.stderr, words)
    assert s3.data("b", "up/large") == (home / "work" / "large").read_bytes()
    assert {asked.headers.get("x-amz-security-token") for asked in s3.requests("PutObject")} == {TOKEN}
    assert_nothing_kept(home)


def test_a_session_on_the_screen_keeps_and_shows_none(
    env: dict[str, str], s3: ScriptedS3, home: Path
) -> None:
    with on_a_terminal((".", "s3://b/"), env, home / "work") as screen:
        screen.until("there")
        screen.until("large")
        screen.press("ac")
        screen.until("done 2", 15)
        assert_silent(command_lines(), "/proc/*/cmdline")
        screen.press("\tj")
        screen.press("i")
        screen.until("ETag")
        screen.press("\x1b")
        screen.until_gone("ETag")
        screen.press("Y")
        screen.until("How long shall")
        screen.press("\r")
        screen.until("Copied a link", 15)
        screen.press("\x1b")
        screen.until_gone("Copied a link", 15)
        screen.press("w\r")  # both items stand below what was asked for
        screen.until("Enter Close", 15)
        screen.press("j\r")
        screen.until("Failed tries", 15)
        screen.press("\x1b")
        screen.until_gone("Failed tries", 15)
        screen.press("q")
        screen.end()
        assert_silent(bytes(screen.written), "the terminal")
    assert_nothing_kept(home)


@pytest.mark.parametrize("env", ["environment"], indirect=True)  # from which they are raised
@pytest.mark.parametrize("what", ["upload", "command"])
def test_what_breaks_without_a_screen_says_so_and_tells_none(
    env: dict[str, str], home: Path, what: str
) -> None:
    ran = run({**env, "BREAK": what}, home, "cp", "small", "s3://b/x", module="tests.security.breaking")
    assert ran.returncode == 1
    assert "internal error" in ran.stderr
    assert_silent(ran.stdout + ran.stderr, "the terminal")
    assert_nothing_kept(home)
    log = (home / "state" / "s3tui.log").read_text() if what == "upload" else ""
    assert what == "command" or ("Traceback" in log and "it broke" in log)


@pytest.mark.parametrize("env", ["environment"], indirect=True)  # from which they are raised
def test_a_crash_of_the_screen_says_so_and_tells_none(env: dict[str, str], home: Path) -> None:
    module = "tests.security.breaking"
    with on_a_terminal((".", "s3://b/"), {**env, "BREAK": "screen"}, home / "work", module=module) as screen:
        screen.until("small")
        screen.press("i")
        assert screen.end() != 0
        assert b"internal error" in screen.written
        assert_silent(bytes(screen.written), "the terminal")
    log = (home / "state" / "s3tui.log").read_text()
    assert "Traceback" in log
    assert_nothing_kept(home)


def test_secrets_out_of_files_are_known_too(env: dict[str, str], home: Path, s3: ScriptedS3) -> None:
    """What was read from a file is hidden in the log, even where its text alone says nothing."""
    script = (
        "from engine.s3.credentials import CredentialSource; from engine import Profile, hide_secrets\n"
        "c = CredentialSource(Profile('default', 'https://minio.example.net')).get()\n"
        "print(hide_secrets(f'<{c.secret_key}> <{c.token}>'))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script], env=env, cwd=home / "work", capture_output=True, text=True
    )
    assert ran.stdout == "<***> <***>\n", ran.stderr
