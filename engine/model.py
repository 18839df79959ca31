"""The values every part of the engine agrees on: places, requests, items, checkpoints.

Everything here is frozen and does no I/O. Sizes are bytes, durations and times are seconds
(times since the epoch unless a name says otherwise), paths are text as ``os.fsdecode`` gives it
(undecodable bytes are surrogate escapes and survive the round trip).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import NewType

TransferId = NewType("TransferId", int)
"""Number of one queue item, from a persisted counter, never reused."""

OperationId = NewType("OperationId", int)
"""Number of one operation: what the user asked for in one go. Same counter as items."""

ConnectionId = NewType("ConnectionId", str)
"""``profile@endpoint``: which profile, at which endpoint. A label, never a secret; see `s3.profiles`."""

KIB = 1024
MIB = 1024 * KIB
GIB = 1024 * MIB

DEFAULT_PART_SIZE = 8 * MIB
"""Size of a part unless asked otherwise, and the largest object moved in one request."""

BUFFER_SIZE = 1 * MIB
"""What one worker holds of a body at a time; memory is bounded by workers times this."""


class Choice(Enum):
    """One of a few values.

    Members are hashed as the only ones of their kind: an Enum's own hash is a call of Python, made dozens of times
    for each small file.
    """

    __hash__ = object.__hash__

    def __init__(self, word: str) -> None:
        self.word = word
        """Its value, without the calls that `value` takes."""


class ItemKind(Choice):
    """What an item does."""

    UPLOAD = "upload"
    DOWNLOAD = "download"
    COPY = "copy"
    DELETE = "delete"


class TransferState(Choice):
    """Where an item stands. RUNNING and FINISHING are never on disk: there they are QUEUED."""

    QUEUED = "queued"
    RUNNING = "running"
    FINISHING = "finishing"
    WAITING = "waiting"
    PAUSED = "paused"
    ATTENTION = "attention"
    FAILED = "failed"
    DONE = "done"
    CANCELLED = "cancelled"

    @property
    def is_active(self) -> bool:
        """Work for it may be under way right now."""
        return self in (TransferState.RUNNING, TransferState.FINISHING)

    @property
    def is_final(self) -> bool:
        """It will never move again; it belongs to history."""
        return self in (TransferState.DONE, TransferState.CANCELLED)

    @property
    def is_settled(self) -> bool:
        """It moves no more by itself: final, failed, paused, or waiting for an answer."""
        return self.is_final or self in (
            TransferState.FAILED,
            TransferState.PAUSED,
            TransferState.ATTENTION,
        )

    @property
    def can_pause(self) -> bool:
        """Pausing means something now."""
        return self in (
            TransferState.QUEUED,
            TransferState.RUNNING,
            TransferState.FINISHING,
            TransferState.WAITING,
        )

    @property
    def can_cancel(self) -> bool:
        """Cancelling means something now."""
        return not self.is_final

    @property
    def can_retry(self) -> bool:
        """Trying again means something now."""
        return self in (TransferState.FAILED, TransferState.WAITING, TransferState.ATTENTION)


class Outcome(Choice):
    """How a DONE item ended."""

    TRANSFERRED = "transferred"
    IDENTICAL = "identical"
    """Nothing was moved: source and target were provably the same."""
    SKIPPED = "skipped"
    """Nothing was moved: the conflict policy, or the user, said so."""
    DELETED = "deleted"


class Verified(Choice):
    """What proves that target and source hold the same bytes, strongest first."""

    CRC = "crc"
    """The server's whole-object checksum, or every part checksum of a composite, equals ours."""
    ETAG = "etag"
    """The MD5, or the recomputed multipart ETag, is equal."""
    SIZE = "size"
    """Only the size could be compared: the server offered nothing better."""


class ConflictPolicy(Choice):
    """What to do where the target already exists."""

    ASK = "ask"
    SKIP = "skip"
    OVERWRITE = "overwrite"
    NEWER = "newer"
    """Overwrite where the source is more than one second younger, else skip."""
    DIFFERS = "differs"
    """Overwrite where size or checksum differ, else skip."""
    RENAME = "rename"
    """Write beside it, as ``name (2).ext``."""


@dataclass(frozen=True, slots=True)
class LocalRef:
    """A file or folder on this machine."""

    path: str
    """Absolute. A trailing ``/`` says that a folder is meant."""

    def __str__(self) -> str:
        return self.path


@dataclass(frozen=True, slots=True)
class ObjectRef:
    """An object, a prefix (key ends in ``/`` or is empty), or, with no bucket, the list of buckets."""

    bucket: str
    key: str = ""
    version_id: str | None = None

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}" if self.bucket else "s3://"


Place = LocalRef | ObjectRef


@dataclass(frozen=True, slots=True)
class Location:
    """A place together with the connection that reaches it; local places need none."""

    place: Place
    connection: ConnectionId | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """What a listing or a HEAD told about one side of an item."""

    size: int
    mtime: float | None = None
    etag: str | None = None
    """Without quotes."""
    version_id: str | None = None
    storage_class: str | None = None


