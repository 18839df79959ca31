"""The program in forked children of one process that has imported everything, so that a run costs no start-up.

``Zygote`` is the parent's side of it. ``python -m tests.torture.child`` is the other: it reads one `Order` a
line, forks, and writes how the child ended.
"""

from __future__ import annotations

import faulthandler
import functools
import gc
import importlib
import json
import os
import subprocess
import sys
import threading
import traceback
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import botocore.loaders
import botocore.session

from tests.servers.seaweed import ROOT, clean_environment

PATIENCE = 20
"""Seconds after which a child tells where its threads are, and ends with 1."""

HUNG = -1000
"""The exit code of one that did."""


@dataclass(frozen=True, slots=True)
class Order:
    """One run of the program."""

    words: tuple[str, ...]
    """The command line; ``delete`` and places: as the screen deletes."""
    env: dict[str, str]
    folder: str
    """Where the child is, and writes ``out`` and ``report``."""
    boundary: tuple[str, str, int] | None = None
    """How, operation and number of what goes wrong."""
    names: dict[str, str] | None = None
    """Folders and what the seam calls files in them; without it there is no seam."""


@dataclass(slots=True)
class Ran:
    """How a run ended."""

    code: int
    """Exit code; negative: the signal."""
    out: str
    """All it said."""
    was_acknowledged: bool = False
    """What was asked for had been taken into the queue."""
    was_hit: bool = False
    counts: Counter[str] = field(default_factory=Counter)
    """Operations by name, of a run that came to its end."""


class Zygote:
    """Runs orders one after the other. Used by one thread."""

    def __init__(self, folder: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.torture.child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
            env=clean_environment(folder),
            text=True,
        )

    def __enter__(self) -> Zygote:
        return self

    def __exit__(self, *error: object) -> None:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(PATIENCE)
        self._process.stdout.close()

    def run(self, order: Order) -> Ran:
        """Have it done, and wait."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps(asdict(order)) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, "the process that forks has ended"
        folder = Path(order.folder)
        out = (folder / "out").read_text(encoding="utf-8", errors="replace")
        ran = Ran(HUNG if "\nThread 0x" in out else int(line), out)
        for text in (folder / "report").read_text(encoding="utf-8").splitlines():
            what, _, facts = text.partition(" ")
            ran.was_acknowledged |= what == "acknowledged"
            ran.was_hit |= what == "hit"
            if what == "counts":
                ran.counts = Counter(json.loads(facts))
        return ran


# -- the process that forks ------------------------------------------------------------------------


IMPORTED = (
    *("engine.queue.running", "engine.s3.connection", "engine.s3.control", "engine.s3.wire.client"),
    *("tests.torture.seam", "tui.cli", "tui.headless", "tui.setup", "tui.status"),
)
"""And whatever these import."""


def main() -> None:
    """Read orders until there are no more."""
    answers = os.dup(1)
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 1)
    _import_everything()
    gc.collect()
    gc.freeze()
    for line in sys.stdin:
        facts = json.loads(line)
        pid = os.fork()
        if pid == 0:
            os.dup2(nothing, 0)
            os.close(answers)
            _child(Order(**facts))
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        os.write(answers, f"{code}\n".encode())


def _import_everything() -> None:
    """And read what botocore reads from its files, once for all children."""
    for name in IMPORTED:
        importlib.import_module(name)
    read = functools.cache(botocore.loaders.JSONFileLoader().load_file)
    type.__setattr__(botocore.loaders.JSONFileLoader, "load_file", lambda self, path: read(path))
    session = botocore.session.Session()
    session.create_client(
        "s3",
        region_name="us-east-1",
        endpoint_url="http://127.0.0.1:1",
        aws_access_key_id="nobody",
        aws_secret_access_key="nothing",
    )
    assert threading.active_count() == 1, "a fork would leave threads behind"


# -- the child -------------------------------------------------------------------------------------


def _child(order: Order) -> None:
    """Never returns."""
    code = 1
    try:
        code = _run(order)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _run(order: Order) -> int:
    os.chdir(order.folder)
    os.environ.clear()
    os.environ.update(order.env)
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND
    out = os.open("out", flags, 0o600)
    os.dup2(out, 1)
    os.dup2(out, 2)
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)
    sys.stderr = open(2, "w", encoding="utf-8", closefd=False)
    report = os.open("report", flags, 0o600)
    faulthandler.dump_traceback_later(PATIENCE, exit=True)

    def say(text: str) -> None:
        os.write(report, f"{text}\n".encode())

    _hurry()
    _acknowledge(say)
    if order.names is None:
        return _command(order.words)
    from tests.torture.seam import Boundary, Seam

    seam = Seam(None if order.boundary is None else Boundary(*order.boundary), order.names, say)
    seam.install()
    code = _command(order.words)
    say(f"counts {json.dumps(seam.counts)}")
    return code


def _command(words: tuple[str, ...]) -> int:
    from engine import DeleteRequest
    from tui import headless
    from tui.__main__ import main as program
    from tui.setup import Setup, place_of

    def request_of(setup: Setup) -> DeleteRequest:
        place = setup.args.sources[0]
        connection = setup.profile.connection_id if place.startswith("s3:") else None
        return DeleteRequest((place_of(place),), connection)

    if words[0] == "delete":
        # The command line deletes nothing, the screen does; all but the request is the same.
        vars(headless)["request_of"] = request_of
        words = ("cp", *words[1:])
    return program(list(words))


def _hurry() -> None:
    """Waits for what heals by itself are a hundredth: they are not what is tested here."""
    from engine.queue import blockade
    from tui import following

    for code, (first, longest) in list(blockade._DELAYS.items()):
        blockade._DELAYS[code] = (first / 100, longest / 100)
    vars(following)["_ASK_AGAIN"] = 0.1


def _acknowledge(say: Any) -> None:
    """Tell when the queue has taken what was asked for."""
    from engine import TransferManager

    submit = TransferManager.submit

    def submitted(manager: TransferManager, request: Any) -> Any:
        operation = submit(manager, request)
        say("acknowledged")
        return operation

    type.__setattr__(TransferManager, "submit", submitted)


if __name__ == "__main__":
    main()
