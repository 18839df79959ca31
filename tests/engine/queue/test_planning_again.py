"""What was asked for in an earlier process and not yet planned is not lost by a bad moment."""

from __future__ import annotations

from pathlib import Path

from engine import (
    ConflictPolicy,
    Connections,
    EngineConfig,
    LocalRef,
    ObjectRef,
    OperationId,
    Profile,
    TransferManager,
    TransferOptions,
    TransferRequest,
    TransferState,
)
from engine.state.store import SavedOperation, Store
from tests.engine.queue.real import Engine

NOWHERE = Profile("default", endpoint_url="http://127.0.0.1:9", unsigned=True)


def asked_for(state: Path, source: Path, connection: Profile = NOWHERE) -> None:
    """A process was asked for this, and killed before it had looked."""
    store = Store.open(str(state))
    request = TransferRequest(
        (LocalRef(str(source)),),
        ObjectRef("bucket", "x/"),
        connection.connection_id,
        TransferOptions(on_conflict=ConflictPolicy.OVERWRITE),
    )
    store.add(SavedOperation(OperationId(store.new_ids(1)[0]), "upload", 0.0, request, False), [])
    store.close()


def start(state: Path, *profiles: Profile) -> Engine:
    engine = Engine(
        TransferManager(EngineConfig(str(state)), Connections(profiles)), profiles[0] if profiles else NOWHERE
    )
    engine.manager.start()
    return engine


def told(engine: Engine, times: int = 1) -> None:
    """Wait until it was said so often that something cannot be planned."""
    engine.until(lambda: sum(1 for event in engine.events if event.kind == "refused") == times, "told")


def unplanned(state: Path) -> list[bool]:
    store = Store.open(str(state))
    try:
        return [operation.request is not None for operation in store.loaded.operations]
    finally:
        store.close()


def test_what_is_out_of_reach_at_a_start_is_planned_at_the_next(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a")
    asked_for(tmp_path / "state", tmp_path / "a")
    for _ in range(2):
        engine = start(tmp_path / "state", NOWHERE)
        told(engine)
        assert engine.manager.is_settled
        engine.manager.close()
        assert unplanned(tmp_path / "state") == [True]


def test_it_is_planned_again_on_demand(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a")
    asked_for(tmp_path / "state", tmp_path / "a")
    engine = start(tmp_path / "state", NOWHERE)
    told(engine)
    assert engine.manager.plan_again() == 1
    told(engine, 2)
    engine.manager.close()


def test_a_profile_that_is_not_at_hand_loses_nothing(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a")
    asked_for(tmp_path / "state", tmp_path / "a")
    engine = start(tmp_path / "state")
    told(engine)
    engine.manager.close()
    assert unplanned(tmp_path / "state") == [True]


def test_what_makes_no_sense_any_more_is_told_once(tmp_path: Path) -> None:
    asked_for(tmp_path / "state", tmp_path / "gone")
    engine = start(tmp_path / "state", NOWHERE)
    told(engine)
    assert not any(row.state is not TransferState.FAILED for row in engine.manager.snapshot().rows)
    engine.manager.close()
    assert unplanned(tmp_path / "state") == []
