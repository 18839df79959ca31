"""A disk that refuses: nothing is moved in vain, nothing waits for ever, nothing is called an internal error."""

from __future__ import annotations

import errno
from dataclasses import replace
from pathlib import Path

import pytest

from engine.errors import Condition, NeedsAnswer, StateError, TransferError, UsageError
from engine.jobs.source import SourceFile
from engine.model import LocalRef, ObjectRef, OperationId, TransferOptions, TransferRequest, TransferState
from engine.pace.cancel import CancelToken
from engine.queue.roster import Sums
from engine.scheduler import Scheduler, WorkKind
from engine.state.journal import StateDB
from engine.state.store import SavedOperation, read_state
from engine.transfer import NO_PARTS
from tests.engine.local.faults import WatchedFs, failing, open_descriptors
from tests.engine.queue.items import HERE, download, item, run, upload
from tests.engine.queue.quiet import offline, quiet_at, states
from tests.engine.queue.real import running_at, write
from tests.servers.scripted import ScriptedS3

S = TransferState


def unsaved() -> Condition:
    return Condition("state-unsaved", ("state", "/state"), detail="No space left on device")


def test_no_item_is_moved_again_while_the_queue_is_known_not_to_be_saved() -> None:
    queue, problem = Scheduler(8, 2), ["No space left on device"]
    queue.is_state_unsaved = lambda: bool(problem)
    waiting = item(1)
    waiting.go(S.RUNNING)
    waiting.go(S.WAITING)
    queue.block(unsaved(), waiting, 0.0).items[waiting.id] = waiting
    for now in (10.0, 20.0, 30.0):
        assert queue.take(now) is None
        assert (queue.next_due(now) or 0.0) > now, "the workers would spin"
    problem.clear()
    work = queue.take(60.0)
    assert work is not None and work.kind is WorkKind.BEGIN and work.transfer is waiting


def test_who_tries_whether_a_condition_is_over_does_not_count_as_moving(tmp_path: Path) -> None:
    with quiet_at(tmp_path / "state") as quiet:
        quiet.job.steps["begin"] = [offline(), offline()]
        quiet.add(upload("a"), upload("b"))
        quiet.step(quiet.take())
        assert quiet.manager.waits_only
        tries = quiet.take(later=60.0)
        assert tries is not None and tries.transfer is not None
        with quiet.core.lock:
            run(quiet.core.scheduler, tries.transfer)
        assert tries.transfer.state is S.RUNNING
        assert quiet.manager.waits_only


def test_a_disk_that_refuses_only_at_the_end_is_asked_less_and_less_often(tmp_path: Path) -> None:
    full = [Condition("disk-full", ("disk", "1"), detail="No space left on device") for _ in range(4)]
    with quiet_at(tmp_path / "state") as quiet:
        quiet.job.steps["finish"] = list(full)
        [small] = quiet.add(download("a"))
        for attempt in (1, 2, 3):
            small.parts = NO_PARTS  # Of a small item nothing is kept.
            work = quiet.take(later=60.0 * attempt)
            while work is not None:
                work = quiet.step(work) or quiet.take()
            [blockade] = quiet.core.scheduler.blockades.values()
            assert blockade.attempt == attempt
        quiet.do_all(later=600.0)
        quiet.do_all(later=1200.0)
        assert states(list(quiet.core.roster)) == []


def test_an_operation_whose_last_item_was_finished_just_before_a_kill_is_forgotten(tmp_path: Path) -> None:
    with quiet_at(tmp_path / "state") as quiet:
        [id] = quiet.core.store.new_ids(1)
        quiet.core.store.save_operation(SavedOperation(OperationId(id), "test", 0.0, None, planned=True))
    with quiet_at(tmp_path / "state") as quiet:
        assert quiet.core.operations == {}
    assert read_state(str(tmp_path / "state")).loaded.operations == []


def test_what_was_done_or_cancelled_before_a_kill_does_not_come_back_when_the_rest_is_planned(
    tmp_path: Path,
) -> None:
    with quiet_at(tmp_path / "state") as quiet:
        operation = quiet.operation()
        [_, b] = quiet.add(upload("a"), upload("b"), operation=operation)
        quiet.manager.cancel(b.id)
        quiet.do_all()
    with quiet_at(tmp_path / "state") as quiet:
        again = quiet.core.operations[operation.id]
        intake = quiet.manager._intake
        intake._tokens[again.id] = CancelToken()
        again.is_planning = True
        intake._remember_ended(again)
        intake._take_in(again, [upload("a"), upload("b"), upload("c")])
        assert [str(each.spec.source) for each in quiet.core.roster] == ["/data/c"]
        quiet.do_all()
        intake._take_in(again, [upload("c"), upload("d")])
        assert [str(each.spec.source) for each in quiet.core.roster] == ["/data/d"]


