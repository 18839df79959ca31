"""Incomplete multipart uploads: what is kept of them on the server and billed, and giving them up."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

from engine.errors import EngineError, Permanent, Problem, Retryable, TransferError, explain
from engine.model import ObjectRef
from engine.pace.cancel import CancelToken
from engine.pace.hands import Hands

if TYPE_CHECKING:
    from engine.browsing.desk import Question
    from engine.s3.connection import Connection
    from engine.s3.facts import OpenUpload

T = TypeVar("T")

HANDS = 4
"""Uploads whose parts are counted, or that are aborted, at a time."""

_TRIES = 3
_PAUSE = 0.5
"""Seconds before the second try of a question that failed for a passing reason; then twice that."""

_HOPELESS = 8
"""So many denials without one answer: these credentials may not list parts, and nobody is asked any more."""

_GONE = ("upload-gone", "no-such-key")


@dataclass(frozen=True, slots=True)
class IncompleteUpload:
    """One upload that was begun and neither completed nor aborted."""

    ref: ObjectRef
    """The object that it would become."""
    upload_id: str
    initiated: float
    """Seconds since the epoch, by the server's clock; 0.0 where it did not say."""
    parts: int | None = None
    """``None`` while they are not counted."""
    bytes: int | None = None
    """What its parts hold; ``None`` while they are not counted."""
    problem: Problem | None = None
    """Why its parts cannot be counted."""


@dataclass(frozen=True, slots=True)
class UploadsFound:
    """The incomplete uploads of one place, as far as they are known."""

    uploads: tuple[IncompleteUpload, ...] = ()
    """In the order of the server's list: by key, then by time."""
    is_listed: bool = False
    """There are no others."""

    @property
    def bytes(self) -> int:
        """What is known to be kept."""
        return sum(upload.bytes or 0 for upload in self.uploads)

    @property
    def uncounted(self) -> int:
        """Uploads whose parts are not counted, yet or ever."""
        return sum(upload.bytes is None for upload in self.uploads)


@dataclass(frozen=True, slots=True)
class AbortProgress:
    """How far the giving up of some uploads is."""

    total: int
    aborted: tuple[str, ...] = ()
    """Ids of the uploads of which the server has nothing any more."""
    spared: tuple[str, ...] = ()
    """Ids of those that are left as they are because an item of the queue goes on with them."""
    failed: tuple[tuple[str, Problem], ...] = ()
    """Ids of those that are still there, with why."""

    @property
    def done(self) -> int:
        """How many it is known of what has become of them."""
        return len(self.aborted) + len(self.spared) + len(self.failed)


# -- finding ---------------------------------------------------------------------------------------


def find(question: Question, place: ObjectRef, connection: Connection) -> None:
    """Show the incomplete uploads below a place as they are listed, and their parts as they are counted.

    Raises:
        TransferError: They cannot be listed; ``access-denied`` names the permission.
        Interrupted: Nobody waits for it any more.
    """
    finding = _Finding(connection, question.cancel)
    hands = Hands(finding.count, question.cancel, HANDS)
    for page in connection.control.upload_pages(place.bucket, place.key):
        question.cancel.check()
        hands.take(finding.add(place.bucket, page))
        question.show(finding.picture(is_listed=False))
    for _ in hands.finish():
        question.show(finding.picture(is_listed=True))
    question.show(finding.picture(is_listed=True))


