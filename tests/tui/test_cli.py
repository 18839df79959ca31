"""What a command line means, and what it says when it means nothing."""

from __future__ import annotations

import argparse
import io
import os
import sys
from pathlib import Path

import pytest

import tui.cli
from engine import StateDamaged, StateLocked, UsageError
from tui.__main__ import main
from tui.cli import run
from tui.options import COMMANDS, parse
from tui.sizes import parse_seconds, parse_size

Said = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def no_logging(unchanged_logging: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("S3TUI_STATE_DIR", str(tmp_path / "state"))


# -- commands and options ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "command"),
    [
        ([], "app"),
        (["data"], "app"),
        (["s3://b/p"], "app"),
        (["data", "s3://b/p"], "app"),
        (["cp", "a", "s3://b/"], "cp"),
        (["--profile", "cp", "run"], "run"),
        (["--quiet", "status"], "status"),
        (["--profile=x", "verify", "a", "s3://b/"], "verify"),
        (["demo"], "demo"),
        (["./cp"], "app"),
        (["--", "cp"], "app"),
    ],
)
def test_the_first_word_that_is_no_option_decides(words: list[str], command: str) -> None:
    assert parse(words).command == command


@pytest.mark.parametrize("command", ["app", *COMMANDS])
def test_every_option_works_with_every_command(command: str) -> None:
    options = (
        "--profile p --endpoint-url http://h --region r --no-sign-request --state-dir d --temp-dir t "
        "--workers 3 --part-size 8MiB --rate-limit 10M --retries 2 --on-conflict skip --include a "
        "--exclude b --exclude c --require-checksum --storage-class GLACIER --sse AES256 "
        "--request-payer --read-only --quiet --log-file l"
    ).split()
    words = {"cp": ["a", "s3://b/"], "verify": ["a", "s3://b/"], "ls": ["s3://b/"]}.get(command, [])
    for line in ([command, *words, *options], [*options, command, *words]):
        args = parse([word for word in line if word != "app"])
        assert args.command == command
        assert (args.part_size, args.workers, args.retries) == (8388608, 3, 2)
        assert args.rate_limit == (10485760, 10485760)
        assert args.exclude == ["b", "c"]


def test_a_rate_limit_may_differ_by_direction() -> None:
    assert parse(["run", "--rate-limit", "1M:off"]).rate_limit == (1048576, None)


def test_a_name_may_begin_with_a_dash_after_two_dashes() -> None:
    args = parse(["cp", "--", "-rf", "s3://b/"])
    assert (args.sources, args.target) == (["-rf"], "s3://b/")


@pytest.mark.parametrize("text", ["8MiB", "8M", "8m", "8mib", "8MB", "8388608", "8 MiB", "8192K"])
def test_sizes_are_binary(text: str) -> None:
    assert parse_size(text) == 8388608


@pytest.mark.parametrize("text", ["", "M", "8X", "-8M", "8M8", "1e3", "٣"])
def test_what_is_no_size_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="8M, 512K"):
        parse_size(text)


@pytest.mark.parametrize("text", ["x", "-1", "1w", ""])
def test_what_is_no_time_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="15m"):
        parse_seconds(text)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("cp", "the following arguments are required: SOURCE, TARGET"),
        ("cp a", "required: TARGET"),
        ("cp a b", "both on this disk"),
        ("cp - s3://b/k", "'-' (standard input and output) cannot be copied"),
        ("cp a -", "cannot be copied"),
        ("cp a s3://", "names no bucket"),
        ("cp a s3:///key", "names no bucket"),
        ("cp a s3://b/ --part-size 1", "5 MiB to 5 GiB"),
        ("cp a s3://b/ --part-size 6G", "5 MiB to 5 GiB"),
        ("cp a s3://b/ --part-size x", "'x' is not a size"),
        ("cp a s3://b/ --workers 0", "from 1 to 64"),
        ("cp a s3://b/ --workers 65", "from 1 to 64"),
        ("cp a s3://b/ --retries -1", "from 0 to 1000"),
        ("cp a s3://b/ --on-conflict maybe", "invalid choice: 'maybe'"),
        ("cp a s3://b/ --rate-limit fast", "is not a rate"),
        ("cp a s3://b/ --sse none", "none of AES256"),
        ("cp a s3://b/ --wait-for soon", "is not a time"),
        ("cp a s3://b/ --frobnicate", "unrecognized arguments: --frobnicate"),
        ("cp a s3://b/ --profile nobody", "no profile named nobody"),
        ("cp a s3://b/ --endpoint-url localhost:9000", "http:// or https://"),
        ("cp a s3://b/ --endpoint-url http://me:pw@host", "user name or password"),
        ("cp a s3://b/ --endpoint-url https://me:p/w@host", "user name or password"),
        ("run now", "unrecognized arguments: now"),
        ("run --dry-run", "--dry-run is for cp"),
        ("verify a", "required: TARGET"),
        ("verify a b", "both sides are on this disk"),
        (
            "frobnicate",
            "'frobnicate' is no folder and no command (cp, run, status, receipt, verify, ls, demo)",
        ),
        ("s3://b/ s3://c/", "one s3:// address too many"),
        (". .", "one local folder too many"),
        ("", "the screen needs a terminal"),
        ("demo", "the screen needs a terminal"),
        ("demo --state-dir x", "--state-dir is not for it"),
    ],
)
def test_wrong_usage_is_one_clear_sentence_and_exit_2(line: str, said: str, capsys: Said) -> None:
    assert run(line.split()) == 2
    error = capsys.readouterr().err
    assert error.startswith("s3tui: ")
    assert said in error
    assert error.count("\n") == 1
    assert "pw" not in error


