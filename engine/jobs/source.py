"""The local file of an upload: opened once, read at any offset by several threads."""

from __future__ import annotations

import hashlib
import os
import stat
import threading
import zlib
from collections.abc import Callable, Iterator
from typing import TypeVar

from engine.errors import Interrupted, NeedsAnswer, Permanent
from engine.local.failures import local_error
from engine.local.fsops import FsOps
from engine.local.identity import identity_of, is_identity_of
from engine.model import Facts, SourceIdentity
from engine.pace.cancel import CancelToken
from engine.pace.limiter import Limiter
from engine.s3.wire.body import worker_buffer

T = TypeVar("T")


class SourceFile:
    """An open source file.

    Guarantees:
        Every method is safe from any thread. `_lock` guards `_users` and `_is_closed`; the
        descriptor is given back only when nobody reads through it.

    Raises:
        Permanent: ``source-missing``, ``local-denied``, ``not-a-file``.
    """

    def __init__(self, path: str, fs: FsOps) -> None:
        self.path, self._fs = path, fs
        try:
            # Non-blocking: opening a pipe must not wait for a writer.
            self._fd = fs.open(path, os.O_RDONLY | os.O_NONBLOCK)
        except OSError as error:
            raise local_error(error, "open", path) from error
        self._lock = threading.Lock()
        self._users = 0
        self._is_closed = False
        try:
            facts = fs.fstat(self._fd)
        except OSError as error:
            fs.close(self._fd)
            raise local_error(error, "look at", path) from error
        if not stat.S_ISREG(facts.st_mode):
            fs.close(self._fd)
            raise Permanent("not-a-file", operation="upload", subject=path)
        self.identity: SourceIdentity = identity_of(facts)

    @property
    def size(self) -> int:
        """Bytes, when it was opened."""
        return self.identity.size

    @property
    def facts(self) -> Facts:
        """For a question."""
        return Facts(self.identity.size, self.identity.mtime_ns / 1e9)

    # -- is it still the same? ---------------------------------------------------------------------

    def check(self) -> None:
        """The open file is what it was.

        Raises:
            NeedsAnswer: ``source-changed``.
        """
        self._using(lambda: self._check(self._fs.fstat(self._fd)))

    def check_path(self) -> None:
        """Its name still leads to it, and it is what it was.

        Raises:
            NeedsAnswer: ``source-changed``.
        """
        try:
            facts = self._fs.stat(self.path)
        except (FileNotFoundError, NotADirectoryError):
            raise self.changed("it was moved or removed") from None
        except OSError as error:
            raise local_error(error, "look at", self.path) from error
        self._check(facts)

    def _check(self, facts: os.stat_result) -> None:
        if not is_identity_of(self.identity, facts):
            raise self.changed(f"{self.size} bytes then, {facts.st_size} now")

    def changed(self, detail: str) -> NeedsAnswer:
        """The error to raise."""
        return NeedsAnswer(
            "source-changed", source=self.facts, operation="upload", subject=self.path, detail=detail
        )

    # -- reading -----------------------------------------------------------------------------------

    def crc_of(self, offset: int, length: int, token: CancelToken) -> int:
        """CRC32 of a range."""
        crc = 0
        for piece in self._pieces(offset, length, token):
            crc = zlib.crc32(piece, crc)
        return crc

    def crc_and_md5_of(self, offset: int, length: int, token: CancelToken) -> tuple[int, bytes]:
        """CRC32 and MD5 digest of a range, read once."""
        crc, md5 = 0, hashlib.md5(usedforsecurity=False)
        for piece in self._pieces(offset, length, token):
            crc = zlib.crc32(piece, crc)
            md5.update(piece)
        return crc, md5.digest()

    def whole(self) -> memoryview | None:
        """All of it in this thread's buffer, where it fits; it stays there until the thread next uses that.

        Raises:
            NeedsAnswer: ``source-changed``: it is not what it was when it was opened.
        """
        buffer, size = worker_buffer(), self.identity.size
        if size > len(buffer):
            return None
        piece = buffer[:size]

        def read() -> os.stat_result:
            try:
                count = self._fs.pread_into(self._fd, piece, 0) if size else 0
            except OSError as error:
                raise local_error(error, "read", self.path) from error
            if count < size:
                raise self.changed("it became shorter")
            return self._fs.fstat(self._fd)

        self._check(self._using(read))
        return piece

    def sending(
        self,
        offset: int,
        length: int,
        token: CancelToken,
        limiter: Limiter,
        sent: Callable[[int], None],
        held: memoryview | None = None,
    ) -> Iterator[memoryview]:
        """The range piece by piece, as fast as the limiter lets it; `sent` is told how far it is.

        Args:
            held: The bytes of the range, where they have been read already.
        """
        done = 0
        while done < length:
            token.check()
            buffer = worker_buffer()
            count = limiter.piece(min(len(buffer), length - done))
            limiter.take(count, token)
            if held is None:
                piece = buffer[:count]
                self._read(piece, offset + done)
            else:
                piece = held[done : done + count]
            yield piece
            done += count
            sent(done)

    def _pieces(self, offset: int, length: int, token: CancelToken) -> Iterator[memoryview]:
        done = 0
        while done < length:
            token.check()
            buffer = worker_buffer()
            piece = buffer[: min(len(buffer), length - done)]
            self._read(piece, offset + done)
            yield piece
            done += len(piece)

    def _read(self, piece: memoryview, offset: int) -> None:
        def read() -> int:
            try:
                return self._fs.pread_into(self._fd, piece, offset)
            except OSError as error:
                raise local_error(error, "read", self.path) from error

        if self._using(read) < len(piece):
            raise self.changed("it became shorter")

    def _using(self, call: Callable[[], T]) -> T:
        with self._lock:
            if self._is_closed:
                raise Interrupted("the source is closed")
            self._users += 1
        try:
            return call()
        finally:
            with self._lock:
                self._users -= 1
                if self._is_closed and self._users == 0:
                    self._fs.close(self._fd)

    def close(self) -> None:
        """Idempotent."""
        with self._lock:
            if self._is_closed:
                return
            self._is_closed = True
            if self._users == 0:
                self._fs.close(self._fd)