class _Finding:
    """What was found so far; `_lock` guards all of it. `count` is called on several threads."""

    def __init__(self, connection: Connection, token: CancelToken) -> None:
        self._control, self._token = connection.control, token
        self._payer = connection.profile.request_payer
        self._lock = threading.Lock()
        self._uploads: dict[tuple[str, str], IncompleteUpload] = {}
        self._picture: UploadsFound | None = None
        self._has_counted = False
        self._denied: list[Problem] = []

    def add(self, bucket: str, page: Sequence[OpenUpload]) -> list[IncompleteUpload]:
        """Take in a page; those of it that are new."""
        fresh = []
        with self._lock:
            for each in page:
                if (each.key, each.upload_id) not in self._uploads:
                    upload = IncompleteUpload(ObjectRef(bucket, each.key), each.upload_id, each.initiated)
                    self._uploads[each.key, each.upload_id] = upload
                    fresh.append(upload)
            self._picture = None
        return fresh

    def picture(self, *, is_listed: bool) -> UploadsFound:
        """As it stands; the same value while nothing changes."""
        with self._lock:
            if self._picture is None or self._picture.is_listed != is_listed:
                self._picture = UploadsFound(tuple(self._uploads.values()), is_listed)
            return self._picture

    def count(self, upload: IncompleteUpload) -> None:
        """Look what the server has of one; forget it if it is gone."""
        with self._lock:
            hopeless = self._denied[-1] if len(self._denied) >= _HOPELESS and not self._has_counted else None
        if hopeless is not None:
            self._replace(upload, replace(upload, problem=hopeless))
            return
        try:
            parts = patiently(
                lambda: self._control.list_parts(upload.ref, upload.upload_id, request_payer=self._payer),
                self._token,
            )
        except TransferError as error:
            if error.code in _GONE:
                self._replace(upload, None)
                return
            problem = explain(error)
            with self._lock:
                self._denied.append(problem)
            self._replace(upload, replace(upload, problem=problem))
            return
        with self._lock:
            self._has_counted = True
        size = sum(max(part.size, 0) for part in parts)
        self._replace(upload, replace(upload, parts=len(parts), bytes=size))

    def _replace(self, upload: IncompleteUpload, now: IncompleteUpload | None) -> None:
        key = (upload.ref.key, upload.upload_id)
        with self._lock:
            if now is None:
                self._uploads.pop(key, None)
            else:
                self._uploads[key] = now
            self._picture = None


def patiently(ask: Callable[[], T], token: CancelToken) -> T:
    """What `ask` returns; asked again a few times where it fails for a passing reason.

    Raises:
        TransferError: What it says at last.
        Interrupted: `token` was cancelled.
    """
    for tried in range(1, _TRIES):
        token.check()
        try:
            return ask()
        except Retryable as error:
            if error.code in _GONE:
                raise
            token.wait(_PAUSE * tried)
    token.check()
    return ask()


# -- giving up -------------------------------------------------------------------------------------


def abort(
    question: Question,
    connection: Connection,
    uploads: Sequence[IncompleteUpload],
    is_in_use: Callable[[ObjectRef, str], bool],
) -> None:
    """Abort these until the server has nothing of them any more, showing how far it is.

    Args:
        is_in_use: An item of the queue goes on with it: asked right before each abort.

    Raises:
        Permanent: ``read-only``: the profile must not change anything.
        Interrupted: Nobody waits for it any more; some are aborted.
    """
    if connection.profile.read_only:
        raise Permanent("read-only", operation="abort uploads of", subject=f"s3://{uploads[0].ref.bucket}/")
    aborting = _Aborting(connection, uploads, is_in_use, question.cancel)
    hands = Hands(aborting.abort, question.cancel, HANDS)
    hands.take(uploads)
    for _ in hands.finish():
        question.show(aborting.progress)
    question.show(aborting.progress)


class _Aborting:
    """What has become of some uploads; `_lock` guards `progress`. `abort` is called on several threads."""

    def __init__(
        self,
        connection: Connection,
        uploads: Sequence[IncompleteUpload],
        is_in_use: Callable[[ObjectRef, str], bool],
        token: CancelToken,
    ) -> None:
        self._control, self._is_in_use, self._token = connection.control, is_in_use, token
        self._payer = connection.profile.request_payer
        self._lock = threading.Lock()
        self.progress = AbortProgress(len(uploads))

    def abort(self, upload: IncompleteUpload) -> None:
        """One of them."""
        ref, id = upload.ref, upload.upload_id
        if self._is_in_use(ref, id):
            self._add(spared=(id,))
            return
        try:
            patiently(
                lambda: self._control.abort_multipart(ref, id, request_payer=self._payer),
                self._token,
            )
        except EngineError as error:
            self._token.check()
            self._add(failed=((id, explain(error)),))
        else:
            self._add(aborted=(id,))

    def _add(
        self,
        aborted: tuple[str, ...] = (),
        spared: tuple[str, ...] = (),
        failed: tuple[tuple[str, Problem], ...] = (),
    ) -> None:
        with self._lock:
            now = self.progress
            self.progress = replace(
                now,
                aborted=now.aborted + aborted,
                spared=now.spared + spared,
                failed=now.failed + failed,
            )
