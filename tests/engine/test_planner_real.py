"""The planner on the real server: what is asked for becomes items, with what stands at their targets."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from engine.errors import UsageError
from engine.model import (
    DeleteRequest,
    ItemKind,
    LocalRef,
    ObjectRef,
    Place,
    Request,
    TransferRequest,
    TransferSpec,
)
from engine.pace.cancel import CancelToken
from engine.planner import Planner
from engine.s3.connection import Connection, Connections
from engine.s3.profiles import Profile
from tests.servers.seaweed import Seaweed

Plan = Callable[[Request], list[TransferSpec]]


@pytest.fixture
def plan(connections: Connections, connection: Connection) -> Plan:
    """Plans to the end."""

    def run(request: Request) -> list[TransferSpec]:
        return [spec for batch in Planner(connections).plan(request, CancelToken()) for spec in batch]

    return run


def put(seaweed: Seaweed, bucket: str, *keys: str, body: bytes = b"data") -> None:
    for key in keys:
        seaweed.client().put_object(Bucket=bucket, Key=key, Body=body)


def moving(connection: Connection, source: Place, target: Place) -> TransferRequest:
    return TransferRequest((source,), target, connection.id)


def refused(plan: Plan, request: Request) -> str:
    with pytest.raises(UsageError) as error:
        plan(request)
    return str(error.value)


def test_a_folder_is_planned_with_what_stands_at_its_targets(
    plan: Plan, connection: Connection, seaweed: Seaweed, bucket: str, tmp_path: Path
) -> None:
    (tmp_path / "d").mkdir()
    for name in ("a", "b c+", "d/ü"):
        (tmp_path / name).write_bytes(b"four")
    put(seaweed, bucket, "p/b c+", "p/d/ü", "p/other", body=b"older")
    specs = plan(moving(connection, LocalRef(f"{tmp_path}/"), ObjectRef(bucket, "p/")))
    found = {str(spec.target): spec for spec in specs}
    assert sorted(found) == [f"s3://{bucket}/p/{name}" for name in ("a", "b c+", "d/ü")]
    for target, spec in found.items():
        assert (spec.kind, spec.size, spec.target_was_listed) == (ItemKind.UPLOAD, 4, True), target
        assert (spec.target_facts is None) == target.endswith("/a"), target
    there = found[f"s3://{bucket}/p/d/ü"].target_facts
    assert there is not None and there.mtime is not None
    head = connection.control.head(ObjectRef(bucket, "p/d/ü"))
    assert (there.size, there.etag) == (5, head.etag)
    assert there.mtime == pytest.approx(head.mtime, abs=1.0)


def test_a_prefix_is_planned_with_its_facts(
    plan: Plan, connection: Connection, seaweed: Seaweed, bucket: str, tmp_path: Path
) -> None:
    put(seaweed, bucket, "p/a", "p/d/ü +", "q")
    connection.control.put_marker(bucket, "p/empty/")
    specs = plan(moving(connection, ObjectRef(bucket, "p/"), LocalRef(f"{tmp_path}/new/")))
    found = {str(spec.target).removeprefix(f"{tmp_path}/new/"): spec for spec in specs}
    assert sorted(found) == ["a", "d/ü +", "empty/"]
    facts = found["d/ü +"].source_facts
    assert facts is not None
    assert (facts.size, facts.etag) == (4, connection.control.head(ObjectRef(bucket, "p/d/ü +")).etag)


def test_one_object_is_planned_and_a_prefix_without_slash_is_named(
    plan: Plan, connection: Connection, seaweed: Seaweed, bucket: str, tmp_path: Path
) -> None:
    put(seaweed, bucket, "p/a")
    (spec,) = plan(moving(connection, ObjectRef(bucket, "p/a"), LocalRef(f"{tmp_path}/")))
    assert (str(spec.target), spec.size) == (f"{tmp_path}/a", 4)
    said = refused(plan, moving(connection, ObjectRef(bucket, "p"), LocalRef(f"{tmp_path}/")))
    assert f"s3://{bucket}/p/" in said
    assert refused(plan, moving(connection, ObjectRef(bucket, "none/"), LocalRef(f"{tmp_path}/")))


def test_a_copy_is_planned_between_prefixes(
    plan: Plan, connection: Connection, seaweed: Seaweed, bucket: str
) -> None:
    put(seaweed, bucket, "p/a", "p/a-b", "p/a/c", "q/a-b")
    specs = plan(moving(connection, ObjectRef(bucket, "p/"), ObjectRef(bucket, "q/")))
    assert {spec.kind for spec in specs} == {ItemKind.COPY}
    found = {str(spec.target).rpartition("/q/")[2]: spec for spec in specs}
    assert "a-b" in found and "a/c" in found
    known = found["a-b"]
    assert not known.target_was_listed or known.target_facts is not None


def test_deletions_are_planned_for_what_is_there(
    plan: Plan, connection: Connection, seaweed: Seaweed, bucket: str
) -> None:
    put(seaweed, bucket, "p/a", "q")
    refs = tuple(ObjectRef(bucket, key) for key in ("p/", "q", "gone"))
    specs = plan(DeleteRequest(refs, connection.id))
    assert [(str(spec.source), spec.size) for spec in specs] == [
        (f"s3://{bucket}/p/", -1),
        (f"s3://{bucket}/q", 4),
    ]
    assert refused(plan, DeleteRequest((ObjectRef(bucket, "gone"),), connection.id))


def test_nothing_is_planned_to_change_a_read_only_profile(
    plan: Plan, connections: Connections, connection: Connection, bucket: str, tmp_path: Path
) -> None:
    connections.add(Profile("default", connection.profile.endpoint_url, read_only=True))
    (tmp_path / "a").write_bytes(b"x")
    said = refused(plan, moving(connection, LocalRef(f"{tmp_path}/a"), ObjectRef(bucket, "p/")))
    assert "read-only" in said
