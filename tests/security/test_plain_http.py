"""An endpoint that is reached unencrypted over a network is used only by somebody who has said so."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine import Profile
from tests.servers.scripted import ScriptedS3
from tests.servers.seaweed import Seaweed
from tests.survival.program import Program
from tests.tui.terminal import on_a_terminal
from tui import consent


@pytest.fixture
def s3() -> Iterator[ScriptedS3]:
    with ScriptedS3("b") as server:
        server.put("b", "a", b"some bytes")
        yield server


@pytest.fixture
def exposed(s3: ScriptedS3) -> str:
    """An address of the server that is not one of loopback's, and leads nowhere else."""
    return s3.url.replace("127.0.0.1", "0.0.0.0")


@pytest.fixture
def program(seaweed: Seaweed, tmp_path: Path, exposed: str) -> Program:
    program = Program(seaweed, tmp_path / "home", exposed)
    (tmp_path / "home" / "file").write_text("x")
    return program


@pytest.mark.parametrize(
    "url",
    [
        "http://minio.example.net:9000",
        "http://10.0.0.1",
        "http://0.0.0.0:9000",
        "http://127.0.0.1.example.net",
        "http://localhost.example.net",
        "http://[fe80::1]:9000",
        "HTTP://MINIO:9000",
    ],
)
def test_http_to_another_machine_is_exposed_until_it_is_accepted(url: str) -> None:
    assert Profile("p", url).is_exposed
    assert not Profile("p", url, allow_http=True).is_exposed


@pytest.mark.parametrize(
    "url",
    [
        None,
        "https://minio:9000",
        "http://127.0.0.1:9000",
        "http://127.9.9.9",
        "http://localhost",
        "http://[::1]",
    ],
)
def test_aws_https_and_this_machine_are_not(url: str | None) -> None:
    assert not Profile("p", url).is_exposed


@pytest.mark.parametrize(
    "words", [("cp", "file", "s3://b/x"), ("cp", "s3://b/a", "x"), ("verify", "file", "s3://b/x")]
)
def test_without_a_screen_it_is_refused_before_anything_is_sent(
    program: Program, s3: ScriptedS3, words: tuple[str, ...]
) -> None:
    ran = program.run(*words)
    assert ran.returncode == 2
    assert "is not encrypted" in ran.stderr
    assert "--allow-http" in ran.stderr
    assert s3.connections == 0
    assert program.run(*words, "--allow-http").returncode == (1 if words[0] == "verify" else 0)
    assert s3.connections > 0


def test_the_settings_can_accept_it_for_one_endpoint(program: Program, s3: ScriptedS3, exposed: str) -> None:
    del program.env["AWS_ENDPOINT_URL"]
    config = program.home / "config.toml"
    program.env["S3TUI_CONFIG"] = str(config)
    config.write_text(f'[endpoints.lab]\nurl = "{exposed}"\n')
    assert program.run("cp", "file", "s3://b/x", "--profile", "lab").returncode == 2
    assert s3.connections == 0
    config.write_text(f'[endpoints.lab]\nurl = "{exposed}"\nallow_http = true\n')
    assert program.run("cp", "file", "s3://b/x", "--profile", "lab").returncode == 0
    assert s3.data("b", "x") == b"x"


def test_what_was_queued_when_it_was_accepted_waits_for_it_in_a_process_where_it_is_not(
    program: Program, s3: ScriptedS3
) -> None:
    s3.refuse("InternalError", 500, operation="PutObject")
    assert program.run("cp", "file", "s3://b/x", "--allow-http", "--retries", "0").returncode == 1
    s3.relent()
    before = s3.connections
    ran = program.run("run", "--retry-failed")
    assert ran.returncode == 1
    assert "http:// on another machine" in ran.stderr
    assert s3.connections == before
    assert [item["state"] for item in program.status()] == ["attention"]
    assert program.run("run", "--allow-http").returncode == 0
    assert s3.data("b", "x") == b"x"


def test_the_screen_asks_once_and_remembers_beside_the_settings_not_with_the_queue(
    program: Program, s3: ScriptedS3, exposed: str, tmp_path: Path
) -> None:
    with on_a_terminal((".", "s3://b/"), program.env, program.home) as screen:
        screen.until("Esc: change nothing")
        assert f"{exposed} is not encrypted" in screen.shown
        assert s3.connections == 0
        screen.press("n")
        screen.until_gone("Esc: change nothing")
        assert s3.connections == 0
        screen.press("\tR")
        screen.until("Esc: change nothing")
        screen.press("y")
        screen.until("│ a   ")
        screen.press("q")
        assert screen.end() == 0
    kept = list(program.home.rglob(consent.FILE_NAME))
    assert [path.read_text() for path in kept] == [f"{exposed}\n"]
    assert stat.S_IMODE(kept[0].stat().st_mode) == 0o600
    assert program.state_dir not in kept[0].parents
    with on_a_terminal((".", "s3://b/"), program.env, program.home) as screen:
        screen.until("│ a   ")
        assert "Use this endpoint?" not in screen.shown
        screen.press("q")
        assert screen.end() == 0
    assert program.run("cp", "file", "s3://b/x").returncode == 0
