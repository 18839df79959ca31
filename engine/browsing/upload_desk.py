"""The questions about multipart uploads that were begun and not ended."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from engine.browsing import uploads
from engine.browsing.answers import Token
from engine.browsing.desk import Desk, Question
from engine.browsing.questions import connection_of
from engine.errors import UsageError
from engine.local.fsops import FsOps
from engine.model import ConnectionId, Location, ObjectRef
from engine.pace.clock import Clock

if TYPE_CHECKING:
    from engine.s3.connection import Connections


class UploadDesk:
    """A part of `Browser`; what is promised there holds here."""

    _connections: Connections
    _fs: FsOps
    _clock: Clock
    _desk: Desk

    def incomplete_uploads(self, location: Location) -> Token:
        """Incomplete uploads to a bucket or below a prefix. Value: `UploadsFound`, growing until done.

        There are servers (MinIO) that list only those of one key, which then has to be the prefix.
        """

        def work(question: Question) -> None:
            place = location.place
            if not isinstance(place, ObjectRef) or not place.bucket:
                raise UsageError("only buckets have incomplete uploads")
            uploads.find(question, place, connection_of(location, self._connections))

        return self._desk.ask(f"list incomplete uploads to {location.place}", work)

    def abort_uploads(
        self,
        connection: ConnectionId,
        given: Sequence[uploads.IncompleteUpload],
        is_in_use: Callable[[ObjectRef, str], bool],
    ) -> Token:
        """Give uploads up, for `TransferManager.abort_uploads`. Value: `AbortProgress`, growing until done."""
        some = tuple(given)
        return self._desk.ask(
            f"abort {len(some)} incomplete uploads",
            lambda question: uploads.abort(question, self._connections.get(connection), some, is_in_use),
        )

    def match_upload(self, location: Location, upload_id: str, path: str) -> Token:
        """Whether an incomplete upload of this object is of that file. Value: `MatchProgress`, growing until done.

        Problems: ``upload-differs``, with what does; what is wrong with the file.
        """

        from engine.browsing.adopting import match

        def work(question: Question) -> None:
            place = location.place
            if not isinstance(place, ObjectRef) or not place.key:
                raise UsageError("only uploads of one object can be compared with a file")
            connection = connection_of(location, self._connections)
            match(question, connection, place, upload_id, path, self._fs, self._clock)

        return self._desk.ask(f"compare the upload with {path}", work)
