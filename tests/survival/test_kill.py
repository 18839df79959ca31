"""``kill -9`` in the middle: what comes next goes on where it was, and sends again no more than was in the air."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path

from tests.servers.proxy import FaultProxy
from tests.servers.seaweed import Seaweed
from tests.survival.program import MIB, Program, kill

WORKERS = 8
PART = 8 * MIB
SIZE = 128 * MIB


def big_file(path: Path, size: int = SIZE) -> str:
    """Random bytes; returns their SHA-256."""
    digest = hashlib.sha256()
    rng = random.Random(size)
    with open(path, "wb") as file:
        for _ in range(size // MIB):
            block = rng.randbytes(MIB)
            digest.update(block)
            file.write(block)
    return digest.hexdigest()


def sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def test_an_upload_goes_on_with_the_same_upload_id_and_sends_at_most_one_part_per_worker_again(
    seaweed: Seaweed, bucket: str, tmp_path: Path
) -> None:
    wanted = big_file(tmp_path / "big.bin")
    with FaultProxy(seaweed.url) as proxy:
        program = Program(seaweed, tmp_path / "home", proxy.url)
        process = program.start(
            "cp",
            "--workers",
            str(WORKERS),
            "--rate-limit",
            "40M",
            str(tmp_path / "big.bin"),
            f"s3://{bucket}/big",
        )
        proxy.wait_until(lambda: len([e for e in proxy.requests() if e.part_number and e.status]) >= 6)
        kill(process)
        [upload] = seaweed.client().list_multipart_uploads(Bucket=bucket)["Uploads"]
        [item] = program.status()
        assert item["state"] == "queued"
        assert 0 < item["bytes_done"] < SIZE
        done = program.run("run")
        assert (done.returncode, done.stderr) == (0, "")
        ids = {e.query["uploadId"] for e in proxy.requests() if e.part_number}
        assert ids == {upload["UploadId"]}, "a second upload was begun"
        sent = proxy.sent_parts()
        assert sorted(sent) == list(range(1, SIZE // PART + 1))
        again = sum(count - 1 for count in sent.values())
        assert again <= WORKERS
    [item] = program.status("--all")
    assert (item["state"], item["verified"]) == ("done", "crc")
    body = seaweed.client().get_object(Bucket=bucket, Key="big")["Body"]
    assert hashlib.sha256(body.read()).hexdigest() == wanted
    assert "Uploads" not in seaweed.client().list_multipart_uploads(Bucket=bucket)


def test_a_download_goes_on_and_fetches_at_most_one_part_per_worker_again(
    seaweed: Seaweed, bucket: str, tmp_path: Path
) -> None:
    wanted = big_file(tmp_path / "big.bin")
    seaweed.client().upload_file(str(tmp_path / "big.bin"), bucket, "big")
    target = tmp_path / "out" / "big.bin"
    with FaultProxy(seaweed.url) as proxy:
        program = Program(seaweed, tmp_path / "home", proxy.url)
        process = program.start(
            "cp", "--workers", str(WORKERS), "--rate-limit", "40M", f"s3://{bucket}/big", str(target)
        )
        proxy.wait_until(lambda: proxy.bytes_down > SIZE // 2)
        kill(process)
        assert not target.exists(), "published before it was complete"
        assert len(list(target.parent.glob(".*.part"))) == 1
        assert 0 < program.status()[0]["bytes_done"] < SIZE
        done = program.run("run")
        assert (done.returncode, done.stderr) == (0, "")
        fetched = sum(e.body_down for e in proxy.requests() if e.method == "GET" and e.range)
        assert fetched <= SIZE + WORKERS * PART
    assert sha256(target) == wanted
    assert list(target.parent.iterdir()) == [target]
    assert program.status("--all")[0]["verified"] in ("crc", "etag", "size")