@pytest.mark.parametrize("names", [["a"], ["a", "b"]])
def test_a_source_that_is_gone_because_it_was_moved_before_a_kill_is_no_error(
    tmp_path: Path, names: list[str]
) -> None:
    with quiet_at(tmp_path / "state") as quiet:
        operation = quiet.operation()
        quiet.add(upload("a"), operation=operation)
        sources = tuple(LocalRef(f"/data/{name}") for name in names)
        request = TransferRequest(sources, ObjectRef("b", ""), HERE, TransferOptions())
        quiet.core.store.save_operation(SavedOperation(operation.id, "test", 0.0, request, planned=False))
        quiet.do_all()
    with quiet_at(tmp_path / "state") as quiet:
        again = quiet.core.operations[operation.id]
        quiet.core.roster.operations.setdefault(again.id, Sums())
        quiet.manager._intake._remember_ended(again)
        quiet.manager._intake._refused(again, UsageError("/data/a does not exist"))
        assert (again.problem is None) == (names == ["a"])
        assert not again.is_planning


def test_a_disk_error_that_no_job_expects_is_still_one_of_the_disk(tmp_path: Path) -> None:
    with quiet_at(tmp_path / "state") as quiet:
        quiet.job.steps["begin"] = [OSError(errno.EIO, "Input/output error")]
        [transfer] = quiet.add(upload("a"))
        quiet.do_all()
        assert transfer.state is S.FAILED
        assert transfer.problem is not None
        assert transfer.problem.code == "disk-error"


def test_a_file_that_could_not_be_looked_at_may_be_tried_again(tmp_path: Path) -> None:
    with quiet_at(tmp_path / "state") as quiet:
        for refusal in ("disk-error", "local-denied", "unsafe-name"):
            quiet.add(replace(upload(refusal), refusal=refusal))
        assert quiet.manager.retry_failed() == 2
        quiet.do_all()
        assert states(list(quiet.core.roster)) == [S.FAILED]


def test_a_source_that_cannot_be_looked_at_is_not_called_changed(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x")
    before = open_descriptors()
    with pytest.raises(TransferError) as raised:
        SourceFile(str(tmp_path / "a"), failing("fstat", errno.EIO))
    assert raised.value.code == "disk-error"
    assert open_descriptors() == before
    source = SourceFile(str(tmp_path / "a"), failing("stat", errno.EIO))
    with pytest.raises(TransferError) as raised:
        source.check_path()
    assert not isinstance(raised.value, NeedsAnswer)
    source.close()


def test_a_state_folder_that_cannot_be_listed_is_named(tmp_path: Path) -> None:
    StateDB(str(tmp_path / "state")).close()
    with pytest.raises(StateError, match="cannot be read"):
        StateDB(str(tmp_path / "state"), fs=failing("scandir", errno.EIO))


def test_a_folder_that_could_not_be_listed_is_looked_into_when_it_is_tried_again(tmp_path: Path) -> None:
    write(tmp_path / "tree" / "a", 10)
    write(tmp_path / "tree" / "deep" / "b", 20)
    broken = [True]

    def before(name: str, args: tuple[object, ...]) -> None:
        if name == "scandir" and str(args[0]).endswith("deep") and broken:
            raise OSError(errno.EIO, "Input/output error")

    with ScriptedS3("b") as s3, running_at(s3.url, tmp_path / "state", fs=WatchedFs(before)) as engine:
        engine.settled(engine.copy(f"{tmp_path}/tree/", "s3://b/t/"))
        assert engine.state("deep/") is S.FAILED
        engine.manager.retry_failed()
        engine.until(lambda: engine.manager.is_settled)
        assert engine.state("deep/") is S.FAILED, "it is broken still"
        broken.clear()
        engine.manager.retry_failed()
        engine.until(lambda: engine.manager.is_settled)
        assert engine.manager.snapshot().totals.count(S.FAILED) == 0
        assert s3.data("b", "t/deep/b") == (tmp_path / "tree" / "deep" / "b").read_bytes()
