"""What a round moves: a tree of seeded files, on disk or in a bucket, and what stood at its targets before."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from pathlib import Path

from tests.servers.seaweed import Seaweed

MIB = 1024 * 1024
PART_SIZE = 5 * MIB
"""The smallest that S3 allows."""
WORKERS = 8
RATE = 80 * MIB
"""Bytes per second, so that there is time to die in."""
_POOL = random.Random(62).randbytes(24 * MIB)
_LARGE = (PART_SIZE - 1, PART_SIZE, PART_SIZE + 1, 2 * PART_SIZE + 1)
_SMALL = (0, 1, 100, 5_000, 70_000)
OLD = b"what stood here before\n"
CANARIES = ("AKTESTS3TUI", "secret-canary-0c1d2e3f")
"""The test server's keys. The first is an id, yet state and log have no business with it either."""


@dataclass(frozen=True, slots=True)
class Content:
    """Bytes that can be had again without being kept."""

    offset: int
    size: int

    @property
    def data(self) -> memoryview:
        return memoryview(_POOL)[self.offset : self.offset + self.size]


@dataclass(slots=True)
class World:
    """One round's folder, bucket and contents, by relative name."""

    folder: Path
    seaweed: Seaweed
    bucket: str
    upward: bool
    move: bool
    files: dict[str, Content] = field(default_factory=dict)
    stood: frozenset[str] = frozenset()
    """Names whose targets held `OLD` before."""

    @property
    def source(self) -> str:
        return f"{self.folder}/source/" if self.upward else f"s3://{self.bucket}/source/"

    @property
    def target(self) -> str:
        return f"s3://{self.bucket}/target/" if self.upward else f"{self.folder}/target/"

    @property
    def disk(self) -> Path:
        """The folder on this side."""
        return self.folder / ("source" if self.upward else "target")

    @property
    def prefix(self) -> str:
        """The prefix on the other side."""
        return "target/" if self.upward else "source/"

    @property
    def total(self) -> int:
        """Bytes."""
        return sum(content.size for content in self.files.values())

    def local(self) -> dict[str, Path]:
        """The files that are there now, without part files."""
        found = (path for path in self.disk.rglob("*") if path.is_file())
        return {str(path.relative_to(self.disk)): path for path in found if not is_part_file(path)}

    def remote(self) -> dict[str, int]:
        """The objects that are there now, and their sizes."""
        pages = self.seaweed.client().get_paginator("list_objects_v2")
        found: dict[str, int] = {}
        for page in pages.paginate(Bucket=self.bucket, Prefix=self.prefix):
            for entry in page.get("Contents", ()):
                found[entry["Key"][len(self.prefix) :]] = entry["Size"]
        return found

    def body(self, name: str) -> bytes:
        """An object's bytes."""
        reply = self.seaweed.client().get_object(Bucket=self.bucket, Key=self.prefix + name)
        body: bytes = reply["Body"].read()
        return body


def is_part_file(path: Path) -> bool:
    return path.name.startswith(".") and path.name.endswith(".part")


def make_world(
    folder: Path,
    seaweed: Seaweed,
    bucket: str,
    rng: random.Random,
    *,
    large: int = 4,
    small: int = 14,
    asks: bool = False,
) -> World:
    """A tree for one round, with its source filled and some of its targets taken.

    Args:
        asks: the program asks before it overwrites: no target is taken, and nothing is moved away.
    """
    world = World(folder, seaweed, bucket, upward=rng.random() < 0.5, move=rng.random() < 0.2 and not asks)
    sizes = [rng.choice(_LARGE) for _ in range(large)] + [rng.choice(_SMALL) for _ in range(small)]
    rng.shuffle(sizes)
    for number, size in enumerate(sizes):
        name = f"f{number:02}" if number % 3 else f"d{number % 4}/f{number:02}"
        world.files[name] = Content(rng.randrange(len(_POOL) - size), size)
    world.stood = frozenset(name for name in world.files if rng.random() < 0.25 and not asks)
    world.disk.mkdir(parents=True, exist_ok=True)
    for name, content in world.files.items():
        _put(world, name, content.data, on_disk=world.upward)
    for name in world.stood:
        if world.upward:
            seaweed.client().put_object(Bucket=bucket, Key=world.prefix + name, Body=OLD)
        else:
            _put(world, name, OLD, on_disk=True)
    return world


def _put(world: World, name: str, data: memoryview | bytes, *, on_disk: bool) -> None:
    if on_disk:
        path = world.disk / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    else:
        world.seaweed.client().put_object(Bucket=world.bucket, Key=world.prefix + name, Body=bytes(data))
