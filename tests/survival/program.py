"""The program itself in a child process, to be killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.servers.seaweed import Seaweed

MIB = 1024 * 1024


class Program:
    """``s3tui`` with a home and a state folder of its own, talking to one endpoint."""

    def __init__(self, seaweed: Seaweed, home: Path, endpoint: str) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self.env = seaweed.env(home, endpoint=endpoint)
        self.home = home
        self.state_dir = home / "state"
        self.env["S3TUI_STATE_DIR"] = str(self.state_dir)
        self.module = "tui"
        """What is run; another one prepares something and then runs that."""

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Run a command line; does not wait."""
        return subprocess.Popen(
            [sys.executable, "-m", self.module, *words],
            env=self.env,
            cwd=self.home,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *words: str, timeout: float = 90) -> subprocess.CompletedProcess[str]:
        """Run a command line to its end."""
        process = self.start(*words)
        try:
            out, err = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def status(self, *words: str) -> list[dict[str, Any]]:
        """The saved queue."""
        found: list[dict[str, Any]] = self._saved(*words)["transfers"]
        return found

    def to_plan(self) -> list[str]:
        """What was asked for and is no item yet."""
        found: list[str] = self._saved()["to_plan"]
        return found

    def _saved(self, *words: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.run("status", "--json", *words).stdout)
        return found


def kill(process: subprocess.Popen[str]) -> None:
    """As the worst day has it."""
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
