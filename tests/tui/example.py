"""One scene that shows everything: for pictures, and for tests that need a whole screen."""

from __future__ import annotations

from engine import (
    Details,
    EntryKind,
    Facts,
    GroupFacts,
    Health,
    IncompleteUpload,
    ItemKind,
    LocalRef,
    Location,
    ObjectProperties,
    ObjectRef,
    ObjectVersion,
    Outcome,
    OwnUpload,
    Problem,
    Profile,
    Question,
    TransferId,
    TransferState,
    Trouble,
    Verified,
    VersionListing,
    Waiting,
)
from tests.tui.fake_browser import GIB, Entry, FakeBrowser, bucket, folder
from tests.tui.fake_engine import MIB, FakeManager
from tests.tui.fake_uploads import upload
from tui.configuration import Configuration
from tui.options import parse
from tui.settings import read
from tui.setup import Setup

S = TransferState

NOW = 1_795_521_600.0
"""2026-11-24 12:00:00 UTC, when all pictures are taken."""
_DAY = 86_400.0

PROD = Profile("prod", region="eu-west-1")
HERE = Location(LocalRef("/home/ann/data/"))
THERE = Location(ObjectRef("backups", "2026/"), PROD.connection_id)


def example_browser() -> FakeBrowser:
    """A home folder and a bucket as people have them."""
    ago = NOW - _DAY
    return FakeBrowser(
        {
            "/home/ann/": [folder("data", ago), folder("projects", ago - 9 * _DAY)],
            "/home/ann/data/": [
                folder("logs", NOW - 7200),
                folder("photos", ago - 30 * _DAY),
                folder("vm-images", ago - 200 * _DAY),
                Entry("README.md", 2_314, ago - 400 * _DAY),
                Entry("db-2026-11-22.dump.zst", int(12.4 * GIB), NOW - 2 * _DAY),
                Entry("db-2026-11-23.dump.zst", int(12.6 * GIB), NOW - _DAY),
                Entry("dump.tar", int(48.1 * GIB), NOW - 4 * _DAY),
                Entry("invoice 2026 (final).pdf", 318_221, ago - 12 * _DAY),
                Entry("notes.txt", 0, NOW - 600),
                Entry("report[1].csv", 88_412_993, ago - 3 * _DAY),
                Entry("研究データ.parquet", 3 * GIB, ago - 40 * _DAY),
            ],
            "/home/ann/data/logs/": [
                Entry(f"app-{n:02d}.log.gz", n * MIB, NOW - n * 3600) for n in range(1, 60)
            ],
            "/home/ann/data/photos/": [],
            "s3://": [bucket("archive", ago - 900 * _DAY), bucket("backups", ago - 700 * _DAY)],
            "s3://archive/": Problem(
                "list s3://archive/",
                "access is denied (AccessDenied: not authorized to perform s3:ListBucket)",
                "Ask for the permission, or use another profile.",
                True,
                "access-denied",
                "4A7BX0N2C0FFEE",
            ),
            "s3://backups/": [folder("2025"), folder("2026")],
            "s3://backups/2026/": [
                folder("db"),
                folder("november"),
                Entry("dump.tar", 41 * GIB, NOW - 5 * _DAY),
                Entry("logs-2026-10.tgz", int(7.7 * GIB), NOW - 24 * _DAY),
                Entry("manifest.json", 14_220, NOW - 3600),
            ],
        }
    )


def example_uploads() -> list[IncompleteUpload]:
    """Uploads to the bucket that nobody ended."""
    begun = NOW - _DAY
    return [
        upload("s3://backups/2026/db-2026-11-22.dump.zst", NOW - 5400, 1126, int(8.8 * GIB)),
        upload("s3://backups/2026/dump.tar", NOW - 400, 2342, int(18.3 * GIB)),
        upload("s3://backups/2026/november/photos-a.tar", begun - 12 * _DAY, 371, int(2.9 * GIB)),
        upload("s3://backups/2026/november/研究データ.parquet", begun - 40 * _DAY, 12, 96 * MIB),
        upload(
            "s3://backups/2026/vm/[old] disk image (copy 2).qcow2", begun - 211 * _DAY, 611, int(9.5 * GIB)
        ),
        upload("s3://backups/2026/vm/empty.qcow2", begun - 3 * 3600, 0, 0),
    ]


