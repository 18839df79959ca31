"""A machine that is short of open files or threads: everything arrives as it is, more slowly."""

from __future__ import annotations

import logging
import re
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from engine import TransferManager, workers
from engine.browsing.desk import Desk
from engine.config import EngineConfig
from engine.errors import Retryable, TransferError, explain
from engine.pace.cancel import CancelToken
from engine.s3.wire.dial import connect
from engine.workers import SHORT_SECONDS, Worker, WorkerPool
from tests.engine.queue.items import HERE, upload
from tests.engine.queue.limited import Orders, Told, told_of
from tests.engine.queue.quiet import quiet_at
from tests.engine.queue.real import MIB, running_at, tree, write
from tests.servers.scripted import ScriptedS3
from tui.waiting import waiting_text

SMALL = 24
LARGE = 3


@pytest.fixture
def s3() -> Iterator[ScriptedS3]:
    with ScriptedS3("b") as server:
        yield server


def both_ways(s3: ScriptedS3, folder: Path) -> list[tuple[list[str], str]]:
    """Something of everything, small and large, up and down; see `arrived`."""
    for number in range(SMALL):
        s3.put("b", f"down/deep/{number}", bytes([number]) * number * 1000)
        write(folder / "up" / "deep" / str(number), number * 1000, number)
    for number in range(LARGE):
        s3.put("b", f"down/large{number}", bytes([number]) * 20 * MIB)
        write(folder / "up" / f"large{number}", 20 * MIB, number)
    return [(["s3://b/down/"], f"{folder}/back/"), ([f"{folder}/up/"], "s3://b/up/")]


def arrived(s3: ScriptedS3, folder: Path, told: Told) -> None:
    """All of it is done, the bytes are the same, and nothing else lies about."""
    assert told.is_settled
    assert told.problems == {}, told.log
    assert set(told.states.values()) == {"done"}
    assert len(told.states) == 2 * (SMALL + LARGE)
    names = {f"deep/{number}" for number in range(SMALL)} | {f"large{number}" for number in range(LARGE)}
    files = {name: data for name, data in tree(folder / "back").items() if name != "deep"}
    assert set(files) == names
    for name in names:
        assert files[name] == s3.data("b", f"down/{name}")
        assert s3.data("b", f"up/{name}") == (folder / "up" / name).read_bytes()
    assert s3.uploads() == []


# -- open files ------------------------------------------------------------------------------------


@pytest.mark.fault(32)
@pytest.mark.parametrize("files", [64, 28])
def test_with_few_open_files_everything_still_arrives(s3: ScriptedS3, tmp_path: Path, files: int) -> None:
    copies = both_ways(s3, tmp_path)
    told = told_of(Orders(s3.url, str(tmp_path / "state"), copies, files=files))
    assert s3.store.buckets["b"]
    arrived(s3, tmp_path, told)


def short() -> OSError:
    return OSError(24, "Too many open files")


@pytest.mark.fault(32)
def test_a_shortage_from_anywhere_is_tried_again_with_less_at_a_time(tmp_path: Path) -> None:
    with quiet_at(tmp_path / "state") as queue:
        queue.job.parts = 8
        queue.job.steps["move"] = [short()]  # As an import does, or a library; not as our own code does.
        (item,) = queue.add(upload("a", 64 * MIB))
        first = queue.step(queue.take())
        with queue.core.lock:
            for _ in range(3):
                queue.core.scheduler.ceilings.entered(HERE)  # As many others are at work.
        queue.step(first)
        with queue.core.lock:
            for _ in range(3):
                queue.core.scheduler.ceilings.left(HERE)
        assert item.problem is None
        assert [queue.take() is not None for _ in range(3)] == [True, True, True]
        with queue.core.lock:
            queue.core.scheduler.ceilings.entered(HERE)
            queue.core.scheduler.ceilings.entered(HERE)
        assert queue.take() is None, "two at a time, where there were four"


@pytest.mark.fault(32)
def test_a_shortage_is_shown_while_it_is_waited_for(tmp_path: Path) -> None:
    with quiet_at(tmp_path / "state") as queue:
        queue.job.steps["begin"] = [short()]
        queue.add(upload("a"))
        queue.do_all()
        [row] = queue.manager.snapshot().rows
        assert row.waiting is not None
        assert waiting_text(row.waiting) == "retry 2/8 now (short of resources: Too many open files)"


def test_a_shortage_that_lasts_is_named_in_the_end(tmp_path: Path) -> None:
    with quiet_at(tmp_path / "state", attempts=2) as queue:
        queue.job.steps["move"] = [short() for _ in range(10)]
        (item,) = queue.add(upload("a"))
        for round in range(1, 6):
            queue.do_all(round * 1000.0)
        assert item.problem is not None
        assert str(item.problem).startswith(
            "upload /data/a: this machine is short of open files or memory (Too many"
        )


