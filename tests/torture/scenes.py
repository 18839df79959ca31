"""What the program is asked to do while it is disturbed, small and large, each way; and the two sides of it."""

from __future__ import annotations

import functools
import os
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.parts import MIN_PART_SIZE

PART = MIN_PART_SIZE
"""The server refuses smaller ones."""
WORKERS = 2
HOW = ("--workers", str(WORKERS), "--part-size", str(PART), "--wait-for", "1", "--quiet")


@dataclass(frozen=True, slots=True)
class Scene:
    """One request, and what there is before it."""

    name: str
    verb: str
    """cp, move or delete."""
    source: str
    """local or remote."""
    target: str
    files: Mapping[str, int]
    """Sizes by name."""
    old: Mapping[str, int] = field(default_factory=dict)
    """What stands at the target, to be written over."""


_SMALL = {"none": 0, "one": 1, "deep/er/some": 70_000}
_LARGE = {"part": PART, "more": PART + 1, "three": 2 * PART + 1000}

SCENES = (
    Scene("small up", "cp", "local", "remote", _SMALL, {"one": 9}),
    Scene("small down", "cp", "remote", "local", _SMALL, {"one": 9}),
    Scene("small up and away", "move", "local", "remote", {"one": 1, "some": 70_000}),
    Scene("small down and away", "move", "remote", "local", {"one": 1, "some": 70_000}),
    Scene("small across", "cp", "remote", "remote", {"one": 1, "some": 70_000}, {"some": 5}),
    Scene("deleted here", "delete", "local", "local", {"one": 1, "deep/some": 3}),
    Scene("deleted there", "delete", "remote", "remote", {"one": 1, "deep/some": 3}),
    Scene("large up", "cp", "local", "remote", _LARGE, {"more": 11}),
    Scene("large down", "cp", "remote", "local", _LARGE, {"more": 11}),
    Scene("large across", "cp", "remote", "remote", {"more": PART + 1}, {"more": 11}),
    Scene("large up and away", "move", "local", "remote", {"more": PART + 1}),
    Scene("large down and away", "move", "remote", "local", {"more": PART + 1}),
)


@functools.lru_cache(maxsize=32)
def content(size: int, salt: str) -> bytes:
    """Random bytes, the same ones whenever they are asked for."""
    return random.Random(f"{size}/{salt}").randbytes(size)


class Local:
    """A folder on this disk."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.place = f"{folder}/"

    def put(self, name: str, data: bytes) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        os.utime(path, (1_600_000_000, 1_600_000_000))

    def get(self, name: str) -> bytes | None:
        """``None`` if there is no such file."""
        try:
            return (self.folder / name).read_bytes()
        except FileNotFoundError:
            return None

    def names(self) -> set[str]:
        found = (Path(base) / name for base, _, names in os.walk(self.folder) for name in names)
        return {str(path.relative_to(self.folder)) for path in found}

    def address(self, name: str) -> str:
        """As the queue shows it."""
        return str(self.folder / name)

    def leftovers(self) -> list[str]:
        """Part files."""
        return sorted(name for name in self.names() if name.endswith(".part"))


class Remote:
    """A prefix in a bucket."""

    def __init__(self, client: Any, bucket: str, prefix: str) -> None:
        self._client, self._bucket, self._prefix = client, bucket, prefix
        self.place = f"s3://{bucket}/{prefix}"

    def put(self, name: str, data: bytes) -> None:
        self._client.put_object(Bucket=self._bucket, Key=self._prefix + name, Body=data)

    def get(self, name: str) -> bytes | None:
        """``None`` if there is no such object."""
        try:
            answer = self._client.get_object(Bucket=self._bucket, Key=self._prefix + name)
        except self._client.exceptions.NoSuchKey:
            return None
        return bytes(answer["Body"].read())

    def names(self) -> set[str]:
        answer = self._client.list_objects_v2(Bucket=self._bucket, Prefix=self._prefix)
        return {entry["Key"].removeprefix(self._prefix) for entry in answer.get("Contents", ())}

    def address(self, name: str) -> str:
        """As the queue shows it."""
        return self.place + name

    def leftovers(self) -> list[str]:
        """Uploads that nobody completed."""
        answer = self._client.list_multipart_uploads(Bucket=self._bucket, Prefix=self._prefix)
        return [f"upload of {upload['Key']}" for upload in answer.get("Uploads", ())]


Side = Local | Remote


class Stage:
    """A scene as it is played once: both sides set up, and what may stand there at which moment."""

    def __init__(self, scene: Scene, source: Side, target: Side) -> None:
        self.scene, self.source, self.target = scene, source, target
        self.new = {name: content(size, "new") for name, size in scene.files.items()}
        self.old = {name: content(size, "old") for name, size in scene.old.items()}
        for name, data in self.new.items():
            source.put(name, data)
        for name, data in self.old.items():
            target.put(name, data)

    @property
    def words(self) -> tuple[str, ...]:
        """The command line."""
        if self.scene.verb == "delete":
            return ("delete", *HOW, self.source.place, self.target.place)
        move = ("--move",) if self.scene.verb == "move" else ()
        return ("cp", *HOW, *move, self.source.place, self.target.place)

    @property
    def size(self) -> int:
        """Bytes that have to be moved."""
        return sum(self.scene.files.values())

    def wrong_now(self) -> list[str]:
        """What may at no moment be so."""
        wrong = []
        for name, new in self.new.items():
            here = self.source.get(name)
            if here is not None and here != new:
                wrong.append(f"source {name} was altered")
            if self.scene.verb == "delete":
                continue
            there = self.target.get(name)
            if there not in (new, self.old.get(name)):
                wrong.append(f"target {name} is neither absent, old nor complete: {_shown(there)}")
            if here is None and (self.scene.verb != "move" or there != new):
                wrong.append(f"source {name} is gone, its target is {_shown(there)}")
        return wrong

    def wrong_at_end(self) -> list[str]:
        """What may not be so when everything is done."""
        wrong = self.wrong_now()
        gone = self.scene.verb in ("move", "delete")
        for name, new in self.new.items():
            if gone and self.source.get(name) is not None:
                wrong.append(f"source {name} is still there")
            if self.scene.verb != "delete" and self.target.get(name) != new:
                wrong.append(f"target {name} is {_shown(self.target.get(name))}")
        if self.scene.verb != "delete":
            strange = self.target.names() - set(self.new)
            wrong += [f"target {name} was not asked for" for name in sorted(strange)]
        wrong += [f"left over: {what}" for side in (self.source, self.target) for what in side.leftovers()]
        return wrong


def _shown(data: bytes | None) -> str:
    return "absent" if data is None else f"{len(data)} bytes"
