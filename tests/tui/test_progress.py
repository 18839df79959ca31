"""Progress without a screen, as it is drawn on a terminal and written into a pipe."""

from __future__ import annotations

import io

import pyte
import pytest

from engine import (
    ItemKind,
    OperationId,
    Outcome,
    Totals,
    TransferId,
    TransferSnapshot,
    TransferState,
    Verified,
    Waiting,
)
from tui.progress import Progress, finished_line, item_line, total_line

S = TransferState
MIB = 1024 * 1024


def row(name: str = "dump.tar", state: TransferState = S.RUNNING, **facts: object) -> TransferSnapshot:
    given: dict[str, object] = {"size": 100 * MIB, **facts}
    return TransferSnapshot(
        id=TransferId(1),
        operation=OperationId(1),
        kind=ItemKind.UPLOAD,
        state=state,
        source=f"/data/{name}",
        target=f"s3://b/{name}",
        **given,  # type: ignore[arg-type]
    )


class Terminal(io.StringIO):
    """What a terminal of this size shows of what is written to it."""

    encoding = "utf-8"

    def __init__(self, columns: int = 60) -> None:
        super().__init__()
        self.screen = pyte.Screen(columns, 12)
        self._stream = pyte.Stream(self.screen)

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> int:
        self._stream.feed(text.replace("\n", "\r\n"))
        return super().write(text)

    @property
    def shown(self) -> list[str]:
        return [line.rstrip() for line in self.screen.display if line.strip()]


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setattr(Progress, "_columns", lambda self: 60)
    return Terminal()


def test_a_finished_item_is_one_line() -> None:
    done = row(state=S.DONE, size=2048, outcome=Outcome.TRANSFERRED, verified=Verified.CRC)
    assert finished_line(done) == "done    2.0 KiB  crc   /data/dump.tar -> s3://b/dump.tar"
    skipped = row(state=S.DONE, size=0, outcome=Outcome.SKIPPED)
    assert finished_line(skipped) == "skip        0 B  -     /data/dump.tar -> s3://b/dump.tar"


def test_items_under_way_and_the_total() -> None:
    moving = row(bytes_done=38 * MIB, bytes_per_second=92.1 * MIB, eta=360.0)
    assert item_line(moving).split() == ["dump.tar", "━━━━╸───────", "38%", "92.1M/s", "6m"]
    assert item_line(moving, is_ascii=True).split()[1] == "#####......."
    waiting = row(state=S.WAITING, waiting=Waiting("retry", "503 SlowDown", 12.0))
    assert item_line(waiting).split(maxsplit=1)[1] == "waiting: retry in 12s (503 SlowDown)"
    totals = Totals({S.DONE: 1, S.RUNNING: 1}, 200 * MIB, 138 * MIB, upload_bytes_per_second=92.1 * MIB)
    assert total_line(totals) == "total 1/2  138/200 MiB  69%  92.1 MiB/s  ETA --"


def test_a_hundred_percent_is_said_only_of_what_is_done() -> None:
    almost = Totals({S.FINISHING: 1}, 100 * MIB, 100 * MIB)
    assert " 99% " in total_line(almost)
    assert " 100% " in total_line(Totals({S.DONE: 1}, 100 * MIB, 100 * MIB))
    assert item_line(row(state=S.FINISHING, bytes_done=100 * MIB)).endswith("finishing")


def test_a_terminal_shows_what_moves_below_what_is_done(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter(range(100))
    monkeypatch.setattr("tui.progress.time.monotonic", lambda: float(next(clock)))
    progress = Progress(out=terminal)
    one, two = row("one.tar", bytes_done=10 * MIB), row("two.tar", bytes_done=20 * MIB)
    progress.show([one, two], Totals({S.RUNNING: 2}, 200 * MIB, 30 * MIB))
    assert [line.split()[0] for line in terminal.shown] == ["one.tar", "two.tar", "total"]
    progress.finished(row("one.tar", S.DONE, verified=Verified.CRC))
    progress.show([two], Totals({S.DONE: 1, S.RUNNING: 1}, 200 * MIB, 120 * MIB))
    assert [line.split()[0] for line in terminal.shown] == ["done", "two.tar", "total"]
    progress.finished(row("two.tar", S.DONE, verified=Verified.CRC))
    progress.end()
    assert terminal.shown == [
        "done    100 MiB  crc   /data/one.tar -> s3://b/one.tar",
        "done    100 MiB  crc   /data/two.tar -> s3://b/two.tar",
    ]


def test_a_terminal_is_drawn_at_most_four_times_a_second(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = (number / 100 for number in range(1000))
    monkeypatch.setattr("tui.progress.time.monotonic", lambda: next(clock))
    progress = Progress(out=terminal)
    for _ in range(100):
        progress.show([row()], Totals())
    assert terminal.getvalue().count("total") <= 5


def test_lines_under_way_never_take_two_rows_of_the_terminal(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tui.progress.time.monotonic", iter(range(9)).__next__)
    progress = Progress(out=terminal)
    for _ in range(3):
        progress.show([row("漢" * 200, bytes_done=MIB)], Totals({S.RUNNING: 1}, 9**15, 8**15))
    assert len(terminal.shown) == 2


def test_names_do_nothing_to_the_terminal(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui.progress.time.monotonic", iter(range(9)).__next__)
    progress = Progress(out=terminal)
    nasty = "\x1b]0;pwn\x07\x9b31m\r\u202e"
    progress.finished(row(nasty, S.DONE))
    progress.show([row(nasty)], Totals())
    progress.say(f"waiting for {nasty}")
    progress.end()
    written = terminal.getvalue()
    for bad in ("\x1b]", "\x07", "\x9b", "\u202e", "m\r"):
        assert bad not in written


def test_a_pipe_gets_plain_lines_only() -> None:
    pipe = io.StringIO()
    progress = Progress(out=pipe)
    assert not progress.is_live
    progress.show([row()], Totals())
    progress.finished(row(state=S.DONE))
    progress.end()
    assert "\x1b" not in pipe.getvalue()
    assert len(pipe.getvalue().splitlines()) == 1


def test_a_dumb_terminal_is_treated_like_a_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    assert not Progress(out=Terminal()).is_live
