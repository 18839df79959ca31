"""`cp` and `run` on a queue that does as it is told."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from engine import Event, OperationId, Outcome, Problem, Question, TransferRequest, TransferState, Waiting
from tests.tui.fake_queue import FakeQueue, change, finish, use
from tui.cli import run
from tui.following import Following
from tui.leaving import Stop, signals
from tui.progress import Progress

S = TransferState
DENIED = Problem("upload /data/b", "access is denied", "Ask for the permission.", True, "access-denied")
OFFLINE = Problem("list s3://b/", "the endpoint cannot be reached", "It goes on.", True, "offline")
ASKS = Question("target-exists", "the target already exists", ("overwrite", "skip"))


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, unchanged_logging: None) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("S3TUI_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKTEST")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret-canary")
    return tmp_path


Said = pytest.CaptureFixture[str]


# -- cp --------------------------------------------------------------------------------------------


def test_cp_prints_a_plain_line_for_each_item_in_a_pipe(
    monkeypatch: pytest.MonkeyPatch, capsys: Said, tmp_path: Path
) -> None:
    queue = use(monkeypatch, FakeQueue([finish()]))
    assert run(["cp", "a.bin", "s3://b/"]) == 0
    said = capsys.readouterr()
    assert said.out == f"done   40.0 MiB  crc   {tmp_path}/a.bin -> s3://b/a.bin\n"
    assert said.err == ""
    assert queue.closed
    assert queue.only_new


def test_identical_and_skipped_items_count_as_done(monkeypatch: pytest.MonkeyPatch, capsys: Said) -> None:
    use(monkeypatch, FakeQueue([finish("a", Outcome.IDENTICAL), finish("b", Outcome.SKIPPED)]))
    assert run(["cp", "a", "b", "s3://b/"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["same", "skip"]


def test_quiet_says_nothing_when_all_is_well(monkeypatch: pytest.MonkeyPatch, capsys: Said) -> None:
    use(monkeypatch, FakeQueue([finish()]))
    assert run(["cp", "-q", "a", "s3://b/"]) == 0
    said = capsys.readouterr()
    assert said.out + said.err == ""


def test_quiet_still_names_what_failed(monkeypatch: pytest.MonkeyPatch, capsys: Said) -> None:
    use(monkeypatch, FakeQueue([change(1, state=S.FAILED, problem=DENIED)]))
    assert run(["cp", "--quiet", "a", "s3://b/"]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert "access is denied. Ask for the permission." in said.err


def test_one_failure_is_named_and_the_rest_is_done(
    monkeypatch: pytest.MonkeyPatch, capsys: Said, tmp_path: Path
) -> None:
    use(monkeypatch, FakeQueue([change(2, state=S.FAILED, problem=DENIED), finish("a")]))
    assert run(["cp", "a", "b", "s3://b/"]) == 1
    said = capsys.readouterr()
    assert said.out.startswith("done ")
    assert said.err == (
        f"s3tui: not done (failed): {tmp_path}/b -> s3://b/b: access is denied. Ask for the permission.\n"
    )


def test_an_item_that_asks_is_named_with_its_answers(monkeypatch: pytest.MonkeyPatch, capsys: Said) -> None:
    queue = use(monkeypatch, FakeQueue([change(1, state=S.ATTENTION, question=ASKS)]))
    assert run(["cp", "--on-conflict", "ask", "a", "s3://b/"]) == 1
    assert "(overwrite, skip), or give --on-conflict" in capsys.readouterr().err
    request = queue.submitted[0]
    assert isinstance(request, TransferRequest)
    assert request.options.on_conflict.value == "ask"


def test_advice_speaks_of_commands_where_the_screen_speaks_of_keys(
    monkeypatch: pytest.MonkeyPatch, capsys: Said
) -> None:
    lost = Problem(
        "upload", "the connection was lost", "It is tried again by itself; press r to try now.", True, "x"
    )
    use(monkeypatch, FakeQueue([change(1, state=S.FAILED, problem=lost)]))
    assert run(["cp", "a", "s3://b/"]) == 1
    said = capsys.readouterr().err
    assert "press" not in said
    assert "s3tui run --retry-failed" in said


def test_a_request_that_makes_no_sense_once_looked_at_is_a_usage_error(
    monkeypatch: pytest.MonkeyPatch, capsys: Said
) -> None:
    nonsense = Problem("upload a to s3://b/", "/data/a does not exist", "", False, "usage")
    use(monkeypatch, FakeQueue(plan_problems=[nonsense]))
    assert run(["cp", "a", "s3://b/"]) == 2
    assert capsys.readouterr().err == "s3tui: upload a to s3://b/: /data/a does not exist\n"


def test_names_are_made_harmless_wherever_they_are_said(
    monkeypatch: pytest.MonkeyPatch, capsys: Said
) -> None:
    use(monkeypatch, FakeQueue([finish("\x07"), change(2, state=S.FAILED, problem=DENIED)]))
    assert run(["cp", "good\x1b]0;x\x07", "bad\x1b[2J\u202e", "s3://b/"]) == 1
    said = capsys.readouterr()
    assert "\x1b" not in said.out + said.err
    assert "\u202e" not in said.err
    assert "␛[2J⟨U+202E⟩" in said.err


def test_paths_become_absolute_and_keep_what_a_slash_means(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    queue = use(monkeypatch, FakeQueue([finish()]))
    assert run(["cp", "a/", "./b/../c", "s3://b/p"]) == 0
    request = queue.submitted[0]
    assert isinstance(request, TransferRequest)
    assert [str(source) for source in request.sources] == [f"{tmp_path}/a/", f"{tmp_path}/c"]
    assert str(request.target) == "s3://b/p"
    assert request.options.on_conflict.value == "overwrite"


# -- conditions --------------------------------------------------------------------------------------


def test_cp_plans_again_while_the_endpoint_cannot_be_reached(
    monkeypatch: pytest.MonkeyPatch, capsys: Said
) -> None:
    ticks = iter(range(0, 100_000, 3))
    with_clock(monkeypatch, lambda: float(next(ticks)))
    queue = use(monkeypatch, FakeQueue([finish()] * 100, plan_problems=[OFFLINE, OFFLINE]))
    assert run(["cp", "a", "s3://b/"]) == 0
    assert len(queue.submitted) == 3
    assert capsys.readouterr().err == (
        "s3tui: waiting for 15m at most: list s3://b/: the endpoint cannot be reached. It goes on.\n"
    )


def with_clock(monkeypatch: pytest.MonkeyPatch, now: object) -> None:
    defaults = dict(Following.__init__.__kwdefaults__ or {})
    monkeypatch.setattr(Following.__init__, "__kwdefaults__", {**defaults, "now": now})


def test_cp_gives_up_when_it_has_waited_long_enough(monkeypatch: pytest.MonkeyPatch, capsys: Said) -> None:
    queue = use(monkeypatch, FakeQueue(plan_problems=[OFFLINE] * 5))
    assert run(["cp", "--wait-for", "0", "a", "s3://b/"]) == 1
    assert len(queue.submitted) == 1
    assert capsys.readouterr().err == (
        "s3tui: list s3://b/: the endpoint cannot be reached. Run the same command again when that is over.\n"
    )


def test_items_that_wait_for_too_long_are_named_with_the_reason(
    monkeypatch: pytest.MonkeyPatch, capsys: Said
) -> None:
    def offline(queue: FakeQueue) -> None:
        queue.waits_only = True
        change(1, state=S.WAITING, waiting=Waiting("offline", "connection refused", 5.0))(queue)

    ticks = iter(range(0, 100_000, 60))
    with_clock(monkeypatch, lambda: float(next(ticks)))
    queue = use(monkeypatch, FakeQueue([offline]))
    assert run(["cp", "--wait-for", "10m", "a", "s3://b/"]) == 1
    assert 8 <= queue.waits <= 14
    first, last = capsys.readouterr().err.splitlines()
    assert first == "s3tui: waiting for 10m at most: offline, retry in 5s (connection refused)"
    assert last.startswith("s3tui: not done (waiting): ")
    assert last.endswith("offline (connection refused). s3tui run goes on")


def test_the_patience_starts_anew_after_something_moved() -> None:
    queue = FakeQueue()
    queue.add("a", S.WAITING)
    ticks = iter(range(0, 100_000, 100))
    following = Following(
        queue,  # type: ignore[arg-type]
        Progress(quiet=True),
        Stop(),
        wait_for=1000.0,
        now=lambda: float(next(ticks)),
    )

    def stuck(is_stuck: bool) -> object:
        return lambda queue: setattr(queue, "waits_only", is_stuck)

    queue.script = [stuck(True), *[stuck(True)] * 4, stuck(False), *[stuck(True)] * 4, finish()]  # type: ignore[list-item]
    assert following.until(lambda: queue.is_settled) == 0


# -- signals -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGHUP, 129), (signal.SIGINT, 130), (signal.SIGTERM, 143)]
)
def test_a_signal_checkpoints_and_says_how_to_go_on(
    number: signal.Signals, code: int, monkeypatch: pytest.MonkeyPatch, capsys: Said
) -> None:
    queue = use(monkeypatch, FakeQueue([lambda _: os.kill(os.getpid(), number)]))
    assert run(["cp", "a", "s3://b/"]) == code
    assert queue.closed
    assert queue.deadline is not None
    assert queue.deadline < 2.0
    assert capsys.readouterr().err == (
        "s3tui: interrupted; 1 item left, nothing is lost: run the same command again to go on\n"
    )


def test_a_hangup_that_nohup_ignores_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with signals() as stop:
            os.kill(os.getpid(), signal.SIGHUP)
            assert stop.code is None
    finally:
        signal.signal(signal.SIGHUP, before)


# -- run ---------------------------------------------------------------------------------------------


def saved(*states: TransferState) -> FakeQueue:
    queue = FakeQueue()
    for number, state in enumerate(states):
        problem = DENIED if state is S.FAILED else None
        question = ASKS if state is S.ATTENTION else None
        queue.add(f"{number}.bin", state, problem=problem, question=question)
    return queue


def test_run_finishes_the_queue(monkeypatch: pytest.MonkeyPatch, capsys: Said) -> None:
    queue = use(monkeypatch, saved(S.QUEUED, S.QUEUED))
    queue.script = [finish("0.bin"), finish("1.bin")]
    assert run(["run"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2
    assert queue.only_new is False


def test_run_names_what_is_paused_and_is_content(monkeypatch: pytest.MonkeyPatch, capsys: Said) -> None:
    queue = use(monkeypatch, saved(S.PAUSED, S.QUEUED))
    queue.script = [finish("1.bin")]
    assert run(["run"]) == 0
    assert "paused  /data/0.bin -> s3://backups/2026/0.bin" in capsys.readouterr().out


@pytest.mark.parametrize("state", [S.FAILED, S.ATTENTION])
def test_run_names_what_failed_or_asks_and_is_not_content(
    state: TransferState, monkeypatch: pytest.MonkeyPatch, capsys: Said
) -> None:
    use(monkeypatch, saved(state))
    assert run(["run"]) == 1
    assert f"not done ({state.value}): /data/0.bin" in capsys.readouterr().err


def test_run_tries_failed_items_again_if_told_to(monkeypatch: pytest.MonkeyPatch) -> None:
    queue = use(monkeypatch, saved(S.FAILED))
    queue.script = [finish()]
    assert run(["run", "--retry-failed"]) == 0
    assert queue.commands == [("retry", 1)]


def test_run_leaves_a_queue_alone_that_is_paused_as_a_whole(
    monkeypatch: pytest.MonkeyPatch, capsys: Said
) -> None:
    queue = use(monkeypatch, saved(S.QUEUED))
    queue.held = True
    assert run(["run"]) == 0
    assert queue.waits == 0
    said = capsys.readouterr()
    assert "paused as a whole" in said.err
    assert said.out.startswith("paused  /data/0.bin")


def test_run_says_what_could_not_be_planned(monkeypatch: pytest.MonkeyPatch, capsys: Said) -> None:
    queue = use(monkeypatch, saved(S.QUEUED))
    queue.problem = DENIED
    queue.script = [refuse, finish()]
    assert run(["run"]) == 1
    assert capsys.readouterr().err == "s3tui: upload /data/b: access is denied. Ask for the permission.\n"
    assert queue.commands == []


def refuse(queue: FakeQueue) -> None:
    """What an earlier process was asked for cannot be planned."""
    queue.events.append(Event("refused", None, OperationId(1), "in words"))


def test_run_plans_again_what_was_out_of_reach(monkeypatch: pytest.MonkeyPatch, capsys: Said) -> None:
    ticks = iter(range(0, 100_000, 3))
    with_clock(monkeypatch, lambda: float(next(ticks)))
    queue = use(monkeypatch, saved(S.QUEUED))
    queue.problem = OFFLINE
    queue.script = [refuse, finish()]
    assert run(["run"]) == 0
    assert queue.commands == [("plan_again",)]
    assert capsys.readouterr().err.startswith("s3tui: waiting for 15m at most: list s3://b/: ")


def test_what_was_mended_at_the_start_is_told(monkeypatch: pytest.MonkeyPatch, capsys: Said) -> None:
    queue = use(monkeypatch, FakeQueue())
    queue.notices = ("3 records were damaged",)
    assert run(["run"]) == 0
    assert capsys.readouterr().err == "s3tui: 3 records were damaged\n"
