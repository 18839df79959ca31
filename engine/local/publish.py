"""Putting a finished download in its place: absent, the old file, or the complete new one, never else."""

from __future__ import annotations

import errno
import logging
import os
import stat
import threading
from fractions import Fraction

from engine.errors import NeedsAnswer, Permanent
from engine.local.failures import local_error
from engine.local.folders import FolderHandle
from engine.local.partfile import ContentKey, PartFile, content_key
from engine.local.safepath import MAX_NAME_BYTES
from engine.model import Facts

log = logging.getLogger(__name__)

_NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)
"""How a file system without hard links (FAT, some network ones) answers."""

_TRIES = 10_000

_FAR_OFF = 2.0**33
"""Seconds from 1970, in the year 2242: beyond are mistakes, and what some file systems wrap around."""


class StagedFile:
    """A complete and verified part file on its way to its final name.

    The steps are `prepare`, `sync`, `publish`, `sync_folder`, `close`, each for a whole group of files before
    the next. Each step may be repeated. Owned by one thread at a time.

    Args:
        part: Taken over; closed with this.
        name: The final name in the part file's target folder.
        mtime: To be set, in seconds since the epoch; ``None`` leaves the time of writing.
        mtime_ns: The same in nanoseconds.
        replace: Put it in the place of what has that name; else refuse if the name is taken.
        source: For the question that asks what to do then.
    """

    def __init__(
        self,
        part: PartFile,
        *,
        name: str | None = None,
        mtime: float | Fraction | None = None,
        mtime_ns: int | None = None,
        replace: bool,
        source: Facts | None = None,
    ) -> None:
        self._part = part
        self._name = name or part.target_name
        # What a server says is its time may be anything; a file without it is still a good file.
        if mtime is not None and -_FAR_OFF < mtime < _FAR_OFF:
            mtime_ns = round(mtime * 10**9)
        self._mtime_ns, self._replace, self._source = mtime_ns, replace, source
        self._folder = part.folder.again()
        self._home = part.home.again()
        self._content_key: ContentKey | None = None
        """Of the part file once it is synced: by this it is known again."""
        self._is_prepared = False

    @property
    def path(self) -> str:
        """Where it will be."""
        return os.path.join(self._folder.path, self._name)

    @property
    def folder_key(self) -> tuple[int, int]:
        """Equal for all files of one folder: after a group, `sync_folder` of one of them is enough."""
        return self._folder.key

    def prepare(self, mode: int | None = None) -> None:
        """Set time and permissions; from here on the data is on its way to the disk.

        Permissions are what any new file gets, never what a server says.

        Args:
            mode: See `new_file_mode`, for many files.

        Raises:
            TransferError: What the system refused.
        """
        if self._is_prepared:
            return
        fs = self._folder.fs
        try:
            with self._part.using() as fd:
                self._set_time(fd)
                fs.fchmod(fd, new_file_mode() if mode is None else mode)
                fs.start_writing(fd)
        except OSError as error:
            raise self._failed(error, "sync", self._part.path) from error
        self._is_prepared = True

    def sync(self) -> None:
        """Return when the data, the time and the permissions would survive a power cut.

        Raises:
            TransferError: What the system refused.
        """
        if self._content_key is not None:
            return
        self.prepare()
        fs = self._folder.fs
        try:
            with self._part.using() as fd:
                fs.fsync(fd)
                self._content_key = content_key(fs.fstat(fd))
        except OSError as error:
            raise self._failed(error, "sync", self._part.path) from error
        # A group holds hundreds of these, and the usual limit is 1,024 descriptors.
        self._part.release()

    def publish(self) -> str:
        """Give it its final name, in one step; return the final path. Synced first if it was not.

        Raises:
            NeedsAnswer: ``target-exists``, with its facts: the name is taken and nothing may be
                replaced. The part file stays.
            TransferError: What the system refused, a folder with that name, or a part file that
                is gone.
        """
        self.sync()
        part, name, fs = self._part.name, self._name, self._folder.fs
        src, dst = self._home.fd, self._folder.fd
        try:
            if not self._part_is_in_place():
                return self._already_published()
            if self._replace:
                fs.rename(part, name, src_dir_fd=src, dst_dir_fd=dst)
                return self.path
            try:
                fs.link(part, name, src_dir_fd=src, dst_dir_fd=dst)
            except FileExistsError:
                if not self._is_this(dst, name):
                    raise
            except OSError as error:
                if error.errno not in _NO_LINKS:
                    raise
                self._publish_without_links()
                return self.path
            fs.unlink(part, dir_fd=src)
        except FileExistsError as error:
            raise self._is_taken() from error
        except OSError as error:
            raise self._failed(error, "publish", self.path) from error
        return self.path

    def sync_folder(self) -> None:
        """Return when the name would survive a power cut, for every file published there so far.

        Raises:
            TransferError: ``disk-error`` and its like.
        """
        self._folder.sync()

    def close(self) -> None:
        """Let go; an unpublished part file stays on disk. Idempotent."""
        self._part.close()
        self._folder.close()
        self._home.close()

    def _set_time(self, fd: int) -> None:
        if self._mtime_ns is None:
            return
        try:
            self._folder.fs.utime(fd, (self._mtime_ns, self._mtime_ns))
        except OSError as error:
            log.info("the time of a file was not kept: %s", error.strerror)

    def _publish_without_links(self) -> None:
        part, name, fs = self._part.name, self._name, self._folder.fs
        src, dst = self._home.fd, self._folder.fd
        try:
            fs.rename_exclusive(part, name, src_dir_fd=src, dst_dir_fd=dst)
        except OSError as error:
            if error.errno not in (errno.ENOTSUP, errno.EOPNOTSUPP):
                raise
            # Neither is to be had here: what is left is to look and then do it.
            try:
                fs.lstat(name, dir_fd=dst)
            except FileNotFoundError:
                fs.rename(part, name, src_dir_fd=src, dst_dir_fd=dst)
                return
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST)) from error

    def _part_is_in_place(self) -> bool:
        """What would be published is the file that was written, and not another under its name."""
        return self._is_this(self._home.fd, self._part.name)

    def _is_this(self, dir_fd: int, name: str) -> bool:
        try:
            facts = self._folder.fs.lstat(name, dir_fd=dir_fd)
        except FileNotFoundError:
            return False
        return content_key(facts) == self._content_key

    def _already_published(self) -> str:
        if self._is_this(self._folder.fd, self._name):
            return self.path
        raise Permanent(
            "part-file-gone",
            operation="publish",
            subject=self.path,
            detail=f"{self._part.path} is gone or replaced",
        )

    def _is_taken(self) -> NeedsAnswer | Permanent:
        size, mtime = -1, None
        try:
            facts = self._folder.fs.lstat(self._name, dir_fd=self._folder.fd)
        except OSError:
            facts = None  # Gone again; the answer will find that out.
        if facts is not None:
            if stat.S_ISDIR(facts.st_mode):
                detail = "a folder has that name"
                return Permanent("target-folder", operation="publish", subject=self.path, detail=detail)
            size, mtime = facts.st_size, facts.st_mtime
        return NeedsAnswer(
            "target-exists",
            source=self._source,
            target=Facts(size, mtime),
            operation="publish",
            subject=self.path,
        )

    def _failed(self, error: OSError, operation: str, path: str) -> Exception:
        return local_error(error, operation, path, writing=True, device=self._folder.device)


