"""The control plane on the real server."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from urllib.request import urlopen

import pytest

from engine.errors import TransferError, UsageError
from engine.model import ObjectRef, TransferOptions
from engine.pace.cancel import CancelToken
from engine.s3.connection import Connection
from engine.s3.control import DonePart
from tests.servers.seaweed import Seaweed

MIB = 1024 * 1024
PLAIN = TransferOptions()
PIECES = (b"a" * 5 * MIB, b"the end")
WHOLE = b"".join(PIECES)


def code(error: pytest.ExceptionInfo[TransferError]) -> str:
    return error.value.code


def begin(connection: Connection, ref: ObjectRef, mode: str = "full", metadata: str = "1.5") -> str:
    return connection.control.create_multipart(
        ref, PLAIN, checksum_mode=mode, metadata={"mtime": metadata}, content_type="text/plain"
    )


def send(connection: Connection, ref: ObjectRef, upload_id: str, mode: str = "full") -> list[DonePart]:
    done = []
    for number, piece in enumerate(PIECES, 1):
        crc = zlib.crc32(piece) if mode in ("full", "composite") else None

        def pieces(piece: bytes = piece) -> Iterator[memoryview]:
            yield memoryview(piece)

        etag = connection.wire.upload_part(
            ref, upload_id, number, pieces, len(piece), crc32=crc, token=CancelToken()
        )
        done.append(DonePart(number, etag, crc))
    return done


def complete(
    connection: Connection, ref: ObjectRef, upload_id: str, parts: list[DonePart], **how: object
) -> str:
    known = {"checksum_mode": "full", "whole_crc": zlib.crc32(WHOLE), "size": len(WHOLE), **how}
    return connection.control.complete_multipart(ref, upload_id, parts, **known).etag  # type: ignore[arg-type]


def put(seaweed: Seaweed, bucket: str, *keys: str, body: bytes = b"data") -> None:
    for key in keys:
        seaweed.client().put_object(Bucket=bucket, Key=key, Body=body)


# -- buckets ---------------------------------------------------------------------------------------


def test_buckets_are_made_listed_and_not_made_twice(connection: Connection, seaweed: Seaweed) -> None:
    control = connection.control
    name = f"{seaweed.bucket('made')}-again"
    control.make_bucket(name)
    listed = dict(control.list_buckets())
    assert listed[name] > 1.7e9
    with pytest.raises(TransferError) as error:
        control.make_bucket(name)
    assert code(error) == "target-exists"


def test_a_bucket_that_is_not_there_has_no_region(connection: Connection, bucket: str) -> None:
    assert connection.control.bucket_region(bucket) is None
    with pytest.raises(TransferError) as error:
        connection.control.bucket_region("never-made")
    assert code(error) == "no-such-bucket"


def test_impossible_bucket_names_are_refused_before_the_network(connection: Connection) -> None:
    with pytest.raises(TransferError) as error:
        connection.control.make_bucket("no/slash")
    assert code(error) == "bad-request"


# -- objects ---------------------------------------------------------------------------------------


def test_head_tells_what_is_known(connection: Connection, seaweed: Seaweed, bucket: str) -> None:
    seaweed.client().put_object(
        Bucket=bucket, Key="k", Body=b"data", ContentType="text/x-odd", Metadata={"mtime": "1.5"}
    )
    facts = connection.control.head(ObjectRef(bucket, "k"))
    assert (facts.size, facts.content_type, facts.metadata) == (4, "text/x-odd", {"mtime": "1.5"})
    assert facts.etag == "8d777f385d3dfec8815d20f7496026dc"
    assert facts.mtime > 1.7e9
    with pytest.raises(TransferError) as error:
        connection.control.head(ObjectRef(bucket, "gone"))
    assert code(error) == "no-such-key"


def test_marker_is_an_empty_object(connection: Connection, bucket: str) -> None:
    connection.control.put_marker(bucket, "folder/")
    assert connection.control.head(ObjectRef(bucket, "folder/")).size == 0


@pytest.mark.parametrize("key", ["plain", "ü ~+&?=%20/#", "a\x1bb\nc"])
def test_links_open_the_object(connection: Connection, seaweed: Seaweed, bucket: str, key: str) -> None:
    put(seaweed, bucket, key)
    link = connection.control.presign(ObjectRef(bucket, key), 60)
    with urlopen(link, timeout=10) as reply:
        assert reply.read() == b"data"


@pytest.mark.parametrize("seconds", [0, -1, 7 * 24 * 3600 + 1])
def test_links_last_no_longer_than_s3_allows(connection: Connection, seconds: int) -> None:
    with pytest.raises(UsageError):
        connection.control.presign(ObjectRef("b", "k"), seconds)


def test_copies_only_what_was_meant(connection: Connection, seaweed: Seaweed, bucket: str) -> None:
    control = connection.control
    put(seaweed, bucket, "old ü+")
    old, new = ObjectRef(bucket, "old ü+"), ObjectRef(bucket, "new &%20")
    etag = control.head(old).etag
    control.copy_object(old, new, if_match=etag, options=PLAIN)
    assert control.head(new).etag == etag
    with pytest.raises(TransferError) as error:
        control.copy_object(old, new, if_match="0" * 32, options=PLAIN)
    assert code(error) == "object-changed"
    with pytest.raises(TransferError) as error:
        control.copy_object(old, new, if_match=etag, options=PLAIN, if_none_match=True)
    assert code(error) == "precondition"
    with pytest.raises(TransferError) as error:
        control.copy_object(ObjectRef(bucket, "gone"), new, if_match="", options=PLAIN)
    assert code(error) == "no-such-key"


def test_deleting_what_is_gone_is_no_error(connection: Connection, seaweed: Seaweed, bucket: str) -> None:
    put(seaweed, bucket, "k")
    for _ in range(2):
        connection.control.delete_object(ObjectRef(bucket, "k"))
    with pytest.raises(TransferError):
        connection.control.head(ObjectRef(bucket, "k"))


def test_many_objects_are_deleted_at_once_whatever_their_names(
    connection: Connection, seaweed: Seaweed, bucket: str
) -> None:
    names = ["a", "ü", "a b+c", "<&>'\"", "d/e", "t\tx", "c\nd", "e\x1bf", "g\uffffh"]
    put(seaweed, bucket, *names)
    put(seaweed, bucket, "kept")
    assert connection.control.delete_objects(bucket, [*names, "never there"]) == {}
    listed = seaweed.client().list_objects_v2(Bucket=bucket)
    assert [entry["Key"] for entry in listed["Contents"]] == ["kept"]


def test_no_more_are_deleted_at_once_than_s3_takes(connection: Connection) -> None:
    with pytest.raises(UsageError):
        connection.control.delete_objects("b", ["k"] * 1001)


# -- multipart uploads -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "kind"), [("full", "FULL_OBJECT"), ("composite", "COMPOSITE"), ("md5", None), ("none", None)]
)
def test_parts_become_an_object(connection: Connection, bucket: str, mode: str, kind: str | None) -> None:
    control, ref = connection.control, ObjectRef(bucket, "big ü")
    upload_id = begin(connection, ref, mode)
    parts = send(connection, ref, upload_id, mode)
    assert [(part.number, part.size) for part in control.list_parts(ref, upload_id)] == [
        (1, len(PIECES[0])),
        (2, len(PIECES[1])),
    ]
    etag = complete(connection, ref, upload_id, parts[::-1], checksum_mode=mode)
    facts = control.head(ref)
    assert (facts.size, facts.etag, facts.checksum_type) == (len(WHOLE), etag, kind)
    assert facts.metadata == {"mtime": "1.5"}
    assert facts.content_type == "text/plain"
    if mode == "full":
        assert facts.crc32 == zlib.crc32(WHOLE)


def test_wrong_whole_checksum_is_refused_and_nothing_is_lost(connection: Connection, bucket: str) -> None:
    ref = ObjectRef(bucket, "k")
    upload_id = begin(connection, ref)
    parts = send(connection, ref, upload_id)
    with pytest.raises(TransferError) as error:
        complete(connection, ref, upload_id, parts, whole_crc=1)
    assert code(error) == "bad-digest"
    assert len(connection.control.list_parts(ref, upload_id)) == 2
    complete(connection, ref, upload_id, parts)


def test_complete_does_not_replace_what_came_first(
    connection: Connection, seaweed: Seaweed, bucket: str
) -> None:
    ref = ObjectRef(bucket, "k")
    upload_id = begin(connection, ref)
    parts = send(connection, ref, upload_id)
    put(seaweed, bucket, "k")
    with pytest.raises(TransferError) as error:
        complete(connection, ref, upload_id, parts, if_none_match=True)
    assert code(error) == "precondition"
    assert connection.control.head(ref).size == 4


def test_aborted_upload_is_gone_and_stays_gone(connection: Connection, bucket: str) -> None:
    control, ref = connection.control, ObjectRef(bucket, "k")
    upload_id = begin(connection, ref)
    send(connection, ref, upload_id)
    for _ in range(2):
        control.abort_multipart(ref, upload_id)
    with pytest.raises(TransferError) as error:
        control.list_parts(ref, upload_id)
    assert code(error) == "upload-gone"
    with pytest.raises(TransferError) as error:
        complete(connection, ref, upload_id, [DonePart(1, "0" * 32)])
    assert code(error) == "upload-gone"


def test_open_uploads_are_found_by_key(connection: Connection, bucket: str) -> None:
    control = connection.control
    refs = [ObjectRef(bucket, key) for key in ("p/ü +%2B", "p/b", "q")]
    ids = {ref.key: begin(connection, ref) for ref in refs}
    found = control.list_uploads(bucket, "p/")
    assert {upload.key: upload.upload_id for upload in found} == {
        key: id for key, id in ids.items() if key.startswith("p/")
    }
    assert [upload.key for upload in control.list_uploads(bucket, "q")] == ["q"]
    assert all(upload.initiated > 1.7e9 for upload in found)


def test_parts_are_copied_on_the_server(connection: Connection, bucket: str) -> None:
    control, source, target = connection.control, ObjectRef(bucket, "source ü"), ObjectRef(bucket, "target")
    upload_id = begin(connection, source)
    etag = complete(connection, source, upload_id, send(connection, source, upload_id))
    copied = begin(connection, target)
    with pytest.raises(TransferError) as error:
        control.upload_part_copy(source, target, copied, 1, 0, 5 * MIB - 1, if_match="0" * 32)
    assert code(error) == "object-changed"
    ranges = [(0, 5 * MIB - 1), (5 * MIB, len(WHOLE) - 1)]
    parts = [
        DonePart(number, control.upload_part_copy(source, target, copied, number, *range, if_match=etag))
        for number, range in enumerate(ranges, 1)
    ]
    complete(connection, target, copied, parts)
    assert control.head(target).size == len(WHOLE)


def test_what_the_server_does_not_tell_of_parts_is_none(connection: Connection, bucket: str) -> None:
    ref = ObjectRef(bucket, "k")
    upload_id = begin(connection, ref, "composite")
    complete(
        connection, ref, upload_id, send(connection, ref, upload_id, "composite"), checksum_mode="composite"
    )
    assert connection.control.part_checksums(ref) is None
