"""The small changes panes ask for: a new folder, a new name. Nothing is ever replaced."""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING

from engine.browsing.questions import connection_of
from engine.errors import NeedsAnswer, Permanent, UsageError
from engine.local.failures import local_error
from engine.local.fsops import FsOps
from engine.local.safepath import check_name, path_to_key
from engine.lookup import look_at
from engine.model import GIB, LocalRef, Location, ObjectRef, TransferOptions
from engine.pace.cancel import CancelToken

if TYPE_CHECKING:
    from engine.s3.connection import Connection, Connections
    from engine.s3.facts import ObjectFacts

MOST_COPIED_AT_ONCE = 5 * GIB
"""S3's limit on CopyObject."""

_NOT_IN_ONE_STEP = (errno.ENOTSUP, errno.EOPNOTSUPP)


# -- new folders -----------------------------------------------------------------------------------


def make_folder(location: Location, connections: Connections, fs: FsOps, token: CancelToken) -> Location:
    """Make one folder, one marker object, or one bucket.

    Raises:
        NeedsAnswer: ``target-exists``.
        Permanent: ``read-only``, a name that cannot be.
        TransferError: What disk or server say.
    """
    place = location.place
    if isinstance(place, LocalRef):
        _make_local(place.path.rstrip("/"), fs)
        return location
    connection = _writable(location, connections)
    if not place.bucket:
        raise UsageError("a bucket needs a name")
    if not place.key:
        connection.control.make_bucket(place.bucket)
        return location
    marker = ObjectRef(place.bucket, path_to_key((place.key,), folder=True))
    if look_at(connection, marker, token) is not None:
        raise _taken("make", str(marker))
    connection.control.put_marker(marker.bucket, marker.key)
    return Location(marker, location.connection)


def _make_local(path: str, fs: FsOps) -> None:
    check_name(os.path.basename(path), path, utf8=False)
    try:
        fs.mkdir(path)
    except FileExistsError as error:
        raise _taken("make", path) from error
    except OSError as error:
        raise local_error(error, "make", path, writing=True) from error


def _writable(location: Location, connections: Connections) -> Connection:
    connection = connection_of(location, connections)
    if connection.profile.read_only:
        raise Permanent("read-only", operation="change", subject=str(location.place))
    return connection


def _taken(operation: str, subject: str) -> NeedsAnswer:
    return NeedsAnswer("target-exists", operation=operation, subject=subject)


# -- new names -------------------------------------------------------------------------------------


def rename(location: Location, new_name: str, connections: Connections, fs: FsOps) -> Location:
    """Give a file, a folder or one object another name in the same place.

    Raises:
        NeedsAnswer: ``target-exists``.
        Permanent: ``read-only``, ``use-queue``, a name that cannot be, a copy that differs.
        TransferError: What disk or server say.
    """
    place = location.place
    if isinstance(place, LocalRef):
        return Location(LocalRef(_rename_local(place.path, new_name, fs)))
    if not place.key:
        raise UsageError("buckets cannot be renamed")
    connection = _writable(location, connections)
    return Location(_rename_object(connection, place, new_name), location.connection)


def _rename_local(path: str, new_name: str, fs: FsOps) -> str:
    plain = path.rstrip("/")
    folder, old_name = os.path.split(plain)
    check_name(new_name, new_name, utf8=False)
    if new_name == old_name or not old_name:
        return path
    new = os.path.join(folder, new_name)
    try:
        fd = fs.open(folder or "/", os.O_RDONLY | os.O_DIRECTORY)
        try:
            _rename_in(fd, old_name, new_name, fs)
        finally:
            fs.close(fd)
    except FileExistsError as error:
        raise _taken("rename to", new) from error
    except OSError as error:
        raise local_error(error, "rename", path, writing=True) from error
    return new + ("/" if path.endswith("/") else "")


def _rename_in(fd: int, old: str, new: str, fs: FsOps) -> None:
    try:
        fs.rename_exclusive(old, new, src_dir_fd=fd, dst_dir_fd=fd)
        return
    except FileExistsError:
        # Where case does not matter, "a" to "A" meets itself.
        if old.casefold() != new.casefold() or not _is_same(fd, old, new, fs):
            raise
    except OSError as error:
        if error.errno not in _NOT_IN_ONE_STEP:
            raise
        _rename_in_two_steps(fd, old, new, fs)
        return
    fs.rename(old, new, src_dir_fd=fd, dst_dir_fd=fd)


def _rename_in_two_steps(fd: int, old: str, new: str, fs: FsOps) -> None:
    if not stat.S_ISDIR(fs.lstat(old, dir_fd=fd).st_mode):
        try:
            fs.link(old, new, src_dir_fd=fd, dst_dir_fd=fd)
        except FileExistsError:
            raise
        except OSError:
            pass  # No hard links here: look, then do it, is what is left.
        else:
            fs.unlink(old, dir_fd=fd)
            return
    try:
        fs.lstat(new, dir_fd=fd)
    except FileNotFoundError:
        fs.rename(old, new, src_dir_fd=fd, dst_dir_fd=fd)
        return
    raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))


def _is_same(fd: int, one: str, other: str, fs: FsOps) -> bool:
    return os.path.samestat(fs.lstat(one, dir_fd=fd), fs.lstat(other, dir_fd=fd))


def _rename_object(connection: Connection, old: ObjectRef, new_name: str) -> ObjectRef:
    if old.key.endswith("/"):
        raise _for_the_queue(old, "a prefix is many objects")
    if not new_name or "/" in new_name:
        raise Permanent("unsafe-name", operation="rename to", subject=new_name)
    above = old.key[: old.key.rfind("/") + 1]
    new = ObjectRef(old.bucket, path_to_key((new_name,), above))
    if new.key == old.key:
        return old
    control = connection.control
    before = control.head(old)
    if before.size > MOST_COPIED_AT_ONCE:
        raise _for_the_queue(old, "an object above 5 GiB is copied in parts")
    if _exists(connection, new):
        raise _taken("rename to", str(new))
    control.copy_object(old, new, if_match=before.etag, options=TransferOptions())
    _compare(before, control.head(new), new)
    if control.head(old).etag != before.etag:
        raise Permanent("precondition", operation="rename", subject=str(old), detail="it changed meanwhile")
    control.delete_object(ObjectRef(old.bucket, old.key))
    return new


def _for_the_queue(ref: ObjectRef, why: str) -> Permanent:
    return Permanent("use-queue", operation="rename", subject=str(ref), detail=why)


def _exists(connection: Connection, ref: ObjectRef) -> bool:
    return look_at(connection, ref, CancelToken()) is not None


def _compare(before: ObjectFacts, after: ObjectFacts, new: ObjectRef) -> None:
    """The copy is what was copied, as far as the server lets one know.

    ETags of multipart objects change when they are copied in one piece, and checksums may be missing.
    """
    same = before.size == after.size
    if before.crc32 is not None and after.crc32 is not None and before.checksum_type == after.checksum_type:
        same = same and before.crc32 == after.crc32
    elif "-" not in before.etag and "-" not in after.etag and not (before.sse or after.sse):
        same = same and before.etag == after.etag
    if not same:
        raise Permanent("checksum-mismatch", operation="rename to", subject=str(new))
