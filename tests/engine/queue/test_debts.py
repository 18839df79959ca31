"""What an item leaves behind is owed until it is gone, whoever fails at removing it and however."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.errors import Condition, Retryable
from engine.model import ObjectRef
from engine.queue import debts as debts_module
from engine.queue.context import ItemContext
from engine.queue.debts import PAY_EVERY
from engine.scheduler import WorkKind
from engine.state.store import Store
from engine.transfer import Run, Transfer
from tests.engine.queue.items import upload
from tests.engine.queue.quiet import FakeJob, Quiet, offline, quiet_at

MIB = 1024 * 1024


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[Quiet]:
    with quiet_at(tmp_path / "state") as queue:
        yield queue


@pytest.fixture
def server(queue: Quiet, monkeypatch: pytest.MonkeyPatch) -> Server:
    """Takes the aborts that are tried later, and whatever a cancelled item's job does."""
    server = Server()
    monkeypatch.setattr(queue.core.connections, "get", lambda connection: server)
    monkeypatch.setattr(debts_module, "make_job", queue.job)
    return server


class Server:
    """As a `Connection`: remembers what was aborted; raises what is in `errors` first."""

    def __init__(self) -> None:
        self.control = self
        self.aborted: list[str] = []
        self.errors: list[Exception] = []

    def abort_multipart(self, ref: ObjectRef, upload_id: str, **options: Any) -> None:
        if self.errors:
            raise self.errors.pop(0)
        self.aborted.append(upload_id)


def begun(queue: Quiet, upload_id: str) -> Transfer:
    """An item that has an upload on the server."""
    (item,) = queue.add(upload("a", 100 * MIB))
    item.checkpoint = replace(item.checkpoint, phase="begun", upload_id=upload_id)
    return item


def gave_up(queue: Quiet, item: Transfer, upload_id: str) -> None:
    """In some run of it an upload was to be aborted, and that was refused."""
    ItemContext(queue.core, item, Run(queue.core.clock)).owe("abort", "b/a", upload_id)


def owed(queue: Quiet) -> list[str]:
    return [debt.detail for debt in queue.core.store.owed()]


def pay(queue: Quiet, rounds: int = 1) -> None:
    """As many times as the housekeeper lets it be tried."""
    for round in range(1, rounds + 1):
        with queue.core.lock:
            queue.manager._debts.schedule(queue.core.clock.monotonic() + round * 2 * PAY_EVERY)
        queue.do_all()


def test_every_upload_that_an_item_gave_up_is_owed_and_each_only_once(queue: Quiet, server: Server) -> None:
    item = begun(queue, "third")
    for upload_id in ("first", "second", "first"):
        gave_up(queue, item, upload_id)
    assert owed(queue) == ["first", "second"]


def test_a_clean_discard_settles_only_what_it_has_removed(queue: Quiet, server: Server) -> None:
    item = begun(queue, "third")
    gave_up(queue, item, "first")
    gave_up(queue, item, "second")
    queue.manager.cancel(item.id)
    assert owed(queue) == ["first", "second", "third"]
    queue.do_all()
    assert owed(queue) == ["first", "second"]
    pay(queue)
    assert owed(queue) == []
    assert server.aborted == ["first", "second"]


def test_what_an_item_that_goes_on_gave_up_is_aborted_while_it_runs(queue: Quiet, server: Server) -> None:
    item = begun(queue, "second")
    gave_up(queue, item, "first")
    with queue.core.lock:
        queue.core.scheduler.held = True
    pay(queue)
    assert server.aborted == ["first"]
    assert item.checkpoint.upload_id == "second"


@pytest.mark.parametrize("error", [offline(), OSError(5, "I/O error"), ValueError("a bug of some library")])
def test_a_debt_that_cannot_be_paid_is_tried_again_whatever_the_reason(
    queue: Quiet, server: Server, error: Exception
) -> None:
    gave_up(queue, begun(queue, "second"), "first")
    with queue.core.lock:
        queue.core.scheduler.held = True
    server.errors = [error]
    pay(queue)
    assert owed(queue) == ["first"]
    pay(queue, rounds=3)
    assert owed(queue) == []
    assert server.aborted == ["first"]


@pytest.mark.parametrize("step", ["discard", "close"])
@pytest.mark.parametrize("error", [Retryable("server-error"), KeyError("a bug of some library")])
def test_a_cancelled_item_that_cannot_be_tidied_up_stays_owed_whatever_the_reason(
    queue: Quiet, server: Server, error: Exception, step: str
) -> None:
    item = begun(queue, "only")
    queue.manager.cancel(item.id)
    queue.job.steps[step] = [error]
    queue.do_all()
    pay(queue)
    assert owed(queue) == []
    assert server.aborted == (["only"] if step == "discard" else [])


def test_what_can_be_neither_removed_nor_put_on_record_is_tried_again(
    queue: Quiet, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: object) -> int:
        raise Condition("state-unsaved", ("state", "/state"), detail="no space")

    item = begun(queue, "only")
    discarded: list[FakeJob] = []

    def discard(job: FakeJob) -> None:
        job._step("discard")
        discarded.append(job)

    monkeypatch.setattr(FakeJob, "discard", discard)
    with monkeypatch.context() as patch:
        patch.setattr(Store, "owe", refuse)
        queue.manager.cancel(item.id)
        queue.job.steps["discard"] = [offline()]
        queue.do_all()
    assert owed(queue) == []
    assert discarded == []
    pay(queue, rounds=2)
    assert len(discarded) == 1


def test_a_debt_that_could_not_be_struck_off_is_paid_again(
    queue: Quiet, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: object) -> int:
        raise Condition("state-unsaved", ("state", "/state"), detail="no space")

    gave_up(queue, begun(queue, "second"), "first")
    with queue.core.lock:
        queue.core.scheduler.held = True
    with monkeypatch.context() as patch:
        patch.setattr(Store, "settle", refuse)
        pay(queue)
    assert owed(queue) == ["first"]
    pay(queue, rounds=2)
    assert owed(queue) == []
    assert server.aborted == ["first", "first"]


def test_debts_wait_for_their_time(queue: Quiet, server: Server) -> None:
    gave_up(queue, begun(queue, "second"), "first")
    now = queue.core.clock.monotonic() + 1000
    with queue.core.lock:
        queue.core.scheduler.held = True
        queue.manager._debts.schedule(now)
        assert (work := queue.core.scheduler.take(now)) is not None
        assert work.kind is WorkKind.CLEAN
        queue.manager._debts.schedule(now + PAY_EVERY + 1)
        assert queue.core.scheduler.take(now) is None, "it is in hand"
