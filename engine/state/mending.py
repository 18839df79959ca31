"""What is done to a folder before it is used: damaged files are kept aside, old formats become new."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable

from engine.local.fsops import FsOps
from engine.state.frames import FORMAT, Texts
from engine.state.loading import PREVIOUS, SNAPSHOT, LoadedState, list_names, read_file

log = logging.getLogger(__name__)

MIGRATIONS: dict[int, Callable[[Texts], None]] = {}
"""By format: what makes tables of that format tables of the next one, in place."""


def keep_copies(state: LoadedState, dir_fd: int, fs: FsOps, now: float) -> None:
    """A second name for every damaged file, so that nothing which was in it goes away.

    Raises:
        OSError: It cannot be kept; then nothing may be changed.
    """
    for name in state.damaged:
        kept = f"{name}.corrupt-{int(now)}"
        _copy(name, kept, dir_fd, fs)
        state.notices.append(f"the damaged file is kept as {kept}")
    for notice in state.notices:
        log.warning("%s", notice)


def migrate(state: LoadedState, dir_fd: int, fs: FsOps) -> None:
    """Bring tables of an older format up to this one, after its files were backed up.

    Raises:
        OSError: They cannot be backed up.
    """
    if state.format >= FORMAT:
        return
    names = list_names(dir_fd, fs)
    segments = [name for _, name in state.segments]
    for name in [name for name in (SNAPSHOT, PREVIOUS) if name in names] + segments:
        _copy(name, f"{name}.v{state.format}.bak", dir_fd, fs)
    for number in range(state.format, FORMAT):
        MIGRATIONS[number](state.tables)
    state.format = FORMAT
    state.needs_rewrite = True


def _copy(name: str, kept: str, dir_fd: int, fs: FsOps) -> None:
    try:
        fs.link(name, kept, src_dir_fd=dir_fd, dst_dir_fd=dir_fd)
    except FileExistsError:
        return
    except OSError:
        # A file system without hard links.
        data = read_file(dir_fd, name, fs)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        fd = fs.open(kept, flags, 0o600, dir_fd=dir_fd)
        try:
            fs.pwrite(fd, data, 0)
            fs.fsync(fd)
        finally:
            fs.close(fd)
