"""``s3tui receipt``: what was moved can be shown later, with what proves it."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

from engine import (
    ConnectionId,
    FinishedItem,
    ItemKind,
    OperationId,
    Outcome,
    TransferId,
    TransferState,
    Verified,
)
from engine.state.store import Store
from tests.engine.queue.real import running
from tests.servers.seaweed import Seaweed
from tui.cli import run
from tui.receipt import FIELDS

MIB = 1024 * 1024


def item(id: int, **facts: object) -> FinishedItem:
    """An upload that is done."""
    given: dict[str, object] = {
        "operation": OperationId(7),
        "kind": ItemKind.UPLOAD,
        "source": f"/data/{id}.tar",
        "target": f"s3://b/x/{id}.tar",
        "connection": ConnectionId("default@aws"),
        "size": 10,
        "state": TransferState.DONE,
        "outcome": Outcome.TRANSFERRED,
        "verified": Verified.CRC,
        "finished_at": 1_700_000_000.25 + id,
        "crc": 255,
        "etag": "abc",
        "version_id": "v1",
    }
    return FinishedItem(id=TransferId(id), **{**given, **facts})  # type: ignore[arg-type]


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "state"
    monkeypatch.setenv("S3TUI_STATE_DIR", str(folder))
    monkeypatch.setenv("S3TUI_CONFIG", str(tmp_path / "none.toml"))
    return folder


def saved(state: Path, *items: FinishedItem) -> None:
    store = Store.open(str(state))
    store.finish(items)
    store.close()


def test_a_receipt_has_one_line_for_each_item_whose_target_is_there(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    saved(
        state,
        item(1),
        item(2, outcome=Outcome.SKIPPED, verified=None),
        item(3, outcome=Outcome.DELETED, kind=ItemKind.DELETE),
        item(4, state=TransferState.CANCELLED, outcome=None),
        item(5, outcome=Outcome.IDENTICAL, kind=ItemKind.DOWNLOAD, source="s3://b/k", target="/data/k"),
    )
    assert run(["receipt"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["id"] for line in lines] == [1, 5]
    assert lines[0] == {
        "time": "2023-11-14T22:13:21.250Z",
        "kind": "upload",
        "path": "/data/1.tar",
        "key": "s3://b/x/1.tar",
        "size": 10,
        "checksum": "crc32:000000ff",
        "etag": "abc",
        "version_id": "v1",
        "verified": "crc",
        "outcome": "transferred",
        "moved": False,
        "operation": 7,
        "id": 1,
    }
    assert (lines[1]["path"], lines[1]["key"]) == ("/data/k", "s3://b/k")


def test_a_receipt_as_a_table_keeps_every_name_in_its_cell(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    saved(state, item(1, source='/a,"b"\nc', crc=None), item(2, operation=OperationId(8)))
    assert run(["receipt", "--csv", "--operation", "7"]) == 0
    header, line = list(csv.reader(io.StringIO(capsys.readouterr().out)))
    assert tuple(header) == FIELDS
    assert (line[2], line[5]) == ('/a,"b"\nc', "")


def test_nothing_moved_is_an_empty_receipt(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["receipt"]) == 0
    assert capsys.readouterr().out == ""


def test_a_receipt_tells_checksum_and_version_of_what_the_server_has(
    seaweed: Seaweed, bucket: str, tmp_path: Path
) -> None:
    """Small and in parts, up, down and across, in a bucket that keeps versions."""
    client = seaweed.client()
    client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    small, big = tmp_path / "small.bin", tmp_path / "big.bin"
    small.write_bytes(os.urandom(1000))
    big.write_bytes(os.urandom(9 * MIB))
    with running(seaweed, tmp_path / "state") as engine:
        engine.do(engine.copy([small, big], f"s3://{bucket}/up/"))
        engine.do(engine.copy(f"s3://{bucket}/up/", f"{tmp_path}/down/"))
        engine.do(engine.copy(f"s3://{bucket}/up/small.bin", f"s3://{bucket}/copy.bin"))
    ran = subprocess.run(
        [sys.executable, "-m", "tui", "receipt", "--state-dir", str(tmp_path / "state")],
        env=seaweed.env(tmp_path / "home"),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    lines = {(line["kind"], line["key"]): line for line in map(json.loads, ran.stdout.splitlines())}
    for kind in ("upload", "download"):
        for path in (small, big):
            line = lines[kind, f"s3://{bucket}/up/{path.name}"]
            head = client.head_object(Bucket=bucket, Key=f"up/{path.name}")
            assert line["checksum"] == f"crc32:{zlib.crc32(path.read_bytes()):08x}", line
            assert line["size"] == path.stat().st_size
            assert line["version_id"] == head["VersionId"], line
            assert line["etag"] == head["ETag"].strip('"')
    made = lines["copy", f"s3://{bucket}/copy.bin"]
    assert made["version_id"] == client.head_object(Bucket=bucket, Key="copy.bin")["VersionId"]
    assert made["path"] == f"s3://{bucket}/up/small.bin"
