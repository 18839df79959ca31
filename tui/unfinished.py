"""The rows of the view of what is unfinished: items that came back, uploads on the server. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from engine import ConnectionId, IncompleteUpload, OwnUpload, TransferSnapshot, UploadsFound
from tui import format

SORTS = ("key", "age", "bytes")
"""Orders of uploads; the oldest and the largest come first."""


@dataclass(frozen=True, slots=True)
class Heading:
    """A line between two kinds of rows."""

    text: str
    """Raw."""
    has_columns: bool = True
    """It stands above uploads."""

    @property
    def key(self) -> tuple[object, ...]:
        """What it is known by, whatever else changes."""
        return ("heading", self.text)


@dataclass(frozen=True, slots=True)
class ItemRow:
    """An item of the queue."""

    item: TransferSnapshot

    @property
    def key(self) -> tuple[object, ...]:
        """What it is known by, whatever else changes."""
        return ("item", self.item.id)


@dataclass(frozen=True, slots=True)
class UploadRow:
    """An upload that is on the server."""

    upload: IncompleteUpload
    connection: ConnectionId
    own: OwnUpload | None = None
    """The item of the queue that goes on with it."""
    prefix: str = ""
    """What is not shown of its key: the place that is looked at."""

    @property
    def key(self) -> tuple[object, ...]:
        """What it is known by, whatever else changes."""
        return ("upload", self.connection, self.upload.ref.bucket, self.upload.upload_id)


Row = Heading | ItemRow | UploadRow


def upload_rows(
    found: UploadsFound, connection: ConnectionId, prefix: str, owned: Iterable[OwnUpload], sort: str
) -> list[UploadRow]:
    """The uploads of one place, in an order of `SORTS`."""
    by_ref: dict[tuple[str, str], list[OwnUpload]] = {}
    for own in owned:
        by_ref.setdefault((own.ref.bucket, own.ref.key), []).append(own)
    rows = []
    for upload in found.uploads:
        owners = by_ref.get((upload.ref.bucket, upload.ref.key), ())
        mine = [own for own in owners if own.is_it(upload.ref, upload.upload_id)]
        rows.append(UploadRow(upload, connection, mine[0] if mine else None, prefix))
    if sort == "age":
        rows.sort(key=lambda row: row.upload.initiated)
    elif sort == "bytes":
        rows.sort(key=lambda row: -(row.upload.bytes or 0))
    return rows


def total_words(uploads: Sequence[IncompleteUpload], *, is_listed: bool) -> str:
    """How many there are and what they hold, as far as that is known.

    >>> total_words([], is_listed=True)
    'no incomplete uploads'
    """
    if not uploads:
        return "no incomplete uploads" if is_listed else "looking for incomplete uploads…"
    size = sum(upload.bytes or 0 for upload in uploads)
    unknown = sum(upload.bytes is None for upload in uploads)
    counting = sum(upload.bytes is None and upload.problem is None for upload in uploads)
    words = f"{format.counted(len(uploads), 'upload')}, {at_least(size, unknown)} that are billed"
    if not is_listed:
        return f"{words} · listing more…"
    return f"{words} · counting {counting:,}…" if counting else f"{words} and not visible elsewhere"


def at_least(size: int, unknown: int) -> str:
    """Bytes of several uploads, of which some may not be counted.

    >>> at_least(2048, 0), at_least(2048, 3)
    ('2 KiB', 'at least 2 KiB')
    """
    return f"at least {format.size_long(size)}" if unknown else format.size_long(size)


def upload_pairs(row: UploadRow) -> list[tuple[str, str]]:
    """All that is known of an upload, as names and raw values."""
    upload = row.upload
    pairs = [("Target", str(upload.ref)), ("Upload id", upload.upload_id)]
    pairs.append(("Begun", format.date_long(upload.initiated)))
    if upload.parts is not None and upload.bytes is not None:
        pairs += [("Parts", f"{upload.parts:,}"), ("Bytes", format.size_exact(upload.bytes))]
    if upload.problem is not None:
        pairs.append(("Not counted", str(upload.problem)))
    if row.own is not None:
        pairs.append(("In the queue", f"item {row.own.item} goes on with it: {row.own.state.value}"))
    return [*pairs, ("Reached by", str(row.connection))]