def test_help_names_every_command_and_exit_code(capsys: Said) -> None:
    assert run(["--help"]) == 0
    said = capsys.readouterr().out
    for word in (*COMMANDS, "exit codes: 0 all done"):
        assert word in said


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_its_help(command: str, capsys: Said) -> None:
    assert run([command, "--help"]) == 0
    assert f"usage: s3tui {command}" in capsys.readouterr().out


def test_the_version(capsys: Said) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == "s3tui 0.1.0\n"
    assert main(["cp", "--version"]) == 0
    assert capsys.readouterr().out == "s3tui 0.1.0\n"


# -- exit codes ----------------------------------------------------------------------------------------


def failing(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def fail(args: argparse.Namespace) -> int:
        raise error

    monkeypatch.setattr(tui.cli, "_run", fail)


def test_a_queue_in_use_is_3_and_names_who_has_it(monkeypatch: pytest.MonkeyPatch, capsys: Said) -> None:
    failing(monkeypatch, StateLocked("/var/s3tui", "jump\x1bhost", 4711))
    assert run(["run"]) == 3
    assert "the queue in /var/s3tui is in use by process 4711 on jump␛host" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UsageError("no"), 2),
        (StateDamaged("the queue is damaged"), 1),
        (KeyboardInterrupt(), 130),
        (SystemExit(143), 143),
        (BrokenPipeError(), 1),
    ],
)
def test_errors_become_exit_codes(
    error: BaseException, code: int, monkeypatch: pytest.MonkeyPatch, capsys: Said
) -> None:
    failing(monkeypatch, error)
    assert run(["run"]) == code


def test_an_error_of_ours_is_no_traceback(monkeypatch: pytest.MonkeyPatch, capsys: Said) -> None:
    failing(monkeypatch, RuntimeError("odd \x1b[2J"))
    assert run(["run"]) == 1
    assert capsys.readouterr().err == ("s3tui: an internal error (RuntimeError: odd ␛[2J)\n")


def test_what_the_encoding_cannot_hold_is_written_in_ascii(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.TextIOWrapper(io.BytesIO(), encoding="latin-1")
    monkeypatch.setattr(sys, "stderr", out)
    failing(monkeypatch, UsageError("漢"))
    assert run(["run"]) == 2
    out.flush()
    assert out.buffer.getvalue() == b"s3tui: \\u6f22\n"


# -- the terminal's defaults -----------------------------------------------------------------------------

QUIET = {"TEXTUAL_ANIMATIONS": "none", "TEXTUAL_FPS": "20", "TEXTUAL_SMOOTH_SCROLL": "0"}


def test_over_ssh_the_screen_moves_less(monkeypatch: pytest.MonkeyPatch) -> None:
    environ = {"SSH_CONNECTION": "10.0.0.1 1 10.0.0.2 22", "PATH": os.defpath}
    monkeypatch.setattr(os, "environ", environ)
    monkeypatch.setattr("tui.cli.run", lambda words: 0)
    assert main([]) == 0
    assert {name: environ.get(name) for name in QUIET} == QUIET


def test_what_the_user_has_set_for_the_screen_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    environ = {"SSH_CONNECTION": "x", "TEXTUAL_FPS": "60"}
    monkeypatch.setattr(os, "environ", environ)
    monkeypatch.setattr("tui.cli.run", lambda words: 0)
    assert main([]) == 0
    assert environ["TEXTUAL_FPS"] == "60"


def test_on_the_machine_itself_nothing_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    environ: dict[str, str] = {}
    monkeypatch.setattr(os, "environ", environ)
    monkeypatch.setattr("tui.cli.run", lambda words: 0)
    assert main([]) == 0
    assert environ == {}