def free_name(folder: FolderHandle, name: str) -> str:
    """The first of ``name (2).ext``, ``name (3).ext`` … that nothing in `folder` has.

    Raises:
        TransferError: ``name-collision`` if thousands are taken, or the system's refusal.
    """
    for number in range(2, _TRIES):
        candidate = numbered(name, number)
        try:
            folder.fs.lstat(candidate, dir_fd=folder.fd)
        except FileNotFoundError:
            return candidate
        except OSError as error:
            raise local_error(error, "look at", os.path.join(folder.path, candidate), writing=True) from error
    raise Permanent("name-collision", operation="name", subject=os.path.join(folder.path, name))


def numbered(name: str, number: int) -> str:
    """`name` with a number before its extension, cut so that it stays a possible file name.

    >>> numbered("dump.tar.gz", 2), numbered(".profile", 3), numbered("README", 2)
    ('dump (2).tar.gz', '.profile (3)', 'README (2)')
    """
    stem, extension = os.path.splitext(name)
    if stem.endswith(".tar") and stem != ".tar":
        stem, extension = stem[:-4], ".tar" + extension
    if len(os.fsencode(extension)) > MAX_NAME_BYTES // 2:
        stem, extension = name, ""
    tail = f" ({number}){extension}"
    room = MAX_NAME_BYTES - len(os.fsencode(tail))
    while len(os.fsencode(stem)) > room:
        stem = stem[:-1]
    return stem + tail


_umask_lock = threading.Lock()


def new_file_mode() -> int:
    """The permissions that any new file gets now."""
    return 0o666 & ~current_umask()


def current_umask() -> int:
    """The process's umask, without changing it where the system tells (Linux)."""
    try:
        with open("/proc/self/status", encoding="ascii", errors="replace") as status:
            for line in status:
                if line.startswith("Umask:"):
                    return int(line.split()[1], 8)
    except (OSError, ValueError):
        pass
    # Only by setting it can it be read. Until it is set back new files are private: the safe side.
    with _umask_lock:
        mask = os.umask(0o077)
        os.umask(mask)
    return mask