# -- threads ---------------------------------------------------------------------------------------


@pytest.mark.fault(33)
def test_with_few_threads_everything_still_arrives(s3: ScriptedS3, tmp_path: Path) -> None:
    copies = both_ways(s3, tmp_path)
    told = told_of(Orders(s3.url, str(tmp_path / "state"), copies, threads=3))
    arrived(s3, tmp_path, told)
    assert any(re.match(r"only \d workers: can't start new thread", line) for line in told.log)


@pytest.mark.fault(33)
def test_without_any_thread_the_queue_waits_and_goes_on_when_there_is_one(
    s3: ScriptedS3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(worker: Worker) -> None:
        raise RuntimeError("can't start new thread")

    with ExitStack() as stack, monkeypatch.context() as patch, caplog.at_level(logging.WARNING):
        patch.setattr(workers, "SHORT_SECONDS", 0.1)
        with patch.context() as none:
            none.setattr(Worker, "start", refuse)
            engine = stack.enter_context(running_at(s3.url, tmp_path / "state"))
            operation = engine.copy(write(tmp_path / "a", 20 * MIB), "s3://b/a")
            engine.until(lambda: engine.manager.snapshot().total == 1)
            assert not engine.manager.is_settled
        engine.settled(operation)
    assert s3.data("b", "a") == (tmp_path / "a").read_bytes()
    assert "only 0 workers: can't start new thread" in caplog.messages


@contextmanager
def no_threads() -> Iterator[None]:
    """While it lasts, the system starts no thread."""

    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        yield


@pytest.mark.fault(33)
def test_the_first_worker_is_asked_for_again_now_and_then_and_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[Worker] = []

    def refuse(worker: Worker) -> None:
        started.append(worker)
        raise RuntimeError("can't start new thread")

    with quiet_at(tmp_path / "state") as queue, caplog.at_level(logging.WARNING):
        pool, now = queue.manager._pool, queue.core.clock.monotonic()
        with monkeypatch.context() as patch, queue.core.lock:
            patch.setattr(Worker, "start", refuse)
            patch.setattr(queue.core.clock, "monotonic", lambda: now)
            for _ in range(5):
                pool.spawn_if_needed()
                pool.spawn_again()
            assert len(started) == 1
            assert caplog.messages == ["only 0 workers: can't start new thread"]
            now += SHORT_SECONDS + 0.1
            pool.spawn_again()
            assert len(started) == 2


def test_a_worker_that_dies_is_made_up_for(
    s3: ScriptedS3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running_at(s3.url, tmp_path / "state", workers=1) as engine:
        with monkeypatch.context() as patch:
            patch.setattr(WorkerPool, "_serve", lambda pool, worker: sys.exit())
            operation = engine.copy(write(tmp_path / "a", 10), "s3://b/a")
            engine.until(lambda: engine.manager._pool._number)
        engine.settled(operation)
    assert s3.data("b", "a") == (tmp_path / "a").read_bytes()


@pytest.mark.fault(33)
def test_a_request_that_finds_no_thread_is_planned_when_there_is_one(s3: ScriptedS3, tmp_path: Path) -> None:
    with running_at(s3.url, tmp_path / "state") as engine:
        with no_threads():
            operation = engine.copy(write(tmp_path / "a", 10), "s3://b/a")
        engine.settled(operation)
    assert s3.data("b", "a") == (tmp_path / "a").read_bytes()


def test_a_question_that_finds_no_thread_is_answered_when_there_is_one() -> None:
    desk, asked = Desk(), threading.Event()
    try:
        with no_threads():
            token = desk.ask("look", lambda question: asked.set())
            assert not desk.answer(token).done
        assert not desk.answer(token).done
        assert asked.wait(10)
    finally:
        desk.close()


def test_a_name_that_finds_no_thread_to_look_it_up_is_looked_up_later() -> None:
    with no_threads(), pytest.raises(Retryable) as short:
        connect("localhost", 1, CancelToken())
    assert short.value.code == "short-of-resources"


@pytest.mark.fault(33)
def test_a_queue_that_cannot_begin_without_threads_says_so_and_lets_go(tmp_path: Path) -> None:
    with no_threads(), pytest.raises(TransferError) as refused:
        TransferManager(EngineConfig(str(tmp_path / "state")))
    assert str(explain(refused.value)).startswith(
        "open the saved queue: this machine is short of open files or memory (can't start new thread)"
    )
    manager = TransferManager(EngineConfig(str(tmp_path / "state")))
    try:
        with no_threads(), pytest.raises(TransferError, match="start the queue"):
            manager.start()
    finally:
        manager.close()
    TransferManager(EngineConfig(str(tmp_path / "state"))).close()