def versions_of(key: str) -> VersionListing:
    """An object that was changed, deleted, and written again."""
    id = "3sL4kqtJlcpXroDTDmJ.rmSpXd3dIbrHY"
    rows = [
        ObjectVersion(key, f"{id}{number}", NOW - age, size, number == 0, size < 0, f"etag{number}")
        for number, (age, size) in enumerate(
            ((3600, 14_220), (_DAY, -1), (2 * _DAY, 14_102), (5 * _DAY, 13_870), (9 * _DAY, 9_412))
        )
    ]
    return VersionListing("enabled", (tuple(rows),))


OBJECT = Details(
    EntryKind.FILE,
    etag="9b2cf535f27731c974343645a3985328-3",
    checksum="CRC32 1a2b3c4d (of the whole object)",
    version_id="3sL4kqtJlcpXroDTDmJ.rmSpXd3dIbrHY0",
    storage_class="STANDARD_IA",
    content_type="application/json",
    encryption="aws:kms",
    metadata=(("author", "ann"), ("mtime", "1795518000.5")),
    more=(
        ("Encryption key", "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"),
        ("Cache control", "max-age=60"),
        ("Tags", "team = ops\ncost = shared"),
        ("Retention", "not allowed: needs s3:GetObjectRetention"),
        ("Legal hold", "none"),
    ),
)
"""All that can be known of one."""

PROPERTIES = ObjectProperties(
    14_220,
    "9b2cf535f27731c974343645a3985328-3",
    "STANDARD",
    (("content-type", "application/json"), ("cache-control", "max-age=60")),
    (("author", "ann"), ("mtime", "1795518000.5")),
    (("team", "ops"), ("cost", "shared")),
)

BUCKET = Details(
    EntryKind.BUCKET,
    region="eu-west-1",
    more=(
        ("Versioning", "enabled"),
        ("Encryption", "not allowed: needs s3:GetEncryptionConfiguration"),
        ("Object lock", "off"),
        ("Incomplete uploads", "aborted 7 days after they began"),
    ),
)


def example_configuration() -> Configuration:
    """Settings as somebody has them, in a file that need not be there."""
    path = "/home/ann/.config/s3tui/config.toml"
    raw = {
        "on_conflict": "newer",
        "rate_limit": "5M:20M",
        "exclude": ["*.tmp", ".git"],
        "endpoints": {"minio": {"url": "https://minio.example.net:9000", "profile": "lab"}},
    }
    setup = Setup(parse(["--workers", "24"]), read(raw, path), PROD, (PROD,), "/home/ann/.local/state/s3tui")
    configuration = Configuration(setup, {"HOME": "/home/ann", "TEXTUAL_THEME": "dark"})
    configuration._raw = raw
    return configuration


def example_manager() -> FakeManager:
    """A queue in the middle of its work."""
    manager = FakeManager(example_browser(), [PROD])
    manager.browser.uploads = example_uploads()
    manager.own = tuple(
        OwnUpload(TransferId(number), ObjectRef("backups", f"2026/{name}"), f"id of 2026/{name}", state)
        for number, name, state in ((1, "dump.tar", S.RUNNING), (3, "db-2026-11-22.dump.zst", S.WAITING))
    )
    down = {"kind": ItemKind.DOWNLOAD}
    manager.add(
        "dump.tar", S.RUNNING, size=int(48.1 * GIB), bytes_done=int(18.3 * GIB), bytes_per_second=92.1 * MIB,
        eta=331.0, parts=6157, parts_done=2342, source="/home/ann/data/dump.tar",
    )  # fmt: skip
    manager.add(
        "logs-2026-10.tgz", S.RUNNING, size=int(7.7 * GIB), bytes_done=int(5.5 * GIB), eta=183.0, **down,
        bytes_per_second=12.3 * MIB, source="s3://backups/2026/logs-2026-10.tgz",
        target="/home/ann/data/logs-2026-10.tgz",
    )  # fmt: skip
    manager.add(
        "db-2026-11-22.dump.zst", S.WAITING, size=int(12.4 * GIB), bytes_done=int(8.8 * GIB),
        waiting=Waiting("retry", "503 SlowDown", 12.0, 2, 8),
    )  # fmt: skip
    manager.add(
        "report[1].csv", S.ATTENTION, size=88_412_993,
        question=Question(
            "target-exists", "the target exists and is younger",
            ("overwrite", "newer", "differs", "rename", "skip"),
            Facts(88_412_993, NOW - 3 * _DAY), Facts(90_112_004, NOW - _DAY),
        ),
    )  # fmt: skip
    manager.add("db-2026-11-23.dump.zst", S.PAUSED, size=int(12.6 * GIB), bytes_done=int(3.1 * GIB))
    manager.add("研究データ.parquet", S.QUEUED, size=3 * GIB)
    manager.add(
        "secret.key", S.FAILED, size=1_679,
        problem=Problem("read /data/secret.key", "the system denies access", "Check the permissions.", True),
    )  # fmt: skip
    done = {"outcome": Outcome.TRANSFERRED, "verified": Verified.CRC}
    for number in range(1, 5):
        manager.add(
            f"photo-{number:04d}.jpg", S.DONE, size=number * 3 * MIB, bytes_done=number * 3 * MIB, **done
        )
    manager.add(
        "manifest.json", S.DONE, size=14_220, bytes_done=14_220, outcome=Outcome.IDENTICAL,
        verified=Verified.ETAG,
    )  # fmt: skip
    wave = (20, 45, 70, 88, 96, 101, 104, 99, 93, 104, 110, 108, 60, 30, 72, 95, 104, 107, 103, 104)
    manager.history = [float(wave[n % len(wave)]) * MIB for n in range(60)]
    return manager


