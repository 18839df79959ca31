"""Deleting: an object, all below a prefix, a file, a folder with all that is in it."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence

from engine.errors import Permanent, TransferError
from engine.jobs.protocol import Begun, Finished, JobContext, Part
from engine.jobs.target import UNSUPPORTED
from engine.local.failures import local_error
from engine.model import LocalRef, ObjectRef, Outcome

_BATCH = 1000
_DEEPEST = 300
"""Folders within folders; each of them is kept open on the way down."""


class DeleteJob:
    """See `jobs.protocol.Job`. What is gone already was deleted.

    What cannot be deleted is counted and the rest goes on; the first failure is told in the end.
    """

    def __init__(self, context: JobContext) -> None:
        self._ctx = context
        self._failed = 0
        self._first: TransferError | None = None
        self._deleted = 0
        self._knows_batches = True
        """Of the server."""

    def begin(self) -> Begun | Finished:
        """See `Job.begin`."""
        return Begun([Part(1, 0, 0)], 0)

    def move(self, part: Part) -> None:
        """See `Job.move`."""
        place = self._ctx.spec.source
        self._failed, self._first = 0, None
        if isinstance(place, LocalRef):
            self._delete_local(place.path)
        elif place.key and not place.key.endswith("/"):
            if self._ctx.connection.control.delete_object(place):
                self._ctx.note("deleted; the bucket keeps its versions")
        else:
            self._delete_prefix(place)
        if self._first is not None:
            raise self._summary(self._first, str(place))
        part.confirmed = True

    def _summary(self, first: TransferError, place: str) -> TransferError:
        """What failed most finally: where trying again helps with some, it would not with the others."""
        if not isinstance(first, Permanent):
            return first
        detail = f"{self._failed:,} could not be deleted; the first: {first}"
        return Permanent(first.code, operation="delete", subject=place, detail=detail)

    def finish(self) -> Finished:
        """See `Job.finish`."""
        place = self._ctx.spec.source
        parent = os.path.dirname(place.path.rstrip("/")) or "/" if isinstance(place, LocalRef) else None
        return Finished(Outcome.DELETED, emptied=parent)

    def _note(self, error: TransferError) -> None:
        self._failed += 1
        if self._first is None or (isinstance(error, Permanent) and not isinstance(self._first, Permanent)):
            self._first = error

    # -- objects -----------------------------------------------------------------------------------

    def _delete_prefix(self, place: ObjectRef) -> None:
        from engine.s3.listing import list_pages

        ctx = self._ctx
        for page in list_pages(ctx.connection, place.bucket, place.key, delimiter=None, token=ctx.token):
            keys = [place.key + name for name in page.names]
            for start in range(0, len(keys), _BATCH):
                ctx.token.check()
                self._delete_keys(place.bucket, keys[start : start + _BATCH])
            ctx.note(f"{self._deleted:,} deleted")

    def _delete_keys(self, bucket: str, keys: Sequence[str]) -> None:
        control = self._ctx.connection.control
        if self._knows_batches:
            try:
                failed = control.delete_objects(bucket, keys)
                self._deleted += len(keys) - len(failed)
                for error in failed.values():
                    self._note(error)
                return
            except Permanent as error:
                if error.code not in UNSUPPORTED:
                    raise
                self._knows_batches = False
        for key in keys:
            self._ctx.token.check()
            try:
                control.delete_object(ObjectRef(bucket, key))
                self._deleted += 1
            except Permanent as error:
                self._note(error)

    # -- files -------------------------------------------------------------------------------------

    def _delete_local(self, path: str) -> None:
        fs, plain = self._ctx.fs, path.rstrip("/")
        folder, name = os.path.split(plain)
        try:
            fd = fs.open(folder or "/", os.O_RDONLY | os.O_DIRECTORY)
        except (FileNotFoundError, NotADirectoryError):
            return
        except OSError as error:
            raise local_error(error, "delete", path) from error
        try:
            self._delete_name(fd, name, plain, 0)
        finally:
            fs.close(fd)

    def _delete_name(self, dir_fd: int, name: str, path: str, depth: int) -> None:
        """One name in an open folder; links are deleted themselves, never what they lead to."""
        fs = self._ctx.fs
        self._ctx.token.check()
        try:
            facts = fs.lstat(name, dir_fd=dir_fd)
            if stat.S_ISDIR(facts.st_mode):
                self._delete_folder(dir_fd, name, path, depth)
            else:
                fs.unlink(name, dir_fd=dir_fd)
            self._deleted += 1
        except FileNotFoundError:
            return
        except OSError as error:
            self._note(local_error(error, "delete", path))

    def _delete_folder(self, dir_fd: int, name: str, path: str, depth: int) -> None:
        fs = self._ctx.fs
        if depth >= _DEEPEST:
            detail = f"more than {_DEEPEST} folders deep"
            self._note(Permanent("disk-error", operation="delete", subject=path, detail=detail))
            return
        fd = fs.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=dir_fd)
        try:
            with fs.scandir(fd) as entries:
                names = [entry.name for entry in entries]
            failed = self._failed
            for child in names:
                self._delete_name(fd, child, f"{path}/{child}", depth + 1)
        finally:
            fs.close(fd)
        if self._failed == failed:
            fs.rmdir(name, dir_fd=dir_fd)

    # -- nothing to do -----------------------------------------------------------------------------

    def remove_source(self) -> None:
        """See `Job.remove_source`."""

    def discard(self) -> None:
        """See `Job.discard`: what is deleted is deleted."""

    def close(self) -> None:
        """See `Job.close`."""
