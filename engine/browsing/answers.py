"""What the browser answers: values that a screen polls by token."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NewType

from engine.errors import Problem
from engine.page import EntryKind, Page

Token = NewType("Token", int)
"""Names one question; never reused within a process."""


@dataclass(frozen=True, slots=True)
class ListingProgress:
    """How far a listing is."""

    pages: tuple[Page, ...]
    """Those after the ones the caller already has."""
    scanned: int
    """Entries seen so far, over all pages."""
    done: bool
    """Nothing more will come."""
    problem: Problem | None = None
    """Why it ended early. What came before it stays true."""


@dataclass(frozen=True, slots=True)
class Answer:
    """How far anything else that was asked is."""

    done: bool
    """`value` or `problem` is final."""
    value: object = None
    """What the asking method of `Browser` says; ``None`` while there is nothing, or if it failed."""
    problem: Problem | None = None
    """Why there is no (whole) answer."""


@dataclass(frozen=True, slots=True)
class CountProgress:
    """What is at and below some places, as far as it was counted."""

    objects: int
    """Objects, or files and links; folders are not counted."""
    bytes: int
    unreadable: int = 0
    """Local folders that could not be looked into; what is in them is missing from the sums."""


@dataclass(frozen=True, slots=True)
class ConnectionTest:
    """An endpoint that answered like S3."""

    seconds: float
    """From the question to the answer, the first connection's handshakes included."""
    buckets: int | None
    """How many there are; ``None`` if they may not be listed, which need not matter."""
    clock_offset: float | None = None
    """Seconds by which the server's clock is ahead of ours; ``None`` where it did not say."""


@dataclass(frozen=True, slots=True)
class Details:
    """All that is known of one file, folder, object, prefix or bucket; empty where unknown or not asked."""

    kind: EntryKind
    size: int = -1
    mtime: float | None = None
    etag: str = ""
    version_id: str = ""
    storage_class: str = ""
    content_type: str = ""
    checksum: str = ""
    """As the server names it: ``CRC32 1a2b3c4d (full object)``."""
    encryption: str = ""
    restore: str = ""
    """State of a restore from a cold storage class, in the server's words; see `restore_words`."""
    parts: int = 0
    """Of which the object was put together; 0 where unknown."""
    region: str = ""
    """Buckets."""
    mode: str = ""
    """Local: ``-rw-r--r--``."""
    owner: str = ""
    """Local: ``user:group``, numbers where there are no names."""
    link_target: str = ""
    """Local: where a symlink leads, as written in it."""
    metadata: tuple[tuple[str, str], ...] = ()
    """Objects: the user's own, by name."""
    more: tuple[tuple[str, str], ...] = ()
    """What else there is, as names and values in words; of what one may not ask, what it takes."""

    def pairs(self) -> list[tuple[str, str]]:
        """What is known beyond name, size and time, as names and raw values, for a list on a screen."""
        known = [
            ("ETag", self.etag),
            ("Checksum", self.checksum),
            ("Version", self.version_id),
            ("Storage class", self.storage_class),
            ("Restore", restore_words(self.restore)),
            ("Content type", self.content_type),
            ("Encryption", self.encryption),
            ("Parts", str(self.parts) if self.parts else ""),
            ("Region", self.region),
            ("Mode", self.mode),
            ("Owner", self.owner),
            ("Leads to", self.link_target),
        ]
        known += [(f"Metadata {name}", value) for name, value in self.metadata]
        known += self.more
        return [(name, value) for name, value in known if value]


def restore_words(told: str) -> str:
    """The state of a restore; what cannot be read stays as the server said it.

    >>> restore_words('ongoing-request="true"')
    'under way; the object cannot be read yet'
    >>> restore_words('ongoing-request="false", expiry-date="Fri, 21 Dec 2012 00:00:00 GMT"')
    'restored: can be read until Fri, 21 Dec 2012 00:00:00 GMT'
    """
    if 'ongoing-request="true"' in told:
        return "under way; the object cannot be read yet"
    until = told.partition('expiry-date="')[2].partition('"')[0]
    return f"restored: can be read until {until}" if until else told
