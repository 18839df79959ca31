"""Deleting objects, prefixes, files and folders."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from engine.errors import Interrupted, Permanent, Retryable
from engine.model import Outcome
from engine.s3.connection import Connection
from tests.engine.jobs.driver import deletion, run, run_once
from tests.engine.local.faults import WatchedFs, open_descriptors
from tests.servers.scripted import ScriptedS3
from tests.servers.seaweed import Seaweed


def test_an_object_is_deleted_and_nothing_that_begins_with_its_name(
    scripted: Connection, s3: ScriptedS3
) -> None:
    for key in ("a", "ab", "a/b"):
        s3.put("b", key, b"x")
    assert run_once(deletion(scripted, "s3://b/a")).outcome is Outcome.DELETED
    assert sorted(s3.store.objects("b")) == ["a/b", "ab"]
    assert run_once(deletion(scripted, "s3://b/a")).outcome is Outcome.DELETED, "once more is no error"


def test_a_prefix_goes_with_its_marker_and_all_below_it_page_by_page(
    scripted: Connection, s3: ScriptedS3
) -> None:
    s3.switches.page_size = 3
    for key in ("p/", "p/a", "p/b/c", "p/\x01", *(f"p/{n}" for n in range(10)), "px", "q"):
        s3.put("b", key, b"x")
    one = deletion(scripted, "s3://b/p/")
    assert run_once(one).outcome is Outcome.DELETED
    assert sorted(s3.store.objects("b")) == ["px", "q"]
    assert one.notes[-1] == "14 deleted"


def test_a_prefix_is_deleted_on_the_real_server(
    connection: Connection, seaweed: Seaweed, bucket: str
) -> None:
    client = seaweed.client()
    for key in ("p/", "p/a", "p/b/c", "q"):
        client.put_object(Bucket=bucket, Key=key)
    run_once(deletion(connection, f"s3://{bucket}/p/"))
    assert [entry["Key"] for entry in client.list_objects_v2(Bucket=bucket)["Contents"]] == ["q"]


def test_what_cannot_be_deleted_is_counted_and_the_rest_goes(scripted: Connection, s3: ScriptedS3) -> None:
    for number in range(5):
        s3.put("b", f"p/{number}", b"x")
    s3.switches.undeletable = {"p/1", "p/3"}
    with pytest.raises(Permanent) as failed:
        run_once(deletion(scripted, "s3://b/p/"))
    assert failed.value.code == "access-denied"
    assert "2 could not be deleted" in failed.value.detail
    assert sorted(s3.store.objects("b")) == ["p/1", "p/3"]


def test_a_server_without_batches_is_asked_one_by_one(scripted: Connection, s3: ScriptedS3) -> None:
    for number in range(3):
        s3.put("b", f"p/{number}", b"x")
    s3.refuse("NotImplemented", 501, operation="DeleteObjects")
    assert run_once(deletion(scripted, "s3://b/p/")).outcome is Outcome.DELETED
    assert s3.store.objects("b") == {}


def test_a_busy_server_is_asked_again(scripted: Connection, s3: ScriptedS3) -> None:
    s3.put("b", "p/a", b"x")
    s3.refuse("SlowDown", 503, operation="DeleteObjects")
    with pytest.raises(Retryable):
        run_once(deletion(scripted, "s3://b/p/"))
    s3.relent()
    assert run(deletion(scripted, "s3://b/p/")).outcome is Outcome.DELETED


def test_a_folder_goes_with_all_in_it_and_links_are_not_followed(
    scripted: Connection, tmp_path: Path
) -> None:
    (tmp_path / "keep").mkdir()
    (tmp_path / "keep" / "file").write_bytes(b"x")
    folder = tmp_path / "go"
    (folder / "deep" / "er").mkdir(parents=True)
    (folder / "deep" / "er" / "file").write_bytes(b"x")
    (folder / "link").symlink_to(tmp_path / "keep")
    (folder / "dangling").symlink_to("nowhere")
    before = open_descriptors()
    assert run_once(deletion(scripted, f"{folder}/")).outcome is Outcome.DELETED
    assert not folder.exists()
    assert (tmp_path / "keep" / "file").exists()
    assert open_descriptors() == before
    assert run_once(deletion(scripted, f"{folder}/")).outcome is Outcome.DELETED, "once more is no error"


def test_a_link_to_a_folder_is_deleted_itself(scripted: Connection, tmp_path: Path) -> None:
    (tmp_path / "keep").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "keep")
    run_once(deletion(scripted, f"{tmp_path}/link/"))
    assert not (tmp_path / "link").is_symlink()
    assert (tmp_path / "keep").is_dir()


def test_a_folder_that_becomes_a_link_at_the_last_moment_is_not_followed(
    scripted: Connection, tmp_path: Path
) -> None:
    (tmp_path / "keep").mkdir()
    (tmp_path / "keep" / "file").write_bytes(b"x")
    (tmp_path / "go" / "sub").mkdir(parents=True)

    def swap(name: str, args: tuple[object, ...]) -> None:
        if name == "open" and args[0] == "sub":
            os.rmdir(tmp_path / "go" / "sub")
            os.symlink(tmp_path / "keep", tmp_path / "go" / "sub")

    one = deletion(scripted, f"{tmp_path}/go/")
    one.fs = WatchedFs(swap)
    with pytest.raises(Permanent):
        run_once(one)
    assert (tmp_path / "keep" / "file").exists()


def test_a_file_that_cannot_be_deleted_is_named_and_the_rest_goes(
    scripted: Connection, tmp_path: Path
) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / "go" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "go" / name).write_bytes(b"x")

    def refuse(name: str, args: tuple[object, ...]) -> None:
        if name == "unlink" and args[0] == "b":
            raise PermissionError(1, "Operation not permitted")

    one = deletion(scripted, f"{tmp_path}/go/")
    one.fs = WatchedFs(refuse)
    with pytest.raises(Permanent) as failed:
        run_once(one)
    assert failed.value.code == "local-denied"
    assert "1 could not be deleted" in failed.value.detail
    assert [path.name for path in (tmp_path / "go").iterdir()] == ["b"]


def test_a_tree_deeper_than_the_system_allows_is_named_and_ends_nothing(
    scripted: Connection, tmp_path: Path
) -> None:
    fd = os.open(tmp_path, os.O_RDONLY)
    for _ in range(400):
        os.mkdir("d", dir_fd=fd)
        below = os.open("d", os.O_RDONLY, dir_fd=fd)
        os.close(fd)
        fd = below
    os.close(fd)
    with pytest.raises(Permanent) as failed:
        run_once(deletion(scripted, f"{tmp_path}/d/"))
    assert "folders deep" in failed.value.detail


def test_a_cancel_is_heeded_between_two_files(scripted: Connection, tmp_path: Path) -> None:
    for number in range(5):
        (tmp_path / "go").mkdir(exist_ok=True)
        (tmp_path / "go" / str(number)).write_bytes(b"x")
    one = deletion(scripted, f"{tmp_path}/go/")
    one.fs = WatchedFs(lambda name, args: one.token.cancel("cancel") if name == "unlink" else None)
    with pytest.raises(Interrupted):
        run_once(one)
    assert len(list((tmp_path / "go").iterdir())) == 4
