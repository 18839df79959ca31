"""What a scripted S3 server does otherwise than S3 does."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from typing import Literal


@dataclass(slots=True)
class Refusal:
    """An error instead of an answer. Counts under the store's lock."""

    code: str
    status: int
    operation: str | None = None
    """As AWS names it, ``UploadPart``; ``None`` for all."""
    key: str | None = None
    nth: Container[int] | None = None
    """Which of the fitting requests, from 1; ``None`` for all."""
    times: int | None = None
    """How often at most."""
    headers: Mapping[str, str] = field(default_factory=dict)
    fitted: int = 0
    fired: int = 0

    def strikes(self, operation: str, key: str) -> bool:
        if self.operation not in (None, operation) or self.key not in (None, key):
            return False
        self.fitted += 1
        if self.nth is not None and self.fitted not in self.nth:
            return False
        if self.times is not None and self.fired >= self.times:
            return False
        self.fired += 1
        return True


@dataclass(slots=True)
class Switches:
    """All off is S3 as it is. The test sets, the server's threads read, each value by itself."""

    needs_authorization: bool = True
    """Requests without an Authorization header or a presigned query are refused with 403."""
    page_size: int = 1000
    """Most keys, parts or uploads in one page."""
    min_part_size: int = 0
    """Complete refuses smaller parts (but the last) with EntityTooSmall; S3 has 5 MiB."""
    clock_ahead: float = 0.0
    """Seconds by which Date headers are ahead."""
    versioned: bool = False

    forgotten_parts: set[int] = field(default_factory=set)
    """Part numbers that ListParts leaves out."""
    complete_errors: list[str] = field(default_factory=list)
    """Codes of <Error> bodies that the next Completes answer with status 200; used up one by one, nothing completes."""
    endless_listing: Literal["", "same", "new"] = ""
    """Every page of objects has a further one: with the same continuation token for ever, or a new one each time."""
    archived: dict[str, str] = field(default_factory=dict)
    """Keys that are in an archive, with the x-amz-restore header that HEAD shows, or "". They cannot be read (403
    InvalidObjectState) unless that says ``ongoing-request="false"``."""
    refuses_checksums: bool = False
    """400 on any x-amz-checksum-… or x-amz-sdk-checksum-algorithm header."""
    refuses_checksum_type: bool = False
    """400 on x-amz-checksum-type."""
    keeps_no_checksums: bool = False
    """Takes checksum headers without a look, and shows none."""
    ignores_conditions: bool = False
    """If-Match and If-None-Match, everywhere, also those for the source of a copy."""
    ignores_ranges: bool = False
    """A GET answers 200 with the whole object."""
    recases_metadata: bool = False
    """``x-amz-meta-mtime`` comes back as ``X-Amz-Meta-Mtime``."""
    odd_etags: bool = False
    """ETags that are no MD5."""
    undeletable: set[str] = field(default_factory=set)
    """Keys for which DeleteObjects reports AccessDenied."""
    redirect_to: str = ""
    """Answer everything with a redirect to this server."""
    redirect_status: int = 307
