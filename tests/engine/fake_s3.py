"""A bucket in memory behind the same door as the real one, which counts what it is asked.

Only for what decides about requests and items; whatever claims something about real listings runs
against a real server.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, cast

import pytest

from engine.errors import NeedsAnswer, Permanent, TransferError
from engine.local.fsops import FsOps
from engine.model import ConnectionId, ObjectRef
from engine.pace.cancel import CancelToken
from engine.page import EntryKind, Page, PageBuilder
from engine.planner import Planner

ID = ConnectionId("test@here")


@dataclass
class FakeProfile:
    name: str = "test"
    endpoint_url: str = "http://here"
    read_only: bool = False


@dataclass
class FakeFacts:
    size: int
    mtime: float
    etag: str
    version_id: str | None = None
    storage_class: str | None = None
    content_type: str | None = "text/plain"
    metadata: dict[str, str] = field(default_factory=dict)
    crc32: int | None = None
    crc64nvme: str | None = None
    checksum_type: str | None = None
    parts_count: int | None = None
    sse: str | None = None
    restore: str | None = None


@dataclass
class FakeEndpoint:
    clock_offset: float = 0.5


def by_bytes(key: str) -> Any:
    """The order S3 promises."""
    return key.encode("utf-8")


def by_tree(key: str) -> Any:
    """The order of servers that walk folders."""
    return [part.encode("utf-8") for part in key.split("/")]


def shuffled(key: str) -> Any:
    """No order at all, but always the same."""
    return key[::-1]


@dataclass
class FakeS3:
    """One endpoint: buckets of keys with their sizes."""

    buckets: dict[str, dict[str, int]] = field(default_factory=dict)
    order: Callable[[str], Any] = by_bytes
    page_size: int = 1000
    denied: set[str] = field(default_factory=set)
    """Buckets, or ``HEAD``, that answer AccessDenied."""
    profile: FakeProfile = field(default_factory=FakeProfile)
    faults: list[TransferError | None] = field(default_factory=list)
    """What the coming list requests fail with, one by one; ``None`` lets one through."""
    asked: list[str] = field(default_factory=list)
    """``LIST bucket/prefix`` for each page, ``HEAD bucket/key`` for each object."""
    changed: dict[str, int] = field(default_factory=dict)
    """Sizes that HEAD tells instead of the true ones."""
    endpoint: FakeEndpoint = field(default_factory=FakeEndpoint)
    endless: Callable[[str], Iterator[tuple[str, int]]] | None = None
    """Instead of `buckets`: keys below a prefix, in order, as many as there are."""

    def put(self, bucket: str, *keys: str, size: int = 1) -> FakeS3:
        """Some objects; their time and ETag follow from their key."""
        self.buckets.setdefault(bucket, {}).update(dict.fromkeys(keys, size))
        return self

    # -- as Connections and Connection -------------------------------------------------------------

    def get(self, id: ConnectionId) -> FakeS3:
        if id != ID:
            raise NeedsAnswer("needs-profile", operation="reach", subject=str(id))
        return self

    @property
    def control(self) -> FakeS3:
        return self

    @property
    def wire(self) -> FakeS3:
        return self

    def head_object(self, ref: ObjectRef, **how: object) -> FakeFacts:
        return self.head(ref)

    def head(self, ref: ObjectRef, **how: object) -> FakeFacts:
        self.asked.append(f"HEAD {ref.bucket}/{ref.key}")
        if "HEAD" in self.denied:
            raise _denied("look at", str(ref))
        self._check(ref.bucket)
        if ref.key not in self.buckets[ref.bucket]:
            raise Permanent("no-such-key", operation="look at", subject=str(ref))
        size = self.buckets[ref.bucket][ref.key]
        return FakeFacts(self.changed.get(ref.key, size), 1.0, f"etag-{size}", ref.version_id)

    def described(self, ref: ObjectRef) -> tuple[FakeFacts, dict[str, str]]:
        return self.head(ref), {}

    def tags(self, ref: ObjectRef) -> dict[str, str]:
        return {}

    def retention(self, ref: ObjectRef) -> str:
        return "none"

    legal_hold = retention

    def bucket_versioning(self, bucket: str) -> str:
        return "off"

    bucket_encryption = bucket_lock = bucket_upload_rule = bucket_versioning

    def list_buckets(self) -> list[tuple[str, float]]:
        self.asked.append("BUCKETS")
        if "BUCKETS" in self.denied:
            raise _denied("list buckets", "s3://")
        return [(name, 2.0) for name in self.buckets]

    def bucket_region(self, bucket: str) -> str:
        return "eu-west-1"

    def make_bucket(self, bucket: str) -> None:
        self.buckets[bucket] = {}

    def put_marker(self, bucket: str, key: str) -> None:
        self.put(bucket, key, size=0)

    def presign(self, ref: ObjectRef, seconds: int) -> str:
        return f"http://here/{ref.bucket}/{ref.key}?for={seconds}"

    def copy_object(self, old: ObjectRef, new: ObjectRef, *, if_match: str, options: object) -> None:
        self.asked.append(f"COPY {old.key} {new.key} {if_match}")
        self.put(new.bucket, new.key, size=self.buckets[old.bucket][old.key])

    def delete_object(self, ref: ObjectRef) -> None:
        del self.buckets[ref.bucket][ref.key]

    def _check(self, bucket: str) -> None:
        if bucket in self.denied:
            raise _denied("list", f"s3://{bucket}/")
        if bucket not in self.buckets and self.endless is None:
            raise Permanent("no-such-bucket", operation="list", subject=f"s3://{bucket}/")

    # -- as engine.s3.listing ----------------------------------------------------------------------

    @property
    def lists(self) -> list[str]:
        return [line for line in self.asked if line.startswith("LIST")]

    @property
    def heads(self) -> list[str]:
        return [line for line in self.asked if line.startswith("HEAD")]

    def pages(
        self,
        bucket: str,
        prefix: str,
        delimiter: str | None,
        token: CancelToken | None,
        start_after: str | None = None,
    ) -> Iterator[Page]:
        entries = self._entries(bucket, prefix, delimiter)
        if start_after is not None:
            entries = self._after(entries, start_after[len(prefix) :])
        first = True
        while True:
            if token is not None:
                token.check()
            self.asked.append(f"LIST {bucket}/{prefix}")
            self._check(bucket)
            if self.faults and (fault := self.faults.pop(0)) is not None:
                raise fault
            chunk = list(itertools.islice(entries, self.page_size))
            if chunk or first:
                yield _page(chunk)
            first = False
            if len(chunk) < self.page_size:
                return

    def _after(
        self, entries: Iterator[tuple[str, int, EntryKind]], start: str
    ) -> Iterator[tuple[str, int, EntryKind]]:
        return (entry for entry in entries if self.order(entry[0]) > self.order(start))

    def _entries(
        self, bucket: str, prefix: str, delimiter: str | None
    ) -> Iterator[tuple[str, int, EntryKind]]:
        if self.endless is not None:
            for name, size in self.endless(prefix):
                yield name, size, EntryKind.FILE
            return
        seen: set[str] = set()
        for key in sorted(self.buckets.get(bucket, {}), key=self.order):
            if not key.startswith(prefix):
                continue
            name = key[len(prefix) :]
            if delimiter and delimiter in name:
                folder = name.partition(delimiter)[0]
                if folder not in seen:
                    seen.add(folder)
                    yield folder, -1, EntryKind.FOLDER
            elif not (delimiter and not name):
                yield name, self.buckets[bucket][key], EntryKind.FILE


def _page(entries: list[tuple[str, int, EntryKind]]) -> Page:
    page = PageBuilder(objects=True)
    for name, size, kind in entries:
        page.add(name, kind, size, 1.0, f"etag-{name}", "STANDARD")
    return page.take()


class NoWaiting:
    """A clock on which every wait is over at once, and written down."""

    def __init__(self) -> None:
        self.waits: list[float] = []

    def monotonic(self) -> float:
        return sum(self.waits)

    def wall(self) -> float:
        return sum(self.waits)

    def wait(self, token: CancelToken, seconds: float) -> bool:
        self.waits.append(seconds)
        return token.cancelled


def planner(s3: FakeS3, fs: FsOps | None = None, clock: NoWaiting | None = None) -> Planner:
    """A planner that has this endpoint for its only connection."""
    return Planner(cast(Any, s3), fs, clock or NoWaiting())


def _denied(operation: str, subject: str) -> TransferError:
    return Permanent("access-denied", operation=operation, subject=subject, status=403)


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> FakeS3:
    """An empty endpoint that the engine lists instead of a real one."""

    def list_pages(
        connection: FakeS3,
        bucket: str,
        prefix: str,
        *,
        delimiter: str | None,
        token: CancelToken | None = None,
        start_after: str | None = None,
    ) -> Iterator[Page]:
        return connection.pages(bucket, prefix, delimiter, token, start_after)

    module = ModuleType("engine.s3.listing")
    module.list_pages = list_pages  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "engine.s3.listing", module)
    return FakeS3()
