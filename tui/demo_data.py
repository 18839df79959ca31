"""Sample data as people have it, for the demo: a local folder and a bucket, the same every time."""

from __future__ import annotations

import random
import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

from tui.seaweed import S3Client, SeaweedServer

BUCKET = "demo-bucket"
VERSIONED = "demo-versions"
"""A bucket that keeps versions."""
BIG_BYTES = 200 * 1000 * 1000
_MIB = 1024 * 1024

_ODD_NAMES = (
    "with space (final).txt",
    "brackets [bold]x.txt",
    "研究データ.csv",
    "café ☕.txt",
    "right\u202eleft.txt",
    "escape\x1b[2Jname.txt",
    "-rf",
    "percent%20name.txt",
)
"""Names that a terminal, a shell or a markup language might take for something else."""

_ODD_KEYS = (
    "a key with spaces.txt",
    "brackets [red]y[/red].txt",
    "データ/表.csv",
    "plus+and&amp;.txt",
    "percent%2Fkey.txt",
    "right\u202eleft.txt",
    "escape\x1b[31mkey.txt",
    "emoji 👩‍🚀.txt",
)


@dataclass(frozen=True, slots=True)
class DemoPlaces:
    """A running server with its data, and the folder beside it."""

    url: str
    access_key: str
    secret_key: str = field(repr=False)
    bucket: str
    local_folder: str
    server: SeaweedServer = field(repr=False)

    def stop(self) -> None:
        """End the server. Idempotent."""
        self.server.stop()


def prepare_demo(folder: str) -> DemoPlaces:
    """Write the sample data below `folder` and start a server on it. What is there from before is left as it is.

    Raises:
        SeaweedError: The server cannot be had here.
    """
    access_key, secret_key = "demo" + secrets.token_hex(6), secrets.token_hex(20)
    # The same ports again where they are free: what was queued before is meant for this address.
    rng = random.Random(str(Path(folder).resolve()))
    server = SeaweedServer(Path(folder) / "server", access_key, secret_key, rng=rng)
    server.start()
    try:
        local = write_files(Path(folder) / "files")
        client = server.client()
        try:
            fill_bucket(client)
            fill_versions(client)
        finally:
            client.close()
    except BaseException:
        server.stop()
        raise
    return DemoPlaces(server.url, access_key, secret_key, BUCKET, str(local), server)


def write_files(folder: Path) -> Path:
    """The local side: small files in a tree, a big one, an empty one, odd names."""
    if folder.exists():
        return folder
    # Under another name first: a folder that has its name is complete.
    started = folder.with_name(folder.name + ".unfinished")
    rng = random.Random(2026)
    for name, content in _small_files(rng):
        path = started / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    (started / "empty folder").mkdir(exist_ok=True)
    block = rng.randbytes(_MIB)
    with open(started / "vm-image.qcow2", "wb") as file:
        for number in range(0, BIG_BYTES, _MIB):
            # No two blocks are alike: parts of a wrong place would be seen.
            piece = number.to_bytes(8, "big") + block[8:]
            file.write(piece[: min(_MIB, BIG_BYTES - number)])
    started.rename(folder)
    return folder


def _small_files(rng: random.Random) -> Iterator[tuple[str, bytes]]:
    yield "README.txt", b"Sample data of the demo. Copy, move and delete as you like.\n"
    yield "notes.txt", b""
    for month in range(1, 13):
        rows = "".join(f"2026-{month:02}-{day:02},{rng.randint(10, 99)}\n" for day in range(1, 29))
        yield f"reports/2026-{month:02}.csv", ("date,value\n" + rows).encode()
    for number in range(1, 31):
        line = f"Nov 20 12:00:00 host app[{number}]: request served\n"
        yield f"logs/app-{number:02}.log", (line * rng.randint(20, 2000)).encode()
    for number in range(1, 7):
        yield f"photos/IMG_{number:04}.jpg", _photo(number, rng.randbytes(rng.randint(1, 4) * _MIB))
    yield "database/dump-2026-11-20.sql.gz", rng.randbytes(24 * _MIB)
    for name in _ODD_NAMES:
        yield f"odd names/{name}", name.encode()


def _photo(number: int, filling: bytes) -> bytes:
    """A picture to look into, as large as `filling`, whose end follows that of the picture: readers leave it alone."""
    # Here, as only a demo that is made needs it: it takes a while to load.
    from PIL import Image

    turned = Image.linear_gradient("L").rotate(60 * number, expand=False)
    hills = Image.radial_gradient("L")
    encoded = BytesIO()
    Image.merge("RGB", (hills, turned, Image.linear_gradient("L"))).save(encoded, "JPEG")
    picture = encoded.getvalue()
    return picture + filling[len(picture) :]


def fill_bucket(client: S3Client) -> None:
    """The other side: some of the same, some older, some only there."""
    try:
        client.create_bucket(Bucket=BUCKET)
    except client.exceptions.BucketAlreadyOwnedByYou:
        return
    rng = random.Random(2025)

    def put(entry: tuple[str, bytes]) -> None:
        client.put_object(Bucket=BUCKET, Key=entry[0], Body=entry[1])

    entries = list(_objects(rng))
    put(entries[0])  # The first one makes the server's volume; the others need not wait for it.
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(put, entries[1:]))


def fill_versions(client: S3Client) -> None:
    """What the views of versions and of incomplete uploads are for: something changed, something deleted, half an upload."""
    try:
        client.create_bucket(Bucket=VERSIONED)
    except client.exceptions.BucketAlreadyOwnedByYou:
        return
    client.put_bucket_versioning(Bucket=VERSIONED, VersioningConfiguration={"Status": "Enabled"})
    for draft in ("first", "second", "third"):
        client.put_object(Bucket=VERSIONED, Key="plan.txt", Body=f"The {draft} draft.\n".encode())
    client.put_object(Bucket=VERSIONED, Key="deleted by mistake.txt", Body=b"V shows it, R brings it back.\n")
    client.delete_object(Bucket=VERSIONED, Key="deleted by mistake.txt")
    where = {"Bucket": VERSIONED, "Key": "half sent.tar"}
    upload = client.create_multipart_upload(**where)
    client.upload_part(**where, UploadId=upload["UploadId"], PartNumber=1, Body=bytes(5 * _MIB))


def _objects(rng: random.Random) -> Iterator[tuple[str, bytes]]:
    yield "README.txt", b"An older text.\n"
    for month in range(1, 7):
        yield f"backups/2026-{month:02}/db.sql.gz", rng.randbytes(rng.randint(100_000, 900_000))
    for number in range(1, 41):
        yield f"archive/2025/report-{number:03}.txt", rng.randbytes(rng.randint(200, 20_000)).hex().encode()
    yield "backups/2026-06/full.tar", rng.randbytes(12 * _MIB)
    yield "empty.bin", b""
    for key in _ODD_KEYS:
        yield f"odd keys/{key}", key.encode()
