"""What the fake browser and the fake queue say of uploads that were not ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from engine import (
    AbortProgress,
    Adoptable,
    Answer,
    ConnectionId,
    IncompleteUpload,
    Location,
    MatchProgress,
    ObjectRef,
    OwnUpload,
    Problem,
    Token,
    TransferId,
    TransferOptions,
    TransferSnapshot,
    UploadsFound,
)


class UploadAnswers:
    """A part of `FakeBrowser`: `uploads`, wherever they are; a `Problem` in `values["uploads"]` fails it."""

    uploads: list[IncompleteUpload]
    uncounted: bool = False
    """Keep the parts back, as while they are being counted."""

    def _ask(self, kind: str, subject: Any, default: Any = None) -> Token:
        raise NotImplementedError

    def incomplete_uploads(self, location: Location) -> Token:
        """Those whose address begins so."""
        place = str(location.place)
        found = [each for each in self.uploads if str(each.ref).startswith(place)]
        if self.uncounted:
            found = [replace(each, parts=None, bytes=None) for each in found]
        return self._ask("uploads", location, UploadsFound(tuple(found), True))

    def match_upload(self, location: Location, upload_id: str, path: str) -> Token:
        """Whatever `values` says."""
        return self._ask("match", (location, upload_id, path), MatchProgress(0, 0))


class UploadCommands:
    """A part of `FakeManager`."""

    browser: Any
    commands: list[tuple[Any, ...]]
    own: tuple[OwnUpload, ...] = ()
    came_back: tuple[TransferId, ...] = ()
    fails_to_abort: Problem | None = None

    def resumed(self, count: int) -> tuple[TransferSnapshot, ...]:
        """The items whose ids `came_back` names."""
        rows = [self._find(id) for id in self.came_back[:count]]
        return tuple(row for row in rows if row is not None)

    def _find(self, id: TransferId) -> TransferSnapshot | None:
        raise NotImplementedError

    def own_uploads(self) -> tuple[OwnUpload, ...]:
        """Whatever `own` says."""
        return self.own

    def adopt(self, found: Adoptable, options: TransferOptions) -> TransferId:
        """Note it."""
        self.commands.append(("adopt", found.path, found.upload_id))
        return TransferId(99)

    def abort_uploads(self, connection: ConnectionId, uploads: Sequence[IncompleteUpload]) -> Token:
        """At once, unless it is to fail."""
        ids = tuple(upload.upload_id for upload in uploads)
        self.commands.append(("abort", connection, ids))
        progress = AbortProgress(len(ids), aborted=ids)
        if self.fails_to_abort is not None:
            progress = AbortProgress(len(ids), failed=tuple((id, self.fails_to_abort) for id in ids))
        else:
            self.browser.uploads = [each for each in self.browser.uploads if each.upload_id not in ids]
        token: Token = self.browser._token(Answer(True, progress, None))
        return token


def upload(address: str, begun: float, parts: int, size: int) -> IncompleteUpload:
    """One of them, by its ``s3://`` address."""
    bucket, _, key = address.removeprefix("s3://").partition("/")
    return IncompleteUpload(ObjectRef(bucket, key), f"id of {key}", begun, parts, size)
