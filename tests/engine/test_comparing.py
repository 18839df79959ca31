"""By which test a file and an object are known to hold the same, or not to; or nothing tells."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from engine import ObjectRef, Verified
from engine.jobs.comparing import compare_content, prove_equal
from engine.jobs.source import SourceFile
from engine.local.fsops import FsOps
from engine.pace.cancel import CancelToken
from engine.parts import multipart_etag
from engine.s3.facts import ObjectFacts

MIB = 1024 * 1024
CONTENT = bytes(range(256)) * (9 * MIB // 256)
CRC = zlib.crc32(CONTENT)
MD5 = hashlib.md5(CONTENT).hexdigest()
EIGHT = [CONTENT[: 8 * MIB], CONTENT[8 * MIB :]]
ODD = [CONTENT[: 6 * MIB], CONTENT[6 * MIB :]]


def etag_of(parts: list[bytes]) -> str:
    return multipart_etag(hashlib.md5(part).digest() for part in parts)


def crcs_of(parts: list[bytes]) -> list[tuple[int, int]]:
    return [(len(part), zlib.crc32(part)) for part in parts]


@pytest.fixture
def file(tmp_path: Path) -> Iterator[SourceFile]:
    path = tmp_path / "content"
    path.write_bytes(CONTENT)
    source = SourceFile(str(path), FsOps())
    yield source
    source.close()


def server(parts: list[tuple[int, int]] | None = None, **facts: Any) -> Any:
    """A connection whose one object has these facts."""
    found = ObjectFacts(**{"size": len(CONTENT), "mtime": 0.0, "etag": "", **facts})
    return SimpleNamespace(
        wire=SimpleNamespace(head_object=lambda ref, **_: found),
        control=SimpleNamespace(part_checksums=lambda ref, **_: parts),
    )


def compared(connection: Any, file: SourceFile) -> Verified | None:
    return compare_content(connection, ObjectRef("b", "k"), file, CancelToken())


@pytest.mark.parametrize(
    ("connection", "found"),
    [
        (server(size=1), None),
        (server(crc32=CRC, checksum_type="FULL_OBJECT"), Verified.CRC),
        (server(crc32=CRC ^ 1, checksum_type="FULL_OBJECT"), None),
        (server(crcs_of(EIGHT), crc32=1, checksum_type="COMPOSITE", etag="x-2"), Verified.CRC),
        (server(crcs_of(ODD), crc32=1, checksum_type="COMPOSITE", etag="x-2"), Verified.CRC),
        (server([(8 * MIB, 1), (MIB, 2)], crc32=1, checksum_type="COMPOSITE", etag="x-2"), None),
        (server(None, crc32=1, checksum_type="COMPOSITE", etag=etag_of(EIGHT)), Verified.ETAG),
        (server(None, crc32=1, checksum_type="COMPOSITE", etag="x-2"), Verified.SIZE),
        (server(etag=MD5), Verified.ETAG),
        (server(etag="0" * 32), None),
        (server(etag="0" * 32, sse="aws:kms"), Verified.SIZE),
        (server(etag=etag_of(EIGHT)), Verified.ETAG),
        (server(etag=etag_of(ODD)), Verified.SIZE),
        (server(etag="what-ever"), Verified.SIZE),
    ],
    ids=[
        *("other-size", "crc", "other-crc", "parts", "parts-of-another-size", "other-parts"),
        *("parts-not-told", "nothing-told", "md5", "other-md5", "no-md5", "multipart-md5"),
        *("multipart-of-unknown-size", "no-etag-that-is-known"),
    ],
)
def test_what_is_compared_by(connection: Any, found: Verified | None, file: SourceFile) -> None:
    assert compared(connection, file) is found


def test_an_equal_size_proves_nothing(file: SourceFile) -> None:
    token = CancelToken()
    assert prove_equal(server(etag="what-ever"), ObjectRef("b", "k"), file, token) is None
    assert prove_equal(server(etag=MD5), ObjectRef("b", "k"), file, token) is Verified.ETAG


def test_a_part_size_that_is_known_is_tried_first(file: SourceFile) -> None:
    connection = server(etag=etag_of(ODD))
    found = compare_content(connection, ObjectRef("b", "k"), file, CancelToken(), part_size=6 * MIB)
    assert found is Verified.ETAG
