"""How a command's process ends: at once, with its code, and nothing of what it said lost."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers.seaweed import clean_environment
from tui.__main__ import main

LATE = "import atexit, sys\natexit.register(print, 'taken apart')\nfrom tui.__main__ import main\nsys.exit(main())"
"""Says so if the interpreter goes through all it holds before it ends."""


def ended(tmp_path: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """A command in a process of its own, whose output is a pipe."""
    env = clean_environment(tmp_path / "home") | {"S3TUI_STATE_DIR": str(tmp_path / "state")}
    return subprocess.run(
        [sys.executable, "-c", LATE, *words], env=env, capture_output=True, text=True, check=False, timeout=60
    )


def test_a_command_says_all_it_has_to_say_and_is_gone(tmp_path: Path) -> None:
    process = ended(tmp_path, "status", "--json")
    assert process.returncode == 0
    assert json.loads(process.stdout)["transfers"] == []
    assert "taken apart" not in process.stdout


def test_a_command_that_fails_ends_with_its_code_and_the_reason(tmp_path: Path) -> None:
    process = ended(tmp_path, "cp", str(tmp_path / "a"), str(tmp_path / "b"))
    assert process.returncode == 2
    assert process.stderr.startswith("s3tui: ")
    assert "taken apart" not in process.stdout


def test_a_command_that_is_called_by_other_code_returns_its_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, unchanged_logging: None
) -> None:
    monkeypatch.setenv("S3TUI_STATE_DIR", str(tmp_path / "state"))
    assert main(["status"]) == 0
