"""Planning that was interrupted begins again, and leaves alone what has come to its end since."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from engine.errors import Condition
from engine.model import (
    ConflictPolicy,
    LocalRef,
    ObjectRef,
    TransferRequest,
    TransferSpec,
    TransferState,
)
from engine.pace.cancel import CancelToken
from engine.state.store import Store
from tests.engine.queue.items import HERE, upload
from tests.engine.queue.quiet import Quiet, quiet_at
from tests.engine.state.builders import FullDisk

S = TransferState
REQUEST = TransferRequest((LocalRef("/data/"),), ObjectRef("b", ""), HERE)


class Cut(BaseException):
    """The process ends in the middle of planning."""


def plan(queue: Quiet, *batches: list[TransferSpec], is_cut: bool = False) -> None:
    """Plan what was asked for: these batches."""

    def found(request: TransferRequest, token: CancelToken) -> Iterator[list[TransferSpec]]:
        yield from batches
        if is_cut:
            raise Cut

    intake = queue.manager._intake
    intake._planner = SimpleNamespace(plan=found)  # type: ignore[assignment]
    operation = intake._requests.popleft()
    if is_cut:
        with pytest.raises(Cut):
            intake._plan(operation, intake._tokens[operation.id])
    else:
        intake._plan(operation, intake._tokens[operation.id])


def ask(queue: Quiet) -> None:
    queue.manager._intake._thread = SimpleNamespace()  # type: ignore[assignment]
    queue.manager.submit(REQUEST)


def again(queue: Quiet) -> None:
    """As `TransferManager.start` does, without its thread."""
    queue.manager._intake._thread = SimpleNamespace()  # type: ignore[assignment]
    with queue.core.lock:
        for operation in list(queue.core.operations.values()):
            queue.manager._intake.resume(operation)


def names(queue: Quiet) -> list[str]:
    return [item.spec.source.path for item in queue.core.roster if isinstance(item.spec.source, LocalRef)]


def test_what_was_cancelled_before_the_planning_ended_does_not_come_back(tmp_path: Path) -> None:
    with quiet_at(tmp_path / "state") as queue:
        ask(queue)
        plan(queue, [upload("a"), upload("b")], is_cut=True)
        queue.manager.cancel(next(iter(queue.core.roster)).id)
        assert names(queue) == ["/data/b"]
    with quiet_at(tmp_path / "state") as queue:
        again(queue)
        plan(queue, [upload("a"), upload("b")], [upload("c")])
        assert names(queue) == ["/data/b", "/data/c"]


def test_what_is_cancelled_while_it_is_planned_again_does_not_come_back(tmp_path: Path) -> None:
    with quiet_at(tmp_path / "state") as queue:
        ask(queue)
        plan(queue, [upload("a"), upload("b")], is_cut=True)
    with quiet_at(tmp_path / "state") as queue:
        again(queue)
        queue.manager.cancel(next(iter(queue.core.roster)).id)
        plan(queue, [upload("a"), upload("b")])
        assert names(queue) == ["/data/b"]


@pytest.mark.parametrize("policy", [ConflictPolicy.OVERWRITE, ConflictPolicy.RENAME])
def test_what_was_done_before_the_planning_ended_is_not_done_again(
    tmp_path: Path, policy: ConflictPolicy
) -> None:
    spec = upload("a")
    spec = replace(spec, options=replace(spec.options, on_conflict=policy))
    with quiet_at(tmp_path / "state") as queue:
        ask(queue)
        plan(queue, [spec], is_cut=True)
        queue.do_all()
        assert not queue.core.roster.items
    with quiet_at(tmp_path / "state") as queue:
        again(queue)
        plan(queue, [spec], [upload("b")])
        assert names(queue) == ["/data/b"]


@pytest.mark.parametrize("is_move", [True, False])
def test_a_folder_that_a_move_has_emptied_is_not_found_to_be_an_empty_one_when_it_is_planned_again(
    tmp_path: Path, is_move: bool
) -> None:
    request = replace(REQUEST, options=replace(REQUEST.options, move=is_move))
    with quiet_at(tmp_path / "state") as queue:
        queue.manager._intake._thread = SimpleNamespace()  # type: ignore[assignment]
        queue.manager.submit(request)
        plan(queue, [upload("d/e/a"), upload("d/b")], is_cut=True)
        queue.do_all()
    with quiet_at(tmp_path / "state") as queue:
        again(queue)
        plan(queue, [upload("d/"), upload("d/e/"), upload("f/"), upload("g")])
        markers = [] if is_move else ["/data/d/", "/data/d/e/"]
        assert names(queue) == [*markers, "/data/f/", "/data/g"]


def test_what_is_asked_for_anew_is_done_anew(tmp_path: Path) -> None:
    with quiet_at(tmp_path / "state") as queue:
        ask(queue)
        plan(queue, [upload("a")])
        queue.do_all()
        ask(queue)
        plan(queue, [upload("a")])
        assert names(queue) == ["/data/a"]


def test_items_found_while_the_disk_is_full_are_queued_when_it_is_freed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = FullDisk()
    with quiet_at(tmp_path / "state", fs=disk) as queue:
        ask(queue)
    with quiet_at(tmp_path / "state", fs=disk) as queue:
        again(queue)
        disk.room = 0
        with pytest.raises(Condition):
            queue.core.store.new_ids(1)
        waits: list[float] = []

        def wait(token: CancelToken, seconds: float) -> bool:
            waits.append(seconds)
            disk.room = None
            return False

        monkeypatch.setattr(queue.core, "clock", SimpleNamespace(wall=lambda: 0.0, wait=wait))
        monkeypatch.setattr(Store, "request_sync", lambda self: None)
        plan(queue, [upload("a")])
        assert names(queue) == ["/data/a"] and waits
        assert not [event for event in queue.manager.drain_events() if event.kind == "refused"]
        monkeypatch.undo()