@dataclass(frozen=True, slots=True)
class TransferOptions:
    """How the items of one operation are moved. Persisted; holds no secret."""

    on_conflict: ConflictPolicy = ConflictPolicy.ASK
    skip_identical: bool = True
    """End as DONE/identical, without moving, where both sides are provably the same."""
    part_size: int | None = None
    """Bytes; ``None`` means `DEFAULT_PART_SIZE`, grown so that 10,000 parts suffice."""
    move: bool = False
    """Delete the source after the target is verified and durable."""
    require_checksum: bool = False
    """Make "only the size could be compared" a failure."""
    temp_dir: str | None = None
    storage_class: str | None = None
    sse: str | None = None
    """``AES256``, ``aws:kms`` or ``aws:kms:KEY_ID``."""
    request_payer: bool = False
    include: tuple[str, ...] = ()
    """Glob patterns on the path below the source; with any, only matches are taken."""
    exclude: tuple[str, ...] = ()
    rate_limit: int | None = None
    """Bytes per second of each item by itself, within the limit of all; ``None`` for no limit of its own."""


@dataclass(frozen=True, slots=True)
class TransferRequest:
    """One thing the user asked for: move these sources under, or to, that target."""

    sources: tuple[Place, ...]
    target: Place
    """Ends in ``/`` where a folder or prefix is meant (`planner` resolves the rest, DESIGN section 7)."""
    connection: ConnectionId
    options: TransferOptions = TransferOptions()
    target_connection: ConnectionId | None = None
    """Only for copies between two connections, which are refused with the reason."""
    under_base_name: bool = False
    """Put a single folder under its own base name too, as file managers do, and not only its contents."""


@dataclass(frozen=True, slots=True)
class DeleteRequest:
    """Delete these objects, prefixes, files or folders (what is below them too)."""

    targets: tuple[Place, ...]
    connection: ConnectionId | None = None
    """``None`` for local places."""


Request = TransferRequest | DeleteRequest


@dataclass(frozen=True, slots=True)
class TransferSpec:
    """One item as planned: what moves where, and what was known of both sides then."""

    kind: ItemKind
    source: Place
    target: Place
    """For DELETE, the same as `source`."""
    connection: ConnectionId | None
    options: TransferOptions
    size: int
    """Bytes; -1 where unknown (deletes of folders and prefixes)."""
    source_facts: Facts | None = None
    target_facts: Facts | None = None
    """What stood at the target when planned; ``None`` if nothing or if it was not looked at."""
    target_was_listed: bool = False
    """`target_facts` is an answer: ``None`` means that nothing was there."""
    root: str | None = None
    """Downloads: the local folder the user chose; nothing is ever written outside it."""
    refusal: str | None = None
    """A code of `errors.REFUSALS`: this item cannot be done, and is FAILED from birth so that it is named."""


@dataclass(frozen=True, slots=True)
class SourceIdentity:
    """What tells that a local file is still the one that was read."""

    dev: int
    inode: int
    size: int
    mtime_ns: int
    ctime_ns: int


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """All that a later run needs to go on, beside the confirmed parts. Loaded values are untrusted."""

    phase: str = ""
    """``""`` nothing yet, ``intent``, ``begun``, ``completing``, ``placed`` (target is final), ``removing`` (move)."""
    part_size: int = 0
    checksum_mode: str = ""
    """Uploads: ``full``, ``composite``, ``md5`` or ``none``, as declared at Create; ``undecided`` where somebody else
    declared what the server does not tell."""
    upload_id: str | None = None
    intent_at: float = 0.0
    """Wall time just before CreateMultipartUpload, corrected by the endpoint's clock offset; 0: somebody else began it."""
    identity: SourceIdentity | None = None
    """Uploads: the source when its first part was read."""
    saved_at: float = 0.0
    """Uploads: wall time, by this machine's clock, at which `identity` was recorded."""
    boot_id: str = ""
    source_etag: str | None = None
    source_version: str | None = None
    size: int = -1
    target: str | None = None
    """The final path or key where it differs from the spec (conflict answered with rename)."""
    part_file: str | None = None
    """Downloads: absolute path of the ``.part`` file."""
    part_file_inode: int = 0
    expected_crc: int | None = None
    expected_etag: str | None = None
    verified: Verified | None = None
    answer: str | None = None
    """The user's answer to a question (a `ConflictPolicy` value, ``restart`` …), kept over restarts."""
    policy: ConflictPolicy | None = None
    """What was answered to `target-exists`, kept when another question is answered later."""
    restarts: int = 0
    """How often it had to begin anew: the server had dropped the upload, or what was fetched was damaged."""
    object_version: str | None = None
    """The version that was written or fetched, where the bucket keeps versions."""


NO_CHECKPOINT = Checkpoint()
"""Of all items that have not begun: one for a hundred thousand."""


@dataclass(frozen=True, slots=True)
class ConfirmedPart:
    """A part the server (upload, copy) or the disk (download) has."""

    number: int
    """From 1."""
    length: int
    crc: int | None = None
    """CRC32 of its bytes; ``None`` for server-side copies."""
    etag: str = ""
    """Uploads and copies: as the server gave it, without quotes."""
    boot_id: str = ""
    """Downloads: the boot during which it was written; elsewhere only synced data is trusted."""
    synced: bool = False
    """Downloads: the data was fdatasynced before this record."""