def grouped_manager() -> FakeManager:
    """A queue of operations: one opened, one closed, one that has ended, and an item alone."""
    manager = FakeManager(example_browser(), [PROD])
    down = {"kind": ItemKind.DOWNLOAD}
    counts = {S.DONE: 37, S.RUNNING: 2, S.WAITING: 1, S.FAILED: 1, S.QUEUED: 79}
    manager.add(
        "logs/", S.RUNNING, size=int(3.4 * GIB), bytes_done=int(1.2 * GIB), bytes_per_second=61.2 * MIB,
        eta=37.0, target="s3://backups/2026/logs/", group=GroupFacts("", counts, True, False),
    )  # fmt: skip
    below = {"is_child": True, "size": 59 * MIB}
    for number in (38, 39):
        manager.add(
            f"logs/app-{number}.log.gz", S.RUNNING, bytes_done=(79 - 2 * number) * 9 * MIB, eta=2.0,
            bytes_per_second=30.6 * MIB, **below,
        )  # fmt: skip
    manager.add(
        "logs/app-40.log.gz", S.WAITING, waiting=Waiting("retry", "503 SlowDown", 12.0, 2, 8), **below
    )
    manager.add(
        "november/", S.QUEUED, size=int(91.7 * GIB), source="s3://backups/2026/november/",
        target="/home/ann/data/november/", group=GroupFacts("", {S.QUEUED: 2_304}, False, True), **down,
    )  # fmt: skip
    manager.add("dump.tar", S.PAUSED, size=int(48.1 * GIB), bytes_done=int(18.3 * GIB))
    manager.history = [(50 + n % 7) * MIB * 1.0 for n in range(60)]
    return manager


def resumed_manager() -> FakeManager:
    """The same right after a start: its first items went on by themselves."""
    manager = example_manager()
    manager.came_back = (TransferId(1), TransferId(2), TransferId(3), TransferId(6))
    manager.health = Health(recovered=4, recovered_bytes=int(38.6 * GIB))
    return manager


def troubled_manager() -> FakeManager:
    """The queue of `example_manager`, and what went wrong with it."""
    manager = example_manager()
    read, send = "read /home/ann/data/secret.key", "upload /home/ann/data/db-2026-11-22.dump.zst"
    denied, busy = "the system denies access", "the server asks to slow down (503 SlowDown)"
    check = "Check the permissions, then press r."
    manager.trouble = (
        Trouble(NOW - 12, "/home/ann/data/db-2026-11-22.dump.zst",
                Problem(send, busy, "It is tried again by itself.", True, "slow-down", "18EB4DAF99BC8AB3"), 2),
        Trouble(NOW - 340, "/home/ann/data/secret.key", Problem(read, denied, check, True, "local-denied")),
        Trouble(NOW - 3900, "", Problem("list s3://archive/", "access is denied (AccessDenied)",
                "Ask for the permission, or use another profile.", True, "access-denied", "4A7BX0N2C0FFEE")),
    )  # fmt: skip
    return manager
