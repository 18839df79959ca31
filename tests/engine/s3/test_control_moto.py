"""What the real server of the other tests lacks: versions, regions, and keys it would change. On moto."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from engine.errors import TransferError
from engine.model import ObjectRef, TransferOptions
from engine.page import EntryKind
from engine.s3.connection import Connection
from engine.s3.listing import list_pages
from engine.s3.profiles import Profile


@pytest.fixture(scope="module")
def moto_url() -> Iterator[str]:
    """A moto server of its own."""
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def moto(moto_url: str, keys: None, connect: Callable[[Profile], Connection]) -> Connection:
    """To a server that takes regions as seriously as AWS."""
    return connect(Profile("default", moto_url, region="eu-west-1"))


@pytest.fixture
def place(moto: Connection, request: pytest.FixtureRequest) -> str:
    """A bucket of this test alone."""
    name = f"place-{abs(hash(request.node.name)) % 10**12}"
    moto.control.make_bucket(name)
    return name


def raw(connection: Connection) -> Any:
    """botocore's client, for what the program itself never does."""
    return connection.control._caller.client()


def test_buckets_are_made_in_the_region_of_the_profile(moto: Connection, place: str) -> None:
    assert moto.control.bucket_region(place) == "eu-west-1"


def test_one_version_is_looked_at_copied_and_deleted_among_others(moto: Connection, place: str) -> None:
    control, client = moto.control, raw(moto)
    client.put_bucket_versioning(Bucket=place, VersioningConfiguration={"Status": "Enabled"})
    first, second = (
        client.put_object(Bucket=place, Key="k", Body=body)["VersionId"] for body in (b"1", b"22")
    )
    assert (control.head(ObjectRef(place, "k")).version_id, control.head(ObjectRef(place, "k")).size) == (
        second,
        2,
    )
    assert control.head(ObjectRef(place, "k", first)).size == 1
    control.copy_object(
        ObjectRef(place, "k", first), ObjectRef(place, "copy"), if_match="", options=TransferOptions()
    )
    assert control.head(ObjectRef(place, "copy")).size == 1
    assert f"versionId={first}" in control.presign(ObjectRef(place, "k", first), 60)
    control.delete_object(ObjectRef(place, "k", second))
    assert control.head(ObjectRef(place, "k")).version_id == first
    control.delete_object(ObjectRef(place, "k"))
    with pytest.raises(TransferError) as error:
        control.head(ObjectRef(place, "k"))
    assert error.value.code == "no-such-key"


def test_keys_with_empty_and_climbing_parts_are_listed_as_they_are(moto: Connection, place: str) -> None:
    keys = ["..", "/x", "a//b", "a/../b", "a\x00b", "a\x1bb", "a+b", "a b", "x" * 1024]
    for key in keys:
        raw(moto).put_object(Bucket=place, Key=key, Body=b"")
    (page,) = list_pages(moto, place, "", delimiter=None)
    assert sorted(page.names) == sorted(keys)
    (page,) = list_pages(moto, place, "", delimiter="/")
    folders = [name for name, kind in zip(page.names, page.kinds, strict=True) if kind == EntryKind.FOLDER]
    assert sorted(folders) == ["", "a"]
    (page,) = list_pages(moto, place, "a/", delimiter="/")
    assert sorted(page.names) == ["", ".."]
    assert moto.control.delete_objects(place, keys) == {}
    (page,) = list_pages(moto, place, "", delimiter=None)
    assert page.names == []
