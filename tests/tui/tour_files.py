"""The files of the tour: five hundred of all sorts, and a bucket that has some of them already."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path
from typing import Any

from tests.servers.seaweed import Seaweed

KIB, MIB = 1024, 1024 * 1024
COUNT = 500
BIG = {"film.mkv": 20 * MIB, "backup of disk.img": 20 * MIB, "dump.sql": 9 * MIB}
"""Those above one part, in the first folder."""
FOLDERS = ("2025/", "2026/", "2026/Zürich, spring/", "raw/", "")
SAME, OTHER, ONLY_THERE = 12, 8, 3


class Files:
    """What is on the disk and what is in the bucket, both below ``photos/``.

    Args:
        folder: Where ``photos`` is made.
        bucket: A versioned one.
    """

    def __init__(self, seaweed: Seaweed, bucket: str, folder: Path) -> None:
        self.client: Any = seaweed.client()
        self.bucket, self.folder = bucket, folder / "photos"

    def make(self) -> None:
        """All of it; the same bytes every time."""
        rng = random.Random(500)
        for folder in FOLDERS:
            (self.folder / folder).mkdir(parents=True, exist_ok=True)
        for name, size in BIG.items():
            (self.folder / "raw" / name).write_bytes(rng.randbytes(size))
        for number in range(COUNT - len(BIG)):
            size = 0 if number % 50 == 0 else rng.choice((1, 700, 4 * KIB, 40 * KIB))
            if number % 100 == 7:
                size = MIB + number
            name = f"{FOLDERS[number % 5]}img {number:03}.jpg"
            (self.folder / name).write_bytes(rng.randbytes(size))
        some = sorted(path for path in (self.folder / "2025").iterdir() if path.stat().st_size > 0)
        for path in some[:SAME]:
            self._put(f"2025/{path.name}", path.read_bytes())
        for path in some[SAME : SAME + OTHER]:
            self._put(f"2025/{path.name}", b"what stood here before")
        for number in range(ONLY_THERE):
            self._put(f"old/{number}.jpg", b"only in the bucket")
        self.overwritten = f"2025/{some[SAME].name}"
        """One that the copy is to replace."""

    def _put(self, name: str, data: bytes) -> None:
        self.client.put_object(Bucket=self.bucket, Key=f"photos/{name}", Body=data)

    def uploads(self, name: str) -> list[str]:
        """Ids of the unfinished uploads of a big file."""
        found = self.client.list_multipart_uploads(Bucket=self.bucket).get("Uploads", ())
        return [each["UploadId"] for each in found if each["Key"] == f"photos/raw/{name}"]

    def parts(self, name: str) -> int:
        """How many parts of a big file the server has."""
        key = f"photos/raw/{name}"
        return sum(
            len(self.client.list_parts(Bucket=self.bucket, Key=key, UploadId=id).get("Parts", ()))
            for id in self.uploads(name)
        )

    def read(self, name: str, count: int = -1) -> bytes:
        """An object, or its first bytes."""
        body = self.client.get_object(Bucket=self.bucket, Key=f"photos/{name}")["Body"]
        data: bytes = body.read() if count < 0 else body.read(count)
        return data

    def here(self) -> dict[str, str]:
        """SHA-256 of each file."""
        return sums_below(self.folder)

    def names(self, below: str = "") -> list[str]:
        """The objects, without folder markers."""
        pages = self.client.get_paginator("list_objects_v2").paginate(
            Bucket=self.bucket, Prefix=f"photos/{below}"
        )
        keys = [each["Key"] for page in pages for each in page.get("Contents", ())]
        return [key.removeprefix("photos/") for key in keys if not key.endswith("/")]

    def there(self) -> dict[str, str]:
        """SHA-256 of each object."""
        return {name: hashlib.sha256(self.read(name)).hexdigest() for name in self.names()}


def sums_below(folder: Path) -> dict[str, str]:
    """SHA-256 of each file by its name below the folder."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }
