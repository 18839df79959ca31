"""A short version of the kill rounds, and that their oracle sees what it is there for."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.servers.seaweed import Seaweed
from tests.torture import oracle
from tests.torture.kills import one_round
from tests.torture.power import in_a_namespace, is_possible
from tests.torture.world import OLD, World, make_world

ROUNDS = (
    [("cp", seed) for seed in range(16)]
    + [("engine", seed) for seed in range(18)]
    + [("screen", seed) for seed in range(6)]
)


@pytest.mark.fault(38)
@pytest.mark.parametrize(("kind", "seed"), ROUNDS)
def test_a_kill_at_any_moment_loses_nothing(kind: str, seed: int, seaweed: Seaweed, tmp_path: Path) -> None:
    ended = one_round(seaweed.url, kind, seed, str(tmp_path))
    assert not ended.failure, ended.failure
    assert ended.kills >= 1


@pytest.mark.fault(41)
@pytest.mark.skipif(bool(is_possible()), reason=is_possible() or "-")
@pytest.mark.parametrize(("kind", "seed"), [("cp", 0), ("engine", 0)])
def test_a_power_cut_loses_nothing_that_was_synced(
    kind: str, seed: int, seaweed: Seaweed, tmp_path: Path
) -> None:
    ended = in_a_namespace(seaweed.url, kind, seed, str(tmp_path))
    assert not ended.failure, ended.failure
    assert ended.kills >= 1


# -- the oracle ------------------------------------------------------------------------------------


@pytest.fixture
def world(seaweed: Seaweed, bucket: str, tmp_path: Path) -> World:
    """A download that is done."""
    seed = next(seed for seed in range(100) if random.Random(seed).random() >= 0.5)
    world = make_world(tmp_path / "w", seaweed, bucket, random.Random(seed), large=1, small=6)
    for name, content in world.files.items():
        path = world.disk / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.data)
    return world


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def _flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def _leave_part_file(path: Path) -> None:
    (path.parent / f".{path.name}.7.part").write_bytes(b"x")


def _put_old(path: Path) -> None:
    path.write_bytes(OLD)


@pytest.mark.parametrize("damage", [Path.unlink, _cut, _flip, _leave_part_file, _put_old])
def test_the_oracle_sees_damage(damage: Callable[[Path], None], world: World, tmp_path: Path) -> None:
    world.move = False
    oracle.check_end(world, tmp_path / "state")
    largest = max(world.files, key=lambda name: world.files[name].size)
    damage(world.disk / largest)
    with pytest.raises(AssertionError):
        oracle.check_end(world, tmp_path / "state")


def test_the_oracle_sees_a_multipart_upload_that_is_left(
    world: World, seaweed: Seaweed, tmp_path: Path
) -> None:
    world.move = False
    seaweed.client().create_multipart_upload(Bucket=world.bucket, Key="target/left")
    with pytest.raises(AssertionError, match="multipart"):
        oracle.check_end(world, tmp_path / "state")


def test_the_oracle_sees_a_source_that_is_gone_too_early(world: World, seaweed: Seaweed) -> None:
    world.move = True
    name = next(iter(world.files))
    (world.disk / name).unlink()
    seaweed.client().delete_object(Bucket=world.bucket, Key=world.prefix + name)
    with pytest.raises(AssertionError):
        oracle.check_published(world)


def test_the_oracle_sees_keys(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("signed with secret-canary-0c1d2e3f")
    with pytest.raises(AssertionError, match="key"):
        oracle.check_secrets(tmp_path)
