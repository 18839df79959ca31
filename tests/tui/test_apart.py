"""What is done apart is bounded in time and memory, knows no keys, and can be ended."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tui.looking import apart
from tui.looking.apart import Apart

WORK = """
import os, sys
from tui.looking.apart import answer, given
asked, data = given()
if asked["do"] == "echo":
    answer(data[::-1])
elif asked["do"] == "environment":
    answer("\\n".join(os.environ).encode())
elif asked["do"] == "break":
    answer(b"half")
    os.abort()
elif asked["do"] == "memory":
    answer(b"%d" % len(bytearray(2 * 1024**3)))
elif asked["do"] == "spin":
    while True:
        pass
"""


@pytest.fixture
def child(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "work_apart.py").write_text(WORK)
    monkeypatch.syspath_prepend(str(tmp_path))
    return "work_apart"


def test_an_answer_comes_back(child: str) -> None:
    assert Apart(child, {"do": "echo"}, b"abc\n\0\xff").run() == b"\xff\0\ncba"


def test_no_key_of_the_environment_is_known_there(child: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    known = Apart(child, {"do": "environment"}, b"").run().decode().split()
    assert "PYTHONPATH" in known and not [name for name in known if name.startswith("AWS")]


@pytest.mark.parametrize("what", ["break", "memory", "unheard of"])
def test_what_breaks_there_is_no_answer_here(child: str, what: str) -> None:
    if what == "memory" and sys.platform != "linux":
        pytest.skip("this system does not bound the memory of a process")
    assert Apart(child, {"do": what}, b"x").run() == b""
    assert Apart("tui.no_such_module", {}, b"x" * 200_000).run() == b""


def test_what_takes_too_long_is_ended(child: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apart, "PATIENCE", 0.3)
    assert Apart(child, {"do": "spin"}, b"").run() == b""


def test_what_nobody_waits_for_is_ended(child: str) -> None:
    work, out = Apart(child, {"do": "spin"}, b""), []
    waiting = threading.Thread(target=lambda: out.append(work.run()))
    waiting.start()
    while work._child is None:
        time.sleep(0)
    work.stop()
    waiting.join(10)
    assert out == [b""] and work._child.returncode is not None
    late = Apart(child, {"do": "echo"}, b"x")
    late.stop()
    assert late.run() == b"" and late._child is None


def test_looking_into_files_loads_neither_pillow_nor_pygments_here() -> None:
    code = "import sys, tui.screens.preview; print([n for n in sys.modules if n.startswith(('PIL', 'pygments'))])"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert ran.stdout.strip() == "[]"
