"""Stopping work: once, at once, and leaving alone what is no longer in use."""

from __future__ import annotations

import threading

import pytest

from engine.errors import Interrupted
from engine.pace.cancel import CancelToken
from engine.pace.clock import SystemClock


def test_a_new_token_lets_work_go_on() -> None:
    token = CancelToken()
    token.check()
    assert not token.cancelled
    assert token.reason is None
    assert not token.wait(0)


def test_the_first_reason_stands() -> None:
    token = CancelToken()
    token.cancel("pause")
    token.cancel("quit")
    assert token.reason == "pause"
    with pytest.raises(Interrupted, match="pause"):
        token.check()


def test_cancel_ends_a_wait_in_another_thread() -> None:
    token, results = CancelToken(), []
    waiter = threading.Thread(target=lambda: results.append(SystemClock().wait(token, 60)))
    waiter.start()
    token.cancel("quit")
    waiter.join(10)
    assert results == [True]


def test_a_wait_of_any_length_is_possible() -> None:
    token = CancelToken()
    threading.Timer(0.01, token.cancel, ["quit"]).start()
    assert token.wait(float("inf"))
    assert token.wait(-1)


def test_a_hook_runs_once_in_the_cancellers_thread() -> None:
    token, ran = CancelToken(), []
    with token.hook(lambda: ran.append(threading.current_thread().name)):
        canceller = threading.Thread(target=token.cancel, args=["pause"], name="canceller")
        canceller.start()
        canceller.join(10)
        token.cancel("again")
    assert ran == ["canceller"]


def test_a_hook_runs_at_once_on_a_cancelled_token() -> None:
    token, ran = CancelToken(), []
    token.cancel("pause")
    with token.hook(lambda: ran.append(1)):
        assert ran == [1]


def test_a_hook_never_runs_after_its_block() -> None:
    token, ran = CancelToken(), []
    with token.hook(lambda: ran.append("inner")), token.hook(lambda: ran.append("outer")):
        pass
    with token.hook(lambda: ran.append("current")):
        token.cancel("pause")
    assert ran == ["current"]


def test_a_block_is_not_left_while_its_hook_runs() -> None:
    """What a hook shuts down may be given to somebody else as soon as the block is left."""
    token, inside, left = CancelToken(), threading.Event(), threading.Event()
    running, go_on = threading.Event(), threading.Event()

    def hook() -> None:
        running.set()
        go_on.wait(10)

    def work() -> None:
        with token.hook(hook):
            inside.set()
            running.wait(10)
        left.set()

    worker = threading.Thread(target=work)
    worker.start()
    inside.wait(10)
    canceller = threading.Thread(target=token.cancel, args=["pause"])
    canceller.start()
    running.wait(10)
    assert not left.wait(0.05)
    go_on.set()
    assert left.wait(10)
    canceller.join(10)
    worker.join(10)


def test_a_failing_hook_stops_neither_the_others_nor_the_canceller() -> None:
    token, ran = CancelToken(), []

    def fail() -> None:
        raise OSError("already closed")

    with token.hook(fail), token.hook(lambda: ran.append(1)):
        token.cancel("pause")
    assert ran == [1]
